"""Renderings that the evaluation looks at: a result over its photo, and the same mesh from other sides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from unrender.camera import Camera
from unrender.export.views import orbit_camera, sh_light, smooth_view, unit_mesh
from unrender.image import crop_square
from unrender.mesh import Mesh
from unrender.texture import linear_to_srgb

if TYPE_CHECKING:
    from unrender.reconstruct import Reconstruction

SIZE = 128
"""Side of the square crop on which photos are scored, in pixels."""
TURNED = {"left": (90.0, 0.0), "front": (0.0, 0.0), "back": (180.0, 0.0), "top": (0.0, 89.0)}
"""Azimuth and elevation in degrees of the turned views of a contact sheet."""


def crop_camera(camera: Camera, crop: tuple[float, float, float], size: int) -> Camera:
    """The camera of a square crop (x, y, side in pixels of the whole photo), resampled to `size` pixels."""
    x, y, side = crop
    scale = size / side
    return replace(
        camera, width=size, height=size, fx=camera.fx * scale, fy=camera.fy * scale,
        cx=(camera.cx - x) * scale, cy=(camera.cy - y) * scale,
    )  # fmt: skip


def render_view(mesh: Mesh, camera: Camera, light: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Render a mesh at the camera's size.

    Args:
        mesh: in the camera's world frame.
        camera: of the picture.
        light: [9, 3] spherical harmonics; None shows the plain albedo.

    Returns:
        sRGB float32 [H, W, 3] in [0, 1], 0 where nothing is, and the mask bool [H, W].
    """
    from unrender.render.scene import render

    result = render(mesh, camera, light, (camera.height, camera.width))
    image = linear_to_srgb(np.clip(result.image, 0, 1)).astype(np.float32)
    return image, np.asarray(result.mask) > 0.5


def crop_photo(pixels: np.ndarray, crop: tuple[float, float, float], size: int) -> np.ndarray:
    """The crop of a photo uint8 [H, W, 3] as float32 [size, size, 3] in [0, 1]; black outside the photo."""
    return crop_square(pixels, *crop, size, 0).astype(np.float32) / 255


def crop_mask(mask: np.ndarray, crop: tuple[float, float, float], size: int) -> tuple[np.ndarray, float]:
    """The crop of a mask bool [H, W].

    Returns:
        bool [size, size], and the area of the mask whose pixels have their centres outside the crop, in
        pixels of the crop.
    """
    x, y, side = crop
    rows, columns = np.nonzero(mask)
    down, right = rows + 0.5 - y, columns + 0.5 - x
    outside = (down < 0) | (down > side) | (right < 0) | (right > side)
    coverage = crop_square(mask.astype(np.float32), x, y, side, size, 0.0)
    return coverage >= 0.5, float(outside.sum()) * (size / side) ** 2


def look(result: Reconstruction, mesh: Mesh, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """The exported mesh of a result lit and seen as in its photo: sRGB [size, size, 3] and mask."""
    camera = Camera.from_json(result.camera.to_json())  # what anybody would read from the JSON
    return render_view(mesh, crop_camera(camera, result.crop, size), np.asarray(result.light))


def turned_views(mesh: Mesh, size: int = SIZE) -> list[np.ndarray]:
    """The mesh from its left, front, back and from above, sRGB float32 [size, size, 3] over light grey."""
    mesh = unit_mesh(mesh)
    light = sh_light(np.array([0.3, 1.0, 0.6]), np.full(3, 0.55), np.full(3, 0.55))
    cameras = [orbit_camera(mesh, *angles, size) for angles in TURNED.values()]
    return [smooth_view(mesh, camera, light, 0.93)[0] for camera in cameras]
