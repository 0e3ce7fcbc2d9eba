"""Mip pyramids: each level the box average of the one before, and which level a pixel's footprint asks for.

A pyramid is one array [N, T, C]: the texels of level 0 row by row, then those of level 1, and so on. A side
of n texels becomes max(1, n // 2). From an odd n = 2 m + 1 texel i of the coarser level averages
[i n / m, (i + 1) n / m]: three texels with the weights (m - i) / n, m / n and (i + 1) / n, so that every
level has the mean of the texture.

Level of detail (Heckbert, "Fundamentals of Texture Mapping and Image Warping", 1989; Laine et al., "Modular
Primitives for High-Performance Differentiable Rendering", 2020): log2 of the longer axis of the ellipse that
a unit circle in the picture becomes in the texture, in texels: of the largest singular value of
diag(width, height) d(u, v) / d(x, y).
"""

from __future__ import annotations

import math

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import inline, relaxed

LOWEST = -60.0
"""The level where the derivatives vanish."""


def level_sizes(height: int, width: int, levels: int) -> np.ndarray:
    """int64 [levels, 3]: height, width and first texel of each level."""
    rows, start = [], 0
    for _ in range(levels):
        rows.append((height, width, start))
        start += height * width
        height, width = max(1, height // 2), max(1, width // 2)
    return np.array(rows, np.int64)


def level_count(height: int, width: int) -> int:
    """Levels of a whole pyramid, down to one texel."""
    return max(height, width).bit_length()


def build(texture: np.ndarray, levels: int, threads: int = 1) -> np.ndarray:
    """The pyramid [N, T, C] of textures [N, h, w, C], C-contiguous."""
    count, height, width, channels = texture.shape
    sizes = level_sizes(height, width, levels)
    total = int(sizes[-1, 0] * sizes[-1, 1] + sizes[-1, 2])
    out = np.empty((count, total, channels), texture.dtype)
    out[:, : height * width] = texture.reshape(count, height * width, channels)
    pool.run(lambda begin, end: _build(begin, end, sizes, out), count, threads)
    return out


def build_vjp(grad: np.ndarray, height: int, width: int, levels: int, threads: int = 1) -> np.ndarray:
    """Gradient at the textures [N, h, w, C] from that at their pyramid [N, T, C], which is kept."""
    sizes = level_sizes(height, width, levels)
    total = grad.copy()
    pool.run(lambda begin, end: _collapse(begin, end, sizes, total), grad.shape[0], threads)
    return total[:, : height * width].reshape(grad.shape[0], height, width, grad.shape[2]).copy()


@inline
def _taps(n, i):
    """First texel and the three weights that make texel i of the next coarser level."""
    if n == 1:
        return 0, 1.0, 0.0, 0.0
    m = n // 2
    if n % 2 == 0:
        return 2 * i, 0.5, 0.5, 0.0
    return 2 * i, (m - i) / n, m / n, (i + 1) / n


@relaxed
def _build(begin, end, sizes, out):
    channels = out.shape[2]
    cast = out.dtype.type
    for item in range(begin, end):
        for level in range(1, sizes.shape[0]):
            fine_rows, fine_columns, fine = sizes[level - 1]
            rows, columns, coarse = sizes[level]
            for row in range(rows):
                r, r0, r1, r2 = _taps(fine_rows, row)
                row_weights = (r0, r1, r2)
                for column in range(columns):
                    c, c0, c1, c2 = _taps(fine_columns, column)
                    column_weights = (c0, c1, c2)
                    texel = coarse + row * columns + column
                    for channel in range(channels):
                        out[item, texel, channel] = cast(0)
                    for i in range(3):
                        for j in range(3):
                            weight = cast(row_weights[i] * column_weights[j])
                            if weight != 0:
                                source = fine + (r + i) * fine_columns + c + j
                                for channel in range(channels):
                                    out[item, texel, channel] += weight * out[item, source, channel]


@relaxed
def _collapse(begin, end, sizes, grad):
    channels = grad.shape[2]
    cast = grad.dtype.type
    for item in range(begin, end):
        for level in range(sizes.shape[0] - 1, 0, -1):
            fine_rows, fine_columns, fine = sizes[level - 1]
            rows, columns, coarse = sizes[level]
            for row in range(rows):
                r, r0, r1, r2 = _taps(fine_rows, row)
                row_weights = (r0, r1, r2)
                for column in range(columns):
                    c, c0, c1, c2 = _taps(fine_columns, column)
                    column_weights = (c0, c1, c2)
                    texel = coarse + row * columns + column
                    for i in range(3):
                        for j in range(3):
                            weight = cast(row_weights[i] * column_weights[j])
                            if weight != 0:
                                source = fine + (r + i) * fine_columns + c + j
                                for channel in range(channels):
                                    grad[item, source, channel] += weight * grad[item, texel, channel]


def level(derivatives: np.ndarray, height: int, width: int, threads: int = 1) -> np.ndarray:
    """Level of detail [B, H, W] of d(u, v) / d(x, y) [B, H, W, 2, 2] in a texture of height x width."""
    out = np.empty(derivatives.shape[:3], derivatives.dtype)
    flat, target = derivatives.reshape(-1, 2, 2), out.reshape(-1)
    pool.run(lambda begin, end: _level(begin, end, flat, height, width, target), len(flat), threads)
    return out


def level_vjp(
    derivatives: np.ndarray, grad: np.ndarray, height: int, width: int, threads: int = 1
) -> np.ndarray:
    """Gradient at the derivatives; 0 where they vanish."""
    out = np.empty_like(derivatives)
    flat, source, target = derivatives.reshape(-1, 2, 2), grad.reshape(-1), out.reshape(-1, 2, 2)
    pool.run(
        lambda begin, end: _level_vjp(begin, end, flat, source, height, width, target), len(flat), threads
    )
    return out


@inline
def _footprint(derivatives, pixel, height, width):
    """The Jacobian in texels and the parts of its largest singular value: squared, and where it splits."""
    a, b = np.float64(derivatives[pixel, 0, 0]) * width, np.float64(derivatives[pixel, 0, 1]) * width
    c, d = np.float64(derivatives[pixel, 1, 0]) * height, np.float64(derivatives[pixel, 1, 1]) * height
    half = 0.5 * ((a * a + c * c) - (b * b + d * d))
    cross = a * b + c * d
    radius = math.sqrt(half * half + cross * cross)
    return a, b, c, d, half, cross, radius, 0.5 * (a * a + b * b + c * c + d * d) + radius


@relaxed
def _level(begin, end, derivatives, height, width, out):
    for pixel in range(begin, end):
        largest = _footprint(derivatives, pixel, height, width)[7]
        known = largest > 0 and math.isfinite(largest)
        out[pixel] = max(0.5 * math.log2(largest), LOWEST) if known else LOWEST


@relaxed
def _level_vjp(begin, end, derivatives, grad, height, width, out):
    for pixel in range(begin, end):
        a, b, c, d, half, cross, radius, largest = _footprint(derivatives, pixel, height, width)
        known = largest > 0 and math.isfinite(largest)
        scale = np.float64(grad[pixel]) * 0.5 / (math.log(2.0) * largest) if known else 0.0
        split = half / radius if radius > 0 else 0.0
        along = cross / radius if radius > 0 else 0.0
        out[pixel, 0, 0] = scale * width * ((1 + split) * a + along * b)
        out[pixel, 0, 1] = scale * width * ((1 - split) * b + along * a)
        out[pixel, 1, 0] = scale * height * ((1 + split) * c + along * d)
        out[pixel, 1, 1] = scale * height * ((1 - split) * d + along * c)
