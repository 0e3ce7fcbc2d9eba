"""Every gradient that a fit follows, against central differences; the linear solver against numpy's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from unrender.camera import Camera, orbit
from unrender.fit.config import LossWeights
from unrender.fit.diffusion import Diffusion
from unrender.fit.objective import Scene, add_view, finish_normals, normals_of
from unrender.fit.regularize import Regularizer, white_light
from unrender.fit.shading import compare, raw_normals, raw_normals_vjp
from unrender.fit.targets import View, make_target
from unrender.mesh import vertex_normals
from unrender.template import make_template
from unrender.texture import linear_to_srgb


@pytest.fixture
def scene() -> Scene:
    rng = np.random.default_rng(3)
    template = make_template(2)
    vertices = 0.5 * template.vertices.astype(np.float64) * [1, 0.8, 0.9] + 0.01 * rng.normal(size=(162, 3))
    light = white_light() + 0.2 * rng.normal(size=(9, 3))
    return Scene(vertices, template.faces, rng.uniform(0.2, 0.8, (162, 3)), light, np.zeros((1, 6)))


def test_solver_inverts_the_dense_matrix(scene: Scene) -> None:
    diffusion = Diffusion(scene.faces, 162, 15.0)
    dense = diffusion.apply(np.eye(162))
    np.testing.assert_allclose(dense, dense.T)
    right = np.random.default_rng(0).normal(size=(162, 3))
    np.testing.assert_allclose(
        diffusion.solve(right, tolerance=1e-10), np.linalg.solve(dense, right), atol=1e-7
    )


def test_normals_and_their_gradient(scene: Scene) -> None:
    raw = normals_of(scene)
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, vertex_normals(scene.vertices, scene.faces), atol=1e-6)
    rng = np.random.default_rng(1)
    pull, move = rng.normal(size=raw.shape), rng.normal(size=raw.shape)
    grad = np.zeros_like(raw)
    raw_normals_vjp(scene.vertices, scene.faces, pull, grad)
    values = []
    for step in (1e-6, -1e-6):
        out = np.empty_like(raw)
        raw_normals(scene.vertices + step * move, scene.faces, out)
        values.append((out * pull).sum())
    assert (grad * move).sum() == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6)


def test_colour_gradients() -> None:
    rng = np.random.default_rng(2)
    attributes = np.concatenate([rng.uniform(0.1, 0.9, (1, 4, 5, 3)), rng.normal(size=(1, 4, 5, 3))], -1)
    index = np.zeros((1, 4, 5), np.int32)
    index[0, 0, 0] = -1
    light = white_light() + 0.1 * rng.normal(size=(9, 3))
    target = rng.uniform(0, 1, (4, 5, 3))
    weight = rng.uniform(0, 1, (4, 5))
    _, grad, grad_light = compare(attributes, index, light, target, weight)
    for name, array, slope in (("attributes", attributes, grad), ("light", light, grad_light)):
        move = rng.normal(size=array.shape)
        values = [
            compare(
                *((attributes + s * move, index, light) if name == "attributes"
                  else (attributes, index, light + s * move)), target, weight,
            )[0]
            for s in (1e-6, -1e-6)
        ]  # fmt: skip
        assert (slope * move).sum() == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-4), name


def test_shown_colour_is_the_renderers() -> None:
    """Where the prediction is the target, the penalty is zero: curve and harmonics are the house's."""
    from unrender.light import shade_sh

    rng = np.random.default_rng(4)
    albedo, normal = rng.uniform(0.1, 0.6, (1, 3, 3, 3)), rng.normal(size=(1, 3, 3, 3))
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    light = white_light() + 0.05 * rng.normal(size=(9, 3))
    target = linear_to_srgb(shade_sh(albedo, normal, light)[0])
    loss, _, _ = compare(
        np.concatenate([albedo, 2 * normal], -1), np.zeros((1, 3, 3), np.int32), light, target,
        np.ones((3, 3)),
    )  # fmt: skip
    assert loss < 1e-9


def test_regularizers(scene: Scene) -> None:
    """The weighted losses and their gradients agree, apart from the edge length, which is held."""
    weights = LossWeights()
    scene = replace(scene, poses=np.full((1, 6), 0.1))
    regularizer = Regularizer(scene.faces, 162, weights)
    total = scene.zeros()
    regularizer.add(scene, total)
    rng = np.random.default_rng(5)
    for name, part, array in (
        ("albedo", "albedo", scene.albedo), ("light", "light", scene.light), ("camera", "poses", scene.poses),
    ):  # fmt: skip
        move = rng.normal(size=array.shape)
        values = [
            getattr(weights, name)
            * regularizer.add(replace(scene, **{part: array + s * move}), scene.zeros())[name]
            for s in (1e-4, -1e-4)
        ]
        assert (getattr(total, part) * move).sum() == pytest.approx((values[0] - values[1]) / 2e-4, rel=1e-5)


def test_area_and_its_gradient(scene: Scene) -> None:
    """Against trimesh's area of the mesh moved to and fro."""
    trimesh = pytest.importorskip("trimesh")
    weights = LossWeights(smooth=0.0, area=0.7)
    total = scene.zeros()
    losses = Regularizer(scene.faces, 162, weights).add(scene, total)

    def area(vertices: np.ndarray) -> float:
        return float(trimesh.Trimesh(vertices, scene.faces, process=False).area)

    assert losses["area"] == pytest.approx(area(scene.vertices), rel=1e-9)
    move = np.random.default_rng(8).normal(size=scene.vertices.shape)
    slope = 0.7 * (area(scene.vertices + 1e-6 * move) - area(scene.vertices - 1e-6 * move)) / 2e-6
    assert (total.vertices * move).sum() == pytest.approx(slope, rel=1e-5)


