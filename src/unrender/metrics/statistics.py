"""Rotation errors, and intervals of means by the paired bootstrap."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unrender.errors import InputError


@dataclass(frozen=True)
class Interval:
    """A mean with the bounds of its confidence interval, in the unit of the samples."""

    mean: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """The three numbers as a JSON object."""
        return {"mean": self.mean, "low": self.low, "high": self.high}


def paired_bootstrap(
    values: np.ndarray,
    baseline: np.ndarray | None = None,
    *,
    groups: np.ndarray | None = None,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Mean of the paired differences `values - baseline` with its percentile bootstrap interval.

    Args:
        values: float [N], one per sample. NaN pairs are left out.
        baseline: float [N], the same samples by another method; None takes the values themselves.
        groups: [N] labels. Samples of one group (views of one mesh) are drawn together, because they are not
            independent; None draws samples singly.
        level: of the interval, in (0, 1).
        resamples: bootstrap draws.
        seed: of the draws.

    Returns:
        Mean and interval; all nan when no pair is left.

    Raises:
        InputError: lengths differ or the level is out of range.
    """
    values = np.asarray(values, dtype=np.float64)
    baseline = np.zeros_like(values) if baseline is None else np.asarray(baseline, dtype=np.float64)
    labels = np.arange(len(values)) if groups is None else np.asarray(groups)
    if values.ndim != 1 or baseline.shape != values.shape or len(labels) != len(values):
        raise InputError("values, baseline, groups: expected vectors of one length [N]")
    if not 0 < level < 1:
        raise InputError(f"level: expected a number between 0 and 1, got {level}")
    difference = values - baseline
    kept = ~np.isnan(difference)
    if not kept.any():
        return Interval(math.nan, math.nan, math.nan)
    _, index = np.unique(labels[kept], return_inverse=True)
    sums, counts = np.bincount(index, difference[kept]), np.bincount(index)
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    for start in range(0, resamples, 1000):
        draws = rng.integers(0, len(sums), (min(1000, resamples - start), len(sums)))
        means[start : start + len(draws)] = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(difference[kept].mean()), float(low), float(high))


def rotation_error_degrees(first: np.ndarray, second: np.ndarray) -> float:
    """Angle of the rotation that leads from one rotation matrix [3, 3] to another, in degrees, in [0, 180].

    Raises:
        InputError: a matrix is not a rotation.
    """
    matrices = [np.asarray(m, dtype=np.float64) for m in (first, second)]
    for name, matrix in zip(("first", "second"), matrices, strict=True):
        if matrix.shape != (3, 3) or not np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-4):
            raise InputError(f"{name}: expected a rotation matrix [3, 3]")
    # 2 asin(|A - B| / (2 sqrt 2)) is exact near 0, where the arc cosine of the trace is not.
    chord = np.linalg.norm(matrices[0] - matrices[1]) / (2 * math.sqrt(2))
    return math.degrees(2 * math.asin(min(1.0, float(chord))))
