"""Which category a photo is taken for."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from blobs import Mirroring, photograph, textured, view
from safetensors.numpy import save_file

from unrender.camera import Camera
from unrender.errors import InputError
from unrender.network.runtime import Guess
from unrender.reconstruct import Reconstructor
from unrender.reconstruct.pipeline import UncertainCategoryWarning

LIGHT = np.zeros((9, 3), np.float32)
LIGHT[0] = 2.6
NAMES = ("bird", "car", "object")


class Runtime(Mirroring):
    """Finds what is not blue; its opinion of the category is set by the tests."""

    image_size, sha256 = 128, "0" * 64

    def __init__(self, guess, size):
        self.guess = guess
        self.signs = np.ones((len(NAMES), size))
        self.signs[:, 6:] = -1
        self.card = {
            "name": "fake", "version": "1", "licence": "none", "image_size": 128,
            "categories": ["car", "bird", "object", "tree"], "shape_categories": list(NAMES),
        }  # fmt: skip

    def look(self, image):
        mask = np.clip((image[..., 0].astype(np.float32) - 20) / 60, 0, 1).reshape(64, 2, 64, 2).mean((1, 3))
        return replace(self.guess, mask=mask.astype(np.float32))


@pytest.fixture(scope="module")
def model(space, tmp_path_factory):
    """Three categories with spaces of different sizes, and a photo of the car's mean."""
    path = tmp_path_factory.mktemp("model") / "shapes.safetensors"
    tensors, sizes = {}, {"bird": space.size, "car": space.size - 2, "object": 3}
    for number, name in enumerate(NAMES):
        mean = space.mean * np.array([1, 1 + 0.3 * number, 1], np.float32)
        tensors |= {
            f"{name}.mean": mean,
            f"{name}.basis": space.basis[: sizes[name]],
            f"{name}.antisymmetric": space.antisymmetric[: sizes[name]].astype(np.uint8),
        }
    save_file(tensors, str(path))
    matrix = view(40, 15, 5.0, (0.0, 0.0))
    camera = Camera(120, 120, 224.0, 224.0, 60, 60, matrix)
    texture = np.full((64, 64, 3), 200, np.uint8)
    pixels = photograph(textured(tensors["car.mean"], texture), camera, LIGHT, np.array([0.01, 0.03, 0.5]))
    coefficients = np.zeros((3, space.size))
    coefficients[0], coefficients[1], coefficients[2] = 0.1, 0.2, 0.3
    guess = Guess(
        np.zeros((64, 64)), matrix[None, :3, :3], np.zeros(1), coefficients, LIGHT,
        np.full((64, 64, 3), 0.6, np.float32), np.array([0.9, 0.05, 0.05, 0.0]),
    )  # fmt: skip
    return Reconstructor(Runtime(guess, space.size), path), pixels, sizes


def opinion(model, *probabilities):
    runtime = model[0].runtime
    runtime.guess = replace(runtime.guess, categories=np.array(probabilities))


@pytest.mark.parametrize(("number", "name"), list(enumerate(NAMES)))
def test_the_likeliest_category_with_its_own_coefficients(model, number, name):
    reconstructor, pixels, sizes = model
    probabilities = [0.05] * 4
    probabilities[["car", "bird", "object", "tree"].index(name)] = 0.85
    opinion(model, *probabilities)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = reconstructor(pixels, loop=False)
    assert found.category == name and found.confidence == pytest.approx(0.85)
    np.testing.assert_allclose(found.coefficients, np.full(sizes[name], 0.1 * (number + 1)))


def test_doubt_becomes_an_object_with_a_warning(model):
    opinion(model, 0.35, 0.3, 0.15, 0.2)
    with pytest.warns(UncertainCategoryWarning, match=r"car 0\.35.*--category"):
        found = model[0](model[1], loop=False)
    assert found.category == "object" and found.confidence == pytest.approx(0.15)


def test_what_has_no_shape_is_not_chosen(model):
    opinion(model, 0.2, 0.05, 0.05, 0.7)
    with pytest.warns(UncertainCategoryWarning):
        assert model[0](model[1], loop=False).category == "object"


def test_the_caller_decides(model):
    opinion(model, 0.9, 0.05, 0.05, 0.0)
    found = model[0](model[1], category="bird")
    assert found.category == "bird" and found.confidence == pytest.approx(0.05)
    assert len(found.coefficients) == model[2]["bird"]
    with pytest.raises(InputError, match="bird, car, object"):
        model[0](model[1], category="tree")
