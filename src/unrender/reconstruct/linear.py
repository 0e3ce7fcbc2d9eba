"""A dense linear system of the loop, solved in one thread.

A BLAS library would start its threads for it, which costs more than the solution.
"""

from __future__ import annotations

from unrender.render.kernels.jit import relaxed


@relaxed
def solve_positive(matrix, right):
    """Solve a symmetric positive definite system in place by Cholesky's decomposition.

    Args:
        matrix: float64 [N, N], of which the lower triangle is read; overwritten by the factor.
        right: float64 [N], overwritten by the solution.

    Returns:
        Whether the matrix was positive definite; if not, `right` is meaningless.
    """
    size = matrix.shape[0]
    for i in range(size):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            if i == j:
                if not total > 0.0:
                    return False
                matrix[i, i] = total**0.5
            else:
                matrix[i, j] = total / matrix[j, j]
    for i in range(size):
        total = right[i]
        for k in range(i):
            total -= matrix[i, k] * right[k]
        right[i] = total / matrix[i, i]
    for i in range(size - 1, -1, -1):
        right[i] /= matrix[i, i]
        for k in range(i):
            right[k] -= matrix[i, k] * right[i]
    return True
