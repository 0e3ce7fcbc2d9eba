"""Procedural fish, sharks, rays, whales and dolphins: shape, swimming pose and colours.

The body reaches from z = -1 (root of the tail fin) to 1 (snout). The proportions were written down from
looking at fish;
no scanned or fitted mesh went into them.
"""

from __future__ import annotations

import numpy as np

from unrender.synthesize.brush import VIVID, Brush
from unrender.synthesize.curves import pchip, smoothstep
from unrender.synthesize.generator import Generator
from unrender.synthesize.parameters import ParameterSpace, Range, Values
from unrender.synthesize.parts import Piece, ball, body, limb, pair, plate

RANGES: dict[str, Range] = {
    "width": (0.17, -0.12, 0.04, 0.95), "height": (0.38, -0.12, 0.06, 1.2), "belly": (1.0, 0.07, 0.5, 1.5),
    "fullest": (0.3, 0.08, -0.3, 0.7), "snout": (0.25, 0.06, 0.03, 0.8), "snout_down": (0.0, 0.03, -0.2, 0.3),
    "stalk": (0.09, -0.12, 0.02, 0.3), "stalk_width": (0.04, -0.12, 0.01, 0.3), "tail": (0.42, -0.15, 0.05,
        1.1),
    "tail_height": (0.42, -0.15, 0.05, 1.2), "fork": (0.35, 0.12, -0.5, 0.9), "tail_flat": (0, 0, 0, 1),
    "dorsal": (0.2, -0.2, 0, 0.9), "dorsal_from": (-0.45, 0.08, -0.9, 0.6), "dorsal_to": (0.4, 0.07, -0.4,
        0.8),
    "dorsal_sharp": (0.3, 0.12, 0, 1), "anal": (0.15, -0.2, 0, 0.9), "anal_from": (-0.6, 0.06, -0.9, 0.2),
    "anal_to": (-0.1, 0.06, -0.5, 0.5), "pectoral": (0.3, -0.15, 0, 1.6), "pectoral_chord": (0.18, -0.12,
        0.03, 1.4),
    "pectoral_up": (-35, 8, -80, 40), "pectoral_back": (45, 8, 0, 75), "pectoral_at": (0.35, 0.05, -0.2, 0.7),
    "pelvic": (0.14, -0.2, 0, 0.5), "eye": (0.055, -0.12, 0.01, 0.15), "eye_at": (0.7, 0.03, 0.4, 0.95),
    "lure": (0, 0, 0, 1), "whiskers": (0, -0.2, 0, 0.5), "bend": (0, 0, -60, 60),
}  # fmt: skip
_SHARK: dict[str, float] = dict(
    width=0.18, height=0.19, fullest=0.25, snout=0.18, stalk=0.05, tail=0.4, tail_height=0.42, fork=0.7,
        dorsal=0.25,
    dorsal_from=0.0, dorsal_to=0.32, dorsal_sharp=1, anal=0.07, pectoral=0.45, pectoral_up=-18,
        pectoral_chord=0.2, eye=0.022,
    pelvic=0.1, eye_at=0.76,
)  # fmt: skip
_WHALE: dict[str, float] = dict(
    width=0.22, height=0.22, fullest=0.35, snout=0.4, stalk=0.06, stalk_width=0.05, tail=0.24,
        tail_height=0.34, fork=0.4,
    tail_flat=1, dorsal=0.16, dorsal_from=-0.2, dorsal_to=0.12, dorsal_sharp=0.9, anal=0, pectoral=0.35,
        pectoral_up=-28,
    pectoral_chord=0.17, pelvic=0, eye=0.02, eye_at=0.66,
)  # fmt: skip
FAMILIES: dict[str, tuple[float, dict[str, float]]] = {
    "perch": (5, {}), "carp": (4, dict(height=0.34, width=0.2, dorsal_from=-0.4, whiskers=0.08, fork=0.4)),
    "goldfish": (4, dict(height=0.45, width=0.3, tail=0.7, tail_height=0.6, fork=0.6, dorsal=0.3, eye=0.07)),
    "tuna": (4, dict(height=0.29, width=0.2, stalk=0.035, tail=0.3, tail_height=0.48, fork=0.8, dorsal=0.12,
        snout=0.15, eye=0.035)),
    "angelfish": (4, dict(height=0.68, width=0.12, dorsal=0.6, dorsal_from=-0.7, dorsal_to=0.1,
        dorsal_sharp=0.7, anal=0.6,
        anal_from=-0.75, anal_to=0.0, tail=0.4, snout=0.16, fork=0.1)),
    "tang": (4, dict(height=0.58, width=0.13, dorsal=0.17, dorsal_from=-0.85, dorsal_to=0.45, anal=0.16,
        anal_from=-0.85,
        anal_to=0.1, snout=0.16, stalk=0.06, snout_down=0.06)),
    "clownfish": (4, dict(height=0.4, width=0.2, tail=0.3, tail_height=0.32, fork=-0.35, dorsal=0.17,
        eye=0.06)),
    "betta": (2, dict(height=0.26, width=0.14, tail=0.85, tail_height=0.8, fork=-0.4, dorsal=0.5, anal=0.5,
        anal_from=-0.8, anal_to=0.3)),
    "puffer": (3, dict(height=0.66, width=0.6, tail=0.24, tail_height=0.2, dorsal=0.1, dorsal_from=-0.85,
        dorsal_to=-0.5, anal=0.1,
        pelvic=0, pectoral=0.26, snout=0.3, fork=-0.2, fullest=0.15, eye=0.1)),
    "sunfish": (2, dict(height=0.62, width=0.2, tail=0.14, tail_height=0.5, fork=-0.3, stalk=0.3, dorsal=0.55,
        dorsal_from=-0.85,
        dorsal_to=-0.4, dorsal_sharp=0.9, anal=0.55, anal_from=-0.85, anal_to=-0.4, pelvic=0)),
    "shark": (5, _SHARK), "dolphin": (4, {**_WHALE, "snout": 0.12, "snout_down": 0.05, "height": 0.2,
        "width": 0.18}),
    "whale": (4, {**_WHALE, "height": 0.3, "width": 0.32, "snout": 0.65, "dorsal": 0.05, "pectoral": 0.3}),
    "orca": (3, {**_WHALE, "dorsal": 0.34, "height": 0.26, "width": 0.24}),
    "ray": (3, dict(width=0.42, height=0.11, stalk=0.02, stalk_width=0.02, tail=0.9, tail_height=0.03, fork=0,
        dorsal=0, anal=0,
        pectoral=1.0, pectoral_chord=1.1, pectoral_up=4, pectoral_back=22, pectoral_at=0.25, pelvic=0,
            snout=0.3, eye=0.025)),
    "flatfish": (2, dict(height=0.55, width=0.07, dorsal=0.14, dorsal_from=-0.9, dorsal_to=0.7, anal=0.14,
        anal_from=-0.9, anal_to=0.45,
        fork=-0.2, tail_height=0.3)),
    "eel": (2, dict(height=0.1, width=0.08, stalk=0.05, stalk_width=0.02, tail=0.12, tail_height=0.08,
        fork=-0.3, dorsal=0.05,
        dorsal_from=-0.9, dorsal_to=0.5, anal=0.05, anal_from=-0.9, anal_to=0.1, pectoral=0.08,
            pectoral_chord=0.05, pelvic=0,
        eye=0.02, eye_at=0.86)),
    "catfish": (2, dict(height=0.24, width=0.26, fullest=0.5, snout=0.4, whiskers=0.35, dorsal_sharp=0.9,
        dorsal=0.22,
        dorsal_from=0.05, dorsal_to=0.3, eye=0.03)),
    "anglerfish": (2, dict(height=0.52, width=0.42, fullest=0.4, snout=0.55, lure=1, tail=0.3,
        tail_height=0.3, fork=-0.3,
        dorsal=0.12, eye=0.06, pectoral=0.2)),
    "lionfish": (2, dict(height=0.36, width=0.2, dorsal=0.6, dorsal_sharp=0.1, pectoral=0.75,
        pectoral_chord=0.5, anal=0.3,
        pelvic=0.4, pectoral_up=0)),
}  # fmt: skip
SPACE = ParameterSpace(RANGES, FAMILIES, 0.25, (
    ("perch", "carp", "tang", "clownfish", "goldfish", "angelfish"), ("whale", "dolphin", "orca"),
))  # fmt: skip


