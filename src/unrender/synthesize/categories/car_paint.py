"""Paint of vehicles: body colours, windows, lights, wheels and what marks taxis, police and racing cars."""

from __future__ import annotations

import numpy as np

from unrender.synthesize.brush import Brush
from unrender.synthesize.curves import smoothstep
from unrender.synthesize.parameters import Values

_COLOURS = (
    "white", "white", "grey", "grey", "slate", "dark", "black", "black", "red", "red", "blue", "navy",
        "bottle", "green",
    "yellow", "orange", "brown", "buff", "sky", "cream", "teal", "scarlet", "purple",
)  # fmt: skip
_FIXED = {
    "taxi": ("yellow", "yellow", "black", "white"), "police": ("white", "black", "blue", "navy"),
    "ambulance": ("white", "white", "cream"), "fire_engine": ("red", "red", "scarlet"),
    "tractor": ("green", "red", "blue", "orange"), "bus": ("red", "white", "yellow", "blue", "orange",
        "green", "grey"),
}  # fmt: skip


def paint_car(brush: Brush, p: Values, family: str) -> None:
    """Body, glass, lights, tyres and markings."""
    rng = brush.rng
    colours = _FIXED.get(family, _COLOURS)
    base = brush.pick(colours)
    brush.colour[:] = base
    scale = _unit(brush, p)
    y, z = brush.signed[:, 1] * scale[0] + scale[1], brush.signed[:, 2] * scale[0] + scale[2]
    body, cabin, cargo = brush.of("body"), brush.of("cabin"), brush.of("cargo")
    sill = p.clear + 0.06
    if brush.chance(0.25):
        level = rng.uniform(p.clear + 0.1, p.belt)
        brush.paint(body * (y < level), brush.pick(colours))
    if family in ("sports", "racing", "roadster", "american", "kart") and brush.chance(0.35):
        stripe = brush.band(brush.points[:, 0] * scale[0], -1, 0.07) * (brush.normals[:, 1] > 0.3)
        brush.paint(stripe, brush.pick(("white", "black", "yellow", "red", "blue")))
    brush.paint(body * (1 - smoothstep(sill - 0.02, sill + 0.02, y)), "dark", 0.8)
    if brush.chance(0.25):
        brush.paint(cabin, brush.pick(("black", "white", "cream", "dark")))
    if cargo.any() and p.cargo > 0.5 and family != "bus":
        brush.paint(
            cargo,
            brush.pick(("white", "white", "grey", "blue", "cream", "orange")) if family == "lorry" else base,
        )
    _markings(brush, family, y, z, body | cargo, p)
    _glass(brush, p, family, y, z)
    for axle, radius in ((p.axle_front, p.wheel), (p.axle_rear, p.rear_wheel)):  # dark arches
        distance = np.hypot(z - axle, y - radius)
        side = (np.abs(brush.signed[:, 0]) * scale[0] > 0.8 * p.width) & (p.track <= 1.0)
        brush.paint((1 - smoothstep(1.08 * radius, 1.2 * radius, distance)) * side * (body | cargo), "black")
    brush.mottle(0.02, 0.015)
    _parts(brush, base)


def _unit(brush: Brush, p: Values) -> tuple[float, float, float]:
    """From the brush's normalised points back to the car's unit: factor, y and z of its origin."""
    wheel = brush.named("wheel_rear_left")
    wheel_front = brush.named("wheel_front_left")
    rear, front = brush.signed[wheel], brush.signed[wheel_front]
    factor = (p.axle_front - p.axle_rear) / (front[:, 2].mean() - rear[:, 2].mean())
    return float(factor), float(-factor * rear[:, 1].min()), float(p.axle_rear - factor * rear[:, 2].mean())


