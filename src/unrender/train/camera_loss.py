"""How wrong camera hypotheses and canonical coordinates are."""

from __future__ import annotations

import torch
from torch import Tensor

from unrender.losses import geodesic_angle
from unrender.network.model import Prediction


@torch.no_grad()
def surface_error(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean distance of predicted [B, 4, H, W] from true [B, 3, H, W] coordinates under a mask."""
    distance = (prediction[:, :3] - target).norm(dim=1)
    return (distance * mask).sum() / mask.sum().clamp(min=1)


@torch.no_grad()
def likeliest_rotations(prediction: Prediction) -> Tensor:
    """[B, 3, 3] world-to-camera rotation of each picture's likeliest hypothesis."""
    rows = torch.arange(len(prediction.rotations))
    return prediction.rotations[rows, prediction.hypothesis_logits.argmax(1)]


def camera_loss(
    prediction: Prediction, anchors: Tensor, truth: Tensor, trust: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Which hypothesis is right (cross-entropy), and how far the two nearest are off (radians).

    Args:
        anchors: [H, 3, 3]; truth: [B, 3, 3] world-to-camera rotations. trust: [B] weights, or None.

    Returns:
        The loss, and the errors [B] of the likeliest hypotheses in degrees.
    """
    distance = geodesic_angle(anchors[None], truth[:, None])
    soft = torch.softmax(-distance / 0.15, dim=1)
    likelihood = -(soft * torch.log_softmax(prediction.hypothesis_logits, 1)).sum(1)
    nearest = distance.topk(2, dim=1, largest=False).indices
    rows = torch.arange(len(truth))
    angles = geodesic_angle(prediction.rotations[rows[:, None], nearest], truth[:, None])
    errors = torch.rad2deg(geodesic_angle(likeliest_rotations(prediction), truth))
    each = 0.5 * likelihood + angles.mean(1)
    return each.mean() if trust is None else (trust * each).sum() / len(each), errors
