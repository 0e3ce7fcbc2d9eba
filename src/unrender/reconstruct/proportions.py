"""The prior on a shape's proportions: its two shorter sides over the longest.

The loop sees one outline. What it does to the extent along the line of sight is a guess, and small moves of
many coefficients and fields add up to bodies twice as wide as any. The prior is Gaussian in the logarithms of
the two ratios, each with the mean and the spread that the category's shape space has. Which side is the long
one, the space says too: a bird's length, a lamp's height. The ratio of the two shorter sides is left free: a
prior on it, by itself or through the covariance of the two, made bodies worse (docs/experiments.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrender.shape_space import ShapeSpace

_SAMPLES = 64
_LEAST = 0.05
"""Least standard deviation of a logarithm."""


@dataclass(frozen=True, eq=False)
class Proportions:
    """Distribution of log(width / length) and log(height / length); width along x, height y, length z.

    Attributes:
        mean: [2].
        scale: [2, 2], deviations from that to those of the logarithms of the prior's own two ratios, in
            standard deviations.
    """

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, space: ShapeSpace) -> Proportions:
        """Those of shapes drawn from a space's own variation, optional parts put away."""
        coefficients = np.random.default_rng(0).standard_normal((_SAMPLES, space.size))
        if space.optional is not None:
            coefficients[:, space.optional] = 0
        coefficients[:, ~space.variation] = 0
        offsets = coefficients @ space.basis.reshape(space.size, -1)
        shapes = space.mean + offsets.reshape(_SAMPLES, *space.mean.shape)
        sides = np.log(np.maximum(np.ptp(shapes, axis=1), 1e-6))
        ratios = sides[:, :2] - sides[:, 2:]
        longest = int(np.argmax(sides.mean(0)))
        own = np.delete(np.eye(3), longest, axis=0)
        own[:, longest] = -1  # rows sum to zero, so they are made of the two ratios over the length
        spread = np.maximum((sides @ own.T).std(0), _LEAST)
        return cls(ratios.mean(0), np.ascontiguousarray(own[:, :2] / spread[:, None]))

    def residuals(self, vertices: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Deviations in standard deviations, and their derivatives.

        Args:
            vertices: [V, 3]. basis: [V, 3, N], derivatives of the vertices by the unknowns.

        Returns:
            [2], and [2, N].
        """
        axes = np.arange(3)
        high, low = vertices.argmax(0), vertices.argmin(0)
        extent = np.maximum(vertices[high, axes] - vertices[low, axes], 1e-6)
        slope = (basis[high, axes] - basis[low, axes]) / extent[:, None]
        sides = np.log(extent)
        return self.scale @ (sides[:2] - sides[2] - self.mean), self.scale @ (slope[:2] - slope[2])
