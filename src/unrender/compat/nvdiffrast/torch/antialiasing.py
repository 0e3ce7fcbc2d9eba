"""`antialias`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unrender.compat.nvdiffrast.torch.arguments import in_batch, positions, triangles, visibility
from unrender.errors import InputError
from unrender.render import validate
from unrender.render.kernels import packed_antialias
from unrender.render.torch_bridge import face_table, float_tensor, function, numpy_of, threads


@dataclass(frozen=True, eq=False)
class TopologyHash:
    """Which triangles share edges: `opposite` int32 [T, 3], the vertex beyond each edge, -1 at borders."""

    opposite: Tensor


def antialias_construct_topology_hash(tri: Tensor) -> TopologyHash:
    """The edges of `tri` int32 (or int64) [T, 3], to be made once and given to every call of `antialias`."""
    return TopologyHash(torch.from_numpy(packed_antialias.opposite_vertices(face_table("tri", tri))))


def _plain(
    color: Tensor, clip: Tensor, rast: Tensor, faces: Tensor, opposite: Tensor, boost: float
) -> Tensor:
    out = packed_antialias.forward(
        numpy_of(color), numpy_of(rast), numpy_of(clip), numpy_of(faces), numpy_of(opposite), threads()
    )
    return torch.from_numpy(out)


def _setup(ctx: Any, inputs: Any, output: Any) -> None:
    *tensors, ctx.boost = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
    color, clip, rast, faces, opposite = map(numpy_of, ctx.saved_tensors)
    to_color, to_clip = packed_antialias.vjp(color, rast, clip, faces, opposite, numpy_of(grad), threads())
    return torch.from_numpy(to_color), torch.from_numpy(to_clip) * ctx.boost, None, None, None, None


_antialias = function(_plain, _setup, _backward)


def antialias(
    color: Tensor,
    rast: Tensor,
    pos: Tensor,
    tri: Tensor,
    topology_hash: TopologyHash | None = None,
    pos_gradient_boost: float = 1.0,
) -> Tensor:
    """Blend neighbouring pixels across silhouette edges by where the edge lies between their centres.

    Args:
        color: [B, H, W, C], row 0 at the bottom.
        rast: first result of `rasterize`.
        pos: what was rasterized, [V, 4] or [B, V, 4].
        tri: what was rasterized.
        topology_hash: of `antialias_construct_topology_hash` for this `tri`; made anew if None.
        pos_gradient_boost: factor on the gradient at `pos`.

    Returns:
        [B, H, W, C]. Gradients go to `color` and to x, y and w of `pos`.

    Raises:
        InputError: an argument is not as described.
    """
    clip = positions(pos)
    color = float_tensor("color", color, clip)
    table = triangles(tri, clip.shape[1], "pos")
    rast = visibility(rast, clip, table.shape[0]).detach()
    validate.shape("color", color, (*rast.shape[:3], "C"))
    in_batch("pos", clip, rast.shape[0])
    hashed = antialias_construct_topology_hash(tri) if topology_hash is None else topology_hash
    if not isinstance(hashed, TopologyHash) or hashed.opposite.shape != table.shape:
        raise InputError(
            "topology_hash: expected what antialias_construct_topology_hash returned for this tri"
        )
    return _antialias(color, clip, rast, table, hashed.opposite, float(pos_gradient_boost))
