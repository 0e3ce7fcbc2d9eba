"""Lighting and whole pictures."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import camera, cube_mesh, icosphere

from unrender import light, render
from unrender.camera import Camera, orbit
from unrender.errors import InputError
from unrender.mesh import Mesh, vertex_normals


def directions(count: int = 24) -> np.ndarray:
    """Product quadrature on the sphere, exact for the polynomials used here: (points, weights)."""
    z, w = np.polynomial.legendre.leggauss(count)
    phi = np.arange(2 * count) * np.pi / count
    s = np.sqrt(1 - z**2)
    points = np.stack(
        [np.outer(s, np.cos(phi)), np.outer(s, np.sin(phi)), np.outer(z, np.ones_like(phi))], -1
    )
    return np.concatenate(
        [points, np.broadcast_to((w * np.pi / count)[:, None, None], (*points.shape[:2], 1))], -1
    )


def test_spherical_harmonics_are_orthonormal():
    grid = directions().reshape(-1, 4)
    basis = light.sh_basis(grid[:, :3], 3)
    np.testing.assert_allclose((basis * grid[:, 3:]).T @ basis, np.eye(16), atol=1e-12)
    for order in range(4):
        np.testing.assert_array_equal(light.sh_basis(grid[:, :3], order), basis[:, : (order + 1) ** 2])


def test_sh_light_equals_integral():
    torch = pytest.importorskip("torch")
    from unrender.render.reference import shade_sh_reference

    rng = np.random.default_rng(0)
    normals = rng.normal(size=(5, 3))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    radiance, albedo = rng.normal(size=(9, 3)), rng.uniform(size=(5, 3))
    ours = light.shade_sh(albedo, normals, light.irradiance_coefficients(radiance), float("-inf"))
    theirs = shade_sh_reference(torch.tensor(albedo), torch.tensor(normals), torch.tensor(radiance))
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-3)
    both = light.shade_sh(
        torch.tensor(albedo),
        torch.tensor(normals),
        light.irradiance_coefficients(torch.tensor(radiance)),
        float("-inf"),
    )
    np.testing.assert_allclose(both.numpy(), ours, atol=1e-12)


def test_sh_light_of_a_batch():
    rng = np.random.default_rng(1)
    normals, albedo = rng.normal(size=(2, 4, 5, 3)), rng.uniform(size=(2, 4, 5, 3))
    lights = rng.normal(size=(2, 9, 3))
    whole = light.shade_sh(albedo, normals, lights)
    for b in range(2):
        np.testing.assert_allclose(whole[b], light.shade_sh(albedo[b], normals[b], lights[b]), atol=1e-12)
    assert (whole >= 0).all()


def test_constant_light_gives_back_the_albedo():
    coefficients = np.zeros((9, 3))
    coefficients[0] = 1 / light.SH_0
    shaded = light.shade_sh(np.array([0.2, 0.5, 0.7]), np.array([[0.0, 0.6, 0.8]]), coefficients)
    np.testing.assert_allclose(shaded, [[0.2, 0.5, 0.7]], atol=1e-12)


def test_lambert_and_phong():
    up = np.array([0.0, 0.0, 1.0])
    tilted = np.array([0.6, 0.0, 0.8])
    np.testing.assert_allclose(light.lambert(np.full(3, 0.5), up, tilted, 2.0), 0.8)
    np.testing.assert_allclose(light.lambert(np.full(3, 0.5), up, -tilted, 2.0), 0.0)
    mirrored = np.array([-0.6, 0.0, 0.8])
    np.testing.assert_allclose(light.phong(np.full(3, 0.5), up, mirrored, tilted, 2.0, 10), 1.0)
    np.testing.assert_allclose(light.phong(np.full(3, 0.5), up, up, tilted, 1.0, 10), 0.5 * 0.8**10)
    assert (light.phong(np.full(3, 0.5), up, mirrored, -tilted, 1.0) == 0).all()
    with pytest.raises(InputError, match="normals"):
        light.lambert(np.ones(3), np.ones(2), up, 1.0)


def test_light_gradients():
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(0)

    def unit(*shape):
        return torch.nn.functional.normalize(
            torch.randn(*shape, 3, generator=generator, dtype=torch.float64), dim=-1
        )

    normals, view, towards = (unit(4).requires_grad_() for _ in range(3))
    albedo = torch.rand(4, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    power = torch.tensor(7.0, dtype=torch.float64, requires_grad=True)
    check = torch.autograd.gradcheck
    assert check(lambda a, n, t: light.lambert(a, n, t, 1.5), (albedo, normals, towards))
    assert check(
        lambda a, n, v, t, p: light.phong(a, n, v, t, 1.5, p), (albedo, normals, view, towards, power)
    )
    coefficients = torch.randn(9, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    assert check(lambda a, n, c: light.shade_sh(a, n, c), (albedo, normals, coefficients))


def test_normals_and_depth_of_a_ball():
    vertices, faces = icosphere(3)
    view = camera(30, 40, 4, size=48)
    result = render.render(Mesh(vertices.astype(np.float32), faces), view)
    centre = result.normals[24, 24]
    np.testing.assert_allclose(centre, view.position / np.linalg.norm(view.position), atol=0.05)
    np.testing.assert_allclose(result.depth[24, 24], 3, atol=0.02)
    assert result.image.shape == (48, 48, 3) and result.mask.dtype == np.float32
    assert (result.image[result.mask == 0] == 0).all()


def test_supersampling():
    vertices, faces = cube_mesh()
    colors = np.full((8, 3), 0.5, np.float32)
    mesh = Mesh(vertices.astype(np.float32), faces, vertex_colors=colors)
    coarse, fine = render.render(mesh, camera(size=32)), render.render(mesh, camera(size=32), samples=8)
    assert abs(coarse.mask.mean() - fine.mask.mean()) < 0.01
    assert set(np.unique(coarse.mask)) == {0, 1} and len(np.unique(fine.mask)) > 10
    np.testing.assert_allclose(fine.image, 0.5 * fine.mask[..., None] * np.ones(3), atol=1e-6)
    solid = fine.mask == 1
    np.testing.assert_allclose(fine.depth[solid], coarse.depth[solid], atol=0.15)
    with pytest.raises(InputError, match="samples"):
        render.render(mesh, camera(), samples=0)


def test_texture_is_upright_and_linear():
    """A square seen from +Z: its texture's first row is on top, colours are decoded from sRGB."""
    vertices = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    texture = np.zeros((2, 2, 3), np.uint8)
    texture[0, 0] = [255, 0, 0]
    texture[1, 1] = [0, 0, 188]
    uvs = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    view = Camera.from_fov(40, orbit(0, 0, 4), 30.0)
    mesh = Mesh(vertices, faces, uvs=uvs, uv_faces=faces, texture=texture)
    image = render.render(mesh, view).image
    np.testing.assert_allclose(image[11, 11], [1, 0, 0], atol=0.1)
    np.testing.assert_allclose(image[29, 29], [0, 0, 0.503], atol=0.1)
    assert image[11, 29].max() < 0.1


