"""Plain float64 torch versions of the metallic-roughness material and of light from all around: oracles.

Masking is written by Smith's Lambda, unlike in `shading.ggx`; environments are integrated numerically.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def brdf_reference(
    base: Tensor, metallic: float, roughness: float, normal: Tensor, view: Tensor, towards: Tensor
) -> Tensor:
    """The BRDF [N, C] times pi for towards [N, 3]; base [C], normal and view [3], view above the surface."""
    alpha = roughness**2
    half = towards + view
    half = half / half.norm(dim=-1, keepdim=True)
    nh, nl, nv, vh = half @ normal, towards @ normal, view @ normal, half @ view

    def lam(cosine: Tensor) -> Tensor:
        tangent = (1 - cosine**2).clamp(min=0) / cosine**2
        return (torch.sqrt(1 + alpha**2 * tangent) - 1) / 2

    tangent = (1 - nh**2).clamp(min=0) / nh**2
    d = 1 / (torch.pi * alpha**2 * nh**4 * (1 + tangent / alpha**2) ** 2)
    g = 1 / (1 + lam(nl) + lam(nv))
    f0 = 0.04 * (1 - metallic) + base * metallic
    f = f0 + (1 - f0) * ((1 - vh) ** 5)[:, None]
    specular = (d * g / (4 * nl * nv))[:, None] * f
    value = (1 - metallic) * (1 - f) * base + torch.pi * specular
    return torch.where((nl > 0)[:, None], value, torch.zeros_like(value))


def sphere(samples: int) -> tuple[Tensor, Tensor]:
    """Directions [2 n^2, 3] and their solid angles."""
    theta = (torch.arange(samples, dtype=torch.float64) + 0.5) * torch.pi / samples
    phi = (torch.arange(2 * samples, dtype=torch.float64) + 0.5) * torch.pi / samples
    t, p = torch.meshgrid(theta, phi, indexing="ij")
    directions = torch.stack([t.sin() * p.cos(), t.sin() * p.sin(), t.cos()], -1).reshape(-1, 3)
    step = torch.pi / samples
    area = (2 * t.sin() * torch.sin(torch.tensor(step / 2)) * step).reshape(-1)
    return directions, area


def environment_reference(
    base: Tensor,
    metallic: float,
    roughness: float,
    normal: Tensor,
    view: Tensor,
    radiance: Callable[[Tensor], Tensor],
    samples: int = 300,
) -> tuple[Tensor, Tensor]:
    """Reflected radiance [C], the integral of f L (n . l) over the sphere, and its specular part alone."""
    towards, area = sphere(samples)
    light = radiance(towards) * (area * (towards @ normal).clamp(min=0))[:, None] / torch.pi
    whole = (brdf_reference(base, metallic, roughness, normal, view, towards) * light).sum(0)
    half = (towards + view) / (towards + view).norm(dim=-1, keepdim=True)
    f0 = 0.04 * (1 - metallic) + base * metallic
    f = f0 + (1 - f0) * ((1 - half @ view) ** 5)[:, None]
    return whole, whole - ((1 - metallic) * (1 - f) * base * light).sum(0)
