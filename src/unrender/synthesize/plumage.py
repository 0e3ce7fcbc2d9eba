"""Colours of a procedural bird: palettes, regions and feather patterns, as linear albedo per vertex.

Everything is a function of anatomical coordinates (see `bird_parts.anatomy`), of the canonical vertex
positions and of the seed, so that a pattern sits at the same place of every pose.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from unrender.synthesize.bird_parts import (
    BEAK,
    BODY,
    CREST,
    EYE,
    HEAD,
    LEG_LEFT,
    LEG_RIGHT,
    NECK,
    TAIL,
    WING_LEFT,
    WING_RIGHT,
    anatomy,
    part_of_vertex,
    tubes,
    vertex_count,
)
from unrender.synthesize.curves import smoothstep
from unrender.synthesize.palettes import COLOURS, NEUTRAL, SCHEMES, VIVID
from unrender.texture import srgb_to_linear


@lru_cache(maxsize=1)
def _eye_pole() -> np.ndarray:
    """Vertices of the eyes' pupils."""
    mask = np.zeros(vertex_count(), dtype=bool)
    for name in ("eye_left", "eye_right"):
        tube = tubes()[name]
        mask[tube.start : tube.start + 2 * tube.sides] = True
        mask[tube.start + tube.rings * tube.sides] = True
    return mask


class _Brush:
    """The bird being painted: linear colours [V, 3] and where things are."""

    def __init__(self, canonical: np.ndarray, rng: np.random.Generator) -> None:
        self.rng = rng
        self.part = part_of_vertex()
        where = anatomy().astype(np.float64)
        self.along, self.across, self.outer = where[:, 0], where[:, 1], where[:, 2]
        self.points = canonical.astype(np.float64) * np.array([1.0, 1.0, 1.0])
        if rng.random() < 0.85:
            self.points[:, 0] = np.abs(self.points[:, 0])
        self.colour = np.zeros((len(self.part), 3))
        self.trunk = self.part <= HEAD
        self.wings = (self.part == WING_LEFT) | (self.part == WING_RIGHT)
        self.legs = (self.part == LEG_LEFT) | (self.part == LEG_RIGHT)

    def noise(self, frequency: float, stretch: tuple[float, float, float] = (1, 1, 1)) -> np.ndarray:
        """Smooth noise [V], mean 0 and variance about 1; `frequency` in waves per unit of the canonical
        bird.
        """
        waves = self.rng.standard_normal((3, 20)) * frequency * 4.0 * np.asarray(stretch)[:, None]
        return np.cos(self.points @ waves + self.rng.uniform(0, 2 * np.pi, 20)).sum(1) / np.sqrt(10)

    def paint(self, mask: np.ndarray, colour: np.ndarray, opacity: float = 1.0) -> None:
        """Blend a linear colour [3] or colours [V, 3] in where `mask` (bool or [0, 1], [V]) says."""
        weight = np.clip(np.asarray(mask, dtype=np.float64) * opacity, 0, 1)[:, None]
        self.colour = self.colour + (colour - self.colour) * weight

    def tint(self, name: str, change: float = 0.12) -> np.ndarray:
        """A named colour, varied a little, linear [3]."""
        srgb = np.array(COLOURS[name]) / 255.0
        srgb = srgb * np.exp(change * self.rng.standard_normal()) + 0.3 * change * self.rng.standard_normal(3)
        return srgb_to_linear(np.clip(srgb, 0.05, 0.97))

    def pick(self, vivid: float) -> str:
        """A colour name, vivid with the given probability."""
        names = VIVID if self.rng.random() < vivid else NEUTRAL
        return names[self.rng.integers(len(names))]


