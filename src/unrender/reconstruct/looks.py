"""Two looks at a picture, at it and at its mirror image, averaged.

The network treats left and right nearly alike, but not quite: its errors at the two pictures differ, so that
the mean is better than either (test-time augmentation; Krizhevsky et al., 2012). Every part of a guess has a
mirror image: the mask is turned round, a rotation R becomes M R M with M = diag(-1, 1, 1), hypothesis i the
one whose anchor has the opposite azimuth; coefficients of antisymmetric shape vectors and light that is odd
in x change sign.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unrender.light import X_ODD
from unrender.network.runtime import Guess, NetworkRuntime

_MIRROR = np.array([-1.0, 1.0, 1.0])


def look_twice(runtime: NetworkRuntime, image: np.ndarray, signs: np.ndarray) -> Guess:
    """What the network says of a picture, the mean over it and its mirror image.

    Args:
        runtime: the network. image: uint8 [S, S, 3] sRGB.
        signs: [C, K], -1 for coefficients of antisymmetric vectors and 1 for the others.
    """
    first, second = runtime.looks(image)
    return mean_guess(first, mirrored(second, signs))


def mirrored(guess: Guess, signs: np.ndarray) -> Guess:
    """The guess about a picture's mirror image, as one about the picture.

    Args:
        guess: of the mirror image. signs: as in `look_twice`.
    """
    count = len(guess.rotations)
    opposite = -np.arange(count) % count
    light = guess.light.copy()
    light[list(X_ODD)] *= -1
    return replace(
        guess,
        mask=guess.mask[:, ::-1],
        rotations=_MIRROR[:, None] * guess.rotations[opposite] * _MIRROR,
        log_probabilities=guess.log_probabilities[opposite],
        coefficients=guess.coefficients * signs,
        light=light,
        texture=guess.texture[:, ::-1],
    )


def mean_guess(first: Guess, second: Guess) -> Guess:
    """The mean of two guesses, with rotations orthonormal (Gram-Schmidt) and probabilities normalised."""
    logarithm = 0.5 * (first.log_probabilities + second.log_probabilities)
    logarithm = logarithm - logarithm.max()
    return Guess(
        mask=np.asarray(0.5 * (first.mask + second.mask), np.float32),
        rotations=_orthonormal(first.rotations + second.rotations),
        log_probabilities=logarithm - np.log(np.exp(logarithm).sum()),
        coefficients=0.5 * (first.coefficients + second.coefficients),
        light=np.asarray(0.5 * (first.light + second.light), np.float32),
        texture=np.asarray(0.5 * (first.texture + second.texture), np.float32),
        categories=0.5 * (first.categories + second.categories),
    )


def _orthonormal(matrices: np.ndarray) -> np.ndarray:
    """Rotations [H, 3, 3] from the first two rows of matrices."""
    x = matrices[:, 0] / np.maximum(np.linalg.norm(matrices[:, 0], axis=1, keepdims=True), 1e-9)
    y = matrices[:, 1] - (x * matrices[:, 1]).sum(1, keepdims=True) * x
    y = y / np.maximum(np.linalg.norm(y, axis=1, keepdims=True), 1e-9)
    return np.stack([x, y, np.cross(x, y)], axis=1)
