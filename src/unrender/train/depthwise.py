"""Gradients of depthwise convolutions, for training on CPUs.

The forward pass is torch's. Its gradient for 5 x 5 kernels takes up to forty times the time of the forward
pass, a sixth of a training step; here it takes about four times that. Pictures lie with their channels last,
so that the innermost loop runs over channels and needs no sums across lanes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unrender.network.efficientnet import SamePadConv
from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import contracted

PIECES = 4
"""Parts of a batch whose weight gradients are summed in order, whatever the number of threads."""
CHANNELS = 64
"""Channels that are worked on at a time: their kernels stay in the fastest cache."""
KERNEL = 5
"""Size of the kernels that torch is slow with."""


def use_fast_gradients(network: torch.nn.Module) -> None:
    """Let the network's depthwise convolutions of 5 x 5 compute their gradients here."""
    for module in network.modules():
        if isinstance(module, SamePadConv) and module.groups > 1 and module.kernel_size[0] == KERNEL:
            module.convolve = depthwise_conv2d


def depthwise_conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: int, dilation: int, groups: int
) -> Tensor:
    """`torch.nn.functional.conv2d` with one group a channel, dilation 1 and equal strides.

    Args:
        x: [N, C, H, W] float32; weight: [C, 1, k, k]; bias: [C].
    """
    result: Tensor = _Depthwise.apply(x, weight, bias, stride[0], padding)
    return result


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding, ctx.with_bias = stride, padding, bias is not None
        return F.conv2d(x, weight, bias, stride, padding, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        threads, slope = torch.get_num_threads(), _last(gradient)
        if ctx.stride == 1:  # then the gradient is a convolution itself, with the kernel turned round
            back = weight.shape[-1] - 1 - ctx.padding
            by_x = F.conv2d(gradient, weight.flip(2, 3), None, 1, back, 1, len(weight))
        else:
            kernel = weight[:, 0].permute(1, 2, 0).contiguous().numpy()
            pictures = gradient_of_pictures(_last(x).shape, kernel, slope, ctx.stride, ctx.padding, threads)
            by_x = torch.from_numpy(pictures).permute(0, 3, 1, 2)
        size = weight.shape[-1]
        by_weight = gradient_of_kernels(_last(x), slope, size, ctx.stride, ctx.padding, threads)
        return (
            by_x,
            torch.from_numpy(by_weight).permute(2, 0, 1)[:, None].contiguous(),
            gradient.sum((0, 2, 3)) if ctx.with_bias else None,
            None,
            None,
        )


def _last(values: Tensor) -> np.ndarray:
    """[N, C, H, W] as a C-contiguous array [N, H, W, C]."""
    array: np.ndarray = values.detach().permute(0, 2, 3, 1).contiguous().numpy()
    return array


def gradient_of_kernels(
    x: np.ndarray, gradient: np.ndarray, size: int, stride: int, padding: int, threads: int = 1
) -> np.ndarray:
    """Gradient of a depthwise convolution with respect to its kernels, [size, size, C].

    Args:
        x: float32 [N, H, W, C]. gradient: of the result [N, H', W', C]. Both C-contiguous.
        size: of the kernels. stride, padding: the same in both directions; outside the picture is zero.
    """
    pieces = min(PIECES, len(x))
    parts = np.zeros((pieces, size, size, x.shape[3]), np.float32)

    def work(begin: int, end: int) -> None:
        for piece in range(begin, end):
            first, last = len(x) * piece // pieces, len(x) * (piece + 1) // pieces
            _by_kernels(x[first:last], gradient[first:last], stride, padding, parts[piece])

    pool.run(work, pieces, threads)
    return np.asarray(parts.sum(0))


def gradient_of_pictures(
    shape: tuple[int, ...],
    weight: np.ndarray,
    gradient: np.ndarray,
    stride: int,
    padding: int,
    threads: int = 1,
) -> np.ndarray:
    """Gradient of a depthwise convolution with respect to its pictures, float32 of `shape` [N, H, W, C].

    Args:
        weight: float32 [k, k, C]. Others: as in `gradient_of_kernels`.
    """
    by_x = np.zeros(shape, np.float32)

    def work(begin: int, end: int) -> None:
        _by_pictures(weight, gradient[begin:end], stride, padding, by_x[begin:end])

    pool.run(work, len(by_x), threads)
    return by_x


@contracted
def _by_kernels(x, gradient, stride, padding, by_weight):
    count, height, width, channels = x.shape
    size = by_weight.shape[0]
    for first in range(0, channels, CHANNELS):
        last = min(first + CHANNELS, channels)
        for n in range(count):
            for i in range(gradient.shape[1]):
                for a in range(size):
                    row = i * stride + a - padding
                    if row < 0 or row >= height:
                        continue
                    for b in range(size):
                        sums = by_weight[a, b, first:last]
                        for j in range(gradient.shape[2]):
                            column = j * stride + b - padding
                            if column < 0 or column >= width:
                                continue
                            slope, value = gradient[n, i, j, first:last], x[n, row, column, first:last]
                            for c in range(last - first):
                                sums[c] += slope[c] * value[c]


@contracted
def _by_pictures(weight, gradient, stride, padding, by_x):
    count, height, width, channels = by_x.shape
    size = weight.shape[0]
    for n in range(count):
        for i in range(gradient.shape[1]):
            for j in range(gradient.shape[2]):
                slope = gradient[n, i, j]
                for a in range(size):
                    row = i * stride + a - padding
                    if row < 0 or row >= height:
                        continue
                    for b in range(size):
                        column = j * stride + b - padding
                        if column < 0 or column >= width:
                            continue
                        kernel, sums = weight[a, b], by_x[n, row, column]
                        for c in range(channels):
                            sums[c] += slope[c] * kernel[c]
