"""Paint of airplanes: airline liveries, private stripes, camouflage, bare metal."""

from __future__ import annotations

import numpy as np

from unrender.synthesize.brush import VIVID, Brush
from unrender.synthesize.curves import smoothstep
from unrender.synthesize.parameters import Values

_CAMOUFLAGE = (
    ("olive", "brown", "sky"), ("green", "brown", "grey"), ("slate", "grey", "grey"), ("buff", "brown",
        "sky"),
    ("olive", "bottle", "grey"), ("grey", "slate", "white"),
)  # fmt: skip
_MILITARY = ("fighter", "twin_fighter", "delta", "warbird", "cargo", "propeller_cargo", "biplane")


def paint_airplane(brush: Brush, p: Values, family: str) -> None:
    """A livery that fits the family."""
    kind = brush.rng.random()
    jet = family in ("fighter", "twin_fighter", "delta")
    if family in _MILITARY and kind < (0.85 if jet else 0.5):
        _military(brush, plain=kind < 0.35)
    elif kind > 0.93:
        brush.colour[:] = brush.tint("grey")
        brush.colour *= np.exp(0.15 * np.sin(14 * brush.points[:, 2]))[:, None]
        _stripe(brush, p)
    elif family in ("biplane", "low_wing", "high_wing", "warbird", "twin_prop") and kind > 0.5:
        _private(brush)
    else:
        _airline(brush, p)
    _glass(brush, p, family)
    brush.mottle(0.03, 0.03)
    brush.paint(brush.of("wheel"), "black")
    brush.paint(
        brush.of("wheel") * (np.abs(brush.normals[:, 0]) > 0.8) * brush.band(brush.along, 0.0, 0.06, 0.01),
        "grey",
    )
    brush.paint(brush.of("propeller"), brush.tint(brush.any(("dark", "black", "grey", "brown"))))
    brush.paint(brush.of("strut"), "grey", 0.7)
    front = brush.of("engine") * smoothstep(0.97, 1.0, brush.along)
    brush.paint(front, "dark")
    brush.paint(brush.of("engine") * (1 - smoothstep(0.0, 0.12, brush.along)), "dark")


def _height(brush: Brush) -> np.ndarray:
    """Height on the fuselage, -1 to 1, by the place on its rings."""
    return np.sin(2 * np.pi * brush.around)


def _stripe(brush: Brush, p: Values) -> None:
    body, y = brush.of("fuselage"), _height(brush)
    low = brush.rng.uniform(-0.5, 0.2)
    colour = brush.pick(VIVID)
    brush.paint(body * brush.band(y, low, low + brush.rng.uniform(0.15, 0.5), 0.06), colour)
    brush.paint(brush.of("fin"), colour, float(brush.chance(0.6)))


def _airline(brush: Brush, p: Values) -> None:
    rng, body, y = brush.rng, brush.of("fuselage"), _height(brush)
    brush.colour[:] = brush.tint("white" if brush.chance(0.8) else brush.any(VIVID), 0.05)
    brush.paint(brush.of("wing", "stab", "pylon"), brush.tint(brush.any(("grey", "white", "grey")), 0.08))
    first, second = brush.pick(VIVID), brush.pick(VIVID)
    kind = rng.random()
    if kind < 0.35:
        low = rng.uniform(-0.3, 0.25)
        brush.paint(body * brush.band(y, low, low + rng.uniform(0.1, 0.3), 0.05), first)
        brush.paint(body * brush.band(y, low - 0.25, low - 0.12, 0.05), second, float(brush.chance(0.6)))
    elif kind < 0.6:
        brush.paint(body * (y < rng.uniform(-0.7, -0.1)), first if brush.chance(0.5) else brush.tint("grey"))
    elif kind < 0.8:
        sweep = brush.points[:, 2] + rng.uniform(-0.6, 0.6) * y
        brush.paint(body * (sweep < rng.uniform(-0.7, -0.2)), first)
    else:
        brush.paint(
            body * brush.band(y, 0.0, 0.9, 0.1) * (brush.points[:, 2] > 0.1), first, float(brush.chance(0.5))
        )
    brush.paint(brush.of("fin"), first)
    if brush.chance(0.5):
        mark = brush.of("fin") * brush.band(brush.along + 0.3 * brush.noise(1.5), 0.35, 0.7, 0.05)
        brush.paint(mark, second if brush.chance(0.6) else brush.tint("white"))
    brush.paint(
        brush.of("engine"), first if brush.chance(0.4) else brush.tint(brush.any(("white", "grey", "slate")))
    )


