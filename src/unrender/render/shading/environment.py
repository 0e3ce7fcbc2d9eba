"""Environment maps: panoramas and cube maps, and their spherical harmonics.

A panorama is [h, w, C], row 0 at the top (+Y). Its middle column looks along +Z and, seen from inside with
+Y up, the picture runs to the right: u = 0.25 is +X, u = 0.75 is -X, the border -Z.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from unrender.errors import InputError
from unrender.light import sh_basis
from unrender.render.shading.arrays import check_vectors, library, like

CUBE_AXES = np.array(
    [
        [[0, 0, -1], [0, 1, 0], [1, 0, 0]], [[0, 0, 1], [0, 1, 0], [-1, 0, 0]],
        [[1, 0, 0], [0, 0, -1], [0, 1, 0]], [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[-1, 0, 0], [0, 1, 0], [0, 0, -1]],
    ],
    dtype=np.float64,
)  # fmt: skip
"""Right, up and outwards of each face's image, as `sample_cube_map` has them."""


def panorama_directions(height: int, width: int) -> np.ndarray:
    """float64 [height, width, 3], the unit vector of each texel's centre."""
    polar = (np.arange(height) + 0.5)[:, None] * math.pi / height
    turn = ((np.arange(width) + 0.5)[None] / width - 0.5) * 2 * math.pi
    y = np.broadcast_to(np.cos(polar), (height, width))
    return np.stack([-np.sin(polar) * np.sin(turn), y, np.sin(polar) * np.cos(turn)], -1)


def panorama_places(directions: Any) -> Any:
    """uv [..., 2] of directions [..., 3], for `sample_texture(panorama, uv, wrap="repeat")`.

    Straight up and down have no turn: they get u = 0.5, and no gradient in x and z.

    Raises:
        InputError: wrong shape.
    """
    check_vectors(directions=directions)
    xp = library(directions)
    x, y, z = directions[..., 0], directions[..., 1], directions[..., 2]
    flat = x * x + z * z
    pole = flat == 0
    turn = xp.arctan2(-xp.where(pole, 0 * x, x), xp.where(pole, 0 * z + 1, z))
    level = xp.where(pole, 0 * flat + 1, flat) ** 0.5
    rise = xp.arctan2(y, xp.where(pole, 0 * level, level))
    return xp.stack([turn / (2 * math.pi) + 0.5, rise / math.pi + 0.5], -1)


def cube_directions(size: int) -> np.ndarray:
    """float64 [6, size, size, 3], the unit vector of each texel's centre."""
    place = (2 * np.arange(size) + 1) / size - 1
    right, up = np.meshgrid(place, -place)
    points = np.stack([right, up, np.ones_like(right)], -1)
    towards = np.einsum("ijk,fkc->fijc", points, CUBE_AXES)
    return towards / np.linalg.norm(towards, axis=-1, keepdims=True)


def cube_solid_angles(size: int) -> np.ndarray:
    """float64 [size, size], the solid angle of each texel of a face; six faces are 4 pi."""
    border = 2 * np.arange(size + 1) / size - 1
    x, y = np.meshgrid(border, border)
    corner = np.arctan2(x * y, np.sqrt(x * x + y * y + 1))
    return corner[1:, 1:] - corner[:-1, 1:] - corner[1:, :-1] + corner[:-1, :-1]


def project_panorama(image: Any, order: int = 2) -> Any:
    """Spherical harmonics of a panorama's radiance: c_k = sum over texels of L Y_k times the solid angle.

    `unrender.light.irradiance_coefficients` makes of it what `shade_sh` takes.

    Args:
        image: [h, w, C] (or [B, h, w, C]) linear radiance.
        order: 0 to 3.

    Returns:
        [(order + 1)^2, C] (or with a batch axis), in the order of `unrender.light.sh_basis`.

    Raises:
        InputError: wrong shape or order.
    """
    if image.ndim not in (3, 4):
        raise InputError(f"image: expected shape [h, w, C] or [B, h, w, C], got {list(image.shape)}")
    height, width = image.shape[-3:-1]
    borders = np.cos(np.arange(height + 1) * math.pi / height)
    area = (borders[:-1] - borders[1:])[:, None, None] * (2 * math.pi / width)
    weights = sh_basis(panorama_directions(height, width), order) * area
    return _weigh(weights, image, 2)


def project_cube_map(texture: Any, order: int = 2) -> Any:
    """Spherical harmonics of a cube map's radiance, as `project_panorama`.

    Args:
        texture: [6, n, n, C] (or [B, 6, n, n, C]), as in `unrender.render.sample_cube_map`.
        order: 0 to 3.

    Raises:
        InputError: wrong shape or order.
    """
    if texture.ndim not in (4, 5) or texture.shape[-4] != 6 or texture.shape[-3] != texture.shape[-2]:
        raise InputError(f"texture: expected shape [6, n, n, C], got {list(texture.shape)}")
    size = texture.shape[-2]
    weights = sh_basis(cube_directions(size), order) * cube_solid_angles(size)[..., None]
    return _weigh(weights, texture, 3)


def _weigh(weights: np.ndarray, image: Any, axes: int) -> Any:
    """Sums [..., n, C] of weights [texel axes, n] times image [..., texel axes, C]."""
    texels = math.prod(weights.shape[:axes])
    matrix = like(np.ascontiguousarray(weights.reshape(texels, -1).T), image)
    leading = image.shape[: image.ndim - axes - 1]
    return matrix @ image.reshape((*leading, texels, image.shape[-1]))
