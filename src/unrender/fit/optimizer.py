"""Adam with one pace for a whole array, and Adam as it is."""

from __future__ import annotations

import numpy as np

_BETA_1, _BETA_2, _TINY = 0.9, 0.99, 1e-12


class Adam:
    """Moments of one array and its steps (Kingma and Ba, ICLR 2015).

    With `uniform` all entries share the largest second moment, so that the direction of the gradient is kept
    (Nicolet, Jacobson and Jakob, SIGGRAPH Asia 2021, section 4.2).
    """

    def __init__(self, shape: tuple[int, ...], uniform: bool = False) -> None:
        self.first, self.second = np.zeros(shape), np.zeros(shape)
        self.count = 0
        self.uniform = uniform

    def step(self, gradient: np.ndarray, size: float) -> np.ndarray:
        """What to add to the array."""
        self.count += 1
        self.first = _BETA_1 * self.first + (1 - _BETA_1) * gradient
        self.second = _BETA_2 * self.second + (1 - _BETA_2) * gradient * gradient
        second = self.second.max() if self.uniform else self.second
        first = self.first / (1 - _BETA_1**self.count)
        scale = np.sqrt(second / (1 - _BETA_2**self.count)) + _TINY
        change: np.ndarray = -size * first / scale
        return change

    def arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint keeps."""
        return {"first": self.first, "second": self.second, "count": np.array([self.count])}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Inverse of `arrays`."""
        self.first, self.second = arrays["first"].copy(), arrays["second"].copy()
        self.count = int(arrays["count"][0])
