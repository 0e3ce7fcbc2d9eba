"""Procedural airplanes: airliners, business and private planes, fighters, biplanes, gliders; shape and
livery.

The fuselage reaches from z = -1 to 1; lengths in half fuselage lengths, angles in degrees. The proportions
were written
down from looking at airplanes; no scanned or fitted mesh went into them.
"""

from __future__ import annotations

import numpy as np

from unrender.synthesize.categories.livery import paint_airplane
from unrender.synthesize.generator import Generator
from unrender.synthesize.parameters import ParameterSpace, Range, Values
from unrender.synthesize.parts import Piece, ball, body, disc, limb, pair, plate
from unrender.synthesize.parts.loft import section

RANGES: dict[str, Range] = {
    "width": (0.1, -0.08, 0.03, 0.3), "height": (0.11, -0.08, 0.03, 0.32), "square": (2.1, 0.1, 2, 5),
    "nose": (0.28, -0.12, 0.08, 0.9), "nose_power": (0.5, 0.05, 0.3, 1.2), "nose_blunt": (0.06, 0.02, 0.02,
        0.8),
    "nose_drop": (0.03, 0.01, -0.05, 0.12), "tail": (0.75, -0.1, 0.2, 1.5), "tail_rise": (0.06, 0.015, -0.03,
        0.2),
    "tail_end": (0.15, 0.04, 0.02, 0.8), "canopy": (0, -0.15, 0, 0.2), "canopy_at": (0.4, 0.04, -0.3, 0.8),
    "canopy_length": (0.2, -0.12, 0.05, 0.6), "wing_span": (0.95, -0.08, 0.25, 2.2), "wing_root": (0.34, -0.1,
        0.08, 1.3),
    "wing_tip": (0.1, -0.12, 0.02, 0.6), "wing_sweep": (27, 4, -25, 65), "wing_dihedral": (5, 1.5, -10, 14),
    "wing_at": (0.12, 0.04, -0.6, 0.6), "wing_height": (-0.6, 0.1, -1, 1.05), "wing_thick": (0.024, -0.15,
        0.008, 0.06),
    "winglet": (0.04, 0.03, 0, 0.15), "biplane": (0, 0, 0, 1), "gap": (0.32, -0.1, 0.1, 0.5),
    "stab_span": (0.36, -0.08, 0.1, 0.8), "stab_root": (0.2, -0.1, 0.05, 0.5), "stab_tip": (0.08, -0.12, 0.02,
        0.3),
    "stab_sweep": (30, 4, -5, 60), "stab_at": (-0.86, 0.02, -1.05, 0.8), "stab_up": (0, 0, 0, 1),
    "fin": (0.3, -0.1, 0.08, 0.6), "fin_root": (0.3, -0.1, 0.08, 0.7), "fin_tip": (0.13, -0.12, 0.03, 0.4),
    "fin_sweep": (40, 4, -5, 60), "twin": (0, 0, 0, 1), "engine_radius": (0.055, -0.1, 0.015, 0.16),
    "engine_length": (0.26, -0.1, 0.05, 0.8), "inner": (0.34, 0.03, 0, 0.9), "outer": (0, 0, 0, 0.9),
    "engine_drop": (0.08, 0.01, -0.06, 0.2), "engine_forward": (0.1, 0.03, -0.3, 0.4), "rear_engines": (0, 0,
        0, 1),
    "prop_nose": (0, -0.1, 0, 0.5), "prop_wing": (0, -0.1, 0, 0.4), "prop_turn": (0, 30, -90, 90),
    "gear": (0.13, -0.12, 0, 0.4), "wheel": (0.032, -0.12, 0.01, 0.1), "gear_track": (0.12, 0.02, 0.03, 0.5),
    "gear_at": (0.02, 0.03, -0.4, 0.5), "gear_third": (0.72, 0.03, -0.95, 0.9), "strut": (0, 0, 0, 1),
}  # fmt: skip

