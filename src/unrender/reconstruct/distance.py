"""Signed distance to a mask's outline, and points with normals on the outline."""

from __future__ import annotations

import numpy as np

from unrender.render.kernels.jit import jit

_FAR = 1e12


@jit
def _squared_distance_line(values, out, sites, bounds):
    """Lower envelope of parabolas (Felzenszwalb and Huttenlocher, Theory of Computing 2012): one line."""
    count = values.shape[0]
    last = 0
    sites[0] = 0
    bounds[0] = -_FAR
    bounds[1] = _FAR
    for q in range(1, count):
        while True:
            p = sites[last]
            crossing = ((values[q] + q * q) - (values[p] + p * p)) / (2.0 * (q - p))
            if crossing > bounds[last]:
                break
            last -= 1
        last += 1
        sites[last] = q
        bounds[last] = crossing
        bounds[last + 1] = _FAR
    k = 0
    for q in range(count):
        while bounds[k + 1] < q:
            k += 1
        p = sites[k]
        out[q] = (q - p) * (q - p) + values[p]


@jit
def _squared_distance(field):
    """In place: squared distance of every cell to the nearest cell that holds 0."""
    rows, columns = field.shape
    longest = max(rows, columns)
    sites = np.zeros(longest + 1, np.int64)
    bounds = np.zeros(longest + 2, np.float64)
    line = np.empty(longest, np.float64)
    out = np.empty(longest, np.float64)
    for j in range(columns):
        for i in range(rows):
            line[i] = field[i, j]
        _squared_distance_line(line[:rows], out[:rows], sites, bounds)
        for i in range(rows):
            field[i, j] = out[i]
    for i in range(rows):
        _squared_distance_line(field[i].copy(), out[:columns], sites, bounds)
        for j in range(columns):
            field[i, j] = out[j]


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Signed distance in pixels of every pixel centre to the outline of a mask [H, W] bool.

    Positive outside, negative inside; the outline lies half way between inside and outside pixels.
    Returns float64 [H, W]; a mask without outline gives a constant of +-(H + W).
    """
    mask = np.asarray(mask, dtype=bool)
    if not mask.any() or mask.all():
        return np.full(mask.shape, (1.0 if not mask.any() else -1.0) * sum(mask.shape))
    outside = np.where(mask, 0.0, _FAR)
    inside = np.where(mask, _FAR, 0.0)
    _squared_distance(outside)
    _squared_distance(inside)
    distance: np.ndarray = np.sqrt(outside) - np.sqrt(inside)
    return distance - 0.5 * np.sign(distance)


def outline(probability: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """About `count` points evenly over the 0.5 level of a mask [H, W] in [0, 1], and the outward normals.

    Points are (u, v) pixels, float64 [N, 2], linear interpolation between pixel centres; normals [N, 2] are
    unit.
    Crossings of pixel rows and columns alike are used, each weighted by neither: density follows the outline
    to within a factor sqrt(2).
    """
    field = np.asarray(probability, dtype=np.float64) - 0.5
    inside = field > 0
    gradient_v, gradient_u = (np.asarray(slope) for slope in np.gradient(field))
    points, normals = [], []
    for axis in (0, 1):
        first = field[:-1] if axis == 0 else field[:, :-1]
        second = field[1:] if axis == 0 else field[:, 1:]
        crossing = (inside[:-1] != inside[1:]) if axis == 0 else (inside[:, :-1] != inside[:, 1:])
        rows, columns = np.nonzero(crossing)
        fraction = first[rows, columns] / (first[rows, columns] - second[rows, columns])
        v = rows + (fraction if axis == 0 else 0.0)
        u = columns + (fraction if axis == 1 else 0.0)
        points.append(np.stack([u + 0.5, v + 0.5], 1))
        near = (rows + (fraction > 0.5), columns) if axis == 0 else (rows, columns + (fraction > 0.5))
        normals.append(-np.stack([gradient_u[near], gradient_v[near]], 1))
    found = np.concatenate(points)
    directions = np.concatenate(normals)
    directions = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-9)
    step = max(1, round(len(found) / count))
    return found[::step], directions[::step]
