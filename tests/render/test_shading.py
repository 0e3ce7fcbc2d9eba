"""Lights, materials and environments against quadrature, closed forms and finite differences."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unrender import light  # noqa: E402
from unrender.errors import InputError  # noqa: E402
from unrender.render import reference_shading as oracle  # noqa: E402
from unrender.render import sample_cube_map, sample_texture, shading  # noqa: E402

UP = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
MATERIALS = [((0.8, 0.5, 0.2), 0.0, 0.3), ((0.8, 0.5, 0.2), 1.0, 0.5), ((0.3, 0.6, 0.9), 0.4, 1.0)]


def unit(*shape, seed=0):
    values = np.random.default_rng(seed).normal(size=(*shape, 3))
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def tilted(degrees):
    angle = math.radians(degrees)
    return torch.tensor([math.sin(angle), 0.0, math.cos(angle)], dtype=torch.float64)


def material(base, metallic, roughness):
    return shading.Material(torch.tensor(base, dtype=torch.float64), metallic, roughness)


def lights(count=3, seed=1):
    rng = np.random.default_rng(seed)
    return shading.SphericalGaussians(
        unit(count, seed=seed), np.exp(rng.uniform(0.5, 3, count)), rng.uniform(0.2, 2, (count, 3))
    )


@pytest.mark.parametrize(("base", "metallic", "roughness"), MATERIALS)
def test_ggx_is_the_reference(base, metallic, roughness):
    towards = torch.tensor(unit(50))
    towards[0] = tilted(30) * torch.tensor([-1, 1, 1])  # the mirror direction
    for degrees in (0, 30, 75):
        view = tilted(degrees)
        expected = oracle.brdf_reference(
            torch.tensor(base, dtype=torch.float64), metallic, roughness, UP, view, towards
        )
        expected = expected * (towards @ UP).clamp(min=0)[:, None]
        ours = shading.shade_ggx(material(base, metallic, roughness), UP, view, towards, torch.ones(3))
        torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-12)
    single = shading.Material(np.array(base, np.float32), metallic, roughness)
    arrays = [value.numpy().astype(np.float32) for value in (UP, view, towards)]
    numpy_way = shading.shade_ggx(single, *arrays, np.ones(3, np.float32))
    np.testing.assert_allclose(numpy_way, expected, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("roughness", [0.3, 0.6, 1.0])
def test_facets_and_energy(roughness):
    """The distribution's projected area is 1; a white metal reflects at most all, nearly all when smooth."""
    directions, area = oracle.sphere(400)
    cosine = (directions @ UP).clamp(min=0)
    facets = shading.ggx.distribution(cosine, roughness**2)
    assert abs(float((facets * cosine * area).sum()) - 1) < 2e-3
    white = material((1.0, 1.0, 1.0), 1.0, roughness)
    reflected = shading.shade_ggx(white, UP, tilted(40), directions, torch.ones(3))
    total = float((reflected[:, 0] * area).sum()) / math.pi
    assert (0.97 if roughness < 0.5 else 0.3) < total < 1.0005


def test_point_light():
    towards, radiance = shading.point_light(
        np.zeros((2, 3)), np.array([[0.0, 2, 0], [0.0, 0, 0]]), np.array([4.0])
    )
    np.testing.assert_allclose(towards, [[0, 1, 0], [0, 0, 0]])
    np.testing.assert_allclose(radiance[0], 1.0)


@pytest.mark.parametrize(("base", "metallic", "roughness"), MATERIALS)
@pytest.mark.parametrize("degrees", [0, 45, 65])
def test_gaussians_against_quadrature(base, metallic, roughness, degrees):
    environment = lights()
    as_tensors = shading.SphericalGaussians(
        *(torch.tensor(v) for v in (environment.axes, environment.sharpness, environment.amplitudes))
    )
    view = tilted(degrees)
    errors, values = [], []
    for normal, seen in ((UP, view), (view, UP)):
        whole, _ = oracle.environment_reference(
            torch.tensor(base, dtype=torch.float64),
            metallic,
            roughness,
            normal,
            seen,
            as_tensors.radiance,
            150,
        )
        ours = shading.shade_gaussians(material(base, metallic, roughness), normal, seen, as_tensors)
        errors.append(float((ours - whole).abs().max()))
        values.append(float(whole.max()))
    assert max(errors) < (0.1 if roughness < 1 else 0.17) * max(values)


