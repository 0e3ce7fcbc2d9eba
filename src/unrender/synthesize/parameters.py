"""Named parameters of procedural objects, the families that set them, and how a seed draws them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unrender.errors import InputError

Range = tuple[float, float, float, float]
"""Default, spread about a family's value (negative: relative to it), lowest and highest value."""


class Values:
    """Parameters of one object, read as attributes: `values.leg_length`. Immutable."""

    def __init__(self, entries: Mapping[str, float]) -> None:
        self.__dict__.update(entries)

    def __getattr__(self, name: str) -> float:  # only reached for unknown names; tells type checkers the type
        raise AttributeError(f"no parameter {name!r}")

    def __setattr__(self, name: str, value: float) -> None:
        raise AttributeError("parameters cannot be changed; use `with_`")

    def with_(self, **changes: float) -> Values:
        """The same with some values changed."""
        unknown = changes.keys() - self.__dict__.keys()
        if unknown:
            raise InputError(f"parameters: no such parameter as {', '.join(sorted(unknown))}")
        return Values({**self.__dict__, **changes})


@dataclass(frozen=True)
class ParameterSpace:
    """The parameters of a category.

    Attributes:
        ranges: parameter names and their `Range`.
        families: name -> (how often it is drawn, what differs from the defaults).
        cross: probability that an object is a cross of two families of the same group.
        groups: families that may be crossed with one another; those in none are never crossed.
    """

    ranges: dict[str, Range]
    families: dict[str, tuple[float, dict[str, float]]]
    cross: float = 0.2
    groups: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Parameter names in the order of vectors."""
        return tuple(self.ranges)

    @cached_property
    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest values, float64 [P] each."""
        return (
            np.array([r[2] for r in self.ranges.values()]),
            np.array([r[3] for r in self.ranges.values()]),
        )

    def to_vector(self, values: Values) -> np.ndarray:
        """float64 [P]."""
        return np.array([getattr(values, name) for name in self.names], dtype=np.float64)

    def from_vector(self, vector: np.ndarray) -> Values:
        """Inverse of `to_vector`; values outside the limits are clipped."""
        clipped = np.clip(np.asarray(vector, dtype=np.float64), *self.limits)
        return Values(dict(zip(self.names, (float(value) for value in clipped), strict=True)))

    def default(self) -> Values:
        """The canonical object's parameters."""
        return Values({name: float(entry[0]) for name, entry in self.ranges.items()})

    def family(self, name: str) -> Values:
        """The middle object of a family.

        Raises:
            InputError: no such family.
        """
        if name not in self.families:
            raise InputError(f"family: expected one of {', '.join(self.families)}, got {name!r}")
        return self.default().with_(**{key: float(value) for key, value in self.families[name][1].items()})

    def spread(self, values: Values) -> np.ndarray:
        """Standard deviations about `values`, float64 [P]."""
        spreads = [entry[1] for entry in self.ranges.values()]
        return np.array(
            [s if s >= 0 else -s * abs(v) for s, v in zip(spreads, self.to_vector(values), strict=True)]
        )

    def sample(self, rng: np.random.Generator, family: str | None = None) -> tuple[Values, str]:
        """Draw a family by weight (unless given), perhaps a cross with a related one, and the spread about
        it."""
        names = list(self.families)
        weights = np.array([self.families[name][0] for name in names], dtype=np.float64)
        drawn = names[rng.choice(len(names), p=weights / weights.sum())]
        chosen = drawn if family is None else family
        vector = self.to_vector(self.family(chosen))
        chance, share, pick = rng.random(3)
        related = next((group for group in self.groups if chosen in group), ())
        if related and chance < self.cross:
            other = related[int(pick * len(related))]
            vector = vector + (0.15 + 0.35 * share) * (self.to_vector(self.family(other)) - vector)
        noise = np.clip(rng.standard_normal(len(vector)), -2.2, 2.2)
        return self.from_vector(vector + self.spread(self.from_vector(vector)) * noise), chosen
