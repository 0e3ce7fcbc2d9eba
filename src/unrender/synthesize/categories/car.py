"""Procedural road vehicles: saloons, estates, vans, pickups, sports cars, buses, lorries, racing cars,
tractors.

Lengths in half car lengths (z from -1 to 1), wheels on y = 0. The proportions were written down from looking
at cars; no
scanned or fitted mesh went into them.
"""

from __future__ import annotations

import numpy as np

from unrender.synthesize.categories.car_paint import paint_car
from unrender.synthesize.curves import pchip
from unrender.synthesize.generator import Generator
from unrender.synthesize.parameters import ParameterSpace, Range, Values
from unrender.synthesize.parts import Piece, ball, box, disc, loft, pair, plate, prism, section

RANGES: dict[str, Range] = {
    "width": (0.4, -0.05, 0.15, 0.65), "clear": (0.1, -0.12, 0.03, 0.4), "bumper": (0.3, -0.06, 0.15, 1.4),
    "hood": (0.4, -0.05, 0.15, 1.4), "belt": (0.44, -0.05, 0.15, 1.4), "trunk": (0.42, -0.05, 0.15, 1.4),
    "rear": (0.36, -0.05, 0.15, 1.4), "square": (5, 0.5, 2.5, 9), "pinch": (0.85, 0.03, 0.5, 1.0),
    "roof": (0.68, -0.04, 0.3, 1.5), "cabin_front": (0.36, 0.03, -0.5, 0.98), "cabin_rear": (-0.72, 0.03,
        -1.0, 0.4),
    "roof_front": (0.06, 0.03, -0.6, 0.95), "roof_rear": (-0.48, 0.03, -1.0, 0.2), "cabin_width": (0.93, 0.02,
        0.5, 1.02),
    "roof_width": (0.74, 0.03, 0.4, 1.0), "cabin": (1, 0, 0, 1), "cargo": (0, 0, 0, 1), "cargo_top": (0.9,
        -0.05, 0.3, 1.6),
    "cargo_front": (0.2, 0.04, -0.6, 0.98), "cargo_rear": (-0.98, 0.01, -1.0, -0.3), "cargo_bottom": (0.25,
        0.02, 0.1, 1.0),
    "cargo_width": (1.02, 0.01, 0.5, 1.1),
    "wheel": (0.155, -0.06, 0.06, 0.4), "rear_wheel": (0.155, -0.06, 0.06, 0.5), "tyre": (0.1, -0.08, 0.05,
        0.3),
    "track": (0.92, 0.015, 0.6, 1.6), "axle_front": (0.63, 0.02, 0.2, 0.9), "axle_rear": (-0.6, 0.02, -0.9,
        -0.2),
    "spoiler": (0, -0.2, 0, 0.4), "front_wing": (0, 0, 0, 1), "lightbar": (0, 0, 0, 1), "rack": (0, 0, 0, 1),
    "mirror": (0.06, -0.15, 0, 0.14), "bumper_out": (0.02, 0.006, 0, 0.08), "open": (0, 0, 0, 1),
}  # fmt: skip

_VAN: dict[str, float] = dict(
    hood=0.52, belt=0.56, trunk=0.56, rear=0.5, bumper=0.42, roof=0.98, cabin_front=0.72, roof_front=0.45,
        cabin_rear=-0.98,
    roof_rear=-0.95, roof_width=0.9, cabin_width=0.98, clear=0.12,
)  # fmt: skip
_SUV: dict[str, float] = dict(
    clear=0.17, bumper=0.4, hood=0.52, belt=0.55, trunk=0.55, rear=0.5, roof=0.85, cabin_rear=-0.95,
        roof_rear=-0.84,
    roof_front=0.1, roof_width=0.82, wheel=0.19, rear_wheel=0.19, tyre=0.13, width=0.43,
)  # fmt: skip
_TRUCK: dict[str, float] = dict(
    clear=0.18, width=0.33, bumper=0.36, hood=0.42, belt=0.44, trunk=0.3, rear=0.28, roof=0.86,
        cabin_front=0.95,
    roof_front=0.85, cabin_rear=0.4, roof_rear=0.42, cabin_width=0.98, roof_width=0.93, cargo=1,
        cargo_top=1.0,
    cargo_front=0.34, wheel=0.15, rear_wheel=0.15, axle_front=0.66, axle_rear=-0.62, cargo_bottom=0.3,
)  # fmt: skip

