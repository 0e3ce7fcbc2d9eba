"""Texture baking: a shape of known colours is photographed, baked and rendered again."""

from __future__ import annotations

import numpy as np
import pytest
from blobs import photograph, textured, view

from unrender.camera import Camera
from unrender.light import balanced, sh_basis
from unrender.reconstruct.bake import bake
from unrender.render import render
from unrender.template import make_template
from unrender.texture import linear_to_bytes, srgb_to_linear

SIZE = 256
FLAT = np.zeros((9, 3), np.float32)
FLAT[0] = 1 / 0.28209479
SUNNY = FLAT * 0.7
SUNNY[1] = [0.5, 0.45, 0.4]  # from above
SUNNY[3] = [0.3, 0.25, 0.25]  # from +x


def pattern(size: int = 256) -> np.ndarray:
    """Red on the +x side, green on the other, brighter towards the front; not too dark to be told apart."""
    texture = np.zeros((size, size, 3), np.uint8)
    front = np.linspace(1, 0, size)[:, None]
    texture[:, : size // 2] = np.stack([150 + 60 * front, 60 + 20 * front, 50 + 0 * front], -1)
    texture[:, size // 2 :] = np.stack([50 + 0 * front, 130 + 70 * front, 70 + 40 * front], -1)
    return texture


class Baked:
    def __init__(self, space, azimuth, light, texture, guessed, lit=False):
        self.vertices = space.vertices(0.4 * np.ones(space.size))
        self.truth, self.light_in = textured(self.vertices, texture), light
        self.camera = Camera.from_fov(SIZE, view(azimuth, 15, 4.6))
        self.photo = photograph(self.truth, self.camera, light, np.array([0.02, 0.03, 0.4]))
        shown = render(self.truth, self.camera, size=(128, 128))
        self.mask = render(self.truth, self.camera, samples=2).mask
        predicted = np.broadcast_to(np.asarray(guessed, np.float32), (SIZE, SIZE, 3)).copy()
        self.texture, self.light = bake(
            self.vertices, self.camera.world_to_camera, self.camera.fx, self.photo, self.mask, shown.depth,
            predicted, light, SIZE, lit=lit,
        )  # fmt: skip

    def again(self, camera, light):
        return linear_to_bytes(render(textured(self.vertices, self.texture), camera, light).image) / 255

    def error(self, picture, reference):
        """Mean absolute difference over the middle of the object."""
        inside = render(self.truth, self.camera).mask > 0.5
        return np.abs(picture - reference)[inside].mean()


@pytest.mark.parametrize("azimuth", [0, 35, 90, 200])
def test_albedo_times_light_is_the_photo(space, azimuth):
    baked = Baked(space, azimuth, SUNNY, pattern(), [0.5, 0.5, 0.5])
    again = baked.again(baked.camera, baked.light)
    assert baked.error(again, baked.photo / 255) < 0.03
    assert (baked.light >= SUNNY - 1e-6)[0].all(), "a gain above one goes to the light"


def test_seen_albedo_is_the_true_one(space):
    baked = Baked(space, 25, SUNNY, pattern(), [0.5, 0.5, 0.5])
    gain = baked.light[0, 0] / SUNNY[0, 0]
    true = linear_to_bytes(render(baked.truth, baked.camera).image / gain) / 255
    assert baked.error(baked.again(baked.camera, None), true) < 0.03


def test_nothing_is_mirrored(space):
    baked = Baked(space, 0, FLAT, pattern(), [0.5, 0.5, 0.5])
    camera = Camera.from_fov(SIZE, view(6, 12, 4.6))
    again, true = baked.again(camera, None), linear_to_bytes(render(baked.truth, camera).image) / 255
    mirrored = textured(baked.vertices, np.ascontiguousarray(pattern()[:, ::-1]))
    wrong = linear_to_bytes(render(mirrored, camera).image) / 255
    assert np.abs(again - true).mean() < 0.2 * np.abs(again - wrong).mean()
    for main, less in ((0, 1), (1, 0)):  # the +x side is red, the other green
        side = true[..., main] > true[..., less] + 0.15
        assert side.sum() > 1000
        assert (
            again[side][:, main] > again[side][:, less]
        ).mean() > 0.8  # the rim takes a share of its mirror image


def test_the_side_that_is_not_seen_takes_its_mirror_image(space):
    baked = Baked(space, 90, FLAT, pattern(), [0.2, 0.2, 0.9])
    other = baked.again(Camera.from_fov(SIZE, view(-90, 5, 4.6)), None)
    centre = other[SIZE // 2, SIZE // 2]
    assert centre[0] > 0.45 and centre[2] < 0.4, "red as its twin, neither green nor the guessed blue"


def test_one_colour_stays_one_colour_everywhere(space):
    colour = np.array([170, 120, 80], np.uint8)
    even = np.broadcast_to(colour, (64, 64, 3)).copy()
    baked = Baked(space, 40, SUNNY, even, [0.3, 0.4, 0.6])
    gain = baked.light[0, 0] / SUNNY[0, 0]
    expected = linear_to_bytes(srgb_to_linear(colour) / gain).astype(int)
    face = make_template(3).texels(SIZE)[0]
    off = np.abs(baked.texture.astype(int) - expected).max(-1)[face >= 0]
    assert np.median(off) <= 6
    assert np.quantile(off, 0.98) < 40, "texels that no camera saw follow those that one did"


def test_lit_colours_need_no_light(space):
    baked = Baked(space, 60, SUNNY, pattern(), [0.5, 0.5, 0.5], lit=True)
    assert baked.error(baked.again(baked.camera, None), baked.photo / 255) < 0.03
    assert (baked.light == SUNNY).all()


def test_an_object_off_the_picture_keeps_the_guess(space):
    vertices = space.vertices(np.zeros(space.size))
    matrix = view(0, 0, 4.6, (40.0, 0.0))
    predicted = np.full((SIZE, SIZE, 3), 0.4, np.float32)
    black = np.zeros((SIZE, SIZE), np.float32)
    photo = np.zeros((SIZE, SIZE, 3), np.uint8)
    focal = 128 / np.tan(np.radians(15))
    texture, light = bake(vertices, matrix, focal, photo, black, black[::2, ::2].copy(), predicted, FLAT)
    assert np.abs(texture.astype(int) - linear_to_bytes(np.float32(0.4))).max() <= 1
    np.testing.assert_array_equal(light, FLAT)


def test_a_balanced_light_is_white_on_average_and_keeps_its_directions():
    rng = np.random.default_rng(3)
    light = np.concatenate([[[3.0, 2.0, 1.5]], 0.4 * rng.standard_normal((8, 3))]).astype(np.float32)
    directions = rng.standard_normal((20000, 3))
    shades = [sh_basis(directions / np.linalg.norm(directions, axis=1)[:, None]) @ one
              for one in (light, balanced(light))]  # fmt: skip
    means = shades[1].mean(0)
    np.testing.assert_allclose(means, means.mean(), rtol=0.01)
    np.testing.assert_allclose(means.mean(), shades[0].mean(), rtol=0.01)
    np.testing.assert_allclose(shades[1] / means, shades[0] / shades[0].mean(0), rtol=0.02, atol=0.02)
    assert balanced(light).dtype == np.float32
