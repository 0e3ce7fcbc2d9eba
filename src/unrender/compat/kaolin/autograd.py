"""The DIB-R kernels as differentiable torch functions, with the checks of their arguments."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unrender.errors import InputError
from unrender.render import validate
from unrender.render.kernels import affine, boxed_mask
from unrender.render.torch_bridge import float_tensor, function, numpy_of, threads


def _rasterize_plain(
    points: Tensor, features: Tensor, z: Tensor, valid: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor]:
    index, weights = affine.forward(numpy_of(points), numpy_of(z), numpy_of(valid), *size, threads())
    image = affine.interpolate(numpy_of(features), index, weights, threads())
    return torch.from_numpy(image), torch.from_numpy(index), torch.from_numpy(weights)


def _rasterize_setup(ctx: Any, inputs: Any, output: Any) -> None:
    points, features, _, _, _ = inputs
    _, index, weights = output
    ctx.mark_non_differentiable(index, weights)
    ctx.save_for_backward(points, features, index, weights)


def _rasterize_backward(ctx: Any, grad: Tensor, *_: Any) -> tuple[Any, ...]:
    points, features, index, weights = map(numpy_of, ctx.saved_tensors)
    to_points, to_features = affine.vjp(points, features, index, weights, numpy_of(grad), threads())
    return torch.from_numpy(to_points), torch.from_numpy(to_features), None, None, None


_rasterize = function(_rasterize_plain, _rasterize_setup, _rasterize_backward)


def rasterize(
    size: tuple[int, int], z: Tensor, points: Tensor, features: Tensor, valid: Tensor | None
) -> tuple[Tensor, Tensor]:
    """`mesh.rasterize` for one tensor of features."""
    size = validate.picture_size(size)
    points = float_tensor("face_vertices_image", points)
    device = points.device
    z = float_tensor("face_vertices_z", z, points)
    features = float_tensor("face_features", features, points)
    if points.ndim != 4 or points.shape[2:] != (3, 2):
        raise InputError(f"face_vertices_image: expected [B, F, 3, 2], got {list(points.shape)}")
    batch, count = points.shape[:2]
    validate.shape("face_vertices_z", z, (batch, count, 3))
    validate.shape("face_features", features, (batch, count, 3, "C"))
    if valid is None:
        drawn = torch.ones((batch, count), dtype=torch.bool)
    else:
        drawn = valid.reshape(valid.shape[:2]).to("cpu", torch.bool)
        validate.shape("valid_faces", drawn, (batch, count))
    image, index, _ = _rasterize(points, features, z, drawn, size)
    return image, index.to(device)


def _soft_mask_plain(
    points: Tensor, covered: Tensor, sigmainv: float, boxlen: float, knum: int
) -> tuple[Tensor, Tensor]:
    mask, rest = boxed_mask.forward(numpy_of(points), numpy_of(covered), sigmainv, boxlen, knum, threads())
    return torch.from_numpy(mask), torch.from_numpy(rest)


def _soft_mask_setup(ctx: Any, inputs: Any, output: Any) -> None:
    points, covered, *ctx.numbers = inputs
    ctx.mark_non_differentiable(output[1])
    ctx.save_for_backward(points, covered, output[1])


def _soft_mask_backward(ctx: Any, grad: Tensor, _: Any) -> tuple[Any, ...]:
    points, covered, rest = map(numpy_of, ctx.saved_tensors)
    sigmainv, boxlen, knum = ctx.numbers
    result = boxed_mask.vjp(points, covered, rest, numpy_of(grad), sigmainv, boxlen, knum, threads())
    return torch.from_numpy(result), None, None, None, None


_soft_mask = function(_soft_mask_plain, _soft_mask_setup, _soft_mask_backward)


def soft_mask(points: Tensor, index: Tensor, sigmainv: float, boxlen: float, knum: int) -> Tensor:
    """`mesh.dibr_soft_mask`."""
    points = float_tensor("face_vertices_image", points)
    if points.ndim != 4 or points.shape[2:] != (3, 2):
        raise InputError(f"face_vertices_image: expected [B, F, 3, 2], got {list(points.shape)}")
    validate.shape("selected_face_idx", index, (points.shape[0], "H", "W"))
    sigmainv = validate.positive("sigmainv", sigmainv)
    if not 0 <= float(boxlen) < float("inf"):
        raise InputError(f"boxlen: expected a finite number >= 0, got {boxlen!r}")
    if int(knum) != knum or not 0 <= knum < 2**24:
        raise InputError(f"knum: expected an integer >= 0, got {knum!r}")
    mask, _ = _soft_mask(points, index.cpu() >= 0, sigmainv, float(boxlen), int(knum))
    return mask
