"""What the rendering of a view is compared with, at any resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from unrender.camera import Camera
from unrender.data.capture import Shot
from unrender.reconstruct.distance import signed_distance
from unrender.render.kernels.falloff import FADE_BEGIN, FADE_END

_MARGIN = 0.1


@dataclass(frozen=True, eq=False)
class View:
    """The part of a photo that shows the object, at full resolution.

    Attributes:
        name: of its shot.
        pixels: uint8 [H, W, 3] sRGB. mask: float32 [H, W] in [0, 1]. camera: of this crop, world frame.
        silhouette: False where the mask's outline is unreliable; such a view has its say on colours only.
    """

    name: str
    pixels: np.ndarray
    mask: np.ndarray
    camera: Camera
    silhouette: bool = True


@dataclass(frozen=True, eq=False)
class Target:
    """A view at one resolution.

    Attributes:
        camera: at this size. image: float32 [H, W, 3] sRGB. area: of the mask in pixels.
        weight: float32 [H, W], 1 on pixels that show the object for certain.
        soft: float32 [H, W], the mask with the renderer's own soft edge, or None where it is unreliable.
        delta: of that edge.
    """

    camera: Camera
    image: np.ndarray
    weight: np.ndarray
    soft: np.ndarray | None
    delta: float
    area: float


def read_views(shots: Sequence[Shot]) -> list[View]:
    """Read photos and masks and cut out what surrounds the object.

    Raises:
        ImageError, InputError: as `Shot.read`.
    """
    return [replace(_cut(shot.name, *shot.read()), silhouette=shot.good_silhouette) for shot in shots]


def _cut(name: str, pixels: np.ndarray, mask: np.ndarray, camera: Camera) -> View:
    height, width = mask.shape
    rows, columns = np.flatnonzero((mask > 0.5).any(1)), np.flatnonzero((mask > 0.5).any(0))
    margin = int(_MARGIN * max(np.ptp(rows), np.ptp(columns))) + 4
    top, bottom = max(rows[0] - margin, 0), min(rows[-1] + 1 + margin, height)
    left, right = max(columns[0] - margin, 0), min(columns[-1] + 1 + margin, width)
    cut = replace(
        camera, width=int(right - left), height=int(bottom - top), cx=camera.cx - left, cy=camera.cy - top
    )
    window = (slice(top, bottom), slice(left, right))
    return View(name, pixels[window].copy(), mask[window].copy(), cut)


def make_target(view: View, size: int, blur: float) -> Target:
    """A view with its longer side at most `size` pixels and an edge of `blur` pixels."""
    height, width = view.mask.shape
    scale = min(1.0, size / max(height, width))
    rows, columns = max(8, round(height * scale)), max(8, round(width * scale))
    image = Image.fromarray(view.pixels)
    mask = Image.fromarray(view.mask)
    if (columns, rows) != (width, height):
        image = image.resize((columns, rows), Image.Resampling.BOX)
        mask = mask.resize((columns, rows), Image.Resampling.BOX)
    coverage = np.asarray(mask)
    sure = coverage > 0.9
    padded = np.pad(sure, 1, constant_values=True)
    for axis in (0, 1):
        padded = padded & np.roll(padded, 1, axis) & np.roll(padded, -1, axis)
    return Target(
        camera=view.camera.resized(columns, rows),
        image=np.asarray(image, np.float32) / 255,
        weight=np.ascontiguousarray(padded[1:-1, 1:-1], np.float32),
        soft=soft_edge(signed_distance(coverage > 0.5), blur) if view.silhouette else None,
        delta=(2 * blur / min(rows, columns)) ** 2,
        area=float(max(coverage.sum(), 1.0)),
    )


def soft_edge(distance: np.ndarray, blur: float) -> np.ndarray:
    """What `render.soft_mask(..., combine="nearest")` shows of a shape that fills a mask exactly.

    Args:
        distance: [H, W], `signed_distance` of the mask. blur: width of the edge in pixels.

    Returns:
        float32 [H, W] in [0, 1].
    """
    scaled = np.maximum(distance, 0) ** 2 / blur**2
    rise = np.clip((scaled - FADE_BEGIN) / (FADE_END - FADE_BEGIN), 0, 1)
    return (np.exp(-scaled) * (1 - rise * rise * (3 - 2 * rise))).astype(np.float32)