@pytest.mark.parametrize("sharpness", [0.01, 0.9, 1.1, 5.0, 80.0])
def test_gaussians_to_harmonics(sharpness):
    """The closed form against the projection of a panorama."""
    environment = shading.SphericalGaussians(unit(1), np.array([sharpness]), np.array([[1.0, 0.5]]))
    panorama = environment.radiance(shading.panorama_directions(180, 360))
    expected = shading.project_panorama(panorama, 2)
    np.testing.assert_allclose(shading.gaussians_to_sh(environment), expected, atol=3e-4)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_projection_of_environments(order):
    """A basis function projects to a unit vector; a constant and a hemisphere to what is known of them."""
    count = (order + 1) ** 2
    panorama = shading.panorama_directions(90, 180)
    np.testing.assert_allclose(
        shading.project_panorama(light.sh_basis(panorama, order), order), np.eye(count), atol=2e-3
    )
    cube = shading.environment.cube_directions(32)
    np.testing.assert_allclose(
        shading.project_cube_map(light.sh_basis(cube, order), order), np.eye(count), atol=2e-3
    )
    constant = np.zeros((count, 1))
    constant[0] = 2 * math.sqrt(4 * math.pi)
    for function, shape in (
        (shading.project_panorama, (64, 128, 1)),
        (shading.project_cube_map, (6, 16, 16, 1)),
    ):
        np.testing.assert_allclose(
            function(np.full(shape, 2.0), order), constant, atol=0.02 if order else 1e-12
        )
    hemisphere = (panorama[..., 1:2] > 0).astype(float)
    sky = shading.project_panorama(hemisphere, order)[:, 0]
    np.testing.assert_allclose(sky[0], math.pi * 2 * light.SH_0, rtol=1e-6)
    if order >= 1:
        np.testing.assert_allclose(sky[1:4], [math.pi * light.SH_1, 0, 0], atol=1e-3)
        shaded = light.shade_sh(
            np.ones(1), np.array([0.0, 1, 0]), light.irradiance_coefficients(sky[:, None])
        )
        assert abs(shaded[0] - 1) < (0.03 if order > 1 else 0.01)  # a facing surface sees the whole sky


def test_places_and_cube_agree():
    """The panorama's uv, the cube map's faces and the table of directions tell of the same world."""
    towards = unit(1, 4, 50)
    panorama = shading.panorama_directions(256, 512)
    uv = shading.panorama_places(towards)
    np.testing.assert_allclose(sample_texture(panorama, uv, wrap="repeat"), towards, atol=2e-2)
    cube = shading.environment.cube_directions(64)
    np.testing.assert_allclose(sample_cube_map(cube, towards), towards, atol=3e-3)
    assert abs(shading.environment.cube_solid_angles(5).sum() * 6 - 4 * math.pi) < 1e-12
    poles = shading.panorama_places(np.array([[0, 1.0, 0], [0, -1, 0], [1, 0, 0], [0, 0, 1]]))
    np.testing.assert_allclose(poles, [[0.5, 1], [0.5, 0], [0.25, 0.5], [0.5, 0.5]], atol=1e-12)


@pytest.mark.parametrize(("base", "metallic", "roughness"), MATERIALS)
def test_prefiltered_against_quadrature(base, metallic, roughness):
    """Exact for a constant environment; near for a smooth one seen not too flatly."""
    smooth = shading.SphericalGaussians(
        torch.tensor(unit(3, seed=1)), torch.tensor([2.0, 4.0, 8.0], dtype=torch.float64),
        torch.tensor([[1.0, 0.8, 0.5], [0.3, 0.6, 1.0], [0.5, 0.5, 0.5]], dtype=torch.float64),
    )  # fmt: skip
    even = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    cases = [(lambda w: even.expand(*w.shape[:-1], 3), 0.015), (smooth.radiance, 0.1)]
    directions = torch.tensor(shading.environment.cube_directions(16))
    for (radiance, bound), degrees in itertools.product(cases, (10, 50)):
        environment = shading.prefilter_cube_map(radiance(directions).contiguous())
        view = tilted(degrees)
        colour = torch.tensor(base, dtype=torch.float64)
        whole, _ = oracle.environment_reference(colour, metallic, roughness, UP, view, radiance)
        ours = shading.shade_prefiltered(
            material(base, metallic, roughness), UP[None, None, None], view[None, None, None], environment
        )[0, 0, 0]
        assert ((ours - whole).abs() / whole.abs().max()).max() < bound


def gradcheck(function, *inputs):
    """Central differences in float64; and float32 within 1e-3 of it."""
    leaves = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in inputs]
    assert torch.autograd.gradcheck(function, leaves, eps=1e-6, atol=1e-7, rtol=1e-4)
    exact = torch.autograd.grad(function(*leaves).sum(), leaves)
    singles = [torch.tensor(value, dtype=torch.float32, requires_grad=True) for value in inputs]
    for a, b in zip(torch.autograd.grad(function(*singles).sum(), singles), exact, strict=True):
        assert (a.double() - b).norm() <= 1e-3 * b.norm() + 1e-6


