"""How sure the category is: temperature scaling of the classifier's logits.

Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks" (ICML 2017): one number, fitted on
pictures that were not trained on, makes probabilities mean what they say and changes no decision.
"""

from __future__ import annotations

import numpy as np

from unrender.errors import InputError

RANGE = (0.05, 20.0)
"""Temperatures that are considered."""


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature that makes `softmax(logits / temperature)` likeliest; within `RANGE`.

    Args:
        logits: float [N, C]. labels: int [N], in 0 to C - 1.

    Raises:
        InputError: shapes do not fit, or there is no picture.
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not len(labels):
        raise InputError(f"logits, labels: expected [N, C] and [N], got {logits.shape} and {labels.shape}")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise InputError(f"labels: expected numbers below {logits.shape[1]}, got up to {labels.max()}")
    # The likelihood is concave in 1 / temperature: a golden-section search finds its only maximum.
    ratio = (np.sqrt(5) - 1) / 2
    low, high = 1 / RANGE[1], 1 / RANGE[0]
    inner, outer = high - ratio * (high - low), low + ratio * (high - low)
    for _ in range(60):
        if log_likelihood(inner * logits, labels) > log_likelihood(outer * logits, labels):
            high, outer = outer, inner
            inner = high - ratio * (high - low)
        else:
            low, inner = inner, outer
            outer = low + ratio * (high - low)
    return float(2 / (low + high))


def log_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean log-probability of the labels [N] under softmax of float [N, C]."""
    shifted = logits - logits.max(1, keepdims=True)
    chosen = shifted[np.arange(len(labels)), labels]
    return float((chosen - np.log(np.exp(shifted).sum(1))).mean())


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: mean distance of confidence from accuracy over bins of confidence.

    Args:
        probabilities: float [N, C]. labels: int [N]. bins: of equal width (Guo et al., equation 3).
    """
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    cell = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(cell, confidence, bins) - np.bincount(cell, right.astype(float), bins)
    return float(np.abs(gap).sum() / len(labels))
