"""Procedural chairs: kitchen, ladder-back, Windsor, office, armchair, stool, garden; one topology for all.

The seat is about 1 wide, the floor at y = 0, the sitter looks towards +Z.
"""

from __future__ import annotations

import numpy as np

from unrender.synthesize.brush import Brush
from unrender.synthesize.categories import materials
from unrender.synthesize.generator import Generator
from unrender.synthesize.parameters import ParameterSpace, Range, Values
from unrender.synthesize.parts import Piece, box, column, disc, limb, pair, prism

RANGES: dict[str, Range] = {
    "seat_width": (1.0, -0.05, 0.6, 1.6), "seat_depth": (0.95, -0.05, 0.5, 1.6), "seat_height": (0.98, -0.05,
        0.3, 1.8),
    "seat_thick": (0.08, -0.2, 0.03, 0.9), "seat_taper": (0.92, 0.04, 0.7, 1.0), "back_height": (1.0, -0.1,
        0.0, 1.9),
    "back_tilt": (9, 3, -2, 35), "back_width": (0.95, 0.03, 0.5, 1.1), "back_thick": (0.05, -0.15, 0.02, 0.5),
    "back_low": (0.1, 0.05, 0, 0.7), "panel": (1, 0, 0, 1), "spindles": (0, 0, 0, 1), "slats": (0, 0, 0, 1),
    "posts": (1, 0, 0, 1), "rail": (0.1, -0.2, 0.0, 0.35), "arch": (0.03, 0.03, 0, 0.5), "leg": (0.042, -0.12,
        0.012, 0.1),
    "leg_taper": (0.8, 0.08, 0.3, 1.2), "splay": (0.04, 0.02, 0, 0.25), "stretcher": (0, 0, 0, 1),
    "arms": (0, 0, 0, 1), "arm_height": (0.42, -0.08, 0.2, 0.7), "arm_thick": (0.06, -0.15, 0.03, 0.35),
    "arm_solid": (0, 0, 0, 1), "cushion": (0, 0, 0, 0.3), "pedestal": (0, 0, 0, 1), "casters": (0, 0, 0, 1),
    "bucket": (0, 0, 0, 0.4), "rockers": (0, 0, 0, 1),
}  # fmt: skip
_WINDSOR: dict[str, float] = dict(
    panel=0, spindles=1, posts=1, rail=0.1, arch=0.06, splay=0.13, leg=0.036, stretcher=1, back_height=1.15,
        back_tilt=13,
    leg_taper=0.75, seat_thick=0.08,
)  # fmt: skip
FAMILIES: dict[str, tuple[float, dict[str, float]]] = {
    "kitchen": (6, {}),
    "ladder": (6, dict(panel=0, slats=1, stretcher=1, back_height=1.2, leg=0.04, rail=0.12)),
    "windsor": (9, _WINDSOR),
    "windsor_bow": (6, {**_WINDSOR, "rail": 0.045, "arch": 0.32, "back_height": 1.0}),
    "windsor_arm": (6, {**_WINDSOR, "arms": 1, "arm_thick": 0.05, "back_height": 1.3, "arch": 0.2,
        "rail": 0.07}),
    "rocking": (4, {**_WINDSOR, "arms": 1, "arm_thick": 0.05, "rockers": 1, "back_height": 1.35,
        "seat_height": 0.85}),
    "upholstered": (5, dict(cushion=0.12, back_thick=0.11, back_low=0.06, posts=0, rail=0, back_height=0.95,
        splay=0.05)),
    "office": (5, dict(pedestal=1, casters=1, cushion=0.1, posts=0, rail=0, back_low=0.25, back_height=1.05,
        back_thick=0.1,
        arms=1, arm_thick=0.06, seat_height=0.92)),
    "armchair": (5, dict(seat_width=1.35, seat_depth=1.25, seat_height=0.55, seat_thick=0.42, cushion=0.2,
        back_thick=0.3,
        back_height=0.85, back_low=0, posts=0, rail=0, arms=1, arm_solid=1, arm_thick=0.25, arm_height=0.38,
            leg=0.05,
        back_tilt=12, seat_taper=1.0)),
    "wing_chair": (2, dict(seat_width=1.15, seat_depth=1.05, seat_height=0.6, seat_thick=0.3, cushion=0.18,
        back_thick=0.2,
        back_height=1.3, back_low=0, posts=0, rail=0, arms=1, arm_solid=1, arm_thick=0.17, arm_height=0.42,
            leg=0.045,
        seat_taper=1.0, bucket=0.15)),
    "shell": (4, dict(posts=0, rail=0, bucket=0.22, back_low=0, back_height=0.75, leg=0.028, splay=0.14,
        seat_thick=0.06,
        back_thick=0.045, back_tilt=16)),
    "shell_arm": (2, dict(posts=0, rail=0, bucket=0.3, back_low=0, back_height=0.72, leg=0.028, splay=0.12,
        arms=1,
        arm_thick=0.05, arm_height=0.38, back_tilt=14)),
    "tube": (4, dict(leg=0.024, leg_taper=1.0, cushion=0.07, back_low=0.35, posts=1, rail=0, seat_thick=0.04,
        back_height=0.95)),
    "garden": (3, dict(panel=0, spindles=1, arms=1, rail=0.08, back_tilt=16, leg=0.045, splay=0.02,
        arm_thick=0.07)),
    "dining_tall": (4, dict(back_height=1.45, back_tilt=7, back_low=0.05, leg_taper=0.6)),
    "bar_stool": (3, dict(seat_height=1.55, back_height=0.35, back_low=0.1, stretcher=1, seat_width=0.8,
        seat_depth=0.75,
        splay=0.08)),
    "stool": (3, dict(back_height=0.0, posts=0, rail=0, panel=0, splay=0.1, seat_width=0.8, seat_depth=0.75,
        stretcher=1)),
    "director": (2, dict(panel=1, back_low=0.6, back_thick=0.025, arms=1, arm_thick=0.06, posts=1, rail=0,
        stretcher=1,
        seat_thick=0.04)),
}  # fmt: skip
SPACE = ParameterSpace(RANGES, FAMILIES, 0.2, (
    ("kitchen", "dining_tall", "tube"), ("windsor", "windsor_bow", "windsor_arm"), ("armchair", "wing_chair"),
))  # fmt: skip
_OUT = np.array([0.0, 0.6, 0.0])


