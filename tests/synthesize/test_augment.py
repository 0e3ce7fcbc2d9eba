"""Backgrounds, compositing and degradation: deterministic, right shapes, right arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from unrender.errors import InputError
from unrender.synthesize.augment import (
    composite,
    degrade,
    noise_background,
    photo_background,
    random_background,
    roughened,
)


def cutout(size: int = 48) -> np.ndarray:
    rgba = np.zeros((size, size, 4), dtype=np.uint8)
    rgba[12:36, 12:36] = (200, 40, 10, 255)
    rgba[11, 12:36] = (200, 40, 10, 128)
    return rgba


def test_composite_is_alpha_blending():
    rng = np.random.default_rng(0)
    background = rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)
    rgba = rng.integers(0, 256, (48, 48, 4), dtype=np.uint8)
    picture, mask = composite(rgba, background, rng, occluders=0)
    alpha = rgba[..., 3:] / 255
    expected = rgba[..., :3] * alpha + background * (1 - alpha)
    assert np.abs(picture - expected).max() <= 1
    assert np.array_equal(mask, rgba[..., 3])


def test_occluder_hides_some_of_the_object_and_of_its_mask():
    background = np.full((48, 48, 3), 90, dtype=np.uint8)
    hidden = []
    for seed in range(30):
        picture, mask = composite(cutout(), background, np.random.default_rng(seed), occluders=1.0)
        hidden.append((cutout()[..., 3] > 0).sum() - (mask > 0).sum())
        assert picture.dtype == mask.dtype == np.uint8
    assert max(hidden) > 0 and max(hidden) < 0.5 * (cutout()[..., 3] > 0).sum()


def test_deterministic():
    photo = np.random.default_rng(1).integers(0, 256, (70, 90, 3), dtype=np.uint8)

    def run(seed: int) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        picture, mask = composite(cutout(), random_background([photo], 48, rng), rng)
        return [
            picture,
            mask,
            degrade(picture, rng),
            noise_background(48, rng),
            photo_background(photo, 48, rng),
        ]

    for seed in range(12):
        for first, second in zip(run(seed), run(seed), strict=True):
            assert np.array_equal(first, second)


@pytest.mark.parametrize("size", [1, 2, 5, 64, 128])
def test_backgrounds_of_any_size(size):
    photo = np.zeros((3, 7, 3), dtype=np.uint8)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        assert noise_background(size, rng).shape == (size, size, 3)
        assert photo_background(photo, size, rng).shape == (size, size, 3)
        assert random_background([], size, rng).dtype == np.uint8


def test_degrade_keeps_shape_and_strength_zero_changes_nothing():
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    assert np.array_equal(degrade(picture, np.random.default_rng(0), strength=0), picture)
    for seed in range(20):
        result = degrade(picture, np.random.default_rng(seed))
        assert result.shape == picture.shape and result.dtype == np.uint8 and result.flags.c_contiguous


def test_bad_input():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="rgba"):
        composite(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8), rng)
    with pytest.raises(InputError, match="background"):
        composite(np.zeros((4, 4, 4), np.uint8), np.zeros((5, 4, 3), np.uint8), rng)
    with pytest.raises(InputError, match="rgb"):
        degrade(np.zeros((4, 4, 3)), rng)
    with pytest.raises(InputError, match="size"):
        noise_background(0, rng)


def test_roughened_outlines_are_those_of_a_network_that_is_not_sure():
    y, x = np.mgrid[0:64, 0:64]
    disc = (np.hypot(x - 31.5, y - 31.5) < 18).astype(np.float32)
    masks = np.tile(disc, (200, 1, 1))
    found = roughened(masks, np.random.default_rng(0))
    assert found.dtype == np.float32 and found.shape == masks.shape
    assert found.min() >= 0 and found.max() <= 1
    assert np.array_equal(found, roughened(masks, np.random.default_rng(0))), (
        "the generator is all the chance"
    )
    assert np.array_equal(masks[0], disc), "what was given stays"
    same = (found == masks).all((1, 2)).mean()
    assert 0.15 < same < 0.35
    inside, known = found > 0.5, masks > 0.5
    iou = (inside & known).sum((1, 2)) / (inside | known).sum((1, 2))
    assert 0.9 < np.median(iou) < 0.995 and iou.min() < 0.93
    assert abs(inside.mean() / known.mean() - 1) < 0.03, "neither larger nor smaller as a rule"
