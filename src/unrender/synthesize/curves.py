"""Smooth one-dimensional curves through given values."""

from __future__ import annotations

import numpy as np


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, a cubic between them; the shape of `x`."""
    t = np.clip((np.asarray(x, dtype=np.float64) - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def pchip(knots: np.ndarray, values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Monotone cubic interpolation (Fritsch and Carlson 1980), constant beyond the ends.

    Args:
        knots: [K] increasing, K >= 2.
        values: [K] or [K, C].
        x: [N] where to evaluate.

    Returns:
        [N] or [N, C]; no overshoot between neighbouring knots.
    """
    flat = np.asarray(values, dtype=np.float64).reshape(len(knots), -1)
    h = np.diff(knots)[:, None]
    slope = np.diff(flat, axis=0) / h
    tangent = np.zeros_like(flat)
    if len(knots) > 2:
        before, after = slope[:-1], slope[1:]
        w1, w2 = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
        same = before * after > 0
        safe_before, safe_after = np.where(same, before, 1.0), np.where(same, after, 1.0)
        tangent[1:-1] = np.where(same, (w1 + w2) / (w1 / safe_before + w2 / safe_after), 0.0)
    tangent[0], tangent[-1] = slope[0], slope[-1]
    x = np.clip(np.asarray(x, dtype=np.float64), knots[0], knots[-1])
    i = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    t = ((x - knots[i]) / h[i, 0])[:, None]
    result = (
        flat[i] * (1 + 2 * t) * (1 - t) ** 2 + h[i] * tangent[i] * t * (1 - t) ** 2
        + flat[i + 1] * t * t * (3 - 2 * t) + h[i] * tangent[i + 1] * t * t * (t - 1)
    )  # fmt: skip
    return result.reshape(len(x), *np.shape(values)[1:])
