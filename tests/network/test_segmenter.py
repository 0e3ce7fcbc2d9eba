"""The segmenter, ImageNet's classes as categories, and the graph of both networks."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.numpy import save_file

from unrender.errors import ConfigError
from unrender.network.model import NetworkConfig, UnrenderNetwork
from unrender.network.pretrained import class_groups
from unrender.network.runtime import NetworkRuntime
from unrender.network.segmenter import CategoryHead, SegmenterConfig, SegmenterNetwork
from unrender.network.whole import WholeNetwork, box_matrix
from unrender.train.checkpoint import load_weights, save_checkpoint
from unrender.train.config import TrainConfig
from unrender.train.export import ExportConfig, export_model
from unrender.train.own import weights_of_model

LABELS = ("bird", "car", "object")


def test_classes_belong_to_one_category_at_most():
    groups = class_groups(
        ("bird", "fish", "animal", "car", "ship", "chair", "sofa", "lamp", "object", "unknown")
    )
    assert groups.sum(1).max() == 1 and groups[:, -1].sum() == 0
    assert groups[13, 0] == 1, "junco"
    assert groups[817, 3] == 1, "sports car"
    assert groups[504, 8] == 1, "coffee mug"
    assert groups[:398, 8].sum() == 0, "no animal is an object"


def test_before_training_the_category_is_the_share_of_imagenet_classes():
    torch.manual_seed(0)
    head = CategoryHead(LABELS)
    last = torch.randn(4, 320, 6, 6)
    with torch.no_grad():
        features = torch.nn.functional.relu6(head.project(last)).mean((2, 3))
        shares = torch.softmax(head.classes(features), 1)
        found = torch.exp(head(last)[0]) - head.FLOOR
    for column, name in enumerate(LABELS):
        chosen = class_groups(LABELS)[:, LABELS.index(name)] > 0
        torch.testing.assert_close(found[:, column], shares[:, chosen].sum(1), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(("cells", "fewer"), [(192, 128), (96, 64), (12, 12), (9, 2)])
def test_the_box_matrix_averages_areas(cells, fewer):
    """Against the same means over a fine grid that both sizes divide."""
    values = np.random.default_rng(0).random(cells)
    fine = np.repeat(values, fewer)
    np.testing.assert_allclose(
        box_matrix(cells, fewer) @ values, fine.reshape(fewer, cells).mean(1), atol=1e-6
    )


@pytest.fixture(scope="module")
def whole():
    torch.manual_seed(3)
    segmenter = SegmenterNetwork(SegmenterConfig(64, LABELS))
    shapes = UnrenderNetwork(NetworkConfig(32, coefficients=3, categories=LABELS))
    torch.nn.init.normal_(segmenter.category.correction.weight, std=0.05)
    return WholeNetwork(segmenter, shapes).eval()


def test_the_shape_network_gets_the_smaller_picture_and_the_segmenters_mask(whole):
    image = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        found = whole(image, torch.arange(2))
        segmented = whole.segmenter(image)
        small = torch.nn.functional.avg_pool2d(image, 2)
        mask = torch.nn.functional.avg_pool2d(torch.sigmoid(segmented.mask_logits)[:, None], 2)[:, 0]
        _, alone = whole.shapes.describe(whole.shapes.encoder(small), small, mask)
    torch.testing.assert_close(found["mask_logits"], segmented.mask_logits)
    torch.testing.assert_close(found["coefficients"], alone["coefficients"], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found["texture"], alone["texture"], atol=1e-5, rtol=1e-4)


def test_a_look_at_the_mirror_image_is_the_network_of_shapes_at_the_mirrored_picture_and_mask(whole):
    image = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        found = whole(image, torch.tensor([3, 0]))
        small = torch.nn.functional.avg_pool2d(image[1:].flip(-1), 2)
        mask = torch.nn.functional.avg_pool2d(torch.sigmoid(found["mask_logits"][1:, None]).flip(-1), 2)[:, 0]
        _, alone = whole.shapes.describe(whole.shapes.encoder(small), small, mask)
        none = whole(image, torch.arange(0))
    assert found["mask_logits"].shape == (2, 32, 32) and len(found["rotations"]) == 2
    torch.testing.assert_close(found["coefficients"][:1], alone["coefficients"], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(none["mask_logits"], found["mask_logits"])
    assert len(none["coefficients"]) == 0


def test_both_networks_say_what_a_picture_shows(whole):
    both = WholeNetwork(whole.segmenter, whole.shapes, category_share=0.4).eval()
    image = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        segmented = whole.segmenter(image).category_logits
        found = both(image, torch.tensor([0, 2, 3]))["category_logits"]  # picture 0 twice, picture 1 mirrored
        none = both(image, torch.arange(0))["category_logits"]
        small = torch.nn.functional.avg_pool2d(image, 2)
        looks = torch.stack([small[0], small[0].flip(-1), small[1].flip(-1)])
        each = whole.shapes.category(whole.shapes.encoder(looks)[-1].mean((2, 3)))
    mean = torch.stack([each[:2].mean(0), each[2]])
    torch.testing.assert_close(found, segmented + 0.4 * mean, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(none, segmented)


def _save(path, network, **config):
    optimizer = torch.optim.AdamW(network.parameters())
    average = {key: value.clone() for key, value in network.state_dict().items()}
    meta = {"step": 1, "config": asdict(TrainConfig("test", **{"labels": LABELS} | config))}
    save_checkpoint(Path(path), network, average, optimizer, meta)


@pytest.fixture
def checkpoints(whole, tmp_path):
    shapes = UnrenderNetwork(NetworkConfig(coefficients=3, categories=LABELS))
    _save(tmp_path / "shapes.safetensors", shapes)
    _save(tmp_path / "segmenter.safetensors", whole.segmenter, image_size=64)
    space = {
        "bird.mean": np.zeros((642, 3), np.float32), "bird.basis": np.zeros((3, 642, 3), np.float32),
        "bird.antisymmetric": np.zeros(3, np.uint8), "bird.colours": np.zeros((642, 3), np.float32),
    }  # fmt: skip
    save_file(space, str(tmp_path / "space.safetensors"))
    return ExportConfig(
        str(tmp_path / "shapes.safetensors"), str(tmp_path / "space.safetensors"), str(tmp_path / "model"),
        segmenter=str(tmp_path / "segmenter.safetensors"),
    ), shapes  # fmt: skip


def test_a_shared_category_is_exported(whole, checkpoints):
    config, shapes = checkpoints
    assert export_model(replace(config, category_share=1.0)) < 2e-2
    runtime = NetworkRuntime(config.out)
    image = np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert runtime.mask(image).shape == (32, 32), "no look at all"
    first, _ = runtime.looks(image)
    both = WholeNetwork(whole.segmenter, shapes, 1.0).eval()
    with torch.no_grad():
        picture = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        logits = both(picture, torch.arange(2))["category_logits"][0]
    np.testing.assert_allclose(first.categories, torch.softmax(logits, 0).numpy(), atol=2e-2)


def test_one_graph_has_both_networks(whole, checkpoints, tmp_path):
    config, shapes = checkpoints
    assert export_model(config) < 2e-2, "stored as float16"
    runtime = NetworkRuntime(config.out)
    assert runtime.image_size == 64 and runtime.mirrors
    images = np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = whole.segmenter(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255)
    masks = torch.sigmoid(expected.mask_logits).numpy()
    for number, image in enumerate(images):
        guess = runtime(image)
        assert guess.mask.shape == (32, 32)
        np.testing.assert_allclose(guess.mask, masks[number], atol=5e-3)
        np.testing.assert_allclose(runtime.mask(image), guess.mask, atol=1e-5)
        first, second = runtime.looks(image)
        np.testing.assert_allclose(first.coefficients, guess.coefficients, atol=1e-5)
        np.testing.assert_array_equal(second.mask, guess.mask[:, ::-1])
        categories = torch.softmax(expected.category_logits[number], 0).numpy()
        np.testing.assert_allclose(guess.categories, categories, atol=2e-2)

    graph = onnx.load(f"{config.out}/model.onnx").graph
    convolved = {node.input[0] for node in graph.node if node.op_type == "Conv"}
    padded = [node for node in graph.node if node.op_type == "Pad" and set(node.output) & convolved]
    assert all(node.attribute[0].s == b"edge" for node in padded), "zeros are the convolution's own padding"

    weights_of_model(tmp_path / "model", runtime.card, tmp_path / "start.safetensors")
    again = UnrenderNetwork(NetworkConfig(coefficients=3, categories=LABELS))
    load_weights(tmp_path / "start.safetensors", again, strict=True)
    for name, value in shapes.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, atol=2e-3, rtol=1e-2, msg=name)


def test_a_segmenter_of_other_categories_is_refused(checkpoints, whole):
    config, _ = checkpoints
    _save(config.segmenter, whole.segmenter, image_size=64, labels=("bird",))
    with pytest.raises(ConfigError, match="train both with the same labels"):
        export_model(config)
