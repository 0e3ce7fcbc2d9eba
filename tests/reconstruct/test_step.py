"""The loop's fused kernels: gradient and matrix against torch autograd, coverage against the renderer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from blobs import coverage, turned, view

from unrender.camera import Camera
from unrender.reconstruct.distance import outline, signed_distance
from unrender.reconstruct.proportions import Proportions
from unrender.reconstruct.silhouette import Geometry, View, directed_edges, see
from unrender.reconstruct.step import (
    Prior,
    Target,
    add_products,
    advance,
    equations,
    gather,
    nearest_edges,
    ratio_rows,
    room,
)
from unrender.render import rasterize
from unrender.template import make_template

SIZE = 48
SCALE = 3.0


class Scene:
    """A shape that does not quite fit a mask, its outline, and the frozen matches between the two."""

    def __init__(self, space, seed: int, aside: tuple[float, float] = (0.0, 0.0)) -> None:
        rng = np.random.default_rng(seed)
        truth = view(rng.uniform(0, 360), rng.uniform(-10, 40), 5.0, aside)
        mask = coverage(space.vertices(rng.standard_normal(space.size)), Camera.from_fov(SIZE, truth))
        self.rotation = turned(truth[:3, :3], 15, rng)
        self.translation = truth[:3, 3] + 0.05 * rng.standard_normal(3)
        self.coefficients = 0.5 * rng.standard_normal(space.size)
        faces = np.ascontiguousarray(make_template(3).faces, np.int32)
        self.geometry = Geometry(
            space.mean.astype(np.float64),
            np.ascontiguousarray(space.basis.astype(np.float64).transpose(1, 2, 0)),
            faces, directed_edges(faces), float(0.5 * SIZE / np.tan(np.radians(15))),
        )  # fmt: skip
        inside = np.ascontiguousarray(mask > 0.5)
        points, normals = outline(mask, 64)
        self.target = Target(inside, signed_distance(inside), points, normals)
        self.pose = np.concatenate([self.rotation.ravel(), self.translation, self.coefficients])
        self.view = View.room(self.geometry, SIZE)
        self.iou, self.found = see(self.geometry, inside, self.pose, self.view)

    def equations(self):
        """Energy, gradient, and the matrix as products of rows."""
        nearest, sums, rows, _, gradient = room(self.geometry, len(self.target.points), True)
        view, found = self.view, self.found
        nearest_edges(self.target.points, self.target.normals, view.middle, view.normal, found, nearest)
        energy = gather(self.target, view.middle, view.length, nearest, found, SCALE, sums)
        used = equations(self.geometry, self.pose, view.local, view.chosen, found, sums, rows, gradient)
        self.nearest = nearest
        return energy, gradient, rows[:used]

    def residuals(self, parameters: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[N] at (rotation increment, translation, coefficients) relative to the pose, and weights [N]."""
        w, t, c = parameters[:3], parameters[3:6], parameters[6:]
        zero = torch.zeros((), dtype=torch.float64)
        generator = torch.stack([zero, -w[2], w[1], w[2], zero, -w[0], -w[1], w[0], zero]).view(3, 3)
        rotation = torch.linalg.matrix_exp(generator) @ torch.from_numpy(self.rotation)
        coefficients = torch.from_numpy(self.coefficients) + c
        shape = torch.from_numpy(self.geometry.mean) + torch.from_numpy(self.geometry.basis) @ coefficients
        local = shape @ rotation.T + torch.from_numpy(self.translation) + t
        scale = self.geometry.focal / -local[:, 2]
        pixels = torch.stack([SIZE / 2 + scale * local[:, 0], SIZE / 2 - scale * local[:, 1]], 1)
        chosen = self.view.chosen[: self.found]
        ends = torch.from_numpy(self.geometry.edges[chosen, :2]).long()
        middle = pixels[ends].mean(1)
        grid = (2 * middle / SIZE - 1)[None, None]
        field = torch.from_numpy(self.target.distance)[None, None]
        sampled = F.grid_sample(field, grid, padding_mode="border", align_corners=False)[0, 0, 0]
        beyond = (middle - middle.clamp(0.5, SIZE - 0.5)).abs().sum(1)
        lengths = (pixels[ends[:, 0]] - pixels[ends[:, 1]]).norm(dim=1).detach()
        matched = torch.from_numpy(self.nearest >= 0)
        points, normals = (torch.from_numpy(x) for x in (self.target.points, self.target.normals))
        reverse = (normals * (points - middle[torch.from_numpy(self.nearest).long()])).sum(1)[matched]
        shares = torch.full((int(matched.sum()),), 1 / len(points), dtype=torch.float64)
        return torch.cat([sampled + beyond, reverse]), torch.cat([lengths / lengths.sum(), shares])


