"""Procedural sofas: two and three seats, corner, chesterfield, day bed, wooden frame. Lengths in metres,
front +Z."""

from __future__ import annotations

import numpy as np

from unrender.synthesize.brush import Brush
from unrender.synthesize.categories import materials
from unrender.synthesize.generator import Generator
from unrender.synthesize.parameters import ParameterSpace, Range, Values
from unrender.synthesize.parts import Piece, box, column, limb, pair

RANGES: dict[str, Range] = {
    "length": (2.0, -0.1, 0.9, 3.4), "depth": (0.92, -0.07, 0.6, 1.4), "seat_height": (0.42, -0.07, 0.25,
        0.6),
    "back_height": (0.82, -0.07, 0.4, 1.3), "back_thick": (0.22, -0.12, 0.08, 0.4), "back_tilt": (0.08, 0.03,
        0, 0.3),
    "arm_height": (0.6, -0.07, 0.0, 0.95), "arm_width": (0.2, -0.15, 0.05, 0.4), "arm_roll": (0.3, 0.2, 0, 1),
        "arms": (1, 0, 0, 1),
    "seats": (3, 0, 1, 3), "cushion": (0.16, -0.15, 0.04, 0.3), "back_cushion": (0.16, -0.2, 0, 0.35),
    "leg": (0.09, -0.25, 0.0, 0.25), "chaise": (0, 0, -1, 1), "chaise_length": (0.75, -0.12, 0.4, 1.2),
        "bevel": (0.05, -0.25, 0.01, 0.12),
    "pillows": (0, 0, 0, 1),
}  # fmt: skip
FAMILIES: dict[str, tuple[float, dict[str, float]]] = {
    "three_seats": (6, {}), "two_seats": (6, dict(length=1.55, seats=2)), "pillows": (4, dict(pillows=1,
        length=2.1)),
    "loveseat": (2, dict(length=1.25, seats=1)),
    "corner_left": (3, dict(length=2.5, chaise=1)), "corner_right": (3, dict(length=2.5, chaise=-1)),
    "chesterfield": (4, dict(arm_height=0.74, back_height=0.76, arm_roll=1, back_cushion=0, arm_width=0.24,
        bevel=0.07, leg=0.06)),
    "box": (4, dict(arm_height=0.66, back_height=0.68, bevel=0.02, arm_width=0.12, leg=0.12, back_tilt=0.02,
        arm_roll=0)),
    "low": (3, dict(seat_height=0.34, back_height=0.64, arm_height=0.46, depth=1.05, leg=0.03)),
    "armless": (2, dict(arms=0, length=1.6, seats=2, leg=0.15)),
    "slim_legs": (4, dict(leg=0.18, cushion=0.12, arm_width=0.09, back_thick=0.14, seat_height=0.44,
        bevel=0.03)),
    "high_back": (2, dict(back_height=1.05, arm_height=0.62)),
}  # fmt: skip
SPACE = ParameterSpace(
    RANGES, FAMILIES, 0.2, (("three_seats", "two_seats", "low", "box", "slim_legs", "high_back"),)
)
_IN = np.array([0.0, 0.25, 0.0])


