"""What numpy arrays and torch tensors share; torch is never imported."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from unrender.errors import InputError


def library(*arrays: Any) -> Any:
    """torch if any argument is a tensor, else numpy."""
    torch = sys.modules.get("torch")
    tensors = torch is not None and any(isinstance(array, torch.Tensor) for array in arrays)
    return torch if tensors else np


def like(values: np.ndarray, array: Any) -> Any:
    """Constants in the library, dtype and device of `array`."""
    found = library(array)
    if found is np:
        return values.astype(array.dtype)
    return found.as_tensor(values, dtype=array.dtype, device=array.device)


def dot(first: Any, second: Any) -> Any:
    """Dot product over the last axis, which stays with length 1."""
    return (first * second).sum(-1)[..., None]


def unit(vectors: Any) -> Any:
    """Vectors of length 1; zero stays zero, with zero gradient."""
    squared = dot(vectors, vectors)
    return vectors / library(vectors).where(squared > 0, squared, 0 * squared + 1) ** 0.5


def check_vectors(**arrays: Any) -> None:
    """Raise InputError for an argument that is not [..., 3]."""
    for name, array in arrays.items():
        if array.ndim < 1 or array.shape[-1] != 3:
            raise InputError(f"{name}: expected shape [..., 3], got {list(array.shape)}")