@pytest.mark.parametrize(
    ("seed", "aside", "off"), [(0, (0, 0), 1e-9), (1, (0, 0), 1e-9), (2, (0, 0), 1e-9), (5, (0.9, 0.2), 1e-6)]
)
def test_gradient_and_matrix_are_those_of_autograd(space, seed, aside, off):
    # off the picture the distance's last column is read 1e-6 pixels early
    scene = Scene(space, seed, aside)
    assert scene.found > 30
    energy, gradient, rows = scene.equations()
    parameters = torch.zeros(6 + space.size, dtype=torch.float64, requires_grad=True)
    residuals, weights = scene.residuals(parameters)
    expected = (weights * residuals**2 / (1 + residuals**2 / SCALE**2)).sum()
    expected.backward()
    assert energy == pytest.approx(expected.item(), rel=off)
    half = 0.5 * parameters.grad.numpy()
    np.testing.assert_allclose(gradient, half, rtol=1e-6, atol=max(1e-6, 100 * off) * np.abs(half).max())
    jacobian = torch.autograd.functional.jacobian(
        lambda p: scene.residuals(p)[0], torch.zeros_like(parameters), vectorize=True
    ).numpy()
    robust = weights.numpy() / (1 + (residuals.detach().numpy() / SCALE) ** 2) ** 2
    matrix = jacobian.T @ (robust[:, None] * jacobian)
    np.testing.assert_allclose(
        rows.T @ rows, matrix, rtol=1e-5, atol=max(2e-6, 100 * off) * np.abs(matrix).max()
    )


