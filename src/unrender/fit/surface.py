"""A closed manifold mesh from an occupancy grid: surface nets on a repaired grid.

Surface nets (Gibson, MICCAI 1998): one vertex in every cell of eight samples that differ, at the mean of the
field's crossings of the cell's edges; one quad for every edge of the grid that the surface crosses. This is a
2-manifold exactly if the occupied samples are well-composed (Latecki, Eckhardt and Rosenfeld, CVIU 1995), so
critical configurations are filled first.
"""

from __future__ import annotations

import numpy as np

from unrender.errors import MeshError
from unrender.fit.hull import Grid

_OFFSETS = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])


def largest_part(occupied: np.ndarray) -> np.ndarray:
    """The largest 6-connected component of bool [n, n, n]."""
    labels = np.where(occupied, np.arange(1, occupied.size + 1).reshape(occupied.shape), 0)
    while True:  # the largest label of a component spreads by sweeps along each axis
        before = labels.copy()
        for axis in range(3):
            moved = np.moveaxis(labels, axis, 0)
            for i in range(1, len(moved)):
                np.maximum(moved[i], moved[i - 1], out=moved[i], where=moved[i] > 0)
            for i in range(len(moved) - 2, -1, -1):
                np.maximum(moved[i], moved[i + 1], out=moved[i], where=moved[i] > 0)
        if (labels == before).all():
            break
    values, counts = np.unique(labels[labels > 0], return_counts=True)
    part: np.ndarray = labels == values[np.argmax(counts)]
    return part


def make_well_composed(occupied: np.ndarray) -> np.ndarray:
    """bool [n, n, n] with samples added until no two touch only along an edge or at a corner.

    A layer of free samples round the grid is kept.
    """
    grid = occupied.copy()
    while True:
        fill = np.zeros_like(grid)
        for axis in range(3):
            cells, target = np.moveaxis(grid, axis, 2), np.moveaxis(fill, axis, 2)
            a, b, c, d = cells[:-1, :-1], cells[1:, 1:], cells[1:, :-1], cells[:-1, 1:]
            target[1:, :-1] |= a & b & ~c & ~d
            target[:-1, :-1] |= ~a & ~b & c & d
        corners = [_shifted(grid, *offset) for offset in _OFFSETS]
        total = np.sum(corners, axis=0)
        for index in range(4):
            pair = corners[index] & corners[7 - index]
            _shifted(fill, *_OFFSETS[index ^ 1])[(total == 2) & pair] = True
            gap = ~corners[index] & ~corners[7 - index]
            _shifted(fill, *_OFFSETS[index])[(total == 6) & gap] = True
        fill &= ~grid
        if not fill.any():
            return grid
        grid |= fill


def _shifted(grid: np.ndarray, i: int, j: int, k: int) -> np.ndarray:
    """View of the corner (i, j, k) of every cell."""
    n = len(grid) - 1
    return grid[i : n + i, j : n + j, k : n + k]


def extract_surface(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Closed 2-manifold of a grid's largest part.

    Args:
        grid: field, negative inside. The outermost samples count as outside.

    Returns:
        vertices float64 [V, 3] in the grid's frame and faces int32 [F, 3], counter-clockwise from outside.

    Raises:
        MeshError: nothing is inside.
    """
    inside = grid.occupied.copy()
    for axis in range(3):
        np.moveaxis(inside, axis, 0)[[0, -1]] = False
    if not inside.any():
        raise MeshError("grid: holds no point of the object; use a finer grid")
    inside = make_well_composed(largest_part(inside))
    tiny = 1e-3 * grid.spacing
    limit = 2 * grid.spacing
    field = np.where(
        inside, np.clip(grid.values, -limit, -tiny), np.clip(grid.values, tiny, limit)
    )  # agrees in sign with what was filled and dropped
    corners = np.stack([_shifted(inside, *offset) for offset in _OFFSETS])
    mixed = corners.any(0) & ~corners.all(0)
    number = np.full(mixed.shape, -1, np.int64)
    number[mixed] = np.arange(int(mixed.sum()))
    cells = np.argwhere(mixed)

    total, count = np.zeros((len(cells), 3)), np.zeros((len(cells), 1))
    samples = np.stack([_shifted(field, *offset)[mixed] for offset in _OFFSETS], axis=1)
    for axis in range(3):
        step = 4 >> axis
        for first in range(8):
            if first & step:
                continue
            low, high = samples[:, first], samples[:, first + step]
            crossed = (low < 0) != (high < 0)
            place = np.tile(_OFFSETS[first].astype(float), (len(cells), 1))
            place[:, axis] = low / np.where(crossed, low - high, 1.0)
            total[crossed] += place[crossed]
            count[crossed] += 1
    vertices = grid.low + grid.spacing * (cells + total / count)
    faces = np.concatenate([_quads(inside, number, axis) for axis in range(3)])
    return vertices, _triangles(vertices, faces).astype(np.int32)


def _quads(inside: np.ndarray, number: np.ndarray, axis: int) -> np.ndarray:
    """int64 [Q, 4]: the four cells round every crossed edge along `axis`, counter-clockwise from outside."""
    moved, cell = np.moveaxis(inside, axis, 0), np.moveaxis(number, axis, 0)
    if axis == 1:  # moving an axis to the front mirrors the other two for y only
        moved, cell = moved.swapaxes(1, 2), cell.swapaxes(1, 2)
    low, high = moved[:-1, 1:-1, 1:-1], moved[1:, 1:-1, 1:-1]
    ring = np.stack([cell[:, :-1, :-1], cell[:, 1:, :-1], cell[:, 1:, 1:], cell[:, :-1, 1:]], axis=-1)
    leaving, entering = ring[low & ~high], ring[~low & high]
    return np.concatenate([leaving, entering[:, ::-1]])


def _triangles(vertices: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Two triangles for each quad, along its shorter diagonal."""
    a, b, c, d = quads.T
    one = np.linalg.norm(vertices[a] - vertices[c], axis=1)
    other = np.linalg.norm(vertices[b] - vertices[d], axis=1)
    first = np.where((one <= other)[:, None], np.stack([a, b, c], 1), np.stack([a, b, d], 1))
    second = np.where((one <= other)[:, None], np.stack([a, c, d], 1), np.stack([b, c, d], 1))
    return np.concatenate([first, second])
