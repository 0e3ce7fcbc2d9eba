"""Procedural tables: dining, coffee, round, pedestal, desk with drawers, trestle, bench; one topology for
all.

The floor is y = 0, lengths in metres, the user of a desk sits at +Z.
"""

from __future__ import annotations

import numpy as np

from unrender.synthesize.brush import Brush
from unrender.synthesize.categories import materials
from unrender.synthesize.generator import Generator
from unrender.synthesize.parameters import ParameterSpace, Range, Values
from unrender.synthesize.parts import Piece, box, column, limb, pair

RANGES: dict[str, Range] = {
    "length": (1.5, -0.15, 0.4, 2.8), "depth": (0.85, -0.12, 0.3, 1.6), "height": (0.74, -0.05, 0.25, 1.15),
    "top": (0.04, -0.25, 0.015, 0.14), "round": (0, 0, 0, 1), "inset": (0.07, 0.02, 0.0, 0.35),
    "leg": (0.035, -0.2, 0.012, 0.09), "leg_foot": (0.8, 0.12, 0.3, 1.3), "square": (1, 0, 0, 1),
        "splay": (0.0, 0.015, 0, 0.2),
    "legs": (1, 0, 0, 1), "apron": (0.09, -0.25, 0, 0.2), "pedestal": (0, 0, 0, 1), "pedestal_radius": (0.05,
        -0.2, 0.02, 0.2),
    "base": (0.3, -0.12, 0.1, 0.7), "shelf": (0, 0, 0, 1), "shelf_height": (0.2, 0.04, 0.05, 0.5),
        "drawers": (0, 0, 0, 2),
    "trestle": (0, 0, 0, 1), "panels": (0, 0, 0, 1), "stretcher": (0, 0, 0, 1),
}  # fmt: skip
FAMILIES: dict[str, tuple[float, dict[str, float]]] = {
    "dining": (7, {}), "coffee": (6, dict(height=0.42, length=1.1, depth=0.6, shelf=0.0)),
    "coffee_shelf": (4, dict(height=0.45, length=1.1, depth=0.6, shelf=1, apron=0.05)),
    "round": (5, dict(round=1, length=1.1, depth=1.1, pedestal=1, legs=0, apron=0)),
    "round_legs": (4, dict(round=1, length=1.0, depth=1.0, inset=0.16, square=0, splay=0.06, apron=0.05)),
    "pedestal": (3, dict(pedestal=1, legs=0, apron=0, length=0.75, depth=0.75)),
    "bistro": (3, dict(round=1, pedestal=1, legs=0, apron=0, length=0.65, depth=0.65, height=1.0,
        pedestal_radius=0.035, base=0.24)),
    "side": (4, dict(length=0.5, depth=0.48, height=0.55, shelf=1, leg=0.022)),
    "desk": (5, dict(length=1.4, depth=0.68, drawers=1, panels=0, apron=0.1)),
    "desk_two": (3, dict(length=1.6, depth=0.75, drawers=2, legs=0, apron=0.1)),
    "panel_desk": (3, dict(length=1.3, depth=0.65, panels=1, legs=0, apron=0.2)),
    "trestle": (3, dict(trestle=1, legs=0, length=1.8, apron=0, stretcher=1)),
    "bench": (3, dict(length=1.4, depth=0.36, height=0.45, splay=0.03, top=0.045)),
    "glass": (2, dict(top=0.018, apron=0, leg=0.025, height=0.5)),
    "mid_century": (4, dict(square=0, splay=0.11, inset=0.12, leg=0.028, leg_foot=0.5, apron=0.06)),
}  # fmt: skip
SPACE = ParameterSpace(RANGES, FAMILIES, 0.2, (
    ("dining", "mid_century", "glass", "trestle"), ("coffee", "coffee_shelf", "side"), ("round", "bistro"),
        ("desk", "desk_two"),
))  # fmt: skip
_IN = np.array([0.0, 0.3, 0.0])


