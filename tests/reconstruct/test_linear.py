"""Linear algebra of the loop against numpy's."""

from __future__ import annotations

import numpy as np
import pytest

from unrender.reconstruct.linear import solve_positive


@pytest.mark.parametrize("size", [1, 2, 7, 106])
def test_solves_like_lapack(size):
    rng = np.random.default_rng(size)
    square = rng.standard_normal((size, size + 3))
    matrix, right = square @ square.T + 0.1 * np.eye(size), rng.standard_normal(size)
    found = right.copy()
    lower = np.tril(matrix)  # the upper triangle is not read
    assert solve_positive(lower, found)
    np.testing.assert_allclose(found, np.linalg.solve(matrix, right), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("bad", [-1.0, 0.0, np.nan])
def test_what_is_not_positive_definite_is_told(bad):
    matrix = np.diag([1.0, bad, 2.0])
    assert not solve_positive(matrix, np.ones(3))
