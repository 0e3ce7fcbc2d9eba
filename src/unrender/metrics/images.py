"""Metrics of pictures: intersection over union of masks, and colour errors inside a mask."""

from __future__ import annotations

import math

import numpy as np

from unrender.errors import InputError


def mask_iou(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two masks; 1 is perfect.

    Args:
        first, second: bool [H, W].

    Returns:
        The ratio in [0, 1]; 1.0 when both are empty.

    Raises:
        InputError: not bool, not two-dimensional, or of different shapes.
    """
    for name, mask in (("first", first), ("second", second)):
        if mask.dtype != np.bool_ or mask.ndim != 2:
            raise InputError(f"{name}: expected a bool mask [H, W], got {mask.dtype} {list(mask.shape)}")
    if first.shape != second.shape:
        raise InputError(f"second: expected the shape of first, {first.shape}, got {second.shape}")
    union = int((first | second).sum())
    return 1.0 if union == 0 else int((first & second).sum()) / union


def masked_l1(image: np.ndarray, target: np.ndarray, mask: np.ndarray) -> float:
    """Mean absolute colour difference over the pixels of `mask` and all channels.

    A pixel that `image` does not cover counts with whatever `image` holds there (its background, 0 = black in
    our renderings), so missing parts are errors and not left out.

    Args:
        image, target: float [H, W, C] in [0, 1], the same colour space.
        mask: bool [H, W], the pixels that count.

    Returns:
        The error in [0, 1]; nan when the mask is empty.

    Raises:
        InputError: the shapes do not match or a value is not finite.
    """
    difference = _masked_difference(image, target, mask)
    return float(np.abs(difference).mean()) if difference.size else math.nan


def masked_psnr(image: np.ndarray, target: np.ndarray, mask: np.ndarray) -> float:
    """Peak signal-to-noise ratio over the pixels of `mask`, in decibels, for colours in [0, 1].

    Args and raises: as `masked_l1`.

    Returns:
        10 log10(1 / MSE); inf when equal, nan when the mask is empty.
    """
    difference = _masked_difference(image, target, mask)
    if not difference.size:
        return math.nan
    error = float(np.mean(difference * difference))
    return math.inf if error == 0 else -10 * math.log10(error)


def _masked_difference(image: np.ndarray, target: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """[N, C] float64 differences of the masked pixels."""
    if image.ndim != 3 or image.shape != target.shape:
        raise InputError(
            f"target: expected [H, W, C] like image, got {list(target.shape)}, {list(image.shape)}"
        )
    if mask.dtype != np.bool_ or mask.shape != image.shape[:2]:
        raise InputError(f"mask: expected bool {list(image.shape[:2])}, got {mask.dtype} {list(mask.shape)}")
    difference = image[mask].astype(np.float64) - target[mask]
    if not np.isfinite(difference).all():
        raise InputError("image, target: hold NaN or infinity inside the mask; pass finite colours in [0, 1]")
    return difference
