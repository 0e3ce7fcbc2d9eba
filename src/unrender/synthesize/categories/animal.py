"""Procedural four-legged animals (and kangaroos): shape, pose and coat."""

from __future__ import annotations

import numpy as np

from unrender.synthesize.brush import Brush
from unrender.synthesize.categories import beast, beast_parts
from unrender.synthesize.categories.animal_families import COATS, FAMILIES, GROUPS
from unrender.synthesize.curves import smoothstep
from unrender.synthesize.generator import Generator
from unrender.synthesize.parameters import ParameterSpace, Range, Values
from unrender.synthesize.parts import Piece

_OWN: dict[str, Range] = {
    "ear_length": (0.12, -0.12, 0, 0.5), "ear_width": (0.055, -0.12, 0.01, 0.5), "ear_out": (22, 7, -10, 110),
    "ear_back": (0, 8, -60, 60), "ear_face": (45, 8, 0, 90), "ear_droop": (0, 5, 0, 110), "ear_point": (0.8,
        0.08, 0, 1),
    "ear_at": (2.2, 0.02, 2.05, 2.6),
    "antlers": (0, 0, 0, 1), "trunk_length": (0, -0.1, 0, 1.2), "trunk_curl": (0, 25, -60, 160),
    "tusk_length": (0, -0.3, 0, 0.5), "mane": (0.05, -0.25, 0, 0.15),
}  # fmt: skip
_TAIL: dict[str, Range] = {
    **beast.RANGES, "tail_length": (0.62, -0.15, 0.02, 3.0), "tail_tuft": (0, -0.2, 0, 0.2),
    "tail_drop": (72, 10, -70, 95), "tail_root": (0.035, -0.15, 0.01, 0.4),
}  # fmt: skip
SPACE = ParameterSpace({**_TAIL, **_OWN}, FAMILIES, 0.2, GROUPS)
_SITTING = (
    "dog",
    "dalmatian",
    "hound",
    "wolf_husky",
    "pug",
    "cat",
    "leopard",
    "lion",
    "bear",
    "panda",
    "fox",
)
_GRAZING = ("horse", "zebra", "donkey", "cow", "sheep", "goat", "llama", "deer", "okapi", "antelope", "stag")


def build(p: Values) -> list[Piece]:
    """All pieces of an animal."""
    spine = beast.make_spine(p)
    return [
        beast.trunk(spine), beast.jaw(p, spine), *beast.eyes(p, spine), beast.ridge(p.with_(ridge=p.mane),
            spine),
        *beast.legs(p, spine), *beast_parts.ears(p, spine),
        *beast_parts.horns(p, spine, antlers=p.antlers), *beast_parts.nose_horns(p, spine),
        beast_parts.proboscis(p, spine), *beast_parts.tusks(p, spine),
    ]  # fmt: skip


def pose(p: Values, family: str, rng: np.random.Generator) -> Values:
    """Standing, walking, running, grazing or sitting, looking somewhere."""
    chance, normal = rng.random(6), rng.standard_normal(10)
    change = {"head_yaw": float(np.clip(normal[0] * (12 if chance[0] < 0.6 else 38), -75, 75))}
    stride = float(normal[1]) * (22 if chance[1] < 0.25 else 12 if chance[1] < 0.6 else 3)
    stiff = 0.6 if family in ("elephant", "rhino", "hippo", "giraffe") else 1.0
    for index, (name, sign) in enumerate(
        (("hind_left", 1), ("hind_right", -1), ("fore_left", -1), ("fore_right", 1))
    ):
        change[f"swing_{name}"] = stiff * (sign * stride + 4 * float(normal[2 + index]))
    if family in _GRAZING and chance[2] < 0.12:
        change.update(
            neck_low=-35 + 8 * float(normal[6]), neck_high=-48 + 8 * float(normal[7]), head_pitch=-58
        )
    elif family in _SITTING and chance[2] < (0.1 if family in ("leopard", "lion") else 0.18):
        change.update(sit=1.0, swing_hind_left=0, swing_hind_right=0, swing_fore_left=6, swing_fore_right=6,
                      neck_low=p.neck_low + 18, neck_high=p.neck_high + 5)  # fmt: skip
    elif p.biped < 0.5:
        lift = 9 * float(normal[6])
        change.update(neck_low=p.neck_low + lift, neck_high=p.neck_high + lift + 6 * float(normal[7]))
    else:
        change.update(
            body_pitch=p.body_pitch - 28 * (chance[3] < 0.3), arm_angle=p.arm_angle + 14 * float(normal[8])
        )
        change.update(swing_hind_left=0.25 * stride, swing_hind_right=0.25 * stride + 3 * float(normal[4]))
    change["head_pitch"] = change.get("head_pitch", p.head_pitch) + 7 * float(normal[8])
    change["tail_drop"] = p.tail_drop + 9 * float(normal[9])
    if chance[4] < 0.08 and family not in ("elephant", "giraffe"):
        change["gape"] = 8 + 14 * chance[5]
    return p.with_(**change)


