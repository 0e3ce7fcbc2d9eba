"""The loop in the browser is Python's: distances, outline, one step, and where the whole ends up."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import trimesh
from conftest import reconstruct_in_browser, render_picture

from unrender.camera import Camera
from unrender.image import photo_from_array
from unrender.mesh import Mesh
from unrender.metrics import mask_iou
from unrender.reconstruct import Reconstructor
from unrender.reconstruct.distance import outline, signed_distance
from unrender.reconstruct.loop import Loop
from unrender.reconstruct.silhouette import View, see
from unrender.reconstruct.step import Target, advance, room
from unrender.render.scene import render

STEP = """async ({category, given, probability, rotation, coefficients, pose, scales}) => {
  const at = (name) => new URL(`reconstruct/${name}.js`, document.baseURI).href;
  const [{loadAssets}, {makeLoop, priorOf}, {signedDistance, outline}, {see, viewRoom}, {advance, stepRoom}] =
    await Promise.all(["assets", "loop", "distance", "silhouette", "step"].map((name) => import(at(name))));
  globalThis.assets ??= await loadAssets(new URL("model/", document.baseURI).href);
  const loop = makeLoop(assets, category, given);
  const size = loop.settings.size;
  const mask = Uint8Array.from(probability, (value) => (value > 0.5 ? 1 : 0));
  const line = outline(probability, size, loop.settings.outline_points);
  const distance = signedDistance(mask, size);
  const view = viewRoom(loop.geometry, size);
  const work = stepRoom(loop.geometry, line.points.length / 2, loop.geometry.unknowns);
  const prior = priorOf(loop, rotation, coefficients);
  const poses = [], ious = [];
  const moving = Float64Array.from(pose);
  for (const scale of scales) {
    const {iou, found} = see(loop.geometry, mask, moving, view);
    ious.push(iou);
    if (!advance(loop.geometry, {mask, distance, ...line}, prior, scale, moving, view, found, work)) break;
    poses.push(Array.from(moving));
  }
  return {distance: Array.from(distance), points: Array.from(line.points), normals: Array.from(line.normals),
          poses, ious};
}"""


def _probability(loop: Loop, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A soft mask of a shape of the space, and a start beside the truth: its pose vector and coefficients."""
    rng = np.random.default_rng(seed)
    size = loop.config.size
    angle = rng.uniform(0, 6)
    rotation = np.array([
        [np.cos(angle), 0, -np.sin(angle)], [0.2 * np.sin(angle), np.sqrt(1 - 0.04), 0.2 * np.cos(angle)],
        [0, 0, 0],
    ])  # fmt: skip
    rotation[1] -= (rotation[0] @ rotation[1]) * rotation[0]
    rotation[1] /= np.linalg.norm(rotation[1])
    rotation[2] = np.cross(rotation[0], rotation[1])
    truth = 0.7 * rng.standard_normal(loop.space.size + loop.offsets)
    start = np.concatenate([rotation.ravel(), [0.1, -0.05, -5.0], np.zeros(loop.space.size + loop.offsets)])
    actual = start.copy()
    actual[12:] = truth
    view = View.room(loop.geometry, size)
    see(loop.geometry, np.zeros((size, size), bool), actual, view)
    covered = (view.counts[:, :size] > 0).astype(float)
    padded = np.pad(covered, 1, mode="edge")
    soft = sum(padded[i : i + size, j : j + size] for i in range(3) for j in range(3)) / 9
    coefficients = truth[: loop.space.size] + 0.3 * rng.standard_normal(loop.space.size)
    start[12 : 12 + loop.space.size] = coefficients
    return soft, start, coefficients


@pytest.mark.parametrize("category", ["bird", "chair", "object"])
@pytest.mark.parametrize("given", [False, True])
def test_steps_are_pythons(static_page, reconstructor: Reconstructor, category: str, given: bool) -> None:
    loop = reconstructor._loop(category, 100.0, 100, None, given)
    probability, start, coefficients = _probability(loop, 3)
    scales = loop.config.scales[:3]
    got = static_page.evaluate(
        STEP,
        {
            "category": category, "given": given, "probability": probability.ravel().tolist(),
            "rotation": start[:9].tolist(), "coefficients": coefficients.tolist(), "pose": start.tolist(),
            "scales": scales.tolist(),
        },
    )  # fmt: skip
    mask = np.ascontiguousarray(probability > 0.5)
    target = Target(mask, signed_distance(mask), *outline(probability, loop.config.outline_points))
    np.testing.assert_allclose(np.reshape(got["distance"], mask.shape), target.distance, atol=1e-9)
    np.testing.assert_allclose(np.reshape(got["points"], (-1, 2)), target.points, atol=1e-9)
    np.testing.assert_allclose(np.reshape(got["normals"], (-1, 2)), target.normals, atol=1e-9)

    prior = loop._prior(start[:9].reshape(3, 3), coefficients)
    view, work = View.room(loop.geometry, len(mask)), room(loop.geometry, len(target.points), True)
    pose = start.copy()
    assert len(got["poses"]) == len(scales)
    for scale, other, iou in zip(scales, got["poses"], got["ious"], strict=True):
        here, found = see(loop.geometry, mask, pose, view)
        assert iou == pytest.approx(here, abs=2e-3)
        assert advance(loop.geometry, target, prior, scale, pose, view, found, work)
        np.testing.assert_allclose(other[:12], pose[:12], atol=2e-3)
        np.testing.assert_allclose(other[12:], pose[12:], atol=2e-2)
    assert np.abs(pose - start).max() > 0.05, "it moved"


@pytest.mark.parametrize("seed", [500_041, 500_020, 500_060])
def test_the_whole_ends_where_python_does(static_page, reconstructor: Reconstructor, seed: int) -> None:
    picture = render_picture(seed, azimuth=50.0 + seed % 7)
    got = reconstruct_in_browser(static_page, picture, {})
    expected = reconstructor(photo_from_array(picture))
    guess = reconstructor(photo_from_array(picture), loop=False)
    assert got["record"]["category"] == expected.category
    matrix = np.array(got["record"]["camera"]["world_to_camera"])
    turned = matrix[:3, :3] @ expected.camera.world_to_camera[:3, :3].T
    degrees = np.degrees(np.arccos(np.clip((np.trace(turned) - 1) / 2, -1, 1)))
    assert degrees < 3, "the same hypothesis wins, and turns as far"
    mesh = trimesh.load(io.BytesIO(got["glb"]), file_type="glb", force="mesh", process=False)
    camera = replace(expected.camera, world_to_camera=matrix)
    found = _overlap(Mesh(np.asarray(mesh.vertices), np.asarray(mesh.faces)), camera, expected.mask)
    wanted = _overlap(expected.mesh, expected.camera, expected.mask)
    first = _overlap(guess.mesh, guess.camera, expected.mask)
    print(
        seed,
        *(round(float(value), 4) for value in (found, wanted, first, degrees)),
        got["record"]["timings_ms"],
    )
    assert found > wanted - 0.01
    assert found > first


def _overlap(mesh: Mesh, camera: Camera, mask: np.ndarray) -> float:
    """Intersection over union of what a mesh covers with a mask."""
    plain = Mesh(mesh.vertices, mesh.faces, vertex_colors=np.ones((len(mesh.vertices), 3), np.float32))
    seen = render(plain, camera, np.zeros((9, 3), np.float32), samples=1)
    return mask_iou(seen.mask > 0.5, np.asarray(mask, bool))
