"""The prior on proportions: what it calls usual (its derivatives: `test_step`)."""

from __future__ import annotations

import numpy as np

from unrender.reconstruct.proportions import Proportions


def test_mean_and_spread_are_those_of_the_space(space):
    found = Proportions.of(space)
    rng = np.random.default_rng(1)
    extents = np.array([np.ptp(space.vertices(rng.standard_normal(space.size)), axis=0) for _ in range(500)])
    ratios = np.log(extents[:, :2] / extents[:, 2:])
    np.testing.assert_allclose(found.mean, ratios.mean(0), atol=0.15)
    np.testing.assert_allclose(1 / np.diag(found.scale), np.maximum(ratios.std(0), 0.05), rtol=0.4)
    assert np.count_nonzero(found.scale) == 2


def test_any_side_can_be_the_long_one(space):
    """The same shapes, turned so that they are long in x, are just as unusual."""
    turned = type(space)(
        np.ascontiguousarray(space.mean[:, [2, 1, 0]]),
        np.ascontiguousarray(space.basis[:, :, [2, 1, 0]]),
        space.antisymmetric,
    )
    first, second = Proportions.of(space), Proportions.of(turned)
    sides = np.log(np.ptp(space.vertices(np.full(space.size, 0.7)), axis=0).astype(np.float64))
    one = first.scale @ (sides[:2] - sides[2] - first.mean)
    other = second.scale @ (sides[[2, 1]] - sides[0] - second.mean)
    assert one @ one > 0.1
    np.testing.assert_allclose(one @ one, other @ other, rtol=1e-5)
