"""`unrender::sample_texture` as a torch operator: the kernel, with its `vjp` registered as gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unrender.render import texturing
from unrender.render.fragments import Fragments
from unrender.render.kernels import texture as texture_kernel
from unrender.render.torch_bridge import (
    direct,
    float_tensor,
    function,
    numpy_of,
    operator,
    pullback,
    threads,
)


def _sample_texture_plain(
    texture: Tensor, uv: Tensor, index: Tensor | None, linear: int, repeat: int
) -> Tensor:
    where = None if index is None else numpy_of(index)
    return torch.from_numpy(
        texture_kernel.forward(numpy_of(texture), numpy_of(uv), linear, repeat, where, threads())
    )


_sample_texture = operator("sample_texture", _sample_texture_plain)


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
    where = None if index is None else numpy_of(index)
    a, b = texture_kernel.vjp(
        numpy_of(texture), numpy_of(uv), numpy_of(grad), linear, repeat, where, threads(), (first, second)
    )
    return (
        texture.new_empty(0) if a is None else torch.from_numpy(a),
        texture.new_empty(0) if b is None else torch.from_numpy(b),
    )


_sample_texture_vjp = operator("sample_texture_vjp", _sample_texture_vjp_plain)
_sample_texture_pullback = pullback(_sample_texture_vjp_plain, _sample_texture_vjp)


@_sample_texture_vjp.register_fake
def _(texture, uv, index, grad, linear, repeat, first, second):
    return texture.new_empty(texture.shape if first else (0,)), uv.new_empty(uv.shape if second else (0,))


def _sample_texture_setup(ctx, inputs, output):
    texture, uv, index, ctx.linear, ctx.repeat = inputs
    ctx.save_for_backward(texture, uv, index)


def _sample_texture_backward(ctx, grad):
    first, second = ctx.needs_input_grad[0], ctx.needs_input_grad[1]
    inputs = (*ctx.saved_tensors, grad)
    a, b = _sample_texture_pullback(*inputs, ctx.linear, ctx.repeat, first, second)
    return a if first else None, b if second else None, None, None, None


_sample_texture.register_autograd(_sample_texture_backward, setup_context=_sample_texture_setup)
_sample_texture_function = function(_sample_texture_plain, _sample_texture_setup, _sample_texture_backward)


def sample_texture(texture: Any, uv: Any, filter: str, wrap: str, fragments: Fragments | None) -> Tensor:
    """`unrender.render.sample_texture` for tensors."""
    uv = float_tensor("uv", uv)
    texture = float_tensor("texture", texture, uv)
    texture = texture[None] if texture.ndim == 3 else texture
    linear, repeat = texturing.check_texture(texture, uv, filter, wrap, fragments)
    index = None if fragments is None else torch.as_tensor(fragments.face_index)
    call = _sample_texture_function if direct(texture, uv) else _sample_texture
    return call(texture, uv, index, linear, repeat)