FAMILIES: dict[str, tuple[float, dict[str, float]]] = {
    "saloon": (12, {}),
    "hatchback": (8, dict(cabin_rear=-0.96, roof_rear=-0.78, trunk=0.46, rear=0.42, cabin_front=0.4,
        width=0.43, roof=0.72,
        wheel=0.165, rear_wheel=0.165)),
    "small": (5, dict(cabin_rear=-0.95, roof_rear=-0.78, trunk=0.54, rear=0.5, hood=0.5, belt=0.54,
        bumper=0.38, width=0.5,
        roof=0.92, wheel=0.2, rear_wheel=0.2, cabin_front=0.5, roof_front=0.14)),
    "estate": (5, dict(cabin_rear=-0.97, roof_rear=-0.88, trunk=0.44, rear=0.42)),
    "suv": (7, _SUV),
    "jeep": (4, {**_SUV, "cabin_front": 0.3, "roof_front": 0.22, "roof_rear": -0.93, "cabin_rear": -0.96,
        "square": 8,
        "pinch": 0.97, "roof_width": 0.88, "wheel": 0.22, "rear_wheel": 0.22, "clear": 0.22, "rack": 1}),
    "van": (5, _VAN), "minibus": (3, {**_VAN, "cabin_front": 0.95, "roof_front": 0.8, "hood": 0.54,
        "bumper": 0.48}),
    "sports": (7, dict(clear=0.07, bumper=0.2, hood=0.29, belt=0.34, trunk=0.36, rear=0.32, roof=0.52,
        cabin_front=0.26,
        roof_front=-0.08, roof_rear=-0.36, cabin_rear=-0.82, width=0.44, roof_width=0.7, square=3.6,
            wheel=0.15, rear_wheel=0.155,
        spoiler=0.03, tyre=0.13)),
    "roadster": (3, dict(clear=0.08, bumper=0.22, hood=0.33, belt=0.37, trunk=0.37, rear=0.32, roof=0.5,
        cabin_front=0.2,
        roof_front=0.04, cabin_rear=-0.42, roof_rear=-0.3, open=1, square=3.8)),
    "classic": (4, dict(bumper=0.3, hood=0.44, belt=0.48, trunk=0.42, rear=0.26, roof=0.74, square=2.8,
        cabin_front=0.34,
        roof_front=0.12, roof_rear=-0.35, cabin_rear=-0.85, roof_width=0.68, pinch=0.7, bumper_out=0.05,
            wheel=0.16,
        rear_wheel=0.16)),
    "american": (4, dict(width=0.38, roof=0.58, hood=0.36, belt=0.38, trunk=0.38, bumper=0.3, rear=0.34,
        cabin_front=0.25,
        roof_front=0.0, roof_rear=-0.38, cabin_rear=-0.58, wheel=0.13, rear_wheel=0.13, axle_front=0.62,
            axle_rear=-0.5)),
    "pickup": (5, {**_SUV, "cabin_rear": -0.2, "roof_rear": -0.14, "cabin_front": 0.42, "roof_front": 0.14,
        "trunk": 0.5,
        "belt": 0.52, "roof": 0.8, "width": 0.38, "wheel": 0.165, "rear_wheel": 0.165}),
    "police": (3, dict(lightbar=1)), "taxi": (3, dict(rack=0, lightbar=0)),
    "ambulance": (3, {**_VAN, "lightbar": 1, "cargo": 1, "cargo_top": 1.08, "cargo_front": 0.3}),
    "bus": (4, {**_TRUCK, "cargo": 1, "cargo_front": 0.97, "cargo_bottom": 0.14, "cargo_top": 0.72,
        "width": 0.24, "wheel": 0.1,
        "rear_wheel": 0.1, "roof": 0.6, "cargo_width": 1.04, "axle_rear": -0.55, "clear": 0.08, "hood": 0.3,
            "belt": 0.3,
        "bumper": 0.28, "tyre": 0.07, "trunk": 0.3}),
    "lorry": (4, _TRUCK), "fire_engine": (3, {**_TRUCK, "lightbar": 1, "cargo_top": 0.88, "rack": 1}),
    "racing": (5, dict(width=0.2, clear=0.05, bumper=0.13, hood=0.25, belt=0.3, trunk=0.3, rear=0.26,
        roof=0.42,
        cabin_front=0.1, cabin_rear=-0.75, roof_front=-0.12, roof_rear=-0.3, cabin_width=0.6, roof_width=0.4,
            wheel=0.16,
        rear_wheel=0.18, tyre=0.16, track=2.0, spoiler=0.18, front_wing=1, pinch=0.4, square=3, mirror=0,
            bumper_out=0)),
    "kart": (3, dict(width=0.36, clear=0.06, bumper=0.2, hood=0.3, belt=0.3, trunk=0.36, rear=0.4, roof=0.62,
        cabin_front=0.0,
        cabin_rear=-0.5, roof_front=-0.15, roof_rear=-0.35, cabin_width=0.55, roof_width=0.5, wheel=0.2,
            rear_wheel=0.24,
        tyre=0.2, track=1.35, pinch=0.55, square=2.8, mirror=0)),
    "tractor": (3, dict(width=0.24, clear=0.28, bumper=0.62, hood=0.7, belt=0.72, trunk=0.7, rear=0.6,
        roof=1.25,
        cabin_front=-0.05, roof_front=-0.12, cabin_rear=-0.8, roof_rear=-0.75, cabin_width=1.0,
            roof_width=1.0, wheel=0.26,
        rear_wheel=0.42, tyre=0.18, track=1.55, axle_front=0.62, axle_rear=-0.45, mirror=0, square=7,
            bumper_out=0)),
}  # fmt: skip
SPACE = ParameterSpace(RANGES, FAMILIES, 0.25, (
    ("saloon", "hatchback", "estate", "small", "taxi", "police", "american"), ("suv", "jeep", "pickup"),
        ("van", "minibus"),
    ("sports", "roadster"), ("lorry", "fire_engine"), ("racing", "kart"), ("classic", "saloon"),
))  # fmt: skip


