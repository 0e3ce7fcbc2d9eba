"""Outlines that follow the photo: a soft mask by the guided filter (He, Sun and Tang, ECCV 2010).

In every window the mask is taken for an affine function of the colour, found by least squares, and a pixel
gets the mean of what the windows that hold it say of its colour (equations 11 to 13 there). So an outline
predicted on a coarse grid moves to the edge of the colours beside it.
"""

from __future__ import annotations

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import inline, relaxed
from unrender.render.kernels.memory import scratch

RADIUS = 6
"""Windows reach so many pixels to each side."""
EPSILON = 1e-3
"""Variance of colours in [0, 1] from which on they count as an edge."""

_BANDS = 8
"""Rows are worked on in so many bands whatever the threads: a running sum's last bit depends on them."""

_TERMS = 13
"""Sums of a window: colours, mask, their products, products of two colours."""


def guided_mask(
    picture: np.ndarray,
    mask: np.ndarray,
    radius: int = RADIUS,
    epsilon: float = EPSILON,
    threads: int | None = None,
) -> np.ndarray:
    """A mask whose outline follows the edges of a picture.

    Args:
        picture: uint8 [H, W, 3].
        mask: float32 [H, W] in [0, 1].
        radius: half the side of a window in pixels, at least 1. Windows end at the picture's border.
        epsilon: regularisation, as a variance of colours in [0, 1].
        threads: how many to use; None takes the renderer's number.

    Returns:
        float32 [H, W] in [0, 1].
    """
    picture, mask = np.ascontiguousarray(picture, np.uint8), np.ascontiguousarray(mask, np.float32)
    out = np.empty_like(mask)
    count = pool.num_threads() if threads is None else threads
    strength = epsilon * 255.0**2
    rows = [len(mask) * band // _BANDS for band in range(_BANDS + 1)]

    with scratch((*mask.shape, 4), np.float64) as lines:

        def fit(begin: int, end: int) -> None:
            for band in range(begin, end):
                _fit(rows[band], rows[band + 1], picture, mask, radius, strength, lines)

        def apply(begin: int, end: int) -> None:
            for band in range(begin, end):
                _apply(rows[band], rows[band + 1], picture, lines, radius, out)

        pool.run(fit, _BANDS, count)
        pool.run(apply, _BANDS, count)
    return out


@relaxed
def _add_row(picture, mask, row, sign, sums):
    """Add the terms of a row, or take them away, from those of its columns [W, 13]."""
    for x in range(mask.shape[1]):
        r, g, b = (
            np.float64(picture[row, x, 0]),
            np.float64(picture[row, x, 1]),
            np.float64(picture[row, x, 2]),
        )
        p = np.float64(mask[row, x])
        here = sums[x]
        here[0] += sign * r
        here[1] += sign * g
        here[2] += sign * b
        here[3] += sign * p
        here[4] += sign * (r * p)
        here[5] += sign * (g * p)
        here[6] += sign * (b * p)
        here[7] += sign * (r * r)
        here[8] += sign * (r * g)
        here[9] += sign * (r * b)
        here[10] += sign * (g * g)
        here[11] += sign * (g * b)
        here[12] += sign * (b * b)


@inline
def _reach(at, radius, count):
    """How many of `count` rows or columns the window round one of them holds."""
    return min(at + radius, count - 1) - max(at - radius, 0) + 1


@inline
def _slide(sums, radius, x, window):
    """Move the sums of a window on to column x, from 0 on, over those of columns [W, K]; how wide it is."""
    columns, terms = sums.shape
    if x == 0:
        window[:] = 0.0
        for first in range(min(radius, columns)):
            for k in range(terms):
                window[k] += sums[first, k]
    if x + radius < columns:
        for k in range(terms):
            window[k] += sums[x + radius, k]
    if x - radius - 1 >= 0:
        for k in range(terms):
            window[k] -= sums[x - radius - 1, k]
    return _reach(x, radius, columns)


@relaxed
def _fit(begin, end, picture, mask, radius, strength, lines):
    """Slopes by red, green and blue, and the constant, of the windows round the pixels of some rows."""
    rows, columns = mask.shape
    sums, window = np.zeros((columns, _TERMS)), np.zeros(_TERMS)
    for row in range(max(begin - radius, 0), min(begin + radius, rows)):
        _add_row(picture, mask, row, 1.0, sums)
    for row in range(begin, end):
        if row + radius < rows:
            _add_row(picture, mask, row + radius, 1.0, sums)
        if row > begin and row - radius - 1 >= 0:
            _add_row(picture, mask, row - radius - 1, -1.0, sums)
        height = _reach(row, radius, rows)
        for x in range(columns):
            width = _slide(sums, radius, x, window)
            share = 1.0 / (height * width)
            r, g, b, p = window[0] * share, window[1] * share, window[2] * share, window[3] * share
            rp, gp, bp = window[4] * share - r * p, window[5] * share - g * p, window[6] * share - b * p
            rr, rg, rb = (
                window[7] * share - r * r + strength,
                window[8] * share - r * g,
                window[9] * share - r * b,
            )
            gg, gb = window[10] * share - g * g + strength, window[11] * share - g * b
            bb = window[12] * share - b * b + strength
            # the inverse of the symmetric matrix by its adjugate; it is positive definite
            c00, c01, c02 = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
            c11, c12, c22 = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
            scale = 1.0 / (rr * c00 + rg * c01 + rb * c02)
            red = (c00 * rp + c01 * gp + c02 * bp) * scale
            green = (c01 * rp + c11 * gp + c12 * bp) * scale
            blue = (c02 * rp + c12 * gp + c22 * bp) * scale
            line = lines[row, x]
            line[0], line[1], line[2], line[3] = red, green, blue, p - red * r - green * g - blue * b


@relaxed
def _apply(begin, end, picture, lines, radius, out):
    """The mean of the windows' lines that hold a pixel, at its colour."""
    rows, columns = out.shape
    sums, window = np.zeros((columns, 4)), np.zeros(4)
    for row in range(max(begin - radius, 0), min(begin + radius, rows)):
        sums += lines[row]
    for row in range(begin, end):
        if row + radius < rows:
            sums += lines[row + radius]
        if row > begin and row - radius - 1 >= 0:
            sums -= lines[row - radius - 1]
        height = _reach(row, radius, rows)
        for x in range(columns):
            width = _slide(sums, radius, x, window)
            value = window[3]
            for k in range(3):
                value += window[k] * picture[row, x, k]
            out[row, x] = min(max(value / (height * width), 0.0), 1.0)
