"""Procedural birds: determinism, fixed topology, frame, symmetry, closed parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from unrender.errors import InputError
from unrender.synthesize import bird_parts
from unrender.synthesize.bird import canonical_vertices, make_bird, shape_from_parameters
from unrender.synthesize.bird_families import FAMILIES
from unrender.synthesize.bird_parameters import (
    LIMITS,
    PARAMETER_NAMES,
    BirdParameters,
    family_parameters,
    sample_parameters,
)


def part(name: str) -> slice:
    tube = bird_parts.tubes()[name]
    return slice(tube.start, tube.start + tube.count)


def test_same_seed_same_bird():
    first, second = make_bird(11), make_bird(11)
    assert np.array_equal(first.vertices, second.vertices)
    assert np.array_equal(first.colors, second.colors)
    assert not np.array_equal(first.vertices, make_bird(12).vertices)


def test_shapes_dtypes_ranges_and_topology():
    count = bird_parts.vertex_count()
    assert 3000 <= count <= 5000
    for seed in range(10):
        bird = make_bird(seed)
        assert bird.vertices.shape == bird.colors.shape == bird.canonical.shape == (count, 3)
        assert bird.vertices.dtype == bird.colors.dtype == bird.canonical.dtype == np.float32
        assert bird.faces.dtype == np.int32 and bird.part.dtype == np.uint8
        assert bird.faces is make_bird(0).faces
        assert np.isfinite(bird.vertices).all()
        assert bird.colors.min() >= 0 and bird.colors.max() <= 1
        assert np.linalg.norm(bird.vertices, axis=1).max() == pytest.approx(1, abs=1e-5)
        assert np.abs(bird.vertices.min(0) + bird.vertices.max(0)).max() < 1e-5
    assert np.array_equal(canonical_vertices(), shape_from_parameters(BirdParameters()))


def test_every_part_is_closed_and_wound_outwards():
    faces = bird_parts.faces()
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    there = {tuple(edge) for edge in edges}
    assert len(there) == len(edges)  # each directed edge once
    assert all((b, a) in there for a, b in there)
    vertices = canonical_vertices().astype(np.float64)
    for tube in bird_parts.tubes().values():
        mine = faces[(faces >= tube.start).all(1) & (faces < tube.start + tube.count).all(1)]
        corners = vertices[mine] - vertices[part(tube.name)].mean(0)
        volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
        assert volume > -1e-12 if tube.name == "wattle" else volume > 0, tube.name


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_frame(family):
    vertices = shape_from_parameters(replace(family_parameters(family), head_yaw=0.0))
    head = vertices[part("eye_left")].mean(0)
    assert head[2] > vertices[part("tail")][:, 2].mean()  # head before tail
    assert vertices[part("eye_left")][:, 0].min() > 0 > vertices[part("eye_right")][:, 0].max()
    assert vertices[part("wing_left")][:, 0].mean() > 0
    if family not in ("penguin", "owl"):
        assert vertices[part("beak_upper")][:, 2].max() > vertices[part("trunk")][:, 2].max()
    feet = vertices[part("toe1_left")][:, 1].mean()
    assert feet < vertices[part("trunk")][:, 1].mean()


def test_symmetric_parameters_make_symmetric_birds():
    vertices = shape_from_parameters(BirdParameters())
    for name in ("wing", "eye", "leg", "toe0"):
        left, right = vertices[part(f"{name}_left")], vertices[part(f"{name}_right")]
        assert np.allclose(left * [-1, 1, 1], right, atol=1e-6)
    trunk = vertices[part("trunk")]
    grid = trunk[:-2].reshape(len(bird_parts.SPINE_U), bird_parts.TRUNK_SIDES, 3)
    flipped = grid[
        :, (bird_parts.TRUNK_SIDES // 2 - np.arange(bird_parts.TRUNK_SIDES)) % bird_parts.TRUNK_SIDES
    ]
    assert np.allclose(grid * [-1, 1, 1], flipped, atol=1e-5)


def test_mirrored_parameters_mirror_the_bird():
    parameters = replace(BirdParameters(), head_yaw=35.0, swing_left=20.0, wing_open=1.0, dihedral_left=40.0)
    one, other = shape_from_parameters(parameters), shape_from_parameters(parameters.mirrored())
    assert np.allclose(one[part("wing_left")] * [-1, 1, 1], other[part("wing_right")], atol=1e-5)
    assert np.allclose(one[part("leg_left")] * [-1, 1, 1], other[part("leg_right")], atol=1e-5)
    pole = part("beak_upper").stop - 1
    assert np.allclose(one[pole] * [-1, 1, 1], other[pole], atol=1e-5)


def test_wings_open_when_asked():
    folded, opened = make_bird(3, open_wings=False), make_bird(3, open_wings=True)
    width = [np.ptp(b.vertices[part("wing_left")][:, 0]) / np.ptp(b.vertices[part("trunk")][:, 0])
             for b in (folded, opened)]  # fmt: skip
    assert width[1] > 1.5 * width[0]
    assert np.array_equal(folded.colors, opened.colors)


def test_variety_of_proportions():
    drawn = [sample_parameters(np.random.default_rng(seed), open_wings=False)[0] for seed in range(60)]
    shapes = np.stack([np.ptp(shape_from_parameters(bird), axis=0) for bird in drawn])
    ratio = shapes[:, 1] / shapes[:, 2]
    assert ratio.min() < 0.55 and ratio.max() > 1.2


def test_parameters_to_vector_and_back():
    parameters, _ = sample_parameters(np.random.default_rng(0))
    assert BirdParameters.from_vector(parameters.to_vector()) == parameters
    low, high = LIMITS
    assert len(low) == len(PARAMETER_NAMES) and (low <= high).all()
    for name in FAMILIES:
        vector = family_parameters(name).to_vector()
        assert (vector >= low).all() and (vector <= high).all(), name


def test_extreme_parameters_stay_finite():
    for vector in LIMITS:
        assert np.isfinite(shape_from_parameters(BirdParameters.from_vector(vector))).all()


@pytest.mark.parametrize("seed", [-1, 1.5, "a"])
def test_bad_seed(seed):
    with pytest.raises(InputError, match="seed"):
        make_bird(seed)


def test_bad_family():
    with pytest.raises(InputError, match="family"):
        make_bird(0, family="dragon")
