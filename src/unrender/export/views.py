"""Pictures of a mesh from any side: a turn, a sheet of four views, depth and normals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from unrender.camera import Camera, orbit
from unrender.errors import InputError
from unrender.light import sh_basis
from unrender.mesh import Mesh
from unrender.metrics import normalize_box
from unrender.texture import linear_to_srgb, srgb_to_linear

SHEET_VIEWS = {"front": (0.0, 5.0), "left": (90.0, 5.0), "back": (180.0, 5.0), "top": (0.0, 85.0)}
"""Azimuth and elevation in degrees of the views of a sheet, in its order."""
_TURN_ELEVATION = 12.0
_PAPER = 0.96


def turn_frames(mesh: Mesh, frames: int = 36, size: int = 256) -> np.ndarray:
    """One slow turn round a mesh under a soft light that stands still, starting at its front.

    Args:
        mesh: +Y up, front +Z, with texture or colours; scaled and centred to fill the picture.
        frames: number of evenly spaced azimuths, 1 to 720. The object's left side comes after its front.
        size: side of a picture in pixels, 8 to 4096.

    Returns:
        uint8 [frames, size, size, 3] sRGB, anti-aliased, row 0 at the top.

    Raises:
        InputError: `frames` or `size` out of range.
    """
    if not 1 <= frames <= 720:
        raise InputError(f"frames: expected 1 to 720, got {frames}")
    return _views(mesh, [(360 * index / frames, _TURN_ELEVATION) for index in range(frames)], size)


def four_views(mesh: Mesh, size: int = 256) -> np.ndarray:
    """A mesh from the sides of `SHEET_VIEWS`: uint8 [4, size, size, 3] sRGB, as `turn_frames`.

    Raises:
        InputError: `size` out of range.
    """
    return _views(mesh, list(SHEET_VIEWS.values()), size)


def depth_and_normals(mesh: Mesh, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Depth and normals of what a camera sees.

    Args:
        mesh: in the camera's world frame. camera: sets the size of the pictures.

    Returns:
        Depth, float32 [H, W], along the camera's -Z in the mesh's unit, 0 where nothing is; and smooth unit
        normals, float32 [H, W, 3], in the camera's frame (x right, y up, z towards the viewer), 0 where
        nothing is.
    """
    from unrender.render.scene import render

    seen = render(mesh, camera)
    turn = np.asarray(camera.world_to_camera, np.float32)[:3, :3]
    return np.asarray(seen.depth, np.float32), np.einsum("ij,hwj->hwi", turn, seen.normals).astype(np.float32)


def _views(mesh: Mesh, angles: list[tuple[float, float]], size: int) -> np.ndarray:
    if not 8 <= size <= 4096:
        raise InputError(f"size: expected 8 to 4096 pixels, got {size}")
    mesh = unit_mesh(mesh)
    light = sh_light(np.array([0.4, 1.0, 0.8]), np.full(3, 0.5), np.full(3, 0.6))
    pictures = np.empty((len(angles), size, size, 3), np.uint8)
    for index, (azimuth, elevation) in enumerate(angles):
        camera = orbit_camera(mesh, azimuth, elevation, size)
        pictures[index] = smooth_view(mesh, camera, light, _PAPER)[0] * 255 + 0.5
    return pictures


def unit_mesh(mesh: Mesh) -> Mesh:
    """The mesh with its bounding box in the unit box (see `metrics.normalize_box`)."""
    return replace(mesh, vertices=normalize_box(mesh.vertices, mesh.faces).astype(np.float32))


def orbit_camera(mesh: Mesh, azimuth: float, elevation: float, size: int, margin: float = 1.08) -> Camera:
    """A camera on an orbit (degrees) round a centred mesh that sees all of it.

    `margin` is the distance over that at which the bounding sphere just fits the picture.
    """
    radius = float(np.linalg.norm(mesh.vertices[np.unique(mesh.faces)], axis=1).max())
    distance = margin * radius / math.sin(math.radians(15))
    return Camera.from_fov(size, orbit(azimuth, elevation, distance), 30.0)


def sh_light(direction: np.ndarray, ambient: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """[9, 3] spherical-harmonic light whose shading is close to ambient + strength * max(n . direction, 0).

    Args:
        direction: [3] towards the light, world frame. ambient, strength: [3] linear RGB.
    """
    steps = np.arange(2000) + 0.5  # evenly spread normals: a spherical Fibonacci lattice
    height, turn = 1 - 2 * steps / len(steps), steps * math.pi * (3 - math.sqrt(5))
    radius = np.sqrt(1 - height**2)
    normals = np.stack([radius * np.cos(turn), height, radius * np.sin(turn)], axis=1)
    facing = np.maximum(normals @ (np.asarray(direction) / np.linalg.norm(direction)), 0)
    shading = np.asarray(ambient) + facing[:, None] * np.asarray(strength)
    return np.linalg.lstsq(np.asarray(sh_basis(normals)), shading, rcond=None)[0]


def smooth_view(
    mesh: Mesh, camera: Camera, light: np.ndarray | None, behind: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """An anti-aliased rendering over a background.

    Args:
        mesh, camera, light: as `render_view`.
        behind: sRGB in [0, 1], a grey or [H, W, 3].

    Returns:
        sRGB float32 [H, W, 3] in [0, 1] and the coverage float [H, W] in [0, 1].
    """
    from unrender.render.scene import render

    result = render(mesh, camera, light, (camera.height, camera.width), samples=2)
    mask = np.asarray(result.mask)
    paper = srgb_to_linear(np.asarray(behind, dtype=np.float32))
    linear = result.image + paper * (1 - mask[..., None])
    return linear_to_srgb(np.clip(linear, 0, 1)).astype(np.float32), mask
