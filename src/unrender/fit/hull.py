"""Visual hull: the largest shape whose silhouettes lie inside all masks (Laurentini, PAMI 1994).

The field at a point is the largest of the views' signed distances from its projection to the mask's outline,
in world units: negative inside the hull, positive outside. A view says nothing about what is behind it, nor,
if its mask touches the border of its picture, about what is out of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unrender.camera import Camera
from unrender.errors import InputError
from unrender.reconstruct.distance import signed_distance
from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import jit


@dataclass(frozen=True, eq=False)
class Silhouette:
    """One view's mask as the carver wants it.

    Attributes:
        camera: at the mask's size, world frame.
        distance: float32 [H, W], signed distance in pixels to the mask's outline, positive outside.
        cut: whether the mask touches the border, so that the object may go on outside the picture.
    """

    camera: Camera
    distance: np.ndarray
    cut: bool

    @classmethod
    def from_mask(cls, camera: Camera, mask: np.ndarray) -> Silhouette:
        """From a mask [H, W] in [0, 1] at the camera's size."""
        distance = signed_distance(mask > 0.5).astype(np.float32)
        rim = [distance[:2], distance[-2:], distance[:, :2], distance[:, -2:]]
        return cls(camera, distance, any(bool((part < 0).any()) for part in rim))


@dataclass(frozen=True, eq=False)
class Grid:
    """A cubic grid of samples.

    Attributes:
        low: float64 [3], the first sample. spacing: between samples, world units.
        values: float32 [n, n, n], axes x, y, z; the hull's field.
    """

    low: np.ndarray
    spacing: float
    values: np.ndarray

    @property
    def occupied(self) -> np.ndarray:
        """bool [n, n, n], inside the hull."""
        return self.values < 0


@jit
def _carve(
    begin, end, low, spacing, matrix, focal_x, focal_y, centre_x, centre_y, distance, cut, values, seen
):  # fmt: skip
    """Raise `values` to one view's field on the planes [begin, end) of the first axis."""
    rows, columns = distance.shape
    n = values.shape[1]
    for i in range(begin, end):
        x = low[0] + i * spacing
        for j in range(n):
            y = low[1] + j * spacing
            for k in range(n):
                z = low[2] + k * spacing
                depth = -(matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] * z + matrix[2, 3])
                if depth <= 1e-9:
                    continue
                across = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2] * z + matrix[0, 3]
                up = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2] * z + matrix[1, 3]
                u = centre_x + focal_x * across / depth - 0.5
                v = centre_y - focal_y * up / depth - 0.5
                beyond = max(-u, u - (columns - 1.0), -v, v - (rows - 1.0), 0.0)
                if beyond > 0.0 and cut:
                    continue
                u, v = min(max(u, 0.0), columns - 1.0), min(max(v, 0.0), rows - 1.0)
                column, row = min(int(u), columns - 2), min(int(v), rows - 2)
                fu, fv = u - column, v - row
                top = distance[row, column] * (1 - fu) + distance[row, column + 1] * fu
                low_ = distance[row + 1, column] * (1 - fu) + distance[row + 1, column + 1] * fu
                here = (top * (1 - fv) + low_ * fv + beyond) * depth / focal_x
                if here > values[i, j, k]:
                    values[i, j, k] = here
                seen[i, j, k] += 1


