"""The prior on proportions: what it calls usual, and its derivatives against differences."""

from __future__ import annotations

import numpy as np

from unrender.reconstruct.proportions import Proportions


def test_mean_and_spread_are_those_of_the_space(space):
    found = Proportions.of(space)
    rng = np.random.default_rng(1)
    extents = np.array([np.ptp(space.vertices(rng.standard_normal(space.size)), axis=0) for _ in range(500)])
    ratios = np.log(extents[:, :2] / extents[:, 2:])
    np.testing.assert_allclose(found.mean, ratios.mean(0), atol=0.15)
    np.testing.assert_allclose(found.spread, np.maximum(ratios.std(0), 0.05), rtol=0.4)


def test_derivatives_equal_differences(space):
    found = Proportions.of(space)
    basis = space.basis.astype(np.float64).transpose(1, 2, 0)
    coefficients = 0.3 * np.random.default_rng(2).standard_normal(space.size)

    def deviation(values):
        return found.residuals(space.mean + basis @ values, basis)[0]

    slope = found.residuals(space.mean + basis @ coefficients, basis)[1]
    step = 1e-6 * np.eye(space.size)
    differences = np.stack(
        [(deviation(coefficients + h) - deviation(coefficients - h)) / 2e-6 for h in step], -1
    )
    np.testing.assert_allclose(slope, differences, rtol=1e-4, atol=1e-5)