def _scheme(family: str, brush: _Brush) -> list[str]:
    """Names of the colours (back, belly, wing, tail, head or "-", beak, legs)."""
    rng = brush.rng
    choices = SCHEMES.get(family, ())
    if choices and rng.random() < 0.62:
        return choices[rng.integers(len(choices))].split()
    if rng.random() < 0.12:  # another family's colours
        others = list(SCHEMES)
        other = SCHEMES[others[rng.integers(len(others))]]
        return other[rng.integers(len(other))].split()
    vivid = 0.12 if rng.random() < 0.55 else 0.6
    back = brush.pick(vivid)
    plain = rng.random() < 0.25
    belly = back if plain else brush.pick(0.6 * vivid)
    wing = back if rng.random() < 0.5 else brush.pick(vivid)
    tail = wing if rng.random() < 0.5 else brush.pick(vivid)
    head = brush.pick(max(vivid, 0.3)) if rng.random() < 0.4 else "-"
    bare = ("dark", "black", "grey", "orange", "yellow", "brown", "buff", "rose", "straw", "red", "slate")
    return [back, belly, wing, tail, head, bare[rng.integers(len(bare))], bare[rng.integers(len(bare))]]


def paint_bird(canonical: np.ndarray, family: str, rng: np.random.Generator) -> np.ndarray:
    """Colour a bird.

    Args:
        canonical: canonical vertex positions, [V, 3].
        family: a name of `bird_parameters.FAMILIES`; it makes that family's usual colours likelier.
        rng: the only source of chance.

    Returns:
        Linear albedo in [0, 1], float32 [V, 3].
    """
    brush = _Brush(canonical, rng)
    names = _scheme(family, brush)
    back, belly, wing, tail = (brush.tint(name) for name in names[:4])
    wobble = 0.12 * brush.noise(1.5)
    # trunk: back over belly
    level, soft = rng.uniform(-0.55, 0.45), rng.choice([0.12, 0.3, 0.7])
    brush.colour[:] = belly
    brush.paint(smoothstep(level - soft, level + soft, brush.across + wobble) * brush.trunk, back)
    _head(brush, names, wobble)
    _trunk_marks(brush, back, belly, wobble)
    _wings(brush, wing, back, belly)
    _tail(brush, tail, belly)
    _feathers(brush)
    _bare_parts(brush, names)
    return np.clip(brush.colour, 0.004, 0.95).astype(np.float32)


def _head(brush: _Brush, names: list[str], wobble: np.ndarray) -> None:
    rng, along, across = brush.rng, brush.along, brush.across
    high = brush.trunk & (along > 1.0)
    if names[4] != "-":  # a hood
        start = rng.uniform(1.25, 2.1)
        brush.paint(smoothstep(start - 0.12, start + 0.12, along + 0.6 * wobble - 0.15 * across) * high,
                    brush.tint(names[4]))  # fmt: skip
    on_head = brush.part == HEAD
    if rng.random() < 0.25:
        edge = rng.uniform(0.2, 0.7)
        cap = smoothstep(edge - 0.15, edge + 0.1, across) * (along > 2.05)
        brush.paint(cap * on_head, brush.tint(brush.pick(0.35)))
    if rng.random() < 0.22:
        width = rng.uniform(0.1, 0.25)
        stripe = np.exp(-(((across - 0.3) / width) ** 2)) * smoothstep(2.05, 2.25, along)
        brush.paint(stripe * on_head, brush.tint("black" if rng.random() < 0.6 else "white"))
    if rng.random() < 0.12:
        stripe = np.exp(-(((across - 0.72) / 0.15) ** 2)) * smoothstep(2.05, 2.25, along)
        brush.paint(stripe * on_head, brush.tint("white"))
    if rng.random() < 0.14:
        face = smoothstep(2.35, 2.5, along + 0.5 * wobble) * (across > -0.6) * (across < 0.75)
        brush.paint(face * on_head, brush.tint(brush.pick(0.4)))
    if rng.random() < 0.2:
        low = rng.uniform(1.4, 2.2)
        throat = (
            smoothstep(0.15, 0.4, -across + wobble) * smoothstep(low - 0.1, low + 0.1, along) * (along > 1)
        )
        brush.paint(throat * brush.trunk, brush.tint(brush.pick(0.5)))
    if rng.random() < 0.12:
        middle = rng.uniform(1.3, 1.9)
        ring = np.exp(-(((along - middle) / 0.09) ** 2))
        brush.paint(ring * high, brush.tint("white" if rng.random() < 0.6 else brush.pick(0.5)))
    if rng.random() < 0.15:
        neck = (brush.part == NECK) | ((along > 0.9) & brush.trunk & (along < 2))
        sheen = 0.5 + 0.5 * np.sin(6 * along + 3 * wobble)
        brush.paint(neck * sheen, brush.tint(("bottle", "purple", "teal")[rng.integers(3)]), 0.7)