def test_tensors_and_arrays_agree():
    torch = pytest.importorskip("torch")
    vertices, faces = icosphere(1)
    clip = camera().to_clip(vertices)[None]
    rng = np.random.default_rng(0)
    colors, lights = rng.uniform(size=(1, len(vertices), 3)), rng.normal(size=(9, 3))
    normals = vertex_normals(vertices, faces)[None].astype(np.float64)
    ours = render.render_surface(clip, render.Surface(faces, colors, normals=normals), lights, (20, 20), 0.01)
    tensors = [torch.tensor(x, requires_grad=True) for x in (clip, colors, normals, lights)]
    theirs = render.render_surface(
        tensors[0],
        render.Surface(torch.tensor(faces), tensors[1], normals=tensors[2]),
        tensors[3],
        (20, 20),
        0.01,
    )
    np.testing.assert_allclose(theirs.image.detach().numpy(), ours.image, atol=1e-12)
    np.testing.assert_allclose(theirs.mask.detach().numpy(), ours.mask, atol=1e-12)
    (theirs.image.sum() + theirs.mask.sum() + theirs.depth.sum() + theirs.normals.sum()).backward()
    assert all(torch.isfinite(x.grad).all() and x.grad.abs().sum() > 0 for x in tensors)


def test_light_without_normals():
    vertices, faces = cube_mesh()
    with pytest.raises(InputError, match="normals"):
        render.render_surface(
            camera().to_clip(vertices)[None], render.Surface(faces), np.ones((9, 3)), (8, 8)
        )
