"""An environment of spherical Gaussians, and the metallic-roughness material under it, in closed form.

L(w) = sum_k a_k exp(s_k (w . x_k - 1)), as DIB-R++ (Chen et al., NeurIPS 2021) lights its scenes. The facets'
distribution becomes spherical Gaussians too (Wang et al., "All-Frequency Rendering of Dynamic,
Spatially-Varying Reflectance", SIGGRAPH Asia 2009). GGX has longer tails than one of them: with
t = tan^2 / alpha^2, D is proportional to (1 + t)^-2 = integral of s exp(-s) exp(-s t) ds, and the trapezoidal
rule in log s makes of that integral a mixture of three Gaussians of sharpness 2 s / alpha^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from unrender.errors import InputError
from unrender.light import irradiance_coefficients, sh_basis, shade_sh
from unrender.render.shading.arrays import check_vectors, dot, library, unit
from unrender.render.shading.ggx import Material, fresnel, visibility

NODES = (0.2, 0.8, 3.2)
"""Places s of the lobes; each is `RATIO` times the one before: the trapezoidal rule in log s."""
RATIO = 4.0


@dataclass(frozen=True, eq=False)
class SphericalGaussians:
    """An environment. numpy arrays or torch tensors.

    Attributes:
        axes: [K, 3], made unit vectors where they are used.
        sharpness: [K] > 0; the half-width is about sqrt(2 / sharpness) radians.
        amplitudes: [K, C] radiance at the axes.
    """

    axes: Any
    sharpness: Any
    amplitudes: Any

    def radiance(self, directions: Any) -> Any:
        """Radiance [..., C] from unit vectors [..., 3]."""
        cosines = directions @ unit(self.axes).T
        return library(cosines).exp(self.sharpness * (cosines - 1)) @ self.amplitudes


def _check(lights: SphericalGaussians) -> None:
    count = lights.axes.shape[0]
    if lights.axes.ndim != 2 or lights.axes.shape[1] != 3:
        raise InputError(f"axes: expected shape [K, 3], got {list(lights.axes.shape)}")
    if tuple(lights.sharpness.shape) != (count,):
        raise InputError(f"sharpness: expected shape [{count}], got {list(lights.sharpness.shape)}")
    if lights.amplitudes.ndim != 2 or lights.amplitudes.shape[0] != count:
        raise InputError(f"amplitudes: expected shape [{count}, C], got {list(lights.amplitudes.shape)}")


def gaussians_to_sh(lights: SphericalGaussians) -> Any:
    """Spherical harmonics [9, C] of the radiance, orders 0 to 2, in closed form.

    A Gaussian is symmetric about its axis: order l has 2 pi a Y_lm(x) times the integral of
    exp(s (t - 1)) P_l(t) over [-1, 1].

    Raises:
        InputError: wrong shapes.
    """
    _check(lights)
    s = lights.sharpness
    xp = library(s)
    small = s < 1
    safe = xp.where(small, 0 * s + 1, s)
    ends = xp.exp(-2 * safe)
    zero = (1 - ends) / safe
    one = (1 + ends - zero) / safe
    two = (1 - ends - 2 * one) / safe
    moments = []
    for power, closed in enumerate((zero, one, two)):
        series, term = 0 * s, 0 * s + 1
        for k in range(16):  # below s = 1 the closed form cancels
            if (power + k) % 2 == 0:
                series = series + term * (2 / (power + k + 1))
            term = term * s / (k + 1)
        moments.append(xp.where(small, series * xp.exp(-s), closed))
    bands = [moments[0]] + [moments[1]] * 3 + [(3 * moments[2] - moments[0]) / 2] * 5
    zonal = 2 * math.pi * xp.stack(bands, -1) * sh_basis(unit(lights.axes), 2)
    return zonal.T @ lights.amplitudes


def shade_gaussians(material: Material, normals: Any, view: Any, lights: SphericalGaussians) -> Any:
    """Colour under an environment of spherical Gaussians: diffuse by spherical harmonics, specular by lobes.

    The integral over each product of Gaussians is exact; masking, Fresnel term and cosine are taken at the
    product's mean direction, for diffuse light at that of light along the normal, and a lobe's stretch at
    grazing angles is left out. Against quadrature see
    docs/lighting.md.

    Args:
        material: what the surface is made of.
        normals, view: [..., 3] unit vectors in the environment's frame; view points to the camera.
        lights: the environment.

    Returns:
        [..., C] linear radiance, 0 where the camera is behind the surface.

    Raises:
        InputError: wrong shapes.
    """
    check_vectors(normals=normals, view=view)
    _check(lights)
    xp = library(normals, lights.axes, material.base)
    facing = dot(normals, view)
    seen = facing > 0
    viewing = xp.where(seen, facing, 0 * facing + 1).clip(1e-4, None)
    alpha = material.alpha(viewing)
    mirror = 2 * facing * normals - view
    total = 0 * viewing
    axes = unit(lights.axes)
    for node in NODES:
        weight = node * node * math.exp(-node) * math.log(RATIO)
        sharpness = 2 * node / (alpha * alpha)
        # D is 1 / (pi alpha^2) at its peak; about n.h = 1 half vectors turn half as fast as the light
        lobe = sharpness / (4 * viewing)
        strength = weight / (math.pi * alpha * alpha)
        for k in range(axes.shape[0]):
            mixed = lobe * mirror + lights.sharpness[k] * axes[k]
            length = (dot(mixed, mixed) + 1e-12) ** 0.5
            excess = length - lobe - lights.sharpness[k]
            overlap = 2 * math.pi * xp.exp(excess) * (1 - xp.exp(-2 * length)) / length
            mean = mixed / length
            lit = dot(normals, mean)
            up = lit > 0
            lit = xp.where(up, lit, 0 * lit + 1)
            cosine = dot(view, unit(view + mean)).clip(0.0, 1.0)
            share = strength * overlap * visibility(lit, viewing, alpha) * lit
            mirrored = fresnel(material.reflectance, cosine) * lights.amplitudes[k]
            total = total + xp.where(up, share, 0 * share) * mirrored
    coefficients = irradiance_coefficients(gaussians_to_sh(lights))
    inside = 1 - fresnel(material.reflectance, ((1 + viewing.clip(0.0, 1.0)) / 2) ** 0.5)
    colour = shade_sh(material.diffuse * inside, normals, coefficients) + total
    return xp.where(seen, colour, 0 * colour)
