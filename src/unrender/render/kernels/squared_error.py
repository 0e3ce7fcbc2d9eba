"""Mean squared difference of two arrays and its gradient: one pass, nothing in between is written."""

from __future__ import annotations

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import relaxed
from unrender.render.kernels.memory import empty

PIECE = 1 << 14
"""Numbers that are summed in one go: the sum does not depend on the number of threads."""

RUN = 1 << 9
"""Numbers of a piece that are summed in their own type, which is twice as fast; the rest is float64."""

SERIAL = 1 << 20
"""Fewer numbers are not worth waking a second thread for."""


def forward(first: np.ndarray, second: np.ndarray, threads: int = 1) -> float:
    """Mean of (first - second)^2 of two flat arrays of one dtype, at least one number."""
    return _mean(first, second, None, threads)


def forward_and_gradient(first: np.ndarray, second: np.ndarray, threads: int = 1) -> tuple[float, np.ndarray]:
    """What `forward` gives, and its gradient at `first`, while both arrays are in cache."""
    out = empty(first.shape, first.dtype)
    return _mean(first, second, out, threads), out


def _mean(first: np.ndarray, second: np.ndarray, out: np.ndarray | None, threads: int) -> float:
    """The mean, and its gradient into `out` where that is not None."""
    pieces = -(-first.size // PIECE)
    sums, factor = np.empty(pieces), first.dtype.type(2 / first.size)

    def work(begin: int, end: int) -> None:
        _sums(begin, end, first, second, factor, sums, out)

    pool.run(work, pieces, threads if first.size > SERIAL else 1, 2 * threads)
    return float(sums.sum()) / first.size


def vjp(first: np.ndarray, second: np.ndarray, grad: float, threads: int = 1) -> np.ndarray:
    """Gradient at `first` of a loss whose gradient at the result of `forward` is `grad`."""
    pieces = -(-first.size // PIECE)
    out = empty(first.shape, first.dtype)
    factor = first.dtype.type(2 * grad / first.size)

    def work(begin: int, end: int) -> None:
        _scaled(begin, end, first, second, factor, out)

    pool.run(work, pieces, threads if first.size > SERIAL else 1, 2 * threads)
    return out


@relaxed
def _sums(begin, end, first, second, factor, sums, out):
    for piece in range(begin, end):
        total, end_of_piece = 0.0, min((piece + 1) * PIECE, first.shape[0])
        for start in range(piece * PIECE, end_of_piece, RUN):
            part = first.dtype.type(0.0)
            for n in range(np.uint64(start), np.uint64(min(start + RUN, end_of_piece))):
                difference = first[n] - second[n]
                part += difference * difference
                if out is not None:
                    out[n] = difference * factor
            total += part
        sums[piece] = total


@relaxed
def _scaled(begin, end, first, second, factor, out):
    for n in range(np.uint64(begin * PIECE), np.uint64(min(end * PIECE, first.shape[0]))):
        out[n] = (first[n] - second[n]) * factor
