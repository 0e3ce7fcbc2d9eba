"""Cameras of photos found by the loop: the right one of several, trusted where it is clearly ahead."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from unrender.camera import Camera
from unrender.evaluate.photo_cameras import STIFF, PhotoCamerasConfig, find_camera, write_cameras
from unrender.network.runtime import Guess
from unrender.reconstruct.loop import Loop
from unrender.train.photos import read_cameras

sys.path.insert(0, str(Path(__file__).parents[1] / "reconstruct"))

from blobs import coverage, smooth_space, turned, view

CONFIG = PhotoCamerasConfig("", (), "")


def _found(azimuth: float, others: list[float]):
    """The camera found for a picture from `azimuth`, with hypotheses near it and from `others`."""
    space, rng = smooth_space(), np.random.default_rng(1)
    matrix = view(azimuth, 12, 5.0)
    coefficients = 0.6 * rng.standard_normal(space.size)
    mask = coverage(space.vertices(coefficients), Camera.from_fov(64, matrix))
    near = turned(matrix[:3, :3], 12, rng)
    hypotheses = np.stack([*(view(a, 12, 5.0)[:3, :3] for a in others), near])
    count = len(hypotheses)
    guess = Guess(
        mask, hypotheses, np.full(count, -np.log(count)), np.zeros((1, space.size)),
        np.zeros((9, 3)), np.zeros((4, 4, 3)), np.ones(1),
    )  # fmt: skip
    found = find_camera(Loop(space, STIFF), mask, guess, 0, CONFIG)
    cosine = (np.sum(found.rotation * matrix[:3, :3]) - 1) / 2
    return found, np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def test_the_right_hypothesis_wins_and_is_trusted():
    found, error = _found(35, [130, 200])
    assert error < 15 and found.iou > 0.9 and found.trust > 0.1


def test_the_far_side_looks_the_same_and_is_not_trusted():
    """Outlines of mirror-symmetric bodies are the same from the front and from behind."""
    found, _ = _found(0, [180])
    assert found.iou > 0.9
    sure, _ = _found(0, [])
    assert sure.trust > 0.9 and found.trust < 0.5


def test_what_is_written_is_read(tmp_path):
    found, _ = _found(35, [])
    write_cameras(tmp_path / "cameras.npz", {"photos/a": found})
    rotation, trust = read_cameras(tmp_path / "cameras.npz")["photos/a"]
    np.testing.assert_allclose(rotation, found.rotation, atol=1e-6)
    assert abs(trust - found.trust) < 1e-6
