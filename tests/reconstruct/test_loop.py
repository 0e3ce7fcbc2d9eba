"""The loop on silhouettes of known shapes: it finds camera and shape again, and stays sane on wrong masks."""

from __future__ import annotations

import numpy as np
import pytest
from blobs import coverage, iou, turned, view

from unrender.camera import Camera
from unrender.errors import InputError
from unrender.reconstruct.loop import Loop, LoopConfig

SIZE = 64


def angle(first, second):
    return np.degrees(np.arccos(np.clip((np.trace(first @ second.T) - 1) / 2, -1, 1)))


class Case:
    """A shape, seen; a guess 20 degrees off, beside hypotheses that are worse."""

    def __init__(self, space, seed):
        rng = np.random.default_rng(seed)
        self.coefficients = rng.standard_normal(space.size)
        matrix = view(rng.uniform(0, 360), rng.uniform(-10, 35), 5.2, tuple(0.1 * rng.standard_normal(2)))
        self.rotation = matrix[:3, :3]
        self.mask = coverage(space.vertices(self.coefficients), Camera.from_fov(SIZE, matrix))
        self.hypotheses = np.stack([turned(self.rotation, degrees, rng) for degrees in (20, 70, 120)])
        self.scores = np.log([0.6, 0.3, 0.1])


@pytest.mark.parametrize("seed", range(5))
def test_finds_the_silhouette_again(space, seed):
    case, loop = Case(space, seed), Loop(space)
    start = loop.guess(case.mask > 0.5, case.hypotheses[0], np.zeros(space.size))
    found = loop.correct(case.mask, case.hypotheses, case.scores, np.zeros(space.size))
    assert found.iou > 0.93
    assert found.iou > start.iou + 0.02
    assert start.rotation == pytest.approx(case.hypotheses[0])
    np.testing.assert_allclose(found.rotation @ found.rotation.T, np.eye(3), atol=1e-9)
    # the pose's own claim, checked with the public renderer and camera
    shown = coverage(loop.vertices(found), loop.camera(found, SIZE), samples=1)
    assert iou(shown, case.mask) == pytest.approx(found.iou, abs=0.01)


def test_mean_shape_mode_moves_the_camera_alone(space):
    case, loop = Case(space, 7), Loop(space)
    zero = np.zeros(space.size)
    found = loop.correct(case.mask, case.hypotheses, case.scores, zero, free_shape=False)
    assert (found.coefficients == 0).all() and (found.offsets == 0).all()
    assert found.iou > loop.guess(case.mask > 0.5, case.hypotheses[0], zero).iou
    assert loop.correct(case.mask, case.hypotheses, case.scores, zero).iou > found.iou


def test_a_right_guess_stays(space):
    case, loop = Case(space, 8), Loop(space)
    found = loop.correct(case.mask, case.rotation[None], np.zeros(1), case.coefficients)
    assert found.iou > 0.97
    assert angle(found.rotation, case.rotation) < 4
    assert np.abs(found.coefficients - case.coefficients).max() < 0.7
    true = space.vertices(case.coefficients)
    assert np.linalg.norm(loop.vertices(found) - true, axis=1).mean() < 0.08


def test_smooth_fields_reach_what_the_space_cannot_and_keep_the_coefficients_usual(space):
    case = Case(space, 11)
    swollen = space.vertices(case.coefficients).astype(np.float64)
    swollen[:, 1] *= 1 + 0.5 * (swollen[:, 2] > 0) * swollen[:, 2]
    camera = Camera.from_fov(SIZE, view(80, 10, 5.2, (0.0, 0.0)))
    mask = coverage(swollen.astype(np.float32), camera)
    rotation = camera.world_to_camera[None, :3, :3]
    stiff = Loop(space, LoopConfig(field_precision=1e9))
    free = Loop(space)
    without = stiff.correct(mask, rotation, np.zeros(1), case.coefficients)
    found = free.correct(mask, rotation, np.zeros(1), case.coefficients)
    assert np.abs(without.offsets).max() < 1e-6
    assert found.iou > without.iou
    moved = np.linalg.norm(found.coefficients - case.coefficients)
    assert moved < np.linalg.norm(without.coefficients - case.coefficients)


def test_half_a_mask_does_not_break_the_shape(space):
    for seed in (9, 10):
        case, loop = Case(space, seed), Loop(space)
        mask = case.mask.copy()
        columns = np.flatnonzero((mask > 0.5).any(0))
        mask[:, columns[len(columns) // 2] :] = 0
        found = loop.correct(mask, case.hypotheses, case.scores, np.zeros(space.size))
        assert np.isfinite(found.world_to_camera).all() and np.isfinite(found.coefficients).all()
        assert np.abs(found.coefficients).max() < 5
        assert -30 < found.translation[2] < -1
        assert 0.5 < found.iou <= 1


@pytest.mark.parametrize("shape", ["square", "speck", "everything", "stripes"])
def test_masks_of_no_object_give_finite_poses(space, shape):
    mask = np.zeros((SIZE, SIZE), np.float32)
    if shape == "square":
        mask[20:44, 20:44] = 1
    elif shape == "speck":
        mask[30:32, 30:32] = 1
    elif shape == "everything":
        mask[:] = 1
    else:
        mask[::4] = 1
    found = Loop(space).correct(mask, np.eye(3)[None], np.zeros(1), np.zeros(space.size))
    assert np.isfinite(found.world_to_camera).all() and np.isfinite(found.coefficients).all()
    assert 0 <= found.iou <= 1


def test_an_empty_mask_is_an_error(space):
    with pytest.raises(InputError, match="mask"):
        Loop(space).correct(np.zeros((SIZE, SIZE)), np.eye(3)[None], np.zeros(1), np.zeros(space.size))
