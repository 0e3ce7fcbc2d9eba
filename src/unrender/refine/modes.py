"""Smooth deformation fields of the template, symmetric and antisymmetric ones apart.

The fields are eigenvectors of the template's graph Laplacian (Taubin, SIGGRAPH 1995: the frequencies of a
mesh), computed for even and odd functions of x separately. Field k moves vertices along one axis with the
amplitude s / (1 + mu_k / mu), mu_k its eigenvalue: a prior by which rough deformations are less likely, the
discrete counterpart of a Laplacian penalty.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from unrender.template import make_template
from unrender.topology import edges

_REFERENCE = 8
"""The field whose eigenvalue is mu: amplitudes are halved there."""


@lru_cache(maxsize=2)
def _harmonics(level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues [V], eigenvectors [V, V] in columns (root mean square 1), and whether each is odd in x."""
    template = make_template(level)
    count = len(template.vertices)
    pairs = edges(template.faces)
    laplacian = np.zeros((count, count))
    laplacian[pairs[:, 0], pairs[:, 1]] = laplacian[pairs[:, 1], pairs[:, 0]] = -1
    np.fill_diagonal(laplacian, -laplacian.sum(1))
    mirror = template.mirror
    own = np.flatnonzero(mirror == np.arange(count))
    right = np.flatnonzero(mirror > np.arange(count))
    values, vectors, odd = [], [], []
    for sign in (1.0, -1.0):
        basis = np.zeros((count, len(right) + (len(own) if sign > 0 else 0)))
        basis[right, np.arange(len(right))] = np.sqrt(0.5)
        basis[mirror[right], np.arange(len(right))] = sign * np.sqrt(0.5)
        if sign > 0:
            basis[own, len(right) + np.arange(len(own))] = 1
        found, columns = np.linalg.eigh(basis.T @ laplacian @ basis)
        values.append(found)
        vectors.append(basis @ columns * np.sqrt(count))
        odd.append(np.full(len(found), sign < 0))
    eigenvalues = np.concatenate(values)
    order = np.argsort(eigenvalues, kind="stable")
    return eigenvalues[order], np.concatenate(vectors, axis=1)[:, order], np.concatenate(odd)[order]


def smooth_modes(count: int, amplitude: float, antisymmetric: float, level: int = 3) -> np.ndarray:
    """Deformation fields, whitened: each has the size that a coefficient of 1 stands for.

    Args:
        count: harmonics for each of the three axes. amplitude: root mean square of the smoothest, object
            units. antisymmetric: by what fields are divided that break the mirror symmetry in x.
        level: of the template.

    Returns:
        float64 [3 count, V, 3].
    """
    eigenvalues, vectors, odd = _harmonics(level)
    fields = []
    for k in range(count):
        size = amplitude / (1 + eigenvalues[k] / eigenvalues[_REFERENCE])
        for axis in range(3):
            field = np.zeros((len(vectors), 3))
            symmetric = odd[k] == (axis == 0)
            field[:, axis] = vectors[:, k] * size / (1.0 if symmetric else antisymmetric)
            fields.append(field)
    return np.array(fields)
