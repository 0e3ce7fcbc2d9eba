"""Procedural dinosaurs: long-necked, two-legged, plated, horned, sailed; shape, pose and skin.

The proportions were written down from looking at reconstructions; no scanned or fitted mesh went into them.
"""

from __future__ import annotations

import numpy as np

from unrender.synthesize.brush import Brush
from unrender.synthesize.categories import beast, beast_parts
from unrender.synthesize.curves import smoothstep
from unrender.synthesize.generator import Generator
from unrender.synthesize.parameters import ParameterSpace, Range, Values
from unrender.synthesize.parts import Piece

_OWN: dict[str, Range] = {
    "plates": (0, -0.15, 0, 0.6), "spikes": (0, -0.2, 0, 0.5), "frill": (0, -0.12, 0, 0.6),
}  # fmt: skip
_DEFAULTS: dict[str, float] = dict(
    body_width=0.2, back=0.21, belly=0.24, arch=10, chest=0.9, rump=0.95, loin=1.0, tail_length=1.2,
        tail_root=0.13,
    tail_tip=0.012, tail_drop=12, tail_curl=14, neck_length=0.35, neck_low=20, neck_high=25, neck_radius=0.11,
    neck_base=0.9, neck_width=0.8, head_length=0.36, head_pitch=-10, skull=0.085, muzzle=0.045, stop=0.3,
        shank=0.06,
    thigh=0.15, upper_arm=0.11, leg_length=0.6, foot_length=0.14, foot_width=0.075, foot_height=0.055,
        knee=0.08,
    hock=0.05, elbow=0.06, eye=0.014, hip=0.2,
)  # fmt: skip
RANGES: dict[str, Range] = {
    **{name: (_DEFAULTS.get(name, entry[0]), *entry[1:]) for name, entry in beast.RANGES.items()}, **_OWN,
}  # fmt: skip

_SAUROPOD: dict[str, float] = dict(
    neck_length=1.5, neck_low=32, neck_high=38, neck_radius=0.085, neck_base=0.95, head_length=0.22,
        head_pitch=-18,
    skull=0.065, muzzle=0.045, tail_length=1.9, tail_root=0.15, tail_tip=0.008, tail_drop=10, tail_curl=6,
        arch=12,
    body_width=0.23, back=0.24, belly=0.27, leg_length=0.66, shank=0.085, thigh=0.16, upper_arm=0.12,
        foot_length=0.18,
    foot_width=0.095, knee=0.03, hock=0.03, elbow=0.03, eye=0.011,
)  # fmt: skip
_THEROPOD: dict[str, float] = dict(
    biped=1, body_pitch=8, body_width=0.17, back=0.18, belly=0.22, chest=0.85, rump=0.95, tail_length=1.25,
        tail_root=0.14,
    tail_tip=0.012, tail_drop=-6, tail_curl=4, neck_length=0.38, neck_low=42, neck_high=38, neck_radius=0.13,
    head_length=0.52, head_pitch=-8, skull=0.15, skull_width=0.7, muzzle=0.085, muzzle_width=0.75, stop=0.2,
    leg_length=0.78, thigh=0.18, knee=0.18, hock=0.17, shank=0.055, foot_length=0.3, foot_width=0.08,
        arm_length=0.22,
    upper_arm=0.04, arm_angle=25, hip=0.22, stance=0.75, elbow=0.08, foot_height=0.05,
)  # fmt: skip

