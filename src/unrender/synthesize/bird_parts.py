"""The fixed topology of a procedural bird: every part is a closed tube of rings.

A part of `rings` x `sides` vertices stores its rings one after the other, then one pole at each end. Left
and right parts have the same layout; the right one is a mirror image with its faces turned round.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

BODY, NECK, HEAD, BEAK, TAIL, WING_LEFT, WING_RIGHT, LEG_LEFT, LEG_RIGHT, CREST, EYE = range(11)
PART_NAMES = (
    "body", "neck", "head", "beak", "tail", "wing_left", "wing_right", "leg_left", "leg_right", "crest",
    "eye",
)  # fmt: skip
"""Meaning of the values of `ProceduralShape.part`."""


@dataclass(frozen=True)
class Tube:
    """One closed tube: its name, part number, grid size, side (+1 left or middle, -1 right) and first
    vertex.
    """

    name: str
    part: int
    rings: int
    sides: int
    side: int
    start: int

    @property
    def count(self) -> int:
        """Number of vertices, the two poles included."""
        return self.rings * self.sides + 2


SPINE_U = np.concatenate([
    np.linspace(0.0, 1.0, 24), np.linspace(1.0, 2.0, 17)[1:],
    2.0 + 0.985 * np.linspace(0.0, 1.0, 18)[1:] ** 0.9,
])  # fmt: skip
"""Where along the spine the rings of the trunk sit: 0 rump, 1 shoulder, 2 nape, 3 base of the beak."""
TRUNK_SIDES = 32
TAIL_ROWS, TAIL_TOP, TAIL_BOTTOM = 13, 13, 11
WING_ROWS, WING_TOP, WING_BOTTOM = 24, 11, 9
BEAK_ROWS, BEAK_SIDES = 10, 10
LEG_ROWS, LEG_SIDES, TOE_ROWS, TOE_SIDES = 13, 8, 4, 6
CREST_ROWS, CREST_SIDES = 15, 8
WATTLE_ROWS, WATTLE_SIDES = 5, 8
EYE_ROWS, EYE_SIDES = 5, 10

_LAYOUT: list[tuple[str, int, int, int, int]] = [
    ("trunk", BODY, len(SPINE_U), TRUNK_SIDES, 1),
    ("beak_upper", BEAK, BEAK_ROWS, BEAK_SIDES, 1),
    ("beak_lower", BEAK, BEAK_ROWS, BEAK_SIDES, 1),
    ("tail", TAIL, TAIL_ROWS, TAIL_TOP + TAIL_BOTTOM, 1),
    ("crest", CREST, CREST_ROWS, CREST_SIDES, 1),
    ("wattle", CREST, WATTLE_ROWS, WATTLE_SIDES, 1),
    *[(f"wing{tag}", part, WING_ROWS, WING_TOP + WING_BOTTOM, side)
      for tag, part, side in (("_left", WING_LEFT, 1), ("_right", WING_RIGHT, -1))],
    *[(f"eye{tag}", EYE, EYE_ROWS, EYE_SIDES, side) for tag, side in (("_left", 1), ("_right", -1))],
    *[(f"leg{tag}", part, LEG_ROWS, LEG_SIDES, side)
      for tag, part, side in (("_left", LEG_LEFT, 1), ("_right", LEG_RIGHT, -1))],
    *[(f"toe{toe}{tag}", part, TOE_ROWS, TOE_SIDES, side)
      for tag, part, side in (("_left", LEG_LEFT, 1), ("_right", LEG_RIGHT, -1)) for toe in range(4)],
]  # fmt: skip


@lru_cache(maxsize=1)
def tubes() -> dict[str, Tube]:
    """All tubes by name, in the order of their vertices."""
    result: dict[str, Tube] = {}
    start = 0
    for name, part, rings, sides, side in _LAYOUT:
        tube = Tube(name, part, rings, sides, side, start)
        result[name] = tube
        start += tube.count
    return result


def vertex_count() -> int:
    """Number of vertices of every bird."""
    return sum(tube.count for tube in tubes().values())


def _tube_faces(tube: Tube) -> np.ndarray:
    ring, side = np.meshgrid(np.arange(tube.rings - 1), np.arange(tube.sides), indexing="ij")
    following = (side + 1) % tube.sides
    a, b = ring * tube.sides + side, ring * tube.sides + following
    c, d = a + tube.sides, b + tube.sides
    quads = [np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)]
    j = np.arange(tube.sides)
    k = (j + 1) % tube.sides
    last, pole = (tube.rings - 1) * tube.sides, tube.rings * tube.sides
    caps = [
        np.stack([np.full_like(j, pole), k, j], -1),
        np.stack([np.full_like(j, pole + 1), last + j, last + k], -1),
    ]
    faces = np.concatenate(quads + caps)
    backwards = tube.part in (WING_LEFT, WING_RIGHT)  # a wing's rings run the other way round
    turned = (tube.side < 0) != backwards
    return (faces[:, ::-1] if turned else faces) + tube.start


@lru_cache(maxsize=1)
def faces() -> np.ndarray:
    """Triangles of every bird, int32 [F, 3], counter-clockwise seen from outside. Do not write to it."""
    result = np.concatenate([_tube_faces(tube) for tube in tubes().values()]).astype(np.int32)
    result.setflags(write=False)
    return result


@lru_cache(maxsize=1)
def part_of_vertex() -> np.ndarray:
    """Part number of every vertex, uint8 [V]; the trunk is split into body, neck and head. Do not write to
    it.
    """
    result = np.empty(vertex_count(), dtype=np.uint8)
    for tube in tubes().values():
        result[tube.start : tube.start + tube.count] = tube.part
    trunk = anatomy()[: tubes()["trunk"].count, 0]
    result[: len(trunk)] = np.where(trunk <= 1.0, BODY, np.where(trunk <= 2.0, NECK, HEAD))
    result.setflags(write=False)
    return result


@lru_cache(maxsize=1)
def anatomy() -> np.ndarray:
    """Anatomical coordinates of every vertex, float32 [V, 3]; the same for every bird. Do not write to it.

    Column 0 runs along the part (trunk: 0 rump, 1 shoulder, 2 nape, 3 beak; others: 0 root, 1 tip).
    Column 1 runs across it (trunk, beak, legs: -1 underside to 1 upper side; tail: 0 middle feather, 1
    outermost; wings: -1 leading edge, 1 trailing edge). Column 2 is 1 on the outer or upper surface of a
    sheet, 0 elsewhere.
    """
    blocks = []
    for tube in tubes().values():
        grid = np.zeros((tube.rings, tube.sides, 3))
        grid[..., 0] = np.linspace(0, 1, tube.rings)[:, None]
        if tube.name == "trunk":
            grid[..., 0] = SPINE_U[:, None]
            grid[..., 1] = np.sin(ring_angles(tube.sides))
        elif tube.part == TAIL:
            grid[..., 1] = np.abs(sheet_chord(TAIL_TOP, TAIL_BOTTOM))
            grid[:, :TAIL_TOP, 2] = 1
        elif tube.part in (WING_LEFT, WING_RIGHT):
            grid[..., 1] = sheet_chord(WING_TOP, WING_BOTTOM)
            grid[:, :WING_TOP, 2] = 1
        else:
            grid[..., 1] = np.sin(ring_angles(tube.sides))
            grid[..., 2] = tube.name == "beak_upper"
        blocks.append(np.concatenate([grid.reshape(-1, 3), grid[:1].mean(1), grid[-1:].mean(1)]))
    result = np.concatenate(blocks).astype(np.float32)
    result.setflags(write=False)
    return result


def ring_angles(sides: int) -> np.ndarray:
    """Angles of a ring's vertices in radians, [sides]: 0 is left, pi/2 is up."""
    return 2 * np.pi * np.arange(sides) / sides


def sheet_chord(top: int, bottom: int) -> np.ndarray:
    """Position across a flat sheet, [top + bottom]: -1 to 1 over the upper surface, then back underneath."""
    return np.concatenate([np.linspace(-1, 1, top), np.linspace(1, -1, bottom + 2)[1:-1]])


def close(grid: np.ndarray, first: np.ndarray | None = None, last: np.ndarray | None = None) -> np.ndarray:
    """Ring grid [rings, sides, 3] to tube vertices [rings * sides + 2, 3]; a pole is its ring's mean
    unless given.
    """
    first = grid[0].mean(0) if first is None else first
    last = grid[-1].mean(0) if last is None else last
    return np.concatenate([grid.reshape(-1, 3), first[None], last[None]])
