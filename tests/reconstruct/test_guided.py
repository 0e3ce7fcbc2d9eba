"""The guided filter against its definition, window by window, and what it is for: outlines on edges."""

from __future__ import annotations

import numpy as np
import pytest

from unrender.reconstruct.guided import guided_mask


def _by_definition(picture: np.ndarray, mask: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """He et al., equations 11 to 13, by least squares in every window (float64)."""
    rows, columns = mask.shape
    colours = picture.astype(np.float64) / 255
    total, count = np.zeros(mask.shape), np.zeros(mask.shape)
    for row in range(rows):
        for column in range(columns):
            window = (
                slice(max(row - radius, 0), row + radius + 1),
                slice(max(column - radius, 0), column + radius + 1),
            )
            inside, values = colours[window].reshape(-1, 3), mask[window].astype(np.float64).ravel()
            n = len(inside)
            # minimise sum (a . I + b - p)^2 + n epsilon |a|^2
            design = np.concatenate(
                [np.c_[inside, np.ones(n)], np.c_[np.sqrt(n * epsilon) * np.eye(3), np.zeros(3)]]
            )
            line = np.linalg.lstsq(design, np.concatenate([values, np.zeros(3)]), rcond=None)[0]
            total[window] += colours[window] @ line[:3] + line[3]
            count[window] += 1
    return np.clip(total / count, 0, 1)


@pytest.mark.parametrize(
    ("shape", "radius", "epsilon"), [((14, 11), 2, 1e-2), ((9, 16), 3, 1e-3), ((5, 4), 6, 1e-3)]
)
def test_it_is_what_the_paper_defines(shape, radius, epsilon):
    rng = np.random.default_rng(radius)
    picture = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    mask = rng.random(shape, dtype=np.float32)
    found = guided_mask(picture, mask, radius, epsilon)
    np.testing.assert_allclose(found, _by_definition(picture, mask, radius, epsilon), atol=1e-5)


def test_threads_change_nothing():
    rng = np.random.default_rng(3)
    picture, mask = rng.integers(0, 256, (61, 40, 3), dtype=np.uint8), rng.random((61, 40), dtype=np.float32)
    one, two = (guided_mask(picture, mask, threads=count) for count in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_an_outline_beside_an_edge_moves_to_it():
    """A disc on another colour, its mask three pixels too large and soft."""
    y, x = np.mgrid[:128, :128]
    distance = np.hypot(y - 64, x - 60) - 35
    inside = distance < 0
    rng = np.random.default_rng(0)
    picture = np.where(inside[..., None], [170, 90, 60], [60, 110, 150]) + rng.normal(0, 8, (128, 128, 3))
    mask = (1 / (1 + np.exp((distance - 3) / 2))).astype(np.float32)

    def overlap(found: np.ndarray) -> float:
        return float((found & inside).sum() / (found | inside).sum())

    found = guided_mask(picture.clip(0, 255).astype(np.uint8), mask) > 0.5
    assert overlap(mask > 0.5) < 0.87
    assert overlap(found) > 0.96


def test_on_a_picture_of_one_colour_it_is_a_blur():
    mask = np.zeros((20, 20), np.float32)
    mask[:, 10:] = 1
    found = guided_mask(np.full((20, 20, 3), 77, np.uint8), mask, 2)
    assert (np.diff(found, axis=1) >= -1e-6).all() and found[10, 9] == pytest.approx(
        1 - found[10, 10], abs=1e-6
    )
