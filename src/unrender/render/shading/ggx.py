"""The metallic-roughness material of glTF 2.0 under a light from one direction.

Cook-Torrance with the GGX distribution, the height-correlated Smith masking and Schlick's Fresnel term
(Walter et al., "Microfacet Models for Refraction through Rough Surfaces", EGSR 2007; Heitz, JCGT 2014):

    f = (1 - metallic) (1 - F) base / pi + D V F,     alpha = roughness^2
    D = alpha^2 / (pi ((n.h)^2 (alpha^2 - 1) + 1)^2)
    V = 1/2 / (n.l sqrt((n.v)^2 (1 - alpha^2) + alpha^2) + n.v sqrt((n.l)^2 (1 - alpha^2) + alpha^2))
    F = F0 + (1 - F0) (1 - v.h)^5,     F0 = 0.04 (1 - metallic) + base metallic
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from unrender.render.shading.arrays import check_vectors, dot, library, unit

DIELECTRIC = 0.04
"""Reflectance of a dielectric seen head-on (index of refraction 1.5)."""
SMOOTHEST = 0.03
"""Roughness below this counts as this: a perfect mirror shows no point light and has no gradient."""


@dataclass(frozen=True, eq=False)
class Material:
    """Metallic-roughness material. numpy arrays or torch tensors that broadcast to the picture.

    Attributes:
        base: [..., C] linear base colour in [0, 1].
        metallic: [..., 1] or a number in [0, 1].
        roughness: [..., 1] or a number in [0, 1], perceptual: alpha = roughness^2.
    """

    base: Any
    metallic: Any
    roughness: Any

    @property
    def reflectance(self) -> Any:
        """F0 [..., C], the colour reflected head-on."""
        return DIELECTRIC * (1 - self.metallic) + self.base * self.metallic

    @property
    def diffuse(self) -> Any:
        """[..., C], the colour scattered below the surface."""
        return self.base * (1 - self.metallic)

    def alpha(self, like: Any) -> Any:
        """Width of the distribution of facets, [..., 1]."""
        roughness = self.roughness + 0 * like
        return roughness.clip(SMOOTHEST, None) ** 2


def distribution(cosine: Any, alpha: Any) -> Any:
    """D of the GGX facets, for n.h."""
    # 1 - c^2 (1 - a^2) without the cancellation near c = 1
    inner = (1 - cosine) * (1 + cosine) + cosine * cosine * alpha * alpha
    return alpha * alpha / (math.pi * inner * inner)


def visibility(facing: Any, viewing: Any, alpha: Any) -> Any:
    """V: masking and shadowing over 4 (n.l) (n.v)."""
    a2 = alpha * alpha
    first = facing * (viewing * viewing * (1 - a2) + a2) ** 0.5
    second = viewing * (facing * facing * (1 - a2) + a2) ** 0.5
    return 0.5 / (first + second)


def fresnel(reflectance: Any, cosine: Any) -> Any:
    """Schlick's approximation for v.h."""
    return reflectance + (1 - reflectance) * (1 - cosine) ** 5


def shade_ggx(material: Material, normals: Any, view: Any, towards: Any, radiance: Any) -> Any:
    """Colour under one directional or point light.

    Args:
        material: what the surface is made of.
        normals, view, towards: [..., 3] unit vectors; view points to the camera, towards to the light.
        radiance: [..., C], as in `unrender.light.lambert`: 1 lights a facing white diffuse surface to 1 (the
            irradiance over pi).

    Returns:
        [..., C] linear radiance, 0 where the light or the camera is behind the surface.

    Raises:
        InputError: wrong shapes.
    """
    check_vectors(normals=normals, view=view, towards=towards)
    facing, viewing = dot(normals, towards), dot(normals, view)
    lit = (facing > 0) & (viewing > 0)
    xp = library(facing, material.base)
    one = 0 * facing + 1
    facing, viewing = xp.where(lit, facing, one), xp.where(lit, viewing, one)
    half = unit(view + towards)
    alpha = material.alpha(facing)
    mirrored = fresnel(material.reflectance, dot(view, half).clip(0.0, 1.0))
    facets = distribution(dot(normals, half).clip(0.0, 1.0), alpha) * visibility(facing, viewing, alpha)
    colour = (material.diffuse * (1 - mirrored) + math.pi * facets * mirrored) * facing * radiance
    return xp.where(lit, colour, 0 * colour)
