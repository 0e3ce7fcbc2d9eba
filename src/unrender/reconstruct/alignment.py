"""Where an object is and how large, from the moments of its mask: a closed form, before the loop.

The box round a silhouette (`unrender.placement.place`) hangs on its outermost points: one tail of the wrong
length moves all the rest. Area and centroid are sums over all pixels. The principal axis is left alone:
turning the camera to it brings outlines together and takes the camera away from the truth
(docs/experiments.md).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from unrender.reconstruct.silhouette import Geometry, View, see

ROUNDS = 3
"""Looks at a pose; a second one corrects what perspective changes, a third changes little."""


class Moments(NamedTuple):
    """Area in pixels and centroid (u, v) in pixels from the top left."""

    area: float
    u: float
    v: float


def moments_of(covered: np.ndarray) -> Moments | None:
    """Moments of a silhouette [S, S] bool; None where it is smaller than four pixels."""
    across, down = covered.sum(0, dtype=np.float64), covered.sum(1, dtype=np.float64)
    area = float(across.sum())
    if area < 4:
        return None
    u, v = (float((part * (np.arange(len(part)) + 0.5)).sum() / area) for part in (across, down))
    return Moments(area, u, v)


def align(geometry: Geometry, mask: np.ndarray, pose: np.ndarray, view: View) -> np.ndarray:
    """The pose, moved until its silhouette has the mask's area and centroid.

    Args:
        geometry: what is looked at. mask: bool [S, S].
        pose: [12 + N] as in `unrender.reconstruct.step`, placed roughly; it is not changed.
        view: overwritten.

    Returns:
        A new pose of the same length; where the object is out of sight, as it was.
    """
    aim, pose = moments_of(mask), pose.copy()
    centre = 0.5 * len(mask)
    for _ in range(ROUNDS):
        see(geometry, mask, pose, view)
        seen = moments_of(view.counts[:, :-1] > 0)
        if aim is None or seen is None:
            return pose
        nearer = np.sqrt(aim.area / seen.area)
        x, y, z = pose[9:12]
        depth = -z / nearer
        pose[9] = x / nearer + (aim.u - centre - nearer * (seen.u - centre)) * depth / geometry.focal
        pose[10] = y / nearer - (aim.v - centre - nearer * (seen.v - centre)) * depth / geometry.focal
        pose[11] = -depth
    return pose
