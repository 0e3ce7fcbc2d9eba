"""A picture of the mesh every few steps, from a camera that goes slowly round it: the time-lapse of a fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unrender.camera import Camera, look_at
from unrender.fit.objective import Scene
from unrender.mesh import Mesh
from unrender.render import render
from unrender.texture import linear_to_bytes

SIZE = 240
FRAMES = 48
_FOV_DEGREES = 30.0
_PAPER = 0.9


def up_axis(cameras: Sequence[Camera]) -> np.ndarray:
    """Unit [3]: what was up for whoever took the photos.

    The mean of the cameras' own up axes, or, where these point all ways (a turned camera on an arc), the
    normal of the plane in which the cameras stand.
    """
    mean = np.mean([camera.rotation[1] for camera in cameras], axis=0)
    if np.linalg.norm(mean) > 0.4:
        return np.asarray(mean / np.linalg.norm(mean))
    places = np.array([camera.position for camera in cameras])
    _, _, axes = np.linalg.svd(places - places.mean(0))
    normal = axes[-1]
    return np.asarray(normal * (1 if normal @ places.mean(0) >= 0 else -1))


def frame_camera(up: np.ndarray, turn: float, size: int = SIZE) -> Camera:
    """The camera of a frame: `turn` of a full circle (0 to 1) round the unit box, `up` [3] upwards."""
    side = np.cross(up, [0.0, 0.0, 1.0] if abs(up[2]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    front = np.cross(side, up)
    angle = 2 * np.pi * turn
    eye = 2.9 * (0.95 * (np.cos(angle) * side + np.sin(angle) * front) + 0.32 * up)
    return Camera.from_fov(size, look_at(eye, up=up), _FOV_DEGREES)


def draw_frame(scene: Scene, up: np.ndarray, turn: float) -> np.ndarray:
    """uint8 [SIZE, SIZE, 3] sRGB picture of the present state."""
    mesh = Mesh(
        scene.vertices.astype(np.float32), scene.faces,
        vertex_colors=np.clip(scene.albedo, 0, 2).astype(np.float32),
    )  # fmt: skip
    result = render(mesh, frame_camera(up, turn), scene.light, samples=2)
    return linear_to_bytes(result.image + _PAPER * (1 - result.mask[..., None]))
