"""The smooth fields against what spherical harmonics are: orthonormal, of one degree, even or odd."""

from __future__ import annotations

import numpy as np
import pytest

from unrender.errors import InputError
from unrender.smooth_fields import smooth_fields
from unrender.template import make_template


def scalar(field: np.ndarray) -> np.ndarray:
    """The one component [V] along which a field [V, 3] moves."""
    moving = np.flatnonzero(np.abs(field).max(0) > 0)
    assert len(moving) == 1
    return field[:, moving[0]]


def test_sizes_fall_with_the_degree():
    fields = smooth_fields(3, 0.08, 2.0)
    assert fields.shape == (3 * 16, 642, 3)
    size = np.sqrt((fields**2).sum((1, 2)) / 642)
    for degree, first, last in ((0, 0, 1), (1, 1, 4), (2, 4, 9), (3, 9, 16)):
        expected = 0.08 / (1 + degree * (degree + 1) / 6)
        found = size[3 * first : 3 * last]
        broken = np.isclose(found, expected / 2)
        assert (broken | np.isclose(found, expected)).all()
        assert 0 < broken.sum() < len(found)


def test_degree_one_is_linear_in_the_position():
    sphere = make_template(3).vertices.astype(np.float64)
    values = np.array([scalar(field) for field in smooth_fields(1, 1.0, 1.0)[3::3]])
    solution = np.linalg.lstsq(sphere, values.T, rcond=None)[0]
    np.testing.assert_allclose(sphere @ solution, values.T, atol=1e-6)


def test_harmonics_are_orthogonal_on_the_sphere():
    template = make_template(4)
    corners = template.vertices.astype(np.float64)[template.faces]
    area = 0.5 * np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    weight = np.zeros(len(template.vertices))
    np.add.at(weight, template.faces, area[:, None] / 3)
    values = np.array([scalar(field) for field in smooth_fields(4, 1.0, 1.0, level=4)[::3]])
    values /= np.sqrt((weight * values**2).sum(1) / weight.sum())[:, None]
    product = (weight * values) @ values.T / weight.sum()
    np.testing.assert_allclose(product, np.eye(25), atol=0.01)


def test_symmetric_fields_keep_the_mirror_symmetry_and_the_others_break_it():
    mirror = make_template(3).mirror
    flip = np.array([-1.0, 1.0, 1.0])
    kept = smooth_fields(3, 0.1)
    np.testing.assert_allclose(kept[:, mirror] * flip, kept, atol=1e-6)
    every = smooth_fields(3, 0.1, 1.0)
    odd = np.abs(every[:, mirror] * flip - every).max((1, 2)) > 1e-3
    assert odd.sum() == len(every) - len(kept) > 0
    np.testing.assert_allclose(every[odd][:, mirror] * flip, -every[odd], atol=1e-6)


@pytest.mark.parametrize("arguments", [(-1, 0.1, None), (2, 0.0, None), (2, 0.1, -1.0)])
def test_wrong_sizes_are_errors(arguments):
    with pytest.raises(InputError, match="fields"):
        smooth_fields(*arguments)
