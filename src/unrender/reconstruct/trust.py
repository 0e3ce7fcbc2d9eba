"""How far the loop may leave a category's shape space and the network's guess: measured, not set.

The loop minimises r' W r + (x - g)' P (x - g) with the residuals r of the outline, the unknowns x and what is
expected of them, g: the network's coefficients, and zero for the smooth fields. For Gaussians that is the
posterior's maximum where P = noise C^-1: C the covariance of x round g, and one number for what a residual is
worth. So C is a matter of measurement: the error of the network's coefficients on objects it was not trained
on, and the size of the fields such objects need beside the space (`unrender.evaluate.loop_trust`; empirical
Bayes, Efron and Morris 1973). Errors belong together: a guess that is too wide is so in many coefficients,
and an outline that shows one of them tells the others. C is kept as variances and a few factors (factor
analysis, Rubin and Thayer 1982), for the objects are fewer than its numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unrender.errors import ModelError

CARD_KEY = "loop_variances"
"""Field of the model card: {category: `Trust.entry`}."""
FACTORS = 16
"""Factors of a measured covariance."""
_OWN_SHARE = 0.05
"""At least so much of a variance is not shared with other unknowns."""
_ROUNDS = 20


@dataclass(frozen=True, eq=False)
class Trust:
    """What is expected of one category's unknowns.

    Attributes:
        coefficients: float64 [K], mean squared error of the network's guess, in the space's units.
        fields: float64 [M], mean square of the smooth fields' amplitudes, in the units of
            `unrender.smooth_fields`.
        factors: float64 [R, K], what the coefficients' errors share: their covariance is factors' factors
            off the diagonal.
        hold_proportions: whether the network's guess of the proportions is worth less on photos than it was
            on the objects that were measured, so that those usual for the category hold the shape too.
    """

    coefficients: np.ndarray
    fields: np.ndarray
    factors: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    hold_proportions: bool = True

    @classmethod
    def of_covariance(cls, covariance: np.ndarray, fields: np.ndarray, hold_proportions: bool) -> Trust:
        """The trust whose coefficients have a covariance [K, K], as near as `FACTORS` factors come."""
        variances = covariance.diagonal().copy()
        own, factors = 0.5 * variances, np.zeros((0, len(variances)))
        for _ in range(_ROUNDS):  # principal factors: eigenvectors of what is shared, and again
            values, vectors = np.linalg.eigh(covariance - np.diag(own))
            factors = (vectors[:, -FACTORS:] * np.sqrt(np.maximum(values[-FACTORS:], 0))).T
            own = np.maximum(variances - np.sum(factors**2, axis=0), _OWN_SHARE * variances)
        return cls(variances, fields, factors, hold_proportions)

    @classmethod
    def of_card(cls, card: Mapping[str, Any], category: str) -> Trust | None:
        """What a model card says of a category; None where it says nothing.

        Raises:
            ModelError: the card's variances are not positive, or no numbers, or the factors do not fit them.
        """
        table = card.get(CARD_KEY, {})
        if category not in table:
            return None
        try:
            entry = table[category]
            coefficients, fields = (np.array(entry[key], np.float64) for key in ("coefficients", "fields"))
            factors = np.array(entry.get("factors", ()), np.float64).reshape(-1, len(coefficients))
            found = cls(coefficients, fields, factors, bool(entry.get("hold_proportions", True)))
        except (AttributeError, KeyError, TypeError, ValueError):
            found = None
        if (
            found is None
            or not all(
                part.ndim == 1 and np.isfinite(part).all() and (part > 0).all()
                for part in (found.coefficients, found.fields)
            )
            or not np.isfinite(found.factors).all()
        ):
            raise ModelError(
                f"model card: {CARD_KEY}, {category}: expected lists of positive numbers; "
                "measure them again with python -m unrender.evaluate.loop_trust"
            )
        return found

    @property
    def covariance(self) -> np.ndarray:
        """float64 [K + M, K + M], of the coefficients round the guess and of the fields round zero."""
        known = len(self.coefficients)
        result = np.diag(np.concatenate([self.coefficients, self.fields]))
        if len(self.factors):
            own = self.coefficients - np.sum(self.factors**2, axis=0)
            own = np.maximum(own, _OWN_SHARE * self.coefficients)
            result[:known, :known] = self.factors.T @ self.factors + np.diag(own)
        return result

    def entry(self) -> dict[str, Any]:
        """As the card has it, three significant digits."""
        return {
            "coefficients": _rounded(self.coefficients),
            "fields": _rounded(self.fields),
            "factors": [_rounded(factor) for factor in self.factors],
            "hold_proportions": self.hold_proportions,
        }


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.3g}") for value in values]