_LIGHT: dict[str, float] = dict(
    width=0.13, height=0.15, square=2.6, nose=0.4, nose_power=0.4, nose_blunt=0.3, nose_drop=0.0, tail=1.15,
    tail_rise=0.05, tail_end=0.12, wing_span=1.32, wing_root=0.4, wing_tip=0.3, wing_sweep=1, wing_at=0.32,
    winglet=0, stab_span=0.45, stab_root=0.24, stab_tip=0.15, stab_sweep=6, fin=0.3, fin_root=0.34,
        fin_tip=0.15,
    fin_sweep=28, inner=0, prop_nose=0.24, gear=0.2, wheel=0.05, gear_track=0.28, gear_at=0.22,
        gear_third=0.7,
    canopy=0.05, canopy_at=0.25, canopy_length=0.3, wing_dihedral=3, wing_thick=0.03,
)  # fmt: skip
_JET: dict[str, float] = dict(
    width=0.1, height=0.09, nose=0.7, nose_power=0.85, nose_blunt=0.02, nose_drop=0.0, tail=0.5,
        tail_rise=0.0,
    tail_end=0.7, canopy=0.07, canopy_at=0.42, canopy_length=0.26, wing_span=0.62, wing_root=0.7,
        wing_tip=0.16,
    wing_sweep=44, wing_dihedral=-1, wing_at=-0.12, wing_height=0.1, winglet=0, stab_span=0.34,
        stab_root=0.26,
    stab_tip=0.11, stab_sweep=42, stab_at=-0.82, fin=0.32, fin_root=0.42, fin_tip=0.14, fin_sweep=45,
        inner=0.12,
    engine_radius=0.05, engine_length=0.5, engine_drop=0.0, engine_forward=0.05, gear=0.1, gear_third=0.5,
    wing_thick=0.016,
)  # fmt: skip

