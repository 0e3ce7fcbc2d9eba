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
    for i in range(begin, end):
        y = min(max(np.float32(0.5) * i - np.float32(0.25), np.float32(0.0)), np.float32(size - 1))
        i0 = int(y)
        i1, fy = min(i0 + 1, size - 1), y - np.float32(i0)
        for j in range(values.shape[1]):
            keep = weights[i, j]
            if keep >= 1.0:
                continue
            x = min(max(np.float32(0.5) * j - np.float32(0.25), np.float32(0.0)), np.float32(size - 1))
            j0 = int(x)
            j1, fx = min(j0 + 1, size - 1), x - np.float32(j0)
            for c in range(3):
                top = coarse[i0, j0, c] * (1 - fx) + coarse[i0, j1, c] * fx
                low = coarse[i1, j0, c] * (1 - fx) + coarse[i1, j1, c] * fx
                values[i, j, c] = keep * values[i, j, c] + (1 - keep) * (top * (1 - fy) + low * fy)