def test_products_of_rows():
    rows = np.random.default_rng(0).standard_normal((16, 21)).astype(np.float32)
    matrix = np.zeros((21, 21), np.float32)
    add_products(rows, 16, matrix)
    np.testing.assert_allclose(np.tril(matrix), np.tril(rows.T @ rows), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_coverage_and_outline_are_the_renderers(space, seed):
    scene = Scene(space, seed, (0.9, 0.2) if seed == 3 else (0.0, 0.0))
    vertices = space.vertices(scene.coefficients)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = scene.rotation, scene.translation
    camera = Camera.from_fov(SIZE, matrix)
    np.testing.assert_allclose(scene.view.pixels, camera.project(vertices)[0], atol=1e-3)
    clip = camera.to_clip(vertices).astype(np.float32)[None]
    covered = rasterize(clip, scene.geometry.faces, (SIZE, SIZE)).face_index[0] >= 0
    drawn = scene.view.counts[:, :SIZE] > 0
    assert (drawn != covered).sum() <= 1  # a centre on an edge to within float32
    mask = scene.target.mask
    assert scene.iou == pytest.approx((drawn & mask).sum() / (drawn | mask).sum())
    middle = scene.view.middle[: scene.found]
    inside = ((middle > 1) & (middle < SIZE - 1)).all(1)
    column, row = np.floor(middle[inside]).astype(int).T
    assert np.abs(signed_distance(covered)[row, column]).max() < 2.5
    outside = np.floor(middle[inside] + scene.view.normal[: scene.found][inside]).astype(int)
    assert not covered[outside[:, 1], outside[:, 0]].any()


def test_a_shape_that_reaches_behind_the_camera_is_not_seen(space):
    scene = Scene(space, 0)
    near = scene.pose.copy()
    near[11] = -0.1
    assert see(scene.geometry, scene.target.mask, near, scene.view) == (0.0, 0)
    broken = scene.pose.copy()
    broken[12] = np.nan
    assert see(scene.geometry, scene.target.mask, broken, scene.view) == (0.0, 0)


def test_derivatives_of_proportions_equal_differences(space):
    scene, found = Scene(space, 1), Proportions.of(space)
    prior = _prior(scene, ratio_mean=found.mean, ratio_scale=found.scale, ratio_precision=0.7)
    rows, gradient = np.zeros((2, 6 + space.size)), np.zeros(6 + space.size)
    ratio_rows(scene.view.vertices, scene.geometry.basis, prior, rows, 0, gradient)

    def deviation(change):
        vertices = scene.geometry.mean + scene.geometry.basis @ (scene.coefficients + change)
        sides = np.log(np.ptp(vertices, axis=0))
        return np.sqrt(0.7) * found.scale @ (sides[:2] - sides[2] - found.mean)

    step = 1e-6 * np.eye(space.size)
    differences = np.stack([(deviation(h) - deviation(-h)) / 2e-6 for h in step], -1)
    np.testing.assert_allclose(rows[:, 6:], differences, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(gradient[6:], differences.T @ deviation(0), rtol=1e-3, atol=1e-5)
    assert not rows[:, :6].any() and not gradient[:6].any()


def test_a_step_solves_the_damped_normal_equations(space):
    scene = Scene(space, 2)
    _, gradient, rows = scene.equations()
    away = turned(np.eye(3), 4, np.random.default_rng(1))
    prior = _prior(scene, rotation=away.T @ scene.rotation, near_camera=20.0)
    angle = np.radians(4)
    axis = np.array([away[2, 1] - away[1, 2], away[0, 2] - away[2, 0], away[1, 0] - away[0, 1]])
    gradient[:3] += 20 * angle * axis / np.linalg.norm(axis)
    gradient[6:] += prior.precision @ (scene.coefficients - prior.centre)
    beyond = np.abs(scene.coefficients) > prior.usual
    assert beyond.any() and not beyond.all()
    excess = scene.coefficients - np.clip(scene.coefficients, -prior.usual, prior.usual)
    gradient[6:] += prior.excess * excess
    matrix = rows.T @ rows
    matrix[6:, 6:] += prior.precision
    pull = np.concatenate([np.full(3, 20.0), np.zeros(3), prior.excess * beyond])
    matrix[np.diag_indices(len(matrix))] = 1.001 * (np.diag(matrix) + pull) + 1e-9
    change = -np.linalg.solve(matrix, gradient)
    change *= min(1, 0.35 / np.linalg.norm(change[:3]), 1.5 / np.abs(change[6:]).max())
    pose, work = scene.pose.copy(), room(scene.geometry, len(scene.target.points), True)
    assert advance(scene.geometry, scene.target, prior, SCALE, pose, scene.view, scene.found, work)
    np.testing.assert_allclose(pose[9:12], scene.translation + change[3:6], atol=1e-6)
    np.testing.assert_allclose(pose[12:], scene.coefficients + change[6:], atol=1e-6)
    x, y, z = change[:3]
    generator = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    turn = torch.linalg.matrix_exp(generator).numpy() @ scene.rotation
    np.testing.assert_allclose(pose[:9].reshape(3, 3), turn, atol=1e-6)


def _prior(scene: Scene, **changes) -> Prior:
    count = len(scene.coefficients)
    together = np.random.default_rng(0).standard_normal((count, count))
    values = {
        "rotation": scene.rotation, "near_camera": 0.0, "centre": np.linspace(-0.2, 0.2, count),
        "precision": 0.3 * np.eye(count) + 0.05 * together @ together.T,
        "usual": 0.4, "excess": np.full(count, 0.8),
        "ratio_mean": np.zeros(2), "ratio_scale": np.eye(2), "ratio_precision": 0.0,
    }  # fmt: skip
    return Prior(**{**values, **changes})
