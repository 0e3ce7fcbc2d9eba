"""Texture look-up: nearest and bilinear, clamped or repeated; row 0 of a texture is v = 1, u runs to the right.

Texel (r, c) has its centre at u = (c + 0.5) / width, v = 1 - (r + 0.5) / height, as in OpenGL and glTF.
"""

from __future__ import annotations

import math

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import inline, jit

FILTERS = {"nearest": 0, "linear": 1}
WRAPS = {"clamp": 0, "repeat": 1}


def forward(
    texture: np.ndarray, uv: np.ndarray, linear: int = 1, repeat: int = 0, threads: int = 1
) -> np.ndarray:
    """Sample without checking arguments.

    Args:
        texture: [B or 1, h, w, C], C-contiguous.
        uv: [B, H, W, 2], the same dtype, C-contiguous. Not finite counts as 0.
        linear: 1 = bilinear, 0 = nearest. repeat: 1 = repeat, 0 = clamp to the edge texels.
        threads: how many threads to use.

    Returns:
        [B, H, W, C].
    """
    batch, height, width = uv.shape[:3]
    out = np.empty((batch, height, width, texture.shape[3]), texture.dtype)
    bands = pool.picture_bands(batch, height, threads)

    def work(begin: int, end: int) -> None:
        _forward(begin, end, bands, texture, uv, linear, repeat, out)

    pool.run(work, batch * bands, threads)
    return out


@inline
def _wrap(position, size, repeat):
    """An integer texel position inside [0, size)."""
    if repeat:
        return position % size
    return min(max(position, 0), size - 1)


@inline
def _locate(u, v, rows, columns, linear, repeat):
    """Two rows, two columns, and the fractions between them."""
    if not (math.isfinite(u) and math.isfinite(v)):
        u, v = 0.0, 0.0
    if repeat:
        u, v = u - math.floor(u), v - math.floor(v)
    x = u * columns
    y = (1.0 - v) * rows
    x = min(max(x, -1.0), columns + 1.0)
    y = min(max(y, -1.0), rows + 1.0)
    if not linear:
        c, r = _wrap(int(math.floor(x)), columns, repeat), _wrap(int(math.floor(y)), rows, repeat)
        return r, r, c, c, 0.0, 0.0
    x, y = x - 0.5, y - 0.5
    left, upper = math.floor(x), math.floor(y)
    c, r = int(left), int(upper)
    return (
        _wrap(r, rows, repeat), _wrap(r + 1, rows, repeat), _wrap(c, columns, repeat), _wrap(c + 1, columns, repeat),
        y - upper, x - left,
    )  # fmt: skip


@jit
def _forward(begin, end, bands, texture, uv, linear, repeat, out):
    height, width = uv.shape[1], uv.shape[2]
    rows, columns, channels = texture.shape[1], texture.shape[2], texture.shape[3]
    for item in range(begin, end):
        image, band = item // bands, item % bands
        source = texture[image if texture.shape[0] > 1 else 0]
        for row in range(height * band // bands, height * (band + 1) // bands):
            for column in range(width):
                u, v = np.float64(uv[image, row, column, 0]), np.float64(uv[image, row, column, 1])
                r0, r1, c0, c1, fy, fx = _locate(u, v, rows, columns, linear, repeat)
                for channel in range(channels):
                    if linear:
                        upper = source[r0, c0, channel] * (1.0 - fx) + source[r0, c1, channel] * fx
                        lower = source[r1, c0, channel] * (1.0 - fx) + source[r1, c1, channel] * fx
                        out[image, row, column, channel] = upper * (1.0 - fy) + lower * fy
                    else:
                        out[image, row, column, channel] = source[r0, c0, channel]


def vjp(
    texture: np.ndarray,
    uv: np.ndarray,
    grad_output: np.ndarray,
    linear: int = 1,
    repeat: int = 0,
    threads: int = 1,
    needs: tuple[bool, bool] = (True, True),
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Gradients at `texture` ([B or 1, h, w, C]) and `uv` ([B, H, W, 2]); `None` where not needed."""
    batch, height, width = uv.shape[:3]
    bands = pool.accumulation_bands(batch, height, width)
    grad = np.zeros((batch * bands if needs[0] else 0, *texture.shape[1:]), texture.dtype)
    grad_uv = np.empty(uv.shape if needs[1] else (0, 0, 0, 2), uv.dtype)

    def work(begin: int, end: int) -> None:
        _vjp(begin, end, bands, texture, uv, grad_output, linear, repeat, needs[0], needs[1], grad, grad_uv)

    pool.run(work, batch * bands, threads)
    total: np.ndarray | None = None
    if needs[0]:
        if texture.shape[0] == 1 and batch != 1:
            total = grad.sum(axis=0, keepdims=True)
        else:
            total = grad if bands == 1 else grad.reshape(batch, bands, *texture.shape[1:]).sum(axis=1)
    return total, grad_uv if needs[1] else None


@jit
def _vjp(begin, end, bands, texture, uv, grad_out, linear, repeat, to_texture, to_uv, grad, grad_uv):
    height, width = uv.shape[1], uv.shape[2]
    rows, columns, channels = texture.shape[1], texture.shape[2], texture.shape[3]
    for item in range(begin, end):
        image, band = item // bands, item % bands
        source = texture[image if texture.shape[0] > 1 else 0]
        for row in range(height * band // bands, height * (band + 1) // bands):
            for column in range(width):
                u, v = np.float64(uv[image, row, column, 0]), np.float64(uv[image, row, column, 1])
                r0, r1, c0, c1, fy, fx = _locate(u, v, rows, columns, linear, repeat)
                gx = gy = 0.0
                for channel in range(channels):
                    g = np.float64(grad_out[image, row, column, channel])
                    if g == 0.0:
                        continue
                    if to_texture:
                        grad[item, r0, c0, channel] += g * (1.0 - fy) * (1.0 - fx)
                        if linear:
                            grad[item, r0, c1, channel] += g * (1.0 - fy) * fx
                            grad[item, r1, c0, channel] += g * fy * (1.0 - fx)
                            grad[item, r1, c1, channel] += g * fy * fx
                    if to_uv and linear:
                        a, b = source[r0, c0, channel], source[r0, c1, channel]
                        c, d = source[r1, c0, channel], source[r1, c1, channel]
                        gx += g * ((b - a) * (1.0 - fy) + (d - c) * fy)
                        gy += g * ((c - a) * (1.0 - fx) + (d - b) * fx)
                if to_uv:
                    grad_uv[image, row, column, 0] = gx * columns
                    grad_uv[image, row, column, 1] = -gy * rows
