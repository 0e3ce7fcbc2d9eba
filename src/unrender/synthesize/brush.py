"""Painting procedural objects: linear colours per vertex, from regions, gradients and noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unrender.synthesize.curves import smoothstep
from unrender.synthesize.palettes import COLOURS
from unrender.synthesize.parts import Topology
from unrender.texture import srgb_to_linear

VIVID = (
    "red", "scarlet", "orange", "yellow", "green", "teal", "blue", "navy", "sky", "purple", "pink", "white",
        "black",
    "grey", "bottle", "rust",
)  # fmt: skip


class Brush:
    """An object being painted.

    Attributes:
        topology: pieces and places on them.
        points: float64 [V, 3], the object at rest with x folded to |x|, farthest vertex at radius 1.
        normals: float64 [V, 3], unit.
        colour: float64 [V, 3], linear albedo, grey at first.
        rng: the only source of chance.
    """

    def __init__(
        self, topology: Topology, rest: np.ndarray, normals: np.ndarray, rng: np.random.Generator
    ) -> None:
        self.topology, self.rng = topology, rng
        self.signed = rest.astype(np.float64)
        self.points = self.signed * np.array([1.0, 1.0, 1.0])
        self.points[:, 0] = np.abs(self.points[:, 0])
        self.normals = normals.astype(np.float64)
        self.along, self.around = topology.along, topology.around
        self.colour = np.full((len(rest), 3), 0.3)

    def of(self, *labels: str) -> np.ndarray:
        """bool [V]: vertices with one of these labels."""
        return self.topology.of(*labels)

    def named(self, *names: str) -> np.ndarray:
        """bool [V]: vertices of pieces whose name starts with one of these."""
        return self.topology.named(*names)

    def noise(self, frequency: float, stretch: Sequence[float] = (1, 1, 1)) -> np.ndarray:
        """Smooth noise [V], mean 0 and variance about 1, `frequency` in waves over half the object."""
        waves = self.rng.standard_normal((3, 20)) * frequency * 2.5 * np.asarray(stretch)[:, None]
        return np.cos(self.points @ waves + self.rng.uniform(0, 2 * np.pi, 20)).sum(1) / np.sqrt(10)

    def cells(self, size: float, folded: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Distances [V] to the nearest and the second nearest of random points about `size` apart, over
        `size`."""
        points = self.points if folded else self.signed
        seeds = points[self.rng.integers(len(points), size=int(min(400, 6 / size**2)))]
        seeds = seeds + self.rng.normal(0, 0.2 * size, seeds.shape)
        kept: list[np.ndarray] = []
        for seed in seeds:
            if all(((seed - other) ** 2).sum() > (0.75 * size) ** 2 for other in kept):
                kept.append(seed)
        distance = np.sqrt(((points[:, None] - np.array(kept)[None]) ** 2).sum(-1))
        distance.sort(axis=1)
        second = distance[:, 1] if distance.shape[1] > 1 else distance[:, 0] + size
        return distance[:, 0] / size, second / size

    def paint(self, mask: np.ndarray, colour: np.ndarray | str, opacity: float = 1.0) -> None:
        """Blend a colour (a name, linear [3] or [V, 3]) in where `mask` (bool or [0, 1], [V]) says."""
        rgb = self.tint(colour) if isinstance(colour, str) else colour
        weight = np.clip(np.asarray(mask, dtype=np.float64) * opacity, 0, 1)[:, None]
        self.colour = self.colour + (rgb - self.colour) * weight

    def tint(self, name: str, change: float = 0.1) -> np.ndarray:
        """A named colour, varied a little, linear [3]."""
        srgb = np.array(COLOURS[name]) / 255.0
        srgb = srgb * np.exp(change * self.rng.standard_normal()) + 0.3 * change * self.rng.standard_normal(3)
        return np.asarray(srgb_to_linear(np.clip(srgb, 0.03, 0.97)))

    def any(self, names: Sequence[str]) -> str:
        """One of the names."""
        return names[int(self.rng.integers(len(names)))]

    def pick(self, names: Sequence[str], change: float = 0.1) -> np.ndarray:
        """One of the named colours, varied, linear [3]."""
        return self.tint(self.any(names), change)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self.rng.random() < probability)

    def band(self, values: np.ndarray, low: float, high: float, soft: float = 0.02) -> np.ndarray:
        """1 where `values` lie between `low` and `high`, fading over `soft`."""
        return smoothstep(low - soft, low + soft, values) * (1 - smoothstep(high - soft, high + soft, values))

    def mottle(self, coarse: float = 0.06, fine: float = 0.05) -> None:
        """Light and dark all over, and a slight drift of hue."""
        level = coarse * self.noise(1.2) + fine * self.noise(6.0)
        hue = 0.02 * np.stack([self.noise(1.5) for _ in range(3)], -1)
        self.colour = np.clip(self.colour * np.exp(level)[:, None] * (1 + hue), 0, 1)

    def finish(self) -> np.ndarray:
        """The colours as linear albedo, float32 [V, 3]."""
        return np.clip(self.colour, 0.004, 0.95).astype(np.float32)
