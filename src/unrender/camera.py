"""Pinhole cameras: world to camera to pixel and to clip space.

Conventions (those of OpenGL and glTF): the camera looks down its -Z axis, +X right, +Y up. Pixel (row i,
column j) has its centre at (u, v) = (j + 0.5, i + 0.5); row 0 is the top.

    u = cx + fx * X / (-Z)        v = cy - fy * Y / (-Z)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unrender.errors import InputError

DEFAULT_FOV_DEGREES = 30.0
"""Field of view of the square crop when nothing else is known, in degrees."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera, possibly with an off-centre principal point.

    Attributes:
        width, height: picture size in pixels.
        fx, fy: focal lengths in pixels.
        cx, cy: principal point in pixels, from the top-left corner of the picture.
        world_to_camera: [4, 4] float64, rigid, acting on column vectors.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    world_to_camera: np.ndarray

    def __post_init__(self) -> None:
        matrix = np.asarray(self.world_to_camera, dtype=np.float64)
        if matrix.shape != (4, 4):
            raise InputError(f"world_to_camera: expected a [4, 4] matrix, got shape {matrix.shape}")
        if not np.isfinite(matrix).all():
            raise InputError("world_to_camera: contains NaN or infinity; pass a finite rigid transform")
        if self.width < 1 or self.height < 1:
            raise InputError(f"width, height: expected at least 1 pixel, got {self.width} x {self.height}")
        if not (self.fx > 0 and self.fy > 0):
            raise InputError(f"fx, fy: expected positive focal lengths in pixels, got {self.fx}, {self.fy}")
        object.__setattr__(self, "world_to_camera", matrix)

    @classmethod
    def from_fov(
        cls, size: int, world_to_camera: np.ndarray, fov_degrees: float = DEFAULT_FOV_DEGREES
    ) -> Camera:
        """A centred camera for a square picture of `size` pixels with the given field of view in degrees."""
        focal = 0.5 * size / math.tan(math.radians(fov_degrees) / 2)
        return cls(size, size, focal, focal, size / 2, size / 2, world_to_camera)

    @property
    def rotation(self) -> np.ndarray:
        """[3, 3] world-to-camera rotation."""
        return self.world_to_camera[:3, :3]

    @property
    def translation(self) -> np.ndarray:
        """[3] world-to-camera translation."""
        return self.world_to_camera[:3, 3]

    @property
    def position(self) -> np.ndarray:
        """[3] camera centre in world coordinates."""
        return -self.rotation.T @ self.translation

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points [..., 3] in camera coordinates [..., 3] (float64)."""
        return np.asarray(points, dtype=np.float64) @ self.rotation.T + self.translation

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World points [..., 3] to pixels [..., 2] (u right, v down) and depth along -Z [...] (world)."""
        local = self.to_camera(points)
        depth = -local[..., 2]
        pixels = np.stack(
            [self.cx + self.fx * local[..., 0] / depth, self.cy - self.fy * local[..., 1] / depth], axis=-1
        )
        return pixels, depth

    def projection(self, near: float = 0.05, far: float = 100.0) -> np.ndarray:
        """[4, 4] camera-to-clip matrix (OpenGL depth: NDC z = -1 at `near`, +1 at `far`)."""
        matrix = np.zeros((4, 4))
        matrix[0, 0] = 2 * self.fx / self.width
        matrix[0, 2] = -(2 * self.cx / self.width - 1)
        matrix[1, 1] = 2 * self.fy / self.height
        matrix[1, 2] = -(1 - 2 * self.cy / self.height)
        matrix[2, 2] = (far + near) / (near - far)
        matrix[2, 3] = 2 * far * near / (near - far)
        matrix[3, 2] = -1
        return matrix

    def to_clip(self, points: np.ndarray, near: float = 0.05, far: float = 100.0) -> np.ndarray:
        """World points [..., 3] to clip coordinates [..., 4]."""
        points = np.asarray(points, dtype=np.float64)
        homogeneous = np.concatenate([points, np.ones((*points.shape[:-1], 1))], axis=-1)
        return homogeneous @ (self.projection(near, far) @ self.world_to_camera).T

    def resized(self, width: int, height: int) -> Camera:
        """The same view sampled at another picture size."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self, width=width, height=height,
            fx=self.fx * sx, fy=self.fy * sy, cx=self.cx * sx, cy=self.cy * sy,
        )  # fmt: skip

    def uncropped(self, x: float, y: float, width: int, height: int) -> Camera:
        """The camera of a whole picture of which this camera's picture is the crop that starts at (x, y).

        The scale must be the same (use `resized` first): only the principal point moves, no rotation.
        """
        return replace(self, width=width, height=height, cx=self.cx + x, cy=self.cy + y)

    def to_json(self) -> dict[str, Any]:
        """The `camera` entry of the JSON written beside a mesh."""
        return {
            "convention": "opengl",
            "width": self.width,
            "height": self.height,
            "fx": self.fx,
            "fy": self.fy,
            "cx": self.cx,
            "cy": self.cy,
            "world_to_camera": self.world_to_camera.tolist(),
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Camera:
        """Inverse of `to_json`.

        Raises:
            InputError: a key is missing or the convention is not "opengl".
        """
        if record.get("convention") != "opengl":
            raise InputError(f"camera: expected convention 'opengl', got {record.get('convention')!r}")
        try:
            return cls(
                int(record["width"]), int(record["height"]), float(record["fx"]), float(record["fy"]),
                float(record["cx"]), float(record["cy"]), np.asarray(record["world_to_camera"], np.float64),
            )  # fmt: skip
        except KeyError as error:
            raise InputError(f"camera: the key {error} is missing from the camera JSON") from None


def look_at(eye: np.ndarray, target: np.ndarray | None = None, up: np.ndarray | None = None) -> np.ndarray:
    """[4, 4] world-to-camera matrix of a camera at `eye` [3] that looks at `target` [3] (default the origin).

    Raises:
        InputError: `eye` equals `target`, or the view direction is parallel to `up`.
    """
    eye = np.asarray(eye, dtype=np.float64)
    target = np.zeros(3) if target is None else np.asarray(target, dtype=np.float64)
    up = np.array([0.0, 1.0, 0.0]) if up is None else np.asarray(up, dtype=np.float64)
    back = eye - target
    length = np.linalg.norm(back)
    if length == 0:
        raise InputError("eye: equals target; move the camera away from the point it looks at")
    back = back / length
    right = np.cross(up, back)
    if np.linalg.norm(right) < 1e-9:
        raise InputError("up: parallel to the view direction; pass another up vector")
    right = right / np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(back, right), back])
    matrix[:3, 3] = -matrix[:3, :3] @ eye
    return matrix


def orbit(azimuth_degrees: float, elevation_degrees: float, distance: float) -> np.ndarray:
    """[4, 4] world-to-camera matrix on a sphere round the origin.

    Azimuth 0 looks at the object's front (+Z towards the camera), 90 shows its left side (+X).
    """
    azimuth, elevation = math.radians(azimuth_degrees), math.radians(elevation_degrees)
    direction = np.array([
        math.cos(elevation) * math.sin(azimuth), math.sin(elevation), math.cos(elevation) * math.cos(azimuth)
    ])  # fmt: skip
    return look_at(distance * direction)
