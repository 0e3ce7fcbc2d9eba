"""The texture: photo where the surface is seen, its mirror image where that helps, else the network's guess.

Every texel is projected into the crop. Where it is visible and faces the camera it takes the photo's colour;
where only its mirror twin does, the twin's; the rest is the predicted colour plus the difference between
photo and prediction carried over smoothly from the seen parts (pull-push), so that no seam shows.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from unrender.mesh import vertex_normals
from unrender.reconstruct.pull_push import pull_push
from unrender.reconstruct.texels import compare, encode, enlarge, gather
from unrender.render.kernels import threads as pool
from unrender.render.kernels.memory import scratch
from unrender.template import make_template
from unrender.texture import linear_to_srgb, srgb_to_linear

_DARKEST = 0.12
"""Least shading: it keeps albedo finite in shadow."""

_TOLERANCE = 0.03
"""How far behind the rendered surface a texel may lie and still be seen, in object radii."""

_LINEAR = srgb_to_linear(np.arange(256, dtype=np.float32) / 255).astype(np.float32)
_SRGB = (linear_to_srgb(np.linspace(0, 1, 16384, dtype=np.float32)) * 255 + 0.5).astype(np.uint8)


@lru_cache(maxsize=4)
def _texel_table(size: int) -> tuple[np.ndarray, np.ndarray]:
    face, weights = make_template(3).texels(size)
    return np.ascontiguousarray(face, np.int32), np.ascontiguousarray(weights, np.float32)


def bake(
    vertices: np.ndarray,
    world_to_camera: np.ndarray,
    focal: float,
    crop: np.ndarray,
    mask: np.ndarray,
    depth: np.ndarray,
    predicted: np.ndarray,
    light: np.ndarray,
    size: int = 512,
    *,
    lit: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Texture of the template's atlas, and the light that goes with it.

    Args:
        vertices: [642, 3] object frame.
        world_to_camera: [4, 4] of the crop's camera, principal point in its centre.
        focal: focal length in pixels of `crop`.
        crop: uint8 [N, N, 3] sRGB, N a power of two.
        mask: float32 [N, N] in [0, 1], the object.
        depth: float32 [M, M], distance along -Z of the rendered shape, 0 where nothing is.
        predicted: float32 [t, t, 3] albedo, linear in [0, 1], t at most T.
        light: float32 [9, 3] SH coefficients of shading (irradiance over pi) in the object's frame.
        size: T, side of the texture in texels, a power of two.
        lit: False gives albedo (the photo divided by the light), True the colours as they are lit.

    Returns:
        Texture uint8 [T, T, 3] sRGB, row 0 is v = 1; and light [9, 3], made brighter where the albedo would
        otherwise exceed 1.
    """
    template, threads = make_template(3), pool.num_threads()
    texel_face, texel_weights = _texel_table(size)
    rotation = world_to_camera[:3, :3]
    local = (vertices @ rotation.T + world_to_camera[:3, 3]).astype(np.float32)
    normals = vertex_normals(vertices, template.faces)
    both = np.concatenate([normals, normals @ rotation.T], 1).astype(np.float32)
    light = np.ascontiguousarray(light, np.float32)
    trust = _inside(mask)
    photo = _LINEAR[crop]
    pull_push(photo, (trust > 0.5).astype(np.float32), threads)

    small = np.ascontiguousarray(predicted, np.float32)
    texture = np.empty((size, size, 3), np.uint8)
    three = (size, size, 3)
    with (
        scratch(three, np.float32) as colour, scratch(three, np.float32) as difference,
        scratch(three, np.float32) as base,
        scratch((size, size), np.float32) as confidence, scratch((size, size), np.float32) as known,
    ):  # fmt: skip
        pool.run(lambda begin, end: enlarge(begin, end, small, base), size, threads)
        pool.run(
            lambda begin, end: gather(
                begin, end, texel_face, texel_weights, template.faces, local, both, depth, np.float32(focal),
                photo, trust, np.float32(_TOLERANCE), light, np.float32(_DARKEST), lit, colour, confidence,
                base,
            ),
            size, threads,
        )  # fmt: skip
        gain = np.float32(1.0 if lit else _gain(colour, confidence))
        pool.run(
            lambda begin, end: compare(begin, end, colour, confidence, base, gain, difference, known),
            size, threads,
        )  # fmt: skip
        pull_push(difference, known, threads)
        pool.run(lambda begin, end: encode(begin, end, base, gain, difference, _SRGB, texture), size, threads)
    return texture, (light * gain).astype(np.float32)


def _gain(colour: np.ndarray, confidence: np.ndarray) -> float:
    """By what the light must be brighter so that what is surely seen (every other texel) is at most white."""
    certain = colour[::2, ::2][confidence[::2, ::2] > 0.5]
    return max(1.0, float(np.quantile(certain.max(-1), 0.98))) if len(certain) else 1.0


def _inside(mask: np.ndarray) -> np.ndarray:
    """Confidence that a pixel's colour is the object's: the mask, its edge made steeper."""
    return np.ascontiguousarray(np.clip(4 * mask.astype(np.float32) - 1.5, 0, 1))
