"""Attributes, and their screen derivatives, at the pixels of a packed picture of visibility (`packed`).

A = u A_i + v A_j + (1 - u - v) A_k, dA/dx = du/dx (A_i - A_k) + dv/dx (A_j - A_k), likewise for y.
"""

from __future__ import annotations

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import inline, jit


def forward(
    attributes: np.ndarray,
    faces: np.ndarray,
    packed: np.ndarray,
    slopes: np.ndarray,
    chosen: np.ndarray,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate without checking arguments.

    Args:
        attributes: [B or 1, V, C], C-contiguous.
        faces: [F, 3] int32.
        packed, slopes: [B, H, W, 4] each, from `packed.forward`, attributes' dtype.
        chosen: int32 [K], the attributes whose derivatives are wanted; `slopes` is not read if it is empty.
        threads: how many threads to use.

    Returns:
        [B, H, W, C] and [B, H, W, 2 K] (dA/dx, dA/dy of each), 0 where nothing is.
    """
    batch, height, width = packed.shape[:3]
    out = np.zeros((batch, height, width, attributes.shape[2]), attributes.dtype)
    changes = np.zeros((batch, height, width, 2 * chosen.shape[0]), attributes.dtype)
    bands = pool.picture_bands(batch, height, threads)

    def work(begin: int, end: int) -> None:
        _forward(begin, end, bands, attributes, faces, packed, slopes, chosen, out, changes)

    pool.run(work, batch * bands, threads)
    return out, changes


@jit
def _forward(begin, end, bands, attributes, faces, packed, slopes, chosen, out, changes):
    height, width, channels = out.shape[1], out.shape[2], out.shape[3]
    for item in range(begin, end):
        image, band = item // bands, item % bands
        source = attributes[image if attributes.shape[0] > 1 else 0]
        for row in range(height * band // bands, height * (band + 1) // bands):
            for column in range(width):
                face = np.int64(packed[image, row, column, 3]) - 1
                if face < 0:
                    continue
                i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
                u, v = packed[image, row, column, 0], packed[image, row, column, 1]
                w = packed.dtype.type(1) - u - v
                for channel in range(channels):
                    out[image, row, column, channel] = (
                        u * source[i, channel] + v * source[j, channel] + w * source[k, channel]
                    )
                for number in range(chosen.shape[0]):
                    channel = chosen[number]
                    p, q = source[i, channel] - source[k, channel], source[j, channel] - source[k, channel]
                    changes[image, row, column, 2 * number] = (
                        slopes[image, row, column, 0] * p + slopes[image, row, column, 2] * q
                    )
                    changes[image, row, column, 2 * number + 1] = (
                        slopes[image, row, column, 1] * p + slopes[image, row, column, 3] * q
                    )


def vjp(
    attributes: np.ndarray,
    faces: np.ndarray,
    packed: np.ndarray,
    slopes: np.ndarray,
    chosen: np.ndarray,
    grads: tuple[np.ndarray, np.ndarray],
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients at `attributes`, `packed` and `slopes`, from those at both results of `forward`."""
    batch, height, width = packed.shape[:3]
    bands = pool.accumulation_bands(batch, height, width)
    grad = np.zeros((batch * bands, *attributes.shape[1:]), attributes.dtype)
    grad_packed, grad_slopes = np.zeros_like(packed), np.zeros_like(slopes)
    inputs = (attributes, faces, packed, slopes, chosen, *grads)

    def work(begin: int, end: int) -> None:
        _vjp(begin, end, bands, *inputs, grad, grad_packed, grad_slopes)

    pool.run(work, batch * bands, threads)
    if attributes.shape[0] == 1 and batch != 1:
        total = grad.sum(axis=0, keepdims=True)
    else:
        total = grad if bands == 1 else grad.reshape(batch, bands, *attributes.shape[1:]).sum(axis=1)
    return total, grad_packed, grad_slopes


@inline
def _add(grad, item, channel, i, j, k, p, q, r):
    grad[item, i, channel] += p
    grad[item, j, channel] += q
    grad[item, k, channel] += r


@jit
def _vjp(
    begin, end, bands, attributes, faces, packed, slopes, chosen, grad_out, grad_changes,
    grad, grad_packed, grad_slopes,
):  # fmt: skip
    height, width, channels = packed.shape[1], packed.shape[2], attributes.shape[2]
    zero = packed.dtype.type(0)
    for item in range(begin, end):
        image, band = item // bands, item % bands
        source = attributes[image if attributes.shape[0] > 1 else 0]
        for row in range(height * band // bands, height * (band + 1) // bands):
            for column in range(width):
                face = np.int64(packed[image, row, column, 3]) - 1
                if face < 0:
                    continue
                i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
                u, v = packed[image, row, column, 0], packed[image, row, column, 1]
                w = packed.dtype.type(1) - u - v
                to_u = to_v = zero
                for channel in range(channels):
                    g = grad_out[image, row, column, channel]
                    _add(grad, item, channel, i, j, k, u * g, v * g, w * g)
                    to_u += g * (source[i, channel] - source[k, channel])
                    to_v += g * (source[j, channel] - source[k, channel])
                grad_packed[image, row, column, 0] = to_u
                grad_packed[image, row, column, 1] = to_v
                for number in range(chosen.shape[0]):
                    channel = chosen[number]
                    p, q = source[i, channel] - source[k, channel], source[j, channel] - source[k, channel]
                    x = grad_changes[image, row, column, 2 * number]
                    y = grad_changes[image, row, column, 2 * number + 1]
                    ux, uy = slopes[image, row, column, 0], slopes[image, row, column, 1]
                    vx, vy = slopes[image, row, column, 2], slopes[image, row, column, 3]
                    to_i, to_j = x * ux + y * uy, x * vx + y * vy
                    _add(grad, item, channel, i, j, k, to_i, to_j, -to_i - to_j)
                    grad_slopes[image, row, column, 0] += x * p
                    grad_slopes[image, row, column, 1] += y * p
                    grad_slopes[image, row, column, 2] += x * q
                    grad_slopes[image, row, column, 3] += y * q