FAMILIES: dict[str, tuple[float, dict[str, float]]] = {
    "brontosaurus": (10, _SAUROPOD),
    "brachiosaurus": (4, {**_SAUROPOD, "body_pitch": 16, "neck_low": 60, "neck_high": 68, "tail_length": 1.2,
        "leg_length": 0.75, "neck_length": 1.4, "head_length": 0.26, "stop": 0.7, "tail_drop": 20}),
    "plateosaurus": (2, {**_SAUROPOD, "neck_length": 0.8, "tail_length": 1.3, "body_width": 0.17,
        "belly": 0.21,
        "shank": 0.055}),
    "stegosaurus": (12, dict(plates=0.34, spikes=0.26, arch=28, back=0.25, belly=0.25, rump=1.05, chest=0.7,
        body_pitch=-12,
        neck_length=0.3, neck_low=-4, neck_high=2, neck_radius=0.09, head_length=0.26, skull=0.06,
            muzzle=0.04,
        tail_length=1.05, tail_root=0.14, tail_tip=0.02, tail_drop=2, tail_curl=16, leg_length=0.62,
            shank=0.062)),
    "kentrosaurus": (3, dict(plates=0.2, spikes=0.34, arch=20, body_pitch=-8, neck_low=5, neck_high=8,
        head_length=0.28,
        skull=0.06, tail_length=1.15, chest=0.75)),
    "triceratops": (6, dict(frill=0.27, horn_length=0.36, horn_radius=0.035, horn_out=18, horn_back=-52,
        horn_curve=-18,
        nose_horn=0.13, neck_length=0.2, neck_low=6, neck_high=0, neck_radius=0.17, head_length=0.54,
            head_pitch=-20,
        skull=0.15, skull_width=0.9, muzzle=0.055, tail_length=0.8, tail_root=0.13, tail_drop=22, belly=0.28,
        body_width=0.24, leg_length=0.52, shank=0.07)),
    "styracosaurus": (2, dict(frill=0.32, horn_length=0.08, nose_horn=0.3, neck_length=0.2, neck_low=6,
        neck_high=0,
        neck_radius=0.16, head_length=0.5, head_pitch=-18, skull=0.14, muzzle=0.06, tail_length=0.85,
            leg_length=0.52)),
    "trex": (7, _THEROPOD),
    "allosaurus": (4, {**_THEROPOD, "head_length": 0.46, "skull": 0.12, "arm_length": 0.32,
        "horn_length": 0.04,
        "body_width": 0.15, "neck_length": 0.48, "tail_length": 1.4}),
    "velociraptor": (4, {**_THEROPOD, "body_width": 0.12, "back": 0.13, "belly": 0.15, "skull": 0.085,
        "muzzle": 0.05,
        "head_length": 0.42, "neck_length": 0.58, "neck_low": 55, "neck_high": 48, "neck_radius": 0.07,
            "tail_length": 1.7,
        "tail_root": 0.08, "arm_length": 0.48, "upper_arm": 0.05, "leg_length": 0.82, "thigh": 0.13,
            "shank": 0.034,
        "foot_length": 0.26, "foot_width": 0.05, "stop": 0.4}),
    "upright_rex": (3, {**_THEROPOD, "body_pitch": 42, "tail_drop": 10, "tail_curl": 38, "neck_low": 62,
        "neck_high": 48,
        "leg_length": 0.72}),
    "parasaurolophus": (4, {**_THEROPOD, "biped": 0, "horn_length": 0, "ridge": 0.0, "head_length": 0.44,
        "skull": 0.095,
        "muzzle": 0.06, "muzzle_width": 1.1, "neck_length": 0.5, "neck_radius": 0.09, "tail_length": 1.2,
            "body_pitch": 4,
        "upper_arm": 0.07, "shank": 0.045, "leg_length": 0.7, "head_pitch": -15, "foot_length": 0.18,
            "crest": 0.42}),
    "spinosaurus": (3, {**_THEROPOD, "ridge": 0.42, "ridge_from": 0.05, "ridge_to": 1.1, "head_length": 0.62,
        "skull": 0.09,
        "muzzle": 0.045, "arm_length": 0.36, "leg_length": 0.62, "body_pitch": 2}),
    "dimetrodon": (2, dict(ridge=0.5, ridge_from=0.02, ridge_to=1.2, leg_length=0.32, stance=1.0,
        neck_length=0.15,
        neck_low=5, neck_high=5, head_length=0.34, skull=0.1, body_width=0.17, back=0.15, belly=0.16,
            shank=0.04)),
    "ankylosaurus": (3, dict(body_width=0.34, back=0.2, belly=0.18, leg_length=0.36, tail_length=0.95,
        tail_root=0.09,
        tail_tip=0.05, tail_tuft=0.06, tail_drop=0, tail_curl=5, neck_length=0.14, neck_low=5, neck_high=0,
        neck_radius=0.13, head_length=0.28, skull=0.11, skull_width=1.15, muzzle=0.06, plates=0.08,
            shank=0.06)),
    "iguanodon": (2, {**_THEROPOD, "biped": 0, "body_pitch": 12, "head_length": 0.36, "skull": 0.085,
        "muzzle": 0.055,
        "upper_arm": 0.08, "shank": 0.05, "foot_length": 0.2}),
}  # fmt: skip
RANGES["crest"] = (0, -0.15, 0, 0.7)
SPACE = ParameterSpace(RANGES, FAMILIES, 0.2, (
    ("brontosaurus", "brachiosaurus", "plateosaurus"), ("stegosaurus", "kentrosaurus"), ("triceratops",
        "styracosaurus"),
    ("trex", "allosaurus", "velociraptor", "spinosaurus"), ("parasaurolophus", "iguanodon"),
))  # fmt: skip


def build(p: Values) -> list[Piece]:
    """All pieces of a dinosaur."""
    spine = beast.make_spine(p)
    crest = p.with_(horn_length=p.crest, horn_radius=0.05, horn_out=-4, horn_back=68, horn_curve=0)
    pieces = [
        beast.trunk(spine), beast.jaw(p, spine), *beast.eyes(p, spine), beast.ridge(p, spine), *beast.legs(p,
            spine),
        *beast_parts.horns(p, spine)[:2], *beast_parts.nose_horns(p, spine, ((2.88, 1.0),)),
            beast_parts.frill(p, spine),
        *beast_parts.back_plates(p, spine),
    ]  # fmt: skip
    for piece in beast_parts.horns(crest, spine, u=2.2, angle=84)[:2]:
        pieces.append(
            Piece(
                piece.name.replace("horn", "crest"),
                "crest",
                piece.grid,
                piece.first,
                piece.last,
                piece.mirrored,
            )
        )
    return pieces


