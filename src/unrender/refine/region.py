"""The object's mask where none is given: several looks of the network at the photo.

The network sees the object in crops of different scale and mirrored; their masks are averaged in the crop of
the reconstruction.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from unrender.image import crop_square
from unrender.network.runtime import NetworkRuntime
from unrender.reconstruct.region import main_object

_SCALES = (1.0, 0.85)


def voted_mask(
    runtime: NetworkRuntime, pixels: np.ndarray, crop: tuple[float, float, float], size: int, views: int
) -> np.ndarray:
    """Mask of the object from several looks.

    Args:
        runtime: the network. pixels: uint8 [H, W, 3] of the whole photo.
        crop: (x, y, side) in photo pixels, where the mask is wanted. size: its side in cells.
        views: number of looks, 1 to 4.

    Returns:
        float32 [size, size] in [0, 1].
    """
    x, y, side = crop
    total = np.zeros((size, size))
    weight = np.zeros((size, size))
    for look in range(max(1, min(views, 2 * len(_SCALES)))):
        wide = side * _SCALES[look // 2]
        left, top = x + (side - wide) / 2, y + (side - wide) / 2
        picture = crop_square(pixels, left, top, wide, runtime.image_size)
        mirrored = look % 2 == 1
        if mirrored:
            picture = np.ascontiguousarray(picture[:, ::-1])
        mask = runtime.mask(picture)
        mask = mask[:, ::-1] if mirrored else mask
        place = ((np.arange(size) + 0.5) / size * side - (side - wide) / 2) / wide
        inside = (place >= 0) & (place < 1)
        seen = _sample(mask, np.clip(place, 0, 1))
        window = np.outer(inside, inside)
        total += np.where(window, seen, 0)
        weight += window
    return main_object((total / np.maximum(weight, 1)).astype(np.float32))


def _sample(mask: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Bilinear samples of [h, h] on the grid place x place, in [0, 1]."""
    cells = np.clip(place * len(mask) - 0.5, 0, len(mask) - 1.000001)
    low = cells.astype(int)
    part = cells - low
    rows = mask[low] * (1 - part[:, None]) + mask[low + 1] * part[:, None]
    return np.asarray(rows[:, low] * (1 - part) + rows[:, low + 1] * part)


def resized(pixels: np.ndarray, size: int) -> np.ndarray:
    """uint8 [S, S, 3] picture at another size, averaged."""
    return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BOX))
