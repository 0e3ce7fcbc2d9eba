"""How good a reconstruction is: 2D (masks, colours), 3D (voxels, distances), cameras, and intervals of means.

Numpy in, plain numbers out. Losses for training live in `unrender.losses`; here nothing is differentiable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unrender.metrics.images import mask_iou, masked_l1, masked_psnr
from unrender.metrics.shapes import (
    best_yaw,
    extent_ratios,
    iou_3d,
    normalize_box,
    rotate_y,
    sample_surface,
    voxelize,
    voxelize_points,
)
from unrender.metrics.statistics import Interval, paired_bootstrap, rotation_error_degrees

if TYPE_CHECKING:
    from unrender.metrics.distances import chamfer_l1, compare_points, f_score, nearest_distances

__all__ = [
    "Interval",
    "best_yaw",
    "chamfer_l1",
    "compare_points",
    "extent_ratios",
    "f_score",
    "iou_3d",
    "mask_iou",
    "masked_l1",
    "masked_psnr",
    "nearest_distances",
    "normalize_box",
    "paired_bootstrap",
    "rotate_y",
    "rotation_error_degrees",
    "sample_surface",
    "voxelize",
    "voxelize_points",
]


def __getattr__(name: str) -> object:
    """The distance metrics on first use: they compile with numba, the others need numpy only."""
    if name in ("chamfer_l1", "compare_points", "f_score", "nearest_distances"):
        from unrender.metrics import distances

        return getattr(distances, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
