"""Filling of what is not known from coarser and coarser averages of what is.

Pull-push after Gortler et al. (The Lumigraph, SIGGRAPH 1996).
"""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import relaxed
from unrender.render.kernels.memory import scratch

_SERIAL = 64
"""Levels of at most so many rows are worked on by one thread."""


def pull_push(values: np.ndarray, weights: np.ndarray, threads: int = 1) -> None:
    """Fill `values` float32 [N, N, 3] in place where `weights` float32 [N, N] is below 1; N a power of two.

    A value counts by its weight; `weights` is overwritten.
    """
    with ExitStack() as stack:
        levels = [(values, weights)]
        while len(levels[-1][0]) > 1:
            half = len(levels[-1][0]) // 2
            below = (
                stack.enter_context(scratch((half, half, 3), np.float32)),
                stack.enter_context(scratch((half, half), np.float32)),
            )
            _run(_pull, (*levels[-1], *below), half, threads)
            levels.append(below)
        for fine, coarse in zip(levels[-2::-1], levels[:0:-1], strict=True):
            _run(_push, (*fine, coarse[0]), len(fine[0]), threads)


def _run(kernel, arrays, rows, threads):
    pool.run(lambda begin, end: kernel(begin, end, *arrays), rows, threads if rows > _SERIAL else 1)


@relaxed
def _pull(begin, end, values, weights, coarse_values, coarse_weights):
    """Weighted averages of 2 x 2 cells; a weight is at most 1."""
    for i in range(begin, end):
        for j in range(coarse_values.shape[1]):
            red = green = blue = total = np.float32(0.0)
            for di in range(2):
                for dj in range(2):
                    row, column = 2 * i + di, 2 * j + dj
                    weight = min(weights[row, column], np.float32(1.0))
                    total += weight
                    red += weight * values[row, column, 0]
                    green += weight * values[row, column, 1]
                    blue += weight * values[row, column, 2]
            scale = np.float32(1.0) / max(total, np.float32(1e-8))
            coarse_values[i, j, 0] = red * scale
            coarse_values[i, j, 1] = green * scale
            coarse_values[i, j, 2] = blue * scale
            coarse_weights[i, j] = min(total, np.float32(1.0))


@relaxed
def _push(begin, end, values, weights, coarse):
    """Where a weight is below 1 the rest comes from the coarser level, bilinearly."""
    size = coarse.shape[0]
    near, far = np.float32(0.75), np.float32(0.25)
    for i in range(begin, end):
        above = i // 2
        below = min(max(above + 2 * (i % 2) - 1, 0), size - 1)
        left = middle = right = (np.float32(0.0), np.float32(0.0), np.float32(0.0))
        for j in range(-1, size):
            left, middle = middle, right
            if j + 1 < size:
                right = (
                    near * coarse[above, j + 1, 0] + far * coarse[below, j + 1, 0],
                    near * coarse[above, j + 1, 1] + far * coarse[below, j + 1, 1],
                    near * coarse[above, j + 1, 2] + far * coarse[below, j + 1, 2],
                )
            if j == 0:
                left = middle
            if j < 0:
                continue
            for side in range(2):
                column = 2 * j + side
                keep = weights[i, column]
                if keep >= 1.0:
                    continue
                other, rest = (right if side else left), np.float32(1.0) - keep
                for c in range(3):
                    coarser = near * middle[c] + far * other[c]
                    values[i, column, c] = keep * values[i, column, c] + rest * coarser
