"""Cameras: pixels against the formula, clip space against pixels, crops, JSON."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrender.camera import Camera, look_at, orbit
from unrender.errors import InputError

RNG = np.random.default_rng(0)


def _camera(**changes):
    values = {
        "width": 320, "height": 200, "fx": 300.0, "fy": 280.0, "cx": 150.0, "cy": 90.0,
        "world_to_camera": orbit(35, 20, 4.0),
    }  # fmt: skip
    return Camera(**(values | changes))


def test_projection_by_hand():
    camera = _camera(world_to_camera=np.eye(4))
    pixels, depth = camera.project(np.array([[0.5, 0.25, -2.0], [0, 0, -5]]))
    np.testing.assert_allclose(pixels, [[150 + 300 * 0.25, 90 - 280 * 0.125], [150, 90]])
    np.testing.assert_allclose(depth, [2, 5])


@pytest.mark.parametrize(
    "camera", [_camera(), _camera(cx=-40.0, cy=500.0), Camera.from_fov(128, orbit(-70, 5, 3))]
)
def test_clip_space_agrees_with_pixels(camera):
    points = RNG.uniform(-0.8, 0.8, (50, 3))
    pixels, depth = camera.project(points)
    clip = camera.to_clip(points, near=0.5, far=20)
    np.testing.assert_allclose(clip[:, 3], depth)
    ndc = clip[:, :3] / clip[:, 3:]
    np.testing.assert_allclose((ndc[:, 0] + 1) / 2 * camera.width, pixels[:, 0])
    np.testing.assert_allclose((1 - ndc[:, 1]) / 2 * camera.height, pixels[:, 1])
    on_axis = camera.position - camera.rotation[2] * np.array([[0.5], [20.0]])
    ends = camera.to_clip(on_axis, near=0.5, far=20)
    np.testing.assert_allclose(ends[:, 2] / ends[:, 3], [-1, 1])


def test_field_of_view():
    camera = Camera.from_fov(100, np.eye(4), fov_degrees=60)
    edge, _ = camera.project(np.array([math.tan(math.radians(30)), 0, -1.0]))
    np.testing.assert_allclose(edge, [100, 50])


@pytest.mark.parametrize(
    ("azimuth", "elevation", "position"),
    [(0, 0, (0, 0, 2)), (90, 0, (2, 0, 0)), (180, 0, (0, 0, -2)), (0, 30, (0, 1, math.sqrt(3)))],
)
def test_orbit_positions(azimuth, elevation, position):
    camera = Camera.from_fov(64, orbit(azimuth, elevation, 2.0))
    np.testing.assert_allclose(camera.position, position, atol=1e-12)
    pixels, depth = camera.project(np.zeros(3))
    np.testing.assert_allclose(pixels, [32, 32], atol=1e-12)
    assert depth == pytest.approx(2)
    up, _ = camera.project(np.array([0, 0.1, 0.0]))
    assert up[1] < 32  # +Y is up in the picture


def test_front_view_shows_the_left_side_on_the_right():
    # A viewer who faces the object's front (+Z) has its left side, +X, at the right hand.
    pixels, _ = Camera.from_fov(64, orbit(0, 0, 3)).project(np.array([0.5, 0, 0.0]))
    assert pixels[0] > 32


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=6, max_size=6))
def test_look_at_is_rigid(values):
    eye, target = np.array(values[:3]), np.array(values[3:])
    back = eye - target
    if np.linalg.norm(back) < 1e-2 or np.linalg.norm(np.cross(back, [0, 1, 0])) < 1e-2:
        return
    matrix = look_at(eye, target)
    np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-9)
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1)
    np.testing.assert_allclose(matrix[:3, :3] @ eye + matrix[:3, 3], 0, atol=1e-9)
    seen = matrix[:3, :3] @ target + matrix[:3, 3]
    np.testing.assert_allclose(seen, [0, 0, -np.linalg.norm(back)], atol=1e-9)


def test_crop_and_scale_see_the_same_rays():
    photo = _camera()
    points = RNG.uniform(-0.5, 0.5, (20, 3))
    whole, _ = photo.project(points)
    x, y, side, size = 37.5, -12.25, 150.0, 64
    crop = Camera(
        size, size, photo.fx * size / side, photo.fy * size / side, (photo.cx - x) * size / side,
        (photo.cy - y) * size / side, photo.world_to_camera,
    )  # fmt: skip
    inside, _ = crop.project(points)
    np.testing.assert_allclose(inside, (whole - [x, y]) * size / side)
    back, _ = crop.resized(150, 150).uncropped(x, y, 320, 200).project(points)
    np.testing.assert_allclose(back, whole)
    double, _ = photo.resized(640, 600).project(points)
    np.testing.assert_allclose(double, whole * [2, 3])


def test_json_round_trip():
    camera = _camera()
    record = json.loads(json.dumps(camera.to_json()))
    back = Camera.from_json(record)
    np.testing.assert_array_equal(back.world_to_camera, camera.world_to_camera)
    assert (back.width, back.height, back.fx, back.fy, back.cx, back.cy) == (320, 200, 300, 280, 150, 90)
    with pytest.raises(InputError, match="opengl"):
        Camera.from_json(record | {"convention": "opencv"})
    del record["fx"]
    with pytest.raises(InputError, match="'fx' is missing"):
        Camera.from_json(record)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"world_to_camera": np.eye(3)}, r"\[4, 4\]"),
        ({"world_to_camera": np.eye(4) * np.nan}, "NaN"),
        ({"width": 0}, "at least 1 pixel"),
        ({"fx": 0.0}, "positive"),
        ({"fy": float("nan")}, "positive"),
    ],
)
def test_bad_cameras(changes, message):
    with pytest.raises(InputError, match=message):
        _camera(**changes)


def test_bad_view_directions():
    with pytest.raises(InputError, match="eye"):
        look_at(np.ones(3), np.ones(3))
    with pytest.raises(InputError, match="up"):
        look_at(np.array([0, 2.0, 0]))
