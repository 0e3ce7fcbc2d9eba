"""`interpolate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrender.compat.nvdiffrast.torch.arguments import in_batch, triangles, visibility
from unrender.errors import InputError
from unrender.render import validate
from unrender.render.kernels import packed_interpolate
from unrender.render.torch_bridge import float_tensor, function, numpy_of, threads


def _plain(
    attr: Tensor, rast: Tensor, slopes: Tensor, faces: Tensor, chosen: Tensor
) -> tuple[Tensor, Tensor]:
    out, changes = packed_interpolate.forward(
        numpy_of(attr), numpy_of(faces), numpy_of(rast), numpy_of(slopes), numpy_of(chosen), threads()
    )
    return torch.from_numpy(out), torch.from_numpy(changes)


def _setup(ctx: Any, inputs: Any, output: Any) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx: Any, grad: Tensor, grad_changes: Tensor) -> tuple[Any, ...]:
    attr, rast, slopes, faces, chosen = map(numpy_of, ctx.saved_tensors)
    grads = (numpy_of(grad), numpy_of(grad_changes))
    results = packed_interpolate.vjp(attr, faces, rast, slopes, chosen, grads, threads())
    return *(torch.from_numpy(result) for result in results), None, None


_interpolate = function(_plain, _setup, _backward)


def interpolate(
    attr: Tensor,
    rast: Tensor,
    tri: Tensor,
    rast_db: Tensor | None = None,
    diff_attrs: str | Sequence[int] | None = None,
) -> tuple[Tensor, Tensor]:
    """Vertex attributes at the pixels.

    Args:
        attr: [V, A] or [B or 1, V, A], float32 or float64.
        rast: first result of `rasterize`.
        tri: int32 (or int64) [T, 3], rows of `attr`; its own index of attributes may differ from positions'.
        rast_db: second result of `rasterize`; with `diff_attrs`.
        diff_attrs: numbers of the attributes whose derivatives are wanted, or "all".

    Returns:
        [B, H, W, A], 0 where nothing is, and [B, H, W, 2 K] (dA/dX, dA/dY of each chosen attribute; K = 0
        without `rast_db` and `diff_attrs`). Gradients go to `attr`, `rast` and `rast_db`.

    Raises:
        InputError: an argument is not as described.
    """
    attr = float_tensor("attr", attr)
    if attr.ndim not in (2, 3):
        raise InputError(f"attr: expected [V, A] or [B, V, A], got {list(attr.shape)}")
    attr = attr[None] if attr.ndim == 2 else attr
    table = triangles(tri, attr.shape[1], "attr")
    rast = visibility(rast, attr, table.shape[0])
    in_batch("attr", attr, rast.shape[0])
    numbers: Sequence[int] = []
    if diff_attrs is not None and rast_db is None:
        raise InputError("rast_db: needed with diff_attrs; it is the second result of rasterize")
    if rast_db is None or diff_attrs is None:
        slopes = rast.new_zeros((*rast.shape[:3], 0))
    else:
        slopes = float_tensor("rast_db", rast_db, attr)
        validate.shape("rast_db", slopes, tuple(rast.shape))
        numbers = range(attr.shape[2]) if isinstance(diff_attrs, str) else diff_attrs
        if isinstance(diff_attrs, str) and diff_attrs != "all":
            raise InputError(f"diff_attrs: expected 'all' or a list of numbers, got {diff_attrs!r}")
        if any(not 0 <= int(number) < attr.shape[2] for number in numbers):
            raise InputError(f"diff_attrs: expected numbers from 0 to {attr.shape[2] - 1}, got {numbers!r}")
    chosen = torch.from_numpy(np.array(list(numbers), np.int32))
    return _interpolate(attr, rast, slopes, table, chosen)