def _trunk_marks(brush: _Brush, back: np.ndarray, belly: np.ndarray, wobble: np.ndarray) -> None:
    rng, along, across = brush.rng, brush.along, brush.across
    if rng.random() < 0.2:
        low, high = sorted(rng.uniform(0.5, 1.5, 2))
        band = smoothstep(low - 0.08, low + 0.04, along + 0.4 * wobble) * (
            1 - smoothstep(high, high + 0.1, along)
        )
        brush.paint(band * brush.trunk * (across < 0.2), brush.tint(brush.pick(0.45)))
    if rng.random() < 0.15:
        rump = 1 - smoothstep(0.12, 0.3, along + 0.3 * wobble)
        brush.paint(rump * (brush.part == BODY), brush.tint(brush.pick(0.3)))
    kind = rng.random()
    under = smoothstep(-0.4, 0.1, -across) if rng.random() < 0.6 else np.ones_like(across)
    area = under * brush.trunk * (along < 1.9)
    dark = 0.35 * back if rng.random() < 0.6 else brush.tint("umber")
    if kind < 0.2:
        streaks = smoothstep(0.35, 0.9, brush.noise(7.0, (1.0, 1.0, 0.2)))
        brush.paint(streaks * area, dark, 0.75)
    elif kind < 0.35:
        spots = smoothstep(0.7, 1.2, brush.noise(6.0))
        brush.paint(spots * area, dark if rng.random() < 0.7 else belly, 0.8)
    elif kind < 0.45:
        bars = 0.5 + 0.5 * np.sin(rng.uniform(22, 38) * along + 2 * wobble)
        brush.paint(bars * area, dark, 0.55)


def _wings(brush: _Brush, wing: np.ndarray, back: np.ndarray, belly: np.ndarray) -> None:
    rng, s, c = brush.rng, brush.along, brush.across
    brush.paint(brush.wings, wing)
    if rng.random() < 0.5:  # shoulder coverts run into the back
        coverts = 1 - smoothstep(0.2, 0.5, s + 0.1 * c)
        brush.paint(coverts * brush.wings, back if rng.random() < 0.6 else brush.tint(brush.pick(0.35)), 0.9)
    if rng.random() < 0.55:
        start = rng.uniform(0.45, 0.85)
        tips = smoothstep(start - 0.1, start + 0.08, s - 0.12 * c)
        brush.paint(tips * brush.wings, 0.3 * wing if rng.random() < 0.5 else brush.tint("dark"), 0.9)
    if rng.random() < 0.35:
        bar = brush.tint("white" if rng.random() < 0.55 else brush.pick(0.3))
        for position in rng.uniform(0.2, 0.65, rng.integers(1, 4)):
            line = np.exp(-(((s + 0.12 * c - position) / rng.uniform(0.025, 0.06)) ** 2))
            brush.paint(line * brush.wings, bar, 0.9)
    if rng.random() < 0.2:  # a panel along the trailing or leading edge
        sign = 1.0 if rng.random() < 0.5 else -1.0
        brush.paint(smoothstep(0.3, 0.6, sign * c) * brush.wings, brush.tint(brush.pick(0.35)))
    if rng.random() < 0.15:
        scallops = smoothstep(0.5, 0.95, np.sin(40 * s) * np.sin(9 * c + 2.0))
        brush.paint(scallops * brush.wings, brush.tint("cream"), 0.7)
    vanes = 0.5 + 0.5 * np.sin(rng.uniform(14, 24) * c + 5 * s)
    brush.paint(vanes * brush.wings * smoothstep(0.2, 0.5, s), 0.45 * wing, rng.uniform(0.1, 0.5))
    below = brush.wings * (1 - brush.outer)
    brush.paint(below, 0.5 * (belly + wing), rng.uniform(0.3, 0.9))


