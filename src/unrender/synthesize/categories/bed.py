"""Procedural beds: single, double, bunk, four-poster, cot, divan. Lengths in metres; the head is at -Z, the
foot at +Z."""

from __future__ import annotations

import numpy as np

from unrender.synthesize.brush import Brush
from unrender.synthesize.categories import materials
from unrender.synthesize.curves import smoothstep
from unrender.synthesize.generator import Generator
from unrender.synthesize.parameters import ParameterSpace, Range, Values
from unrender.synthesize.parts import Piece, box, column, limb, pair

RANGES: dict[str, Range] = {
    "width": (1.5, -0.1, 0.6, 2.2), "length": (2.05, -0.04, 1.1, 2.4), "base": (0.34, -0.15, 0.12, 1.4),
        "frame": (0.2, -0.2, 0.05, 0.5),
    "mattress": (0.2, -0.15, 0.08, 0.4), "head": (0.55, -0.2, 0, 1.3), "head_thick": (0.07, -0.2, 0.02, 0.3),
        "head_arch": (0.0, 0.06, 0, 0.5),
    "foot": (0.1, -0.3, 0, 0.8), "slats": (0, 0, 0, 1), "legs": (1, 0, 0, 1), "post": (0.035, -0.15, 0.01,
        0.08), "post_up": (0.05, -0.4, 0, 1.7),
    "pillow": (0.13, -0.15, 0.04, 0.25), "cover": (0.62, 0.12, 0.2, 0.98), "cover_thick": (0.03, -0.3, 0.008,
        0.12), "bunk": (0, 0, 0, 1),
    "canopy": (0, 0, 0, 1), "rails": (0, 0, 0, 1), "single": (0, 0, 0, 1),
}  # fmt: skip
FAMILIES: dict[str, tuple[float, dict[str, float]]] = {
    "double": (6, {}), "single": (6, dict(width=0.95, single=1)), "king": (4, dict(width=1.9, head=0.7,
        head_thick=0.12)),
    "divan": (3, dict(legs=0, frame=0.3, foot=0, head=0.4)), "upholstered": (4, dict(head=0.75,
        head_thick=0.14, legs=0, frame=0.3, foot=0.0, head_arch=0.1)),
    "wooden": (5, dict(foot=0.32, head=0.65, post=0.045, post_up=0.12)), "slatted": (4, dict(slats=1,
        foot=0.3, head=0.6, post_up=0.06)),
    "sleigh": (2, dict(foot=0.5, head=0.8, head_arch=0.15, head_thick=0.12)),
    "bunk": (4, dict(width=0.98, single=1, bunk=1, post_up=1.3, foot=0.2, head=0.3, slats=1)),
    "four_poster": (3, dict(post_up=1.4, canopy=1, foot=0.3)), "cot": (3, dict(width=0.7, length=1.25,
        single=1, base=0.4, rails=1, foot=0.55, head=0.6, mattress=0.12, slats=1)),
    "low": (3, dict(base=0.18, frame=0.12, foot=0.02, head=0.4)), "loft": (1, dict(base=1.3, width=1.0,
        single=1, rails=1, head=0.35, foot=0.35)),
}  # fmt: skip
SPACE = ParameterSpace(
    RANGES,
    FAMILIES,
    0.2,
    (("double", "king", "upholstered", "wooden", "divan", "low"), ("single", "slatted")),
)
_IN = np.array([0.0, 0.25, 0.0])


def _board(p: Values, name: str, z: float, height: float, arch: float) -> list[Piece]:
    low, top = 0.7 * p.base, p.base + p.mattress + height
    there = height > 0.03
    panel = box(
        (0, 0.5 * (low + top), z),
        (p.width, top - low, p.head_thick),
        0.3 * p.head_thick,
        axis="x",
        sides=7,
        rings=13,
    )
    u = panel[..., 0] / (0.5 * p.width)
    panel[..., 1] += arch * (1 - u**2) * (panel[..., 1] - low) / (top - low)
    pieces = [Piece(f"{name}_panel", "board", panel).only_if(there and p.slats < 0.5, _IN)]
    rail = box((0, top - 0.04, z), (p.width, 0.08, 0.05), 0.012, axis="x", rings=6)
    pieces.append(Piece(f"{name}_rail", "board", rail).only_if(there and p.slats > 0.5, _IN))
    for index in range(4):
        x = 0.5 * p.width * (index + 0.5) / 4.2
        bar = limb(
            np.array([(x, low, z), (x, 0.5 * (low + top), z), (x, top - 0.03, z)]),
            np.full(3, 0.018),
            rings=4,
            sides=6,
        )
        pieces += pair(Piece(f"{name}_bar{index}", "board", bar).only_if(there and p.slats > 0.5, _IN))
    return pieces


