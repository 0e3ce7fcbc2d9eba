"""From a click in the photo to a box round what was clicked on."""

from __future__ import annotations

import numpy as np

from unrender.image import Photo, crop_square
from unrender.network.runtime import NetworkRuntime
from unrender.placement import mask_extent

REACH = 0.08
"""How far from the click the object may begin, as a share of the photo's longer side."""


def box_at(network: NetworkRuntime, photo: Photo, x: float, y: float) -> tuple[float, float, float, float]:
    """Box (x, y, width, height) of the part of the network's mask at or near a point, all in photo pixels.

    Where the network sees nothing there: a box of half the photo's shorter side round the point.
    """
    side = float(max(photo.width, photo.height))
    left, top = (photo.width - side) / 2, (photo.height - side) / 2
    mask = network(crop_square(photo.pixels, left, top, side, network.image_size)).mask > 0.5
    scale = side / mask.shape[0]
    part = _part_near(mask, (x - left) / scale, (y - top) / scale, REACH * mask.shape[0])
    if part is not None:
        l, t, r, b = mask_extent(part, trim=0.004)  # noqa: E741
        if r - l >= 2 and b - t >= 2:
            return left + l * scale, top + t * scale, (r - l) * scale, (b - t) * scale
    half = 0.25 * min(photo.width, photo.height)
    return x - half, y - half, 2 * half, 2 * half


def _part_near(mask: np.ndarray, x: float, y: float, reach: float) -> np.ndarray | None:
    """The 4-connected part of a bool mask [h, w] that is nearest to (x, y), or None beyond `reach` cells."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return None
    distance = np.hypot(columns + 0.5 - x, rows + 0.5 - y)
    nearest = int(np.argmin(distance))
    if distance[nearest] > reach:
        return None
    part = np.zeros_like(mask)
    part[rows[nearest], columns[nearest]] = True
    while True:
        grown = part.copy()
        grown[1:] |= part[:-1]
        grown[:-1] |= part[1:]
        grown[:, 1:] |= part[:, :-1]
        grown[:, :-1] |= part[:, 1:]
        grown &= mask
        if np.array_equal(grown, part):
            return part
        part = grown
