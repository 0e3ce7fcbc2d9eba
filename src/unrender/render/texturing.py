"""Texture look-up, for numpy arrays and for torch tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from unrender.errors import InputError
from unrender.render import validate
from unrender.render.fragments import Fragments
from unrender.render.kernels import cube as cube_kernel
from unrender.render.kernels import mipmap as mipmap_kernel
from unrender.render.kernels import pyramid as pyramid_kernel
from unrender.render.kernels import texture as texture_kernel
from unrender.render.kernels.threads import num_threads
from unrender.render.pyramid import Pyramid, make_pyramid

_MIPMAP = ("mipmap", "mipmap-nearest")


def sample_texture(
    texture: Any,
    uv: Any,
    filter: str = "linear",
    wrap: str = "clamp",
    fragments: Fragments | None = None,
    uv_derivatives: Any = None,
    level_bias: Any = 0.0,
    max_level: int | None = None,
) -> Any:
    """Look up a texture.

    Row 0 of the texture is v = 1, column 0 is u = 0: texel (r, c) has its centre at
    u = (c + 0.5) / w, v = 1 - (r + 0.5) / h. Pixels where nothing was drawn have uv = (0, 0) after
    `interpolate` and get that corner's colour, unless `fragments` is given.

    With the mipmap filters each pixel has a level of detail: log2 of the longest way, in texels, that a step
    of one pixel in any direction of the picture makes (the largest singular value of
    diag(w, h) d(u, v) / d(x, y); Laine et al. 2020), plus `level_bias`, clamped to the levels there are.

    Args:
        texture: [B or 1, h, w, C] (or [h, w, C]), linear light; or a `Pyramid` made of it before.
        uv: [B, H, W, 2], the same dtype, u right and v up. NaN and infinity count as 0.
        filter: "linear" (bilinear), "nearest", "mipmap" (bilinear in the two nearest levels, linear between
            them: trilinear) or "mipmap-nearest" (bilinear in the nearest level).
        wrap: "clamp" to the outermost texels, "repeat", "mirror" (every other copy flipped), or "zero": all
            is 0 beyond the outermost texels.
        fragments: where given, pixels where nothing is visible become 0, at no cost.
        uv_derivatives: [B, H, W, 2, 2], d(u, v) / d(x, y): [..., i, j] is the change of coordinate i for a
            step of one pixel along column (j = 0) and row (j = 1); their signs do not matter. Needed by the
            mipmap filters, unless `level_bias` is an array, which then is the level itself.
        level_bias: a number or [B, H, W], added to the level.
        max_level: the coarsest level to use, None for all; not with a `Pyramid`, which has its own.

    Returns:
        [B, H, W, C]. Gradients go to `texture`; with "linear" and the mipmap filters to `uv`; with "mipmap"
        to `uv_derivatives` and `level_bias` (0 where the level is clamped or the derivatives vanish).

    Raises:
        InputError: a shape, dtype or option is not as described, or the derivatives are missing.
    """
    if isinstance(texture, Pyramid) or filter in _MIPMAP or wrap in ("mirror", "zero"):
        return _sample_levels(texture, uv, filter, wrap, fragments, uv_derivatives, level_bias, max_level)
    if validate.is_tensor(texture, uv):
        from unrender.render import torch_texturing

        return torch_texturing.sample_texture(texture, uv, filter, wrap, fragments)
    uv = validate.array("uv", uv)
    texture = validate.array("texture", texture, uv.dtype)
    texture = texture[None] if texture.ndim == 3 else texture
    smooth, code = check_texture(texture, uv, filter, wrap, fragments)
    index = None if fragments is None else fragments.face_index
    return texture_kernel.forward(texture, uv, smooth, code, index, num_threads())


def sample_cube_map(
    texture: Any,
    directions: Any,
    filter: str = "linear",
    fragments: Fragments | None = None,
    direction_derivatives: Any = None,
    level_bias: Any = 0.0,
    max_level: int | None = None,
) -> Any:
    """Look up a cube map, without seams between its faces.

    Faces in the order +x, -x, +y, -y, +z, -z, each the image of OpenGL and glTF with row 0 at the top: seen
    from outside the cube, that of +z is upright with +x at its right, that of +x with -z at its right, that
    of +y has +z at its bottom. Texels beyond an edge are the neighbouring face's; the one missing at a
    corner of the cube is the mean of the other three.

    Args:
        texture: [B or 1, 6, n, n, C] (or [6, n, n, C]), linear light; or a `Pyramid` made with `cube=True`.
        directions: [B, H, W, 3] of any length, the same dtype. Zero and what is not finite count as +x.
        filter: as in `sample_texture`.
        fragments: where given, pixels where nothing is visible become 0.
        direction_derivatives: [B, H, W, 3, 2], d(direction) / d(x, y) in pixels, as in `sample_texture`.
        level_bias: a number or [B, H, W], added to the level, or the level itself.
        max_level: the coarsest level to use.

    Returns:
        [B, H, W, C]. Gradients go to all arguments that are arrays.

    Raises:
        InputError: a shape, dtype or option is not as described, or the derivatives are missing.
    """
    tensor = validate.is_tensor(directions, texture.texels if isinstance(texture, Pyramid) else texture)
    if not tensor:
        directions = validate.array("directions", directions)
    validate.shape("directions", directions, ("B", "H", "W", 3))
    if not isinstance(texture, Pyramid):
        texture = make_pyramid(texture, max_level if filter in _MIPMAP else 0, cube=True)
    if not texture.cube:
        raise InputError("texture: expected a cube map, got the Pyramid of a plain texture; use cube=True")
    if direction_derivatives is not None:
        validate.shape("direction_derivatives", direction_derivatives, (*directions.shape, 2))
    faces: Any
    uv: Any
    slopes: Any
    if tensor:
        from unrender.render import torch_pyramid

        faces, uv, slopes = torch_pyramid.cube_places(directions, direction_derivatives)
    else:
        if direction_derivatives is not None:
            direction_derivatives = validate.array(
                "direction_derivatives", direction_derivatives, directions.dtype
            )
        faces, uv, slopes = cube_kernel.forward(directions, direction_derivatives, num_threads())
    given = None if direction_derivatives is None else slopes
    return _sample_levels(texture, uv, filter, "clamp", fragments, given, level_bias, None, faces)


def _sample_levels(
    texture: Any,
    uv: Any,
    filter: str,
    wrap: str,
    fragments: Fragments | None,
    uv_derivatives: Any,
    level_bias: Any,
    max_level: int | None,
    cube_faces: Any = None,
) -> Any:
    """The general way: any filter and boundary, in a pyramid."""
    pyramid = texture
    tensor = validate.is_tensor(texture.texels if isinstance(texture, Pyramid) else texture, uv)
    if not tensor:
        uv = validate.array("uv", uv)
    if not isinstance(pyramid, Pyramid):
        if not tensor:
            texture = validate.array("texture", texture, uv.dtype)
        pyramid = make_pyramid(texture, max_level if filter in _MIPMAP else 0)
    if pyramid.cube and cube_faces is None:
        raise InputError("texture: expected a plain texture, got a cube map; use sample_cube_map")
    validate.shape("uv", uv, ("B", "H", "W", 2))
    code = validate.choice("filter", filter, pyramid_kernel.FILTERS)
    boundary = validate.choice("wrap", wrap, pyramid_kernel.WRAPS)
    boundary = pyramid_kernel.CUBE if pyramid.cube else boundary
    count = pyramid.texels.shape[0] // (6 if pyramid.cube else 1)
    if count not in (1, uv.shape[0]):
        raise InputError(f"texture: expected a batch of {uv.shape[0]} or 1, got {count}")
    _check_fragments(fragments, uv)
    level: Any = None
    if filter in _MIPMAP:
        if uv_derivatives is None and not hasattr(level_bias, "shape"):
            raise InputError(
                f'uv_derivatives: needed by filter="{filter}"; `interpolate` returns them, '
                "or give the level itself as the array level_bias"
            )
        if uv_derivatives is not None:
            validate.shape("uv_derivatives", uv_derivatives, (*uv.shape, 2))
        if hasattr(level_bias, "shape"):
            validate.shape("level_bias", level_bias, tuple(uv.shape[:3]))
    options = (pyramid.height, pyramid.width, pyramid.levels, code, boundary)
    index = None if fragments is None else fragments.face_index
    if tensor:
        from unrender.render import torch_pyramid

        if filter in _MIPMAP:
            level = torch_pyramid.level(uv_derivatives, level_bias, uv, pyramid.height, pyramid.width)
        return torch_pyramid.sample(pyramid.texels, uv, level, cube_faces, index, options)
    texels = validate.array("texture", pyramid.texels, uv.dtype)
    if filter in _MIPMAP:
        level = np.asarray(level_bias, uv.dtype)
        if uv_derivatives is not None:
            slopes = validate.array("uv_derivatives", uv_derivatives, uv.dtype)
            level = level + mipmap_kernel.level(slopes, pyramid.height, pyramid.width, num_threads())
    return pyramid_kernel.forward(texels, uv, level, cube_faces, index, options, num_threads())


def check_texture(
    texture: Any, uv: Any, filter: str, wrap: str, fragments: Fragments | None
) -> tuple[int, int]:
    """Checks shared by the numpy and torch ways; returns the kernel's codes of filter and wrap."""
    validate.shape("uv", uv, ("B", "H", "W", 2))
    validate.shape("texture", texture, ("B or 1", "h", "w", "C"))
    if texture.shape[0] not in (1, uv.shape[0]):
        raise InputError(f"texture: expected a batch of {uv.shape[0]} or 1, got {texture.shape[0]}")
    if texture.shape[1] < 1 or texture.shape[2] < 1:
        raise InputError(f"texture: expected at least one texel, got shape {list(texture.shape)}")
    _check_fragments(fragments, uv)
    validate.choice("filter", filter, pyramid_kernel.FILTERS)
    validate.choice("wrap", wrap, pyramid_kernel.WRAPS)
    return texture_kernel.FILTERS[filter], texture_kernel.WRAPS[wrap]


def _check_fragments(fragments: Fragments | None, uv: Any) -> None:
    if fragments is not None and tuple(fragments.face_index.shape) != tuple(uv.shape[:3]):
        raise InputError(
            f"fragments: expected the shape of uv, {list(uv.shape[:3])}, "
            f"got {list(fragments.face_index.shape)}"
        )
