"""Wrapping the template round solids, and laying it over shapes from labelled pictures."""

from __future__ import annotations

import numpy as np
import pytest

from unrender.camera import Camera, orbit
from unrender.data.multiview import MultiviewObject
from unrender.metrics.shapes import iou_3d, voxelize
from unrender.render import interpolate, rasterize
from unrender.template import make_template
from unrender.train.register import CROWD, Registrar, Surface, crowded, labelled_pixels, parities
from unrender.train.wrap import CELL, FLIP, GRID, REACH, solid_of_points, wrap

T = make_template(3)


def cells():
    """Centres of the grid's cells, [GRID, GRID, GRID, 3]."""
    axis = (np.arange(GRID) + 0.5) * CELL - REACH
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)


@pytest.fixture(scope="module")
def stool():
    """A slab on four square legs: the solid by its definition."""
    x, _, z = np.moveaxis(np.abs(cells()), -1, 0)
    height = cells()[..., 1]
    slab = (x < 0.6) & (z < 0.6) & (height > 0.3) & (height < 0.5)
    legs = (abs(x - 0.5) < 0.08) & (abs(z - 0.5) < 0.08) & (height > -0.6) & (height < 0.4)
    return slab | legs


def test_balloon_fills_a_stool(stool):
    vertices = wrap(stool)
    np.testing.assert_allclose(vertices[T.mirror] * FLIP, vertices, atol=1e-5)
    held = cells()[stool]
    assert np.abs(vertices.max(0) - held.max(0)).max() < 0.08
    assert np.abs(vertices.min(0) - held.min(0)).max() < 0.16  # the legs' ends
    place = np.floor((vertices + REACH) / CELL).astype(int)
    low = vertices[:, 1] < 0.1
    assert low.sum() >= 60  # the legs get vertices of their own
    assert all((low & (np.sign(vertices[:, 0]) == sx) & (np.sign(vertices[:, 2]) == sz)).sum() > 10
               for sx in (-1, 1) for sz in (-1, 1))  # fmt: skip
    truth = voxelize_solid(stool)
    assert iou_3d(voxelize(vertices / (2 * REACH), T.faces, 32), truth) > 0.6
    assert place.min() >= 0 and place.max() < GRID


def voxelize_solid(solid):
    """bool [32, 32, 32]: blocks of 3 cells that are at least a third full."""
    return solid.reshape(32, 3, 32, 3, 32, 3).mean((1, 3, 5)) >= 1 / 3


def test_solid_of_points_fills_shells_and_drops_specks():
    rng = np.random.default_rng(0)
    direction = rng.standard_normal((200_000, 3))
    shell = 0.7 * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    speck = np.full((50, 3), 0.95)
    solid = solid_of_points(np.concatenate([shell, speck]))
    ball = np.linalg.norm(cells(), axis=-1) < 0.7
    assert iou_3d(solid, ball) > 0.93


def item_of(vertices, views=8, size=96):
    """The template with these vertices from several sides, painted with the sphere's coordinates."""
    pictures, cameras = [], []
    for view in range(views):
        matrix = orbit(360 / views * view + 7, (-20, 35)[view % 2], 4.5)
        camera = Camera.from_fov(size, matrix)
        clip = np.ascontiguousarray(camera.to_clip(vertices)[None], dtype=np.float32)
        fragments = rasterize(clip, T.faces, (size, size))
        values = interpolate(T.vertices[None], fragments)[0]
        seen = fragments.face_index[0] >= 0
        pictures.append(np.where(seen[..., None], np.round(1 + 127 * (values + 1)), 0).astype(np.uint8))
        cameras.append(matrix)
    return MultiviewObject(
        np.zeros((views, size, size, 4), np.uint8), np.stack(cameras), np.zeros((9, 3)), 0,
        np.stack(pictures), None, 30.0,
    )  # fmt: skip


def test_registration_finds_the_shape_that_was_pictured():
    v = T.vertices.astype(np.float64)
    shape = v * [0.4, 0.5, 0.8] + 0.15 * np.stack([0 * v[:, 0], np.sin(2 * v[:, 2]), 0.5 * v[:, 1] ** 2], -1)
    registrar = Registrar(Surface(T, v), v)
    found = registrar.fit(item_of(shape.astype(np.float32)), 6000, np.random.default_rng(0))
    error = np.linalg.norm(found - shape, axis=1)
    assert np.median(error) < 0.012 and np.quantile(error, 0.95) < 0.04


def test_labels_that_many_pixels_share_are_left_out():
    item = item_of(T.vertices * np.float32(0.7))
    spoilt = np.array(item.canonical)
    spoilt[:, 40:50, 40:50] = (128, 140, 120)
    rng = np.random.default_rng(0)
    changed = MultiviewObject(**{**vars(item), "canonical": spoilt})
    labels = labelled_pixels(changed, 10**6, rng)[0]
    assert not (np.abs(labels - (np.array([128, 140, 120]) - 1) / 127 + 1) < 1e-3).all(1).any()
    assert len(labels) > 0.9 * len(labelled_pixels(item, 10**6, rng)[0])
    found = crowded(np.repeat([[0.5, 0.0, -0.5], [0.1, 0.1, 0.1]], [CROWD * 8 + 1, 3], axis=0), 8)
    np.testing.assert_array_equal(found, [np.round((np.array([0.5, 0.0, -0.5]) + 1) * 127)])


def test_components_of_known_parity_are_found():
    rng = np.random.default_rng(0)
    raw = 0.1 * rng.standard_normal((3, *T.vertices.shape))
    sign = np.array([1, 1, -1])[:, None, None]
    basis = 0.5 * (raw + sign * raw[:, T.mirror] * FLIP)
    codes = rng.standard_normal((40, 3))
    space = parities(T.vertices + np.einsum("nk,kvc->nvc", codes, basis), T.mirror, 2, 1)
    again = space.mean + np.einsum("nk,kvc->nvc", space.codes, space.basis)
    truth = T.vertices + np.einsum("nk,kvc->nvc", codes, basis)
    assert np.abs(again - truth).max() < 0.02 * np.abs(basis).max() + 1e-6 or np.allclose(
        again, truth, atol=1e-6
    )
    np.testing.assert_allclose(space.mean[T.mirror] * FLIP, space.mean, atol=1e-7)
    np.testing.assert_allclose(np.einsum("nk,nk->k", space.codes, space.codes) / 40, 1, atol=1e-9)