def pose(p: Values, family: str, rng: np.random.Generator) -> Values:
    """Walking or standing, head up or down, mouth open now and then."""
    chance, normal = rng.random(4), rng.standard_normal(9)
    stride = float(normal[0]) * (16 if chance[0] < 0.5 else 3)
    change = {"head_yaw": float(np.clip(14 * normal[1], -50, 50))}
    for index, (name, sign) in enumerate(
        (("hind_left", 1), ("hind_right", -1), ("fore_left", -1), ("fore_right", 1))
    ):
        change[f"swing_{name}"] = sign * stride + 4 * float(normal[2 + index])
    if p.neck_length > 0.7:
        change["neck_low"] = p.neck_low + 13 * float(normal[6])
        change["neck_high"] = p.neck_high + 18 * float(normal[7]) - 25 * (chance[1] < 0.3)
    if p.biped > 0.5:
        change["arm_angle"] = p.arm_angle + 18 * float(normal[8])
        if chance[2] < 0.6:
            change["gape"] = 8 + 24 * chance[3]
    elif chance[2] < 0.15:
        change["gape"] = 5 + 12 * chance[3]
    change["tail_drop"] = p.tail_drop + 5 * float(normal[8])
    return p.with_(**change)


_SKINS = (
    ("olive", "straw"), ("green", "straw"), ("brown", "buff"), ("grey", "white"), ("slate", "grey"),
        ("bronze", "buff"),
    ("umber", "brown"), ("rust", "cream"), ("teal", "cream"), ("green", "yellow"), ("purple", "pink"),
        ("orange", "cream"),
    ("blue", "sky"), ("buff", "cream"), ("dark", "slate"), ("red", "buff"), ("grey", "grey"), ("brown",
        "brown"),
)  # fmt: skip


def paint(brush: Brush, p: Values, family: str) -> None:
    """Skin: back over belly, bands or blotches, contrasting plates and frills."""
    rng = brush.rng
    back, belly = _SKINS[rng.integers(len(_SKINS))]
    base, under = brush.tint(back), brush.tint(belly)
    dark = 0.4 * base if brush.chance(0.6) else brush.pick(("umber", "rust", "bottle", "black", "orange"))
    trunk = brush.of("trunk", "jaw")
    u = np.where(trunk, np.interp(brush.along, np.linspace(0, 1, len(beast.SPINE_U)), beast.SPINE_U), -9.0)
    legs = brush.of("hind_leg", "fore_leg", "foot")
    brush.colour[:] = base
    edge = rng.uniform(0.0, 0.5)
    brush.paint(
        smoothstep(edge - 0.2, edge + 0.3, -brush.normals[:, 1] + 0.2 * brush.noise(1.2)) * trunk, under
    )
    kind = rng.random()
    upper = smoothstep(-0.5, 0.3, brush.normals[:, 1])
    if kind < 0.3:
        stripes = np.sin(rng.uniform(12, 24) * u + 1.2 * brush.noise(0.9))
        brush.paint(smoothstep(0.1, 0.6, stripes) * trunk * upper, dark, 0.8)
    elif kind < 0.5:
        near, _ = brush.cells(rng.uniform(0.08, 0.14))
        brush.paint((1 - smoothstep(0.3, 0.45, near)) * (trunk | legs), dark, 0.7)
    elif kind < 0.75:
        brush.paint(smoothstep(0.2, 0.8, brush.noise(2.0)) * (trunk | legs), dark, 0.6)
    plates = (
        dark
        if brush.chance(0.5)
        else brush.pick(("rust", "orange", "red", "straw", "brown", "slate", "green"))
    )
    brush.paint(brush.of("plate", "ridge"), plates if brush.chance(0.7) else base)
    brush.paint(brush.of("ridge") * smoothstep(0.1, 0.5, np.sin(40 * brush.along)), dark, 0.5 * rng.random())
    brush.paint(
        brush.of("frill") * (0.5 + 0.5 * np.cos(4 * np.pi * brush.around)), plates, rng.uniform(0, 0.9)
    )
    brush.paint(brush.of("crest"), plates, rng.uniform(0, 1))
    brush.mottle(0.07, 0.1)
    brush.paint(brush.of("horn", "nose_horn", "spike"), brush.tint(brush.any(("cream", "buff", "dark"))))
    toes = brush.of("foot") * smoothstep(0.75, 0.85, brush.along)
    brush.paint(toes, brush.tint(brush.any(("dark", "cream", "umber"))), 0.8)
    brush.paint(brush.of("jaw") * (brush.normals[:, 1] > 0.2), brush.tint("rose"), 0.8)
    brush.paint(brush.of("eye"), brush.tint(brush.any(("black", "yellow", "orange", "white"))))


DINOSAUR = Generator("dinosaur", SPACE, build, paint, pose, lumps=0.012)