FAMILIES: dict[str, tuple[float, dict[str, float]]] = {
    "airliner": (14, {}),
    "four_engines": (6, dict(outer=0.62, inner=0.36, engine_radius=0.048, height=0.12, width=0.11,
        wing_span=0.98)),
    "rear_jet": (6, dict(rear_engines=1, inner=0.12, stab_up=1, engine_radius=0.045, width=0.08, height=0.085,
        wing_at=-0.02, fin=0.26, fin_root=0.3, fin_tip=0.2, stab_at=-1.0, engine_length=0.3, wing_span=0.8)),
    "business_jet": (6, dict(rear_engines=1, inner=0.12, stab_up=1, engine_radius=0.06, width=0.11,
        height=0.12,
        wing_at=-0.05, fin=0.3, fin_root=0.34, fin_tip=0.24, stab_at=-1.0, engine_length=0.34, winglet=0.09,
        nose=0.5, wing_span=0.98, wing_root=0.36)),
    "turboprop": (5, dict(prop_wing=0.17, wing_height=0.92, wing_sweep=4, wing_root=0.26, wing_tip=0.15,
        wing_span=1.1,
        inner=0.32, engine_radius=0.05, engine_length=0.36, engine_drop=0.02, engine_forward=0.15, stab_up=1,
        stab_at=-0.98, stab_sweep=10, fin_sweep=30, winglet=0, stab_span=0.38)),
    "cargo": (4, dict(width=0.13, height=0.14, wing_height=0.95, wing_sweep=18, outer=0.6, inner=0.33,
        tail_rise=0.1,
        tail=0.9, stab_up=1, stab_at=-1.0, wing_dihedral=-2, gear=0.06, fin=0.34, nose_power=0.45)),
    "propeller_cargo": (3, dict(width=0.12, height=0.13, wing_height=0.95, wing_sweep=2, wing_tip=0.15,
        outer=0.58, inner=0.3,
        tail_rise=0.1, tail=0.9, prop_wing=0.14, engine_radius=0.042, engine_drop=0.0, engine_forward=0.16,
            gear=0.06,
        wing_span=1.25, winglet=0, nose_power=0.42, stab_sweep=8, wing_root=0.28)),
    "high_wing": (6, {**_LIGHT, "wing_height": 1.02, "strut": 1, "wing_root": 0.34, "canopy": 0.06}),
    "low_wing": (5, {**_LIGHT, "wing_height": -0.75, "wing_dihedral": 6, "canopy": 0.09,
        "canopy_length": 0.34}),
    "twin_prop": (4, {**_LIGHT, "prop_nose": 0, "prop_wing": 0.2, "inner": 0.3, "engine_radius": 0.07,
        "engine_length": 0.42,
        "engine_drop": 0.0, "engine_forward": 0.16, "wing_height": -0.7, "nose": 0.6, "nose_blunt": 0.05,
            "nose_power": 0.6,
        "canopy": 0.07}),
    "warbird": (6, {**_LIGHT, "width": 0.11, "height": 0.14, "wing_height": -0.7, "wing_root": 0.46,
        "wing_tip": 0.17,
        "wing_span": 1.12, "canopy": 0.09, "canopy_at": 0.1, "canopy_length": 0.26, "prop_nose": 0.32,
            "nose": 0.55,
        "nose_blunt": 0.42, "gear_third": -0.85, "gear_at": 0.42, "wing_sweep": 6, "wing_dihedral": 6,
            "tail": 1.3}),
    "biplane": (6, {**_LIGHT, "biplane": 1, "wing_height": -0.75, "wing_root": 0.3, "wing_tip": 0.27,
        "wing_span": 1.05,
        "strut": 1, "canopy": 0.035, "canopy_length": 0.1, "canopy_at": 0.02, "prop_nose": 0.3,
            "nose_blunt": 0.55,
        "gear_third": -0.85, "gear_at": 0.45, "wing_at": 0.4, "gear": 0.26, "fin": 0.24}),
    "glider": (3, {**_LIGHT, "width": 0.065, "height": 0.08, "wing_span": 2.0, "wing_root": 0.17,
        "wing_tip": 0.08,
        "prop_nose": 0, "gear": 0.03, "wheel": 0.03, "nose_blunt": 0.05, "nose_power": 0.5, "nose": 0.6,
            "tail": 1.3,
        "wing_height": 0.5, "stab_up": 1, "stab_root": 0.13, "stab_tip": 0.07, "canopy": 0.05,
            "canopy_at": 0.55,
        "gear_track": 0.05, "stab_at": -0.97, "fin_root": 0.22}),
    "fighter": (7, _JET),
    "twin_fighter": (4, {**_JET, "twin": 1, "width": 0.13, "fin_root": 0.34, "fin": 0.28}),
    "delta": (4, {**_JET, "wing_root": 1.05, "wing_tip": 0.06, "wing_sweep": 54, "wing_at": -0.28,
        "stab_span": 0.12,
        "stab_root": 0.1, "stab_tip": 0.05, "wing_span": 0.6}),
    "concorde": (2, {**_JET, "width": 0.055, "height": 0.06, "canopy": 0, "wing_root": 1.1, "wing_tip": 0.1,
        "wing_sweep": 58,
        "wing_span": 0.5, "wing_at": -0.25, "stab_span": 0.1, "stab_root": 0.05, "stab_tip": 0.03,
            "tail": 0.7,
        "tail_end": 0.15, "inner": 0.35, "engine_length": 0.42, "engine_radius": 0.035, "engine_drop": 0.05,
            "fin": 0.2}),
    "old_airliner": (3, dict(prop_wing=0.19, wing_height=-0.75, wing_sweep=9, wing_root=0.4, wing_tip=0.14,
        wing_span=1.3,
        inner=0.27, engine_radius=0.07, engine_length=0.3, engine_drop=0.0, engine_forward=0.2, winglet=0,
            gear_third=-0.85,
        gear_at=0.3, gear=0.2, wheel=0.06, gear_track=0.3, stab_sweep=14, fin_sweep=32, nose_power=0.45)),
}  # fmt: skip
SPACE = ParameterSpace(RANGES, FAMILIES, 0.15, (
    ("airliner", "four_engines"), ("rear_jet", "business_jet"), ("fighter", "twin_fighter", "delta"),
    ("high_wing", "low_wing"), ("turboprop", "propeller_cargo"),
))  # fmt: skip


