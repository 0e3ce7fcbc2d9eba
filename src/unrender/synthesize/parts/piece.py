"""A piece of a procedural object: a closed tube of rings with a pole at each end.

Rings run counter-clockwise seen from the tube's far end, so that faces point outwards; a mirrored piece has
its
faces turned round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Piece:
    """One closed tube.

    Attributes:
        name: unique within the object.
        label: what it is, shared by the pieces painted alike ("leg", "wheel").
        grid: float64 [rings, sides, 3].
        first, last: float64 [3], the poles; None for the mean of the end ring.
        mirrored: the piece is a mirror image (x -> -x).
    """

    name: str
    label: str
    grid: np.ndarray
    first: np.ndarray | None = None
    last: np.ndarray | None = None
    mirrored: bool = False

    @property
    def count(self) -> int:
        """Number of vertices, the two poles included."""
        return self.grid.shape[0] * self.grid.shape[1] + 2

    def points(self) -> np.ndarray:
        """Vertices [rings * sides + 2, 3]: the rings one after the other, then the poles."""
        first = self.grid[0].mean(0) if self.first is None else self.first
        last = self.grid[-1].mean(0) if self.last is None else self.last
        return np.concatenate([self.grid.reshape(-1, 3), first[None], last[None]])

    def mapped(self, change: Callable[[np.ndarray], np.ndarray]) -> Piece:
        """The piece with `change` ([..., 3] -> [..., 3]) applied to its points."""
        first = None if self.first is None else change(self.first)
        last = None if self.last is None else change(self.last)
        return replace(self, grid=change(self.grid), first=first, last=last)

    def collapsed(self, point: np.ndarray) -> Piece:
        """The piece shrunk to (nearly) nothing at `point`: how an absent part keeps its place in the
        topology."""
        return self.mapped(lambda p: point + 1e-3 * (p - self.grid.mean((0, 1))))

    def only_if(self, there: bool, point: np.ndarray) -> Piece:
        """The piece itself, or collapsed at `point`."""
        return self if there else self.collapsed(point)


def pair(piece: Piece, right: Piece | None = None) -> tuple[Piece, Piece]:
    """A left piece and its mirror image; `right`, where given, is the piece to mirror instead (another
    pose)."""
    flip = np.array([-1.0, 1.0, 1.0])
    source = piece if right is None else right
    other = source.mapped(lambda p: p * flip)
    return replace(piece, name=f"{piece.name}_left"), replace(
        other, name=f"{piece.name}_right", mirrored=not source.mirrored
    )


@dataclass(frozen=True)
class Topology:
    """What is the same for all objects of a category.

    Attributes:
        faces: int32 [F, 3], counter-clockwise seen from outside.
        names: pieces in the order of their vertices. starts: first vertex of each, int [P + 1].
        piece: int [V], index into `names`.
        labels: label of each piece.
        along: float64 [V], 0 on a piece's first ring, 1 on its last.
        around: float64 [V] in [0, 1): place on the ring.
    """

    faces: np.ndarray
    names: tuple[str, ...]
    starts: np.ndarray
    piece: np.ndarray
    labels: tuple[str, ...]
    along: np.ndarray
    around: np.ndarray

    def of(self, *labels: str) -> np.ndarray:
        """bool [V]: vertices of the pieces with one of these labels."""
        return np.isin(self.piece, [i for i, label in enumerate(self.labels) if label in labels])

    def named(self, *names: str) -> np.ndarray:
        """bool [V]: vertices of the pieces whose name starts with one of these."""
        return np.isin(self.piece, [i for i, name in enumerate(self.names) if name.startswith(names)])

    def slice(self, name: str) -> slice:
        """The vertices of one piece."""
        i = self.names.index(name)
        return slice(int(self.starts[i]), int(self.starts[i + 1]))


def _faces(rings: int, sides: int, turned: bool) -> np.ndarray:
    ring, side = np.meshgrid(np.arange(rings - 1), np.arange(sides), indexing="ij")
    a, b = ring * sides + side, ring * sides + (side + 1) % sides
    c, d = a + sides, b + sides
    j = np.arange(sides)
    k = (j + 1) % sides
    last, pole = (rings - 1) * sides, rings * sides
    faces = np.concatenate([
        np.stack([a, b, d], -1).reshape(-1, 3),
        np.stack([a, d, c], -1).reshape(-1, 3),
        np.stack([np.full_like(j, pole), k, j], -1),
        np.stack([np.full_like(j, pole + 1), last + j, last + k], -1),
    ])  # fmt: skip
    return faces[:, ::-1] if turned else faces


def topology_of(pieces: Sequence[Piece]) -> Topology:
    """Faces and layout of an object made of these pieces."""
    starts = np.concatenate([[0], np.cumsum([piece.count for piece in pieces])])
    faces, along, around = [], [], []
    for start, piece in zip(starts, pieces, strict=False):
        rings, sides = piece.grid.shape[:2]
        faces.append(_faces(rings, sides, piece.mirrored) + start)
        along.append(np.concatenate([np.repeat(np.linspace(0, 1, rings), sides), [0.0, 1.0]]))
        around.append(np.concatenate([np.tile(np.arange(sides) / sides, rings), [0.0, 0.0]]))
    return Topology(
        np.concatenate(faces).astype(np.int32),
        tuple(piece.name for piece in pieces),
        starts,
        np.repeat(np.arange(len(pieces)), np.diff(starts)),
        tuple(piece.label for piece in pieces),
        np.concatenate(along),
        np.concatenate(around),
    )


def vertices_of(pieces: Sequence[Piece]) -> np.ndarray:
    """Vertices of all pieces, float64 [V, 3]."""
    return np.concatenate([piece.points() for piece in pieces])