def _shown(piece: Piece, when: bool) -> Piece:
    return piece.only_if(when, _OUT)


def _back_point(p: Values, share: float, across: float) -> np.ndarray:
    """On the middle surface of the back: `share` of its height, `across` -1 to 1 of its width."""
    tilt = np.tan(np.radians(p.back_tilt)) * p.back_height * share
    curve = (p.bucket + 0.08) * across**2 * 0.5 * p.seat_width
    drop = p.arch * across**2 * p.back_height * share
    rear = -0.5 * p.seat_depth + 0.06 + 0.5 * p.back_thick
    return np.array([0.5 * p.seat_width * p.back_width * across * (1 + 0.06 * share),
        p.seat_height + p.back_height * share - drop,
                     rear - tilt + curve])  # fmt: skip


def _back(p: Values) -> list[Piece]:
    there = p.back_height > 0.05
    low, high = p.back_low, 1 - 0.3 * p.rail / max(p.back_height, 0.1)
    share = np.linspace(low, high, 8)
    middle = np.array([_back_point(p, s, 0.0) for s in share])
    half = np.stack([np.full(8, 0.5 * p.back_thick), np.full(8, 0.5 * p.seat_width * p.back_width)], -1)
    grid = prism(middle, half, 0.3 * min(p.back_thick, 0.12) + 0.005, axis="y", sides=9, rings=2)
    across = np.clip(grid[..., 0] / (0.5 * p.seat_width * p.back_width), -1, 1)
    level = np.clip((grid[..., 1] - p.seat_height) / max(p.back_height, 0.05), 0, 1.2)
    grid[..., 2] += (p.bucket + 0.08) * across**2 * 0.5 * p.seat_width
    grid[..., 1] -= p.arch * across**2 * p.back_height * level
    pieces = [_shown(Piece("panel", "back", grid), there and p.panel > 0.5)]
    post = np.array([_back_point(p, s, 0.97) for s in (-0.05, 0.5, 1.0)])
    pieces += pair(
        _shown(
            Piece("post", "frame", limb(post, np.full(3, 0.95 * p.leg), rings=7, sides=8)),
            there and p.posts > 0.5,
        )
    )
    rail = np.array(
        [_back_point(p, 1 - 0.4 * p.rail / max(p.back_height, 0.1), a) for a in np.linspace(0.98, -0.98, 9)]
    )
    size = np.stack([np.full(9, 0.5 * p.rail + 0.01), np.full(9, 0.45 * p.leg + 0.012)], -1)
    pieces.append(
        _shown(Piece("rail", "rail", limb(rail, size, rings=17, sides=10)), there and p.rail > 0.01)
    )
    for index, s in enumerate((0.32, 0.55, 0.78)):
        slat = np.array([_back_point(p, s, a) for a in np.linspace(0.95, -0.95, 5)])
        size = np.stack([np.full(5, 0.055), np.full(5, 0.018)], -1)
        pieces.append(
            _shown(Piece(f"slat{index}", "rail", limb(slat, size, rings=9, sides=8)), there and p.slats > 0.5)
        )
    for index, a in enumerate((0.0, 0.22, 0.44, 0.66)):
        top = 1 - 0.5 * p.rail / max(p.back_height, 0.1)
        line = np.array([_back_point(p, s, a * (0.9 + 0.1 * s)) for s in (-0.04, 0.4, top)])
        spindle = _shown(Piece(f"spindle{index}", "spindle", limb(line, np.array([0.016, 0.022, 0.014]),
            rings=6, sides=6)),
                         there and p.spindles > 0.5)  # fmt: skip
        pieces += pair(spindle) if a > 0 else [spindle]
    return pieces


