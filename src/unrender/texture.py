"""Texture arrays: the sRGB transfer function and resizing in linear light."""

from __future__ import annotations

import numpy as np
from PIL import Image

from unrender.errors import InputError


def _decode(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.04045, value / 12.92, ((np.maximum(value, 0) + 0.055) / 1.055) ** 2.4)


_DECODE_TABLE = _decode(np.arange(256) / 255).astype(np.float32)


def srgb_to_linear(values: np.ndarray) -> np.ndarray:
    """Linear light of sRGB values (IEC 61966-2-1).

    Args:
        values: any shape; uint8, or float with 1 = white (values below 0 stay linear, above 1 continue the
            curve).

    Returns:
        Same shape; float32 for uint8 and float32 input, float64 for float64.
    """
    values = np.asarray(values)
    if values.dtype == np.uint8:
        return _DECODE_TABLE[values]
    dtype = np.float64 if values.dtype == np.float64 else np.float32
    return _decode(values.astype(dtype)).astype(dtype)


def linear_to_srgb(values: np.ndarray) -> np.ndarray:
    """sRGB values of linear light (IEC 61966-2-1); inverse of `srgb_to_linear`.

    Args:
        values: any shape, float, 1 = white; not clipped.

    Returns:
        Same shape, float32 (float64 for float64 input).
    """
    values = np.asarray(values)
    dtype = np.float64 if values.dtype == np.float64 else np.float32
    values = values.astype(dtype)
    curve = 1.055 * np.maximum(values, 0.0031308) ** dtype(1 / 2.4) - 0.055
    return np.where(values <= 0.0031308, values * dtype(12.92), curve).astype(dtype)


def linear_to_bytes(values: np.ndarray) -> np.ndarray:
    """uint8 sRGB of linear light in [0, 1], rounded; values outside are clipped."""
    return np.round(linear_to_srgb(np.clip(values, 0, 1)) * 255).astype(np.uint8)


def resize(texture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resample a texture; anti-aliased when it shrinks, bilinear when it grows.

    Args:
        texture: [h, w, C]; uint8 is taken as sRGB and averaged in linear light, float as linear already.
        height, width: size of the result in texels, at least 1.

    Returns:
        [height, width, C]; uint8 for uint8 input, otherwise float32.

    Raises:
        InputError: not a [h, w, C] array, or a size below 1.
    """
    texture = np.asarray(texture)
    if texture.ndim != 3 or 0 in texture.shape:
        raise InputError(f"texture: expected [h, w, C], got shape {texture.shape}")
    if height < 1 or width < 1:
        raise InputError(f"height, width: expected at least 1 texel, got {height} x {width}")
    if texture.shape[:2] == (height, width):
        return texture.copy() if texture.dtype == np.uint8 else texture.astype(np.float32)
    linear = srgb_to_linear(texture) if texture.dtype == np.uint8 else texture.astype(np.float32)
    planes = [
        Image.fromarray(np.ascontiguousarray(linear[..., c])).resize(
            (width, height), Image.Resampling.BILINEAR
        )
        for c in range(linear.shape[2])
    ]
    result = np.stack([np.asarray(plane) for plane in planes], axis=-1)
    return linear_to_bytes(result) if texture.dtype == np.uint8 else result
