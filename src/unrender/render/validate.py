"""Checks of arguments; each says which argument, what was expected, what came and what to do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from unrender.errors import InputError
from unrender.render.kernels.jit import jit

MAX_SIZE = 32768


def is_tensor(*values: Any) -> bool:
    """Whether any value is a torch tensor; never imports torch."""
    torch = sys.modules.get("torch")
    return torch is not None and any(isinstance(value, torch.Tensor) for value in values)


def array(name: str, value: Any, dtype: Any = None) -> np.ndarray:
    """`value` as a C-contiguous, writable float32 or float64 array (or `dtype`); copies only if it must."""
    result = value if isinstance(value, np.ndarray) else np.asarray(value)
    if result.dtype.kind not in "fiu":
        raise InputError(f"{name}: expected a float32 or float64 array, got dtype {result.dtype}; convert it")
    if dtype is None:
        dtype = result.dtype if result.dtype in (np.float32, np.float64) else np.dtype(np.float32)
    flags = result.flags
    if result.dtype == dtype and flags.c_contiguous and flags.writeable and flags.aligned:
        return result
    return np.array(result, dtype=dtype, order="C")


def shape(name: str, value: Any, expected: tuple[int | str, ...]) -> None:
    """Check the shape of an array or tensor; text stands for any length."""
    actual = tuple(value.shape)
    if len(actual) != len(expected) or any(
        isinstance(e, int) and e != a for a, e in zip(actual, expected, strict=True)
    ):
        wanted = ", ".join(str(e) for e in expected)
        raise InputError(f"{name}: expected shape [{wanted}], got {list(actual)}")


def picture_size(size: Any) -> tuple[int, int]:
    """(height, width) as Python integers."""
    if not isinstance(size, Sequence) or len(size) != 2:
        raise InputError(f"size: expected (height, width) in pixels, got {size!r}")
    try:
        height, width = int(size[0]), int(size[1])
    except (TypeError, ValueError):
        raise InputError(f"size: expected two integers (height, width), got {size!r}") from None
    if not (1 <= height <= MAX_SIZE and 1 <= width <= MAX_SIZE):
        raise InputError(f"size: expected 1 to {MAX_SIZE} pixels a side, got {height} x {width}")
    return height, width


def choice(name: str, value: Any, choices: dict[str, int]) -> int:
    """The kernel's code of a named option."""
    try:
        return choices[value]
    except (KeyError, TypeError):
        raise InputError(f"{name}: expected one of {', '.join(map(repr, choices))}, got {value!r}") from None


def face_array(name: str, faces: Any) -> np.ndarray:
    """`faces` as a C-contiguous int32 array [F, 3]."""
    result = faces if isinstance(faces, np.ndarray) else np.asarray(faces)
    if result.size == 0 and result.ndim != 2:
        result = result.reshape(0, 3)
    if result.ndim != 2 or result.shape[1] != 3:
        raise InputError(f"{name}: expected shape [F, 3], got {list(result.shape)}")
    if result.dtype.kind not in "iu":
        if result.size:
            raise InputError(
                f"{name}: expected an integer array, got dtype {result.dtype}; use int32 or int64"
            )
        result = result.astype(np.int32)
    if result.dtype != np.int32:
        if result.size and (result.max() > 2**31 - 1 or result.min() < -(2**31)):
            raise InputError(f"{name}: an index does not fit into 32 bits; check the array")
        result = result.astype(np.int32)
    flags = result.flags
    return result if flags.c_contiguous and flags.writeable else np.array(result, order="C")


@jit
def _first_bad(faces, count):
    for face in range(faces.shape[0]):
        for corner in range(3):
            if faces[face, corner] < 0 or faces[face, corner] >= count:
                return face
    return -1


def face_range(name: str, faces: np.ndarray, count: int, of: str) -> None:
    """Check that all indices of an int32 face array are in [0, count)."""
    bad = _first_bad(faces, count)
    if bad >= 0:
        raise InputError(
            f"{name}: expected indices from 0 to {count - 1} ({of} has {count} rows), "
            f"got {faces[bad].tolist()} in row {bad}"
        )


def positive(name: str, value: Any) -> float:
    """A finite float above 0."""
    try:
        result = float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name}: expected a positive number, got {value!r}") from None
    if not 0 < result < float("inf"):
        raise InputError(f"{name}: expected a positive finite number, got {result}")
    return result
