"""Procedural lamps: table, floor, desk, tripod, pendant, lantern, street. Metres, the foot (or the rose) at
y = 0."""

from __future__ import annotations

import numpy as np

from unrender.synthesize.brush import Brush
from unrender.synthesize.categories import materials
from unrender.synthesize.generator import Generator
from unrender.synthesize.parameters import ParameterSpace, Range, Values
from unrender.synthesize.parts import Piece, ball, column, limb
from unrender.synthesize.parts.loft import loft, section

RANGES: dict[str, Range] = {
    "base": (0.1, -0.15, 0.0, 0.35), "base_height": (0.025, -0.3, 0.005, 0.3), "pole": (0.012, -0.25, 0.004,
        0.06),
    "height": (0.42, -0.12, 0.1, 3.5), "vase": (0.05, -0.25, 0, 0.2), "vase_at": (0.35, 0.12, 0.1, 0.8),
        "shade_low": (0.17, -0.12, 0.02, 0.5),
    "shade_high": (0.11, -0.15, 0.01, 0.45), "shade_height": (0.2, -0.14, 0.03, 0.6), "dome": (0, 0, 0, 1),
        "square": (2.0, 0, 2, 8),
    "tilt": (0, 0, -30, 120), "reach": (0, 0, 0, 1.2), "elbow": (0.5, 0.08, 0.2, 0.8), "bow": (0, 0, 0, 1),
        "tripod": (0, 0, 0, 1),
    "tripod_out": (0.25, -0.15, 0.05, 0.5), "hang": (0, 0, 0, 1), "arms": (0, 0, 0, 1), "bulb": (0.03, -0.15,
        0.005, 0.2), "lantern": (0, 0, 0, 1),
}  # fmt: skip
FAMILIES: dict[str, tuple[float, dict[str, float]]] = {
    "table": (8, {}), "table_vase": (5, dict(vase=0.1, height=0.38)), "bankers": (2, dict(dome=1,
        shade_low=0.17, shade_height=0.09, shade_high=0.05)),
    "mushroom": (3, dict(dome=1, shade_low=0.2, shade_height=0.16, shade_high=0.03, vase=0.05)), "square": (3,
        dict(square=7, vase=0.06)),
    "floor": (6, dict(height=1.5, base=0.15, shade_low=0.25, shade_high=0.18, shade_height=0.28, vase=0)),
    "floor_arc": (2, dict(height=1.6, base=0.18, reach=0.9, bow=1, dome=1, shade_low=0.2, shade_high=0.03,
        shade_height=0.15, vase=0)),
    "tripod": (4, dict(height=1.4, tripod=1, base=0, tripod_out=0.35, shade_low=0.25, shade_high=0.2,
        shade_height=0.28, vase=0)),
    "desk": (6, dict(height=0.42, reach=0.3, tilt=35, shade_low=0.09, shade_high=0.035, shade_height=0.13,
        vase=0, base=0.1)),
    "torchiere": (2, dict(height=1.7, base=0.15, shade_low=0.04, shade_high=0.2, shade_height=0.14, vase=0)),
    "pendant": (4, dict(hang=1, height=0.7, base=0.06, shade_low=0.22, shade_high=0.07, shade_height=0.2,
        vase=0)),
    "pendant_dome": (3, dict(hang=1, height=0.8, base=0.05, dome=1, shade_low=0.22, shade_high=0.03,
        shade_height=0.18, vase=0)),
    "globe": (2, dict(hang=1, height=0.6, base=0.05, shade_low=0.02, shade_high=0.02, shade_height=0.05,
        bulb=0.15, vase=0)),
    "chandelier": (2, dict(hang=1, arms=1, height=0.6, base=0.06, shade_low=0.06, shade_high=0.05,
        shade_height=0.06, vase=0.05, bulb=0.03)),
    "lantern": (2, dict(height=0.14, lantern=1, base=0.1, base_height=0.03, shade_low=0.11, shade_high=0.03,
        shade_height=0.09, pole=0.02, vase=0, square=6)),
    "street": (2, dict(height=2.8, base=0.12, reach=0.5, bow=1, shade_low=0.12, shade_high=0.06,
        shade_height=0.08, vase=0, pole=0.03)),
}  # fmt: skip
SPACE = ParameterSpace(
    RANGES, FAMILIES, 0.15, (("table", "table_vase", "square", "mushroom"), ("floor", "tripod"))
)
_IN = np.array([0.0, 0.2, 0.0])