def paint(brush: Brush, p: Values, family: str) -> None:
    """The coat: back over belly, a pattern, muzzle, legs, hooves, horns and eyes."""
    coats = COATS[family]
    if brush.chance(0.04):
        others = sorted(COATS)
        coats = COATS[brush.any(others)]
    back, belly, lower, pattern, mark = brush.any(coats).split()
    base, under, sock, dark = brush.tint(back), brush.tint(belly), brush.tint(lower), brush.tint(mark)
    trunk = brush.of("trunk", "jaw")
    u = np.where(trunk, np.interp(brush.along, np.linspace(0, 1, len(beast.SPINE_U)), beast.SPINE_U), -9.0)
    legs = brush.of("hind_leg", "fore_leg")
    brush.colour[:] = base
    down = -brush.normals[:, 1]
    edge = brush.rng.uniform(0.15, 0.6)
    low = smoothstep(edge - 0.2, edge + 0.25, down + 0.15 * brush.noise(1.0)) * (trunk & (u > -0.1) | legs)
    brush.paint(low, under)
    _pattern(brush, pattern, dark, u, legs)
    knee = brush.rng.uniform(0.42, 0.75)
    brush.paint(smoothstep(knee - 0.08, knee + 0.08, brush.along) * legs + brush.of("foot"), sock,
                0.0 if pattern in ("stripe", "rosette", "dots", "panda", "net",
                    "okapi") else 0.9)  # fmt: skip
    if family in ("zebra", "horse", "donkey", "lion", "boar", "okapi", "giraffe") and brush.chance(0.85):
        brush.paint(brush.of("ridge"), dark)
    if p.tail_tuft > 0:
        brush.paint(smoothstep(-0.7, -0.8, u) * (u > -1.5), dark if family != "fox" else under)
    brush.mottle(0.05, 0.07)
    _details(brush, family, u, base)


