"""Pull-push against a float64 reference in numpy, and what must hold of any such filling."""

from __future__ import annotations

import numpy as np
import pytest

from unrender.reconstruct.pull_push import pull_push


def reference(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    values, weights = values.astype(np.float64), np.minimum(weights.astype(np.float64), 1)
    if len(values) == 1:
        return values
    half = len(values) // 2
    cells = weights.reshape(half, 2, half, 2)
    total = cells.sum((1, 3))
    colours = (values.reshape(half, 2, half, 2, 3) * cells[..., None]).sum((1, 3))
    coarse = reference(colours / np.maximum(total, 1e-8)[..., None], np.minimum(total, 1))
    place = np.clip((np.arange(2 * half) + 0.5) / 2 - 0.5, 0, half - 1)
    low = np.floor(place).astype(int)
    high, part = np.minimum(low + 1, half - 1), place - low
    rows = coarse[low] * (1 - part)[:, None, None] + coarse[high] * part[:, None, None]
    smooth = rows[:, low] * (1 - part)[None, :, None] + rows[:, high] * part[None, :, None]
    return weights[..., None] * values + (1 - weights[..., None]) * smooth


@pytest.mark.parametrize("size", [1, 2, 16, 256])
@pytest.mark.parametrize("threads", [1, 2])
def test_equals_the_reference(size, threads):
    rng = np.random.default_rng(size)
    values = rng.standard_normal((size, size, 3)).astype(np.float32)
    weights = np.clip(rng.uniform(-1, 1.5, (size, size)), 0, None).astype(np.float32)
    expected = reference(values, weights)
    pull_push(values, weights, threads)
    np.testing.assert_allclose(values, expected, atol=2e-5)


def test_known_values_stay_and_one_colour_fills_all():
    values = np.zeros((64, 64, 3), np.float32)
    weights = np.zeros((64, 64), np.float32)
    values[10, 20], weights[10, 20] = [0.25, 0.5, 0.75], 1
    pull_push(values, weights)
    np.testing.assert_allclose(values, np.broadcast_to([0.25, 0.5, 0.75], values.shape), atol=1e-6)
