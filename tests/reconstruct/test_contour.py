"""The analytic normal equations of the loop, against torch autograd of an independently written energy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from blobs import coverage, turned, view

from unrender.camera import Camera
from unrender.reconstruct.contour import exp_rotation, find_matches, log_rotation, normal_equations, project
from unrender.reconstruct.distance import outline, signed_distance
from unrender.render import rasterize
from unrender.template import make_template
from unrender.topology import edge_faces

SIZE = 48
SCALE = 3.0


class Scene:
    """A shape that does not quite fit a mask, and the frozen matches between their outlines."""

    def __init__(self, space, seed: int, aside: tuple[float, float] = (0.0, 0.0)) -> None:
        rng = np.random.default_rng(seed)
        truth = view(rng.uniform(0, 360), rng.uniform(-10, 40), 5.0, aside)
        mask = coverage(space.vertices(rng.standard_normal(space.size)), Camera.from_fov(SIZE, truth))
        self.field = signed_distance(mask > 0.5)
        self.rotation = turned(truth[:3, :3], 15, rng)
        self.translation = truth[:3, 3] + 0.05 * rng.standard_normal(3)
        self.coefficients = 0.5 * rng.standard_normal(space.size)
        self.mean = space.mean.astype(np.float64)
        self.basis = np.ascontiguousarray(space.basis.astype(np.float64).transpose(1, 2, 0))
        self.focal = 0.5 * SIZE / np.tan(np.radians(15))
        template = make_template(3)
        vertices = self.mean + np.einsum("k,vck->vc", self.coefficients, self.basis)
        self.local, self.pixels = np.empty_like(vertices), np.empty((len(vertices), 2))
        clip = np.empty((1, len(vertices), 4), np.float32)
        near_z, far_z = Camera.from_fov(SIZE, np.eye(4)).projection()[2, 2:]
        project(
            vertices, self.rotation, self.translation, self.focal, SIZE, near_z, far_z,
            self.local, self.pixels, clip,
        )  # fmt: skip
        self.clip = clip
        self.face_index = rasterize(clip, template.faces, (SIZE, SIZE)).face_index[0]
        table = edge_faces(template.faces)
        self.matches = find_matches(
            self.pixels, template.faces, table.vertices, table.faces, self.face_index, *outline(mask, 64)
        )

    def equations(self, free: int) -> tuple[float, np.ndarray, np.ndarray]:
        hessian, gradient = np.empty((6 + free, 6 + free)), np.empty(6 + free)
        energy = normal_equations(
            self.local, self.translation, self.rotation, self.pixels, self.focal, self.basis,
            *self.matches, self.field, SCALE, hessian, gradient,
        )  # fmt: skip
        return energy, hessian, gradient

    def residuals(self, parameters: torch.Tensor) -> torch.Tensor:
        """[N] at (rotation increment, translation, coefficients) [6 + K] relative to the scene's pose."""
        w, t, c = parameters[:3], parameters[3:6], parameters[6:]
        zero = torch.zeros((), dtype=torch.float64)
        generator = torch.stack([zero, -w[2], w[1], w[2], zero, -w[0], -w[1], w[0], zero]).view(3, 3)
        rotation = torch.linalg.matrix_exp(generator) @ torch.from_numpy(self.rotation)
        coefficients = torch.from_numpy(self.coefficients) + c
        shape = torch.from_numpy(self.mean) + torch.einsum(
            "k,vck->vc", coefficients, torch.from_numpy(self.basis)
        )
        local = shape @ rotation.T + torch.from_numpy(self.translation) + t
        depth = -local[:, 2]
        pixels = torch.stack(
            [SIZE / 2 + self.focal * local[:, 0] / depth, SIZE / 2 - self.focal * local[:, 1] / depth], 1
        )
        ends, points, normals, _ = (torch.from_numpy(np.asarray(m)) for m in self.matches)
        middle = pixels[ends.long()].mean(1)
        grid = (2 * middle / SIZE - 1)[None, None]
        field = torch.from_numpy(self.field)[None, None]
        sampled = F.grid_sample(field, grid, padding_mode="border", align_corners=False)[0, 0, 0]
        beyond = (middle - middle.clamp(0.5, SIZE - 0.5)).abs().sum(1)
        forward = (normals == 0).all(1)
        return torch.where(forward, sampled + beyond, (normals * (points - middle)).sum(1))

    def energy(self, parameters: torch.Tensor) -> torch.Tensor:
        squared = self.residuals(parameters) ** 2
        return (torch.from_numpy(self.matches[3]) * squared / (1 + squared / SCALE**2)).sum()


