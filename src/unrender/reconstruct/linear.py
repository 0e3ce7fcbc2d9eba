"""Small dense linear algebra of the loop, in one thread.

A BLAS library would start its threads for every one of these products, which costs more than the products.
"""

from __future__ import annotations

from unrender.render.kernels.jit import relaxed


@relaxed
def deform(mean, basis, coefficients, out):
    """out = mean + sum_k coefficients_k basis_k, flat: mean and out [N], basis [K, N], all float64."""
    out[:] = mean
    for k in range(basis.shape[0]):
        c = coefficients[k]
        if c != 0.0:
            for i in range(out.shape[0]):
                out[i] += c * basis[k, i]


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
