"""`kaolin.metrics.render`."""

from __future__ import annotations

from torch import Tensor

from unrender.errors import InputError


def mask_iou(lhs_mask: Tensor, rhs_mask: Tensor) -> Tensor:
    """IoU loss of two soft masks: 1 - mean over the batch of sum(a b) / sum(a + b - a b).

    A loss, 0 for equal hard masks: only here, as in kaolin; `unrender.metrics` has the IoU itself.

    Args:
        lhs_mask: [B, H, W] in [0, 1].
        rhs_mask: [B, H, W] in [0, 1].

    Returns:
        Scalar tensor.

    Raises:
        InputError: the shapes differ or are not [B, H, W].
    """
    if lhs_mask.ndim != 3 or lhs_mask.shape != rhs_mask.shape:
        raise InputError(
            "lhs_mask, rhs_mask: expected one shape [B, H, W], "
            f"got {list(lhs_mask.shape)} and {list(rhs_mask.shape)}"
        )
    both = (lhs_mask * rhs_mask).flatten(1).sum(dim=1)
    either = (lhs_mask + rhs_mask).flatten(1).sum(dim=1) - both
    return 1 - (both / (either + 1e-10)).mean()
