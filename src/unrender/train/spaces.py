"""The shapes of all categories in torch: from the network's numbers to vertices.

`LinearShapes`: each category has its own mean and whitened basis (`unrender.shape_space`); spaces of
different sizes are padded with zero vectors to the largest.
`FreeShape`: every vertex of a sphere moves by itself, as in DIB-R (arXiv 1908.01210, section 4); no prior of
any kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from unrender.shape_space import ShapeSpace, load_shape_space
from unrender.template import make_template

SPHERE_RADIUS = 0.5
"""Of the sphere that free shapes start from; objects reach to radius 1."""
OFFSET_SCALE = 0.2
"""How far a vertex of a free shape moves for an output of 1."""


class LinearShapes:
    """Means and bases of several categories.

    Attributes:
        names: the categories. sizes: int64 [C], number of coefficients of each. coefficients: the largest.
        means: [C, V, 3]. bases: [C, K, V, 3], zero where a category has fewer than K vectors.
    """

    def __init__(self, names: Sequence[str], spaces: Sequence[ShapeSpace]) -> None:
        self.names = tuple(names)
        self.coefficients = max(space.size for space in spaces)
        self.sizes = torch.tensor([space.size for space in spaces])
        self.means = torch.from_numpy(np.stack([space.mean for space in spaces]))
        bases = np.zeros((len(spaces), self.coefficients, *spaces[0].mean.shape), np.float32)
        for number, space in enumerate(spaces):
            bases[number, : space.size] = space.basis
        self.bases = torch.from_numpy(bases)

    @classmethod
    def load(cls, path: str | Path, names: Sequence[str]) -> LinearShapes:
        """The spaces "<name>." of a file.

        Raises:
            ModelError: the file is missing or damaged, or lacks a category.
        """
        return cls(names, [load_shape_space(path, f"{name}.") for name in names])

    def select(self, coefficients: Tensor, category: Tensor) -> Tensor:
        """[B, K] of the network's [B, C, K] for category numbers int64 [B]; zero beyond a space's size."""
        chosen = coefficients[torch.arange(len(category)), category]
        return chosen * (torch.arange(self.coefficients) < self.sizes[category, None])

    def vertices(self, coefficients: Tensor, category: Tensor) -> Tensor:
        """[B, V, 3] for coefficients [B, K] of category numbers int64 [B]."""
        bases = self.bases[category].flatten(2)
        offsets = torch.bmm(coefficients[:, None], bases).view(len(category), -1, 3)
        return self.means[category] + offsets

    def prior(self, coefficients: Tensor, category: Tensor) -> Tensor:
        """Mean square of the coefficients [B, K] that exist; a scalar."""
        return (coefficients**2).sum() / self.sizes[category].sum()


class FreeShape:
    """A sphere whose vertices move freely; the same for every category."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.sphere = torch.from_numpy(SPHERE_RADIUS * make_template(3).vertices)
        self.coefficients = self.sphere.numel()

    def select(self, coefficients: Tensor, category: Tensor) -> Tensor:
        """As `LinearShapes.select`."""
        return coefficients[torch.arange(len(category)), category]

    def vertices(self, coefficients: Tensor, category: Tensor) -> Tensor:
        """As `LinearShapes.vertices`."""
        return self.sphere + OFFSET_SCALE * coefficients.view(len(category), -1, 3)

    def prior(self, coefficients: Tensor, category: Tensor) -> Tensor:
        """Mean squared output; a scalar."""
        return (coefficients**2).mean()

    def arrays(self) -> dict[str, np.ndarray]:
        """The same as a shape space's arrays, for the export: one basis vector for each number."""
        count = self.coefficients
        basis = (OFFSET_SCALE * np.eye(count, dtype=np.float32)).reshape(count, -1, 3)
        return {
            f"{name}.{key}": value
            for name in self.names
            for key, value in (
                ("mean", self.sphere.numpy()), ("basis", basis), ("antisymmetric", np.zeros(count, np.uint8)),
            )
        }  # fmt: skip


Shapes = LinearShapes | FreeShape