def _glass(brush: Brush, p: Values, family: str, y: np.ndarray, z: np.ndarray) -> None:
    rng = brush.rng
    glass = brush.tint(brush.any(("black", "black", "dark", "slate", "navy")), 0.15)
    cabin = brush.of("cabin")
    if p.open > 0.5:
        brush.paint(cabin, brush.tint("sky"), 0.8)
        brush.paint(
            brush.of("body")
            * brush.band(z, p.cabin_rear, p.cabin_front - 0.06, 0.02)
            * (brush.normals[:, 1] > 0.6),
            glass,
        )
        return
    high = (y - p.belt) / max(p.roof - p.belt, 0.05)
    steep = brush.normals[:, 1] < 0.82
    window = cabin * brush.band(high, 0.1, 0.84, 0.04) * steep
    across = np.abs(brush.normals[:, 0]) > 0.65
    t = np.clip(high, 0, 1)
    rear = p.cabin_rear + (p.roof_rear - p.cabin_rear) * t
    front = p.cabin_front + (p.roof_front - p.cabin_front) * t
    place = (z - rear) / np.maximum(front - rear, 0.05)
    posts = np.zeros(len(z))
    pillars = rng.choice([1, 2]) if p.cabin_front - p.cabin_rear < 1.3 else 3
    for centre in (np.arange(pillars) + 1) / (pillars + 1) * 0.96 + 0.03:
        posts = np.maximum(posts, np.abs(place - centre) < 0.03)
    posts = np.maximum(posts, np.abs(place - 0.5) > 0.455)
    if family == "van" and brush.chance(0.5):
        posts = np.maximum(posts, place < 0.6)
    brush.paint(window * np.where(across, 1 - posts, 1.0), glass)
    if family == "bus":
        cargo = brush.of("cargo")
        level = (y - p.cargo_bottom) / (p.cargo_top - p.cargo_bottom)
        side = np.abs(brush.normals[:, 0]) > 0.7
        panes = (np.sin(brush.rng.uniform(24, 32) * z) > -0.75) | ~side
        brush.paint(cargo * brush.band(level, 0.5, 0.86, 0.04) * panes * (brush.normals[:, 1] < 0.5), glass)


def _markings(brush: Brush, family: str, y: np.ndarray, z: np.ndarray, body: np.ndarray, p: Values) -> None:
    middle = 0.5 * (p.clear + p.belt) + 0.08
    side = np.abs(brush.normals[:, 0]) > 0.5
    if family == "taxi":
        check = (np.sin(36 * z) > 0) ^ (y > middle)
        brush.paint(
            body * side * brush.band(y, middle - 0.05, middle + 0.05, 0.005) * check,
            "black",
            float(brush.chance(0.6)),
        )
    elif family == "police":
        brush.paint(
            body * brush.band(z, -0.35, 0.35, 0.02),
            "white" if brush.chance(0.5) else "black",
            float(brush.chance(0.7)),
        )
        brush.paint(body * side * brush.band(y, middle - 0.03, middle + 0.03, 0.01), "blue")
    elif family in ("ambulance", "fire_engine", "bus", "lorry"):
        colour = brush.pick(("red", "orange", "white", "blue", "yellow"))
        brush.paint(
            body * side * brush.band(y, middle - 0.04, middle + 0.06, 0.01), colour, float(brush.chance(0.8))
        )
    elif family in ("racing", "kart") and brush.chance(0.7):
        brush.paint(
            body * brush.band(z + 0.6 * y, -0.3, brush.rng.uniform(0, 0.5), 0.02),
            brush.pick(("white", "yellow", "black")),
        )


def _parts(brush: Brush, base: np.ndarray) -> None:
    brush.paint(brush.of("wheel"), np.full(3, 0.012))
    rim = brush.pick(("grey", "white", "slate", "dark", "grey"))
    hub = (np.abs(brush.along - 0.5) > 0.37) & brush.of("wheel")
    brush.paint(hub, rim)
    spokes = hub & (np.sin(2 * np.pi * 5 * brush.around) > 0.5)
    brush.paint(spokes, np.full(3, 0.02), float(brush.chance(0.6)))
    brush.paint(brush.of("headlight"), brush.tint(brush.any(("white", "cream", "grey"))))
    brush.paint(brush.of("taillight"), "red")
    brush.paint(brush.of("bumper"), brush.pick(("dark", "grey", "black")) if brush.chance(0.6) else base)
    brush.paint(brush.of("grille"), brush.pick(("black", "dark", "grey")))
    brush.paint(brush.of("rack"), "dark")
    bar = brush.of("lightbar")
    brush.paint(bar, brush.tint("blue"))
    brush.paint(bar * (brush.signed[:, 0] > 0), brush.tint(brush.any(("red", "blue", "orange"))))
    brush.paint(brush.of("spoiler"), brush.pick(("black", "white", "red")) if brush.chance(0.5) else base)
