"""Temperature scaling against a grid, and on probabilities whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from unrender.errors import InputError
from unrender.network.calibration import calibration_error, fit_temperature, log_likelihood


def sample(sharpness, count=6000, classes=5, seed=0):
    """Logits that are `sharpness` times too large, and labels drawn from the true probabilities."""
    rng = np.random.default_rng(seed)
    true = 1.5 * rng.standard_normal((count, classes))
    labels = (true + rng.gumbel(size=true.shape)).argmax(1)  # the Gumbel trick draws from softmax
    return sharpness * true, labels


def softmax(logits):
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 3.0])
def test_the_temperature_undoes_the_sharpness(sharpness):
    logits, labels = sample(sharpness)
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(sharpness, rel=0.06)
    grid = np.geomspace(0.1, 10, 400)
    best = grid[np.argmax([log_likelihood(logits / t, labels) for t in grid])]
    assert found == pytest.approx(best, rel=0.02)


def test_confidence_becomes_accuracy():
    logits, labels = sample(3.0)
    other, other_labels = sample(3.0, seed=1)  # not those it was fitted on
    before = calibration_error(softmax(other), other_labels)
    after = calibration_error(softmax(other / fit_temperature(logits, labels)), other_labels)
    assert before > 0.15 and after < 0.03


def test_calibration_error_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [0.35, 0.65]])
    # first bin: 0.95 sure, half right; second: 0.65 sure, all right
    labels = np.array([0, 1, 1, 1])
    assert calibration_error(probabilities, labels) == pytest.approx(0.5 * 0.45 + 0.5 * 0.35)


def test_likelihood_is_the_mean_log_probability():
    logits, labels = sample(1.0, 50)
    expected = np.log(softmax(logits)[np.arange(50), labels]).mean()
    assert log_likelihood(logits, labels) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [(np.zeros((3, 2)), np.zeros(2, int)), (np.zeros((0, 2)), np.zeros(0, int)), (np.zeros((1, 2)), [2])],
)
def test_wrong_arguments(logits, labels):
    with pytest.raises(InputError):
        fit_temperature(logits, labels)
