"""Metrics of shapes on a voxel grid, after putting both into the unit box.

Protocol: bounding-box centre to the origin, longest side to 1, no rotation and no fitting. Occupied are the
cells of a 32^3 grid that surface samples hit, plus what an axis-aligned slice of them encloses, since
gathered meshes are rarely watertight.
"""

from __future__ import annotations

import math

import numpy as np

from unrender.errors import InputError

GRID = 32
"""Cells along a side of the evaluation grid."""
SURFACE_SAMPLES = 60_000
"""Surface points that mark the cells of the grid."""


def normalize_box(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Vertices with the bounding box of the used ones centred on the origin, its longest side 1.

    Args:
        vertices: float [V, 3], any unit.
        faces: int [F, 3]; vertices that no face uses do not count for the box.

    Returns:
        float64 [V, 3]; used vertices lie in [-0.5, 0.5]^3.

    Raises:
        InputError: no faces, values not finite, or an object without extent.
    """
    vertices = np.asarray(vertices, dtype=np.float64)
    faces = np.asarray(faces)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1:] != (3,):
        raise InputError(
            f"vertices, faces: expected [V, 3] and [F, 3], got {list(vertices.shape)}, {list(faces.shape)}"
        )
    if len(faces) == 0:
        raise InputError("faces: is empty; pass a mesh with at least one face")
    used = vertices[np.unique(faces)]
    if not np.isfinite(used).all():
        raise InputError("vertices: hold NaN or infinity; pass finite coordinates")
    low, high = used.min(axis=0), used.max(axis=0)
    side = float((high - low).max())
    if side <= 0:
        raise InputError("vertices: all lie in one point; pass a mesh with some extent")
    return (vertices - (low + high) / 2) / side


def sample_surface(
    vertices: np.ndarray, faces: np.ndarray, count: int = SURFACE_SAMPLES, seed: int = 0
) -> np.ndarray:
    """Points uniform over the surface by area.

    Args:
        vertices: float [V, 3]. faces: int [F, 3].
        count: number of points.
        seed: of the generator; equal seeds give equal points.

    Returns:
        float64 [count, 3] in the frame and unit of `vertices`.

    Raises:
        InputError: the surface has no area.
    """
    rng = np.random.default_rng(seed)
    corners = np.asarray(vertices, dtype=np.float64)[np.asarray(faces)]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    total = np.cumsum(np.linalg.norm(np.cross(first, second), axis=1))
    if len(total) == 0 or not total[-1] > 0:
        raise InputError("faces: the surface has no area; pass a mesh with at least one proper triangle")
    # Stratified over the area, so that small parts get their share with every seed.
    picks = (np.arange(count) + rng.random(count)) / count * total[-1]
    chosen = np.minimum(np.searchsorted(total, picks, side="right"), len(total) - 1)
    u, v = rng.random((2, count, 1))
    root = np.sqrt(u)
    return corners[chosen, 0] + root * (1 - v) * first[chosen] + root * v * second[chosen]


def voxelize(
    vertices: np.ndarray, faces: np.ndarray, n: int = GRID, samples: int = SURFACE_SAMPLES, seed: int = 0
) -> np.ndarray:
    """Occupied cells of the grid over the box [-0.5, 0.5]^3: surface cells and what slices of them enclose.

    The mesh is taken as it is: use `normalize_box` first.

    Args:
        vertices: float [V, 3]. faces: int [F, 3].
        n: cells along a side.
        samples: surface points that mark cells.
        seed: of the samples.

    Returns:
        bool [n, n, n], axes x, y, z.

    Raises:
        InputError: the surface has no area.
    """
    return voxelize_points(sample_surface(vertices, faces, samples, seed), n)


def voxelize_points(points: np.ndarray, n: int = GRID) -> np.ndarray:
    """As `voxelize`, from surface points float [N, 3] in [-0.5, 0.5]^3 (outside: the nearest border cell)."""
    cells = np.clip(np.floor((points + 0.5) * n).astype(np.int64), 0, n - 1)
    surface = np.zeros((n, n, n), dtype=bool)
    surface[cells[:, 0], cells[:, 1], cells[:, 2]] = True
    occupied = surface.copy()
    for axis in range(3):
        occupied |= np.moveaxis(~_outside(np.moveaxis(surface, axis, 0)), 0, axis)
    return occupied


def _outside(solid: np.ndarray) -> np.ndarray:
    """Free cells of each slice solid[i] that reach the slice's border over its free 4-neighbours."""
    free = ~solid
    outside = np.zeros_like(free)
    outside[:, [0, -1], :] = free[:, [0, -1], :]
    outside[:, :, [0, -1]] = free[:, :, [0, -1]]
    count = -1
    while count != (count := int(outside.sum())):
        # Sweeps carry the front across the whole slice, so that few rounds are needed.
        for i in range(1, outside.shape[1]):
            outside[:, i] |= outside[:, i - 1] & free[:, i]
            outside[:, -1 - i] |= outside[:, -i] & free[:, -1 - i]
        for j in range(1, outside.shape[2]):
            outside[:, :, j] |= outside[:, :, j - 1] & free[:, :, j]
            outside[:, :, -1 - j] |= outside[:, :, -j] & free[:, :, -1 - j]
    return outside


def iou_3d(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two occupancy grids, bool [n, n, n]; in [0, 1], 1.0 when both are empty.

    Raises:
        InputError: not bool or of different shapes.
    """
    if first.dtype != np.bool_ or second.dtype != np.bool_ or first.shape != second.shape:
        raise InputError(
            f"second: expected bool grids of one shape, got {first.dtype} {list(first.shape)} and"
            f" {second.dtype} {list(second.shape)}"
        )
    union = int((first | second).sum())
    return 1.0 if union == 0 else int((first & second).sum()) / union


def rotate_y(points: np.ndarray, degrees: float) -> np.ndarray:
    """Points [N, 3] turned about +Y by `degrees` (counter-clockwise seen from above: +Z goes to +X)."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.asarray(points) @ np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])


def best_yaw(
    vertices: np.ndarray, faces: np.ndarray, target: np.ndarray, steps: int = 36, seed: int = 0
) -> tuple[float, float]:
    """The turn about +Y under which a mesh agrees best with a grid, for meshes whose front is not known.

    The bounding box is put into the unit box again after each turn.

    Args:
        vertices: float [V, 3]. faces: int [F, 3].
        target: bool [n, n, n] occupancy of the reference, from `voxelize`.
        steps: number of turns tried, evenly spaced over the circle.
        seed: of the surface samples.

    Returns:
        The best yaw in degrees, in [0, 360), and its IoU.

    Raises:
        InputError: as `normalize_box` and `sample_surface`.
    """
    points = sample_surface(vertices, faces, seed=seed)
    used = np.asarray(vertices, dtype=np.float64)[np.unique(faces)]
    best = (0.0, -1.0)
    for step in range(steps):
        yaw = 360.0 * step / steps
        turned = rotate_y(used, yaw)
        low, high = turned.min(axis=0), turned.max(axis=0)
        placed = (rotate_y(points, yaw) - (low + high) / 2) / (high - low).max()
        score = iou_3d(voxelize_points(placed, target.shape[0]), target)
        if score > best[1]:
            best = (yaw, score)
    return best


def extent_ratios(vertices: np.ndarray, faces: np.ndarray) -> dict[str, float]:
    """Ratios of the sides of the bounding box: width along X, height along Y, length along Z (front to back).

    A flat cut-out with a perfect mask shows here: one ratio goes to 0.

    Raises:
        InputError: as `normalize_box`, or no extent along Y or Z.
    """
    used = normalize_box(vertices, faces)[np.unique(faces)]
    width, height, length = used.max(axis=0) - used.min(axis=0)
    if height <= 0 or length <= 0:
        raise InputError("vertices: the mesh has no extent along Y or Z, so its ratios are undefined")
    return {
        "width/length": float(width / length),
        "height/length": float(height / length),
        "width/height": float(width / height),
    }
