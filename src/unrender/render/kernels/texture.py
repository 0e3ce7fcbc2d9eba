"""Texture look-up in one level, the fast way: nearest and bilinear; row 0 of a texture is v = 1, u runs to
the right. `pyramid` does the same for every filter and boundary.

Texel (r, c) has its centre at u = (c + 0.5) / width, v = 1 - (r + 0.5) / height, as in OpenGL and glTF.
"""

from __future__ import annotations

import math

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import inline, relaxed

FILTERS = {"nearest": 0, "linear": 1}
WRAPS = {"clamp": 0, "repeat": 1}


def forward(
    texture: np.ndarray,
    uv: np.ndarray,
    linear: int = 1,
    repeat: int = 0,
    face_index: np.ndarray | None = None,
    threads: int = 1,
) -> np.ndarray:
    """Sample without checking arguments.

    Args:
        texture: [B or 1, h, w, C], C-contiguous.
        uv: [B, H, W, 2], the same dtype, C-contiguous. What is not finite, or repeated over a million times,
            counts as 0.
        linear: 1 = bilinear, 0 = nearest.
        repeat: 1 = repeat, 0 = clamp to the edge texels.
        face_index: [B, H, W] int32 or None; pixels below 0 become 0 and are skipped.
        threads: how many threads to use.

    Returns:
        [B, H, W, C].
    """
    batch, height, width = uv.shape[:3]
    out = np.empty((batch, height, width, texture.shape[3]), texture.dtype)
    bands = pool.picture_bands(batch, height, threads)
    index = _NO_INDEX if face_index is None else face_index

    def work(begin: int, end: int) -> None:
        _forward(begin, end, bands, texture, uv, index, linear, repeat, out)

    pool.run(work, batch * bands, threads)
    return out


_NO_INDEX = np.zeros((0, 0, 0), np.int32)


@inline
def _wrap(position, size, repeat):
    """An integer texel position inside [0, size), from one in [-1, size]."""
    if repeat:
        return position + size if position < 0 else (position - size if position >= size else position)
    return min(max(position, 0), size - 1)


@inline
def _whole(x, below):
    """floor(x) as an integer for x > -below."""
    return np.int64(np.int32(x + below)) - below


@inline
def locate(u, v, rows, columns, linear, repeat):
    """Two rows, two columns, and the fractions between them."""
    if not (abs(u) < 1e6 and abs(v) < 1e6) and (repeat or not (math.isfinite(u) and math.isfinite(v))):
        u, v = 0.0, 0.0
    if repeat:
        u, v = u - math.floor(u), v - math.floor(v)
    else:
        u, v = min(max(u, 0.0), 1.0), min(max(v, 0.0), 1.0)
    x, y = u * columns, (1.0 - v) * rows
    if not linear:
        c, r = _wrap(_whole(x, 1), columns, repeat), _wrap(_whole(y, 1), rows, repeat)
        return r, r, c, c, 0.0, 0.0
    x, y = x - 0.5, y - 0.5
    c, r = _whole(x, 1), _whole(y, 1)
    return (
        _wrap(r, rows, repeat), _wrap(r + 1, rows, repeat),
        _wrap(c, columns, repeat), _wrap(c + 1, columns, repeat), y - r, x - c,
    )  # fmt: skip


