"""Distances between point sets: Chamfer-L1 and F-score, exact nearest neighbours over a grid of cells."""

from __future__ import annotations

import numpy as np

from unrender.errors import InputError
from unrender.render.kernels.jit import jit


def nearest_distances(queries: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Euclidean distance of each query to the nearest of `points` (exact).

    Args:
        queries: float [N, 3]. points: float [M, 3], M >= 1, the same frame and unit.

    Returns:
        float64 [N].

    Raises:
        InputError: a wrong shape, an empty set, or values not finite.
    """
    queries, points = _checked(queries, "queries"), _checked(points, "points")
    low = np.minimum(points.min(axis=0), queries.min(axis=0))
    high = np.maximum(points.max(axis=0), queries.max(axis=0))
    cells = int(np.clip(round(len(points) ** (1 / 3)), 1, 64))
    size = float(max((high - low).max() / cells, 1e-12))
    keys = np.minimum(((points - low) / size).astype(np.int64), cells - 1)
    flat = (keys[:, 0] * cells + keys[:, 1]) * cells + keys[:, 2]
    order = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat[order], np.arange(cells**3 + 1))
    return _nearest(queries, points[order], starts, low, size, cells)


def chamfer_l1(first: np.ndarray, second: np.ndarray) -> float:
    """Mean of the two directed mean distances between point sets float [N, 3] and [M, 3], in their unit.

    As in Mescheder et al., "Occupancy Networks", CVPR 2019.

    Raises:
        InputError: as `nearest_distances`.
    """
    return compare_points(first, second)[0]


def f_score(first: np.ndarray, second: np.ndarray, threshold: float) -> float:
    """Harmonic mean of precision and recall at a distance, for point sets float [N, 3] and [M, 3].

    As in Knapitsch et al., "Tanks and Temples", SIGGRAPH 2017.

    Args:
        first: the prediction. second: the reference.
        threshold: the distance in their unit within which a point counts as right.

    Returns:
        The score in [0, 1].

    Raises:
        InputError: as `nearest_distances`.
    """
    return compare_points(first, second, (threshold,))[1][0]


def compare_points(
    first: np.ndarray, second: np.ndarray, thresholds: tuple[float, ...] = ()
) -> tuple[float, list[float]]:
    """`chamfer_l1` and the `f_score` at each threshold, for the price of one of them."""
    forward, backward = nearest_distances(first, second), nearest_distances(second, first)
    scores = []
    for threshold in thresholds:
        precision, recall = float((forward <= threshold).mean()), float((backward <= threshold).mean())
        scores.append(0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall))
    return float((forward.mean() + backward.mean()) / 2), scores


def _checked(points: np.ndarray, name: str) -> np.ndarray:
    points = np.ascontiguousarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or len(points) == 0:
        raise InputError(f"{name}: expected at least one point [N, 3], got shape {list(points.shape)}")
    if not np.isfinite(points).all():
        raise InputError(f"{name}: hold NaN or infinity; pass finite coordinates")
    return points


@jit
def _nearest(queries, points, starts, low, size, cells):  # pragma: no cover
    """Searches the cells ring by ring round each query until no nearer point can follow."""
    result = np.empty(len(queries))
    centre = np.empty(3, np.int64)
    for q in range(len(queries)):
        query = queries[q]
        for k in range(3):
            centre[k] = min(int((query[k] - low[k]) / size), cells - 1)
        best = np.inf
        for ring in range(cells):
            reach = (ring - 1) * size  # a point of this ring is at least this far away
            if ring > 0 and best <= reach * reach:
                break
            for i in range(max(centre[0] - ring, 0), min(centre[0] + ring, cells - 1) + 1):
                for j in range(max(centre[1] - ring, 0), min(centre[1] + ring, cells - 1) + 1):
                    inside = abs(i - centre[0]) < ring and abs(j - centre[1]) < ring
                    step = 2 * ring if inside else 1
                    k = centre[2] - ring
                    while k <= centre[2] + ring:
                        if 0 <= k < cells:
                            cell = (i * cells + j) * cells + k
                            for p in range(starts[cell], starts[cell + 1]):
                                dx = points[p, 0] - query[0]
                                dy = points[p, 1] - query[1]
                                dz = points[p, 2] - query[2]
                                best = min(best, dx * dx + dy * dy + dz * dz)
                        k += step
        result[q] = np.sqrt(best)
    return result
