"""Matches between pixels and the template by canonical coordinates, which the network predicts everywhere.

A pixel that says "I am the beak" holds the camera where an outline alone lets it slide: outlines of a bird
seen from 20 degrees further round look much the same (object coordinates: Wang et al., CVPR 2019;
canonical surface mapping: Kulkarni et al., ICCV 2019).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from unrender.render.kernels.jit import jit


class SurfaceMatches(NamedTuple):
    """Where points of the template should appear.

    Attributes:
        vertices: int32 [N, 2], the template point is the middle of these two vertices, which may be equal.
        points: float64 [N, 2] its place in the picture, pixels.
        weights: float64 [N], sum 1.
    """

    vertices: np.ndarray
    points: np.ndarray
    weights: np.ndarray

    def distances(self, pixels: np.ndarray) -> np.ndarray:
        """Distance in pixels [N] of the points from their places, for projected vertices [V, 2]."""
        middle = 0.5 * (pixels[self.vertices[:, 0]] + pixels[self.vertices[:, 1]])
        return np.sqrt(((middle - self.points) ** 2).sum(1))


def match_surface(
    surface: np.ndarray, mask: np.ndarray, canonical: np.ndarray, neighbours: np.ndarray
) -> SurfaceMatches | None:
    """Match the cells of the network's surface map that lie on the object.

    Args:
        surface: [4, h, h] float32, canonical coordinates and the logarithm of their expected error.
        mask: [S, S] in [0, 1], S a multiple of h; points are in pixels of this mask.
        canonical: [V, 3] float64 canonical coordinates of the template's vertices.
        neighbours: int32 [V, n] table of adjacent vertices (may repeat).

    Returns:
        The matches, or None where fewer than 8 cells lie on the object.
    """
    cells = surface.shape[1]
    block = mask.shape[0] // cells
    share = mask.reshape(cells, block, cells, block).mean((1, 3))
    row, column = np.nonzero(share > 0.5)
    if len(row) < 8:
        return None
    values = np.ascontiguousarray(surface[:3, row, column].T, np.float64)
    weights = np.exp(-np.clip(surface[3, row, column].astype(np.float64), -4, 1))
    points = np.stack([column + 0.5, row + 0.5], axis=1) * block
    vertices = _nearest(values, canonical, neighbours)
    return SurfaceMatches(vertices, points, weights / weights.sum())


@jit
def _nearest(values, canonical, neighbours):
    """For each value [N, 3] the nearest vertex or middle of an edge at it: int32 [N, 2]."""
    result = np.empty((values.shape[0], 2), np.int32)
    for n in range(values.shape[0]):
        x, y, z = values[n, 0], values[n, 1], values[n, 2]
        best, at = 1e30, 0
        for v in range(canonical.shape[0]):
            dx, dy, dz = canonical[v, 0] - x, canonical[v, 1] - y, canonical[v, 2] - z
            distance = dx * dx + dy * dy + dz * dz
            if distance < best:
                best, at = distance, v
        other = at
        for k in range(neighbours.shape[1]):
            w = neighbours[at, k]
            dx = 0.5 * (canonical[at, 0] + canonical[w, 0]) - x
            dy = 0.5 * (canonical[at, 1] + canonical[w, 1]) - y
            dz = 0.5 * (canonical[at, 2] + canonical[w, 2]) - z
            distance = dx * dx + dy * dy + dz * dz
            if distance < best:
                best, other = distance, w
        result[n, 0], result[n, 1] = at, other
    return result
