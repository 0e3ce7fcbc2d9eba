"""The critic: what it sees of a photo, that it learns, and that what it has learnt moves shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrender.network.model import NetworkConfig, UnrenderNetwork
from unrender.train.adversary import DIAGONAL, SIZE, Adversary, Critic, cut_out
from unrender.train.photos import PhotoBatch
from unrender.train.spaces import LinearShapes


def test_a_cut_out_is_brought_to_the_middle_and_to_one_size():
    rows, columns = np.mgrid[:64, :64] + 0.5
    mask = ((np.abs(rows - 20) < 6) & (np.abs(columns - 40) < 12)).astype(np.float32)
    image = np.full((3, 128, 128), 0.25, np.float32)
    image[0] = 0.75
    found = cut_out(image, mask)
    assert found.shape == (4, SIZE, SIZE)
    inside = np.argwhere(found[3] > 0.5)
    low, high = inside.min(0), inside.max(0) + 1
    assert np.hypot(*(high - low)) == pytest.approx(DIAGONAL, abs=1.5)
    np.testing.assert_allclose(0.5 * (low + high), SIZE / 2, atol=1)
    assert (high - low)[1] == pytest.approx(2 * (high - low)[0], abs=2), "its proportions stay"
    middle = found[:, SIZE // 2, SIZE // 2]
    np.testing.assert_allclose(middle, [0.75, 0.25, 0.25, 1], atol=1e-6)
    assert found[:, 2, 2].max() == 0, "nothing of what is round it"


def test_it_learns_to_tell_and_pulls_towards_the_photos():
    adversary = Adversary(2, seed=1)
    generator = torch.Generator().manual_seed(0)

    def pictures(colour: float) -> torch.Tensor:
        noise = 0.1 * torch.rand(8, 4, SIZE, SIZE, generator=generator)
        noise[:, 0] += colour
        return noise

    number = torch.tensor([0, 1] * 4)
    first = float(adversary._train(pictures(0.8), pictures(0.2), number))
    for _ in range(60):
        last = float(adversary._train(pictures(0.8), pictures(0.2), number))
    assert last < 0.5 * first
    made = pictures(0.2).requires_grad_(True)
    torch.nn.functional.softplus(-adversary.critic(made, number)).sum().backward()
    assert made.grad is not None
    assert made.grad[:, 0].sum() < 0, "more of the photos' colour is better"


def test_categories_are_told_apart_only_after_training():
    critic = Critic(2)
    pictures = torch.rand(1, 4, SIZE, SIZE).expand(2, -1, -1, -1)
    first, second = critic(pictures, torch.tensor([0, 1])).tolist()
    assert first == pytest.approx(second)


@pytest.fixture
def scene(space_file):
    torch.manual_seed(0)
    network = UnrenderNetwork(NetworkConfig())
    rng = np.random.default_rng(0)
    masks = np.zeros((3, 64, 64), np.float32)
    masks[:, 20:44, 10:54] = 1
    photos = PhotoBatch(
        rng.random((3, 3, 128, 128), np.float32), masks, np.zeros(3, np.int64), np.ones(3, bool),
        np.tile(np.eye(3, dtype=np.float32), (3, 1, 1)), np.zeros(3, np.float32),
    )  # fmt: skip
    return network, LinearShapes.load(space_file, ["bird"]), photos


def test_shape_texture_and_light_get_gradients_and_cameras_do_not(scene):
    network, shapes, photos = scene
    adversary = Adversary(1, seed=2)
    prediction = network(torch.from_numpy(photos.images))
    rows, categories = np.array([0, 2]), np.zeros(3, np.int64)
    terms = adversary.loss(shapes, prediction, photos, rows, categories, 1e-3, 5)
    terms["adversarial"].backward()
    for layer in (network.shape, network.light, network.texture.tint):
        assert layer.weight.grad is not None and layer.weight.grad.abs().max() > 0
    assert network.camera.weight.grad is None
    assert all(parameter.requires_grad for parameter in adversary.critic.parameters())
    assert not terms["critic"].requires_grad


def test_views_are_a_function_of_seed_and_step_and_fill_the_picture(scene):
    network, shapes, photos = scene
    with torch.no_grad():
        prediction = network(torch.from_numpy(photos.images))
    rows, number = np.arange(3), torch.zeros(3, dtype=torch.int64)
    first, again, other = (
        Adversary(1, seed=2).views(shapes, prediction, rows, number, 1e-5, np.random.default_rng(step))
        for step in (5, 5, 6)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
    for picture in other.numpy():
        inside = np.argwhere(picture[3] > 0.5)
        assert np.hypot(*(np.ptp(inside, axis=0) + 1)) == pytest.approx(DIAGONAL, abs=4)
        assert picture[:3].max() <= 1 and (picture[:3, picture[3] == 0] == 0).all()