def _fuselage(p: Values) -> Piece:
    rows = []
    low = p.tail_end
    for s in (0.0, 0.1, 0.3, 0.6, 1.0):
        size = low + (1 - low) * np.sin(0.5 * np.pi * s)
        rows.append(
            (
                -1 + p.tail * s * 0.999,
                p.tail_rise * (1 - s) ** 1.5,
                p.width * size,
                p.height * size,
                p.height * size,
            )
        )
    for s in (1.0, 0.62, 0.34, 0.14, 0.04, 0.0):
        size = p.nose_blunt + (1 - p.nose_blunt) * s**p.nose_power
        rows.append(
            (1 - p.nose * s, -p.nose_drop * (1 - s), p.width * size, p.height * size, p.height * size)
        )
    rows = sorted({round(row[0], 5): row for row in rows}.values())
    t = np.concatenate([np.linspace(0, 0.9, 54), np.linspace(0.9, 1.0, 11)[1:]])
    return Piece("fuselage", "fuselage", body(rows, t, section(28, p.square)))


def _surface(
    root: np.ndarray,
    span: np.ndarray,
    chords: tuple[float, float],
    sweep: float,
    thick: float,
    *,
    rings: int,
    up: float = 0.0,
) -> np.ndarray:
    """A tapered surface from `root` (middle of its root chord) along `span` [3]; its tip may turn up by
    `up`."""
    s = np.array([0.0, 0.35, 0.93, 1.0])
    length = float(np.hypot(span[0], span[1]))
    chord = chords[0] + (chords[1] - chords[0]) * s
    chord[-1] *= 0.75
    front = root + s[:, None] * span + np.array([0.0, 0.0, 0.5 * chords[0]])
    front[:, 2] -= np.tan(np.radians(sweep)) * length * s
    if up > 0:
        front[-1] += np.array([0.0, up, -0.4 * up])
    back = front - chord[:, None] * np.array([0.0, 0.0, 1.0])
    return plate(front, back, thick * np.array([1.0, 0.8, 0.42, 0.3]), rings=rings, chord=7)


def _wing_point(p: Values, share: float) -> tuple[np.ndarray, float]:
    """Middle of the wing's chord at a share of the span, and the chord."""
    x = share * p.wing_span
    chord = p.wing_root + (p.wing_tip - p.wing_root) * share
    lead = p.wing_at + 0.5 * p.wing_root - np.tan(np.radians(p.wing_sweep)) * x
    y = 0.8 * p.wing_height * p.height + np.tan(np.radians(p.wing_dihedral)) * x
    return np.array([x, y, lead - 0.5 * chord]), chord


def _propeller(name: str, hub: np.ndarray, radius: float, turn: float) -> list[Piece]:
    pieces = []
    for index in range(2):
        angle = np.radians(turn + 90 * index)
        blade = radius * np.array([np.cos(angle), np.sin(angle), 0.0])
        s = np.array([-1.0, -0.6, -0.12, 0.12, 0.6, 1.0])[:, None]
        path = hub + s * blade
        wide = radius * np.array([0.03, 0.09, 0.05, 0.05, 0.09, 0.03])
        size = np.stack([wide, np.full(6, 0.025 * radius)], -1)
        piece = Piece(f"{name}{index}", "propeller", limb(path, size, rings=9, sides=6))
        pieces.append(piece if radius > 0.02 else piece.collapsed(hub))
    return pieces