def carve(silhouettes: Sequence[Silhouette], low: np.ndarray, side: float, count: int) -> Grid:
    """The hull's field on a grid.

    Args:
        silhouettes: the views. low: [3], lowest corner of the cube. side: of the cube, world units.
        count: samples along a side.

    Returns:
        Grid; points that fewer than two views (or half of them) see count as outside.
    """
    spacing = side / (count - 1)
    values = np.full((count, count, count), -np.inf, np.float32)
    seen = np.zeros(values.shape, np.int32)
    low = np.asarray(low, np.float64)
    for view in silhouettes:
        camera = view.camera

        def work(begin: int, end: int, view: Silhouette = view, camera: Camera = camera) -> None:
            _carve(
                begin, end, low, spacing, camera.world_to_camera, camera.fx, camera.fy, camera.cx, camera.cy,
                view.distance, view.cut, values, seen,
            )  # fmt: skip

        pool.run(work, count, pool.num_threads())
    needed = min(len(silhouettes), max(2, len(silhouettes) // 2))
    values[seen < needed] = side
    return Grid(low, spacing, values)


def find_hull(silhouettes: Sequence[Silhouette], bounds: np.ndarray | None, count: int) -> Grid:
    """The hull on a cube that fits it closely.

    Args:
        silhouettes: at least two views. bounds: [2, 3] box that holds the object, or None.
        count: samples along a side of the result.

    Raises:
        InputError: no point of space lies inside all masks.
    """
    if bounds is None:
        centre, side = _surroundings(silhouettes)
    else:
        bounds = np.asarray(bounds, np.float64)
        centre, side = bounds.mean(0), 1.1 * float((bounds[1] - bounds[0]).max())
    for _ in range(6):
        grid = carve(silhouettes, centre - side / 2, side, 64)
        cells = np.argwhere(grid.occupied)
        if not len(cells):
            _explain_empty(silhouettes, centre, side)
        low, high = cells.min(0), cells.max(0)
        if bounds is None and (low == 0).any() | (high == 63).any():
            side *= 1.6
            continue
        if (high - low).max() >= 32:
            break
        centre = grid.low + grid.spacing * (low + high) / 2
        side = grid.spacing * ((high - low).max() + 6.0)
    centre = grid.low + grid.spacing * (low + high) / 2
    side = grid.spacing * ((high - low).max() + 3.0)
    margin = 2.0 * side / count
    return carve(silhouettes, centre - side / 2 - margin, side + 2 * margin, count)


def _surroundings(silhouettes: Sequence[Silhouette]) -> tuple[np.ndarray, float]:
    """Centre and side of a cube: where the rays through the masks' centres meet, and what they show there.

    Raises:
        InputError: the cameras look along parallel rays or away from each other.
    """
    matrix, right, rays = np.zeros((3, 3)), np.zeros(3), []
    for view in silhouettes:
        rows, columns = np.nonzero(view.distance < 0)
        camera = view.camera
        local = np.array([
            (columns.mean() + 0.5 - camera.cx) / camera.fx, (camera.cy - rows.mean() - 0.5) / camera.fy, -1.0
        ])  # fmt: skip
        direction = camera.rotation.T @ (local / np.linalg.norm(local))
        away = np.eye(3) - np.outer(direction, direction)
        matrix += away
        right += away @ camera.position
        reach = np.hypot(columns - columns.mean(), rows - rows.mean()).max() / camera.fx
        rays.append((camera, reach))
    if np.linalg.cond(matrix) > 1e8:
        raise InputError("cameras: all look along the same line; take photos from several sides")
    centre = np.linalg.solve(matrix, right)
    radii = [reach * -camera.to_camera(centre)[2] for camera, reach in rays]
    if not (np.array(radii) > 0).all():
        raise InputError(
            "cameras: do not look at one point (the object is behind some); check the convention of the poses"
        )
    return centre, 2.4 * float(np.median(radii))


def _explain_empty(silhouettes: Sequence[Silhouette], centre: np.ndarray, side: float) -> None:
    """Raise the error for an empty hull; it names the view that contradicts the others most."""
    volumes = []
    for index in range(len(silhouettes)):
        others = [view for number, view in enumerate(silhouettes) if number != index]
        volumes.append(int(carve(others, centre - side / 2, side, 32).occupied.sum()))
    worst = int(np.argmax(volumes))
    hint = f"; without photo {worst + 1} of {len(silhouettes)} they would" if volumes[worst] else ""
    raise InputError(
        f"masks, cameras: no point of space lies inside all masks{hint}; "
        "check the convention of the poses and the masks"
    )
