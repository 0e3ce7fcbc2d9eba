"""Which categories a batch is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from unrender.errors import ConfigError


@dataclass(frozen=True)
class CategoryPlan:
    """The shape categories of a run and how rendered objects belong to them.

    Attributes:
        names: the shape categories, in the network's order.
        default: category of objects whose set does not name one.
        aliases: other names of categories, for example {"spaceship": "airplane"}; "" drops them.
        weights: how often each category is drawn, relative to the others; those not named count 1.
    """

    names: tuple[str, ...]
    default: str = "bird"
    aliases: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, weight in self.weights.items():
            if name not in self.names:
                raise ConfigError(
                    f"category_weights: {name!r} is no shape category ({', '.join(self.names)})"
                )
            if not 0 <= weight < float("inf"):
                raise ConfigError(f"category_weights: {name} must be a number of at least 0, got {weight}")

    def index(self, category: str) -> int:
        """Number of the shape category that a set's category means, or -1 where it means none."""
        name = category or self.default
        name = self.aliases.get(name, name)
        return self.names.index(name) if name in self.names else -1

    def shares(self, present: Sequence[int]) -> np.ndarray:
        """Share of each category in a batch, float64 [C], over the numbers of those that have objects."""
        shares = np.zeros(len(self.names))
        for number in present:
            shares[number] = self.weights.get(self.names[number], 1.0)
        if shares.sum() <= 0:
            raise ConfigError("category_weights: no category with objects is left")
        return shares / shares.sum()


def systematic(shares: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` draws of a group, int64 sorted: each group as often as its share says, up to less than one.

    Args:
        shares: float [G], at least 0, summing to 1.
    """
    places = (np.arange(count) + rng.random()) / count
    return np.searchsorted(np.cumsum(shares[:-1]), places, side="right").astype(np.int64)


def draw_within(groups: Sequence[np.ndarray], drawn: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random member of each drawn group, int64 [N]; no member twice while its group has others.

    Args:
        groups: members of each group. drawn: number of a group, int [N], sorted.
    """
    picks = [
        rng.choice(groups[number], times, replace=times > len(groups[number]))
        for number, times in zip(*np.unique(drawn, return_counts=True), strict=True)
    ]
    return np.concatenate(picks).astype(np.int64)
