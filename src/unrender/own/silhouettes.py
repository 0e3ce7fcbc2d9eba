"""Outlines of photos as shapes are fitted to them: masks on the square crop, as the pipeline cuts it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrender.image import crop_square
from unrender.placement import mask_extent
from unrender.reconstruct.distance import outline, signed_distance
from unrender.reconstruct.region import cell_means, crop_round, main_object

SIZE = 64
"""Side of the compared pictures in pixels."""
OUTLINE_POINTS = 128


@dataclass(frozen=True, eq=False)
class Silhouette:
    """One photo's outline.

    Attributes:
        mask: bool [64, 64] on the square crop.
        extent: (left, top, right, bottom) of the mask in pixels of the crop.
        distance: float64 [64, 64], signed distance to the outline in pixels, positive outside.
        points, normals: float64 [Q, 2], on the outline.
    """

    mask: np.ndarray
    extent: tuple[float, float, float, float]
    distance: np.ndarray
    points: np.ndarray
    normals: np.ndarray

    @classmethod
    def of(cls, probability: np.ndarray) -> Silhouette:
        """From a mask float [64, 64] in [0, 1].

        Raises:
            InputError: the mask is empty.
        """
        mask = np.ascontiguousarray(probability > 0.5)
        return cls(mask, mask_extent(mask), signed_distance(mask), *outline(probability, OUTLINE_POINTS))


def crop_mask(mask: np.ndarray) -> tuple[np.ndarray, tuple[float, float, float]]:
    """Coverage float32 [64, 64] of the main part of a whole photo's mask, and its square crop (x, y, side).

    Args:
        mask: bool [H, W].

    Raises:
        ImageError: the mask is empty or a mere speck.
    """
    crop = crop_round(np.asarray(mask, bool), 0.0, 0.0, 1.0)
    large = crop_square(mask.astype(np.float32), *crop, 256, 0.0)
    return main_object(cell_means(large, SIZE)), crop
