"""A scan of a made-up object: photos from all sides with transparency and cameras, for trying out `fit`.

The object is a sphere with smooth bumps and dents (genus 0) and a texture of stripes and patches: everything
about it is known, so that a fit can be checked against it.
"""

from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from unrender.camera import Camera, look_at
from unrender.errors import InputError
from unrender.files import write_atomic
from unrender.light import irradiance_coefficients
from unrender.mesh import Mesh
from unrender.render import render
from unrender.template import make_template
from unrender.texture import linear_to_bytes, linear_to_srgb


@dataclass(frozen=True)
class ScanSettings:
    """What is made.

    Attributes:
        views: number of photos, spread evenly over the sphere of directions. size: their side in pixels.
        seed: of the object. unit: length of the object's longest side in world units.
        lit: under a soft light of spherical harmonics; False shows the plain colours.
    """

    views: int = 24
    size: int = 256
    seed: int = 0
    unit: float = 0.2
    lit: bool = True

    def __post_init__(self) -> None:
        if self.views < 1 or self.size < 32 or not self.unit > 0:
            raise InputError("views, size, unit: expected at least 1 view, 32 pixels, and a length above 0")


def make_object(settings: ScanSettings, level: int = 5) -> Mesh:
    """The object: textured, off the origin, its longest side `settings.unit`.

    Args:
        settings: seed and unit. level: of the icosphere; 5 has 10,242 vertices.
    """
    template = make_template(level)
    directions = template.vertices.astype(np.float64)
    rng = np.random.default_rng(settings.seed)
    radius = np.ones(len(directions))
    for _ in range(14):
        centre = rng.normal(size=3)
        centre /= np.linalg.norm(centre)
        width, height = rng.uniform(0.25, 0.6), rng.uniform(-0.16, 0.28)
        radius += height * np.exp(-((1 - directions @ centre) / width**2) * 2)
    points = directions * radius[:, None] * [1.0, 0.8, 0.9]
    low, high = points.min(0), points.max(0)
    points = (points - (low + high) / 2) / (high - low).max() * settings.unit
    points += settings.unit * np.array([0.5, -0.3, 0.8])
    texture = linear_to_bytes(_paint(template.texels(512), template.vertices[template.faces], rng))
    return Mesh(points.astype(np.float32), template.faces, template.uvs, template.uv_faces, texture)


def _paint(
    texels: tuple[np.ndarray, np.ndarray], corners: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """float64 [T, T, 3] linear colours from sums of waves over the sphere."""
    face, weight = texels
    place = np.einsum("ijk,ijkc->ijc", weight, corners[np.maximum(face, 0)])
    mixture = []
    for count, scale in ((6, 4.0), (6, 9.0), (6, 16.0)):
        waves = rng.normal(size=(count, 3)) * scale
        mixture.append(np.sin(place @ waves.T + rng.uniform(0, 6.3, count)).mean(-1))
    tones = rng.uniform(0.06, 0.8, (4, 3))
    share = [0.5 + 0.5 * np.tanh(5 * wave) for wave in mixture]
    first = tones[0] + (tones[1] - tones[0]) * share[0][..., None]
    second = tones[2] + (tones[3] - tones[2]) * share[1][..., None]
    return np.asarray(first + (second - first) * share[2][..., None])


def scan_cameras(settings: ScanSettings) -> list[Camera]:
    """Cameras all round the object, from -35 to 60 degrees of elevation, in an order that mixes them."""
    target = settings.unit * np.array([0.5, -0.3, 0.8])
    cameras = []
    for index in range(settings.views):
        azimuth = index * math.pi * (3 - math.sqrt(5))
        height = (
            math.sin(math.radians(-35))
            + (math.sin(math.radians(60)) - math.sin(math.radians(-35)))
            * ((index * 7 % settings.views) + 0.5)
            / settings.views
        )
        flat = math.sqrt(1 - height * height)
        eye = target + 3.2 * settings.unit * np.array([
            flat * math.sin(azimuth), height, flat * math.cos(azimuth)
        ])  # fmt: skip
        cameras.append(Camera.from_fov(settings.size, look_at(eye, target), 30.0))
    return cameras


def scan_light(settings: ScanSettings) -> np.ndarray | None:
    """float32 [9, 3], or None if not lit."""
    if not settings.lit:
        return None
    radiance = np.zeros((9, 3))
    radiance[0] = 3.2, 3.1, 3.0
    radiance[1], radiance[2], radiance[3] = 0.9, 0.4, -0.3
    return irradiance_coefficients(radiance).astype(np.float32)


def write_scan(folder: str | Path, settings: ScanSettings | None = None) -> Mesh:
    """Write photos (PNG with transparency) and `cameras.json` (OpenCV, pixel origin at the corner).

    Args:
        folder: made if missing; files of the same names are overwritten. settings: what is made.

    Returns:
        The object.

    Raises:
        OutputError: a file cannot be written.
    """
    settings = settings or ScanSettings()
    root, mesh = Path(folder), make_object(settings)
    views = []
    for index, camera in enumerate(scan_cameras(settings)):
        name = f"images/view_{index:02}.png"
        write_atomic(root / name, _photo(mesh, camera, scan_light(settings)))
        pose = np.diag([1.0, -1.0, -1.0, 1.0]) @ camera.world_to_camera
        views.append({
            "file": name, "width": camera.width, "height": camera.height,
            "K": [[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]],
            "R": pose[:3, :3].tolist(), "t": pose[:3, 3].tolist(),
        })  # fmt: skip
    record = {"convention": "OpenCV: x ~ K (R X + t)", "pixel_origin": "corner", "views": views}
    write_atomic(root / "cameras.json", (json.dumps(record, indent=1) + "\n").encode())
    return mesh


def _photo(mesh: Mesh, camera: Camera, light: np.ndarray | None) -> bytes:
    """RGBA as PNG, anti-aliased, straight alpha."""
    result = render(mesh, camera, light, samples=3)
    mask = np.asarray(result.mask)[..., None]
    colour = linear_to_srgb(np.clip(result.image / np.maximum(mask, 1e-6), 0, 1))
    rgba = np.round(np.concatenate([colour, mask], axis=-1) * 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(rgba).save(stream, "PNG")
    return stream.getvalue()