def _pattern(brush: Brush, pattern: str, dark: np.ndarray, u: np.ndarray, legs: np.ndarray) -> None:
    rng, coat = brush.rng, brush.of("trunk", "jaw", "hind_leg", "fore_leg", "foot", "ear")
    head = u > 2.2
    if pattern == "stripe":
        phase = 26 * np.where(u > -2, u, 0) + 1.1 * brush.noise(0.9) + 2.0 * brush.points[:, 1]
        phase = np.where(u > 1, phase + 10 * (u - 1), phase)
        phase = np.where(legs | brush.of("foot"), 30 * brush.points[:, 1] + 0.6 * brush.noise(1.2), phase)
        brush.paint(smoothstep(-0.1, 0.35, np.sin(phase) - 0.35 * (brush.normals[:, 1] < -0.6)) * coat, dark)
    elif pattern in ("rosette", "dots"):
        size = rng.uniform(0.055, 0.075) if pattern == "rosette" else rng.uniform(0.06, 0.1)
        near, _ = brush.cells(size)
        spot = 1 - smoothstep(0.3, 0.42, near + 0.06 * brush.noise(8.0))
        brush.paint(spot * coat, dark, 0.95)
    elif pattern == "net":
        first, second = brush.cells(rng.uniform(0.09, 0.13))
        brush.paint(smoothstep(0.1, 0.2, second - first) * coat * (1 - 0.7 * head), dark)
    elif pattern == "patch":
        level = rng.uniform(-0.3, 0.7)
        brush.paint(smoothstep(level - 0.08, level + 0.08, brush.noise(rng.uniform(0.7, 1.3))) * coat, dark)
        if brush.chance(0.6):
            brush.paint(brush.of("ear") | (head & (brush.points[:, 0] > 0.02)), dark)
    elif pattern == "saddle":
        brush.paint(
            smoothstep(-0.15, 0.35, brush.normals[:, 1] + 0.2 * brush.noise(1.2)) * (u > -1.5) * (u < 2.5),
            dark,
            0.9,
        )
    elif pattern == "tabby":
        brush.paint(
            smoothstep(0.1, 0.6, np.sin(22 * u + 1.2 * brush.noise(1.0)))
            * coat
            * (brush.normals[:, 1] > -0.5),
            dark,
            0.6,
        )
    elif pattern == "dapple":
        brush.paint(smoothstep(0.0, 1.2, brush.noise(5.0)) * coat, dark, 0.5)
    elif pattern == "panda":
        brush.paint(legs | brush.of("foot", "ear"), dark)
        brush.paint(brush.band(u, 0.78, 1.02, 0.05), dark)
        brush.paint(brush.band(u, 2.4, 2.58, 0.04) * (np.abs(brush.normals[:, 1] - 0.3) < 0.45), dark)
    elif pattern == "okapi":
        stripes = smoothstep(0.0, 0.35, np.sin(70 * brush.points[:, 1] + 0.5 * brush.noise(1.5)))
        zone = legs * (brush.along > 0.12) + (u > -0.05) * (u < 0.22) * (brush.normals[:, 1] < 0.2)
        brush.paint(stripes * zone, dark)
        brush.paint((u > 2.35) * (brush.normals[:, 1] < 0.6), brush.tint("grey"), 0.8)
    elif pattern == "mane":
        brush.paint(brush.band(u, 1.05, 2.22, 0.08), dark)
    elif pattern == "mask":
        brush.paint(smoothstep(2.55, 2.7, u) + brush.of("ear"), dark)


def _details(brush: Brush, family: str, u: np.ndarray, base: np.ndarray) -> None:
    rng = brush.rng
    if family in ("elephant", "rhino", "hippo"):
        brush.paint(brush.of("nose_horn", "tusk"), brush.tint("cream" if family == "elephant" else "slate"))
        brush.colour *= np.exp(0.08 * np.sin(60 * np.where(u > -2, u, brush.along)))[:, None]
    else:
        nose = brush.tint(
            brush.any(("black", "dark", "umber", "rose" if family in ("pig", "rabbit") else "black"))
        )
        brush.paint(smoothstep(2.93, 2.97, u), nose)
        if brush.chance(0.4):
            tone = brush.tint("white") if brush.chance(0.6) else 0.35 * base
            brush.paint(smoothstep(2.68, 2.8, u), tone, 0.75)
        if brush.chance(0.3) and family in ("horse", "cow", "dog", "cat", "bull"):
            brush.paint(
                brush.band(u, 2.3, 2.9, 0.05) * (brush.points[:, 0] < 0.03) * (brush.normals[:, 1] > 0.2),
                "white",
            )
        brush.paint(brush.of("nose_horn", "tusk"), brush.tint("cream"))
    if family not in ("elephant", "bear", "panda", "lion", "leopard", "tiger", "cat") and rng.random() < 0.8:
        brush.paint(brush.of("foot"), brush.tint(brush.any(("dark", "black", "umber"))), 0.9)
    brush.paint(brush.of("horn"), brush.tint(brush.any(("cream", "dark", "buff", "umber"))))
    brush.paint(brush.of("jaw"), brush.tint("rose"), 0.5)
    brush.paint(brush.of("eye"), brush.tint(brush.any(("black", "black", "umber", "straw"))))


ANIMAL = Generator("animal", SPACE, build, paint, pose, lumps=0.012)
