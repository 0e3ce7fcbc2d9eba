"""How long a refinement may take: "3s" or "200it"."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from unrender.errors import InputError

_PATTERN = re.compile(r"(\d+(?:\.\d+)?)(s|it)")


@dataclass(frozen=True)
class Budget:
    """A limit in seconds or in iterations; exactly one of them is set."""

    seconds: float | None = None
    iterations: int | None = None

    def share(self, begun: float, iterations: int) -> float:
        """How much is used up, 0 to 1, of what began at `begun` (`time.monotonic`)."""
        if self.seconds is not None:
            return min(1.0, (time.monotonic() - begun) / self.seconds)
        return min(1.0, iterations / (self.iterations or 1))


def parse_budget(text: str) -> Budget:
    """A budget such as "3s", "0.5s" or "200it".

    Raises:
        InputError: another text, or a limit of 0 or beyond an hour or 100,000 iterations.
    """
    match = _PATTERN.fullmatch(text.strip())
    value = float(match.group(1)) if match else 0.0
    if match and match.group(2) == "s" and 0 < value <= 3600:
        return Budget(seconds=value)
    if match and match.group(2) == "it" and value == int(value) and 0 < value <= 100_000:
        return Budget(iterations=int(value))
    raise InputError(
        f"refine: expected a time such as 3s or a number of iterations such as 200it, got {text!r}"
    )
