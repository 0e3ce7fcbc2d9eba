"""Metrics against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from unrender import metrics
from unrender.errors import InputError


def box(
    low: float, high: float, shift: tuple[float, float, float] = (0, 0, 0)
) -> tuple[np.ndarray, np.ndarray]:
    mesh = trimesh.creation.box(bounds=[[low] * 3, [high] * 3])
    return mesh.vertices + np.array(shift), mesh.faces


def sphere(radius: float) -> tuple[np.ndarray, np.ndarray]:
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=radius)
    return np.asarray(mesh.vertices), np.asarray(mesh.faces)


def test_mask_iou() -> None:
    first = np.zeros((4, 6), bool)
    second = first.copy()
    assert metrics.mask_iou(first, second) == 1.0
    first[:, :4] = True
    second[:, 2:] = True
    assert metrics.mask_iou(first, second) == pytest.approx(1 / 3)
    assert metrics.mask_iou(first, first) == 1.0
    with pytest.raises(InputError, match="bool"):
        metrics.mask_iou(first.astype(float), second)
    with pytest.raises(InputError, match="shape"):
        metrics.mask_iou(first, second[:2])


def test_masked_l1_and_psnr() -> None:
    target = np.full((3, 3, 3), 0.5)
    image = target.copy()
    image[0] = 0.75  # a third of the mask's pixels are a quarter off
    mask = np.ones((3, 3), bool)
    assert metrics.masked_l1(image, target, mask) == pytest.approx(0.25 / 3)
    assert metrics.masked_psnr(image, target, mask) == pytest.approx(-10 * math.log10(0.0625 / 3))
    assert metrics.masked_psnr(target, target, mask) == math.inf
    mask[0] = False
    assert metrics.masked_l1(image, target, mask) == 0.0
    assert math.isnan(metrics.masked_l1(image, target, np.zeros((3, 3), bool)))
    image[1, 1] = np.nan
    with pytest.raises(InputError, match="NaN"):
        metrics.masked_l1(image, target, mask)


def test_normalize_box_ignores_unused_vertices() -> None:
    vertices, faces = box(1, 3)
    vertices = np.concatenate([vertices, [[100.0, 0, 0]]])
    used = metrics.normalize_box(vertices * [1, 1, 2], faces)[:8]
    assert np.allclose(used.min(axis=0), [-0.25, -0.25, -0.5])
    assert np.allclose(used.max(axis=0), [0.25, 0.25, 0.5])
    with pytest.raises(InputError, match="NaN"):
        metrics.normalize_box(vertices * np.nan, faces)
    with pytest.raises(InputError, match="one point"):
        metrics.normalize_box(vertices * 0, faces)
    with pytest.raises(InputError, match="at least one face"):
        metrics.normalize_box(vertices, faces[:0])


def test_surface_samples_are_uniform_by_area() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [3, 0, 1], [0, 3, 1]], float)
    points = metrics.sample_surface(vertices, np.array([[0, 1, 2], [3, 4, 5]]), 10_000)
    assert (points[:, 2] == 1).mean() == pytest.approx(0.9, abs=0.001)
    small = points[points[:, 2] == 0]
    assert np.allclose(small.mean(axis=0)[:2], 1 / 3, atol=0.02)  # the centroid of the small triangle
    assert np.array_equal(points, metrics.sample_surface(vertices, np.array([[0, 1, 2], [3, 4, 5]]), 10_000))
    with pytest.raises(InputError, match="no area"):
        metrics.sample_surface(vertices * 0, np.array([[0, 1, 2]]))


def test_voxels_of_boxes() -> None:
    assert metrics.voxelize(*box(-0.499, 0.499)).all()
    first = metrics.voxelize(*box(-0.24, 0.24))  # 16 cells a side
    assert first.sum() == 16**3
    shifted = metrics.voxelize(*box(-0.24, 0.24, (0.25, 0, 0)))  # 8 cells on
    assert metrics.iou_3d(first, shifted) == pytest.approx(1 / 3)
    assert np.array_equal(np.roll(first, 8, axis=0), shifted)  # the axes of the grid are x, y, z


def test_voxels_of_a_sphere() -> None:
    radii = {r: metrics.voxelize(*sphere(r)) for r in (0.5, 0.35)}
    for radius, grid in radii.items():
        # Surface cells count whole, which is about half a cell's width more than the ball.
        grown = radius + 0.5 / 32
        assert grid.sum() / 32**3 == pytest.approx(4 / 3 * math.pi * grown**3, rel=0.06)
    expected = ((0.35 + 0.5 / 32) / (0.5 + 0.5 / 32)) ** 3
    assert metrics.iou_3d(radii[0.35], radii[0.5]) == pytest.approx(expected, rel=0.06)


def test_open_box_is_filled_by_some_slices() -> None:
    vertices, faces = box(-0.24, 0.24)
    normals = np.cross(
        vertices[faces[:, 1]] - vertices[faces[:, 0]], vertices[faces[:, 2]] - vertices[faces[:, 0]]
    )
    lid_off = faces[normals[:, 1] < 0.1]  # slices across y still see a closed square
    assert metrics.voxelize(vertices, lid_off).sum() == 16**3
    wall = faces[normals[:, 1] > 0.1]
    assert metrics.voxelize(vertices, wall).sum() == 16**2  # a single wall encloses nothing


def test_diagonal_gap_is_closed_for_a_4_connected_flood() -> None:
    solid = np.zeros((1, 5, 5), bool)
    for i, j in ((1, 2), (2, 1), (2, 3), (3, 2)):
        solid[0, i, j] = True
    from unrender.metrics.shapes import _outside

    assert not _outside(solid)[0, 2, 2]


def test_best_yaw_finds_the_turn() -> None:
    vertices = np.array([[0, 0, 0], [0.3, 0, 0], [0, 0.4, 0], [0, 0, 1.0]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    target_vertices = metrics.rotate_y(vertices, 130)
    target = metrics.voxelize(metrics.normalize_box(target_vertices, faces), faces)
    yaw, score = metrics.best_yaw(vertices, faces, target)
    assert yaw == 130 and score > 0.9
    assert metrics.rotate_y(np.array([[0, 0, 1.0]]), 90) == pytest.approx(np.array([[1.0, 0, 0]]))


def test_extent_ratios() -> None:
    vertices, faces = box(-1, 1)
    ratios = metrics.extent_ratios(vertices * [0.2, 0.5, 1.0], faces)
    assert ratios == pytest.approx({"width/length": 0.2, "height/length": 0.5, "width/height": 0.4})
    with pytest.raises(InputError, match="no extent"):
        metrics.extent_ratios(vertices * [1, 1, 0], faces)


def test_chamfer_of_parallel_planes_and_spheres() -> None:
    grid = np.stack(np.meshgrid(np.arange(20), np.arange(20), [0]), -1).reshape(-1, 3) / 20.0
    assert metrics.chamfer_l1(grid, grid + np.array([0, 0, 0.3])) == pytest.approx(0.3)
    assert metrics.chamfer_l1(grid, grid) == 0
    inner, outer = (metrics.sample_surface(*sphere(r), 10_000, seed) for seed, r in enumerate((0.4, 0.5)))
    assert metrics.chamfer_l1(inner, outer) == pytest.approx(0.1, rel=0.02)
    assert metrics.f_score(inner, outer, 0.05) == 0
    assert metrics.f_score(inner, outer, 0.12) == 1
    assert metrics.f_score(grid, np.concatenate([grid, grid + np.array([0, 0, 9.0])]), 0.01) == pytest.approx(
        2 / 3
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 10_000), st.booleans())
def test_nearest_distances_equal_brute_force(queries: int, points: int, seed: int, far: bool) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(queries, 3)), rng.normal(size=(points, 3)) * [1, 0.01, 3]
    if far:
        a += [40, 0, -7]
    expected = np.linalg.norm(a[:, None] - b[None], axis=2).min(axis=1)
    assert metrics.nearest_distances(a, b) == pytest.approx(expected)


def test_distance_errors() -> None:
    with pytest.raises(InputError, match="points"):
        metrics.nearest_distances(np.zeros((2, 3)), np.zeros((0, 3)))
    with pytest.raises(InputError, match="NaN"):
        metrics.chamfer_l1(np.full((2, 3), np.nan), np.zeros((2, 3)))


def test_rotation_error() -> None:
    def about_y(degrees: float) -> np.ndarray:
        return metrics.rotate_y(np.eye(3), degrees).T

    for degrees in (0, 0.001, 30, 90, 180):
        assert metrics.rotation_error_degrees(np.eye(3), about_y(degrees)) == pytest.approx(degrees, abs=1e-6)
    assert metrics.rotation_error_degrees(about_y(350), about_y(10)) == pytest.approx(20)
    with pytest.raises(InputError, match="second"):
        metrics.rotation_error_degrees(np.eye(3), 2 * np.eye(3))


def test_bootstrap_covers_the_mean_and_sees_pairs() -> None:
    rng = np.random.default_rng(1)
    baseline = rng.normal(0, 10, 400)
    values = baseline + rng.normal(0.5, 0.1, 400)
    interval = metrics.paired_bootstrap(values, baseline)
    assert interval.low < 0.5 < interval.high and interval.high - interval.low < 0.03
    assert metrics.paired_bootstrap(values).high - metrics.paired_bootstrap(values).low > 1
    # The width is that of the normal approximation: 2 * 1.96 * sigma / sqrt(n).
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * 0.1 / 20, rel=0.15)
    assert math.isnan(metrics.paired_bootstrap(np.array([np.nan])).mean)
    with pytest.raises(InputError):
        metrics.paired_bootstrap(np.zeros(3), np.zeros(2))


def test_bootstrap_of_groups_is_wider() -> None:
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(10), 24)
    values = np.repeat(rng.normal(size=10), 24)
    single, grouped = metrics.paired_bootstrap(values), metrics.paired_bootstrap(values, groups=groups)
    assert grouped.mean == single.mean
    assert (grouped.high - grouped.low) > 4 * (single.high - single.low)
