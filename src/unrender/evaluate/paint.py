"""Seeded paint for meshes without colours, so that their pictures show more than one grey."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unrender.mesh import Mesh


def has_colours(mesh: Mesh) -> bool:
    """Whether a mesh brings a texture or vertex colours."""
    return mesh.texture is not None or mesh.vertex_colors is not None


def paint(mesh: Mesh, seed: int) -> Mesh:
    """The mesh with vertex colours instead of its own: a back, a belly and patches, mirror-symmetric in x.

    Args:
        mesh: any; its box sets the scale of the pattern. seed: equal seeds give equal paint.
    """
    rng = np.random.default_rng([seed, 7])
    box = mesh.bounds().astype(np.float64)
    place = (mesh.vertices - box.mean(axis=0)) / max(float((box[1] - box[0]).max()), 1e-9)
    place[:, 0] = np.abs(place[:, 0])
    waves = rng.normal(size=(12, 3)) * rng.uniform(3, 14, (12, 1))
    phases, weights = rng.uniform(0, 6.28, 12), rng.normal(size=12) / 3
    pattern = np.sin(place @ waves.T + phases) @ weights
    brightness, tint = rng.beta(1.2, 1.8, (3, 1)), rng.normal(size=(3, 3)) * 0.35
    back, belly, patch = brightness * np.exp(tint)
    height = _smooth(place[:, 1] * 8 + rng.normal())[:, None]
    spots = _smooth(6 * (pattern - rng.uniform(0.1, 0.8)))[:, None]
    colours = belly + (back - belly) * height
    colours = colours + (patch - colours) * spots
    return replace(
        mesh, uvs=None, uv_faces=None, texture=None, vertex_colors=colours.clip(0.02, 0.95).astype(np.float32)
    )


def _smooth(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values.clip(-30, 30)))
