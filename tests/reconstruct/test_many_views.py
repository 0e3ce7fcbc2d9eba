"""Shapes from silhouettes with known cameras, against the shapes that were drawn."""

from __future__ import annotations

import numpy as np
import pytest
from blobs import coverage, view

from unrender.camera import Camera
from unrender.reconstruct.loop import Loop
from unrender.reconstruct.many_views import Silhouettes, fit_views, learn_variances

SIZE = 64
ANGLES = ((0, 10), (60, 25), (120, 0), (180, 30), (250, 15), (310, 40))


def silhouettes(vertices):
    matrices = np.stack([view(azimuth, elevation, 5.0) for azimuth, elevation in ANGLES])
    masks = np.stack([coverage(vertices, Camera.from_fov(SIZE, matrix)) for matrix in matrices])
    return Silhouettes.of(masks, matrices)


@pytest.mark.parametrize("seed", range(3))
def test_finds_the_shape_that_was_drawn(space, seed):
    truth = np.random.default_rng(seed).standard_normal(space.size)
    loop = Loop(space)
    precision = np.repeat([0.01, 1e6], [space.size, loop.offsets])
    start = np.zeros(space.size + loop.offsets)
    fit = fit_views(loop.geometry, silhouettes(space.vertices(truth)), precision, start, 12, 8.0)
    assert fit.iou > 0.97
    found = space.vertices(fit.unknowns[: space.size])
    off = np.linalg.norm(found - space.vertices(truth), axis=1).mean()
    assert off < 0.025
    assert off < 0.3 * np.linalg.norm(space.mean - space.vertices(truth), axis=1).mean()
    np.testing.assert_allclose(fit.matrix, fit.matrix.T)
    assert np.linalg.eigvalsh(fit.matrix).min() > -1e-6


def test_variances_are_those_that_shapes_were_drawn_with(space):
    rng = np.random.default_rng(5)
    loop = Loop(space)
    deviations = np.where(np.arange(space.size) % 2, 0.2, 1.5)
    truths = rng.standard_normal((10, space.size)) * deviations
    objects = [silhouettes(space.vertices(truth)) for truth in truths]
    fits, variance, left = learn_variances(loop.geometry, objects, 0.03)
    assert len(fits) == 10 and np.linalg.eigvalsh(left).min() > 0
    known = variance[: space.size]
    assert known[::2].mean() == pytest.approx((truths[:, ::2] ** 2).mean(), rel=0.3)
    assert known[1::2].mean() < 0.25 * known[::2].mean()
    assert variance[space.size :].mean() < 0.4  # the space can say it all: little is left to the fields


def test_fields_vary_where_shapes_leave_the_space(space):
    rng = np.random.default_rng(6)
    loop = Loop(space)
    field = space.size + int(np.argmax(np.abs(loop.geometry.basis[:, :, space.size :]).sum((0, 1))))
    amplitudes = 2.0 * rng.standard_normal(6)
    objects = [
        silhouettes((space.mean + size * loop.geometry.basis[:, :, field]).astype(np.float32))
        for size in amplitudes
    ]
    _, variance, _ = learn_variances(loop.geometry, objects, 0.03)
    others = np.delete(variance[space.size :], field - space.size)
    assert variance[field] > 3 * others.mean()
