"""A texture with its mip levels, made once and sampled many times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from unrender.errors import InputError
from unrender.render import validate
from unrender.render.kernels import mipmap as mipmap_kernel
from unrender.render.kernels.threads import num_threads


@dataclass(frozen=True, eq=False)
class Pyramid:
    """Mip levels of a batch of textures or cube maps. numpy arrays or torch tensors.

    Attributes:
        texels: [B or 1, T, C], for cube maps [6 (B or 1), T, C]: the texels of level 0 row by row, then those
            of level 1, and so on; a side of n texels is followed by one of max(1, n // 2). Differentiable.
        height, width: of level 0.
        levels: how many there are.
        cube: whether six successive rows are the faces of a cube map.
    """

    texels: Any
    height: int
    width: int
    levels: int
    cube: bool = False


def make_pyramid(texture: Any, max_level: int | None = None, cube: bool = False) -> Pyramid:
    """Average a texture down to its mip levels; every level has the texture's mean.

    A side of n texels becomes max(1, n // 2); odd sides are averaged over intervals of n / (n // 2) texels.

    Args:
        texture: [B or 1, h, w, C] (or [h, w, C]), linear light; with `cube` [B or 1, 6, n, n, C] (or
            [6, n, n, C]), faces +x, -x, +y, -y, +z, -z.
        max_level: the last level, 0 is the texture itself; None for all, down to a single texel.
        cube: whether `texture` is a cube map.

    Returns:
        Pyramid, differentiable in the texture.

    Raises:
        InputError: a shape or option is not as described.
    """
    tensor = validate.is_tensor(texture)
    if not tensor:
        texture = validate.array("texture", texture)
    axes = (6, "n", "n", "C") if cube else ("h", "w", "C")
    texture = texture[None] if texture.ndim == len(axes) else texture
    validate.shape("texture", texture, ("B or 1", *axes))
    height, width, channels = texture.shape[-3:]
    if height < 1 or width < 1:
        raise InputError(f"texture: expected at least one texel, got shape {list(texture.shape)}")
    if cube and height != width:
        raise InputError(f"texture: expected square faces, got shape {list(texture.shape)}")
    whole = mipmap_kernel.level_count(height, width)
    if max_level is not None and (
        not isinstance(max_level, int) or isinstance(max_level, bool) or max_level < 0
    ):
        raise InputError(f"max_level: expected an integer from 0 or None, got {max_level!r}")
    levels = whole if max_level is None else min(whole, max_level + 1)
    flat = texture.reshape((-1, height, width, channels))
    texels: Any
    if tensor:
        from unrender.render import torch_pyramid

        texels = torch_pyramid.build(flat, levels)
    else:
        texels = mipmap_kernel.build(flat, levels, num_threads())
    return Pyramid(texels, height, width, levels, cube)