def _shade(p: Values, top: np.ndarray) -> Piece:
    """An open shade: outside up, then the inside down again, hanging from `top` [3]."""
    s = np.array([0.0, 0.15, 0.4, 0.7, 0.9, 1.0])
    straight = p.shade_low + (p.shade_high - p.shade_low) * s
    round_ = p.shade_high + (p.shade_low - p.shade_high) * np.sqrt(np.clip(1 - s**2, 0, 1))
    outer = round_ if p.dome > 0.5 else straight
    radius = np.concatenate([outer, 0.93 * outer[::-1]])
    along = np.concatenate([s, s[::-1] * 0.97]) - 0.85
    tilt = np.radians(p.tilt)
    up = np.array([0.0, np.cos(tilt), -np.sin(tilt)])
    frame = np.stack([np.array([0.0, np.sin(tilt), np.cos(tilt)]), np.array([1.0, 0.0, 0.0]), up])
    centre = top + (along * p.shade_height)[:, None] * up
    return Piece("shade", "shade", loft(centre, frame, np.repeat(radius[:, None], 2, 1), section(28,
        p.square)),
                 None, top + 0.1 * p.shade_height * up)  # fmt: skip


def build(p: Values) -> list[Piece]:
    """All pieces of a lamp."""
    hang, r = p.hang > 0.5, p.base
    foot = column([(0, 0.95 * r), (0.3 * p.base_height, r), (0.7 * p.base_height, 0.97 * r), (p.base_height,
        0.8 * r),
                   (1.2 * p.base_height, 0.3 * r), (1.6 * p.base_height, p.pole)], 0, 0, sides=28,
                       power=p.square)  # fmt: skip
    if hang:
        foot = foot * np.array([1.0, -1.0, 1.0])
    pieces = [Piece("foot", "foot", foot, mirrored=False).only_if(r > 0.01, _IN)]
    sign = -1.0 if hang else 1.0
    joint = np.array([0.0, sign * p.height * (1.0 if p.reach < 0.02 or p.bow > 0.5 else p.elbow), 0.0])
    if p.reach > 0.02 and p.bow < 0.5:
        joint[2] = -0.35 * p.reach
    top = np.array([0.0, sign * p.height, p.reach])
    start = np.array([0.0, 0.5 * sign * p.base_height, 0.0])
    if p.bow > 0.5:
        path = np.array(
            [
                start,
                (0, 0.5 * p.height, 0),
                (0, 0.88 * p.height, 0.06 * p.reach),
                (0, 1.04 * p.height, 0.45 * p.reach),
                (0, p.height, p.reach),
            ]
        )
    else:
        path = np.stack(
            [start, 0.5 * (start + joint), joint, 0.5 * (joint + top), top + np.array([0.0, 0.0, 1e-4])]
        )
        if p.reach < 0.02:
            path = start + np.linspace(0, 1, 5)[:, None] * (top - start)
    pole = limb(path, np.full(5, p.pole), rings=17, sides=10, reference=(1.0, 0.0, 0.0))
    pieces.append(Piece("pole", "pole", pole).only_if(p.tripod < 0.5, _IN))
    v0, v1 = p.base_height, p.height * 0.95
    mid = v0 + (v1 - v0) * p.vase_at
    vase = column([(v0, 0.5 * p.vase), (v0 + 0.4 * (mid - v0), 0.85 * p.vase), (mid, p.vase),
        (mid + 0.35 * (v1 - mid), 0.7 * p.vase),
                   (mid + 0.6 * (v1 - mid), 0.35 * p.vase), (v1, p.pole)], 0, 0, sides=20,
                       power=p.square)  # fmt: skip
    pieces.append(Piece("vase", "vase", vase * np.array([1, sign, 1])).only_if(p.vase > 0.01, _IN))
    for index, angle in enumerate((0.0, 120.0, 240.0)):
        s, c = np.sin(np.radians(angle)), np.cos(np.radians(angle))
        line = np.array(
            [
                (0.02 * s, 0.95 * p.height, 0.02 * c),
                (0.5 * p.tripod_out * s, 0.5 * p.height, 0.5 * p.tripod_out * c),
                (p.tripod_out * s, 0, p.tripod_out * c),
            ]
        )
        leg = limb(line, np.array([1.4, 1.4, 1.0]) * p.pole, rings=7, sides=8, reference=(c, 0.0, -s))
        pieces.append(Piece(f"tripod{index}", "pole", leg).only_if(p.tripod > 0.5, _IN))
    for index in range(5):
        angle = 2 * np.pi * index / 5
        s, c = np.sin(angle), np.cos(angle)
        y = -0.85 * p.height
        line = np.array(
            [
                (0, y, 0),
                (0.15 * s, y - 0.1, 0.15 * c),
                (0.3 * s, y - 0.02, 0.3 * c),
                (0.32 * s, y + 0.08, 0.32 * c),
            ]
        )
        arm = limb(line, np.full(4, 0.011), rings=9, sides=6, reference=(c, 0.0, -s))
        cup = ball(
            line[-1] + np.array([0, 0.07, 0]),
            np.array([0.035, 0.035, 0.06]),
            np.array([[0, 0, 1.0], [1.0, 0, 0], [0, 1.0, 0]]),
        )
        pieces += [
            Piece(f"arm{index}", "pole", arm).only_if(p.arms > 0.5, _IN),
            Piece(f"cup{index}", "bulb", cup).only_if(p.arms > 0.5, _IN),
        ]
    crown = top + np.array([0.0, 0.14 if p.lantern > 0.5 else 0.0, 0.0])
    pieces.append(_shade(p, crown if not hang else top + np.array([0.0, -0.1 * p.shade_height, 0.0])))
    tilt = np.radians(p.tilt)
    down = -np.array([0.0, np.cos(tilt), -np.sin(tilt)])
    axes = np.array([[0, 0, 1.0], [1.0, 0, 0], [0, 1.0, 0]])
    pieces.append(
        Piece(
            "bulb",
            "bulb",
            ball(
                top + (0.35 * p.shade_height + (p.bulb > 0.08) * p.bulb) * down,
                p.bulb * np.array([1, 1, 1.2]),
                axes,
                rings=7,
            ),
        )
    )
    for index in range(4):
        x, z = 0.085 * (1 if index % 2 else -1), 0.085 * (1 if index < 2 else -1)
        bar = limb(
            np.array(
                [
                    (x, 0, z),
                    (0.95 * x, 0.5 * (p.height + 0.12), 0.95 * z),
                    (0.9 * x, p.height + 0.12, 0.9 * z),
                ]
            ),
            np.full(3, 0.008),
            rings=4,
            sides=6,
        )
        pieces.append(Piece(f"bar{index}", "pole", bar).only_if(p.lantern > 0.5, _IN))
    return pieces


def paint(brush: Brush, p: Values, family: str) -> None:
    """Metal, wood or ceramics below; a cloth, glass or metal shade."""
    materials.metal(brush, np.ones(len(brush.points), dtype=bool))
    if brush.chance(0.35) or family == "tripod":
        materials.wood(brush, brush.of("pole", "foot"))
    if brush.chance(0.5):
        materials.lacquer(brush, brush.of("vase"))
    else:
        materials.cloth(brush, brush.of("vase"))
    shade = brush.of("shade")
    if family in ("desk", "pendant_dome", "bankers", "floor_arc", "street", "lantern"):
        materials.lacquer(brush, shade)
    elif brush.chance(0.6):
        brush.paint(shade, brush.pick(("white", "cream", "buff", "straw", "cream")))
    else:
        materials.cloth(brush, shade)
    trim = (np.abs(brush.along - 0.02) < 0.05) | (np.abs(brush.along - 0.45) < 0.05)
    brush.paint(shade & trim, brush.pick(("dark", "straw", "white", "red")), float(brush.chance(0.3)))
    brush.paint(brush.of("bulb"), brush.tint("cream"))
    brush.mottle(0.02, 0.02)


LAMP = Generator("lamp", SPACE, build, paint)
