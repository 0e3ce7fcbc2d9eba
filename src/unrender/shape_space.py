"""The linear shape space of one category on the icosphere template.

    vertices(c) = mean + sum_k c_k * basis_k          c ~ N(0, 1) for shapes like those it was learnt from

The basis is whitened: its scale is part of it. The mean is mirror-symmetric in x; each basis vector is either
symmetric (shape) or antisymmetric (a turned head, one leg forward). Some may belong to an optional part, such
as open wings: their coefficients are zero for shapes without it; the first of them says how far it is out,
about 1 for shapes with it. The last ones may be smooth fields that every category has alike
(`unrender.smooth_fields`): a network that predicts them says more than the category's variation.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from unrender.errors import InputError, ModelError


@dataclass(frozen=True)
class ShapeSpace:
    """Mean and whitened basis.

    Attributes:
        mean: [V, 3] float32, object frame (+Y up, front +Z), farthest vertex of a typical shape at radius
            about 1.
        basis: [K, V, 3] float32.
        antisymmetric: [K] bool.
        optional: [K] bool, or None where no part is optional.
        canonical: [V, 3] float32 canonical coordinates of the vertices, in [-1, 1], or None where not known.
        fields: [K] bool, which vectors are smooth fields, or None where none is.
    """

    mean: np.ndarray
    basis: np.ndarray
    antisymmetric: np.ndarray
    optional: np.ndarray | None = None
    canonical: np.ndarray | None = None
    fields: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.basis.ndim != 3 or self.basis.shape[1:] != self.mean.shape or self.mean.shape[1:] != (3,):
            raise InputError(
                f"basis: expected [K, V, 3] with the mean's [V, 3], "
                f"got {self.basis.shape} and {self.mean.shape}"
            )

    @property
    def variation(self) -> np.ndarray:
        """[K] bool, which vectors are the category's own."""
        return np.ones(self.size, bool) if self.fields is None else ~self.fields

    @property
    def size(self) -> int:
        """Number K of coefficients."""
        return len(self.basis)

    def vertices(self, coefficients: np.ndarray) -> np.ndarray:
        """[V, 3] float32 for coefficients [K].

        Raises:
            InputError: another number of coefficients.
        """
        coefficients = np.asarray(coefficients, dtype=np.float32)
        if coefficients.shape != (self.size,):
            raise InputError(f"coefficients: expected shape ({self.size},), got {coefficients.shape}")
        offset = coefficients @ self.basis.reshape(self.size, -1)
        return self.mean + offset.reshape(self.mean.shape)

    def settle(self, coefficients: np.ndarray) -> np.ndarray:
        """Coefficients [K] with the optional part put away unless it is clearly out."""
        if self.optional is None or coefficients[np.argmax(self.optional)] >= PART_OUT:
            return coefficients
        return np.where(self.optional, 0, coefficients).astype(coefficients.dtype)


_PARTS = ("mean", "basis", "antisymmetric", "optional", "canonical", "fields")
PART_OUT = 0.5
"""From which size of its first coefficient on an optional part counts as out."""


def load_shape_space(path: str | Path, prefix: str = "") -> ShapeSpace:
    """Read a space written by `unrender.train.prior`; `prefix` selects a category, for example "bird.".

    Raises:
        ModelError: the file is missing or damaged, or has no such category.
    """
    try:
        with safe_open(str(path), framework="numpy") as file:  # the other categories stay on the disk
            names = set(file.keys())
            kept = names.intersection(prefix + part for part in _PARTS)
            tensors = {name: file.get_tensor(name) for name in kept}
        optional, canonical, fields = (tensors.get(prefix + part) for part in _PARTS[3:])
        return ShapeSpace(
            tensors[f"{prefix}mean"].astype(np.float32),
            tensors[f"{prefix}basis"].astype(np.float32),
            tensors[f"{prefix}antisymmetric"].astype(bool),
            None if optional is None or not optional.any() else optional.astype(bool),
            None if canonical is None else canonical.astype(np.float32),
            None if fields is None or not fields.any() else fields.astype(bool),
        )
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"shape space {path}: cannot be read ({error}); train it again") from None
