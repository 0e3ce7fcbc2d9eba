"""The renderer's operations as torch operators: the same kernels, with their `vjp` registered as gradients.

Operators `unrender::rasterize`, `unrender::interpolate`, `unrender::sample_texture`, `unrender::soft_mask`
and their `_vjp` companions are defined on CPU tensors; tensors of other devices are copied to the CPU and
back, with one warning.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unrender.render import batches, operations, validate
from unrender.render.fragments import Fragments
from unrender.render.kernels import interpolate as interpolate_kernel
from unrender.render.kernels import rasterize as rasterize_kernel
from unrender.render.kernels import soft_mask as soft_mask_kernel
from unrender.render.torch_bridge import (
    direct,
    float_tensor,
    function,
    numpy_of,
    operator,
    pullback,
    threads,
)
from unrender.render.torch_texturing import sample_texture  # noqa: F401  (registers its operator)

# --- operators ------------------------------------------------------------------------------------------


def _rasterize_plain(
    clip: Tensor,
    faces: Tensor,
    height: int,
    width: int,
    cull: int,
    spans: Tensor | None = None,
    behind: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    index, weights, depth = rasterize_kernel.forward(
        numpy_of(clip), numpy_of(faces), height, width, cull, True, threads(),
        None if spans is None else numpy_of(spans), None if behind is None else numpy_of(behind),
    )  # fmt: skip
    return torch.from_numpy(weights), torch.from_numpy(depth), torch.from_numpy(index)


_rasterize = operator("rasterize", _rasterize_plain)


@_rasterize.register_fake
def _(clip, faces, height, width, cull, spans=None, behind=None):
    size = (clip.shape[0], height, width)
    return clip.new_empty((*size, 3)), clip.new_empty(size), clip.new_empty(size, dtype=torch.int32)


def _rasterize_vjp_plain(
    clip: Tensor,
    faces: Tensor,
    index: Tensor,
    weights: Tensor,
    grad_weights: Tensor | None,
    grad_depth: Tensor | None,
) -> Tensor:
    if grad_weights is None:
        grad_weights = torch.zeros_like(weights)
    grad = rasterize_kernel.vjp(
        numpy_of(clip), numpy_of(faces), numpy_of(index), numpy_of(weights), numpy_of(grad_weights),
        None if grad_depth is None else numpy_of(grad_depth), threads(),
    )  # fmt: skip
    return torch.from_numpy(grad)


_rasterize_vjp = operator("rasterize_vjp", _rasterize_vjp_plain)
_rasterize_pullback = pullback(_rasterize_vjp_plain, _rasterize_vjp)


@_rasterize_vjp.register_fake
def _(clip, faces, index, weights, grad_weights, grad_depth):
    return torch.empty_like(clip, memory_format=torch.contiguous_format)


def _rasterize_setup(ctx, inputs, output):
    clip, faces = inputs[:2]
    weights, _, index = output
    ctx.mark_non_differentiable(index)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(clip, faces, index, weights)


def _rasterize_backward(ctx, grad_weights, grad_depth, _):
    if grad_weights is None and grad_depth is None:
        return (None,) * 7
    inputs = (*ctx.saved_tensors, grad_weights, grad_depth)
    return _rasterize_pullback(*inputs), *(None,) * 6


_rasterize.register_autograd(_rasterize_backward, setup_context=_rasterize_setup)
_rasterize_function = function(_rasterize_plain, _rasterize_setup, _rasterize_backward)


def _interpolate_plain(attributes: Tensor, weights: Tensor, faces: Tensor, index: Tensor) -> Tensor:
    return torch.from_numpy(
        interpolate_kernel.forward(
            numpy_of(attributes), numpy_of(faces), numpy_of(index), numpy_of(weights), threads()
        )
    )


_interpolate = operator("interpolate", _interpolate_plain)


@_interpolate.register_fake
def _(attributes, weights, faces, index):
    return weights.new_empty((*index.shape, attributes.shape[2]))


def _interpolate_vjp_plain(
    attributes: Tensor, weights: Tensor, faces: Tensor, index: Tensor, grad: Tensor, first: bool, second: bool
) -> tuple[Tensor, Tensor]:
    a, b = interpolate_kernel.vjp(
        numpy_of(attributes),
        numpy_of(faces),
        numpy_of(index),
        numpy_of(weights),
        numpy_of(grad),
        threads(),
        (first, second),
    )
    empty = attributes.new_empty(0)
    return (
        empty if a is None else torch.from_numpy(a),
        attributes.new_empty(0) if b is None else torch.from_numpy(b),
    )


_interpolate_vjp = operator("interpolate_vjp", _interpolate_vjp_plain)
_interpolate_pullback = pullback(_interpolate_vjp_plain, _interpolate_vjp)


@_interpolate_vjp.register_fake
def _(attributes, weights, faces, index, grad, first, second):
    return (
        attributes.new_empty(attributes.shape if first else (0,)),
        weights.new_empty(weights.shape if second else (0,)),
    )


def _interpolate_setup(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def _interpolate_backward(ctx, grad):
    first, second = ctx.needs_input_grad[0], ctx.needs_input_grad[1]
    inputs = (*ctx.saved_tensors, grad)
    a, b = _interpolate_pullback(*inputs, first, second)
    return a if first else None, b if second else None, None, None


_interpolate.register_autograd(_interpolate_backward, setup_context=_interpolate_setup)
_interpolate_function = function(_interpolate_plain, _interpolate_setup, _interpolate_backward)


def _soft_mask_plain(
    clip: Tensor, faces: Tensor, index: Tensor, delta: float, combine: int, spans: Tensor | None = None
) -> Tensor:
    where = None if spans is None else numpy_of(spans)
    mask = soft_mask_kernel.forward(
        numpy_of(clip), numpy_of(faces), numpy_of(index), delta, combine, threads(), where
    )
    return torch.from_numpy(mask)


_soft_mask = operator("soft_mask", _soft_mask_plain)


@_soft_mask.register_fake
def _(clip, faces, index, delta, combine, spans=None):
    return clip.new_empty(index.shape)


def _soft_mask_vjp_plain(
    clip: Tensor,
    faces: Tensor,
    index: Tensor,
    mask: Tensor,
    spans: Tensor | None,
    grad: Tensor,
    delta: float,
    combine: int,
) -> Tensor:
    flow = soft_mask_kernel.vjp(
        numpy_of(clip), numpy_of(faces), numpy_of(index), numpy_of(mask), numpy_of(grad), delta, combine,
        threads(), None if spans is None else numpy_of(spans),
    )  # fmt: skip
    return torch.from_numpy(flow)


_soft_mask_vjp = operator("soft_mask_vjp", _soft_mask_vjp_plain)
_soft_mask_pullback = pullback(_soft_mask_vjp_plain, _soft_mask_vjp)


@_soft_mask_vjp.register_fake
def _(clip, faces, index, mask, spans, grad, delta, combine):
    return torch.empty_like(clip, memory_format=torch.contiguous_format)


def _soft_mask_setup(ctx, inputs, output):
    clip, faces, index, ctx.delta, ctx.combine = inputs[:5]
    ctx.save_for_backward(clip, faces, index, output, inputs[5] if len(inputs) > 5 else None)


def _soft_mask_backward(ctx, grad):
    inputs = (*ctx.saved_tensors, grad)
    return _soft_mask_pullback(*inputs, ctx.delta, ctx.combine), None, None, None, None, None


_soft_mask.register_autograd(_soft_mask_backward, setup_context=_soft_mask_setup)
_soft_mask_function = function(_soft_mask_plain, _soft_mask_setup, _soft_mask_backward)


# --- what the public functions call ---------------------------------------------------------------------


def rasterize(clip: Any, faces: Any, size: tuple[int, int], cull: str, behind: Fragments | None) -> Fragments:
    """`unrender.render.rasterize` for tensors."""
    meshes, clip = clip, float_tensor("clip", batches.pad_positions(clip))
    device = clip.device
    validate.shape("clip", clip, ("B", "V", 4))
    indices, spans = batches.join_faces(faces, meshes if batches.is_list(meshes) else clip)
    height, width = validate.picture_size(size)
    code = validate.choice("cull", cull, rasterize_kernel.CULL)
    front = operations.check_layer(behind, clip.shape[0], len(indices), (height, width))
    table = torch.from_numpy(indices)
    call = _rasterize_function if direct(clip) else _rasterize
    weights, depth, index = call(
        clip, table, height, width, code,
        None if spans is None else torch.from_numpy(spans), None if front is None else torch.as_tensor(front),
    )  # fmt: skip
    return Fragments(index.to(device), weights, depth, table, (height, width), spans)


def interpolate(attributes: Any, fragments: Fragments, faces: Any) -> Tensor:
    """`unrender.render.interpolate` for tensors."""
    weights = float_tensor("fragments.barycentrics", fragments.barycentrics)
    attributes = float_tensor("attributes", attributes, weights)
    attributes = attributes[None] if attributes.ndim == 2 else attributes
    table = operations.check_attributes(attributes, fragments, faces)
    call = _interpolate_function if direct(attributes, weights) else _interpolate
    return call(attributes, weights, torch.from_numpy(table), torch.as_tensor(fragments.face_index))


def soft_mask(clip: Any, fragments: Fragments, delta: float, combine: str) -> Tensor:
    """`unrender.render.soft_mask` for tensors."""
    clip = float_tensor("clip", batches.pad_positions(clip))
    code = operations.check_mask(clip, fragments, combine)
    call = _soft_mask_function if direct(clip) else _soft_mask
    return call(
        clip, torch.as_tensor(fragments.faces), torch.as_tensor(fragments.face_index),
        validate.positive("delta", delta), code,
        None if fragments.spans is None else torch.as_tensor(fragments.spans),
    )  # fmt: skip