def _seat(p: Values) -> list[Piece]:
    low = p.seat_height - p.seat_thick
    rear, front = -0.5 * p.seat_depth, 0.5 * p.seat_depth
    stations = np.array([(0, low + 0.5 * p.seat_thick, z) for z in (rear, 0.0, front)])
    halves = np.array([(0.5 * p.seat_width * p.seat_taper, 0.5 * p.seat_thick),
        (0.5 * p.seat_width * (1 + p.seat_taper) / 2, 0.5 * p.seat_thick),
                       (0.5 * p.seat_width, 0.5 * p.seat_thick)])  # fmt: skip
    grid = prism(stations, halves, 0.35 * min(p.seat_thick, 0.15), sides=9, rings=5)
    side = np.abs(grid[..., 0]) / (0.5 * p.seat_width)
    grid[..., 1] += p.bucket * np.clip(side - 0.35, 0, 1) ** 2 * p.seat_width
    inset = 2 * p.arm_thick if p.arm_solid > 0.5 else 0.06
    cushion = box((0, p.seat_height + 0.5 * p.cushion - 0.02, 0.5 * p.back_thick + 0.03),
                  (p.seat_width * 0.98 - inset, max(p.cushion, 0.02) + 0.04,
                      p.seat_depth - p.back_thick - 0.02),
                  0.4 * p.cushion + 0.01, axis="z", sides=7, rings=7)  # fmt: skip
    return [Piece("seat", "seat", grid), _shown(Piece("cushion", "cushion", cushion), p.cushion > 0.02)]


def _legs(p: Values) -> list[Piece]:
    pieces: list[Piece] = []
    top = p.seat_height - 0.6 * p.seat_thick
    floor = 0.06 if p.rockers > 0.5 else 0.0
    feet = {}
    for name, z, wide in (("front", 1.0, 1.0), ("rear", -1.0, p.seat_taper)):
        head = np.array(
            [0.5 * p.seat_width * wide - 1.6 * p.leg, top, z * (0.5 * p.seat_depth - 1.6 * p.leg)]
        )
        foot = head + np.array([p.splay, 0.0, z * p.splay]) * p.seat_height
        foot[1] = floor
        feet[name] = (head, foot)
        size = p.leg * np.array([1.0, 0.5 + 0.5 * p.leg_taper, p.leg_taper])
        leg = limb(np.stack([head, 0.5 * (head + foot), foot]), size, rings=8, sides=8)
        pieces += pair(_shown(Piece(f"leg_{name}", "leg", leg), p.pedestal < 0.5))
    (front_top, front), (rear_top, rear) = feet["front"], feet["rear"]
    a, b = front_top + 0.6 * (front - front_top), rear_top + 0.6 * (rear - rear_top)
    bar = limb(
        np.stack([a, 0.5 * (a + b), b]), np.full(3, 0.55 * p.leg), rings=4, sides=6, reference=(0.0, 1.0, 0.0)
    )
    pieces += pair(_shown(Piece("stretcher", "leg", bar), p.stretcher > 0.5))
    middle = 0.5 * (a + b)
    line = middle * np.array([[1.0, 1, 1], [0.0, 1, 1], [-1.0, 1, 1]])
    cross = limb(line, np.full(3, 0.55 * p.leg), rings=5, sides=6, reference=(0.0, 1.0, 0.0))
    pieces.append(_shown(Piece("cross", "leg", cross), p.stretcher > 0.5))
    place = np.linspace(-0.75, 0.72, 7)
    rocker = np.stack([np.full(7, front[0]), 0.03 + 0.22 * place**2, place * p.seat_depth], -1)
    rail = limb(rocker, np.full(7, 0.035), rings=11, sides=6, reference=(0.0, 1.0, 0.0))
    return [*pieces, *pair(_shown(Piece("rocker", "leg", rail), p.rockers > 0.5))]


