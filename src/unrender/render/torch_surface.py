"""`render_surface` for ordinary tensors in one pass (`kernels.surface`), with its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from unrender.errors import InputError
from unrender.render import batches, validate
from unrender.render.kernels import surface as kernel
from unrender.render.torch_bridge import eager, face_table, float_tensor, numpy_of, threads


@dataclass(frozen=True, eq=False)
class Request:
    """What is no tensor with a gradient: faces and their rows of the values, picture size, softness."""

    faces: np.ndarray
    table: np.ndarray
    size: tuple[int, int]
    delta: float | None


class _Draw(torch.autograd.Function):
    """(clip, values, texture or None, request) to (image, mask or None, depth, face_index)."""

    @staticmethod
    def forward(ctx: Any, clip: Tensor, values: Tensor, texture: Tensor | None, request: Request) -> Any:
        ctx.set_materialize_grads(False)
        looks = kernel.Looks(numpy_of(values), request.table, None if texture is None else numpy_of(texture))
        pictures = kernel.forward(
            numpy_of(clip), request.faces, request.size, looks, request.delta, ctx.needs_input_grad[0],
            threads(),
        )  # fmt: skip
        mask = None if pictures.mask is None else torch.from_numpy(pictures.mask)
        index = torch.from_numpy(pictures.face_index)
        ctx.mark_non_differentiable(index)
        ctx.save_for_backward(clip, values, texture, mask, index)  # raises if one is changed in place
        ctx.request, ctx.pictures = request, pictures
        return torch.from_numpy(pictures.image), mask, torch.from_numpy(pictures.depth), index

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, image: Tensor | None, mask: Tensor | None, depth: Tensor | None, _: Any) -> Any:
        if image is None and mask is None and depth is None:
            return None, None, None, None
        clip, values, texture, _, _ = ctx.saved_tensors
        pictures, request = ctx.pictures, ctx.request
        looks = kernel.Looks(numpy_of(values), request.table, None if texture is None else numpy_of(texture))
        at_image = torch.zeros(pictures.image.shape, dtype=clip.dtype) if image is None else image
        grads = kernel.Pictures(
            _NO_FACES, numpy_of(at_image), None if depth is None else numpy_of(depth),
            None if mask is None else numpy_of(mask),
        )  # fmt: skip
        found = kernel.vjp(
            numpy_of(clip), request.faces, looks, pictures, grads, request.delta, ctx.needs_input_grad[1:3],
            threads(),
        )  # fmt: skip
        return (
            torch.from_numpy(found.clip) if ctx.needs_input_grad[0] else None,
            None if found.values is None else torch.from_numpy(found.values),
            None if found.texture is None else torch.from_numpy(found.texture),
            None,
        )


_NO_FACES = np.zeros((0, 0, 0), np.int32)


def draw(clip: Any, surface: Any, size: tuple[int, int], delta: float | None) -> tuple[Any, ...] | None:
    """(image, mask, depth) of a surface without light, or None where only the single operations can do it.

    That is for lists of meshes, traced or transformed tensors, other devices, and other than three channels.
    The hard mask (delta None) has no gradient.

    Raises:
        InputError: as `rasterize`, `interpolate`, `sample_texture` and `soft_mask`.
    """
    looks = surface.colors if surface.texture is None else surface.texture
    given = [clip, looks, *(() if surface.texture is None else (surface.uvs,))]
    if any(value is None or batches.is_list(value) for value in (*given, surface.faces)):
        return None
    tensors = [value for value in given if isinstance(value, Tensor)]
    if not eager(*tensors) or any(t.device.type != "cpu" for t in tensors) or looks.shape[-1] != 3:
        return None
    clip = float_tensor("clip", clip)
    validate.shape("clip", clip, ("B", "V", 4))
    faces, _ = batches.join_faces(surface.faces, clip)
    size = validate.picture_size(size)
    if surface.texture is None:
        table, texture = faces, None
        values = _batched("surface.colors", float_tensor("surface.colors", looks, clip), clip, 3)
    else:
        table = faces if surface.uv_faces is None else face_table("surface.uv_faces", surface.uv_faces)
        texture = _batched("surface.texture", float_tensor("surface.texture", looks, clip), clip, 4)
        values = _batched("surface.uvs", float_tensor("surface.uvs", surface.uvs, clip), clip, 3)
        if values.shape[2] != 2 or not texture.shape[1] or not texture.shape[2]:
            raise InputError(
                f"surface.uvs, surface.texture: expected [B, V, 2] and [B, h, w, 3] with texels, got "
                f"{list(values.shape)} and {list(texture.shape)}"
            )
    if len(table) != len(faces):
        raise InputError(f"surface.uv_faces: expected {len(faces)} rows as in faces, got {len(table)}")
    validate.face_range("faces", table, values.shape[1], "values")
    softness = None if delta is None else validate.positive("delta", delta)
    image, mask, depth, index = _Draw.apply(clip, values, texture, Request(faces, table, size, softness))
    return image, (index >= 0).to(depth.dtype) if mask is None else mask, depth


def _batched(name: str, value: Tensor, clip: Tensor, axes: int) -> Tensor:
    """`value` with a batch axis of clip's length or 1."""
    value = value[None] if value.ndim == axes - 1 else value
    if value.ndim != axes or value.shape[0] not in (1, clip.shape[0]):
        raise InputError(f"{name}: expected a batch of {clip.shape[0]} or 1, got shape {list(value.shape)}")
    return value