def _tail(brush: _Brush, tail: np.ndarray, belly: np.ndarray) -> None:
    rng, t, a = brush.rng, brush.along, brush.across
    mask = brush.part == TAIL
    brush.paint(mask, tail)
    vanes = 0.5 + 0.5 * np.cos(14 * a)
    brush.paint(vanes * mask, 0.5 * tail, rng.uniform(0.1, 0.45))
    if rng.random() < 0.22:
        bars = 0.5 + 0.5 * np.sin(rng.uniform(18, 40) * t)
        brush.paint(bars * mask, 0.25 * tail if rng.random() < 0.6 else brush.tint("cream"), 0.7)
    if rng.random() < 0.25:
        brush.paint(smoothstep(0.78, 0.86, t) * mask, brush.tint(brush.pick(0.2)))
    if rng.random() < 0.2:
        brush.paint(smoothstep(0.6, 0.8, a) * mask, brush.tint("white"))
    if rng.random() < 0.5:
        brush.paint(mask * (1 - brush.outer), 0.5 * (belly + tail), 0.7)


def _feathers(brush: _Brush) -> None:
    """Light and dark all over: soft mottling, fine feather noise, shaggy streaks."""
    rng = brush.rng
    coarse = np.exp(rng.uniform(0.03, 0.14) * brush.noise(2.0) + rng.uniform(0.03, 0.12) * brush.noise(8.0))
    if rng.random() < 0.3:
        coarse = coarse * np.exp(rng.uniform(0.1, 0.3) * brush.noise(9.0, (1.0, 1.0, 0.25)))
    brush.colour = brush.colour * coarse[:, None]
    hue = 0.05 * rng.random() * np.stack([brush.noise(2.5) for _ in range(3)], -1)
    brush.colour = np.clip(brush.colour * (1 + hue), 0, 1)


def _bare_parts(brush: _Brush, names: list[str]) -> None:
    rng, t, v = brush.rng, brush.along, brush.across
    beak, leg = brush.tint(names[5]), brush.tint(names[6])
    on_beak = brush.part == BEAK
    brush.paint(on_beak, beak)
    if rng.random() < 0.3:
        start = rng.uniform(0.45, 0.8)
        brush.paint(on_beak * smoothstep(start, start + 0.1, t), brush.tint("black"))
    elif rng.random() < 0.15:
        brush.paint(on_beak * (1 - smoothstep(0.3, 0.4, t)), brush.tint(brush.pick(0.5)))
    if rng.random() < 0.2:
        brush.paint(on_beak * (1 - brush.outer), brush.tint(names[6]))
    toes = np.zeros(len(t), dtype=bool)
    for name, tube in tubes().items():
        if name.startswith("toe"):
            toes[tube.start : tube.start + tube.count] = True
    bare = np.where(toes, 1.0, smoothstep(0.38, 0.46, t))
    brush.paint(brush.legs * bare, leg)
    crest = brush.part == CREST
    wattle = np.zeros(len(t), dtype=bool)
    wattle[tubes()["wattle"].start : tubes()["wattle"].start + tubes()["wattle"].count] = True
    top = brush.colour[(brush.part == HEAD) & (v > 0.8)].mean(0)
    brush.paint(crest, top if rng.random() < 0.6 else brush.tint(brush.pick(0.4)))
    brush.paint(wattle, brush.tint("red"))
    iris = brush.tint(("dark", "black", "umber", "orange", "yellow", "red", "white")[rng.integers(7)])
    brush.paint(brush.part == EYE, iris)
    brush.paint(_eye_pole(), np.full(3, 0.008))


def redden_comb(colours: np.ndarray, amount: float) -> np.ndarray:
    """Turn the crest into a red comb: `amount` in [0, 1]; returns new colours [V, 3]."""
    red = srgb_to_linear(np.array(COLOURS["red"]) / 255.0)
    weight = ((part_of_vertex() == CREST) * np.clip(amount, 0, 1))[:, None]
    return (colours + (red - colours) * weight).astype(np.float32)
