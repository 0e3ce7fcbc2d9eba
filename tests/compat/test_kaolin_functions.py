"""kaolin's small functions: cameras, light, texture, mesh operators, against formulas worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

import unrender.compat.kaolin as kal
from unrender.camera import look_at
from unrender.errors import InputError

double = torch.float64


def test_projection_vector():
    vector = kal.render.camera.generate_perspective_projection(math.radians(60), ratio=2.0, dtype=double)
    expected = torch.tensor([[math.sqrt(3) / 2], [math.sqrt(3)], [-1.0]], dtype=double)
    assert torch.allclose(vector, expected)
    points = torch.tensor([[[1.0, 2.0, -4.0]]], dtype=double)
    projected = kal.render.camera.perspective_camera(points, vector)
    assert torch.allclose(projected[0, 0], torch.tensor([math.sqrt(3) / 8, math.sqrt(3) / 2], dtype=double))


def test_two_ways_of_giving_a_camera_agree():
    make = torch.Generator().manual_seed(1)
    place, target = torch.rand(3, 3, generator=make, dtype=double) * 4, torch.zeros(3, 3, dtype=double)
    up = torch.tensor([[0.0, 1.0, 0.0]], dtype=double)
    vertices = torch.rand(3, 10, 3, generator=make, dtype=double) - 0.5
    faces = torch.stack([torch.randperm(10, generator=make)[:3] for _ in range(7)])
    vector = kal.render.camera.generate_perspective_projection(0.8, dtype=double)
    matrix = kal.render.camera.generate_transformation_matrix(place, target, up)
    turn, shift = kal.render.camera.generate_rotate_translate_matrices(place, target, up)
    assert matrix.shape == (3, 4, 3) and torch.allclose(turn @ turn.mT, torch.eye(3, dtype=double))
    one = kal.render.mesh.prepare_vertices(vertices, faces, vector, camera_transform=matrix)
    two = kal.render.mesh.prepare_vertices(vertices, faces, vector, turn, shift)
    for a, b, shape in zip(one, two, [(3, 7, 3, 3), (3, 7, 3, 2), (3, 7, 3)], strict=True):
        assert a.shape == shape and torch.allclose(a, b)
    # the package's own camera, written independently, sees the points in the same frame
    own = torch.as_tensor(look_at(place[0].numpy(), target[0].numpy(), (0, 1, 0)), dtype=double)
    moved = vertices[0] @ own[:3, :3].T + own[:3, 3]
    assert torch.allclose(moved[faces], one[0][0], atol=1e-6)
    with pytest.raises(InputError, match="camera_transform"):
        kal.render.mesh.prepare_vertices(vertices, faces, vector)


def test_texture_mapping_has_its_origin_at_the_bottom():
    texture = torch.arange(12, dtype=double).reshape(1, 1, 3, 4)
    uv = torch.tensor([[[0.125, 5 / 6], [0.875, 1 / 6], [0.0, 0.0], [2.0, 2.0], [0.25, 5 / 6]]], dtype=double)
    found = kal.render.mesh.texture_mapping(uv, texture, mode="bilinear")
    assert torch.allclose(found[0, :, 0], torch.tensor([0.0, 11.0, 8.0, 3.0, 0.5], dtype=double))
    image = kal.render.mesh.texture_mapping(uv[:, None], texture.expand(1, 2, 3, 4), mode="nearest")
    assert image.shape == (1, 1, 5, 2)


def test_spherical_harmonics():
    make = torch.Generator().manual_seed(2)
    normals = torch.nn.functional.normalize(torch.randn(1, 4, 5, 3, generator=make, dtype=double), dim=-1)
    lights = torch.zeros(1, 9, dtype=double)
    lights[0, 0], lights[0, 2] = 1.0, 0.5
    shade = kal.render.mesh.spherical_harmonic_lighting(normals, lights)
    expected = 0.28209479177 + 0.5 * 0.4886025119 * normals[..., 2]
    assert torch.allclose(shade, expected)
    # orthonormal on the sphere, by a quadrature of many directions
    directions = torch.nn.functional.normalize(torch.randn(400_000, 3, generator=make), dim=-1)
    basis = kal.render.lighting.project_onto_sh9(directions)
    gram = basis.T @ basis * 4 * math.pi / len(directions)
    assert (gram - torch.eye(9)).abs().max() < 0.02
    # a constant surrounding of radiance 1 gives irradiance pi
    constant = torch.tensor([math.sqrt(4 * math.pi)] + [0.0] * 8)
    assert torch.allclose(kal.render.lighting.sh9_irradiance(constant, directions[:5]), torch.tensor(math.pi))
    one = kal.render.lighting.sh9_diffuse(torch.tensor([0.0, 0.0, 1.0]), directions[:5], torch.ones(5, 3))
    assert one.shape == (5, 3)


def test_mesh_operators():
    faces = torch.tensor([[0, 1, 2], [1, 3, 2]])
    laplacian = kal.ops.mesh.uniform_laplacian(5, faces)
    third = 1 / 3
    expected = [
        [-1, 0.5, 0.5, 0, 0], [third, -1, third, third, 0], [third, third, -1, third, 0],
        [0, 0.5, 0.5, -1, 0], [0, 0, 0, 0, -1],
    ]  # fmt: skip
    assert torch.allclose(laplacian, torch.tensor(expected))
    assert torch.equal(
        kal.ops.mesh.adjacency_matrix(5, faces).to_dense(),
        kal.ops.mesh.adjacency_matrix(5, faces, sparse=False),
    )
    vertices = torch.tensor([[[0.0, 0, 0], [2, 0, 0], [0, 1, 0], [2, 1, 0], [0, 0, 9]]])
    corners = kal.ops.mesh.index_vertices_by_faces(vertices, faces)
    assert corners.shape == (1, 2, 3, 3) and torch.equal(corners[0, 1, 1], vertices[0, 3])
    assert torch.equal(kal.ops.mesh.face_normals(corners)[0], torch.tensor([[0.0, 0, 2], [0, 0, 2]]))
    assert torch.allclose(kal.ops.mesh.face_normals(corners, unit=True).norm(dim=-1), torch.tensor(1.0))
    assert torch.equal(kal.ops.mesh.face_areas(vertices, faces), torch.tensor([[1.0, 1.0]]))


def test_mask_iou_is_a_loss():
    a = torch.tensor([[[1.0, 1, 0, 0]], [[1, 0, 0, 0]]])
    b = torch.tensor([[[1.0, 0, 0, 0]], [[1, 0, 0, 0]]])
    assert float(kal.metrics.render.mask_iou(a, b)) == pytest.approx(1 - (0.5 + 1) / 2)
    assert float(kal.metrics.render.mask_iou(a, a)) == pytest.approx(0, abs=1e-6)
