"""Materials of furniture: wood with grain, lacquer, cloth with patterns, leather, metal."""

from __future__ import annotations

import numpy as np

from unrender.synthesize.brush import Brush
from unrender.synthesize.curves import smoothstep

WOODS = ("straw", "buff", "brown", "rust", "umber", "dark", "brown", "buff")
CLOTHS = (
    "grey", "slate", "cream", "white", "buff", "brown", "red", "blue", "navy", "green", "olive", "teal",
        "rose", "purple",
    "yellow", "orange", "dark", "sky", "bottle", "rust",
)  # fmt: skip
METALS = ("grey", "slate", "dark", "black", "white")
LACQUERS = (
    "white",
    "white",
    "black",
    "grey",
    "red",
    "blue",
    "green",
    "yellow",
    "cream",
    "teal",
    "sky",
    "dark",
)


def wood(brush: Brush, mask: np.ndarray, name: str | None = None, direction: int = 1) -> None:
    """Wood whose grain runs along an axis (0 x, 1 y, 2 z)."""
    tone = brush.tint(name or brush.any(WOODS), 0.18)
    stretch = [0.12 if axis == direction else 1.0 for axis in range(3)]
    grain = 0.12 * brush.noise(7.0, stretch) + 0.06 * brush.noise(14.0, stretch)
    brush.paint(mask, np.clip(tone * np.exp(grain)[:, None] * np.array([1.0, 0.98, 0.95]), 0, 1))


def lacquer(brush: Brush, mask: np.ndarray) -> None:
    """One even colour."""
    brush.paint(mask, brush.pick(LACQUERS))


def metal(brush: Brush, mask: np.ndarray) -> None:
    """Chrome, steel, black tube, white enamel, now and then brass."""
    brush.paint(mask, brush.pick(METALS) if brush.chance(0.85) else brush.tint("straw"))


def frame(brush: Brush, mask: np.ndarray, woods: float = 0.75, direction: int = 1) -> None:
    """Wood with this probability, else lacquer or metal."""
    if brush.chance(woods):
        wood(brush, mask, direction=direction)
    elif brush.chance(0.6):
        lacquer(brush, mask)
    else:
        metal(brush, mask)


def cloth(brush: Brush, mask: np.ndarray) -> None:
    """Plain, striped, checked, flowered or leather."""
    rng = brush.rng
    base = brush.pick(CLOTHS)
    brush.paint(mask, base)
    kind, other = rng.random(), brush.pick(CLOTHS)
    if kind < 0.15:
        axis = rng.choice([0, 2])
        brush.paint(mask * smoothstep(0.0, 0.4, np.sin(rng.uniform(18, 40) * brush.signed[:, axis])), other)
    elif kind < 0.25:
        waves = np.sin(25 * brush.signed[:, 0]) * np.sin(25 * (brush.signed[:, 2] + brush.signed[:, 1]))
        brush.paint(mask * smoothstep(0.0, 0.2, waves), other, 0.8)
    elif kind < 0.35:
        near, _ = brush.cells(0.12)
        brush.paint(mask * (1 - smoothstep(0.25, 0.4, near)), other)
    brush.colour = np.where(
        mask[:, None], brush.colour * np.exp(0.08 * brush.noise(5.0))[:, None], brush.colour
    )
