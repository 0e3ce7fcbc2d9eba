"""Procedural objects of a category from a seed: parameters, pieces, pose and paint put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unrender.errors import InputError
from unrender.mesh import vertex_normals
from unrender.synthesize.bird import ProceduralShape
from unrender.synthesize.bird_shape import normalise
from unrender.synthesize.brush import Brush
from unrender.synthesize.parameters import ParameterSpace, Values
from unrender.synthesize.parts import Piece, Topology, topology_of, vertices_of


@dataclass(frozen=True)
class Generator:
    """One category of procedural objects with a fixed topology.

    Attributes:
        category: its name, such as "animal".
        space: parameters and families.
        build: pieces of the object with these parameters; always the same pieces and grids, in any unit.
        paint: colours a brush's object: (brush, parameters, family).
        pose: changes parameters that are no matter of shape (legs, heads); draws the same amount of chance
            always.
        lumps: strength of a smooth deformation of the whole; 0 for straight things.
    """

    category: str
    space: ParameterSpace
    build: Callable[[Values], Sequence[Piece]]
    paint: Callable[[Brush, Values, str], None]
    pose: Callable[[Values, str, np.random.Generator], Values] | None = None
    lumps: float = 0.0

    @cached_property
    def topology(self) -> Topology:
        """Faces and layout, the same for every object."""
        return topology_of(self.build(self.space.default()))

    @cached_property
    def canonical(self) -> np.ndarray:
        """The default object, float32 [V, 3], normalised; read-only."""
        result = self.vertices(self.space.default())
        result.setflags(write=False)
        return result

    @cached_property
    def _part(self) -> np.ndarray:
        labels = list(dict.fromkeys(self.topology.labels))
        table = np.array([labels.index(label) for label in self.topology.labels], dtype=np.uint8)
        result = table[self.topology.piece]
        result.setflags(write=False)
        return result

    def vertices(self, values: Values) -> np.ndarray:
        """Vertices of the object with these parameters, float32 [V, 3], normalised as in
        `ProceduralShape`."""
        return normalise(vertices_of(self.build(values)))

    def parameters(self, seed: int, family: str | None = None) -> tuple[Values, str]:
        """Parameters (before the pose) and family of a seed."""
        return self.space.sample(np.random.default_rng([seed, 0]), family)

    def make(self, seed: int, *, family: str | None = None, posed: bool = True) -> ProceduralShape:
        """The object of a seed: shape, pose and paint.

        Args:
            seed: >= 0; the same seed always gives the same object.
            family: one of `space.families`, or None for any by weight.
            posed: False leaves it in its neutral, mirror-symmetric pose.

        Raises:
            InputError: the seed is negative or no integer, or there is no such family.
        """
        if not isinstance(seed, int | np.integer) or seed < 0:
            raise InputError(f"seed: expected an integer >= 0, got {seed!r}")
        values, chosen = self.parameters(int(seed), family)
        pose_rng, lump_rng, paint_rng = (np.random.default_rng([int(seed), k]) for k in (1, 2, 3))
        rest = self.vertices(values)
        if posed and self.pose is not None:
            values = self.pose(values, chosen, pose_rng)
        vertices = vertices_of(self.build(values))
        if self.lumps > 0:
            vertices = deform(vertices, self.lumps, lump_rng)
        brush = Brush(self.topology, rest, vertex_normals(rest, self.topology.faces), paint_rng)
        self.paint(brush, values, chosen)
        return ProceduralShape(
            normalise(vertices), self.topology.faces, brush.finish(), self._part, self.canonical
        )  # fmt: skip


def deform(vertices: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """A smooth, mirror-symmetric deformation of the whole by about `strength` of its size: float64 [V, 3]."""
    size = np.linalg.norm(np.ptp(vertices, axis=0)) / 2
    unit = (vertices - vertices.mean(0)) / size
    axes = np.stack([unit[:, 0] ** 2 * 2, unit[:, 1], unit[:, 2]], -1)
    waves = rng.standard_normal((3, 8)) * 1.8
    field = np.cos(axes @ waves + rng.uniform(0, 2 * np.pi, 8))
    shift = field @ rng.standard_normal((8, 3)) * strength * size / 3
    widen = 1 + field @ rng.standard_normal(8) * strength / 2
    return np.stack([vertices[:, 0] * widen, vertices[:, 1] + shift[:, 1], vertices[:, 2] + shift[:, 2]], -1)
