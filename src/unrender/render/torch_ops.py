"""The renderer's operations as torch operators: the same kernels, with their `vjp` registered as gradients.

Operators `unrender::rasterize`, `unrender::interpolate`, `unrender::sample_texture`, `unrender::soft_mask`
and their `_vjp` companions are defined on CPU tensors; tensors of other devices are copied to the CPU and
back, with one warning.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrender.errors import InputError
from unrender.render import operations, validate
from unrender.render.fragments import Fragments
from unrender.render.kernels import interpolate as interpolate_kernel
from unrender.render.kernels import rasterize as rasterize_kernel
from unrender.render.kernels import soft_mask as soft_mask_kernel
from unrender.render.kernels import texture as texture_kernel
from unrender.render.kernels.threads import num_threads

_warned = False


def _threads() -> int:
    return num_threads(torch.get_num_threads())


def _numpy(tensor: Tensor) -> np.ndarray:
    """The tensor's memory as a C-contiguous numpy array; copied only if it is not contiguous."""
    return tensor.detach().contiguous().numpy()


def _float(name: str, value: Any, like: Tensor | None = None) -> Tensor:
    """A contiguous float32 or float64 CPU tensor; gradients pass through the conversions."""
    global _warned
    if not isinstance(value, Tensor):
        value = torch.as_tensor(value)
    if not value.is_floating_point():
        raise InputError(f"{name}: expected a float32 or float64 tensor, got {value.dtype}; convert it")
    if value.device.type != "cpu":
        if not _warned:
            _warned = True
            warnings.warn(
                f"unrender renders on the CPU: tensors are copied from {value.device} and back",
                RuntimeWarning, stacklevel=4,
            )  # fmt: skip
        value = value.cpu()
    dtype = like.dtype if like is not None else value.dtype
    if dtype not in (torch.float32, torch.float64):
        dtype = torch.float32
    return value if value.dtype == dtype else value.to(dtype)


def _faces(name: str, faces: Any) -> np.ndarray:
    if isinstance(faces, Tensor):
        faces = (faces if faces.device.type == "cpu" else faces.cpu()).numpy()
    return validate.face_array(name, faces)


def _operator(name: str, function: Callable) -> Any:
    return torch.library.custom_op(f"unrender::{name}", function, mutates_args=(), device_types="cpu")


def _function(plain: Callable, setup: Callable, backward: Callable) -> Callable:
    """The same computation as an autograd function: a fifth of an operator's cost for each call."""

    def forward(ctx: Any, *inputs: Any) -> Any:
        output = plain(*inputs)
        setup(ctx, inputs, output)
        return output

    once = torch.autograd.function.once_differentiable(backward)
    members = {"forward": staticmethod(forward), "backward": staticmethod(once)}
    kind: Any = type(plain.__name__, (torch.autograd.Function,), members)
    return kind.apply


def _eager(*tensors: Tensor | None) -> bool:
    """Whether these are ordinary tensors, outside torch.compile, tracing and torch.func."""
    return (
        not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
        and all(tensor is None or type(tensor) in _ORDINARY for tensor in tensors)
    )


_ORDINARY = (Tensor, torch.nn.Parameter)


# --- operators ------------------------------------------------------------------------------------------


def _rasterize_plain(
    clip: Tensor, faces: Tensor, height: int, width: int, cull: int
) -> tuple[Tensor, Tensor, Tensor]:
    index, weights, depth = rasterize_kernel.forward(
        _numpy(clip), _numpy(faces), height, width, cull, True, _threads()
    )
    return torch.from_numpy(weights), torch.from_numpy(depth), torch.from_numpy(index)


_rasterize = _operator("rasterize", _rasterize_plain)


@_rasterize.register_fake
def _(clip, faces, height, width, cull):
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
        _numpy(clip), _numpy(faces), _numpy(index), _numpy(weights), _numpy(grad_weights),
        None if grad_depth is None else _numpy(grad_depth), _threads(),
    )  # fmt: skip
    return torch.from_numpy(grad)


_rasterize_vjp = _operator("rasterize_vjp", _rasterize_vjp_plain)


@_rasterize_vjp.register_fake
def _(clip, faces, index, weights, grad_weights, grad_depth):
    return torch.empty_like(clip, memory_format=torch.contiguous_format)


def _rasterize_setup(ctx, inputs, output):
    clip, faces, _, _, _ = inputs
    weights, _, index = output
    ctx.mark_non_differentiable(index)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(clip, faces, index, weights)