def _body(p: Values) -> Piece:
    z = np.concatenate([-1 + 0.12 * np.linspace(0, 1, 8) ** 1.4, np.linspace(-0.88, 0.88, 40)[1:-1],
                        1 - 0.12 * np.linspace(1, 0, 8) ** 1.4])  # fmt: skip
    knots = np.array([
        -1.0, -0.97, -0.9, float(np.clip(p.cabin_rear - 0.02, -0.86, -0.6)), -0.1,
        float(np.clip(p.cabin_front + 0.04, 0.3, 0.84)), 0.88, 0.97, 1.0,
    ])  # fmt: skip
    top = np.array([0.78 * p.rear, 0.97 * p.rear, 0.6 * p.rear + 0.4 * p.trunk, p.trunk, p.belt, p.hood,
        0.5 * (p.hood + p.bumper),
                    p.bumper, 0.75 * p.bumper])  # fmt: skip
    bottom = np.array([1.9, 1.3, 1.0, 1.0, 1.0, 1.0, 1.0, 1.3, 1.9]) * p.clear
    nose = 0.5 * (p.pinch + 1)
    wide = p.width * np.array(
        [0.9 * p.pinch, 0.96 * nose, 1.0 * (1 + nose) / 2, 1, 1, 1, nose, 0.97 * p.pinch, 0.88 * p.pinch]
    )
    high, low, half = (pchip(knots, values, z) for values in (top, np.minimum(bottom, 0.8 * top), wide))
    centre = np.stack([np.zeros_like(z), 0.5 * (high + low), z], -1)
    shape = section(44, p.square)
    return Piece("body", "body", loft(centre, np.eye(3), np.stack([half, 0.5 * (high - low)], -1), shape))


def _cabin(p: Values) -> Piece:
    base = p.belt - 0.05
    stations, halves = [], []
    for t in (0.0, 0.12, 0.82, 0.97, 1.0):
        rear, front = (
            p.cabin_rear + (p.roof_rear - p.cabin_rear) * t,
            p.cabin_front + (p.roof_front - p.cabin_front) * t,
        )
        wide = p.width * (p.cabin_width + (p.roof_width - p.cabin_width) * t)
        inset = 0.0 if t < 0.9 else 0.02 if t < 0.99 else 0.07
        stations.append((0.0, base + (p.roof - base) * t, 0.5 * (front + rear)))
        halves.append((0.5 * (front - rear) - inset, wide - inset))
    grid = prism(np.array(stations), np.maximum(np.array(halves), 0.02), 0.035, axis="y", sides=15, rings=3)
    piece = Piece("cabin", "cabin", grid)
    if p.open > 0.5:  # only a windscreen
        thin = box((0, 0.5 * (base + p.roof), 0.5 * (p.cabin_front + p.roof_front)),
                   (1.7 * p.width, p.roof - base, 0.04), 0.012, axis="y", sides=15, rings=12)  # fmt: skip
        lean = (p.roof_front - p.cabin_front) / max(p.roof - base, 0.05)
        thin[..., 2] += (thin[..., 1] - 0.5 * (base + p.roof)) * lean
        piece = Piece("cabin", "cabin", thin)
    return piece


def _cargo(p: Values) -> Piece:
    centre = (0.0, 0.5 * (p.cargo_top + p.cargo_bottom), 0.5 * (p.cargo_front + p.cargo_rear))
    size = (2 * p.width * p.cargo_width, p.cargo_top - p.cargo_bottom, p.cargo_front - p.cargo_rear)
    piece = Piece("cargo", "cargo", box(centre, size, 0.04, axis="z", sides=9, rings=26))
    return piece if p.cargo > 0.5 else piece.collapsed(np.array([0.0, 0.3, -0.3]))


