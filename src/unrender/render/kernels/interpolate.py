"""Attributes at pixels, out = b0 A[i] + b1 A[j] + b2 A[k] (DIB-R, arXiv 1908.01210, eq. 1)."""

from __future__ import annotations

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import inline, jit, relaxed
from unrender.render.kernels.memory import empty


def forward(
    attributes: np.ndarray,
    faces: np.ndarray,
    face_index: np.ndarray,
    barycentrics: np.ndarray,
    threads: int = 1,
) -> np.ndarray:
    """Interpolate without checking arguments.

    Args:
        attributes: [B or 1, V, C], barycentrics' dtype, C-contiguous.
        faces: [F, 3] int32, indices into `attributes`.
        face_index: [B, H, W] int32, -1 = nothing.
        barycentrics: [B, H, W, 3].
        threads: how many threads to use.

    Returns:
        [B, H, W, C], 0 where nothing is.
    """
    batch, height, width = face_index.shape
    out = empty((batch, height, width, attributes.shape[2]), attributes.dtype)
    bands = pool.picture_bands(batch, height, threads)

    def work(begin: int, end: int) -> None:
        _forward(begin, end, bands, attributes, faces, face_index, barycentrics, out)

    pool.run(work, batch * bands, threads)
    return out


@relaxed
def _forward(begin, end, bands, attributes, faces, index, weights, out):
    height, width = index.shape[1], index.shape[2]
    channels = attributes.shape[2]
    for item in range(begin, end):
        image, band = item // bands, item % bands
        source = attributes[image if attributes.shape[0] > 1 else 0]
        for row in range(height * band // bands, height * (band + 1) // bands):
            for column in range(width):
                face = index[image, row, column]
                if face < 0:
                    for channel in range(channels):
                        out[image, row, column, channel] = 0.0
                    continue
                i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
                b0 = weights[image, row, column, 0]
                b1 = weights[image, row, column, 1]
                b2 = weights[image, row, column, 2]
                if channels == 3:  # spelled out: a loop of unknown length costs more than its work
                    out[image, row, column, 0] = b0 * source[i, 0] + b1 * source[j, 0] + b2 * source[k, 0]
                    out[image, row, column, 1] = b0 * source[i, 1] + b1 * source[j, 1] + b2 * source[k, 1]
                    out[image, row, column, 2] = b0 * source[i, 2] + b1 * source[j, 2] + b2 * source[k, 2]
                    continue
                for channel in range(channels):
                    out[image, row, column, channel] = (
                        b0 * source[i, channel] + b1 * source[j, channel] + b2 * source[k, channel]
                    )


def vjp(
    attributes: np.ndarray,
    faces: np.ndarray,
    face_index: np.ndarray,
    barycentrics: np.ndarray,
    grad_output: np.ndarray,
    threads: int = 1,
    needs: tuple[bool, bool] = (True, True),
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Gradients at `attributes` ([B or 1, V, C]) and `barycentrics` ([B, H, W, 3]), None if not needed."""
    batch, height, width = face_index.shape
    bands = pool.accumulation_bands(batch, height, width)
    _, count, channels = attributes.shape
    grad = np.zeros((batch * bands if needs[0] else 0, count, channels), attributes.dtype)
    grad_weights = empty(barycentrics.shape if needs[1] else (0, 0, 0, 3), barycentrics.dtype)

    def work(begin: int, end: int) -> None:
        _vjp(
            begin, end, bands, attributes, faces, face_index, barycentrics, grad_output,
            needs[0], needs[1], grad, grad_weights,
        )  # fmt: skip

    pool.run(work, batch * bands, threads)
    total: np.ndarray | None = None
    if needs[0]:
        if attributes.shape[0] == 1 and batch != 1:
            total = grad.sum(axis=0, keepdims=True)
        else:
            total = grad if bands == 1 else grad.reshape(batch, bands, count, channels).sum(axis=1)
    return total, grad_weights if needs[1] else None


@inline
def _add3(grad, item, vertex, weight, p, q, r):
    grad[item, vertex, 0] += weight * p
    grad[item, vertex, 1] += weight * q
    grad[item, vertex, 2] += weight * r


@jit
def _vjp(
    begin, end, bands, attributes, faces, index, weights, grad_out, to_attributes, to_weights,
    grad, grad_weights,
):  # fmt: skip
    height, width = index.shape[1], index.shape[2]
    channels = attributes.shape[2]
    for item in range(begin, end):
        image, band = item // bands, item % bands
        source = attributes[image if attributes.shape[0] > 1 else 0]
        for row in range(height * band // bands, height * (band + 1) // bands):
            for column in range(width):
                face = index[image, row, column]
                if face < 0:
                    if to_weights:
                        grad_weights[image, row, column, 0] = 0.0
                        grad_weights[image, row, column, 1] = 0.0
                        grad_weights[image, row, column, 2] = 0.0
                    continue
                i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
                b0 = weights[image, row, column, 0]
                b1 = weights[image, row, column, 1]
                b2 = weights[image, row, column, 2]
                g0 = g1 = g2 = attributes.dtype.type(0)
                if channels == 3:
                    p, q, r = (
                        grad_out[image, row, column, 0], grad_out[image, row, column, 1],
                        grad_out[image, row, column, 2],
                    )  # fmt: skip
                    if to_attributes:
                        _add3(grad, item, i, b0, p, q, r)
                        _add3(grad, item, j, b1, p, q, r)
                        _add3(grad, item, k, b2, p, q, r)
                    g0 = p * source[i, 0] + q * source[i, 1] + r * source[i, 2]
                    g1 = p * source[j, 0] + q * source[j, 1] + r * source[j, 2]
                    g2 = p * source[k, 0] + q * source[k, 1] + r * source[k, 2]
                else:
                    for channel in range(channels):
                        g = grad_out[image, row, column, channel]
                        if to_attributes:
                            grad[item, i, channel] += b0 * g
                            grad[item, j, channel] += b1 * g
                            grad[item, k, channel] += b2 * g
                        g0 += g * source[i, channel]
                        g1 += g * source[j, channel]
                        g2 += g * source[k, channel]
                if to_weights:
                    grad_weights[image, row, column, 0] = g0
                    grad_weights[image, row, column, 1] = g1
                    grad_weights[image, row, column, 2] = g2
