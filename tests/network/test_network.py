"""Heads of the network, and the exported graph against torch."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from unrender.camera import orbit
from unrender.errors import InputError, ModelError
from unrender.network.model import (
    NetworkConfig,
    TextureDecoder,
    UnrenderNetwork,
    anchor_rotations,
    object_colours,
    rotation_from_6d,
)
from unrender.network.runtime import NetworkRuntime
from unrender.train.checkpoint import save_checkpoint
from unrender.train.export import HALF_LIMIT, ExportConfig, export_model


def test_six_numbers_make_a_rotation():
    torch.manual_seed(0)
    six = torch.randn(50, 6, dtype=torch.float64)
    rotation = rotation_from_6d(six)
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3, dtype=torch.float64).expand(50, 3, 3))
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(50, dtype=torch.float64))
    along = torch.nn.functional.normalize(six[:, :3], dim=1)
    torch.testing.assert_close(rotation[:, 0], along)
    torch.testing.assert_close(
        rotation_from_6d(torch.tensor([1.0, 0, 0, 0, 1, 0])), torch.eye(3), atol=1e-7, rtol=0
    )


def test_anchors_look_from_all_round():
    for index, found in enumerate(anchor_rotations(8, 12.0)):
        np.testing.assert_allclose(found.numpy(), orbit(45 * index, 12, 3)[:3, :3], atol=1e-6)


def test_textures_are_mirror_symmetric():
    torch.manual_seed(1)
    image, mask = torch.rand(3, 3, 64, 64), torch.ones(3, 32, 32)
    texture = TextureDecoder(20, 32)(torch.randn(3, 20), *object_colours(image, mask))
    assert texture.shape == (3, 3, 32, 32)
    assert (texture == texture.flip(-1)).all()
    assert texture.min() >= 0 and texture.max() <= 1
    assert (texture[0] - texture[1]).abs().max() > 1e-4


def test_object_colours_are_those_under_the_mask():
    """Left half red, right half green, background blue that must not count."""
    image = torch.zeros(1, 3, 64, 64)
    image[:, 2] = 1
    image[:, :, 16:48, 16:32] = torch.tensor([0.8, 0.0, 0.2])[:, None, None]
    image[:, :, 16:48, 32:48] = torch.tensor([0.0, 0.6, 0.2])[:, None, None]
    mask = torch.zeros(1, 32, 32)
    mask[:, 8:24, 8:24] = 1
    mean, rest = object_colours(image, mask)
    torch.testing.assert_close(mean[0], torch.tensor([0.4, 0.3, 0.2]), atol=2e-3, rtol=0)
    grid, share, spread = rest[0, :48].view(3, 4, 4), rest[0, 48:64].view(4, 4), rest[0, 64:]
    assert share[1:3, 1:3].min() > 0.99 and share[0].max() < 0.01
    torch.testing.assert_close(grid[0, 1:3, 1], torch.full((2,), 0.4), atol=5e-3, rtol=0)
    torch.testing.assert_close(grid[1, 1:3, 2], torch.full((2,), 0.3), atol=5e-3, rtol=0)
    torch.testing.assert_close(spread, torch.tensor([0.4, 0.3, 0.0]), atol=2e-2, rtol=0)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(2)
    return UnrenderNetwork(NetworkConfig()).eval()


def test_shapes_of_a_prediction(network):
    with torch.no_grad():
        prediction = network(torch.rand(2, 3, 128, 128))
    assert prediction.mask_logits.shape == (2, 64, 64)
    assert prediction.rotations.shape == (2, 8, 3, 3)
    assert prediction.coefficients.shape == (2, 1, 32)
    assert prediction.light.shape == (2, 9, 3)
    assert prediction.texture.shape == (2, 3, 64, 64)
    assert prediction[:1].category_logits.shape == (1, 7)
    identity = torch.eye(3).expand(2, 8, 3, 3)
    torch.testing.assert_close(prediction.rotations @ prediction.rotations.mT, identity, atol=1e-5, rtol=0)


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    """The folder that a random network gives, and what export says about its error."""
    pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("export")
    optimizer = torch.optim.AdamW(network.parameters())
    average = {key: value.clone() for key, value in network.state_dict().items()}
    save_checkpoint(folder / "c.safetensors", network, average, optimizer, {"step": 1})
    generator = np.random.default_rng(0)
    space = {
        "bird.mean": generator.standard_normal((642, 3)).astype(np.float32),
        "bird.basis": generator.standard_normal((32, 642, 3)).astype(np.float32),
        "bird.antisymmetric": np.zeros(32, np.uint8),
        "bird.colours": np.zeros((642, 3), np.float32),
    }
    save_file(space, str(folder / "space.safetensors"))
    config = ExportConfig(
        str(folder / "c.safetensors"), str(folder / "space.safetensors"), str(folder / "model"), name="test"
    )
    return folder / "model", export_model(config)


def test_outlines_take_the_place_of_the_mask(network):
    """The network describes what it is told to, and its own mask is neither worked out nor taught."""
    torch.manual_seed(1)
    image = torch.rand(2, 3, 128, 128)
    with torch.no_grad():
        own = network(image)
        same = network(image, outlines=torch.sigmoid(own.mask_logits))
        other = network(image, outlines=torch.zeros(2, 64, 64))
    for name in ("rotations", "coefficients", "light", "texture", "category_logits"):
        torch.testing.assert_close(getattr(same, name), getattr(own, name), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(same.mask_logits, own.mask_logits, atol=1e-3, rtol=1e-3)
    assert same.surface.shape == own.surface.shape and not same.surface.any()
    assert (other.coefficients - own.coefficients).abs().max() > 1e-4
    network.zero_grad()
    network(image, outlines=torch.ones(2, 64, 64)).texture.sum().backward()
    decoders = (*network.mask.parameters(), *network.surface.parameters())
    assert all(parameter.grad is None for parameter in decoders)
    network.zero_grad()


def test_the_exported_graph_computes_the_same(network, exported):
    """Weights are stored as float16: equal to 1e-3 of torch with rounded weights; near the original."""
    folder, difference = exported
    rounded = UnrenderNetwork(NetworkConfig()).eval()
    state = {
        name: value.half().float() if value.numel() >= HALF_LIMIT else value
        for name, value in network.state_dict().items()
    }
    rounded.load_state_dict(state)
    runtime = NetworkRuntime(folder, threads=1)
    image = np.random.default_rng(1).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    guess = runtime(image)
    with torch.no_grad():
        expected = rounded(torch.from_numpy(image.transpose(2, 0, 1)[None].copy()).float() / 255)
    close = {"atol": 1e-3, "rtol": 1e-3}
    np.testing.assert_allclose(guess.mask, torch.sigmoid(expected.mask_logits)[0].numpy(), **close)
    np.testing.assert_allclose(guess.rotations, expected.rotations[0].numpy(), **close)
    scores = torch.log_softmax(expected.hypothesis_logits[0], 0).numpy()
    np.testing.assert_allclose(guess.log_probabilities, scores, **close)
    np.testing.assert_allclose(guess.coefficients, expected.coefficients[0].numpy(), **close)
    np.testing.assert_allclose(guess.light, expected.light[0].numpy(), **close)
    np.testing.assert_allclose(guess.texture, expected.texture[0].permute(1, 2, 0).numpy(), **close)
    assert guess.categories.sum() == pytest.approx(1)
    assert difference < 0.02
    assert (folder / "model.onnx").stat().st_size < 20e6
    assert json.loads((folder / "model.json").read_text())["image_size"] == 128
    assert {path.name for path in folder.iterdir()} == {
        "model.onnx", "model.json", "shapes.safetensors", "training.safetensors"
    }  # fmt: skip


def test_the_runtime_refuses_other_pictures_and_files(exported, tmp_path):
    folder, _ = exported
    runtime = NetworkRuntime(folder, threads=1)
    for wrong in (np.zeros((64, 64, 3), np.uint8), np.zeros((128, 128, 3), np.float32)):
        with pytest.raises(InputError, match="image"):
            runtime(wrong)
    (tmp_path / "model.json").write_text((folder / "model.json").read_text())
    with pytest.raises(ModelError, match="cannot be read"):
        NetworkRuntime(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"not a graph")
    with pytest.raises(ModelError, match="damaged"):
        NetworkRuntime(tmp_path)
