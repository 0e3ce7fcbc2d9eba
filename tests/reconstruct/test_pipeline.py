"""The whole way from a photo to a mesh, with a stand-in for the network."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import numpy as np
import pytest
from blobs import Mirroring, coverage, iou, photograph, textured, turned, view
from PIL import Image
from safetensors.numpy import save_file

from unrender.camera import Camera
from unrender.errors import ImageError, InputError, ModelError
from unrender.image import Photo, crop_square
from unrender.mesh import load_mesh
from unrender.network.runtime import Guess
from unrender.reconstruct import Reconstructor
from unrender.reconstruct.loop import Loop
from unrender.render import render

WIDTH, HEIGHT = 200, 150
BLUE = np.array([0.01, 0.03, 0.5])
LIGHT = np.zeros((9, 3), np.float32)
LIGHT[0], LIGHT[1] = 2.6, 0.5


class FakeRuntime(Mirroring):
    """Finds what is not blue; the rest of what it says is fixed."""

    image_size, sha256 = 128, "0" * 64
    signs = np.repeat([[1.0, -1.0]], [6, 2], axis=1)

    def __init__(self, rotations, coefficients):
        self.card = {
            "name": "fake", "version": "1", "licence": "none", "categories": ["car", "bird"],
            "shape_categories": ["bird"], "image_size": 128,
        }  # fmt: skip
        self.rotations, self.coefficients, self.calls = rotations, coefficients, 0

    def look(self, image):
        assert image.shape == (128, 128, 3) and image.dtype == np.uint8
        self.calls += 1
        red = image[..., 0].astype(np.float32)
        mask = np.clip((red - 20) / 60, 0, 1).reshape(64, 2, 64, 2).mean((1, 3))
        return Guess(
            mask=mask.astype(np.float32), rotations=self.rotations, log_probabilities=np.log([0.7, 0.3]),
            coefficients=self.coefficients[None], light=LIGHT,
            texture=np.full((64, 64, 3), 0.6, np.float32), categories=np.array([0.1, 0.9]),
        )  # fmt: skip


@pytest.fixture(scope="module")
def scene(space, tmp_path_factory):
    """A photo of a known shape beside its middle, its mask, and a model that is 12 degrees off."""
    rng = np.random.default_rng(2)
    matrix = view(40, 15, 7.0, (0.5, 0.1))
    focal = 0.5 * HEIGHT / np.tan(np.radians(15))
    camera = Camera(WIDTH, HEIGHT, focal, focal, WIDTH / 2, HEIGHT / 2, matrix)
    vertices = space.vertices(0.5 * rng.standard_normal(space.size))
    ramp = np.linspace(120, 230, 64).astype(np.uint8)
    texture = np.stack(
        [np.tile(ramp, (64, 1)), np.tile(ramp[:, None], (1, 64)), np.full((64, 64), 90, np.uint8)], -1
    )
    pixels = photograph(textured(vertices, texture), camera, LIGHT, BLUE)
    shapes = tmp_path_factory.mktemp("model") / "shapes.safetensors"
    save_file(
        {
            "bird.mean": space.mean, "bird.basis": space.basis.astype(np.float16),
            "bird.antisymmetric": space.antisymmetric.astype(np.uint8),
        },
        str(shapes),
    )  # fmt: skip
    rotations = np.stack([turned(matrix[:3, :3], degrees, rng) for degrees in (12, 90)])
    reconstructor = Reconstructor(FakeRuntime(rotations, 0.2 * np.ones(space.size)), shapes)
    mask = coverage(vertices, camera) > 0.5
    return SimpleNamespace(pixels=pixels, mask=mask, reconstructor=reconstructor, photo=Photo(pixels))


@pytest.fixture(scope="module")
def result(scene):
    return scene.reconstructor(scene.photo)


def test_the_mesh_lies_on_the_photo(scene, result):
    shown = render(result.mesh, result.camera, result.light)
    assert shown.image.shape == (HEIGHT, WIDTH, 3)
    assert iou(shown.mask, scene.mask) > 0.9
    assert iou(result.mask, scene.mask) > 0.93
    assert result.category == "bird" and result.confidence == pytest.approx(0.9)
    picture = np.clip(shown.image, 0, 1) ** (1 / 2.2)
    both = (shown.mask > 0) & scene.mask
    assert np.abs(picture - scene.pixels / 255)[both].mean() < 0.06


def test_the_loop_is_better_than_the_guess(scene, result):
    guess = scene.reconstructor(scene.photo, loop=False)
    np.testing.assert_allclose(guess.coefficients, 0.2)
    np.testing.assert_allclose(guess.camera.rotation, scene.reconstructor.runtime.rotations[0])

    def fit(r):
        return iou(render(r.mesh, r.camera).mask, scene.mask)

    assert fit(result) > fit(guess) + 0.02
    mean = scene.reconstructor(scene.photo, shape="mean")
    assert (mean.coefficients == 0).all()
    assert fit(result) > fit(mean)


def test_the_cameras_of_json_and_crop_agree(scene, result, monkeypatch, tmp_path):
    poses = []
    correct = Loop.correct

    def spy(self, *arguments, **settings):
        poses.append((self, correct(self, *arguments, **settings)))
        return poses[-1][1]

    monkeypatch.setattr(Loop, "correct", spy)
    found = scene.reconstructor(scene.photo)
    found.export(tmp_path / "x.glb")
    record = json.loads(found.to_json(tmp_path / "x.json").read_text())
    loop, pose = poses[0]
    in_crop = coverage(found.mesh.vertices, loop.camera(pose, 256))
    camera = Camera.from_json(record["camera"])
    assert (camera.width, camera.height) == (WIDTH, HEIGHT)
    x, y, side = record["crop"]
    whole = render(found.mesh, camera, size=(4 * HEIGHT, 4 * WIDTH)).mask
    assert iou(crop_square(whole, 4 * x, 4 * y, 4 * side, 256, 0.0), in_crop) > 0.97
    assert record["schema"] == 1 and record["category"] == "bird"
    assert record["image"] == {"path": None, "width": WIDTH, "height": HEIGHT}
    assert record["mesh"]["path"].endswith("x.glb")
    assert (record["mesh"]["vertices"], record["mesh"]["faces"]) == (642, 1280)
    assert np.shape(record["light"]["sh9"]) == (9, 3)
    assert set(record["model"]) == {"name", "version", "sha256", "licence"}


def test_the_file_holds_the_mesh(result, tmp_path):
    again = load_mesh(result.export(tmp_path / "bird.glb"))
    assert len(again.faces) == 1280
    np.testing.assert_allclose(again.bounds(), result.mesh.bounds(), atol=1e-6)
    assert again.texture.shape == result.texture.shape == (512, 512, 3)
    assert np.abs(again.texture.astype(int) - result.texture).mean() < 8


def test_timings_add_up(scene):
    scene.reconstructor(scene.photo)
    start = time.perf_counter()
    timings = scene.reconstructor(scene.photo).timings_ms
    total = 1e3 * (time.perf_counter() - start)
    assert {"crop", "network", "mask", "loop", "texture", "export", "other"} == set(timings)
    assert min(timings.values()) >= 0
    assert 0.8 * total < sum(timings.values()) <= total


def test_a_given_mask_is_used(scene):
    found = scene.reconstructor(scene.pixels, mask=scene.mask)
    np.testing.assert_array_equal(found.mask, scene.mask)
    assert iou(render(found.mesh, found.camera).mask, scene.mask) > 0.93


def test_transparency_is_a_mask(scene):
    grey = np.full_like(scene.pixels, 128)
    grey[scene.mask] = scene.pixels[scene.mask]
    found = scene.reconstructor(np.dstack([grey, np.where(scene.mask, 255, 0).astype(np.uint8)]))
    np.testing.assert_array_equal(found.mask, scene.mask)


def test_a_box_chooses_among_objects(scene):
    two = np.concatenate([scene.pixels, scene.pixels], 1)
    columns, rows = np.flatnonzero(scene.mask.any(0)), np.flatnonzero(scene.mask.any(1))
    width, height = float(np.ptp(columns) + 1), float(np.ptp(rows) + 1)
    for shift in (0, WIDTH):
        found = scene.reconstructor(two, box=(float(columns[0] + shift), float(rows[0]), width, height))
        wanted = np.zeros(two.shape[:2], bool)
        wanted[:, shift : shift + WIDTH] = scene.mask
        assert iou(found.mask, wanted) > 0.9
        assert iou(render(found.mesh, found.camera).mask, wanted) > 0.9


@pytest.mark.parametrize("fov", [12.0, 60.0])
def test_field_of_view_is_the_photos(scene, fov):
    found = scene.reconstructor(scene.photo, fov_degrees=fov)
    assert 2 * np.degrees(np.arctan(0.5 * HEIGHT / found.camera.fy)) == pytest.approx(fov)
    assert found.camera.fx == pytest.approx(found.camera.fy)
    assert iou(render(found.mesh, found.camera).mask, scene.mask) > 0.88


def test_colours_as_lit(scene, result):
    lit = scene.reconstructor(scene.photo, appearance="photo")
    shown = np.clip(render(lit.mesh, lit.camera).image, 0, 1) ** (1 / 2.2)
    inside = (render(lit.mesh, lit.camera).mask > 0) & scene.mask
    assert np.abs(shown - scene.pixels / 255)[inside].mean() < 0.06
    assert b"KHR_materials_unlit" in lit.glb and b"KHR_materials_unlit" not in result.glb


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"mask": np.ones((10, 10), bool)}, InputError, "mask.*150, 200"),
        ({"mask": np.zeros((HEIGHT, WIDTH), bool)}, ImageError, "mask"),
        ({"box": (WIDTH + 5, 0, 50, 50)}, InputError, "box"),
        ({"box": (10, 10, 1, 50)}, InputError, "box"),
        ({"box": (0, 0, np.nan, 50)}, InputError, "box"),
        ({"category": "boat"}, InputError, "bird.*boat"),
        ({"shape": "round"}, InputError, "shape"),
        ({"appearance": "shiny"}, InputError, "appearance"),
        ({"fov_degrees": 0.0}, InputError, "fov"),
    ],
)
def test_wrong_arguments(scene, settings, error, message):
    with pytest.raises(error, match=message):
        scene.reconstructor(scene.photo, **settings)


def test_pictures_without_object(scene):
    empty = np.zeros((60, 80, 3), np.uint8)
    empty[..., 2] = np.arange(80)
    for settings in ({}, {"box": (10.0, 10.0, 30.0, 30.0)}):
        with pytest.raises(ImageError, match=r"no object.*--box"):
            scene.reconstructor(empty, **settings)
    for wrong in (np.full((20, 20, 3), np.nan), np.zeros((2, 2, 3), np.uint8), [[1, 2]]):
        with pytest.raises((InputError, ImageError)):
            scene.reconstructor(wrong)


def test_models_that_are_not_there(tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(ModelError, match="model"):
            Reconstructor.from_pretrained(path)


def test_a_file_is_named_in_the_result(scene, tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(scene.pixels).save(path)
    assert scene.reconstructor(path).to_dict()["image"]["path"] == str(path)
