"""Smooth descent directions: (I + lambda L)^-1 x on a mesh, L = D - A its combinatorial Laplacian.

Nicolet, Jacobson and Jakob, "Large Steps in Inverse Rendering of Geometry" (SIGGRAPH Asia 2021): positions
are x = (I + lambda L)^-1 u and descent runs on u, so that every step is smooth and faces do not cross. The
system is symmetric and positive; a few dozen steps of conjugate gradients solve it, without a factorisation.
"""

from __future__ import annotations

import numpy as np

from unrender.render.kernels.jit import relaxed
from unrender.topology import adjacency


class Diffusion:
    """The operator I + lambda L of one mesh and its inverse."""

    def __init__(self, faces: np.ndarray, vertex_count: int, strength: float) -> None:
        self.strength = float(strength)
        self.offsets, self.neighbours = adjacency(faces, vertex_count)

    def apply(self, values: np.ndarray) -> np.ndarray:
        """(I + lambda L) x for float64 [V, C]."""
        values = np.ascontiguousarray(values, np.float64)
        out = np.empty_like(values)
        _apply(self.offsets, self.neighbours, self.strength, values, out)
        return out

    def solve(
        self, values: np.ndarray, start: np.ndarray | None = None, tolerance: float = 1e-5
    ) -> np.ndarray:
        """(I + lambda L)^-1 x for float64 [V, C], from a first guess (default x itself).

        Args:
            values: the right-hand side. start: first guess. tolerance: relative size of the residual left.
        """
        values = np.ascontiguousarray(values, np.float64)
        solution = np.array(values if start is None else start, np.float64, order="C")
        _conjugate_gradients(self.offsets, self.neighbours, self.strength, values, solution, tolerance, 400)
        return solution


@relaxed
def _apply(offsets, neighbours, strength, values, out):
    for i in range(values.shape[0]):
        valence = offsets[i + 1] - offsets[i]
        for c in range(values.shape[1]):
            total = 0.0
            for n in range(offsets[i], offsets[i + 1]):
                total += values[neighbours[n], c]
            out[i, c] = values[i, c] + strength * (valence * values[i, c] - total)


@relaxed
def _conjugate_gradients(offsets, neighbours, strength, right, solution, tolerance, limit):
    """All columns share their steps: the inner products are summed over them."""
    product = np.empty_like(right)
    _apply(offsets, neighbours, strength, solution, product)
    residual = right - product
    count, columns = right.shape
    preconditioned = np.empty_like(right)
    for i in range(count):
        for c in range(columns):
            preconditioned[i, c] = residual[i, c] / (1.0 + strength * (offsets[i + 1] - offsets[i]))
    direction = preconditioned.copy()
    energy, size = 0.0, 0.0
    for i in range(count):
        for c in range(columns):
            energy += residual[i, c] * preconditioned[i, c]
            size += right[i, c] * right[i, c]
    bound = tolerance * tolerance * size
    for _ in range(limit):
        left = 0.0
        for i in range(count):
            for c in range(columns):
                left += residual[i, c] * residual[i, c]
        if left <= bound or energy <= 0.0:
            return
        _apply(offsets, neighbours, strength, direction, product)
        curvature = 0.0
        for i in range(count):
            for c in range(columns):
                curvature += direction[i, c] * product[i, c]
        step = energy / curvature
        following = 0.0
        for i in range(count):
            diagonal = 1.0 / (1.0 + strength * (offsets[i + 1] - offsets[i]))
            for c in range(columns):
                solution[i, c] += step * direction[i, c]
                residual[i, c] -= step * product[i, c]
                preconditioned[i, c] = residual[i, c] * diagonal
                following += residual[i, c] * preconditioned[i, c]
        ratio = following / energy
        energy = following
        for i in range(count):
            for c in range(columns):
                direction[i, c] = preconditioned[i, c] + ratio * direction[i, c]
