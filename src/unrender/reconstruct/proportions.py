"""The prior on a shape's proportions: its width and height over its length.

The loop sees one outline. What it does to the extent along the line of sight is a guess, and small moves of
many coefficients and fields add up to bodies twice as wide as any. The prior is Gaussian in the logarithms of
width / length and height / length, with the mean and the spread that the category's shape space has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrender.shape_space import ShapeSpace

_SAMPLES = 64


@dataclass(frozen=True, eq=False)
class Proportions:
    """Mean and standard deviation, [2] each, of log(width / length) and log(height / length).

    Width is along x, height along y, length along z, the object's long axis.
    """

    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, space: ShapeSpace) -> Proportions:
        """Those of shapes drawn from a space, optional parts put away."""
        coefficients = np.random.default_rng(0).standard_normal((_SAMPLES, space.size))
        if space.optional is not None:
            coefficients[:, space.optional] = 0
        offsets = coefficients @ space.basis.reshape(space.size, -1)
        shapes = space.mean + offsets.reshape(_SAMPLES, *space.mean.shape)
        ratios = _log_ratios(np.ptp(shapes, axis=1))
        return cls(ratios.mean(0), np.maximum(ratios.std(0), 0.05))

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
        return (_log_ratios(extent) - self.mean) / self.spread, (slope[:2] - slope[2]) / self.spread[:, None]


def _log_ratios(extent: np.ndarray) -> np.ndarray:
    """[..., 2] of extents [..., 3]."""
    logarithm = np.log(np.maximum(extent, 1e-6))
    return logarithm[..., :2] - logarithm[..., 2:]