def build(p: Values) -> list[Piece]:
    """All pieces of a vehicle."""
    pieces = [_body(p), _cabin(p), _cargo(p)]
    for name, z, radius in (("front", p.axle_front, p.wheel), ("rear", p.axle_rear, p.rear_wheel)):
        x = p.track * p.width - 0.4 * p.tyre if p.track > 1 else p.width * p.track - 0.36 * p.tyre
        pieces += pair(Piece(f"wheel_{name}", "wheel", disc((x, radius, z), radius, p.tyre, sides=20)))
    light = 0.62 * p.bumper + 0.3 * p.clear
    front = np.array([0.62 * p.width * p.pinch, light + 0.05, 0.975])
    pieces += pair(
        Piece("headlight", "headlight", ball(front, np.array([0.17 * p.width, 0.042, 0.035]), np.eye(3)))
    )
    back = np.array([0.72 * p.width * p.pinch, 0.6 * p.rear + 0.07, -0.985])
    pieces += pair(
        Piece("taillight", "taillight", ball(back, np.array([0.14 * p.width, 0.045, 0.03]), np.eye(3)))
    )
    for name, z, height in (("front", 0.985, 0.5 * p.bumper), ("rear", -0.985, 0.5 * p.rear)):
        sign = np.sign(z)
        bar = box(
            (0, height, z + sign * 0.4 * p.bumper_out),
            (1.8 * p.width * p.pinch, 0.1, 0.05 + p.bumper_out),
            0.02,
            axis="x",
        )
        pieces.append(Piece(f"bumper_{name}", "bumper", bar))
    grille = box(
        (0, 0.72 * p.bumper, 0.985), (0.75 * p.width * p.pinch, 0.22 * p.bumper, 0.03), 0.01, axis="x"
    )
    pieces.append(Piece("grille", "grille", grille))
    mirror = box(
        (p.width * p.cabin_width + 0.5 * p.mirror, p.belt + 0.05, p.cabin_front - 0.12),
        (p.mirror, 0.07, 0.05),
        0.015,
    )
    side = Piece("mirror", "mirror", mirror)
    pieces += pair(side if p.mirror > 0.01 else side.collapsed(np.array([0.1, 0.3, 0.0])))
    pieces += _extras(p)
    return pieces


def _extras(p: Values) -> list[Piece]:
    top = p.cargo_top if p.cargo > 0.5 else p.roof
    middle = 0.5 * (p.roof_front + p.roof_rear) + 0.1
    bar = Piece(
        "lightbar",
        "lightbar",
        box((0, p.roof + 0.03, middle), (1.1 * p.width, 0.07, 0.1), 0.02, axis="x", rings=8),
    )
    rack = Piece(
        "rack",
        "rack",
        box((0, top + 0.03, 0.5 * (p.roof_front + p.roof_rear)), (1.1 * p.width, 0.05, 0.5), 0.02),
    )
    hidden = np.array([0.0, 0.3, 0.0])
    y = p.trunk + p.spoiler
    edge = np.array([[1.05 * p.width, y, -0.9], [0.0, y, -0.9], [-1.05 * p.width, y, -0.9]])
    if p.track > 1.5:
        edge[:, 0] *= 1.7
    blade = Piece(
        "spoiler", "spoiler", plate(edge, edge - np.array([0, -0.01, 0.14]), 0.012, rings=9, chord=4)
    )
    foot = box(
        (0.5 * p.width, p.trunk + 0.4 * p.spoiler, -0.95), (0.03, max(p.spoiler, 0.02), 0.08), 0.008, axis="y"
    )
    post = Piece("spoiler_post", "spoiler", foot)
    low = np.array([[1.9 * p.width, 0.09, 0.97], [0.0, 0.09, 0.97], [-1.9 * p.width, 0.09, 0.97]])
    wing = Piece(
        "front_wing", "spoiler", plate(low, low - np.array([0, -0.01, 0.16]), 0.012, rings=9, chord=4)
    )
    return [
        bar if p.lightbar > 0.5 else bar.collapsed(hidden), rack if p.rack > 0.5 else rack.collapsed(hidden),
        blade if p.spoiler > 0.015 else blade.collapsed(hidden),
            *pair(post if p.spoiler > 0.015 else post.collapsed(hidden)),
        wing if p.front_wing > 0.5 else wing.collapsed(hidden),
    ]  # fmt: skip


CAR = Generator("car", SPACE, build, paint_car)
