"""The depth for the texture, against the renderer's."""

from __future__ import annotations

import numpy as np
import pytest
from blobs import view

from unrender.camera import Camera
from unrender.reconstruct.depth import depth_picture, draw_depth
from unrender.render import rasterize
from unrender.template import make_template

SIZE = 96


def depths(vertices, matrix, faces):
    camera = Camera.from_fov(SIZE, matrix)
    local = vertices.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    found = np.full((SIZE, SIZE), 7, np.float32)
    draw_depth(local, faces, camera.fx, found)
    clip = camera.to_clip(vertices).astype(np.float32)[None]
    return found, rasterize(clip, faces, (SIZE, SIZE)).depth[0]


@pytest.mark.parametrize("aside", [(0.0, 0.0), (1.1, -0.4)])
def test_equals_the_renderers(space, aside):
    rng = np.random.default_rng(3)
    faces = np.ascontiguousarray(make_template(3).faces, np.int32)
    for azimuth in (0, 100, 215):
        vertices = space.vertices(rng.standard_normal(space.size))
        found, expected = depths(vertices, view(azimuth, 15, 4.5, aside), faces)
        differs = (found > 0) != (expected > 0)
        assert differs.sum() <= 2 and (expected > 0).sum() > 500
        both = (found > 0) & (expected > 0)
        assert (np.abs(found - expected)[both] > 1e-3).sum() <= 2


def test_the_picture_of_the_template_is_that_of_its_faces(space):
    faces = np.ascontiguousarray(make_template(3).faces, np.int32)
    matrix = view(40, 10, 4.5)
    found, expected = depths(space.mean, matrix, faces)
    focal = Camera.from_fov(SIZE, matrix).fx
    picture = depth_picture(space.mean, matrix, focal, SIZE)
    np.testing.assert_array_equal(picture, found)
    both = (picture > 0) & (expected > 0)
    assert both.sum() > 500 and (np.abs(picture - expected)[both] > 1e-3).sum() <= 2


def test_what_is_behind_the_camera_is_left_out():
    faces = np.array([[0, 1, 2], [3, 4, 5]], np.int32)
    triangle = np.array([[-1, -1, 0], [1, -1, 0], [0, 1, 0]], float)
    local = np.concatenate([triangle - np.array([0, 0, 4]), triangle + np.array([0, 0, 2])])
    found = np.empty((SIZE, SIZE), np.float32)
    draw_depth(local, faces, 100.0, found)
    assert found[SIZE // 2, SIZE // 2] == pytest.approx(4)
    assert found[0, 0] == 0
