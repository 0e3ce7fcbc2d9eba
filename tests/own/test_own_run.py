"""The whole way in miniature: a model folder from photos, stopped and gone on with."""

import json

import numpy as np
import pytest
import torch
from made import write_photos

import unrender
from unrender.cli.main import main
from unrender.errors import ConfigError, InputError
from unrender.image import crop_square, load_photo
from unrender.network.model import NetworkConfig, UnrenderNetwork
from unrender.network.runtime import NetworkRuntime
from unrender.network.whole import box_matrix
from unrender.own import run as own_run
from unrender.own import shapes as own_shapes
from unrender.own.learn import LearnConfig, Stage
from unrender.own.run import OwnConfig, train_own
from unrender.reconstruct.hub import DEFAULT_MODEL
from unrender.shape_space import load_shape_space
from unrender.train.checkpoint import load_weights
from unrender.train.own import MIRROR, TaughtPhoto, TaughtSampler, weights_of_model

TINY = LearnConfig(
    stages=(Stage(2, 1, 2, 0.1, 8.0, 0.03), Stage(3, 1, 2, 0.4, 6.0, 0.02, spread=True)), steps=1
)


@pytest.fixture
def small(monkeypatch):
    """Few rounds, few objects, small batches."""
    monkeypatch.setattr(own_shapes, "RACE", TINY.stages[:1])
    monkeypatch.setattr(own_shapes, "CANDIDATES", 1)
    learn = own_shapes.learn_shapes
    monkeypatch.setattr(own_run, "learn_shapes", lambda *args, **kw: learn(*args, **kw, config=TINY))
    monkeypatch.setattr(own_run, "MOST_OBJECTS", 4)
    monkeypatch.setattr(own_run, "PICTURES", 2)


@pytest.mark.slow
def test_a_model_from_a_folder_stopped_and_resumed(small, tmp_path, monkeypatch, capsys):
    photos = tmp_path / "photos"
    write_photos(photos, 26)
    config = OwnConfig(str(photos), "duck", str(tmp_path / "whole"), steps=2)
    train_own(config)
    assert "held-out photos, mask IoU" in capsys.readouterr().out
    for name in (
        "model.onnx",
        "model.json",
        "shapes.safetensors",
        "report.json",
        "photos.jpg",
        "shapes.png",
        "sheet-01.png",
    ):
        assert (tmp_path / "whole" / name).stat().st_size > 0
    model = unrender.Reconstructor.from_pretrained(tmp_path / "whole")
    assert model.categories == ("duck",)
    assert model(str(photos / "03.png")).category == "duck"

    class Stop(Exception):
        pass

    def stop(*_):
        raise Stop

    broken = OwnConfig(str(photos), "duck", str(tmp_path / "broken"), steps=2)
    with monkeypatch.context() as patch, pytest.raises(Stop):
        patch.setattr(own_run, "render_teacher", stop)
        train_own(broken)
    assert not (tmp_path / "broken" / "model.onnx").exists()
    with pytest.raises(ConfigError, match="--resume"):
        train_own(broken)
    train_own(broken, resume=True)
    first, second = (
        load_shape_space(tmp_path / name / "shapes.safetensors", "duck.") for name in ("whole", "broken")
    )
    assert np.array_equal(first.mean, second.mean)
    assert (tmp_path / "whole/model.onnx").read_bytes() == (tmp_path / "broken/model.onnx").read_bytes()

    turned = OwnConfig(str(photos), "duck", str(tmp_path / "broken"), steps=2, turn=True)
    train_own(turned, resume=True)
    third = load_shape_space(tmp_path / "broken" / "shapes.safetensors", "duck.")
    np.testing.assert_allclose(third.mean * np.array([-1, 1, -1]), first.mean, atol=1e-3)
    assert json.loads((tmp_path / "broken" / "report.json").read_text())["settings"]["turn"] is True