def _profile(p: Values, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half-width, upper and lower half-height at z."""
    f = p.fullest
    knots = np.array([-1.0, -0.78, 0.5 * (f - 0.9), f, 0.5 * (f + 0.92), 0.95, 0.99, 1.0])
    wide = np.array([p.stalk_width, 1.15 * p.stalk_width, 0.62 * p.width + 0.38 * p.stalk_width, p.width,
        0.9 * p.width,
                     0.45 * p.width * (0.6 + p.snout), 0.3 * p.width * (0.6 + p.snout),
                         0.08 * p.width])  # fmt: skip
    high = np.array([p.stalk, 1.15 * p.stalk, 0.6 * p.height + 0.4 * p.stalk, p.height,
        (0.72 + 0.2 * p.snout) * p.height,
                     0.8 * p.snout * p.height, 0.5 * p.snout * p.height,
                         0.1 * p.snout * p.height])  # fmt: skip
    low = high * np.where(np.abs(knots) < 0.96, p.belly, 1.0)
    return pchip(knots, wide, z), pchip(knots, high, z), pchip(knots, low, z)


def _fin(p: Values, low: float, high: float, rise: float, sharp: float, up: float) -> np.ndarray:
    s = np.linspace(0, 1, 8)
    z = high + (low - high) * s
    _, top, bottom = _profile(p, z)
    base = 0.8 * top if up > 0 else -0.8 * bottom
    crest = rise * np.where(
        s < 0.25,
        np.sin(0.5 * np.pi * s / 0.25),
        1 - (1 - 0.2) * (np.clip(s - 0.25, 0, None) / 0.75) ** (1.1 - 0.5 * sharp),
    )
    root = np.stack([np.zeros(8), base, z], -1)
    tip = root + np.stack([np.zeros(8), up * (crest + 0.2 * np.abs(base) + 0.003), -0.5 * sharp * crest], -1)
    return plate(tip, root, 0.012 + 0.05 * rise * sharp, rings=16, chord=5)


def build(p: Values) -> list[Piece]:
    """All pieces of a fish."""
    z = np.concatenate([np.linspace(-1, 0.9, 34), np.linspace(0.9, 1.0, 11)[1:]])
    wide, high, low = _profile(p, z)
    drop = -p.snout_down * smoothstep(0.3, 1.0, z)
    rows = np.stack([z, drop, wide, high, low], -1)
    pieces = [Piece("body", "body", body(rows.tolist(), 0.5 * (z + 1), 28))]
    v = np.linspace(-1, 1, 9)
    reach = (
        p.tail * (1 - p.fork * (1 - np.abs(v)) ** 1.2)
        if p.fork > 0
        else p.tail * (1 + p.fork * np.abs(v) ** 2.0)
    )
    spread = np.where(v < 0, 1.0, 0.8 if p.dorsal_sharp > 0.95 and p.tail_flat < 0.5 else 1.0) * v
    root = np.stack([np.zeros(9), p.stalk * 0.8 * v, np.full(9, -0.97)], -1)
    tip = np.stack([np.zeros(9), p.tail_height * spread, -1 - reach], -1)
    tail = plate(root, tip, 0.016, rings=21, chord=7)
    if p.tail_flat > 0.5:
        tail = tail[..., [1, 0, 2]] * np.array([-1.0, 1.0, 1.0])
    pieces.append(Piece("tail", "fin", tail))
    inside = np.array([0.0, 0.0, 0.1])
    pieces.append(
        _held(
            Piece("dorsal", "fin", _fin(p, p.dorsal_from, p.dorsal_to, p.dorsal, p.dorsal_sharp, 1.0)),
            p.dorsal,
            inside,
        )
    )
    pieces.append(
        _held(Piece("anal", "fin", _fin(p, p.anal_from, p.anal_to, p.anal, 0.5, -1.0)), p.anal, inside)
    )
    pieces += pair(_held(Piece("pectoral", "fin", _side_fin(p, p.pectoral_at, -0.25, p.pectoral,
        p.pectoral_chord, p.pectoral_up)),
                         p.pectoral, inside))  # fmt: skip
    pieces += pair(
        _held(Piece("pelvic", "fin", _side_fin(p, 0.1, -0.8, p.pelvic, 0.12, -65)), p.pelvic, inside)
    )
    w, h, _ = _profile(p, np.array([p.eye_at]))
    place = np.array([0.86 * w[0], 0.3 * h[0] - p.snout_down * 0.5, p.eye_at])
    axes = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    pieces += pair(Piece("eye", "eye", ball(place, np.array([p.eye, p.eye, 0.6 * p.eye]), axes)))
    lure = np.array(
        [
            (0, 0.8 * p.height, 0.55),
            (0, p.height + 0.3, 0.75),
            (0, p.height + 0.32, 1.05),
            (0, p.height + 0.15, 1.15),
        ]
    )
    pieces.append(_held(Piece("lure", "lure", limb(lure, np.array([0.02, 0.014, 0.014, 0.05]), rings=8,
        sides=6,
                                                  reference=(1.0, 0.0, 0.0))), p.lure, inside))  # fmt: skip
    w1 = _profile(p, np.array([0.94]))[0][0]
    hair = np.array(
        [
            (0.7 * w1, -0.08 - p.snout_down, 0.94),
            (w1 + 0.5 * p.whiskers, -0.15, 0.98),
            (w1 + p.whiskers, -0.25, 0.8),
        ]
    )
    pieces += pair(_held(Piece("whisker", "fin", limb(hair, np.array([0.016, 0.012, 0.005]), rings=6, sides=6,
                                                     reference=(0.0, 1.0, 0.0))), p.whiskers,
                                                         inside))  # fmt: skip
    return [piece.mapped(lambda q: _bent(q, p.bend)) for piece in pieces]


def _held(piece: Piece, size: float, point: np.ndarray) -> Piece:
    return piece.only_if(size > 0.012, point)


def _side_fin(p: Values, at: float, level: float, length: float, chord: float, up: float) -> np.ndarray:
    w, h, low = _profile(p, np.array([at]))
    root = np.array(
        [0.75 * w[0] * np.sqrt(max(1 - level**2, 0.1)), level * (h[0] if level > 0 else low[0]), at]
    )
    a, b = np.radians(up), np.radians(p.pectoral_back)
    out = np.array([np.cos(a) * np.cos(b), np.sin(a), -np.cos(a) * np.sin(b)])
    s = np.array([0.0, 0.3, 0.7, 1.0])
    width = (
        chord * np.array([0.75, 1.0, 0.62, 0.1]) if length < 0.6 else chord * np.array([1.0, 0.8, 0.4, 0.05])
    )
    line = root + s[:, None] * length * out
    ahead = np.array([0.0, 0.0, 0.45])
    return plate(line + width[:, None] * ahead, line - width[:, None] * (np.array([0, 0, 1.0]) - ahead),
                 np.array([0.02, 0.016, 0.01, 0.004]) * (1 + 1.5 * chord), rings=10, chord=5)  # fmt: skip


def _bent(points: np.ndarray, degrees: float) -> np.ndarray:
    """The back half swung sideways, more towards the tail."""
    behind = np.clip(0.3 - points[..., 2], 0, None)
    x = points[..., 0] + np.radians(degrees) * 0.35 * behind**2
    return np.stack([x, points[..., 1], points[..., 2]], -1)


def pose(p: Values, family: str, rng: np.random.Generator) -> Values:
    """Swimming: the tail to one side."""
    normal = rng.standard_normal(2)
    return p.with_(
        bend=float(np.clip(18 * normal[0], -45, 45)) if p.tail_flat < 0.5 else 0.0,
        pectoral_up=p.pectoral_up + 8 * float(normal[1]),
    )


_COUNTER = ("shark", "tuna", "dolphin", "whale", "ray", "catfish", "eel", "flatfish")


def paint(brush: Brush, p: Values, family: str) -> None:
    """Countershading, stripes, bands, spots."""
    rng, flesh, fins = brush.rng, brush.of("body"), brush.of("fin")
    y = np.sin(2 * np.pi * brush.around) * flesh
    z = np.where(flesh, 2 * brush.along - 1, brush.points[:, 2])
    grey = family in _COUNTER or family == "orca"
    base = (
        brush.pick(("slate", "grey", "dark", "navy", "olive", "brown", "sky"))
        if grey and brush.chance(0.85)
        else brush.pick(VIVID)
    )
    brush.colour[:] = base
    if family == "orca":
        base = brush.tint("black")
        brush.colour[:] = base
    belly = (
        brush.tint("white")
        if grey or brush.chance(0.4)
        else brush.pick(("cream", "yellow", "straw", "pink", "grey"))
    )
    edge = rng.uniform(-0.5, 0.1)
    brush.paint((1 - smoothstep(edge - 0.2, edge + 0.2, y + 0.15 * brush.noise(1.0))) * flesh, belly, 0.95)
    mark, kind = brush.pick(("white", "black", "yellow", "navy", "orange", "dark", "blue")), rng.random()
    if family == "clownfish" and brush.chance(0.8):
        brush.colour[:] = brush.tint("orange")
        for at in (0.6, 0.1, -0.6):
            brush.paint(brush.band(z + 0.05 * brush.noise(1.0), at - 0.1, at + 0.1, 0.03) * flesh, "white")
    elif family == "orca":
        brush.paint(brush.band(z, 0.42, 0.62, 0.03) * brush.band(y, 0.2, 0.6, 0.1), "white")
    elif grey:
        brush.paint(smoothstep(0.6, 1.2, brush.noise(4.0)) * flesh * (y > 0), 0.5 * base, 0.5)
    elif kind < 0.35:
        bars = np.sin(rng.uniform(6, 16) * z + 0.5 * brush.noise(1.0))
        brush.paint(smoothstep(0.2, 0.5, bars) * flesh, mark)
    elif kind < 0.5:
        brush.paint(smoothstep(0.2, 0.6, np.sin(rng.uniform(8, 14) * y)) * flesh, mark, 0.8)
    elif kind < 0.7:
        near, _ = brush.cells(rng.uniform(0.1, 0.2))
        brush.paint((1 - smoothstep(0.28, 0.4, near)) * flesh, mark, 0.8)
    elif kind < 0.85:
        brush.paint(smoothstep(0.1, 0.4, brush.noise(1.0)) * flesh, mark)
    tint = base if grey or brush.chance(0.4) else brush.pick(VIVID)
    brush.paint(fins, tint, 0.9)
    brush.paint(fins * (0.5 + 0.5 * np.sin(60 * brush.along)), 0.6 * tint, 0.35)
    if family == "lionfish":
        brush.paint((np.sin(26 * z) > 0) & ~brush.of("eye"), "white")
    scales = np.sin(90 * z + 4) * np.sin(14 * np.pi * brush.around)
    brush.colour *= np.exp(0.1 * scales * flesh * (not grey))[:, None]
    brush.paint(flesh * brush.band(z, 0.96, 0.99, 0.01) * (y < -0.1), 0.3 * base, 0.6)
    brush.mottle(0.05, 0.05)
    eye = brush.of("eye")
    brush.paint(eye, brush.tint(brush.any(("white", "yellow", "straw", "black"))))
    brush.paint(eye * (brush.along > 0.7), np.full(3, 0.01))
    brush.paint(brush.of("lure"), "yellow", 0.7)


FISH = Generator("fish", SPACE, build, paint, pose, lumps=0.01)
