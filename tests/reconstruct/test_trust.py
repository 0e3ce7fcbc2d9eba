"""Measured variances: as a card has them, and what they do in the loop."""

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
    assert Trust.of_card({CARD_KEY: {"mug": trust.entry()}}, "bird") is None
    assert Trust.of_card({}, "mug") is None


@pytest.mark.parametrize(
    "entry", [{}, {"coefficients": [1.0]}, {"coefficients": [1.0], "fields": [0.0]}, 3,
              {"coefficients": ["a"], "fields": [1.0]}, {"coefficients": [[1.0]], "fields": [1.0]}]
)  # fmt: skip
def test_damaged_numbers_are_an_error(entry):
    with pytest.raises(ModelError, match="loop_trust"):
        Trust.of_card({CARD_KEY: {"mug": entry}}, "mug")


def test_numbers_of_another_space_are_an_error(space):
    with pytest.raises(ModelError, match="trust"):
        Loop(space, trust=Trust(np.ones(space.size + 1), np.ones(FIELDS)))


def test_equal_variances_are_the_plain_settings(space):
    truth = np.linspace(-1, 1, space.size)
    camera = Camera.from_fov(64, view(40, 10, 5.2))
    mask = coverage(space.vertices(truth), camera)
    config = LoopConfig(noise=0.04, near_guess=0.08, field_precision=0.02, proportions=0.04)
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
