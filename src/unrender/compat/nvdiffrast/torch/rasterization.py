"""`rasterize` and `DepthPeeler`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrender.compat.nvdiffrast.torch.arguments import positions, triangles
from unrender.compat.nvdiffrast.torch.context import RasterizeCudaContext, RasterizeGLContext
from unrender.errors import InputError
from unrender.render import validate
from unrender.render.kernels import packed, peel
from unrender.render.kernels import rasterize as rasterize_kernel
from unrender.render.torch_bridge import function, numpy_of, threads

Visible = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""From clip positions, faces and an image's number (-1: all) to face indices [B, H, W], bottom-up."""


def _nearest(size: tuple[int, int]) -> Visible:
    def look(clip: np.ndarray, faces: np.ndarray, image: int) -> np.ndarray:
        upside_down = clip * np.array([1, -1, 1, 1], clip.dtype)
        return rasterize_kernel.forward(upside_down, faces, *size, 0, False, threads())[0]

    return look


def _find(clip: np.ndarray, faces: np.ndarray, ranges: np.ndarray | None, look: Visible) -> np.ndarray:
    """Face indices [B, H, W] of all images: one mesh seen from each, or the range of it each has."""
    if ranges is None:
        return look(clip, faces, -1)
    found = []
    for image, (start, count) in enumerate(ranges.tolist()):
        index = look(clip, faces[start : start + count], image)
        index[index >= 0] += start
        found.append(index)
    return np.concatenate(found)


def _plain(
    clip: Tensor, faces: Tensor, ranges: np.ndarray | None, look: Visible, output_db: bool, grad_db: bool
) -> tuple[Tensor, Tensor]:
    points, table = numpy_of(clip), numpy_of(faces)
    index = _find(points, table, ranges, look)
    out, slopes = packed.forward(points, table, index, output_db, threads())
    return torch.from_numpy(out), torch.from_numpy(slopes)


def _setup(ctx: Any, inputs: Any, output: Any) -> None:
    clip, faces, _, _, _, ctx.grad_db = inputs
    if not ctx.grad_db:
        ctx.mark_non_differentiable(output[1])
    ctx.save_for_backward(clip, faces, output[0])


def _backward(ctx: Any, grad: Tensor, grad_slopes: Tensor) -> tuple[Any, ...]:
    clip, faces, out = map(numpy_of, ctx.saved_tensors)
    slopes = numpy_of(grad_slopes if ctx.grad_db else grad_slopes[..., :0])
    result = packed.vjp(clip, faces, out, numpy_of(grad), slopes, threads())
    return torch.from_numpy(result), None, None, None, None, None


_rasterize = function(_plain, _setup, _backward)


def _arguments(glctx: Any, pos: Tensor, tri: Tensor, ranges: Tensor | None) -> tuple[Any, ...]:
    if not isinstance(glctx, (RasterizeCudaContext, RasterizeGLContext)):
        raise InputError(f"glctx: expected a RasterizeCudaContext or RasterizeGLContext, got {glctx!r}")
    clip = positions(pos)
    table = triangles(tri, clip.shape[1], "pos")
    if pos.ndim == 3:
        return clip, table, None
    if ranges is None:
        raise InputError(
            "ranges: needed where pos is [V, 4]; give int32 [B, 2] (start, count) or pos [B, V, 4]"
        )
    spans = np.asarray(ranges.cpu() if isinstance(ranges, Tensor) else ranges)
    validate.shape("ranges", spans, ("B", 2))
    if spans.size and (spans.min() < 0 or spans.sum(axis=1).max() > table.shape[0]):
        raise InputError(f"ranges: expected (start, count) within the {table.shape[0]} rows of tri")
    return clip, table, spans.astype(np.int64)


def rasterize(
    glctx: RasterizeCudaContext | RasterizeGLContext,
    pos: Tensor,
    tri: Tensor,
    resolution: tuple[int, int] | list[int],
    ranges: Tensor | None = None,
    grad_db: bool = True,
) -> tuple[Tensor, Tensor]:
    """Find the nearest triangle at each pixel.

    Args:
        glctx: a context.
        pos: clip-space positions, [B, V, 4] (one mesh seen B times) or [V, 4] (with `ranges`), float32 or
            float64.
        tri: int32 (or int64) [T, 3], rows of `pos`.
        resolution: (height, width).
        ranges: [B, 2], first row and number of rows of `tri` in each picture; ignored with pos [B, V, 4].
        grad_db: whether the derivatives' gradients reach `pos`.

    Returns:
        [B, H, W, 4] (u, v, z/w, triangle + 1), row 0 at the bottom, and the derivatives (du/dX, du/dY, dv/dX,
        dv/dY) for a step of a pixel, [B, H, W, 4] ([B, H, W, 0] if the context has no `output_db`). 0 where
        nothing is. u and v are perspective-correct weights of the first and second vertex. Gradients go to
        x, y and w of `pos`, from u, v and the derivatives.

    Raises:
        InputError: an argument is not as described.
    """
    clip, table, spans = _arguments(glctx, pos, tri, ranges)
    look = _nearest(validate.picture_size(tuple(resolution)))
    return _rasterize(clip, table, spans, look, glctx.output_db, bool(grad_db))


class DepthPeeler:
    """Rasterizes layer after layer: `rasterize_next_layer` sees what the layers before have hidden.

    Arguments and errors are those of `rasterize`. Use it in a `with` statement.
    """

    def __init__(
        self,
        glctx: RasterizeCudaContext | RasterizeGLContext,
        pos: Tensor,
        tri: Tensor,
        resolution: tuple[int, int] | list[int],
        ranges: Tensor | None = None,
        grad_db: bool = True,
    ) -> None:
        self._clip, self._table, self._spans = _arguments(glctx, pos, tri, ranges)
        height, width = validate.picture_size(tuple(resolution))
        batch = self._clip.shape[0] if self._spans is None else len(self._spans)
        self._depth = np.full((batch, height, width), -np.inf)
        self._options = (glctx.output_db, bool(grad_db))

    def __enter__(self) -> DepthPeeler:
        return self

    def __exit__(self, *args: object) -> None:
        return None

    def _look(self, clip: np.ndarray, faces: np.ndarray, image: int) -> np.ndarray:
        depth = self._depth if image < 0 else self._depth[image : image + 1]
        return peel.forward(clip, faces, depth, threads())

    def rasterize_next_layer(self) -> tuple[Tensor, Tensor]:
        """What `rasterize` returns, for the nearest surface behind that of the layer before."""
        return _rasterize(self._clip, self._table, self._spans, self._look, *self._options)
