"""Placement by moments: closed forms of ellipses, and known poses found again."""

from __future__ import annotations

import numpy as np
import pytest
from blobs import coverage, iou, view

from unrender.camera import Camera
from unrender.reconstruct.alignment import align, moments_of
from unrender.reconstruct.loop import Loop, Pose
from unrender.reconstruct.silhouette import View

SIZE = 64


def ellipse(u, v, long, short, degrees, size=SIZE):
    """bool [S, S]: half axes in pixels, the long one turned from u towards v."""
    column, row = np.meshgrid(np.arange(size) + 0.5 - u, np.arange(size) + 0.5 - v)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return ((c * column + s * row) / long) ** 2 + ((c * row - s * column) / short) ** 2 <= 1


@pytest.mark.parametrize("degrees", [-80, 20])
def test_moments_of_an_ellipse_are_the_closed_form(degrees):
    found = moments_of(ellipse(30.2, 35.7, 20, 8, degrees))
    assert found.area == pytest.approx(np.pi * 20 * 8, rel=0.02)
    assert (found.u, found.v) == pytest.approx((30.2, 35.7), abs=0.15)  # whole pixels


def test_specks_have_no_moments():
    assert moments_of(np.zeros((SIZE, SIZE), bool)) is None


def start_of(loop, space, rotation, translation):
    pose = Pose(rotation, np.array(translation), np.zeros(space.size), np.zeros(loop.offsets), 0.0)
    return np.concatenate([rotation.ravel(), pose.translation, pose.coefficients, pose.offsets])


@pytest.mark.parametrize(("azimuth", "elevation"), [(90, 10), (250, -15), (120, 30)])
def test_a_misplaced_camera_comes_back(space, azimuth, elevation):
    true = view(azimuth, elevation, 5.2, (0.15, -0.1))
    mask = coverage(space.mean, Camera.from_fov(SIZE, true)) > 0.5
    loop = Loop(space)
    start = start_of(loop, space, true[:3, :3], (-0.4, 0.3, -7.5))
    before = start.copy()
    found = align(loop.geometry, mask, start, View.room(loop.geometry, SIZE))
    np.testing.assert_array_equal(start, before)
    np.testing.assert_array_equal(found[:9], before[:9])
    np.testing.assert_allclose(found[9:12], true[:3, 3], atol=0.08)


def test_a_tail_that_the_shape_lacks_does_not_move_the_rest(space):
    """The box of a mask with a thin tail is half as wide again; area and centroid hardly change."""
    true = view(90, 10, 5.2)
    mask = coverage(space.mean, Camera.from_fov(SIZE, true)) > 0.5
    row, last = int(np.argmax(mask.sum(1))), int(np.flatnonzero(mask.any(0))[-1])
    mask[row : row + 2, last : SIZE - 1] = True
    loop = Loop(space)
    found = loop.guess(mask, true[:3, :3], np.zeros(space.size))
    assert found.translation[2] == pytest.approx(-5.2, abs=0.3)
    assert iou(coverage(loop.vertices(found), loop.camera(found, SIZE)), mask) > 0.85


def test_what_is_out_of_sight_stays(space):
    loop = Loop(space)
    start = start_of(loop, space, np.eye(3), (60.0, 0.0, -5.2))
    found = align(loop.geometry, ellipse(30, 34, 15, 15, 0), start, View.room(loop.geometry, SIZE))
    np.testing.assert_array_equal(found, start)
