"""Arrays whose memory is used again: `empty` for results, `scratch` for working space.

The system hands out large blocks as pages that fault at their first touch and takes them back when they are
freed; for pictures of some megabytes that costs as much as drawing them. So memory of results is kept when
its last user lets go of it, and given to the next array of the same size class. At most `LIMIT` bytes are
kept unused. Safe under concurrent callers and after a fork (list operations are atomic).
"""

from __future__ import annotations

import math

import numpy as np

SMALL, LIMIT = 1 << 15, 1 << 27
"""Bytes below which numpy's own memory is as good; and how many unused bytes are kept at most."""

_free: dict[int, list[np.ndarray]] = {}
_kept = 0


class _Block(np.ndarray):
    """A piece of memory. A class of its own because numpy makes views of plain arrays skip their owner."""


class _Lease(np.ndarray):
    """One use of a block, owner of all its views; the block is free when no view is left."""

    def __del__(self) -> None:
        if type(self.base) is _Block:
            _give(self.base)


def _size_class(count: int) -> int:
    """`count` bytes rounded up to a multiple of an eighth of its power of two."""
    step = 1 << max(count.bit_length() - 4, 12)
    return -(-count // step) * step


def _take(count: int) -> np.ndarray:
    global _kept
    size = _size_class(count)
    try:
        block = _free[size].pop()
    except (KeyError, IndexError):
        return np.empty(size, np.uint8).view(_Block)
    _kept -= size
    return block


def _give(block: np.ndarray) -> None:
    global _kept
    if block.size > LIMIT:
        return
    if _kept + block.size > LIMIT:  # sizes that are no longer asked for must not stay for ever
        _free.clear()
        _kept = 0
    _kept += block.size
    _free.setdefault(block.size, []).append(block)


def empty(shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
    """Like `np.empty`, C-contiguous, from memory that was used before where there is some."""
    dtype = np.dtype(dtype)
    count = math.prod(shape, start=dtype.itemsize)
    if count < SMALL:
        return np.empty(shape, dtype)
    owner = _take(count).view(_Lease)
    return np.ndarray(shape, dtype, owner)


def zeros(shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
    """`empty`, filled with 0."""
    result = empty(shape, dtype)
    result.fill(0)
    return result


class scratch:
    """Working space for the length of a `with` block: an array of this shape and type."""

    __slots__ = ("_block", "_dtype", "_shape")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype | type) -> None:
        self._shape, self._dtype = shape, np.dtype(dtype)
        self._block = _take(max(1, math.prod(shape, start=self._dtype.itemsize)))

    def __enter__(self) -> np.ndarray:
        return np.ndarray(self._shape, self._dtype, self._block).view(np.ndarray)

    def __exit__(self, *error: object) -> None:
        _give(self._block)
