"""Where the object is: translation of the camera from a mask and a rotated shape."""

from __future__ import annotations

import numpy as np

from unrender.errors import InputError


def mask_extent(mask: np.ndarray, trim: float = 0.01) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) in pixels of a mask [H, W] bool.

    Outer rows and columns that hold less than `trim` of the mask's pixels in all are cut off, so that a few
    stray pixels do not count.

    Raises:
        InputError: the mask is empty.
    """
    mask = np.asarray(mask, dtype=bool)
    total = mask.sum()
    if total == 0:
        raise InputError("mask: is empty; there is no object to place")
    bounds = []
    for counts in (mask.sum(0), mask.sum(1)):
        cumulative = np.cumsum(counts)
        low = np.searchsorted(cumulative, 0.5 * trim * total, side="right")
        high = np.searchsorted(cumulative, (1 - 0.5 * trim) * total, side="left") + 1
        bounds.append((float(low), float(high)))
    (left, right), (top, bottom) = bounds
    return left, top, right, bottom


def place(
    points: np.ndarray, extent: tuple[float, float, float, float], focal: float, size: int
) -> np.ndarray:
    """Translation [3] (camera frame) with which rotated points [V, 3] fill the extent in a square picture.

    The centre of the projected bounding box comes to lie on the extent's centre, and the root of the summed
    squares of its sides becomes the extent's: four fixed-point iterations of the weak-perspective solution.

    Args:
        points: [V, 3] object points after rotation into the camera's axes.
        extent: (left, top, right, bottom) in pixels.
        focal: focal length in pixels; the principal point is the picture's centre.
        size: side of the picture in pixels.
    """
    left, top, right, bottom = extent
    diagonal = max(np.hypot(right - left, bottom - top), 1.0)
    centre_u, centre_v = 0.5 * (left + right) - 0.5 * size, 0.5 * (top + bottom) - 0.5 * size
    spread = np.ptp(points[:, :2], axis=0)
    depth = max(focal * np.hypot(*spread) / diagonal, 1.5 * np.abs(points[:, 2]).max() + 0.1)
    translation = np.array([0.0, 0.0, -depth])
    for _ in range(4):
        local = points + translation
        u = focal * local[:, 0] / -local[:, 2]
        v = -focal * local[:, 1] / -local[:, 2]
        ratio = np.hypot(np.ptp(u), np.ptp(v)) / diagonal
        depth = max(-translation[2] * ratio, 1.2 * points[:, 2].max() + 0.1)
        scale = depth / focal
        translation = np.array([
            translation[0] * depth / -translation[2] + (centre_u - 0.5 * (u.max() + u.min()) / ratio) * scale,
            translation[1] * depth / -translation[2] - (centre_v - 0.5 * (v.max() + v.min()) / ratio) * scale,
            -depth,
        ])  # fmt: skip
    return translation
