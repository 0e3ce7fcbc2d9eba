"""Procedural ships and boats: sailing boats, liners, freighters, tankers, tugs, warships, galleons, rowing
boats.

The hull reaches from z = -1 (stern) to 1 (bow), the waterline is near y = 0. The proportions were written
down from looking
at ships; no scanned or fitted mesh went into them.
"""

from __future__ import annotations

import numpy as np

from unrender.synthesize.brush import VIVID, Brush
from unrender.synthesize.categories import materials
from unrender.synthesize.curves import pchip, smoothstep
from unrender.synthesize.generator import Generator
from unrender.synthesize.parameters import ParameterSpace, Range, Values
from unrender.synthesize.parts import Piece, box, column, limb, pair, plate

RANGES: dict[str, Range] = {
    "beam": (0.17, -0.1, 0.06, 0.6), "free": (0.13, -0.12, 0.04, 0.6), "draught": (0.08, -0.15, 0.02, 0.4),
    "sheer_bow": (0.07, 0.02, 0, 0.6), "sheer_stern": (0.02, 0.01, 0, 0.6), "rake": (0.1, 0.03, -0.05, 0.35),
    "stern": (0.7, 0.08, 0.02, 1.0), "bow": (0.45, 0.08, 0.15, 1.2), "vee": (0.35, 0.08, 0, 1), "hollow": (0,
        0, 0, 1),
    "deck1": (0.1, -0.15, 0, 0.5), "deck1_from": (-0.7, 0.05, -0.98, 0.9), "deck1_to": (0.3, 0.06, -0.8,
        0.95),
    "deck2": (0.08, -0.2, 0, 0.4), "deck2_from": (-0.55, 0.05, -0.98, 0.9), "deck2_to": (0.2, 0.06, -0.9,
        0.9),
    "deck3": (0.06, -0.2, 0, 0.4), "deck3_from": (0.0, 0.05, -0.98, 0.9), "deck3_to": (0.18, 0.04, -0.9, 0.9),
    "deck_width": (0.85, 0.05, 0.3, 1.0), "funnels": (1, 0, 0, 3), "funnel": (0.16, -0.12, 0.02, 0.4),
    "funnel_radius": (0.045, -0.12, 0.01, 0.12), "funnel_at": (-0.15, 0.08, -0.9, 0.5), "cargo": (0, -0.12, 0,
        0.4),
    "masts": (0, 0, 0, 3), "mast": (1.0, -0.1, 0.1, 2.2), "sails": (0, 0, 0, 1), "square": (0, 0, 0, 1),
    "turrets": (0, 0, 0, 1), "sprit": (0, -0.2, 0, 0.6), "crane": (0, 0, 0, 1), "dragon": (0, 0, 0, 1),
        "shields": (0, 0, 0, 1),
}  # fmt: skip
FAMILIES: dict[str, tuple[float, dict[str, float]]] = {
    "ferry": (4, {}),
    "liner": (5, dict(deck1=0.1, deck1_from=-0.85, deck1_to=0.6, deck2=0.09, deck2_from=-0.78, deck2_to=0.5,
        deck3=0.09,
        deck3_from=-0.7, deck3_to=0.42, funnels=2, free=0.16, beam=0.15)),
    "steamer": (3, dict(funnels=3, masts=2, mast=0.5, beam=0.12, deck3=0.05, deck3_from=0.1, deck3_to=0.25)),
    "container": (5, dict(cargo=0.2, deck1=0.3, deck1_from=-0.85, deck1_to=-0.65, deck2=0.06,
        deck2_from=-0.85, deck2_to=-0.68,
        deck3=0, funnel_at=-0.9, funnel=0.1, beam=0.16, free=0.14)),
    "tanker": (4, dict(deck1=0.2, deck1_from=-0.9, deck1_to=-0.7, deck2=0.06, deck2_from=-0.9, deck2_to=-0.72,
        deck3=0,
        funnel_at=-0.93, funnel=0.1, crane=1, beam=0.17)),
    "tug": (4, dict(beam=0.33, free=0.2, sheer_bow=0.18, sheer_stern=0.03, deck1=0.26, deck1_from=-0.2,
        deck1_to=0.35, deck2=0.2,
        deck2_from=0.02, deck2_to=0.32, deck3=0, funnel=0.22, funnel_radius=0.09, funnel_at=-0.3, masts=1,
            mast=0.8, stern=0.9,
        deck_width=0.65, draught=0.12)),
    "fishing": (4, dict(beam=0.3, free=0.2, sheer_bow=0.22, deck1=0.24, deck1_from=0.0, deck1_to=0.4,
        deck2=0.1, deck2_from=0.1,
        deck2_to=0.36, deck3=0, funnels=0, masts=2, mast=0.9, deck_width=0.65)),
    "warship": (4, dict(beam=0.11, turrets=1, deck1=0.09, deck1_from=-0.45, deck1_to=0.35, deck2=0.12,
        deck2_from=0.02, deck2_to=0.3,
        deck3=0.08, deck3_from=0.1, deck3_to=0.25, funnels=2, masts=1, mast=0.55, sheer_bow=0.09)),
    "sailboat": (7, dict(beam=0.26, free=0.13, draught=0.1, stern=0.55, deck1=0.06, deck1_from=-0.4,
        deck1_to=0.25, deck2=0, deck3=0,
        funnels=0, masts=1, mast=1.9, sails=1, deck_width=0.6, vee=0.6, rake=0.15)),
    "dinghy": (3, dict(beam=0.36, free=0.18, draught=0.06, stern=0.8, deck1=0, deck2=0, deck3=0, funnels=0,
        masts=1, mast=2.0, sails=1,
        hollow=1, rake=0.1)),
    "galleon": (5, dict(beam=0.24, free=0.24, draught=0.14, sheer_bow=0.12, sheer_stern=0.22, deck1=0.1,
        deck1_from=-0.95,
        deck1_to=-0.5, deck2=0.09, deck2_from=-0.96, deck2_to=-0.7, deck3=0.07, deck3_from=0.55, deck3_to=0.8,
            funnels=0, masts=3,
        mast=1.35, sails=1, square=1, sprit=0.4, deck_width=0.8)),
    "viking": (4, dict(beam=0.22, free=0.13, draught=0.06, sheer_bow=0.4, sheer_stern=0.36, stern=0.06,
        deck1=0, deck2=0, deck3=0,
        funnels=0, masts=1, mast=0.95, sails=1, square=1, hollow=1, dragon=1, shields=1, rake=0.12)),
    "rowing": (4, dict(beam=0.32, free=0.18, draught=0.06, sheer_bow=0.1, sheer_stern=0.05, stern=0.5,
        deck1=0, deck2=0, deck3=0,
        funnels=0, hollow=1)),
    "speedboat": (4, dict(beam=0.3, free=0.17, draught=0.07, stern=0.95, sheer_bow=0.05, deck1=0.1,
        deck1_from=-0.1, deck1_to=0.25,
        deck2=0, deck3=0, funnels=0, rake=0.3, vee=0.7, deck_width=0.75)),
    "yacht": (3, dict(beam=0.2, free=0.16, deck1=0.12, deck1_from=-0.7, deck1_to=0.4, deck2=0.1,
        deck2_from=-0.5, deck2_to=0.15, deck3=0.04,
        deck3_from=-0.4, deck3_to=-0.05, funnels=0, rake=0.22, masts=1, mast=0.5)),
    "lifeboat": (2, dict(beam=0.34, free=0.22, draught=0.1, stern=0.2, deck1=0.16, deck1_from=-0.7,
        deck1_to=0.7, deck2=0.08,
        deck2_from=-0.3, deck2_to=0.0, deck3=0, funnels=0, deck_width=0.8, sheer_stern=0.06)),
}  # fmt: skip
SPACE = ParameterSpace(RANGES, FAMILIES, 0.15, (
    ("ferry", "liner", "steamer"), ("container", "tanker"), ("tug", "fishing"), ("speedboat", "yacht"),
))  # fmt: skip
_IN = np.array([0.0, 0.02, 0.0])