def _arms(p: Values) -> list[Piece]:
    x = 0.5 * p.seat_width - (0.5 * p.arm_thick if p.arm_solid > 0.5 else -0.2 * p.arm_thick)
    y = p.seat_height + p.arm_height
    rear, front = -0.5 * p.seat_depth + 0.02, 0.5 * p.seat_depth * (0.98 if p.arm_solid > 0.5 else 0.75)
    thick = p.arm_thick if p.arm_solid > 0.5 else 0.06
    bar = box(
        (x, y - 0.5 * thick, 0.5 * (rear + front)),
        (p.arm_thick, thick, front - rear),
        0.3 * thick,
        sides=5,
        rings=5,
    )
    low = p.seat_height - p.seat_thick if p.arm_solid > 0.5 else p.seat_height
    wall = box(
        (x, 0.5 * (low + y), 0.5 * (rear + front)),
        (p.arm_thick, y - low - 0.02, front - rear - 0.01),
        0.05,
        sides=6,
        rings=5,
    )
    post = limb(np.array([(x * 0.97, p.seat_height - 0.04, front - 0.1), (x, 0.5 * (p.seat_height + y),
        front - 0.08), (x, y - 0.02, front - 0.1)]),
                np.full(3, 0.03), rings=5, sides=6)  # fmt: skip
    arms = p.arms > 0.5
    return [
        *pair(_shown(Piece("arm", "arm", bar), arms)), *pair(_shown(Piece("arm_wall", "cushion", wall),
            arms and p.arm_solid > 0.5)),
        *pair(_shown(Piece("arm_post", "frame", post), arms and p.arm_solid < 0.5)),
    ]  # fmt: skip


def _pedestal(p: Values) -> list[Piece]:
    there = p.pedestal > 0.5
    top = p.seat_height - 0.5 * p.seat_thick
    post = column(
        [(0.14, 0.06), (0.3, 0.06), (0.31, 0.035), (top - 0.06, 0.035), (top - 0.05, 0.15), (top, 0.15)],
        0.0,
        0.0,
    )
    pieces = [_shown(Piece("column", "metal", post), there)]
    for index, angle in enumerate((0.0, 72.0, 144.0)):
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        line = np.array([(0.02 * s, 0.2, 0.02 * c), (0.28 * s, 0.16, 0.28 * c), (0.55 * s, 0.1, 0.55 * c)])
        ray = Piece(
            f"ray{index}",
            "metal",
            limb(line, np.array([0.04, 0.033, 0.026]), rings=5, sides=6, reference=(0.0, 1.0, 0.0)),
        )
        wheel = Piece(f"caster{index}", "wheel", disc((0.55 * s, 0.05, 0.55 * c), 0.05, 0.05, sides=8))
        for piece, shown in ((ray, there), (wheel, there and p.casters > 0.5)):
            pieces += pair(_shown(piece, shown)) if angle > 0 else [_shown(piece, shown)]
    return pieces


def build(p: Values) -> list[Piece]:
    """All pieces of a chair."""
    return [*_seat(p), *_back(p), *_legs(p), *_arms(p), *_pedestal(p)]


def paint(brush: Brush, p: Values, family: str) -> None:
    """Wood, cloth, plastic or metal, part by part."""
    everything = np.ones(len(brush.points), dtype=bool)
    wooden = 0.9 if "windsor" in family or family in ("ladder", "rocking", "kitchen") else 0.6
    materials.frame(brush, everything, 0.1 if family in ("tube", "office", "director") else wooden)
    if family in ("tube", "office", "shell", "shell_arm"):
        materials.metal(brush, brush.of("leg", "metal", "frame"))
    seat = brush.of("seat", "back")
    if family in ("shell", "shell_arm", "tube", "office") or brush.chance(0.15):
        materials.lacquer(brush, seat)
    soft = brush.of("cushion")
    if family in ("upholstered", "office", "armchair", "wing_chair", "tube", "director"):
        soft = (
            brush.of("cushion", "back", "seat", "arm") if p.arm_solid > 0.5 else brush.of("cushion", "back")
        )
    materials.cloth(brush, soft)
    brush.paint(brush.of("wheel"), "black")
    brush.mottle(0.03, 0.02)


CHAIR = Generator("chair", SPACE, build, paint)
