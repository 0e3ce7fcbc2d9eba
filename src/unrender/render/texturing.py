"""Texture look-up, for numpy arrays and for torch tensors."""

from __future__ import annotations

from typing import Any

from unrender.errors import InputError
from unrender.render import validate
from unrender.render.fragments import Fragments
from unrender.render.kernels import texture as texture_kernel
from unrender.render.kernels.threads import num_threads


def sample_texture(
    texture: Any, uv: Any, filter: str = "linear", wrap: str = "clamp", fragments: Fragments | None = None
) -> Any:
    """Look up a texture.

    Row 0 of the texture is v = 1, column 0 is u = 0: texel (r, c) has its centre at
    u = (c + 0.5) / w, v = 1 - (r + 0.5) / h. Pixels where nothing was drawn have uv = (0, 0) after
    `interpolate` and get that corner's colour, unless `fragments` is given.

    Args:
        texture: [B or 1, h, w, C] (or [h, w, C]), linear light.
        uv: [B, H, W, 2], the same dtype, u right and v up. NaN and infinity count as 0.
        filter: "linear" (bilinear) or "nearest".
        wrap: "clamp" to the outermost texels or "repeat".
        fragments: where given, pixels where nothing is visible become 0, at no cost.

    Returns:
        [B, H, W, C]. Gradients go to `texture` and, with "linear", to `uv`.

    Raises:
        InputError: a shape, dtype or option is not as described.
    """
    if validate.is_tensor(texture, uv):
        from unrender.render import torch_texturing

        return torch_texturing.sample_texture(texture, uv, filter, wrap, fragments)
    uv = validate.array("uv", uv)
    texture = validate.array("texture", texture, uv.dtype)
    texture = texture[None] if texture.ndim == 3 else texture
    linear, repeat = check_texture(texture, uv, filter, wrap, fragments)
    index = None if fragments is None else fragments.face_index
    return texture_kernel.forward(texture, uv, linear, repeat, index, num_threads())


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
    if fragments is not None and tuple(fragments.face_index.shape) != tuple(uv.shape[:3]):
        raise InputError(
            f"fragments: expected the shape of uv, {list(uv.shape[:3])}, "
            f"got {list(fragments.face_index.shape)}"
        )
    linear = validate.choice("filter", filter, texture_kernel.FILTERS)
    return linear, validate.choice("wrap", wrap, texture_kernel.WRAPS)
