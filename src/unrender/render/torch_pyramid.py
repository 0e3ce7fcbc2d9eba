"""Mip pyramids, levels of detail and cube maps as torch operators."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrender.render.kernels import cube as cube_kernel
from unrender.render.kernels import mipmap as mipmap_kernel
from unrender.render.kernels import pyramid as pyramid_kernel
from unrender.render.torch_bridge import (
    differentiable,
    float_tensor,
    numpy_of,
    plain_or_operator,
    threads,
)

# --- build ----------------------------------------------------------------------------------------------


def _build_plain(texture: Tensor, levels: int) -> Tensor:
    return torch.from_numpy(mipmap_kernel.build(numpy_of(texture), levels, threads()))


def _build_fake(texture, levels):
    count, height, width, channels = texture.shape
    total = 0
    for _ in range(levels):
        total += height * width
        height, width = max(1, height // 2), max(1, width // 2)
    return texture.new_empty((count, total, channels))


def _build_vjp_plain(grad: Tensor, height: int, width: int, levels: int) -> Tensor:
    return torch.from_numpy(mipmap_kernel.build_vjp(numpy_of(grad), height, width, levels, threads()))


_build_vjp = plain_or_operator(
    "build_pyramid_vjp",
    _build_vjp_plain,
    lambda grad, height, width, levels: grad.new_empty((grad.shape[0], height, width, grad.shape[2])),
)


def _build_setup(ctx, inputs, output):
    texture, ctx.levels = inputs
    ctx.size = texture.shape[1:3]


def _build_backward(ctx, grad):
    return _build_vjp(grad, *ctx.size, ctx.levels), None


_build = differentiable("build_pyramid", _build_plain, _build_fake, _build_setup, _build_backward)


def build(texture: Tensor, levels: int) -> Tensor:
    """Pyramids [N, T, C] of textures [N, h, w, C]."""
    return _build(float_tensor("texture", texture), levels)


# --- level ----------------------------------------------------------------------------------------------


def _level_plain(derivatives: Tensor, height: int, width: int) -> Tensor:
    return torch.from_numpy(mipmap_kernel.level(numpy_of(derivatives), height, width, threads()))


def _level_vjp_plain(derivatives: Tensor, grad: Tensor, height: int, width: int) -> Tensor:
    return torch.from_numpy(
        mipmap_kernel.level_vjp(numpy_of(derivatives), numpy_of(grad), height, width, threads())
    )


_level_vjp = plain_or_operator(
    "texture_level_vjp",
    _level_vjp_plain,
    lambda derivatives, grad, height, width: derivatives.new_empty(derivatives.shape),
)


def _level_setup(ctx, inputs, output):
    derivatives, ctx.height, ctx.width = inputs
    ctx.save_for_backward(derivatives)


def _level_backward(ctx, grad):
    return _level_vjp(*ctx.saved_tensors, grad, ctx.height, ctx.width), None, None


_level = differentiable(
    "texture_level",
    _level_plain,
    lambda derivatives, height, width: derivatives.new_empty(derivatives.shape[:3]),
    _level_setup,
    _level_backward,
)


def level(derivatives: Any, bias: Any, uv: Tensor, height: int, width: int) -> Tensor:
    """Level of detail [B, H, W]: of the derivatives, if there are any, plus the bias."""
    uv = float_tensor("uv", uv)
    if hasattr(bias, "shape"):
        bias = float_tensor("level_bias", bias, uv)
    if derivatives is None:
        return bias
    return _level(float_tensor("uv_derivatives", derivatives, uv), height, width) + bias


# --- sample ---------------------------------------------------------------------------------------------


def _maybe(tensor: Tensor | None) -> np.ndarray | None:
    return None if tensor is None else numpy_of(tensor)


def _sample_plain(
    texels: Tensor,
    uv: Tensor,
    level: Tensor | None,
    faces: Tensor | None,
    index: Tensor | None,
    height: int,
    width: int,
    levels: int,
    filter: int,
    wrap: int,
) -> Tensor:
    return torch.from_numpy(
        pyramid_kernel.forward(
            numpy_of(texels), numpy_of(uv), _maybe(level), _maybe(faces), _maybe(index),
            (height, width, levels, filter, wrap), threads(),
        )
    )  # fmt: skip


def _sample_vjp_plain(
    texels: Tensor,
    uv: Tensor,
    level: Tensor | None,
    faces: Tensor | None,
    index: Tensor | None,
    grad: Tensor,
    height: int,
    width: int,
    levels: int,
    filter: int,
    wrap: int,
) -> tuple[Tensor, Tensor, Tensor]:
    a, b, c = pyramid_kernel.vjp(
        numpy_of(texels), numpy_of(uv), _maybe(level), _maybe(faces), _maybe(index), numpy_of(grad),
        (height, width, levels, filter, wrap), threads(),
    )  # fmt: skip
    return torch.from_numpy(a), torch.from_numpy(b), torch.from_numpy(c)


def _sample_vjp_fake(texels, uv, level, faces, index, grad, *options):
    third = uv.new_empty((0, *uv.shape[1:3])) if level is None else level.new_empty(level.shape)
    return texels.new_empty(texels.shape), uv.new_empty(uv.shape), third


_sample_vjp = plain_or_operator("sample_pyramid_vjp", _sample_vjp_plain, _sample_vjp_fake)


def _sample_setup(ctx, inputs, output):
    texels, uv, level, faces, index, *ctx.options = inputs
    ctx.save_for_backward(texels, uv, level, faces, index)


def _sample_backward(ctx, grad):
    texels, uv, level, faces, index = ctx.saved_tensors
    a, b, c = _sample_vjp(texels, uv, level, faces, index, grad, *ctx.options)
    return a, b, None if level is None else c, None, None, None, None, None, None, None


_sample = differentiable(
    "sample_pyramid",
    _sample_plain,
    lambda texels, uv, *_: uv.new_empty((*uv.shape[:3], texels.shape[2])),
    _sample_setup,
    _sample_backward,
)


def sample(
    texels: Any,
    uv: Any,
    level: Tensor | None,
    faces: Tensor | None,
    index: Any,
    options: tuple[int, int, int, int, int],
) -> Tensor:
    """Look up in a pyramid; arguments as in the kernel."""
    uv = float_tensor("uv", uv)
    texels = float_tensor("texture", texels, uv)
    where = None if index is None else torch.as_tensor(index)
    return _sample(texels, uv, level, faces, where, *options)


# --- cube maps ------------------------------------------------------------------------------------------


def _cube_plain(directions: Tensor, derivatives: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    face, uv, slopes = cube_kernel.forward(numpy_of(directions), _maybe(derivatives), threads())
    return torch.from_numpy(uv), torch.from_numpy(slopes), torch.from_numpy(face)


def _cube_fake(directions, derivatives):
    shape = directions.shape[:3]
    slopes = (*((0, *shape[1:]) if derivatives is None else shape), 2, 2)
    return (
        directions.new_empty((*shape, 2)),
        directions.new_empty(slopes),
        directions.new_empty(shape, dtype=torch.int32),
    )


def _cube_vjp_plain(
    directions: Tensor, derivatives: Tensor | None, grad_uv: Tensor, grad_slopes: Tensor | None
) -> tuple[Tensor, Tensor]:
    a, b = cube_kernel.vjp(
        numpy_of(directions), _maybe(derivatives), numpy_of(grad_uv), _maybe(grad_slopes), threads()
    )
    return torch.from_numpy(a), directions.new_empty(0) if b is None else torch.from_numpy(b)


_cube_vjp = plain_or_operator(
    "cube_places_vjp",
    _cube_vjp_plain,
    lambda directions, derivatives, grad_uv, grad_slopes: (
        directions.new_empty(directions.shape),
        directions.new_empty((0,) if derivatives is None else derivatives.shape),
    ),
)


def _cube_setup(ctx, inputs, output):
    ctx.mark_non_differentiable(output[2])
    ctx.save_for_backward(*inputs)


def _cube_backward(ctx, grad_uv, grad_slopes, _):
    directions, derivatives = ctx.saved_tensors
    a, b = _cube_vjp(directions, derivatives, grad_uv, None if derivatives is None else grad_slopes)
    return a, None if derivatives is None else b


_cube = differentiable("cube_places", _cube_plain, _cube_fake, _cube_setup, _cube_backward)


def cube_places(directions: Any, derivatives: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Face, place and the place's derivatives of directions; arguments as in the kernel."""
    directions = float_tensor("directions", directions)
    if derivatives is not None:
        derivatives = float_tensor("direction_derivatives", derivatives, directions)
    uv, slopes, face = _cube(directions, derivatives)
    return face, uv, slopes