def _rasterize_backward(ctx, grad_weights, grad_depth, _):
    if grad_weights is None and grad_depth is None:
        return None, None, None, None, None
    inputs = (*ctx.saved_tensors, grad_weights, grad_depth)
    vjp = _rasterize_vjp_plain if _eager(*inputs) else _rasterize_vjp
    return vjp(*inputs), None, None, None, None


_rasterize.register_autograd(_rasterize_backward, setup_context=_rasterize_setup)
_rasterize_function = _function(_rasterize_plain, _rasterize_setup, _rasterize_backward)


def _interpolate_plain(attributes: Tensor, weights: Tensor, faces: Tensor, index: Tensor) -> Tensor:
    return torch.from_numpy(
        interpolate_kernel.forward(
            _numpy(attributes), _numpy(faces), _numpy(index), _numpy(weights), _threads()
        )
    )


_interpolate = _operator("interpolate", _interpolate_plain)


@_interpolate.register_fake
def _(attributes, weights, faces, index):
    return weights.new_empty((*index.shape, attributes.shape[2]))


def _interpolate_vjp_plain(
    attributes: Tensor, weights: Tensor, faces: Tensor, index: Tensor, grad: Tensor, first: bool, second: bool
) -> tuple[Tensor, Tensor]:
    a, b = interpolate_kernel.vjp(
        _numpy(attributes),
        _numpy(faces),
        _numpy(index),
        _numpy(weights),
        _numpy(grad),
        _threads(),
        (first, second),
    )
    empty = attributes.new_empty(0)
    return (
        empty if a is None else torch.from_numpy(a),
        attributes.new_empty(0) if b is None else torch.from_numpy(b),
    )


_interpolate_vjp = _operator("interpolate_vjp", _interpolate_vjp_plain)


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
    vjp: Any = _interpolate_vjp_plain if _eager(*inputs) else _interpolate_vjp
    a, b = vjp(*inputs, first, second)
    return a if first else None, b if second else None, None, None


_interpolate.register_autograd(_interpolate_backward, setup_context=_interpolate_setup)
_interpolate_function = _function(_interpolate_plain, _interpolate_setup, _interpolate_backward)


def _sample_texture_plain(
    texture: Tensor, uv: Tensor, index: Tensor | None, linear: int, repeat: int
) -> Tensor:
    where = None if index is None else _numpy(index)
    return torch.from_numpy(
        texture_kernel.forward(_numpy(texture), _numpy(uv), linear, repeat, where, _threads())
    )


_sample_texture = _operator("sample_texture", _sample_texture_plain)


@_sample_texture.register_fake
def _(texture, uv, index, linear, repeat):
    return uv.new_empty((*uv.shape[:3], texture.shape[3]))


def _sample_texture_vjp_plain(
    texture: Tensor,
    uv: Tensor,
    index: Tensor | None,
    grad: Tensor,
    linear: int,
    repeat: int,
    first: bool,
    second: bool,
) -> tuple[Tensor, Tensor]:
    where = None if index is None else _numpy(index)
    a, b = texture_kernel.vjp(
        _numpy(texture), _numpy(uv), _numpy(grad), linear, repeat, where, _threads(), (first, second)
    )
    return (
        texture.new_empty(0) if a is None else torch.from_numpy(a),
        texture.new_empty(0) if b is None else torch.from_numpy(b),
    )


_sample_texture_vjp = _operator("sample_texture_vjp", _sample_texture_vjp_plain)


@_sample_texture_vjp.register_fake
def _(texture, uv, index, grad, linear, repeat, first, second):
    return texture.new_empty(texture.shape if first else (0,)), uv.new_empty(uv.shape if second else (0,))


def _sample_texture_setup(ctx, inputs, output):
    texture, uv, index, ctx.linear, ctx.repeat = inputs
    ctx.save_for_backward(texture, uv, index)


def _sample_texture_backward(ctx, grad):
    first, second = ctx.needs_input_grad[0], ctx.needs_input_grad[1]
    inputs = (*ctx.saved_tensors, grad)
    vjp: Any = _sample_texture_vjp_plain if _eager(*inputs) else _sample_texture_vjp
    a, b = vjp(*inputs, ctx.linear, ctx.repeat, first, second)
    return a if first else None, b if second else None, None, None, None


_sample_texture.register_autograd(_sample_texture_backward, setup_context=_sample_texture_setup)
_sample_texture_function = _function(_sample_texture_plain, _sample_texture_setup, _sample_texture_backward)