def _target(scene: Scene) -> tuple[View, LossWeights]:
    camera = Camera.from_fov(48, orbit(30, 20, 2.6), 30.0)
    rows, columns = np.mgrid[0:48, 0:48] + 0.5
    mask = (((columns - 25) ** 2 + (rows - 23) ** 2) < 15**2).astype(np.float32)
    pixels = np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    return View("made up", pixels, mask, camera), LossWeights()


def test_view_gradients_at_light_and_albedo_are_exact(scene: Scene) -> None:
    view, weights = _target(scene)
    target = make_target(view, 48, 2.0)

    def loss(state: Scene) -> float:
        zeros = state.zeros()
        normals = normals_of(state)
        first, second = add_view(state, normals, 0, target, weights, zeros, np.zeros_like(normals))
        return weights.silhouette * first + weights.colour * second

    total, normals = scene.zeros(), normals_of(scene)
    pulled = np.zeros_like(normals)
    add_view(scene, normals, 0, target, weights, total, pulled)
    finish_normals(scene, pulled, total)
    rng = np.random.default_rng(6)
    for part in ("albedo", "light"):
        array = getattr(scene, part)
        move = rng.normal(size=array.shape)
        high, low = (loss(replace(scene, **{part: array + s * move})) for s in (1e-3, -1e-3))
        assert (getattr(total, part) * move).sum() == pytest.approx((high - low) / 2e-3, rel=2e-2)


def test_silhouette_pulls_towards_the_mask(scene: Scene) -> None:
    """Descent along the silhouette's gradient makes the mask fit; so does descent along the camera's."""
    view, _ = _target(scene)
    weights = LossWeights(colour=0.0)
    target = make_target(view, 48, 2.0)
    for part, pace in (("vertices", 0.3), ("poses", 0.003)):
        state = replace(scene)
        losses = []
        for _ in range(25):
            total, normals = state.zeros(), normals_of(state)
            losses.append(add_view(state, normals, 0, target, weights, total, np.zeros_like(normals))[0])
            slope = getattr(total, part)
            slope = slope / max(np.abs(slope).max(), 1e-9) * (0.02 if part == "vertices" else pace)
            state = replace(state, **{part: getattr(state, part) - slope})
        assert min(losses) < 0.75 * losses[0], part


def test_soft_target_is_what_the_renderer_shows() -> None:
    """A rendering compared with its own hard mask: the soft edges agree to a fraction of a pixel's step."""
    from unrender.render import rasterize, soft_mask

    template = make_template(3)
    camera = Camera.from_fov(96, orbit(0, 0, 2.6), 30.0)
    clip = camera.to_clip(0.5 * template.vertices).astype(np.float32)[None]
    fragments = rasterize(clip, template.faces, (96, 96))
    view = View(
        "", np.zeros((96, 96, 3), np.uint8), (fragments.face_index[0] >= 0).astype(np.float32), camera
    )
    target = make_target(view, 96, 2.0)
    shown = soft_mask(clip, fragments, target.delta, "nearest")[0]
    assert np.abs(shown - target.soft).mean() < 0.006
    assert abs(float((shown - target.soft).sum())) / target.area < 0.01


def test_a_bad_silhouette_pulls_nothing_and_still_has_colours(scene: Scene) -> None:
    view, weights = _target(scene)
    trusted, doubted = (make_target(replace(view, silhouette=good), 48, 2.0) for good in (True, False))
    grads = []
    for target, colour in ((doubted, 1.0), (trusted, 1.0), (doubted, 0.0)):
        total, normals = scene.zeros(), normals_of(scene)
        weights = LossWeights(colour=colour)
        losses = add_view(scene, normals, 0, target, weights, total, np.zeros_like(normals))
        grads.append((losses, total))
    assert grads[0][0][0] == 0 and grads[1][0][0] > 0
    assert grads[0][0][1] == grads[1][0][1] > 0
    np.testing.assert_array_equal(grads[0][1].albedo, grads[1][1].albedo)
    assert np.abs(grads[0][1].vertices).max() > 0 and not grads[2][1].vertices.any()


def test_camera_gradient_of_the_silhouette(scene: Scene) -> None:
    """Rotation and translation of the camera against differences of the soft silhouette's loss."""
    view, _ = _target(scene)
    target, weights = make_target(view, 48, 4.0), LossWeights(colour=0.0)
    total, normals = scene.zeros(), normals_of(scene)
    add_view(scene, normals, 0, target, weights, total, np.zeros_like(normals))
    for axis in (0, 1, 3, 4):
        losses = []
        for step in (0.004, -0.004):
            poses = np.zeros((1, 6))
            poses[0, axis] = step
            state = replace(scene, poses=poses)
            first, _ = add_view(state, normals, 0, target, weights, state.zeros(), np.zeros_like(normals))
            losses.append(weights.silhouette * first)
        assert total.poses[0, axis] == pytest.approx((losses[0] - losses[1]) / 0.008, rel=0.35), axis
