"""Losses on two-dimensional images, and regularisers of shapes; scalars unless they say otherwise."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from unrender.render.kernels import squared_error
from unrender.render.torch_bridge import eager, numpy_of, threads

_EPSILON = 1e-6


class _SquaredError(torch.autograd.Function):
    """(prediction, target) to their mean squared difference."""

    @staticmethod
    def forward(ctx: Any, prediction: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(prediction, target)
        first, second = (numpy_of(tensor).reshape(-1) for tensor in (prediction, target))
        if not ctx.needs_input_grad[0]:
            return torch.full((), squared_error.forward(first, second, threads()), dtype=prediction.dtype)
        value, ctx.gradient = squared_error.forward_and_gradient(first, second, threads())
        return torch.full((), value, dtype=prediction.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        prediction, target = ctx.saved_tensors
        found, ctx.gradient = ctx.gradient, None  # who gets it may write to it
        if found is None:  # the second time of a graph that was kept
            first, second = (numpy_of(tensor).reshape(-1) for tensor in (prediction, target))
            found = squared_error.vjp(first, second, float(grad), threads())
        elif float(grad) != 1.0:
            found *= found.dtype.type(float(grad))
        return torch.from_numpy(found).view(prediction.shape), None


def mean_squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean of (prediction - target)^2 of two tensors of one shape.

    On the CPU, of ordinary float32 or float64 tensors of one dtype where only the prediction needs a
    gradient, in one pass without anything in between, at a fraction of the time of torch's own loss (without
    second derivatives); others get torch's.
    """
    fast = (
        prediction.shape == target.shape
        and prediction.dtype == target.dtype
        and prediction.dtype in (torch.float32, torch.float64)
        and prediction.numel() > 0
        and not target.requires_grad
        and prediction.device.type == target.device.type == "cpu"
        and eager(prediction, target)
    )
    return _SquaredError.apply(prediction, target) if fast else F.mse_loss(prediction, target)


def soft_iou_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """1 - soft intersection over union of coverages [B, H, W] in [0, 1], one value per image [B].

    DIB-R's silhouette loss (arXiv 1908.01210, section 3.4).
    """
    intersection = (prediction * target).sum((1, 2))
    union = (prediction + target - prediction * target).sum((1, 2))
    return 1 - intersection / (union + _EPSILON)


def mask_head_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Mean of binary cross-entropy and soft IoU loss of the mask head; logits, target [B, H, W]."""
    bce = F.binary_cross_entropy_with_logits(logits, target)
    return bce + soft_iou_loss(torch.sigmoid(logits), target).mean()


def masked_colour_loss(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute difference of colours [B, H, W, 3] inside `mask` [B, H, W], one value per image [B]."""
    weight = mask[..., None]
    return ((prediction - target).abs() * weight).sum((1, 2, 3)) / (3 * mask.sum((1, 2)) + _EPSILON)


def surface_loss(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Negative log-likelihood of canonical coordinates under a Laplacian with a predicted scale.

    Args:
        prediction: [B, 4, H, W], coordinates and the logarithm of the scale.
        target: [B, 3, H, W]; mask: [B, H, W] where the target is known, at least 0.
    """
    scale = prediction[:, 3].clamp(-4, 1)
    error = (prediction[:, :3] - target).abs().mean(1)
    return ((error * torch.exp(-scale) + scale) * mask).sum() / (mask.sum() + _EPSILON)


def uniform_laplacian(vertices: Tensor, neighbours: Tensor, weights: Tensor) -> Tensor:
    """Mean of the neighbours minus the vertex, [..., V, 3]; tables of `unrender.topology.neighbour_table`."""
    return (weights[..., None] * vertices[..., neighbours, :]).sum(-2) - vertices


def laplacian_loss(vertices: Tensor, neighbours: Tensor, weights: Tensor) -> Tensor:
    """Mean squared length of the uniform Laplacian of vertices [..., V, 3]."""
    return (uniform_laplacian(vertices, neighbours, weights) ** 2).sum(-1).mean()


def flatten_loss(vertices: Tensor, pairs: Tensor) -> Tensor:
    """Mean of (1 - cos)^2 of the angle between the normals of faces that share an edge.

    The flattening loss of Soft Rasterizer (Liu et al., ICCV 2019), 0 for a plane.

    Args:
        vertices: [B, V, 3]. pairs: int64 [E, 4]: the edge's two vertices, then the two opposite to it.
    """
    start = vertices[:, pairs[:, 0]]
    edge = F.normalize(vertices[:, pairs[:, 1]] - start, dim=-1, eps=_EPSILON)
    sides = []
    for column in (2, 3):
        side = vertices[:, pairs[:, column]] - start
        across = side - (side * edge).sum(-1, keepdim=True) * edge
        sides.append(F.normalize(across, dim=-1, eps=_EPSILON))
    return ((1 + (sides[0] * sides[1]).sum(-1)) ** 2).mean()


def geodesic_angle(first: Tensor, second: Tensor) -> Tensor:
    """Angle in radians between rotation matrices [..., 3, 3]; smooth at zero (through the chord length)."""
    chord = ((first - second) ** 2).sum((-1, -2))
    return 2 * torch.asin((chord / 8).clamp(1e-12, 1 - 1e-6).sqrt())