def build(p: Values) -> list[Piece]:
    """All pieces of a table."""
    under, middle = p.height - p.top, p.height - 0.5 * p.top
    square = Piece(
        "top",
        "top",
        box((0, middle, 0), (p.length, p.top, p.depth), 0.3 * p.top, axis="y", sides=11, rings=3),
    )
    r = 0.5 * p.length
    stations = [(under, 0.6 * r), (under, 0.97 * r), (under + 0.25 * p.top, r), (p.height - 0.25 * p.top, r),
        (p.height, 0.98 * r),
                (p.height, 0.8 * r), (p.height, 0.55 * r), (p.height, 0.25 * r)]  # fmt: skip
    disk = column(stations, 0.0, 0.0, sides=36)
    disk[..., 2] *= p.depth / p.length
    pieces = [square.only_if(p.round < 0.5, _IN), Piece("disk", "top", disk).only_if(p.round > 0.5, _IN)]
    shrink = 0.72 if p.round > 0.5 else 1.0
    x, z = shrink * (0.5 * p.length - p.inset), shrink * (0.5 * p.depth - p.inset)
    for name, sign in (("front", 1.0), ("rear", -1.0)):
        size = np.array([1.0, 1.0, 0.5 + 0.5 * p.leg_foot, p.leg_foot]) * p.leg
        y = np.array([under, 0.8 * under, 0.4 * under, 0.0])
        slope = p.splay * (1 - y / under)
        line = np.stack([x + slope, y, sign * (z + slope)], -1)
        turned = limb(line, size, rings=9, sides=8)
        level = np.linspace(0, 1, 9)
        centre = np.stack([np.interp(level, np.linspace(0, 1, 4), line[:, k]) for k in range(3)], -1)
        cut = np.interp(level, np.linspace(0, 1, 4), size)
        corner = np.array(
            [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)], dtype=np.float64
        )
        blunt = np.where(np.abs(corner).sum(1) > 1.5, 0.95, 1.0)[:, None] * corner
        squared = centre[:, None] + cut[:, None, None] * np.stack(
            [blunt[:, 0], 0 * blunt[:, 0], blunt[:, 1]], -1
        )
        leg = Piece(f"leg_{name}", "leg", squared if p.square > 0.5 else turned)
        pieces += pair(leg.only_if(p.legs > 0.5, _IN))
        board = box(
            (0, under - 0.5 * p.apron, sign * (z - 0.3 * p.leg)),
            (2 * x, max(p.apron, 0.01), 0.025),
            0.004,
            axis="x",
        )
        pieces.append(Piece(f"apron_{name}", "frame", board).only_if(p.apron > 0.015, _IN))
    board = box((x - 0.3 * p.leg, under - 0.5 * p.apron, 0), (0.025, max(p.apron, 0.01), 2 * z), 0.004)
    pieces += pair(Piece("apron_side", "frame", board).only_if(p.apron > 0.015, _IN))
    post = column([(0.0, p.base), (0.025, p.base), (0.05, 0.5 * p.base), (0.1, 1.3 * p.pedestal_radius),
        (0.4 * under, p.pedestal_radius),
                   (0.8 * under, p.pedestal_radius), (under - 0.03, 2.2 * p.pedestal_radius), (under,
                       2.4 * p.pedestal_radius)], 0, 0, sides=20)  # fmt: skip
    pieces.append(Piece("pedestal", "leg", post).only_if(p.pedestal > 0.5, _IN))
    shelf = box((0, p.shelf_height, 0), (2 * x + p.leg, 0.022, 2 * z + p.leg), 0.006, axis="y", sides=7)
    pieces.append(Piece("shelf", "top", shelf).only_if(p.shelf > 0.5, _IN))
    tall = 0.82 * under
    chest = box((x - 0.18, under - 0.5 * tall, 0), (0.38, tall, 2 * z), 0.01, axis="z", sides=7)
    left, right = pair(Piece("chest", "frame", chest))
    pieces += [left.only_if(p.drawers > 0.5, _IN), right.only_if(p.drawers > 1.5, _IN)]
    for index in range(3):
        height = under - tall * (index + 0.5) / 3
        front = box((x - 0.18, height, z + 0.008), (0.34, 0.28 * tall, 0.02), 0.006, axis="z", sides=5)
        knob = box((x - 0.18, height, z + 0.03), (0.1, 0.015, 0.03), 0.005, axis="x")
        for name, label, grid in (("drawer", "drawer", front), ("knob", "knob", knob)):
            left, right = pair(Piece(f"{name}{index}", label, grid))
            pieces += [left.only_if(p.drawers > 0.5, _IN), right.only_if(p.drawers > 1.5, _IN)]
    side = box((x, 0.5 * under, 0), (0.03, under, 2 * z), 0.006, axis="y")
    pieces += pair(Piece("panel", "frame", side).only_if(p.panels > 0.5, _IN))
    for index, sign in enumerate((1.0, -1.0)):
        line = np.array(
            [
                (0.78 * x, under, -0.6 * sign * z),
                (0.78 * x, 0.5 * under, 0.0),
                (0.78 * x, 0.0, 0.95 * sign * z),
            ]
        )
        beam = limb(line, np.full(3, 0.035), rings=6, sides=8, reference=(1.0, 0.0, 0.0))
        pieces += pair(Piece(f"trestle{index}", "leg", beam).only_if(p.trestle > 0.5, _IN))
    bar = box((0, 0.4 * under, 0), (1.6 * x, 0.05, 0.05), 0.01, axis="x")
    pieces.append(Piece("stretcher", "leg", bar).only_if(p.stretcher > 0.5, _IN))
    return pieces


def paint(brush: Brush, p: Values, family: str) -> None:
    """Wood, lacquer, glass or metal, part by part."""
    materials.frame(brush, np.ones(len(brush.points), dtype=bool), 0.75, direction=0)
    if brush.chance(0.4):
        materials.frame(brush, brush.of("leg", "frame"), 0.35)
    if family == "glass":
        brush.paint(brush.of("top"), brush.tint("sky"), 0.8)
        materials.metal(brush, brush.of("leg"))
    if brush.chance(0.3):
        materials.frame(brush, brush.of("drawer"), 0.5, direction=0)
    brush.paint(brush.of("knob"), brush.pick(("dark", "grey", "straw", "black")))
    brush.mottle(0.02, 0.02)


TABLE = Generator("table", SPACE, build, paint)
