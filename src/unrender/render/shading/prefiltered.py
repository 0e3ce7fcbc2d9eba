"""The metallic-roughness material under a whole environment map, by the split-sum approximation.

Karis, "Real Shading in Unreal Engine 4", SIGGRAPH 2013 course: the map is averaged over the facets' lobe once
for each of some roughnesses, seen along the normal; what angle and Fresnel term do is a table of two numbers.
The table and, under a constant environment, the whole are exact; elsewhere lobes are not stretched at grazing
angles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from unrender.errors import InputError
from unrender.light import irradiance_coefficients, shade_sh
from unrender.render.pyramid import Pyramid
from unrender.render.shading.arrays import check_vectors, dot, library, like
from unrender.render.shading.environment import cube_directions, cube_solid_angles, project_cube_map
from unrender.render.shading.ggx import SMOOTHEST, Material, distribution, fresnel, visibility
from unrender.render.texturing import sample_cube_map, sample_texture

TABLE = 32


@dataclass(frozen=True, eq=False)
class PrefilteredEnvironment:
    """An environment map made ready. numpy arrays or torch tensors.

    Attributes:
        levels: cube map `Pyramid`; level k holds the map averaged for roughness k / (levels - 1).
        irradiance: [9, C] spherical harmonics of irradiance over pi.
    """

    levels: Pyramid
    irradiance: Any


@lru_cache(maxsize=4)
def _filters(size: int, count: int) -> list[np.ndarray]:
    """For each level the float32 matrix [6 n^2, 6 size^2] that averages level 0."""
    source = cube_directions(size).reshape(-1, 3)
    area = np.tile(cube_solid_angles(size).reshape(-1), 6)
    matrices = []
    for level in range(count):
        roughness = level / (count - 1) if count > 1 else 0.0
        side = max(1, size >> level)
        cosine = np.clip(cube_directions(side).reshape(-1, 3) @ source.T, -1, 1)
        # a lobe narrower than a texel would fall between the texels
        alpha = max(roughness**2, 1.0 / size)
        lobe = distribution(np.sqrt((1 + cosine) / 2), alpha) * np.maximum(cosine, 0) * area
        if level == 0:
            lobe = np.eye(len(source))
        matrices.append((lobe / lobe.sum(1, keepdims=True)).astype(np.float32))
    return matrices


@lru_cache(maxsize=1)
def _split_table() -> np.ndarray:
    """float64 [TABLE, TABLE, 2]: factor and offset of F0, n.v along the columns, roughness 1 in row 0."""
    place = (np.arange(TABLE) + 0.5) / TABLE
    viewing = place[None, :, None]
    alpha = np.maximum(place[::-1], SMOOTHEST)[:, None, None] ** 2
    grid = np.stack(np.meshgrid((np.arange(24) + 0.5) / 24, (np.arange(24) + 0.5) / 24)).reshape(2, -1)
    first, turn = grid[0], grid[1] * math.pi
    # half vectors with the density D n.h
    cosine = np.sqrt((1 - first) / (1 + (alpha**2 - 1) * first))
    sine = np.sqrt(1 - cosine**2)
    towards = np.sqrt(1 - viewing**2) * sine * np.cos(turn) + viewing * cosine
    lit = 2 * towards * cosine - viewing
    used = (lit > 0) & (towards > 0)
    lit = np.where(used, lit, 1.0)
    share = np.where(used, 4 * visibility(lit, viewing, alpha) * lit * towards / cosine, 0.0)
    grazing = (1 - np.clip(towards, 0, 1)) ** 5
    return np.stack([(share * (1 - grazing)).mean(-1), (share * grazing).mean(-1)], -1)


def prefilter_cube_map(texture: Any, levels: int | None = None) -> PrefilteredEnvironment:
    """Make a cube map ready to light metallic-roughness materials; linear in the map, with its gradient.

    Args:
        texture: [6, n, n, C] linear radiance, n a power of two up to 64 (a map of 32 costs some 100 MB for
            its filters, kept for the next call).
        levels: how many roughnesses; None for as many as reach a face of 2 texels.

    Returns:
        PrefilteredEnvironment.

    Raises:
        InputError: wrong shape, or `levels` is not from 2 to log2(n) + 1.
    """
    if texture.ndim != 4 or texture.shape[0] != 6 or texture.shape[1] != texture.shape[2]:
        raise InputError(f"texture: expected shape [6, n, n, C], got {list(texture.shape)}")
    size = texture.shape[1]
    if size not in (4, 8, 16, 32, 64):
        raise InputError(f"texture: expected faces of 4, 8, 16, 32 or 64 texels, got {size}; resample it")
    whole = size.bit_length()
    count = whole - 1 if levels is None else levels
    if not isinstance(count, int) or not 2 <= count <= whole:
        raise InputError(f"levels: expected an integer from 2 to {whole} or None, got {levels!r}")
    flat = texture.reshape(6 * size * size, -1)
    parts = [
        (like(matrix, texture) @ flat).reshape(6, -1, flat.shape[-1]) for matrix in _filters(size, count)
    ]
    joined = library(texture).concatenate(parts, 1)
    pyramid = Pyramid(joined, size, size, count, cube=True)
    return PrefilteredEnvironment(pyramid, irradiance_coefficients(project_cube_map(texture, 2)))


def shade_prefiltered(
    material: Material, normals: Any, view: Any, environment: PrefilteredEnvironment
) -> Any:
    """Colour under an environment map.

    Args:
        material: what the surface is made of; its parts broadcast to the picture.
        normals, view: [B, H, W, 3] unit vectors in the environment's frame; view points to the camera.
        environment: of `prefilter_cube_map`.

    Returns:
        [B, H, W, C] linear radiance, 0 where the camera is behind the surface. Gradients go to the map, the
        material, the normals and the view.

    Raises:
        InputError: wrong shapes.
    """
    check_vectors(normals=normals, view=view)
    xp = library(normals, environment.irradiance, material.base)
    facing = dot(normals, view)
    seen = facing > 0
    viewing = xp.where(seen, facing, 0 * facing + 1)
    roughness = (material.roughness + 0 * viewing).clip(SMOOTHEST, 1.0)
    mirror = 2 * facing * normals - view
    level = (roughness * (environment.levels.levels - 1))[..., 0]
    reflected = sample_cube_map(environment.levels, mirror, "mipmap", level_bias=level)
    place = xp.concatenate([viewing.clip(0.0, 1.0), roughness], -1)
    split = sample_texture(like(_split_table()[None], viewing), place)
    specular = reflected * (material.reflectance * split[..., :1] + split[..., 1:])
    inside = 1 - fresnel(material.reflectance, ((1 + viewing.clip(0.0, 1.0)) / 2) ** 0.5)
    colour = shade_sh(material.diffuse * inside, normals, environment.irradiance) + specular
    return xp.where(seen, colour, 0 * colour)
