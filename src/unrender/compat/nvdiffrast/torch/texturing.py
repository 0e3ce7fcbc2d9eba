"""`texture` and `texture_construct_mip`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unrender.errors import InputError
from unrender.render import Pyramid, make_pyramid, sample_cube_map, sample_texture, validate
from unrender.render.torch_bridge import float_tensor

FILTERS = {
    "nearest": "nearest",
    "linear": "linear",
    "linear-mipmap-nearest": "mipmap-nearest",
    "linear-mipmap-linear": "mipmap",
}
BOUNDARIES = {"wrap": "repeat", "clamp": "clamp", "zero": "zero", "cube": "cube"}


def texture_construct_mip(tex: Tensor, max_mip_level: int | None = None, cube_mode: bool = False) -> Pyramid:
    """The mip levels of a texture (as in `texture`), to be made once and given as its `mip`."""
    return make_pyramid(float_tensor("tex", tex), max_mip_level, cube_mode)


def _stack(tex: Tensor, levels: Sequence[Tensor], cube: bool) -> Pyramid:
    """A pyramid of given levels; each receives its own gradient."""
    height, width = tex.shape[-3:-1]
    parts = [tex]
    for number, level in enumerate(levels, 1):
        size = max(height >> number, 1), max(width >> number, 1)
        expected = (*tex.shape[:-3], *size, tex.shape[-1])
        level = float_tensor(f"mip[{number - 1}]", level, tex)
        validate.shape(f"mip[{number - 1}]", level, expected)
        parts.append(level)
    texels = torch.cat(
        [part.reshape(-1, part.shape[-3] * part.shape[-2], part.shape[-1]) for part in parts], 1
    )
    return Pyramid(texels, height, width, len(parts), cube)


def texture(
    tex: Tensor,
    uv: Tensor,
    uv_da: Tensor | None = None,
    mip_level_bias: Tensor | None = None,
    mip: Pyramid | Sequence[Tensor] | None = None,
    filter_mode: str = "auto",
    boundary_mode: str = "wrap",
    max_mip_level: int | None = None,
) -> Tensor:
    """Look up a texture or a cube map.

    Args:
        tex: [B or 1, h, w, C], row 0 at the bottom (v = 0); with boundary_mode="cube" [B or 1, 6, n, n, C],
            faces as OpenGL has them, row 0 at the top.
        uv: [B, H, W, 2], or directions [B, H, W, 3] for a cube map.
        uv_da: [B, H, W, 4 or 6], derivatives (du/dX, du/dY, dv/dX, ...), from `interpolate`.
        mip_level_bias: [B, H, W], added to the mip level, or the level itself without `uv_da`.
        mip: of `texture_construct_mip`, or a list of the levels from 1 on.
        filter_mode: "auto", "nearest", "linear", "linear-mipmap-nearest" or "linear-mipmap-linear"; "auto" is
            the last if `uv_da` or `mip_level_bias` is given, else "linear".
        boundary_mode: "wrap", "clamp", "zero" or "cube".
        max_mip_level: the coarsest level to use.

    Returns:
        [B, H, W, C]; 0 where a cube map's direction is zero or not finite. Gradients go to all tensors.

    Raises:
        InputError: an argument is not as described.
    """
    uv = float_tensor("uv", uv)
    tex = float_tensor("tex", tex, uv)
    if filter_mode == "auto":
        filter_mode = "linear" if uv_da is None and mip_level_bias is None else "linear-mipmap-linear"
    for name, value, choices in (
        ("filter_mode", filter_mode, FILTERS), ("boundary_mode", boundary_mode, BOUNDARIES)
    ):  # fmt: skip
        if value not in choices:
            raise InputError(f"{name}: expected one of {', '.join(map(repr, choices))}, got {value!r}")
    cube = boundary_mode == "cube"
    validate.shape("tex", tex, ("B or 1", 6, "n", "n", "C") if cube else ("B or 1", "h", "w", "C"))
    axes = 3 if cube else 2
    validate.shape("uv", uv, ("B", "H", "W", axes))
    mipmaps = "mipmap" in filter_mode
    if mipmaps and uv_da is None and mip_level_bias is None:
        raise InputError(f"uv_da: {filter_mode!r} needs uv_da or mip_level_bias")
    pyramid: Pyramid | Tensor = tex
    if mipmaps and isinstance(mip, Pyramid):
        pyramid = _with_base(mip, tex, max_mip_level)
    elif mipmaps and mip is not None and not isinstance(mip, Pyramid):
        pyramid = _stack(tex, list(mip)[:max_mip_level], cube)
    elif mipmaps:
        pyramid = make_pyramid(tex, max_mip_level, cube)
    slopes = None
    if mipmaps and uv_da is not None:
        validate.shape("uv_da", uv_da, (*uv.shape[:3], 2 * axes))
        slopes = float_tensor("uv_da", uv_da, uv).reshape(*uv.shape, 2)
    bias = (
        0.0 if mip_level_bias is None or not mipmaps else float_tensor("mip_level_bias", mip_level_bias, uv)
    )
    kind = FILTERS[filter_mode]
    if not cube:
        flipped = torch.stack([uv[..., 0], 1 - uv[..., 1]], dim=-1)
        wrap = BOUNDARIES[boundary_mode]
        return sample_texture(pyramid, flipped, kind, wrap, uv_derivatives=slopes, level_bias=bias)
    valid = (uv.isfinite().all(dim=-1, keepdim=True)) & (uv != 0).any(dim=-1, keepdim=True)
    somewhere = torch.where(valid, uv, uv.new_tensor([1.0, 0.0, 0.0]))
    found = sample_cube_map(pyramid, somewhere, kind, direction_derivatives=slopes, level_bias=bias)
    return torch.where(valid, found, 0)


def _with_base(mip: Pyramid, tex: Tensor, max_mip_level: int | None) -> Pyramid:
    """The pyramid, cut to the levels wanted; it must have been made of a texture like `tex`."""
    sizes = [(max(mip.height >> n, 1), max(mip.width >> n, 1)) for n in range(mip.levels)]
    if (mip.height, mip.width) != tuple(tex.shape[-3:-1]) or mip.cube != (tex.ndim == 5):
        raise InputError(f"mip: expected one made of a texture of shape {list(tex.shape)}")
    levels = mip.levels if max_mip_level is None else min(mip.levels, max_mip_level + 1)
    texels = sum(height * width for height, width in sizes[:levels])
    return Pyramid(mip.texels[:, :texels], mip.height, mip.width, levels, mip.cube)