def _engines(p: Values) -> list[Piece]:
    pieces: list[Piece] = []
    for name, share in (("inner", p.inner), ("outer", p.outer)):
        point, chord = _wing_point(p, max(share, 0.05))
        centre = point + np.array(
            [0.0, -p.engine_drop, 0.5 * chord + p.engine_forward - 0.5 * p.engine_length]
        )
        if p.rear_engines > 0.5:
            centre = np.array([p.width + 0.9 * p.engine_radius, 0.35 * p.height, -0.62])
        z = np.linspace(-0.5, 0.5, 9) * p.engine_length
        profile = np.array([0.5, 0.62, 0.8, 0.94, 1.0, 1.02, 1.0, 0.95, 0.84]) * p.engine_radius
        axis = np.stack([np.full(9, centre[0]), np.full(9, centre[1]), centre[2] + z], -1)
        grid = limb(axis, profile, rings=13, sides=14, reference=(0.0, 1.0, 0.0))
        front = centre + np.array([0.0, 0.0, 0.5 * p.engine_length])
        last = front if p.prop_wing > 0.02 else front - np.array([0.0, 0.0, 0.35 * p.engine_radius])
        engine = Piece(f"engine_{name}", "engine", grid, None, last)
        arm = np.stack([centre + np.array([0, 0.5 * p.engine_radius, 0.1 * p.engine_length]), point])
        if p.rear_engines > 0.5:
            arm[1] = np.array([0.3 * p.width, 0.35 * p.height, -0.62])
        half = np.array([0.0, 0.0, 0.28 * p.engine_length])
        pylon = Piece(f"pylon_{name}", "pylon", plate(arm + half, arm - half, 0.012, rings=4, chord=4))
        if share < 0.02:
            engine, pylon = engine.collapsed(point * 0.1), pylon.collapsed(point * 0.1)
        pieces += [*pair(engine), *pair(pylon)]
        radius = p.prop_wing if share > 0.02 else 0.0
        for blade in _propeller(f"prop_{name}", front + np.array([0, 0, 0.01]), radius, p.prop_turn):
            pieces += pair(blade)
    return pieces


def _gear(p: Values) -> list[Piece]:
    pieces: list[Piece] = []
    floor = -p.height - p.gear
    down = p.gear > 0.02
    for name, x, z in (("main", p.gear_track, p.gear_at), ("third", 0.0, p.gear_third)):
        small = 0.65 if name == "third" else 1.0
        low = floor if p.gear_third > 0 or name == "main" else -0.35 * p.height - 0.35 * p.gear
        top = np.array([0.5 * x, -0.5 * p.height if p.gear_third > 0 or x > 0 else 0.0, z])
        foot = np.array([x, low + p.wheel * small, z])
        leg = Piece(f"strut_{name}", "strut", limb(np.stack([top, 0.5 * (top + foot), foot]), np.full(3,
            0.011 * small + 0.004),
                                                  rings=4, sides=6))  # fmt: skip
        wheel = Piece(f"wheel_{name}", "wheel", disc(foot, p.wheel * small, 0.7 * p.wheel, sides=12))
        if not down:
            leg, wheel = leg.collapsed(top * 0.5), wheel.collapsed(top * 0.5)
        pieces += [*pair(leg), *pair(wheel)] if x > 0 else [leg, wheel]
    return pieces


