"""Measured errors: as a card has them, and what they do in the loop."""

from __future__ import annotations

import numpy as np
import pytest
from blobs import coverage, view

from unrender.camera import Camera
from unrender.errors import ModelError
from unrender.reconstruct.loop import Loop, LoopConfig
from unrender.reconstruct.trust import CARD_KEY, Trust

FIELDS = 50
"""Symmetric fields of degree 2 to 5: 18 harmonics even in x along y and along z, 14 odd ones along x."""


def test_a_card_keeps_the_numbers():
    trust = Trust(np.array([0.123456, 2.0]), np.array([0.5, 1e-4, 3.0]))
    read = Trust.of_card({CARD_KEY: {"mug": trust.entry()}}, "mug")
    np.testing.assert_allclose(read.coefficients, trust.coefficients, rtol=5e-3)
    np.testing.assert_allclose(read.fields, trust.fields, rtol=5e-3)
    np.testing.assert_allclose(read.covariance, np.diag([0.123456, 2.0, 0.5, 1e-4, 3.0]), rtol=5e-3)
    assert read.hold_proportions
    old = {"coefficients": [1.0, 2.0], "fields": [0.5]}
    np.testing.assert_allclose(
        Trust.of_card({CARD_KEY: {"mug": old}}, "mug").covariance, np.diag([1, 2, 0.5])
    )
    assert Trust.of_card({CARD_KEY: {"mug": trust.entry()}}, "bird") is None
    assert Trust.of_card({}, "mug") is None


@pytest.mark.parametrize(
    "entry", [{}, {"coefficients": [1.0]}, {"coefficients": [1.0], "fields": [0.0]}, 3,
              {"coefficients": ["a"], "fields": [1.0]}, {"coefficients": [[1.0]], "fields": [1.0]},
              {"coefficients": [1.0, 1.0], "fields": [1.0], "factors": [[0.1]]},
              {"coefficients": [1.0], "fields": [1.0], "factors": [[float("nan")]]}]
)  # fmt: skip
def test_damaged_numbers_are_an_error(entry):
    with pytest.raises(ModelError, match="loop_trust"):
        Trust.of_card({CARD_KEY: {"mug": entry}}, "mug")


def test_numbers_of_another_space_are_an_error(space):
    with pytest.raises(ModelError, match="trust"):
        Loop(space, trust=Trust(np.ones(space.size + 1), np.ones(FIELDS)))


def test_a_covariance_of_few_factors_is_kept(space):
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((5, 40))
    covariance = factors.T @ factors + np.diag(rng.uniform(0.5, 2, 40))
    trust = Trust.of_covariance(covariance, np.ones(3), False)
    read = Trust.of_card({CARD_KEY: {"mug": trust.entry()}}, "mug")
    np.testing.assert_allclose(np.diag(read.covariance)[:40], np.diag(covariance), rtol=5e-3)
    off = ~np.eye(40, dtype=bool)
    difference = (read.covariance[:40, :40] - covariance)[off]
    assert np.sqrt(np.mean(difference**2)) < 0.15 * np.sqrt(np.mean(covariance[off] ** 2))
    assert not read.covariance[:40, 40:].any() and np.linalg.eigvalsh(read.covariance).min() > 0
    assert not read.hold_proportions


def test_what_cannot_be_seen_follows_what_can(space):
    """A coefficient moves with one that the outline shows, if their errors belong together."""
    truth = np.zeros(space.size)
    truth[0] = 1.5
    camera = Camera.from_fov(64, view(70, 10, 5.2))
    mask = coverage(space.vertices(truth), camera)
    covariance = np.eye(space.size) * 1e-4
    covariance[:2, :2] = [[1.0, -0.9], [-0.9, 1.0]]
    fields = np.full(FIELDS, 1e-6)
    poses = [
        Loop(space, LoopConfig(noise=1.0), trust=trust).correct(
            mask, camera.world_to_camera[None, :3, :3], np.zeros(1), np.zeros(space.size)
        )
        for trust in (
            Trust(covariance.diagonal().copy(), fields, hold_proportions=False),
            Trust.of_covariance(covariance, fields, False),
        )
    ]
    assert poses[1].coefficients[0] > 0.1
    assert poses[1].coefficients[1] < poses[0].coefficients[1] - 0.2 * poses[1].coefficients[0]


def test_equal_variances_are_the_plain_settings(space):
    truth = np.linspace(-1, 1, space.size)
    camera = Camera.from_fov(64, view(40, 10, 5.2))
    mask = coverage(space.vertices(truth), camera)
    config = LoopConfig(noise=0.04, near_guess=0.08, field_precision=0.02, proportions=0.04, usual=1e9)
    measured = Trust(np.full(space.size, 0.5), np.full(FIELDS, 2.0))
    poses = [
        Loop(space, config, trust=trust).correct(
            mask, camera.world_to_camera[None, :3, :3], np.zeros(1), np.zeros(space.size)
        )
        for trust in (None, measured)
    ]
    np.testing.assert_allclose(poses[0].coefficients, poses[1].coefficients)
    np.testing.assert_allclose(poses[0].offsets, poses[1].offsets)


def test_what_is_known_for_sure_stays_and_the_rest_moves(space):
    truth = np.zeros(space.size)
    truth[0], truth[1] = 1.5, 1.2
    camera = Camera.from_fov(64, view(70, 10, 5.2))
    mask = coverage(space.vertices(truth), camera)
    sure = Trust(np.where(np.arange(space.size) == 1, 1e-6, 1.0), np.full(FIELDS, 1e-6))
    pose = Loop(space, trust=sure).correct(
        mask, camera.world_to_camera[None, :3, :3], np.zeros(1), np.zeros(space.size)
    )
    assert abs(pose.coefficients[1]) < 0.01 and np.abs(pose.offsets).max() < 0.01
    assert np.abs(pose.coefficients[[0, 2, 3, 4, 5]]).max() > 0.3
