"""Which way a shape of unknown camera may be seen: a grid of views compared with all outlines at once."""

from __future__ import annotations

import math

import numpy as np

from unrender.camera import DEFAULT_FOV_DEGREES, Camera
from unrender.own.silhouettes import SIZE, Silhouette
from unrender.reconstruct.region import FILL
from unrender.render.kernels import rasterize
from unrender.synthesize.shots import frame_object
from unrender.template import make_template

AZIMUTHS = 24
ELEVATIONS = (-10.0, 2.0, 14.0, 26.0, 40.0)
USUAL_ELEVATION, ELEVATION_SPREAD = 10.0, 15.0
"""Mean and standard deviation in degrees of how far above the horizon photos are taken."""
LEAST_ELEVATION, MOST_ELEVATION = math.radians(-15), math.radians(45)
APART = math.radians(25)
"""Two hypotheses of one photo are at least this far apart."""


def view_grid() -> np.ndarray:
    """World-to-camera rotations float64 [G, 3, 3] of all azimuths and elevations, without roll."""
    return np.array([
        looking(2 * math.pi * number / AZIMUTHS, math.radians(elevation))
        for elevation in ELEVATIONS
        for number in range(AZIMUTHS)
    ])  # fmt: skip


def elevation_of(rotation: np.ndarray) -> float:
    """Degrees above the horizon of a camera [3, 3]."""
    return math.degrees(math.asin(float(np.clip(rotation[2, 1], -1, 1))))


def elevation_penalty(rotation: np.ndarray) -> float:
    """Half the squared deviation from the usual elevation, in standard deviations."""
    return 0.5 * ((elevation_of(rotation) - USUAL_ELEVATION) / ELEVATION_SPREAD) ** 2


def looking(azimuth: float, elevation: float) -> np.ndarray:
    """World-to-camera rotation float64 [3, 3] of an upright camera; angles in radians.

    The rotation of `unrender.camera.orbit`, many times as fast.
    """
    ca, sa, ce, se = math.cos(azimuth), math.sin(azimuth), math.cos(elevation), math.sin(elevation)
    return np.array([[ca, 0.0, -sa], [-se * sa, ce, -se * ca], [ce * sa, se, ce * ca]])


def upright(rotation: np.ndarray) -> np.ndarray:
    """The rotation [3, 3] that looks the same way without roll and at no unusual elevation."""
    elevation = math.asin(min(1.0, max(-1.0, float(rotation[2, 1]))))
    azimuth = math.atan2(float(rotation[2, 0]), float(rotation[2, 2]))
    return looking(azimuth, min(MOST_ELEVATION, max(LEAST_ELEVATION, elevation)))


def draw_views(vertices: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Silhouettes bool [G, 64, 64] of vertices [V, 3], framed like the photos' crops."""
    clip = np.empty((len(rotations), len(vertices), 4), np.float32)
    for number, rotation in enumerate(rotations):
        camera: Camera = frame_object(vertices, rotation, SIZE, FILL, np.zeros(2))
        clip[number] = camera.to_clip(vertices)
    faces = np.ascontiguousarray(make_template(3).faces, np.int32)
    index = rasterize.forward(clip, faces, SIZE, SIZE, barycentrics=False)[0]
    return np.asarray(index >= 0)


def agreement(views: np.ndarray, silhouettes: list[Silhouette]) -> np.ndarray:
    """Intersection over union float [N, G] of every outline with every view."""
    first = np.stack([item.mask for item in silhouettes]).reshape(len(silhouettes), -1).astype(np.float32)
    second = views.reshape(len(views), -1).astype(np.float32)
    both = first @ second.T
    return np.asarray(both / (first.sum(1)[:, None] + second.sum(1)[None] - both))


def distinct(scores: np.ndarray, rotations: np.ndarray, count: int) -> list[int]:
    """Numbers of the `count` best views [G], each turned from the better ones by at least `APART`."""
    kept: list[int] = []
    least = 1 + 2 * math.cos(APART)
    for number in np.argsort(-scores):
        if all(float((rotations[number] * rotations[other]).sum()) < least for other in kept):
            kept.append(int(number))
            if len(kept) == count:
                break
    return kept


FOCAL = 0.5 * SIZE / math.tan(math.radians(DEFAULT_FOV_DEGREES) / 2)
"""Focal length of the crop's camera in pixels."""
