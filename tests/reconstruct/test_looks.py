"""The mean over a picture and its mirror image is equivariant to mirroring, whatever the network says."""

from __future__ import annotations

import numpy as np
import pytest

from unrender.light import X_ODD, sh_basis
from unrender.network.model import anchor_rotations
from unrender.network.runtime import Guess
from unrender.reconstruct.looks import look_twice, mean_guess, mirrored

SIGNS = np.array([[1.0, 1, -1], [1, -1, 1]])
MIRROR = np.diag([-1.0, 1, 1])


def _rotations(rng, count):
    matrices = np.linalg.qr(rng.standard_normal((count, 3, 3)))[0]
    return matrices * np.sign(np.linalg.det(matrices))[:, None, None]


class Opinionated:
    """Says something else of every picture, as a function of its pixels alone."""

    def looks(self, image: np.ndarray) -> tuple[Guess, Guess]:
        return self(image), self(image[:, ::-1])

    def __call__(self, image: np.ndarray) -> Guess:
        rng = np.random.default_rng(int(image.astype(np.int64).reshape(-1) @ np.arange(image.size) % 10**9))
        score = rng.standard_normal(8)
        near = np.array(anchor_rotations(8)) + 0.2 * rng.standard_normal((8, 3, 3))
        u, _, v = np.linalg.svd(near)
        return Guess(
            rng.random((6, 6)), u @ v, score - np.log(np.exp(score).sum()), rng.standard_normal(SIGNS.shape),
            rng.standard_normal((9, 3)), rng.random((4, 4, 3)), rng.dirichlet(np.ones(3)),
        )  # fmt: skip


@pytest.fixture
def image():
    return np.random.default_rng(5).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def test_of_the_mirrored_picture_comes_the_mirrored_guess(image):
    network = Opinionated()
    found = look_twice(network, image, SIGNS)
    other = mirrored(look_twice(network, image[:, ::-1], SIGNS), SIGNS)
    for name in ("mask", "rotations", "log_probabilities", "coefficients", "light", "texture", "categories"):
        np.testing.assert_allclose(getattr(found, name), getattr(other, name), atol=1e-6, err_msg=name)
    np.testing.assert_allclose(np.exp(found.log_probabilities).sum(), 1)
    np.testing.assert_allclose(
        found.rotations @ found.rotations.transpose(0, 2, 1), np.eye(3)[None].repeat(8, 0), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(found.rotations), 1)


def test_anchors_mirror_into_anchors():
    anchors = np.array(anchor_rotations(8), np.float64)
    opposite = -np.arange(8) % 8
    np.testing.assert_allclose(MIRROR @ anchors[opposite] @ MIRROR, anchors, atol=1e-6)


def test_odd_light_changes_sign():
    normal = np.array([[0.4, 0.3, np.sqrt(0.75)]])
    first, second = sh_basis(normal)[0], sh_basis(normal * [-1, 1, 1])[0]
    sign = np.ones(9)
    sign[list(X_ODD)] = -1
    np.testing.assert_allclose(second, sign * first, atol=1e-12)


def test_two_equal_guesses_are_their_mean(image):
    guess = Opinionated()(image)
    same = mean_guess(guess, guess)
    np.testing.assert_allclose(same.rotations, guess.rotations, atol=1e-9)
    np.testing.assert_allclose(same.log_probabilities, guess.log_probabilities, atol=1e-12)
    np.testing.assert_allclose(same.coefficients, guess.coefficients)
