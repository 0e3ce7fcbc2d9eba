"""Textures as picture files."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def encode_texture(texture: np.ndarray, texture_format: str) -> bytes:
    """A picture file of uint8 [h, w, 3] sRGB, row 0 at the top.

    Args:
        texture: the texels. texture_format: "jpeg" (quality 92, 4:4:4) or "png" (fastest compression).
    """
    stream = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(texture))
    if texture_format == "jpeg":
        picture.save(stream, "JPEG", quality=92, subsampling=0)
    else:
        picture.save(stream, "PNG", compress_level=1)
    return stream.getvalue()
