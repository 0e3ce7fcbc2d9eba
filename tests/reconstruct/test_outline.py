"""Distances and outlines of masks, placement and cropping, against brute force and geometry."""

from __future__ import annotations

import numpy as np
import pytest

from unrender.errors import ImageError, InputError
from unrender.placement import mask_extent, place
from unrender.reconstruct.distance import outline, signed_distance
from unrender.reconstruct.region import FILL, crop_round, main_object, square_round


@pytest.mark.parametrize("density", [0.03, 0.5, 0.97])
def test_signed_distance_is_that_of_brute_force(density):
    rng = np.random.default_rng(int(100 * density))
    mask = rng.random((13, 21)) < density
    mask[4:7, 5:11], mask[9, 9] = True, False
    cells = np.argwhere(np.ones_like(mask))
    apart = np.linalg.norm(cells[:, None] - cells[None], axis=-1)
    flat = mask.ravel()
    other = np.array([apart[i, flat != flat[i]].min() for i in range(flat.size)])
    expected = np.where(flat, 0.5 - other, other - 0.5).reshape(mask.shape)
    np.testing.assert_allclose(signed_distance(mask), expected, atol=1e-12)


def test_signed_distance_without_outline():
    assert (signed_distance(np.zeros((4, 6), bool)) == 10).all()
    assert (signed_distance(np.ones((4, 6), bool)) == -10).all()


def disc(size, centre, radius):
    """Coverage of a disc, by area to first order."""
    v, u = np.mgrid[:size, :size] + 0.5
    return np.clip(0.5 + radius - np.hypot(u - centre[0], v - centre[1]), 0, 1)


def test_outline_of_a_disc_is_the_circle():
    centre, radius = np.array([30.3, 33.8]), 17.4
    points, normals = outline(disc(64, centre, radius), 100)
    arms = points - centre
    np.testing.assert_allclose(np.linalg.norm(arms, axis=1), radius, atol=0.12)
    outward = (normals * arms).sum(1) / radius
    assert outward.min() > 0.95
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-9)
    assert 50 <= len(points) <= 200
    angles = np.sort(np.arctan2(arms[:, 1], arms[:, 0]))
    gaps = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    assert gaps.max() < 8 * 2 * np.pi / len(points), "the outline is covered all round"


def test_mask_extent_ignores_strays():
    mask = np.zeros((40, 50), bool)
    mask[10:30, 20:35] = True
    assert mask_extent(mask) == (20, 10, 35, 30)
    mask[2, 48] = True
    assert mask_extent(mask) == (20, 10, 35, 30)
    with pytest.raises(InputError, match="mask"):
        mask_extent(np.zeros((4, 4), bool))


@pytest.mark.parametrize("extent", [(10, 20, 50, 44), (0, 0, 64, 64), (40, 5, 60, 60), (-4, 30, 30, 50)])
def test_place_puts_the_projected_box_on_the_extent(extent):
    rng = np.random.default_rng(3)
    size, focal = 64, 32 / np.tan(np.radians(15))
    for _ in range(5):
        points = rng.standard_normal((200, 3))
        points *= np.array([0.5, 0.4, 0.7]) / np.linalg.norm(points, axis=1, keepdims=True)
        points += 0.1 * rng.standard_normal(3)
        local = points + place(points, extent, focal, size)
        assert local[:, 2].max() < 0, "in front of the camera"
        pixels = np.stack(
            [size / 2 + focal * local[:, 0] / -local[:, 2], size / 2 - focal * local[:, 1] / -local[:, 2]]
        )
        low, high = pixels.min(1), pixels.max(1)
        left, top, right, bottom = extent
        np.testing.assert_allclose(0.5 * (low + high), [(left + right) / 2, (top + bottom) / 2], atol=0.25)
        wanted = np.hypot(right - left, bottom - top)
        assert np.hypot(*(high - low)) == pytest.approx(wanted, rel=0.01)


def test_main_object_keeps_the_largest_part_and_the_soft_rim():
    probability = np.full((30, 30), 0.1, np.float32)
    probability[2:10, 2:10] = 0.9  # 64 pixels
    probability[15:28, 12:28] = 0.8  # 208 pixels
    probability[14, 12:28] = 0.3
    kept = main_object(probability)
    assert (kept[2:10, 2:10] <= 0.49).all()
    np.testing.assert_array_equal(kept[14:28, 12:28], probability[14:28, 12:28])
    assert ((kept > 0.5) == (probability > 0.5) & (np.arange(30)[:, None] > 12)).all()
    assert (main_object(np.full((8, 8), 0.2, np.float32)) == np.float32(0.2)).all()


def test_parts_that_touch_at_a_corner_are_two():
    probability = np.zeros((10, 10), np.float32)
    probability[1:4, 1:4], probability[4:9, 4:9] = 1, 1
    kept = main_object(probability) > 0.5
    assert kept.sum() == 25 and not kept[1:4, 1:4].any()


def test_crop_surrounds_the_object_with_the_margin():
    mask = np.zeros((32, 32), bool)
    mask[8:16, 4:24] = True  # 20 x 8 cells
    x, y, side = crop_round(mask, 100.0, 50.0, 2.0)
    assert side == pytest.approx(20 * 2 / FILL)
    assert (x + side / 2, y + side / 2) == pytest.approx((100 + 28, 50 + 24))
    assert square_round(100 + 8, 50 + 16, 40, 16) == pytest.approx((x, y, side))
    for empty in (np.zeros((32, 32), bool), np.eye(32, dtype=bool) & (np.arange(32) < 2)):
        with pytest.raises(ImageError, match="--box"):
            crop_round(empty, 0, 0, 1)
