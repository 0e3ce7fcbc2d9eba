"""Rotations against series, known angles and properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrender import rotation
from unrender.errors import InputError

RNG = np.random.default_rng(0)


def _series_exp(vector):
    x, y, z = vector
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    total, term = np.eye(3), np.eye(3)
    for n in range(1, 60):
        term = term @ skew / n
        total = total + term
    return total


@pytest.mark.parametrize("angle", [0, 1e-12, 1e-6, 0.1, 1, 2, 3, np.pi - 1e-9, np.pi, 4, 6])
def test_exp_matches_the_series(angle):
    axis = RNG.standard_normal(3)
    vector = angle * axis / np.linalg.norm(axis)
    np.testing.assert_allclose(rotation.exp(vector), _series_exp(vector), atol=1e-12)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1.8, 1.8), min_size=3, max_size=3))
def test_log_inverts_exp(vector):
    vector = np.array(vector)
    if np.linalg.norm(vector) < np.pi - 1e-3:
        np.testing.assert_allclose(rotation.log(rotation.exp(vector)), vector, atol=1e-9)


@pytest.mark.parametrize("gap", [0, 1e-12, 1e-8, 1e-4])
def test_log_near_pi(gap):
    axis = RNG.standard_normal((50, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    matrix = rotation.exp((np.pi - gap) * axis)
    vector = rotation.log(matrix)
    np.testing.assert_allclose(np.linalg.norm(vector, axis=1), np.pi - gap, atol=1e-7)
    np.testing.assert_allclose(rotation.exp(vector), matrix, atol=1e-9)


def test_axis_rotations():
    quarter = rotation.exp([0, np.pi / 2, 0])
    np.testing.assert_allclose(quarter @ [0, 0, 1], [1, 0, 0], atol=1e-15)
    np.testing.assert_allclose(rotation.log(np.eye(3)), 0)


def test_6d_round_trip_and_columns():
    matrix = rotation.random_rotation(RNG, (4, 5))
    six = rotation.matrix_to_6d(matrix)
    assert six.shape == (4, 5, 6)
    np.testing.assert_array_equal(six[..., :3], matrix[..., 0])
    np.testing.assert_allclose(rotation.matrix_from_6d(six), matrix, atol=1e-12)
    any_six = RNG.standard_normal((100, 6)) * 3
    built = rotation.matrix_from_6d(any_six)
    np.testing.assert_allclose(
        np.swapaxes(built, -1, -2) @ built, np.broadcast_to(np.eye(3), built.shape), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(built), 1)
    first = any_six[:, :3] / np.linalg.norm(any_six[:, :3], axis=1, keepdims=True)
    np.testing.assert_allclose(built[..., 0], first)


@pytest.mark.parametrize("six", [np.zeros(6), [1, 0, 0, 2, 0, 0], [0, 0, 0, 1, 0, 0], [1, 0, 0, 0, 0, 0]])
def test_6d_degenerate(six):
    with pytest.raises(InputError, match="six"):
        rotation.matrix_from_6d(six)


def test_geodesic_distance():
    angle = np.linspace(0, np.pi, 7)
    turned = rotation.exp(np.stack([0 * angle, 0 * angle, angle], axis=-1))
    base = rotation.random_rotation(RNG)
    np.testing.assert_allclose(rotation.geodesic_distance(base, base @ turned), angle, atol=1e-7)
    np.testing.assert_allclose(rotation.geodesic_distance(turned @ base, base), angle, atol=1e-7)


def test_random_rotations_are_uniform():
    matrix = rotation.random_rotation(np.random.default_rng(1), (20000,))
    np.testing.assert_allclose(np.linalg.det(matrix), 1)
    # Haar measure: E[R] = 0, and the angle's density is (1 - cos a) / pi, mean pi / 2 + 2 / pi.
    np.testing.assert_allclose(matrix.mean(0), 0, atol=0.02)
    assert rotation.geodesic_distance(np.eye(3), matrix).mean() == pytest.approx(
        np.pi / 2 + 2 / np.pi, abs=0.02
    )


@pytest.mark.parametrize(
    ("function", "shape"), [(rotation.matrix_from_6d, (5,)), (rotation.exp, (2,)), (rotation.log, (3,))]
)
def test_wrong_shapes(function, shape):
    with pytest.raises(InputError, match="expected shape"):
        function(np.ones(shape))
