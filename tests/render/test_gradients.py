"""Gradients of the kernels against central finite differences of the float64 reference."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import SCENES, camera, cube_mesh

torch = pytest.importorskip("torch")

from unrender import light, render  # noqa: E402
from unrender.render import reference  # noqa: E402

SIZE = (14, 16)
STEP = 1e-6
DELTA = 1 / 60


def directional(function, values, gradient, rng, count=6, step=STEP):
    """Largest relative difference between gradient . direction and the central difference, over directions.

    Directions are random, and half of them single coordinates. Steps that change a pixel's face are left out.
    """
    worst, used, scale = 0.0, 0, float(np.abs(gradient).max())
    for trial in range(count):
        direction = rng.normal(size=values.shape)
        if trial % 2:
            direction = np.zeros(values.shape)
            direction.reshape(-1)[rng.integers(direction.size)] = 1.0
        (high, owner_high), (low, owner_low) = (
            function(values + step * direction),
            function(values - step * direction),
        )
        if not np.array_equal(owner_high, owner_low):
            continue
        used += 1
        numeric, exact = (high - low) / (2 * step), float((gradient * direction).sum())
        worst = max(worst, abs(numeric - exact) / max(abs(numeric), abs(exact), 1e-3 * scale, 1e-9))
    assert used >= count // 2, "too many steps crossed a discontinuity"
    return worst


def owners(fragments):
    return fragments.face_index.numpy()


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("what", ["colours", "depth", "product", "nearest"])
def test_positions(name, what):
    clip, faces = SCENES[name]
    rng = np.random.default_rng(1)
    colours = rng.uniform(size=(1, clip.shape[1], 2))
    height, width = SIZE
    weight = rng.normal(size=(clip.shape[0], height, width, 2))

    def loss(operations, positions, attributes):
        rasterize, interpolate, soft_mask = operations
        fragments = rasterize(positions, torch.tensor(faces), SIZE)
        if what == "colours":
            picture = interpolate(attributes, fragments)
        elif what == "depth":
            picture = fragments.depth[..., None]
        else:
            picture = soft_mask(positions, fragments, DELTA, what)[..., None]
        return (picture * torch.tensor(weight[..., : picture.shape[-1]])).sum(), fragments

    kernels = (render.rasterize, render.interpolate, render.soft_mask)
    oracles = (
        reference.rasterize_reference, reference.interpolate_reference, reference.soft_mask_reference
    )  # fmt: skip
    gradients = {}
    for dtype in (np.float32, np.float64):
        leaf = torch.tensor(clip.astype(np.float32).astype(dtype), requires_grad=True)
        value, _ = loss(kernels, leaf, torch.tensor(colours.astype(dtype)))
        value.backward()
        gradients[dtype] = leaf.grad.double().numpy()

    def oracle(positions):
        total, fragments = loss(oracles, torch.tensor(positions), torch.tensor(colours))
        return float(total), owners(fragments)

    exact = gradients[np.float64]
    start = clip.astype(np.float32).astype(np.float64)
    assert np.isfinite(exact).all()
    assert abs(value.item() - oracle(start)[0]) < 1e-9
    assert directional(oracle, start, exact, rng) < 1e-4
    assert np.abs(gradients[np.float32] - exact).max() < 1e-3 * max(np.abs(exact).max(), 1e-6)


@pytest.mark.parametrize("wrap", ["clamp", "repeat"])
def test_texture_and_uv(wrap):
    rng = np.random.default_rng(2)
    texture = rng.uniform(size=(2, 5, 7, 3))
    uv = rng.uniform(-0.4, 1.4, size=(2, 6, 6, 2))
    weight = torch.tensor(rng.normal(size=(2, 6, 6, 3)))
    t, u = torch.tensor(texture, requires_grad=True), torch.tensor(uv, requires_grad=True)
    (render.sample_texture(t, u, wrap=wrap) * weight).sum().backward()

    def of(function_texture, function_uv):
        picture = reference.sample_texture_reference(
            torch.tensor(function_texture), torch.tensor(function_uv), wrap=wrap
        )
        return float((picture * weight).sum()), np.zeros(1)

    assert directional(lambda x: of(x, uv), texture, t.grad.numpy(), rng) < 1e-6
    assert directional(lambda x: of(texture, x), uv, u.grad.numpy(), rng, count=20) < 1e-5


def test_attributes_shared_by_a_batch():
    clip, faces = SCENES["cube"]
    rng = np.random.default_rng(3)
    fragments = render.rasterize(torch.tensor(clip), torch.tensor(faces), SIZE)
    colours = torch.tensor(rng.uniform(size=(1, 8, 3)), requires_grad=True)
    weight = torch.tensor(rng.normal(size=(2, *SIZE, 3)))
    (render.interpolate(colours, fragments) * weight).sum().backward()
    again = colours.detach().clone().requires_grad_()
    (reference.interpolate_reference(again, fragments) * weight).sum().backward()
    torch.testing.assert_close(colours.grad, again.grad, rtol=1e-12, atol=1e-12)


def to_clip(points, rotation, translation, projection):
    local = points @ rotation.T + translation
    return torch.cat([local, torch.ones_like(local[:, :1])], -1) @ projection.T


def exp(vector):
    zero = torch.zeros((), dtype=vector.dtype)
    x, y, z = vector
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3)
    return torch.matrix_exp(cross)


@pytest.mark.parametrize("what", ["rotation", "translation", "albedo", "light", "vertices"])
def test_through_camera_normals_and_light(what):
    """Rotation and translation of the camera, normals by way of vertices, light and albedo."""
    vertices, faces = cube_mesh()
    rng = np.random.default_rng(4)
    view = camera()
    inputs = {
        "vertices": vertices, "rotation": np.array([0.1, -0.2, 0.05]),
        "translation": np.array([0.02, 0.01, -0.03]),
        "albedo": rng.uniform(size=(8, 3)), "light": rng.normal(size=(9, 3)),
    }  # fmt: skip
    projection = torch.tensor(view.projection())
    weight = torch.tensor(rng.normal(size=(1, *SIZE, 4)))
    table = torch.tensor(faces.astype(np.int64))

    def loss(values, operations):
        rasterize, interpolate, soft_mask = operations
        rotation = exp(values["rotation"]) @ torch.tensor(view.rotation.copy())
        translation = values["translation"] + torch.tensor(view.translation.copy())
        clip = to_clip(values["vertices"], rotation, translation, projection)[None]
        fragments = rasterize(clip, table, SIZE)
        corners = values["vertices"][table]
        flat = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals = torch.zeros_like(values["vertices"]).index_add(
            0, table.reshape(-1), flat.repeat_interleave(3, 0)
        )
        picked = interpolate(torch.nn.functional.normalize(normals, dim=-1)[None], fragments)
        length = picked.norm(dim=-1, keepdim=True)
        picked = picked / torch.where(length == 0, torch.ones_like(length), length)
        colour = light.shade_sh(
            interpolate(values["albedo"][None], fragments), picked, values["light"], float("-inf")
        )
        picture = torch.cat([colour, soft_mask(clip, fragments, DELTA)[..., None]], -1)
        return (picture * weight).sum(), fragments

    tensors = {key: torch.tensor(value, requires_grad=True) for key, value in inputs.items()}
    loss(tensors, (render.rasterize, render.interpolate, render.soft_mask))[0].backward()

    def oracle(values):
        fixed = {key: torch.tensor(values if key == what else value) for key, value in inputs.items()}
        total, fragments = loss(
            fixed,
            (reference.rasterize_reference, reference.interpolate_reference, reference.soft_mask_reference),
        )
        return float(total), owners(fragments)

    assert directional(oracle, inputs[what], tensors[what].grad.numpy(), rng) < 1e-4