def surface():
    rng = np.random.default_rng(5)
    normals = unit(2, 2, seed=6)
    view, towards = (normals + 0.6 * rng.normal(size=normals.shape) for _ in range(2))
    view /= np.linalg.norm(view, axis=-1, keepdims=True)
    towards /= np.linalg.norm(towards, axis=-1, keepdims=True)
    base, metallic, roughness = rng.uniform(0.1, 0.9, (2, 2, 3)), np.array([0.3]), np.array([0.45])
    return normals, view, towards, base, metallic, roughness


def test_gradients_of_lights():
    normals, view, towards, base, metallic, roughness = surface()
    radiance = np.array([1.0, 0.7, 0.4])
    gradcheck(lambda *a: light.ambient(*a), base, radiance)
    gradcheck(lambda n, t, b, r: light.lambert(b, n, t, r), normals, towards, base, radiance)
    gradcheck(light.phong, base, normals, view, towards, radiance, np.array([7.0]))
    for count in (1, 4, 9, 16):
        coefficients = np.random.default_rng(7).normal(size=(count, 3))
        gradcheck(lambda b, n, c: light.shade_sh(b, n, c, float("-inf")), base, normals, coefficients)

    def by_point(points, position, intensity, base):
        direction, strength = shading.point_light(points, position, intensity)
        return light.lambert(base, torch.tensor(normals).to(base), direction, strength)

    gradcheck(by_point, -normals, np.array([0.4, 1.0, 2.0]), radiance, base)

    def ggx(base, metallic, roughness, n, v, t, radiance):
        return shading.shade_ggx(shading.Material(base, metallic, roughness), n, v, t, radiance)

    gradcheck(ggx, base, metallic, roughness, normals, view, towards, radiance)


def test_gradients_of_environments():
    normals, view, _, base, metallic, roughness = surface()
    few = lights(2)

    def gaussians(base, metallic, roughness, n, v, axes, sharpness, amplitudes):
        environment = shading.SphericalGaussians(axes, sharpness, amplitudes)
        return shading.shade_gaussians(shading.Material(base, metallic, roughness), n, v, environment)

    gradcheck(gaussians, base, metallic, roughness, normals, view, few.axes, few.sharpness, few.amplitudes)
    rng = np.random.default_rng(8)

    def prefiltered(base, metallic, roughness, n, v, texture):
        environment = shading.prefilter_cube_map(texture)
        return shading.shade_prefiltered(
            shading.Material(base, metallic, roughness), n[None], v[None], environment
        )

    gradcheck(prefiltered, base, metallic, roughness, normals, view, rng.uniform(size=(6, 4, 4, 3)))
    gradcheck(lambda image: shading.project_panorama(image, 3), rng.uniform(size=(4, 8, 2)))
    gradcheck(shading.panorama_places, unit(5))


def test_behind_the_surface_is_black_and_finite():
    away = -UP.expand(1, 1, 1, 3)
    up = UP.expand(1, 1, 1, 3)
    stuff = material((0.5, 0.5, 0.5), 0.5, 0.0)
    environment = shading.prefilter_cube_map(torch.ones(6, 4, 4, 3, dtype=torch.float64))
    some = lights()
    tensors = shading.SphericalGaussians(
        *(torch.tensor(v) for v in (some.axes, some.sharpness, some.amplitudes))
    )
    base = stuff.base.clone().requires_grad_()
    stuff = shading.Material(base, 0.5, 0.0)
    for colour in (
        shading.shade_ggx(stuff, up, away, up, torch.ones(3)),
        shading.shade_ggx(stuff, up, up, away, torch.ones(3)),
        shading.shade_gaussians(stuff, up, away, tensors),
        shading.shade_prefiltered(stuff, up, away, environment),
    ):
        assert (colour == 0).all()
        assert torch.isfinite(torch.autograd.grad(colour.sum(), base)[0]).all()


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ("normals: expected", lambda: shading.shade_ggx(None, UP[:2], UP, UP, UP)),
        ("texture: expected faces", lambda: shading.prefilter_cube_map(np.ones((6, 5, 5, 3)))),
        ("levels: expected", lambda: shading.prefilter_cube_map(np.ones((6, 4, 4, 3)), 9)),
        ("texture: expected shape", lambda: shading.project_cube_map(np.ones((5, 4, 4, 3)))),
        ("image: expected shape", lambda: shading.project_panorama(np.ones((4, 4)))),
        ("sharpness: expected", lambda: shading.gaussians_to_sh(
            shading.SphericalGaussians(np.ones((2, 3)), np.ones(3), np.ones((2, 3))))),
    ],
)  # fmt: skip
def test_errors(message, call):
    with pytest.raises(InputError, match=message):
        call()
