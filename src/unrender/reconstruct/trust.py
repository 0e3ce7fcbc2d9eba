"""How far the loop may leave a category's shape space and the network's guess: measured variances.

The loop minimises r' W r + sum_k p_k (x_k - g_k)^2 with the residuals r of the outline, the unknowns x and
what is expected of them, g: the network's coefficients, and zero for the smooth fields. For Gaussians that is
the posterior's maximum where p_k = noise / v_k: v_k the variance of x_k round g_k, and one number for what a
residual is worth. So the variances are a matter of measurement: the error of the network's coefficients on
objects it was not trained on, and the size of the fields such objects need beside the space
(`unrender.evaluate.loop_trust`; empirical Bayes, Efron and Morris 1973).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unrender.errors import ModelError

CARD_KEY = "loop_variances"
"""Field of the model card: {category: {"coefficients": [K numbers], "fields": [M numbers]}}."""


@dataclass(frozen=True, eq=False)
class Trust:
    """Variances of one category.

    Attributes:
        coefficients: float64 [K], mean squared error of the network's guess, in the space's units.
        fields: float64 [M], mean square of the smooth fields' amplitudes, in the units of
            `unrender.smooth_fields`.
    """

    coefficients: np.ndarray
    fields: np.ndarray

    @classmethod
    def of_card(cls, card: Mapping[str, Any], category: str) -> Trust | None:
        """What a model card says of a category; None where it says nothing.

        Raises:
            ModelError: the card's numbers are not positive, or no numbers.
        """
        table = card.get(CARD_KEY, {})
        if category not in table:
            return None
        try:
            found = cls(*(np.array(table[category][key], np.float64) for key in ("coefficients", "fields")))
        except (KeyError, TypeError, ValueError):
            found = None
        if found is None or not all(
            part.ndim == 1 and np.isfinite(part).all() and (part > 0).all()
            for part in (found.coefficients, found.fields)
        ):
            raise ModelError(
                f"model card: {CARD_KEY}, {category}: expected lists of positive numbers; "
                "measure them again with python -m unrender.evaluate.loop_trust"
            )
        return found

    def entry(self) -> dict[str, list[float]]:
        """As the card has it, three significant digits."""
        return {
            key: [float(f"{value:.3g}") for value in values]
            for key, values in (("coefficients", self.coefficients), ("fields", self.fields))
        }
