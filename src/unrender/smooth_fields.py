"""Smooth deformation fields of the template, symmetric and antisymmetric ones.

Spherical harmonics of the template's sphere, each along one of the three axes. One of degree l moves vertices
with the amplitude a / (1 + l (l + 1) / 6): l (l + 1) is its eigenvalue of the sphere's Laplacian, so rough
deformations are the less likely, as under a Laplacian penalty.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.polynomial import legendre

from unrender.errors import InputError
from unrender.template import make_template

DEGREES, LOWEST, AMPLITUDE = 5, 2, 0.08
"""Of the fields that reconstruction uses: largest and smallest degree, and size of the smoothest."""
_HALVED = 6.0
"""The eigenvalue (of degree 2) at which amplitudes are halved."""


@lru_cache(maxsize=8)
def _harmonics(degrees: int, level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Degree [N], whether odd in x [N], and values [N, V] with root mean square 1, N = (degrees + 1)^2.

    With the pole on z: d^m P_l / dz^m times the real (even in x) or imaginary part (odd) of (y + i x)^m.
    """
    x, y, z = make_template(level).vertices.astype(np.float64).T
    degree, odd, values = [], [], []
    for order in range(degrees + 1):
        polynomial = np.eye(degrees + 1)[order]
        for turns in range(order + 1):
            profile = legendre.legval(z, legendre.legder(polynomial, turns))
            turn = (y + 1j * x) ** turns
            for part, is_odd in ((turn.real, False), (turn.imag, True)):
                if is_odd and turns == 0:
                    continue
                value = profile * part
                degree.append(order)
                odd.append(is_odd)
                values.append(value / np.sqrt(np.mean(value**2)))
    return np.array(degree), np.array(odd), np.array(values)


def smooth_fields(
    degrees: int, amplitude: float, antisymmetric: float | None = None, level: int = 3, lowest: int = 0
) -> np.ndarray:
    """Deformation fields, whitened: each has the size that a coefficient of 1 stands for.

    Args:
        degrees: largest degree of the harmonics. amplitude: root mean square of the smoothest, object units.
        antisymmetric: by what fields are divided that break the mirror symmetry in x; None leaves them out.
        level: of the template. lowest: smallest degree; 2 leaves shifts and scales out.

    Returns:
        float64 [N, V, 3]: of (degrees + 1)^2 - lowest^2 harmonics, along x, y and z each.

    Raises:
        InputError: `degrees` is negative, or a size is not positive.
    """
    if not 0 <= lowest <= degrees or amplitude <= 0 or (antisymmetric is not None and antisymmetric <= 0):
        raise InputError(
            "fields: expected 0 <= lowest <= degrees and positive sizes, got "
            f"lowest={lowest}, degrees={degrees}, amplitude={amplitude}, antisymmetric={antisymmetric}"
        )
    degree, odd, values = _harmonics(degrees, level)
    fields = []
    kept = degree >= lowest
    degree, odd, values = degree[kept], odd[kept], values[kept]
    for order, is_odd, value in zip(degree, odd, values, strict=True):
        size = amplitude / (1 + order * (order + 1) / _HALVED)
        for axis in range(3):
            symmetric = is_odd == (axis == 0)
            if not symmetric and antisymmetric is None:
                continue
            field = np.zeros((len(value), 3))
            field[:, axis] = value * size / (1.0 if symmetric or antisymmetric is None else antisymmetric)
            fields.append(field)
    return np.array(fields)