def build(p: Values) -> list[Piece]:
    """All pieces of an airplane."""
    pieces = [_fuselage(p)]
    lift = 0.62 * p.height
    canopy = ball(np.array([0.0, lift, p.canopy_at]), np.array([0.72 * p.width, p.height - lift + p.canopy,
        p.canopy_length]),
                  np.eye(3), rings=13, sides=14)  # fmt: skip
    canopy_piece = Piece("canopy", "canopy", canopy)
    pieces.append(canopy_piece if p.canopy > 0.01 else canopy_piece.collapsed(np.array([0, 0, p.canopy_at])))
    rise = np.tan(np.radians(p.wing_dihedral)) * p.wing_span
    root = np.array([0.0, 0.8 * p.wing_height * p.height, p.wing_at])
    span = np.array([p.wing_span, rise, 0.0])
    chords = (p.wing_root, p.wing_tip)
    pieces += pair(
        Piece(
            "wing", "wing", _surface(root, span, chords, p.wing_sweep, p.wing_thick, rings=18, up=p.winglet)
        )
    )
    upper_root = root + np.array([0.0, p.gap + 0.1, 0.06])
    upper = Piece(
        "upper_wing", "wing", _surface(upper_root, span, chords, p.wing_sweep, p.wing_thick, rings=14)
    )
    pieces += pair(upper if p.biplane > 0.5 else upper.collapsed(root))
    pieces += _tail(p)
    pieces += _engines(p)
    nose = np.array([0.0, -p.nose_drop, 1.0])
    pieces += _propeller("prop_nose", nose + np.array([0, 0, 0.03]), p.prop_nose, p.prop_turn)
    spinner = Piece("spinner", "spinner", ball(nose + np.array([0, 0, 0.02]), 0.13 * max(p.prop_nose,
        0.01) * np.array([1, 1, 1.6]),
                                               np.eye(3), rings=5, sides=10))  # fmt: skip
    pieces.append(spinner if p.prop_nose > 0.02 else spinner.collapsed(nose - np.array([0, 0, 0.05])))
    pieces += _gear(p)
    low = np.array([0.55 * p.width, -0.75 * p.height, p.wing_at + 0.02])
    high, _ = _wing_point(p, 0.55)
    if p.biplane > 0.5:
        low, high = (
            high * np.array([1.2, 1, 1]),
            high * np.array([1.2, 1, 1]) + np.array([0, p.gap + 0.1, 0.06]),
        )
    strut = Piece(
        "wing_strut",
        "strut",
        limb(np.stack([low, 0.5 * (low + high), high]), np.full(3, 0.012), rings=4, sides=6),
    )
    pieces += pair(strut if p.strut > 0.5 else strut.collapsed(low * 0.5))
    return pieces


def _tail(p: Values) -> list[Piece]:
    base = p.tail_rise * 0.8
    top = np.array([0.0, base + 0.4 * p.height * (1 - p.stab_up), -1 + 0.6 * p.fin_root])
    fin_top = top + np.array([0.0, p.fin + 0.3 * p.height, -np.tan(np.radians(p.fin_sweep)) * p.fin])
    fin = Piece("fin", "fin", _surface(top, np.array([1e-4, p.fin + 0.3 * p.height, 0.0]), (p.fin_root,
        p.fin_tip), p.fin_sweep,
                                       0.6 * p.wing_thick, rings=10))  # fmt: skip
    start = np.array([0.85 * p.width, 0.4 * p.height, -1 + 0.75 * p.fin_root])
    twin = Piece("twin_fin", "fin", _surface(start, np.array([0.25 * p.fin, p.fin, 0.0]), (p.fin_root,
        p.fin_tip), p.fin_sweep,
                                             0.6 * p.wing_thick, rings=10))  # fmt: skip
    root = np.array([0.0, base + 0.1 * p.height, p.stab_at + 0.5 * p.stab_root * 0.2])
    if p.stab_up > 0.5:
        root = np.array([0.0, fin_top[1] - 0.02, fin_top[2] + 0.02])
    stab = _surface(
        root,
        np.array([p.stab_span, 0.03, 0.0]),
        (p.stab_root, p.stab_tip),
        p.stab_sweep,
        0.6 * p.wing_thick,
        rings=10,
    )
    middle = np.array([0.0, 0.0, -0.8])
    return [
        fin.collapsed(middle) if p.twin > 0.5 else fin,
            *pair(twin if p.twin > 0.5 else twin.collapsed(middle)),
        *pair(Piece("stab", "stab", stab)),
    ]  # fmt: skip


def pose(p: Values, family: str, rng: np.random.Generator) -> Values:
    """Wheels up (in flight) now and then, propeller anywhere."""
    chance = rng.random(2)
    retracts = family not in ("high_wing", "low_wing", "biplane")
    return p.with_(gear=0.0 if retracts and chance[0] < 0.4 else p.gear, prop_turn=float(90 * chance[1]))


AIRPLANE = Generator("airplane", SPACE, build, paint_airplane, pose, lumps=0.0)