def _held(piece: Piece, when: bool) -> Piece:
    return piece.only_if(when, _IN)


def _plan(p: Values, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of the beam and deck height at t (0 stern, 1 bow)."""
    wide = pchip(np.array([0, 0.08, 0.35, 1 - 0.55 * p.bow, 1 - 0.2 * p.bow, 0.97, 1.0]),
                 np.array([p.stern, 0.35 + 0.65 * p.stern, 1.0, 1.0, 0.72, 0.22, 0.03]), t)  # fmt: skip
    high = (
        p.free
        + p.sheer_bow * smoothstep(0.5, 1.0, t) ** 1.5
        + p.sheer_stern * (1 - smoothstep(0.0, 0.4, t)) ** 1.3
    )
    return wide, high


def _hull(p: Values) -> Piece:
    t = np.concatenate([np.linspace(0, 0.9, 36), np.linspace(0.9, 1, 9)[1:]])
    wide, high = _plan(p, t)
    inner = np.clip(wide - 0.14, 0.01, None) if p.hollow > 0.5 else 0.5 * wide
    floor = 0.35 * high - 0.3 * p.draught if p.hollow > 0.5 else high
    # Half a section from keel to the middle of the deck: (share of width, height between keel 0 and deck 1)
    down = -p.draught * np.minimum(1, 4 * (1 - t) + 0.35) * np.minimum(1, 3 * t + 0.5)
    flare = 1 - p.vee
    rows = [
        (0 * wide, down),
        (0.3 + 0.35 * flare, None),
        (0.62 + 0.3 * flare, None),
        (0.88 + 0.1 * flare, None),
    ]
    xs, ys = [0 * wide], [down]
    for k, (share, _) in enumerate(rows[1:]):
        xs.append(wide * share)
        ys.append(down + (high - down) * (0.08, 0.3, 0.6)[k])
    xs += [wide, wide, inner, inner, 0.5 * inner, 0 * wide]
    ys += [0.85 * high + 0.15 * down, high, high, floor, floor, floor]
    x, y = np.stack(xs, 1) * p.beam, np.stack(ys, 1)
    z = (
        -1
        + 2 * t[:, None]
        - p.rake * (1 - (y - down[:, None]) / (high - down)[:, None]) * smoothstep(0.6, 1.0, t)[:, None]
    )
    right = np.stack([x, y, z], -1)
    left = right[:, -2:0:-1] * np.array([-1.0, 1.0, 1.0])
    return Piece("hull", "hull", np.concatenate([right, left], 1))


def build(p: Values) -> list[Piece]:
    """All pieces of a ship."""
    pieces = [_hull(p)]
    level = p.free
    tops = []
    for index in (1, 2, 3):
        height, low, high = (getattr(p, f"deck{index}{end}") for end in ("", "_from", "_to"))
        share = min(
            float(_plan(p, np.array([0.5 * (low + 1)]))[0][0]),
            float(_plan(p, np.array([0.5 * (high + 1)]))[0][0]),
        )
        wide = 2 * p.beam * p.deck_width * max(share, 0.3) * (1 - 0.06 * (index - 1))
        base = level - 0.04
        if index == 3 and low > 0.4:
            base = p.free
        house = box((0, base + 0.5 * (height + 0.04), 0.5 * (low + high)), (wide, height + 0.04,
            max(high - low, 0.02)), 0.02,
                    axis="y", sides=13, rings=6)  # fmt: skip
        house[..., 2] -= 0.12 * (house[..., 1] - base) * (house[..., 2] > 0.5 * (low + high))
        pieces.append(_held(Piece(f"deck{index}", "house", house), height > 0.02 and high > low))
        if height > 0.02 and not (index == 3 and low > 0.4):
            level += height
        tops.append(level)
    for index in range(3):
        z = p.funnel_at + 0.26 * (index - 0.5 * (max(p.funnels, 1) - 1))
        foot = (
            tops[1] - 0.05
            if p.deck2_from < z < p.deck2_to
            else tops[0] - 0.05
            if p.deck1_from < z < p.deck1_to
            else p.free
        )
        top = foot + p.funnel + 0.05
        r = p.funnel_radius
        pipe = column([(foot, r), (foot + 0.3 * (top - foot), r), (foot + 0.6 * (top - foot), r),
            (foot + 0.85 * (top - foot), r),
                       (top, r), (top - 0.01, 0.8 * r)], 0.0, z, sides=12)  # fmt: skip
        pipe[..., 2] -= 0.15 * (pipe[..., 1] - foot)
        pieces.append(_held(Piece(f"funnel{index}", "funnel", pipe), index < round(p.funnels)))
    rows = np.linspace(-0.55, 0.7, 6)
    for index, z in enumerate(rows):
        share = float(_plan(p, np.array([0.5 * (z + 1.12)]))[0][0])
        tall = p.cargo * (1.0, 0.8, 1.1, 0.9, 1.05, 0.7)[index]
        load = box(
            (0, p.free + 0.5 * tall, z),
            (1.75 * p.beam * share, max(tall, 0.02), 0.21),
            0.008,
            axis="y",
            sides=9,
            rings=6,
        )
        pieces.append(_held(Piece(f"cargo{index}", "cargo", load), p.cargo > 0.02))
    pieces += _rig(p)
    for index, (z, sign) in enumerate(((0.52, 1), (0.72, 1), (-0.65, -1))):
        turret = box((0, p.free + 0.05 + 0.03 * (index == 0), z), (0.11, 0.08, 0.14), 0.02)
        gun = limb(np.array([(0, p.free + 0.07 + 0.03 * (index == 0), z), (0, p.free + 0.09, z + sign * 0.12),
            (0, p.free + 0.11, z + sign * 0.24)]),
                   np.full(3, 0.013), rings=4, sides=6, reference=(0.0, 1.0, 0.0))  # fmt: skip
        pieces += [
            _held(Piece(f"turret{index}", "house", turret), p.turrets > 0.5),
            _held(Piece(f"gun{index}", "mast", gun), p.turrets > 0.5),
        ]
    for index, z in enumerate((-0.35, 0.1, 0.5)):
        line = np.array([(0, p.free - 0.02, z), (0, p.free + 0.12, z), (0, p.free + 0.2, z + 0.14)])
        pieces.append(
            _held(
                Piece(
                    f"crane{index}",
                    "mast",
                    limb(line, np.full(3, 0.014), rings=5, sides=6, reference=(1.0, 0.0, 0.0)),
                ),
                p.crane > 0.5,
            )
        )
    for name, end, high in (("head", 1.0, p.sheer_bow), ("tail", -1.0, p.sheer_stern)):
        line = np.array([(0, p.free + high - 0.06, end * 0.96), (0, p.free + high + 0.12, end * 1.03), (0,
            p.free + high + 0.2, end * 0.98),
                         (0, p.free + high + 0.2, end * 1.08)])  # fmt: skip
        neck = limb(line, np.array([0.045, 0.032, 0.03, 0.018]), rings=9, sides=8, reference=(1.0, 0.0, 0.0))
        pieces.append(_held(Piece(f"dragon_{name}", "trim", neck), p.dragon > 0.5))
    for index in range(5):
        z = -0.5 + 0.25 * index
        share, high = (float(v[0]) for v in _plan(p, np.array([0.5 * (z + 1)])))
        shield = column([(0, 0.001), (0.0, 0.075), (0.02, 0.07), (0.035, 0.02)], 0.0, 0.0, sides=12)
        shield = np.stack(
            [shield[..., 1] + share * p.beam - 0.01, high - 0.02 + shield[..., 2], z + shield[..., 0]], -1
        )
        pieces += pair(_held(Piece(f"shield{index}", "shield", shield), p.shields > 0.5))
    return pieces


def _rig(p: Values) -> list[Piece]:
    pieces: list[Piece] = []
    count = round(p.masts)
    places = {0: (0.0, 0.3, -0.3), 1: (0.1, 0.5, -0.5), 2: (0.35, -0.4, 0.0), 3: (0.05, 0.52, -0.5)}[count]
    for index, (z, tall) in enumerate(zip(places, (1.0, 0.85, 0.72), strict=True)):
        there = index < count
        top = p.free + p.mast * tall
        line = np.array([(0, p.free - 0.05, z), (0, 0.5 * (p.free + top), z), (0, top, z)])
        pole = limb(line, np.array([0.02, 0.016, 0.008]), rings=6, sides=6, reference=(0.0, 0.0, 1.0))
        pieces.append(_held(Piece(f"mast{index}", "mast", pole), there))
        set_ = there and p.sails > 0.5
        for level in range(2):
            low, high = (0.16, 0.55) if level == 0 else (0.6, 0.92)
            half = (1.5 if level == 0 else 1.15) * p.beam * (0.9 + 0.3 * tall)
            x = np.array([half, 0.5 * half, 0.0, -0.5 * half, -half])
            bulge = 0.1 * (1 - (x / half) ** 2)
            y0, y1 = p.free + p.mast * tall * low, p.free + p.mast * tall * high
            upper = np.stack([0.88 * x, np.full(5, y1), z + 0.04 + 0.3 * bulge], -1)
            lower = np.stack([x, np.full(5, y0), z + 0.04 + bulge], -1)
            cloth = Piece(f"sail{index}{level}", "sail", plate(upper, lower, 0.01, rings=11, chord=5))
            yard = limb(
                upper[[0, 2, 4]] * np.array([1.05, 1, 1]),
                np.full(3, 0.011),
                rings=5,
                sides=6,
                reference=(0.0, 1.0, 0.0),
            )
            pieces += [
                _held(cloth, set_ and p.square > 0.5),
                _held(Piece(f"yard{index}{level}", "mast", yard), set_ and p.square > 0.5),
            ]
    z, top = places[0], p.free + p.mast
    fore = p.sails > 0.5 and p.square < 0.5 and count > 0
    s = np.linspace(0, 1, 5)
    for name, start, reach, low in (("main", z - 0.02, -0.72, 0.14), ("jib", z + 0.02, 0.92 - z, 0.06)):
        up = np.stack(
            [0.02 * np.sin(np.pi * s), p.free + low + (0.93 * p.mast - low) * s, np.full(5, start)], -1
        )
        out = up.copy()
        out[:, 2] += reach * (1 - s) ** 0.9
        out[:, 0] += 0.05 * (1 - s)
        if name == "jib":
            out[:, 1] -= 0.03
        pieces.append(_held(Piece(name, "sail", plate(up, out, 0.01, rings=14, chord=6)), fore))
    boom = np.array([(0, p.free + 0.12, z), (0.02, p.free + 0.12, z - 0.4), (0.04, p.free + 0.12, z - 0.75)])
    pieces.append(
        _held(
            Piece("boom", "mast", limb(boom, np.full(3, 0.013), rings=5, sides=6, reference=(0.0, 1.0, 0.0))),
            fore,
        )
    )
    sprit = np.array(
        [
            (0, p.free + p.sheer_bow - 0.05, 0.85),
            (0, p.free + p.sheer_bow + 0.1, 1 + 0.4 * p.sprit),
            (0, p.free + p.sheer_bow + 0.22, 1 + p.sprit),
        ]
    )
    pieces.append(
        _held(
            Piece(
                "sprit",
                "mast",
                limb(sprit, np.array([0.025, 0.02, 0.01]), rings=5, sides=6, reference=(0.0, 1.0, 0.0)),
            ),
            p.sprit > 0.02,
        )
    )
    return pieces


_WOODEN = ("galleon", "viking", "rowing", "dinghy")


def paint(brush: Brush, p: Values, family: str) -> None:
    """Hull over red or dark bottom, white houses with windows, funnels, sails."""
    rng, hull = brush.rng, brush.of("hull")
    everything = np.ones(len(brush.points), dtype=bool)
    grey = family == "warship"
    if family in _WOODEN and brush.chance(0.85):
        materials.wood(brush, everything, brush.any(("brown", "umber", "rust", "buff")), direction=2)
        brush.paint(brush.of("house"), "buff", 0.4)
    else:
        side = (
            brush.tint("grey")
            if grey
            else brush.pick(
                ("white", "white", "navy", "black", "red", "blue", "green", "slate", "bottle", "orange")
            )
        )
        brush.colour[:] = side
        brush.paint(
            brush.of("house"),
            brush.tint("grey") if grey else brush.tint(brush.any(("white", "white", "cream", "buff"))),
        )
    side_of_hull = hull & (brush.around < 0.32) | hull & (brush.around > 0.68)
    low = brush.points[hull][:, 1].min()
    tall = brush.points[hull][:, 1].max() - low
    height = (brush.points[:, 1] - low) / tall
    line = p.draught / (p.draught + p.free + max(p.sheer_bow, p.sheer_stern))
    if family not in ("viking", "rowing") or brush.chance(0.3):
        brush.paint(
            side_of_hull * (1 - smoothstep(line, line + 0.06, height)),
            brush.pick(("red", "rust", "dark", "bottle", "black")),
        )
    brush.paint(
        side_of_hull * brush.band(height, line + 0.05, line + 0.12, 0.02),
        brush.pick(("white", "yellow", "red")),
        float(brush.chance(0.4)),
    )
    deck = hull & (brush.normals[:, 1] > 0.7) & ~side_of_hull
    brush.paint(
        deck, brush.pick(("buff", "brown", "grey", "rust", "green")) if not grey else brush.tint("slate")
    )
    house = brush.of("house")
    flat = np.abs(brush.normals[:, 1]) < 0.5
    panes = np.sin(rng.uniform(60, 90) * (brush.points[:, 2] + brush.points[:, 0])) > -0.2
    brush.paint(
        house * flat * brush.band(brush.along, 0.4, 0.75, 0.04) * (panes | brush.chance(0.3)), "dark", 0.9
    )
    if family in ("liner", "ferry", "steamer") and brush.chance(0.7):
        brush.paint(
            side_of_hull * brush.band(height, 0.55, 0.68, 0.02) * (np.sin(80 * brush.points[:, 2]) > 0.2),
            "dark",
        )
    funnel = brush.of("funnel")
    brush.paint(funnel, brush.tint("grey") if grey else brush.pick(VIVID))
    brush.paint(
        funnel * brush.band(brush.along, 0.3, 0.65, 0.02),
        brush.pick(("white", "yellow", "red", "black")),
        float(brush.chance(0.5)),
    )
    brush.paint(funnel * (brush.along > 0.7), "black")
    for index in range(6):
        load = brush.named(f"cargo{index}")
        brush.paint(load, brush.pick(("red", "blue", "green", "orange", "rust", "grey", "teal", "white")))
        brush.paint(
            load & (np.sin(55 * brush.points[:, 0]) > 0.1),
            brush.pick(("blue", "rust", "grey", "orange", "green")),
        )
        brush.paint(load & (np.sin(70 * brush.points[:, 1]) > 0.75), "dark", 0.7)
    brush.paint(brush.of("mast"), brush.pick(("brown", "grey", "white", "umber", "buff")))
    sail = brush.of("sail")
    brush.paint(sail, brush.pick(("white", "cream", "white", "buff", "rust", "red", "blue")))
    stripes = np.sin(rng.uniform(16, 40) * brush.signed[:, 0 if p.square > 0.5 else 1]) > 0
    brush.paint(
        sail & stripes,
        brush.pick(("red", "blue", "white", "yellow")),
        float(brush.chance(0.7 if family == "viking" else 0.15)),
    )
    brush.paint(brush.of("shield"), brush.pick(("red", "yellow", "white", "blue")))
    brush.mottle(0.04, 0.03)


SHIP = Generator("ship", SPACE, build, paint)
