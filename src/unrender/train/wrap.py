"""Wrapping the template round a cloud of surface points: a balloon that grows inside them.

Cells of a grid that hold points, and what slices of them enclose, make a solid. A small sphere in its
thickest place grows to fill it: at time t it is drawn to the boundary of the part of the solid that lies
within a way of t from the start, the way measured inside the solid. So legs, wings and horns are entered
from their roots, nothing has to be squeezed out of the gaps between them, and where the solid forms a ring
the two fronts stop where they meet. Vertices spread along the surface meanwhile, and at the end every
vertex moves to the middle of the piece of surface that is nearest to it (Lloyd 1982). The balloon has four
times the template's vertices; those of the template are the first of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrender.mesh import vertex_normals
from unrender.metrics.shapes import voxelize_points
from unrender.template import make_template
from unrender.topology import neighbour_table

GRID = 96
"""Cells a side of the grid over [-1.125, 1.125]^3."""
REACH = 1.125
CELL = 2 * REACH / GRID
FLIP = np.array([-1.0, 1.0, 1.0])
TURN = 0.25
"""What normals count beside distances when surface is shared out."""


def solid_of_points(points: np.ndarray) -> np.ndarray:
    """Cells that hold points, and what they enclose, without specks: bool [GRID, GRID, GRID], axes x, y, z.

    Args:
        points: [N, 3] in [-1, 1]; their mirror images in x count too. A cell needs three of them where
            there are more than 100,000.
    """
    from scipy import ndimage

    cells = np.clip(((points / REACH + 1) * 0.5 * GRID).astype(np.int64), 0, GRID - 1)
    index = np.ravel_multi_index(tuple(cells.T), (GRID,) * 3)
    used = np.flatnonzero(np.bincount(index, minlength=GRID**3) >= (3 if len(points) > 100_000 else 1))
    solid = np.zeros((GRID,) * 3, dtype=bool)
    solid[np.unravel_index(used, solid.shape)] = True
    solid |= solid[::-1]
    for _ in range(3):  # undersides are never seen: what one axis closes lets the next one close more
        solid = voxelize_points((np.argwhere(solid) + 0.5) / GRID - 0.5, GRID)
    labels, count = ndimage.label(solid, np.ones((3, 3, 3)))
    sizes = ndimage.sum_labels(solid, labels, np.arange(count + 1))
    return np.asarray((sizes >= sizes[1:].max(initial=0))[labels] & solid)


@dataclass(frozen=True)
class _Field:
    """Signed distance to a solid and way from its thickest place, in cells, on a padded grid."""

    distance: np.ndarray
    way: np.ndarray
    start: np.ndarray
    pad: int

    def at(self, grid: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Values of `grid` at points [V, 3]."""
        from scipy import ndimage

        place = (points / CELL + GRID / 2 + self.pad - 0.5).T
        return np.asarray(ndimage.map_coordinates(grid, place, order=1, mode="nearest"))

    def slope(self, grid: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Unit directions [V, 3] in which `grid` rises."""
        steps = np.eye(3) * CELL
        rise = np.stack([self.at(grid, points + s) - self.at(grid, points - s) for s in steps], -1)
        return np.asarray(rise / np.maximum(np.linalg.norm(rise, axis=1, keepdims=True), 1e-6))


def _field(solid: np.ndarray, pad: int = 4) -> _Field:
    from scipy import ndimage
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    padded = np.pad(solid, pad)
    outside, nearest = ndimage.distance_transform_edt(~padded, return_indices=True)
    inside = ndimage.distance_transform_edt(padded)
    distance = ndimage.gaussian_filter(np.where(padded, 0.5 - inside, outside - 0.5), 0.5)
    middle = padded.shape[0] // 2
    core = ndimage.gaussian_filter(inside, 2.0)
    plane = np.argmax(core[middle])
    start = np.array([middle, *np.unravel_index(plane, core[middle].shape)])
    number = np.full(padded.shape, -1, dtype=np.int64)
    number[padded] = np.arange(int(padded.sum()))
    rows, columns, lengths = [], [], []
    for shift in np.ndindex(3, 3, 3):
        move = np.array(shift) - 1
        if not move.any():
            continue
        other = np.roll(number, -move, (0, 1, 2))
        linked = (number >= 0) & (other >= 0)
        rows.append(number[linked])
        columns.append(other[linked])
        lengths.append(np.full(int(linked.sum()), np.linalg.norm(move)))
    count = int(padded.sum())
    graph = coo_matrix(
        (np.concatenate(lengths), (np.concatenate(rows), np.concatenate(columns))), (count, count)
    )
    first = number[tuple(nearest[:, start[0], start[1], start[2]])]
    reached = dijkstra(graph.tocsr(), indices=int(first))
    way = np.zeros(padded.shape)
    way[padded] = np.where(np.isfinite(reached), reached, 0)
    way = ndimage.gaussian_filter(way[tuple(nearest)], 0.7)
    origin = (start - pad - GRID / 2 + 0.5) * CELL
    origin[0] = 0.0
    return _Field(distance, way, origin, pad)


def wrap(solid: np.ndarray, level: int = 3, pace: float = 0.4) -> np.ndarray:
    """The template's vertices moved to the surface of a solid.

    Args:
        solid: bool [GRID, GRID, GRID] as `solid_of_points` makes them; mirror-symmetric in x.
        level: of the template.
        pace: cells that the balloon's front moves in one step.

    Returns:
        float32 [V, 3], mirror-symmetric.
    """
    field = _field(solid)
    fine = make_template(level + 1)
    table = neighbour_table(fine.faces, len(fine.vertices))
    points = fine.vertices.astype(np.float64) * 1.5 * CELL + field.start
    last = float(field.way[field.distance < 0].max()) + 3
    times = np.concatenate([np.arange(1.5, last, pace), np.full(60, last)])
    for time in times:
        for _ in range(3):
            points = _spread(points, fine.faces, table, 0.5)
        points = _grow(points, fine.faces, field, time)
        points = 0.5 * (points + points[fine.mirror] * FLIP)
    points = _settle(points, field, fine.faces, fine.mirror)
    template = make_template(level)
    points = points[: len(template.vertices)]
    table = neighbour_table(template.faces, len(points))
    for _ in range(40):
        points = _grow(_spread(points, template.faces, table, 0.3), template.faces, field, last)
        points = 0.5 * (points + points[template.mirror] * FLIP)
    return _settle(points, field, template.faces, template.mirror)


def _spread(
    points: np.ndarray, faces: np.ndarray, table: tuple[np.ndarray, np.ndarray], rate: float
) -> np.ndarray:
    """Vertices drawn along the surface to the mean of their neighbours, far ones counting more (springs), a
    little also across it."""
    normals = vertex_normals(points, faces).astype(np.float64)
    edges = points[table[0]] - points[:, None]
    weights = table[1] * np.linalg.norm(edges, axis=2)
    pull = (edges * weights[..., None]).sum(1) / np.maximum(weights.sum(1), 1e-9)[:, None]
    across = (pull * normals).sum(1, keepdims=True) * normals
    return np.asarray(points + rate * (pull - across) + 0.1 * across)


def _grow(points: np.ndarray, faces: np.ndarray, field: _Field, time: float) -> np.ndarray:
    """Vertices moved towards the boundary of what lies within a way of `time`: on along the way where their
    normals look that way, out to the walls, and back from outside. What hangs between two legs goes back
    along the way to where they part, for the nearest wall is on both sides."""
    normals = vertex_normals(points, faces).astype(np.float64)
    ahead, front = field.at(field.way, points) - time, field.slope(field.way, points)
    facing = np.maximum((normals * front).sum(1), 0)
    hanging = field.at(field.distance, points) > 0.5
    pace = np.clip(ahead, -0.8, 0.8) * np.where(ahead < 0, facing, 1) if np.isfinite(time) else 0.0
    points = points - (np.where(hanging, 0.8, pace) * CELL)[:, None] * front
    gap, wall = field.at(field.distance, points), field.slope(field.distance, points)
    facing = np.maximum((normals * wall).sum(1), 0)
    inside = np.clip(gap, -1, 1.5) * np.where(gap < 0, facing, 1) * CELL
    return np.asarray(points - np.where((ahead > 0.5) & (gap < 0), 0, inside)[:, None] * wall)


def _settle(points: np.ndarray, field: _Field, faces: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Vertices in the middle of the piece of surface that is nearest to them and faces as they do."""
    from scipy.spatial import cKDTree

    table = neighbour_table(faces, len(points))
    shell = np.argwhere(np.abs(field.distance) < 0.75)
    surface = (shell - field.pad - GRID / 2 + 0.5) * CELL
    surface = surface - (field.at(field.distance, surface) * CELL)[:, None] * field.slope(
        field.distance, surface
    )
    facing = TURN * field.slope(field.distance, surface)
    for _ in range(25):
        points = _spread(points, faces, table, 0.3)
        normals = vertex_normals(points, faces)
        tree = cKDTree(np.concatenate([points, TURN * normals], 1))
        _, owner = tree.query(np.concatenate([surface, facing], 1))
        count = np.bincount(owner, minlength=len(points))
        middle = np.stack([np.bincount(owner, surface[:, k], len(points)) for k in range(3)], -1)
        target = middle / np.maximum(count, 1)[:, None]
        points = np.where((count > 0)[:, None], 0.4 * points + 0.6 * target, points)
        points = _grow(points, faces, field, np.inf)
        points = 0.5 * (points + points[mirror] * FLIP)
    return np.asarray(points, dtype=np.float32)