@pytest.mark.parametrize("seed", range(4))
def test_gradient_is_that_of_autograd(space, seed):
    scene = Scene(space, seed)
    parameters = torch.zeros(6 + space.size, dtype=torch.float64, requires_grad=True)
    expected = scene.energy(parameters)
    expected.backward()
    energy, _, gradient = scene.equations(space.size)
    assert energy == pytest.approx(expected.item(), rel=1e-9)
    half = 0.5 * parameters.grad.numpy()
    assert np.abs(gradient - half).max() < 1e-6 * np.abs(half).max()
    np.testing.assert_allclose(gradient, half, rtol=1e-6, atol=1e-9 * np.abs(half).max())


def test_gradient_where_the_outline_leaves_the_picture(space):
    scene = Scene(space, 5, aside=(0.9, 0.2))
    assert scene.pixels.max() > SIZE + 2
    parameters = torch.zeros(6 + space.size, dtype=torch.float64, requires_grad=True)
    scene.energy(parameters).backward()
    half = 0.5 * parameters.grad.numpy()
    assert np.abs(scene.equations(space.size)[2] - half).max() < 1e-4 * np.abs(half).max()


def test_matrix_is_the_weighted_product_of_autograd_jacobians(space):
    scene = Scene(space, 1)
    zero = torch.zeros(6 + space.size, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(scene.residuals, zero, vectorize=True).numpy()
    residuals = scene.residuals(zero).numpy()
    weights = scene.matches[3] / (1 + (residuals / SCALE) ** 2) ** 2
    expected = jacobian.T @ (weights[:, None] * jacobian)
    _, hessian, _ = scene.equations(space.size)
    np.testing.assert_allclose(hessian, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_array_equal(hessian, hessian.T)
    values = np.linalg.eigvalsh(hessian)
    assert values.min() > -1e-10 * values.max()


def test_camera_alone_is_the_leading_block(space):
    scene = Scene(space, 2)
    _, whole, gradient = scene.equations(space.size)
    _, block, part = scene.equations(0)
    np.testing.assert_allclose(block, whole[:6, :6], rtol=1e-12)
    np.testing.assert_allclose(part, gradient[:6], rtol=1e-12)


def test_matched_edges_lie_on_the_rendered_outline(space):
    scene = Scene(space, 3)
    ends, _, normals, weights = scene.matches
    forward = (normals == 0).all(1)
    assert forward.sum() > 30 and (~forward).sum() > 30
    assert weights[forward].sum() == pytest.approx(1)
    assert 0.9 < weights[~forward].sum() <= 1 + 1e-9
    distance = signed_distance(scene.face_index >= 0)
    column, row = np.floor(scene.pixels[ends].mean(1)).astype(int).T
    assert np.abs(distance[row, column]).max() < 2.5


def test_projection_is_the_cameras(space):
    scene = Scene(space, 4)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = scene.rotation, scene.translation
    camera = Camera.from_fov(SIZE, matrix)
    vertices = space.vertices(scene.coefficients)
    np.testing.assert_allclose(scene.pixels, camera.project(vertices)[0], atol=1e-4)
    np.testing.assert_allclose(scene.clip[0], camera.to_clip(vertices), atol=1e-4)


def test_rotation_exponential_and_logarithm():
    rng = np.random.default_rng(0)
    for angle in (0.0, 1e-10, 1e-3, 1.0, 3.0):
        vector = rng.standard_normal(3)
        vector *= angle / np.linalg.norm(vector)
        x, y, z = vector
        generator = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
        matrix = exp_rotation(vector)
        np.testing.assert_allclose(matrix, torch.linalg.matrix_exp(generator).numpy(), atol=1e-12)
        np.testing.assert_allclose(log_rotation(matrix), vector, atol=1e-9)