def _soft_mask_plain(clip: Tensor, faces: Tensor, index: Tensor, delta: float, combine: int) -> Tensor:
    return torch.from_numpy(
        soft_mask_kernel.forward(_numpy(clip), _numpy(faces), _numpy(index), delta, combine, _threads())
    )


_soft_mask = _operator("soft_mask", _soft_mask_plain)


@_soft_mask.register_fake
def _(clip, faces, index, delta, combine):
    return clip.new_empty(index.shape)


def _soft_mask_vjp_plain(
    clip: Tensor, faces: Tensor, index: Tensor, mask: Tensor, grad: Tensor, delta: float, combine: int
) -> Tensor:
    return torch.from_numpy(
        soft_mask_kernel.vjp(
            _numpy(clip), _numpy(faces), _numpy(index), _numpy(mask), _numpy(grad), delta, combine, _threads()
        )
    )


_soft_mask_vjp = _operator("soft_mask_vjp", _soft_mask_vjp_plain)


@_soft_mask_vjp.register_fake
def _(clip, faces, index, mask, grad, delta, combine):
    return torch.empty_like(clip, memory_format=torch.contiguous_format)


def _soft_mask_setup(ctx, inputs, output):
    clip, faces, index, ctx.delta, ctx.combine = inputs
    ctx.save_for_backward(clip, faces, index, output)


def _soft_mask_backward(ctx, grad):
    clip, faces, index, mask = ctx.saved_tensors
    vjp = _soft_mask_vjp_plain if _eager(clip, mask, grad) else _soft_mask_vjp
    return vjp(clip, faces, index, mask, grad, ctx.delta, ctx.combine), None, None, None, None


_soft_mask.register_autograd(_soft_mask_backward, setup_context=_soft_mask_setup)
_soft_mask_function = _function(_soft_mask_plain, _soft_mask_setup, _soft_mask_backward)


# --- what the public functions call ---------------------------------------------------------------------


def rasterize(clip: Any, faces: Any, size: tuple[int, int], cull: str) -> Fragments:
    """`unrender.render.rasterize` for tensors."""
    clip = _float("clip", clip)
    device = clip.device
    validate.shape("clip", clip, ("B", "V", 4))
    indices = _faces("faces", faces)
    validate.face_range("faces", indices, clip.shape[1], "clip")
    height, width = validate.picture_size(size)
    code = validate.choice("cull", cull, rasterize_kernel.CULL)
    table = torch.from_numpy(indices)
    call = _rasterize_function if _eager(clip) else _rasterize
    weights, depth, index = call(clip, table, height, width, code)
    return Fragments(index.to(device), weights, depth, table, (height, width))


def interpolate(attributes: Any, fragments: Fragments, faces: Any) -> Tensor:
    """`unrender.render.interpolate` for tensors."""
    weights = _float("fragments.barycentrics", fragments.barycentrics)
    attributes = _float("attributes", attributes, weights)
    attributes = attributes[None] if attributes.ndim == 2 else attributes
    faces = None if faces is None else _faces("faces", faces)
    table = operations.check_attributes(attributes, fragments, faces)
    call = _interpolate_function if _eager(attributes, weights) else _interpolate
    return call(attributes, weights, torch.from_numpy(table), torch.as_tensor(fragments.face_index))


def sample_texture(texture: Any, uv: Any, filter: str, wrap: str, fragments: Fragments | None) -> Tensor:
    """`unrender.render.sample_texture` for tensors."""
    uv = _float("uv", uv)
    texture = _float("texture", texture, uv)
    texture = texture[None] if texture.ndim == 3 else texture
    linear, repeat = operations.check_texture(texture, uv, filter, wrap, fragments)
    index = None if fragments is None else torch.as_tensor(fragments.face_index)
    call = _sample_texture_function if _eager(texture, uv) else _sample_texture
    return call(texture, uv, index, linear, repeat)


def soft_mask(clip: Any, fragments: Fragments, delta: float, combine: str) -> Tensor:
    """`unrender.render.soft_mask` for tensors."""
    clip = _float("clip", clip)
    code = operations.check_mask(clip, fragments, combine)
    call = _soft_mask_function if _eager(clip) else _soft_mask
    return call(
        clip, torch.as_tensor(fragments.faces), torch.as_tensor(fragments.face_index),
        validate.positive("delta", delta), code,
    )  # fmt: skip
