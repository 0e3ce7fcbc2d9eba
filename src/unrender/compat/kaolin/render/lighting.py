"""`kaolin.render.lighting`: spherical harmonics of nine coefficients."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unrender.errors import InputError

# Real spherical harmonics of order 0, 1 and 2 with the Condon-Shortley phase: their constants.
_SH0 = math.sqrt(1 / (4 * math.pi))
_SH1 = math.sqrt(3 / (4 * math.pi))
_SH2 = math.sqrt(15 / (4 * math.pi))
_SH2_Z = math.sqrt(5 / (16 * math.pi))


def project_onto_sh9(directions: Tensor | list[float]) -> Tensor:
    """The nine functions, with Condon-Shortley phase, at unit `directions` [..., 3]: [..., 9].

    Order: 1; -y, z, -x; xy, -yz, 3 z^2 - 1, -xz, x^2 - y^2, each with its constant.
    """
    where = torch.as_tensor(directions, dtype=None if isinstance(directions, Tensor) else torch.float)
    x, y, z = where.unbind(dim=-1)
    return torch.stack(
        [
            torch.full_like(x, _SH0),
            -_SH1 * y, _SH1 * z, -_SH1 * x,
            _SH2 * x * y, -_SH2 * y * z, _SH2_Z * (3 * z * z - 1), -_SH2 * x * z, _SH2 / 2 * (x * x - y * y),
        ],
        dim=-1,
    )  # fmt: skip


def sh9_irradiance(lights: Tensor, normals: Tensor) -> Tensor:
    """Irradiance [N] at unit normals [N, 3] under radiance with coefficients [9].

    Source: Ramamoorthi and Hanrahan, "An Efficient Representation for Irradiance Environment Maps", 2001:
    bands are scaled by pi, 2 pi / 3 and pi / 4.

    Raises:
        InputError: a shape is not as described.
    """
    if lights.shape != (9,):
        raise InputError(f"lights: expected [9], got {list(lights.shape)}")
    if normals.ndim != 2 or normals.shape[1] != 3:
        raise InputError(f"normals: expected [N, 3], got {list(normals.shape)}")
    bands = [math.pi] + [2 * math.pi / 3] * 3 + [math.pi / 4] * 5
    return project_onto_sh9(normals) @ (lights * lights.new_tensor(bands))


def sh9_diffuse(directions: Tensor, normals: Tensor, albedo: Tensor) -> Tensor:
    """Albedo [N, C] times `sh9_irradiance` of a light from one direction [3] at normals [N, 3]: [N, C]."""
    return albedo * sh9_irradiance(project_onto_sh9(directions), normals)[:, None]
