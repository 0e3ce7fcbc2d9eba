"""The prior on a shape's proportions: its width and height over its length.

The loop sees one outline. What it does to the extent along the line of sight is a guess, and small moves of
many coefficients and fields add up to bodies twice as wide as any. The prior is Gaussian in the logarithms of
width / length and height / length, with the mean and the covariance that the category's shape space has; so
it does not matter which of the three sides is the long one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrender.shape_space import ShapeSpace

_SAMPLES = 64
_LEAST = 0.05
"""Least standard deviation, of every combination of the two logarithms."""


@dataclass(frozen=True, eq=False)
class Proportions:
    """Distribution of log(width / length) and log(height / length); width along x, height y, length z.

    Attributes:
        mean: [2].
        scale: [2, 2]; it whitens deviations from the mean.
    """

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, space: ShapeSpace) -> Proportions:
        """Those of shapes drawn from a space, optional parts put away."""
        coefficients = np.random.default_rng(0).standard_normal((_SAMPLES, space.size))
        if space.optional is not None:
            coefficients[:, space.optional] = 0
        offsets = coefficients @ space.basis.reshape(space.size, -1)
        shapes = space.mean + offsets.reshape(_SAMPLES, *space.mean.shape)
        sides = np.log(np.maximum(np.ptp(shapes, axis=1), 1e-6))
        ratios = sides[:, :2] - sides[:, 2:]
        variances, directions = np.linalg.eigh(np.cov(ratios.T, bias=True))
        deviations = np.maximum(np.sqrt(np.maximum(variances, 0)), _LEAST)
        return cls(ratios.mean(0), np.ascontiguousarray(directions.T / deviations[:, None]))