def build(p: Values) -> list[Piece]:
    """All pieces of a sofa."""
    x, arm = 0.5 * p.length, p.arm_width * (p.arms > 0.5)
    low, top = p.leg, p.seat_height - 0.7 * p.cushion
    base = box(
        (0, 0.5 * (low + top), 0),
        (p.length - 0.3 * arm, top - low, p.depth),
        0.5 * p.bevel,
        axis="x",
        sides=6,
        rings=9,
    )
    back = box((0, 0.5 * (low + p.back_height), -0.5 * p.depth + 0.5 * p.back_thick), (p.length - 0.4 * arm,
        p.back_height - low, p.back_thick),
               p.bevel, axis="x", sides=8, rings=11)  # fmt: skip
    back[..., 2] -= p.back_tilt * np.clip(back[..., 1] - p.seat_height, 0, None)
    pieces = [Piece("base", "body", base), Piece("back", "body", back)]
    wall = box(
        (x - 0.5 * p.arm_width, 0.5 * (low + p.arm_height), 0.01),
        (p.arm_width, max(p.arm_height - low, 0.05), p.depth),
        p.bevel,
        sides=7,
        rings=6,
    )
    pieces += pair(Piece("arm", "body", wall).only_if(p.arms > 0.5, _IN))
    roll = limb(np.array([(x - 0.4 * p.arm_width, p.arm_height - 0.05, z) for z in (-0.5 * p.depth, 0,
        0.5 * p.depth + 0.02)]),
                np.full(3, 0.5 * p.arm_width * (0.5 + 0.7 * p.arm_roll)), rings=7, sides=12, reference=(0.0,
                    1.0, 0.0))  # fmt: skip
    pieces += pair(Piece("roll", "body", roll).only_if(p.arms > 0.5 and p.arm_roll > 0.2, _IN))
    inner, count = p.length - 2 * arm, round(p.seats)
    wide = inner / count
    depth = p.depth - p.back_thick
    for index in range(3):
        middle = -0.5 * inner + wide * (index + 0.5)
        there = index < count
        seat = box((middle, p.seat_height - 0.5 * p.cushion, 0.5 * p.back_thick + 0.02), (0.985 * wide,
            p.cushion, depth), 0.4 * p.cushion,
                   axis="y", sides=7, rings=4)  # fmt: skip
        rest = box((middle, 0.5 * (p.seat_height + p.back_height) + 0.02,
            -0.5 * p.depth + p.back_thick + 0.4 * p.back_cushion),
                   (0.97 * wide, p.back_height - p.seat_height, max(p.back_cushion, 0.02)),
                       0.4 * p.back_cushion + 0.005, axis="y", sides=7, rings=5)  # fmt: skip
        rest[..., 2] -= (p.back_tilt + 0.08) * (rest[..., 1] - p.seat_height)
        pieces += [Piece(f"seat{index}", "cushion", seat).only_if(there, _IN),
                   Piece(f"rest{index}", "cushion", rest).only_if(there and p.back_cushion > 0.02,
                       _IN)]  # fmt: skip
    side = np.sign(p.chaise) if abs(p.chaise) > 0.5 else 1.0
    place = (side * (x - arm - 0.5 * wide), 0.5 * (low + top), 0.5 * p.depth + 0.5 * p.chaise_length)
    pieces.append(
        Piece(
            "chaise",
            "body",
            box(place, (wide + arm, top - low, p.chaise_length), 0.5 * p.bevel, axis="y", sides=6),
        ).only_if(abs(p.chaise) > 0.5, _IN)
    )
    mat = box(
        (place[0], p.seat_height - 0.5 * p.cushion, place[2]),
        (wide, p.cushion, p.chaise_length),
        0.4 * p.cushion,
        axis="y",
        sides=7,
    )
    pieces.append(Piece("chaise_seat", "cushion", mat).only_if(abs(p.chaise) > 0.5, _IN))
    for name, z in (("front", 0.5 * p.depth - 0.08), ("rear", -0.5 * p.depth + 0.08)):
        foot = column([(0, 0.018), (0.5 * p.leg, 0.024), (p.leg + 0.03, 0.032)], x - 0.1, z, sides=8)
        pieces += pair(Piece(f"leg_{name}", "leg", foot).only_if(p.leg > 0.015, _IN))
    pillow = box(
        (0.5 * inner - 0.22, p.seat_height + 0.17, -0.5 * p.depth + p.back_thick + p.back_cushion + 0.08),
        (0.4, 0.36, 0.13),
        0.05,
        axis="y",
        sides=7,
    )
    pillow[..., 2] -= 0.35 * (pillow[..., 1] - p.seat_height)
    pieces += pair(Piece("pillow", "pillow", pillow).only_if(p.pillows > 0.5, _IN))
    return pieces


def paint(brush: Brush, p: Values, family: str) -> None:
    """Cloth or leather all over, sometimes with other cushions; wooden or metal feet."""
    materials.cloth(brush, np.ones(len(brush.points), dtype=bool))
    if family == "chesterfield":
        brush.colour[:] = brush.pick(("umber", "brown", "rust", "dark", "bottle"))
        tufts = np.sin(22 * brush.signed[:, 0]) * np.sin(22 * brush.signed[:, 1])
        brush.colour *= np.exp(-0.35 * (tufts > 0.75) * brush.named("back"))[:, None]
    if brush.chance(0.3):
        materials.cloth(brush, brush.of("cushion"))
    materials.cloth(brush, brush.of("pillow"))
    materials.frame(brush, brush.of("leg"), 0.7)
    brush.mottle(0.05, 0.03)


SOFA = Generator("sofa", SPACE, build, paint)