def test_too_few_photos_and_bad_settings(tmp_path):
    photos = tmp_path / "photos"
    write_photos(photos, 5)
    with pytest.raises(ConfigError, match="usable photos of duck, at least 20"):
        train_own(OwnConfig(str(photos), "duck", str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="category"):
        train_own(OwnConfig(str(photos), "a duck", str(tmp_path / "out")))
    with pytest.raises(InputError, match="steps"):
        train_own(OwnConfig(str(photos), "duck", str(tmp_path / "out"), steps=0))


def test_like_names_a_category_of_the_base(tmp_path):
    photos = tmp_path / "photos"
    write_photos(photos, 26)
    with pytest.raises(InputError, match="the base model knows bird"):
        train_own(OwnConfig(str(photos), "duck", str(tmp_path / "out"), like="teapot"))


def test_command_line_errors(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    assert main(["train", str(tmp_path / "photos")]) == 2
    assert "--category NAME is required" in capsys.readouterr().err
    assert main(["train", "config.yaml", "--category", "mug"]) == 2
    assert "only with a folder of photos" in capsys.readouterr().err
    assert main(["train", str(tmp_path / "photos"), "--category", "mug"]) == 2
    assert "holds no photos" in capsys.readouterr().err


def test_weights_of_the_shipped_graph_give_its_outputs(tmp_path):
    runtime = NetworkRuntime(DEFAULT_MODEL, 1)
    card = runtime.card
    weights_of_model(DEFAULT_MODEL, card, tmp_path / "base.safetensors")
    network = UnrenderNetwork(
        NetworkConfig(
            coefficients=int(card["coefficients"]), shape_categories=tuple(card["shape_categories"]),
            categories=tuple(card["categories"]),
        )
    )  # fmt: skip
    load_weights(tmp_path / "base.safetensors", network, strict=True)
    network.eval()
    photo = load_photo(DEFAULT_MODEL / "sample.jpg")
    side = float(max(photo.width, photo.height))
    corner = (photo.width - side) / 2, (photo.height - side) / 2
    picture = crop_square(photo.pixels, *corner, side, runtime.image_size)
    guess = runtime(picture)

    size = network.config.image_size
    fewer, cells = (torch.from_numpy(box_matrix(runtime.image_size // k, size // k)) for k in (1, 2))
    image = fewer @ torch.from_numpy(picture / np.float32(255)).permute(2, 0, 1)[None].float() @ fewer.T
    mask = cells @ torch.from_numpy(guess.mask)[None] @ cells.T
    with torch.no_grad():
        _, found = network.describe(network.encoder(image), image, mask)
        own = network(image).mask_logits[0] > 0
    np.testing.assert_allclose(found["rotations"][0].numpy(), guess.rotations, atol=0.02)
    np.testing.assert_allclose(found["coefficients"][0].numpy(), guess.coefficients, atol=0.02)
    both, either = own & (mask[0] > 0.5), own | (mask[0] > 0.5)
    assert both.sum() / either.sum() > 0.7, "the mask head is not in the graph, but in the file beside it"


def test_mirrored_photos_have_mirrored_cameras():
    """A photo of which the left half alone is marked: where the mask lies says whether it was mirrored."""
    mask = np.zeros((64, 64), bool)
    mask[20:44, 16:48] = True
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :32] = 255
    angle = 0.6
    rotation = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
    sampler = TaughtSampler([TaughtPhoto(pixels, mask, rotation, np.zeros(3))], 64)
    seen = set()
    for seed in range(12):
        batch = sampler.batch(1, np.random.default_rng(seed))
        image = batch.images[0].mean(0)
        mirrored = bool(image[:, -8:].mean() > image[:, :8].mean())
        expected = MIRROR @ rotation @ MIRROR if mirrored else rotation
        np.testing.assert_allclose(batch.rotations[0], expected, atol=1e-6)
        seen.add(mirrored)
    assert seen == {True, False}
