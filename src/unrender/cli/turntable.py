"""The turning picture of a result: one slow turn under a soft light that stands still."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unrender.evaluate.views import orbit_camera, sh_light, smooth_view, unit_mesh
from unrender.export import write_turntable
from unrender.mesh import Mesh

FRAMES = 36
SIZE = 256
_ELEVATION = 12.0
_PAPER = 0.96


def save_turntable(mesh: Mesh, path: Path) -> None:
    """Write a turn round a mesh as a GIF, starting at its front.

    Args:
        mesh: +Y up, front +Z, with texture or vertex colours. path: ends in ".gif".

    Raises:
        OutputError: the file cannot be written.
    """
    write_turntable(path, turntable_frames(mesh), fps=18)


def turntable_frames(mesh: Mesh, frames: int = FRAMES, size: int = SIZE) -> np.ndarray:
    """uint8 [frames, size, size, 3] sRGB pictures of a mesh, anti-aliased, from evenly spaced azimuths."""
    mesh = unit_mesh(mesh)
    light = sh_light(np.array([0.4, 1.0, 0.8]), np.full(3, 0.5), np.full(3, 0.6))
    pictures = np.empty((frames, size, size, 3), np.uint8)
    for index in range(frames):
        camera = orbit_camera(mesh, 360 * index / frames, _ELEVATION, size)
        pictures[index] = smooth_view(mesh, camera, light, _PAPER)[0] * 255 + 0.5
    return pictures