def _private(brush: Brush) -> None:
    rng = brush.rng
    base = brush.pick(("white", "yellow", "red", "cream", "blue", "sky", "orange", "white"))
    mark = brush.pick(VIVID)
    brush.colour[:] = base
    y = _height(brush)
    low = rng.uniform(-0.4, 0.1)
    line = y + 0.5 * brush.points[:, 2] * rng.uniform(-0.6, 0.6)
    brush.paint(brush.of("fuselage") * brush.band(line, low, low + rng.uniform(0.15, 0.5), 0.05), mark)
    brush.paint(
        brush.of("wing", "stab") * smoothstep(0.78, 0.82, brush.along), mark, float(brush.chance(0.6))
    )
    brush.paint(brush.of("fin") * (brush.along > rng.uniform(0, 0.6)), mark, float(brush.chance(0.7)))
    brush.paint(brush.of("spinner", "engine"), mark, float(brush.chance(0.6)))


def _military(brush: Brush, plain: bool) -> None:
    rng = brush.rng
    first, second, below = _CAMOUFLAGE[rng.integers(len(_CAMOUFLAGE))]
    brush.colour[:] = brush.tint(first)
    if not plain:
        brush.points[:, 0] *= np.sign(brush.signed[:, 0])
        brush.paint(smoothstep(-0.05, 0.05, brush.noise(rng.uniform(1.0, 2.2))), brush.tint(second))
        brush.points[:, 0] = np.abs(brush.points[:, 0])
    brush.paint(smoothstep(0.1, 0.35, -brush.normals[:, 1]), brush.tint(below), float(brush.chance(0.8)))
    roundel = (
        brush.of("wing")
        * brush.band(brush.along, 0.62, 0.76, 0.01)
        * (np.abs(np.sin(2 * np.pi * brush.around)) > 0.55)
    )
    brush.paint(roundel, brush.tint(brush.any(("blue", "white", "red"))), float(brush.chance(0.6)))
    brush.paint(brush.of("spinner"), brush.tint(brush.any(("red", "yellow", "white", "black"))))


def _glass(brush: Brush, p: Values, family: str) -> None:
    body, y, z = brush.of("fuselage"), _height(brush), brush.along
    glass = brush.tint(brush.any(("black", "dark", "navy", "slate")))
    brush.paint(brush.of("canopy"), glass)
    frames = (np.abs(np.sin(9 * np.pi * brush.along)) < 0.22) | (
        np.abs(np.cos(2 * np.pi * brush.around)) < 0.1
    )
    brush.paint(brush.of("canopy") * frames, brush.tint("grey"), float(brush.chance(0.6)) * 0.8)
    if p.canopy > 0.01:
        return
    start = 1 - 0.5 * p.nose * 0.62
    cockpit = body * brush.band(z, start - 0.035, start + 0.02, 0.006) * brush.band(y, 0.42, 0.85, 0.06)
    brush.paint(cockpit, glass)
    ring = np.round(z * 64).astype(int)
    windows = (
        body * brush.band(z, 0.24, start - 0.06, 0.005) * (ring % 2 == 0) * brush.band(y, 0.18, 0.42, 0.05)
    )
    if family not in ("cargo", "propeller_cargo") or brush.chance(0.3):
        brush.paint(windows, glass, 0.9)