@relaxed
def _forward(begin, end, bands, texture, uv, index, linear, repeat, out):
    height, width = uv.shape[1], uv.shape[2]
    rows, columns, channels = texture.shape[1], texture.shape[2], texture.shape[3]
    cast = texture.dtype.type
    masked = index.shape[0] > 0
    for item in range(begin, end):
        image, band = item // bands, item % bands
        source = texture[image if texture.shape[0] > 1 else 0]
        for row in range(height * band // bands, height * (band + 1) // bands):
            for column in range(width):
                if masked and index[image, row, column] < 0:
                    for channel in range(channels):
                        out[image, row, column, channel] = cast(0)
                    continue
                u, v = np.float64(uv[image, row, column, 0]), np.float64(uv[image, row, column, 1])
                r0, r1, c0, c1, fy, fx = locate(u, v, rows, columns, linear, repeat)
                w11, w10, w01 = cast(fy * fx), cast(fy * (1.0 - fx)), cast((1.0 - fy) * fx)
                w00 = cast((1.0 - fy) * (1.0 - fx))
                if channels == 3:  # spelled out: a loop of unknown length costs more than its work
                    out[image, row, column, 0] = (
                        w00 * source[r0, c0, 0] + w01 * source[r0, c1, 0]
                        + w10 * source[r1, c0, 0] + w11 * source[r1, c1, 0]
                    )  # fmt: skip
                    out[image, row, column, 1] = (
                        w00 * source[r0, c0, 1] + w01 * source[r0, c1, 1]
                        + w10 * source[r1, c0, 1] + w11 * source[r1, c1, 1]
                    )  # fmt: skip
                    out[image, row, column, 2] = (
                        w00 * source[r0, c0, 2] + w01 * source[r0, c1, 2]
                        + w10 * source[r1, c0, 2] + w11 * source[r1, c1, 2]
                    )  # fmt: skip
                    continue
                for channel in range(channels):
                    out[image, row, column, channel] = (
                        w00 * source[r0, c0, channel] + w01 * source[r0, c1, channel]
                        + w10 * source[r1, c0, channel] + w11 * source[r1, c1, channel]
                    )  # fmt: skip


def vjp(
    texture: np.ndarray,
    uv: np.ndarray,
    grad_output: np.ndarray,
    linear: int = 1,
    repeat: int = 0,
    face_index: np.ndarray | None = None,
    threads: int = 1,
    needs: tuple[bool, bool] = (True, True),
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Gradients at `texture` ([B or 1, h, w, C]) and `uv` ([B, H, W, 2]); `None` where not needed."""
    batch, height, width = uv.shape[:3]
    bands = pool.accumulation_bands(batch, height, width)
    grad = np.zeros((batch * bands if needs[0] else 0, *texture.shape[1:]), texture.dtype)
    grad_uv = np.empty(uv.shape if needs[1] else (0, 0, 0, 2), uv.dtype)
    index = _NO_INDEX if face_index is None else face_index

    def work(begin: int, end: int) -> None:
        _vjp(
            begin, end, bands, texture, uv, index, grad_output, linear, repeat, needs[0], needs[1],
            grad, grad_uv,
        )  # fmt: skip

    pool.run(work, batch * bands, threads)
    total: np.ndarray | None = None
    if needs[0]:
        if texture.shape[0] == 1 and batch != 1:
            total = grad.sum(axis=0, keepdims=True)
        else:
            total = grad if bands == 1 else grad.reshape(batch, bands, *texture.shape[1:]).sum(axis=1)
    return total, grad_uv if needs[1] else None


@inline
def add_texel(grad, row, column, weight, p, q, r):
    """Add weight * (p, q, r) to a texel of [h, w, 3]."""
    grad[row, column, 0] += weight * p
    grad[row, column, 1] += weight * q
    grad[row, column, 2] += weight * r


@inline
def slopes(source, r0, r1, c0, c1, channel, x, y):
    """A channel's derivative with respect to the column and row of the sample."""
    a, b = source[r0, c0, channel], source[r0, c1, channel]
    c, d = source[r1, c0, channel], source[r1, c1, channel]
    return (b - a) + y * ((d - c) - (b - a)), (c - a) + x * ((d - c) - (b - a))


@relaxed
def _vjp(begin, end, bands, texture, uv, index, grad_out, linear, repeat, to_texture, to_uv, grad, grad_uv):
    height, width = uv.shape[1], uv.shape[2]
    rows, columns, channels = texture.shape[1], texture.shape[2], texture.shape[3]
    cast = texture.dtype.type
    masked = index.shape[0] > 0
    for item in range(begin, end):
        image, band = item // bands, item % bands
        source = texture[image if texture.shape[0] > 1 else 0]
        for row in range(height * band // bands, height * (band + 1) // bands):
            for column in range(width):
                live = not (masked and index[image, row, column] < 0)
                if live:
                    live = False
                    for channel in range(channels):
                        if grad_out[image, row, column, channel] != 0:
                            live = True
                            break
                if not live:
                    if to_uv:
                        grad_uv[image, row, column, 0] = cast(0)
                        grad_uv[image, row, column, 1] = cast(0)
                    continue
                u, v = np.float64(uv[image, row, column, 0]), np.float64(uv[image, row, column, 1])
                r0, r1, c0, c1, fy, fx = locate(u, v, rows, columns, linear, repeat)
                w11, w10, w01 = cast(fy * fx), cast(fy * (1.0 - fx)), cast((1.0 - fy) * fx)
                w00 = cast((1.0 - fy) * (1.0 - fx))
                x, y = cast(fx), cast(fy)
                gx = gy = cast(0)
                if channels == 3:
                    p, q, r = (
                        grad_out[image, row, column, 0], grad_out[image, row, column, 1],
                        grad_out[image, row, column, 2],
                    )  # fmt: skip
                    if to_texture:
                        add_texel(grad[item], r0, c0, w00, p, q, r)
                        if linear:
                            add_texel(grad[item], r0, c1, w01, p, q, r)
                            add_texel(grad[item], r1, c0, w10, p, q, r)
                            add_texel(grad[item], r1, c1, w11, p, q, r)
                    if to_uv and linear:
                        x0, y0 = slopes(source, r0, r1, c0, c1, 0, x, y)
                        x1, y1 = slopes(source, r0, r1, c0, c1, 1, x, y)
                        x2, y2 = slopes(source, r0, r1, c0, c1, 2, x, y)
                        gx, gy = p * x0 + q * x1 + r * x2, p * y0 + q * y1 + r * y2
                else:
                    for channel in range(channels):
                        g = grad_out[image, row, column, channel]
                        if to_texture:
                            grad[item, r0, c0, channel] += g * w00
                            grad[item, r0, c1, channel] += g * w01
                            grad[item, r1, c0, channel] += g * w10
                            grad[item, r1, c1, channel] += g * w11
                        if to_uv and linear:
                            x0, y0 = slopes(source, r0, r1, c0, c1, channel, x, y)
                            gx, gy = gx + g * x0, gy + g * y0
                if to_uv:
                    grad_uv[image, row, column, 0] = gx * cast(columns)
                    grad_uv[image, row, column, 1] = -gy * cast(rows)
