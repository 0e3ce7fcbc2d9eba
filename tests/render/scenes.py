"""Tiny named scenes in clip space: float64 [B, V, 4] and faces [F, 3]."""

from __future__ import annotations

import numpy as np

from unrender.camera import Camera, look_at, orbit


def camera(azimuth: float = 25.0, elevation: float = 20.0, distance: float = 3.0, size: int = 20) -> Camera:
    return Camera.from_fov(size, orbit(azimuth, elevation, distance), 45.0)


def cube_mesh() -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64) * 0.6
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], dtype=np.int32)


def icosphere(level: int = 1) -> tuple[np.ndarray, np.ndarray]:
    t = (1 + 5**0.5) / 2
    v = [(-1, t, 0), (1, t, 0), (-1, -t, 0), (1, -t, 0), (0, -1, t), (0, 1, t), (0, -1, -t), (0, 1, -t),
         (t, 0, -1), (t, 0, 1), (-t, 0, -1), (-t, 0, 1)]  # fmt: skip
    f = [
        (0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4), (11, 10, 2),
        (10, 7, 6), (7, 1, 8), (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9), (4, 9, 5), (2, 4, 11),
        (6, 2, 10), (8, 6, 7), (9, 8, 1),
    ]  # fmt: skip
    points = [np.array(p) / np.linalg.norm(p) for p in v]
    for _ in range(level):
        middle: dict[tuple[int, int], int] = {}
        fine = []
        for a, b, c in f:
            m = []
            for i, j in ((a, b), (b, c), (c, a)):
                key = (min(i, j), max(i, j))
                if key not in middle:
                    middle[key] = len(points)
                    p = points[i] + points[j]
                    points.append(p / np.linalg.norm(p))
                m.append(middle[key])
            fine += [(a, m[0], m[2]), (b, m[1], m[0]), (c, m[2], m[1]), tuple(m)]
        f = fine
    return np.array(points), np.array(f, dtype=np.int32)


def scenes() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    one = np.array([[-0.63, -0.52, 0.2, 1.1], [0.71, -0.43, 0.1, 1.3], [0.05, 0.66, 0.3, 0.9]])
    behind = np.array([[-0.3, -0.2, -2.0, -1.0], [0.3, -0.2, -2.1, -1.1], [0.0, 0.3, -2.2, -1.2]])
    other = np.array([[-0.2, -0.7, 0.0, 1.0], [0.9, 0.3, 0.4, 1.2], [-0.5, 0.52, 0.6, 1.6]])
    sliver = np.array([[-0.8, -0.7, 0.2, 1.0], [0.85, 0.713, 0.2, 1.0], [0.84, 0.74, 0.21, 1.02]])
    cube, cube_faces = cube_mesh()
    sphere, sphere_faces = icosphere(1)
    # a floor that runs under the camera and behind it
    floor = np.array([[-3.0, -0.5, 4.0], [3.0, -0.5, 4.2], [0.3, -0.4, -6.0]])
    view = Camera.from_fov(20, look_at(np.array([0.0, 0.3, 2.0])), 60.0)
    inside = Camera.from_fov(20, look_at(np.array([0.13, 0.08, 0.2]), np.array([0.7, 0.3, -1.0])), 70.0)
    triangle = np.array([[0, 1, 2]], dtype=np.int32)
    return {
        "one triangle": (one[None], triangle),
        "two overlapping": (
            np.concatenate([one, other])[None],
            np.array([[0, 1, 2], [3, 4, 5]], dtype=np.int32),
        ),
        "cube": (np.stack([camera().to_clip(cube), camera(200, -30).to_clip(cube)]), cube_faces),
        "sphere from inside": (inside.to_clip(sphere)[None], sphere_faces),
        "sliver": (sliver[None], triangle),
        "behind the camera": (
            np.concatenate([one, behind])[None],
            np.array([[0, 1, 2], [3, 4, 5]], dtype=np.int32),
        ),
        "crossing the near plane": (view.to_clip(floor)[None], triangle),
    }


SCENES = scenes()