def _bedding(p: Values, tag: str, level: float, there: bool) -> list[Piece]:
    w, top = p.width - 0.06, level + p.mattress
    mat = box(
        (0, level + 0.5 * p.mattress, 0),
        (w, p.mattress, p.length - 0.05),
        0.3 * p.mattress,
        axis="y",
        sides=9,
        rings=4,
    )
    size = p.cover * p.length
    cover = box((0, level + 0.55 * p.mattress + 0.5 * p.cover_thick, 0.5 * (p.length - size)), (w + 0.05,
        0.95 * p.mattress + p.cover_thick, size),
                0.35 * p.mattress, axis="y", sides=13, rings=4)  # fmt: skip
    pieces = [
        Piece(f"mattress{tag}", "mattress", mat).only_if(there, _IN),
        Piece(f"cover{tag}", "cover", cover).only_if(there, _IN),
    ]
    single = p.single > 0.5
    wide = 0.72 * w if single else 0.43 * w
    place = (0.0 if single else 0.25 * w, top + 0.3 * p.pillow, -0.5 * p.length + 0.3)
    left, right = pair(
        Piece(f"pillow{tag}", "pillow", box(place, (wide, p.pillow, 0.36), 0.4 * p.pillow, axis="y", sides=7))
    )
    return [*pieces, left.only_if(there, _IN), right.only_if(there and not single, _IN)]


def build(p: Values) -> list[Piece]:
    """All pieces of a bed."""
    bottom = max(p.base - p.frame, 0.02 if p.legs < 0.5 else 0.06)
    frame = box(
        (0, 0.5 * (bottom + p.base), 0),
        (p.width, p.base - bottom, p.length),
        0.02,
        axis="y",
        sides=7,
        rings=3,
    )
    z = 0.5 * p.length
    pieces = [
        Piece("frame", "frame", frame),
        *_board(p, "head", -z, p.head, p.head_arch),
        *_board(p, "foot", z, p.foot, 0.6 * p.head_arch),
    ]
    pieces += _bedding(p, "", p.base, True)
    upper, bunk = p.base + 1.0, p.bunk > 0.5
    pieces.append(
        Piece(
            "upper_frame",
            "frame",
            box((0, upper - 0.06, 0), (p.width, 0.13, p.length), 0.02, axis="y", sides=7),
        ).only_if(bunk, _IN)
    )
    pieces += _bedding(p, "_upper", upper, bunk)
    for name, sign, height in (("head", -1.0, p.head), ("foot", 1.0, p.foot)):
        top = p.base + p.mattress + height + p.post_up
        x = 0.5 * p.width - 0.4 * p.post
        post = column(
            [
                (0, p.post),
                (0.3 * top, p.post),
                (0.6 * top, p.post),
                (0.98 * top, p.post),
                (top, 0.6 * p.post),
            ],
            x,
            sign * z,
            sides=8,
            power=4,
        )
        pieces += pair(Piece(f"post_{name}", "frame", post).only_if(p.legs > 0.5, _IN))
    high = p.base + p.mattress + min(p.head, p.foot) + p.post_up
    roof = box((0, high, 0), (p.width + 0.05, 0.05, p.length + 0.05), 0.01, axis="y", sides=7)
    pieces.append(Piece("canopy", "canopy", roof).only_if(p.canopy > 0.5, _IN))
    level = (upper if bunk else p.base) + p.mattress + 0.25
    rail = box((0.5 * p.width, level, 0), (0.03, 0.05, p.length), 0.008, axis="z")
    pieces += pair(Piece("rail", "frame", rail).only_if(p.rails > 0.5 or bunk, _IN))
    for index in range(6):
        at = -z + p.length * (index + 0.5) / 6
        bar = limb(
            np.array(
                [
                    (0.5 * p.width, p.base, at),
                    (0.5 * p.width, 0.5 * (p.base + level), at),
                    (0.5 * p.width, level, at),
                ]
            ),
            np.full(3, 0.014),
            rings=3,
            sides=6,
        )
        pieces += pair(Piece(f"rail_bar{index}", "frame", bar).only_if(p.rails > 0.5, _IN))
    for index in range(4):
        y = p.base + 0.25 * index
        rung = limb(
            np.array([(0.5 * p.width + 0.06, y, 0.62 * z + dz) for dz in (-0.18, 0.0, 0.18)]),
            np.full(3, 0.016),
            rings=3,
            sides=6,
            reference=(0.0, 1.0, 0.0),
        )
        pieces.append(Piece(f"rung{index}", "frame", rung).only_if(bunk, _IN))
    return pieces


def paint(brush: Brush, p: Values, family: str) -> None:
    """Frame and boards of wood or cloth, white sheets, a coloured cover."""
    everything = np.ones(len(brush.points), dtype=bool)
    materials.frame(brush, everything, 0.75)
    if family in ("upholstered", "divan", "king"):
        materials.cloth(brush, brush.of("frame", "board"))
    brush.paint(brush.of("mattress"), brush.pick(("white", "cream", "white", "sky")))
    materials.cloth(brush, brush.of("cover", "canopy"))
    cover = brush.of("cover")
    if cover.any() and brush.chance(0.6):  # turned down at the head
        start = brush.points[cover][:, 2].min()
        brush.paint(cover * (1 - smoothstep(start + 0.07, start + 0.09, brush.points[:, 2])), "white")
    brush.paint(brush.of("pillow"), brush.pick(("white", "white", "cream", "sky", "pink", "grey")))
    brush.mottle(0.03, 0.03)


BED = Generator("bed", SPACE, build, paint)
