"""Several shape categories in one run: sampling, shapes, symmetry, weights of a smaller network, export."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from unrender.camera import orbit
from unrender.errors import ConfigError, ModelError
from unrender.light import sh_basis
from unrender.network.model import NetworkConfig, UnrenderNetwork
from unrender.network.runtime import NetworkRuntime
from unrender.shape_space import ShapeSpace, load_shape_space
from unrender.synthesize.multiview import MultiviewConfig, render_set
from unrender.train.checkpoint import load_weights, read_tensors, save_checkpoint
from unrender.train.config import load_config
from unrender.train.export import ExportConfig, export_model
from unrender.train.objects import ObjectBatch, ObjectSampler
from unrender.train.photos import PhotoSampler
from unrender.train.run import _Loop, network_config, train
from unrender.train.sampling import CategoryPlan, draw_within, systematic
from unrender.train.spaces import FreeShape, LinearShapes
from unrender.train.step import Objective
from unrender.train.symmetry import YawChoice, yaw_turns

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture(scope="module")
def cars(tmp_path_factory) -> Path:
    """A multi-view set of 4 cars from 3 sides that names its category."""
    folder = tmp_path_factory.mktemp("data") / "cars"
    render_set(MultiviewConfig(4, 3, 6, 128, "car", canonical=True, canonical_size=32), folder, quiet=True)
    return folder


@pytest.fixture(scope="module")
def spaces_file(space_file, tmp_path_factory) -> Path:
    """Birds with 32 vectors; cars with 20 of them, on a wider body."""
    birds = load_file(str(space_file))
    cars = {
        "car.mean": birds["bird.mean"] * np.array([1.4, 0.8, 1], np.float32),
        "car.basis": birds["bird.basis"][:20],
        "car.antisymmetric": birds["bird.antisymmetric"][:20],
    }
    path = tmp_path_factory.mktemp("spaces") / "spaces.safetensors"
    save_file(birds | cars, str(path))
    return path


def test_systematic_draws_keep_to_the_shares():
    shares = np.array([0.5, 0.3, 0.0, 0.2])
    counts = np.array([
        np.bincount(systematic(shares, 7, np.random.default_rng(seed)), minlength=4) for seed in range(400)
    ])  # fmt: skip
    assert (np.abs(counts - 7 * shares) < 1).all(), "never off by one"
    np.testing.assert_allclose(counts.mean(0), 7 * shares, atol=0.1)
    assert (counts[:, 2] == 0).all()


def test_members_are_drawn_once_while_there_are_others():
    groups = [np.arange(5), np.array([7, 9])]
    picks = draw_within(groups, np.array([0, 0, 0, 0, 0, 1, 1, 1]), np.random.default_rng(0))
    assert sorted(picks[:5]) == [0, 1, 2, 3, 4] and set(picks[5:]) <= {7, 9}


def test_the_plan_names_categories():
    plan = CategoryPlan(("bird", "ship"), "bird", {"boat": "ship", "ghost": ""}, {"ship": 3.0})
    assert [plan.index(name) for name in ("", "bird", "ship", "boat", "ghost", "tree")] == [
        0,
        0,
        1,
        1,
        -1,
        -1,
    ]
    np.testing.assert_allclose(plan.shares([0, 1]), [0.25, 0.75])
    np.testing.assert_allclose(plan.shares([0]), [1, 0])
    with pytest.raises(ConfigError, match="tree"):
        CategoryPlan(("bird",), weights={"tree": 1})
    with pytest.raises(ConfigError, match="no category"):
        CategoryPlan(("bird",), weights={"bird": 0}).shares([0])


def test_batches_are_balanced_and_labelled(birds, cars):
    plan = CategoryPlan(("car", "bird"), "bird", {}, {"bird": 3.0})
    sampler = ObjectSampler([birds, cars], 2, 128, 32, plan=plan)
    batch = sampler.batch(8, np.random.default_rng(0))
    assert batch.categories.tolist() == [0, 0, 1, 1, 1, 1, 1, 1]
    only = ObjectSampler([birds, cars], 2, 128, 32, plan=CategoryPlan(("car",), "bird"))
    assert (only.batch(5, np.random.default_rng(0)).categories == 0).all()
    with pytest.raises(ConfigError, match="car"):
        ObjectSampler([cars], 2, 128, 32, plan=CategoryPlan(("ship",)))


def test_photos_by_shares_and_aliases(photos):
    sampler = PhotoSampler([photos], ("bird", "fish"), aliases={"bird/procedural": "fish"})
    assert (sampler.batch(4, np.random.default_rng(0)).categories == 1).all()
    ignored = PhotoSampler([photos], ("bird", "fish"), aliases={"bird": ""})
    assert (ignored.batch(4, np.random.default_rng(0)).categories == -1).all()
    with pytest.raises(ConfigError, match="photo_shares"):
        PhotoSampler([photos], ("bird",), shares={"bird": 0.8, "car": 0.7})


def test_padded_shapes_are_those_of_each_space(spaces_file):
    shapes = LinearShapes.load(spaces_file, ("car", "bird"))
    assert shapes.coefficients == 32
    predicted = torch.randn(5, 2, 32, generator=torch.Generator().manual_seed(0))
    category = torch.tensor([0, 1, 1, 0, 1])
    chosen = shapes.select(predicted, category)
    found = shapes.vertices(chosen, category)
    total = 0.0
    for row, number in enumerate(category.tolist()):
        space: ShapeSpace = load_shape_space(spaces_file, f"{('car', 'bird')[number]}.")
        own = predicted[row, number, : space.size].numpy()
        np.testing.assert_allclose(found[row].numpy(), space.vertices(own), atol=1e-5)
        total += float((own**2).sum())
    assert shapes.prior(chosen, category).item() == pytest.approx(total / (2 * 20 + 3 * 32), rel=1e-5)
    with pytest.raises(ModelError, match="ship"):
        LinearShapes.load(spaces_file, ("bird", "ship"))


def test_free_shapes_move_every_vertex_and_are_exported_as_a_space():
    shapes = FreeShape(("object",))
    numbers = torch.randn(2, 1, shapes.coefficients, generator=torch.Generator().manual_seed(0))
    category = torch.zeros(2, dtype=torch.int64)
    found = shapes.vertices(shapes.select(numbers, category), category)
    moved = found - shapes.vertices(torch.zeros(2, shapes.coefficients), category)
    torch.testing.assert_close(moved.flatten(1), 0.2 * numbers[:, 0])
    arrays = shapes.arrays()
    space = ShapeSpace(arrays["object.mean"], arrays["object.basis"], arrays["object.antisymmetric"] > 0)
    np.testing.assert_allclose(space.vertices(numbers[1, 0].numpy()), found[1].numpy(), atol=1e-6)


def test_turning_about_the_vertical_turns_light_with_it():
    turns, lights = yaw_turns(8)
    rng = np.random.default_rng(1)
    normals = rng.standard_normal((30, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    light = rng.standard_normal((9, 3))
    for turn, turned in zip(turns, lights, strict=True):
        np.testing.assert_allclose(
            sh_basis(normals @ turn.T) @ (turned @ light), sh_basis(normals) @ light, atol=1e-4
        )
    np.testing.assert_allclose(turns[2] @ [0, 0, 1], [1, 0, 0], atol=1e-6)


def batch_seen_from(azimuths, categories, oriented) -> ObjectBatch:
    """A batch of nothing but cameras: two views each, the second 30 degrees on."""
    count = len(azimuths)
    cameras = np.array([[orbit(a, 10, 4), orbit(a + 30, 10, 4)] for a in azimuths], np.float32)
    rng = np.random.default_rng(0)
    return ObjectBatch(
        np.zeros((count, 3, 8, 8)), np.zeros((count, 4, 4)), cameras, np.zeros((count, 2, 4, 4)),
        np.zeros((count, 2, 4, 4, 3)), rng.standard_normal((count, 9, 3)).astype(np.float32),
        rng.standard_normal((count, 3, 2, 2)).astype(np.float32), np.ones((count, 2, 2), np.float32),
        np.array(categories), np.array(oriented),
    )  # fmt: skip


def test_symmetric_truth_is_turned_to_the_nearest_answer():
    """A car, tables with two like sides, and a car whose front is not known."""
    choice = YawChoice(("car", "table"), {"table": 2})
    truth = batch_seen_from([10, 10, 190, 10], [0, 1, 1, 0], [True, True, True, False])
    believed = np.stack([orbit(a, 10, 4)[:3, :3] for a in (200, 200, 200, 123)])
    turned = choice(truth, believed)
    expected = ((10, 40), (190, 220), (190, 220), (100, 130))
    for row, azimuths in enumerate(expected):
        for view, azimuth in enumerate(azimuths):
            np.testing.assert_allclose(turned.cameras[row, view], orbit(azimuth, 10, 4), atol=1e-5)
    half = np.array([-1, 1, -1], np.float32)[:, None, None]
    np.testing.assert_allclose(turned.canonical[1], truth.canonical[1] * half, atol=1e-6)
    np.testing.assert_allclose(turned.canonical[2], truth.canonical[2], atol=1e-6)
    quarter = turned.canonical[3]  # what faced the front, +Z, faces +X
    np.testing.assert_allclose(quarter[0], truth.canonical[3, 2], atol=1e-6)
    np.testing.assert_allclose(quarter[2], -truth.canonical[3, 0], atol=1e-6)
    point = np.array([0.3, -0.2, 0.5])  # what a camera sees of a turned point is what it saw before
    turn = yaw_turns(2)[0][1]
    before, after = truth.cameras[1, 1, :3, :3] @ point, turned.cameras[1, 1, :3, :3] @ (turn @ point)
    np.testing.assert_allclose(after, before, atol=1e-6)
    with pytest.raises(ConfigError, match="tree"):
        YawChoice(("car",), {"tree": 2})


def test_a_network_of_birds_starts_one_of_many(weights):
    config = NetworkConfig(
        coefficients=36, shape_categories=("ship", "bird"), categories=("ship", "object", "bird", "car")
    )
    torch.manual_seed(1)
    network = UnrenderNetwork(config)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    load_weights(weights, network)
    after, source = network.state_dict(), read_tensors(weights)[0]
    shape, birds = after["shape.weight"].view(2, 36, 384), source["average.shape.weight"]
    assert torch.equal(shape[1, :32], birds)
    assert torch.equal(shape[0], before["shape.weight"].view(2, 36, 384)[0])
    assert torch.equal(shape[1, 32:], before["shape.weight"].view(2, 36, 384)[1, 32:])
    labels, known = NetworkConfig().categories, source["average.category.bias"]
    assert after["category.bias"][1:].tolist() == [known[labels.index(n)] for n in ("object", "bird", "car")]
    assert after["category.bias"][0] == before["category.bias"][0]
    assert torch.equal(after["trunk.0.weight"], source["average.trunk.0.weight"])


@pytest.fixture(scope="module")
def run(birds, cars, spaces_file, weights, tmp_path_factory):
    """The demo configuration, run in a folder of its own with tiny sets."""
    root = tmp_path_factory.mktemp("demo")
    (root / "runs").mkdir()
    shutil.copytree(birds, root / "runs" / "demo-bird")
    shutil.copytree(cars, root / "runs" / "demo-car")
    shutil.copy(spaces_file, root / "runs" / "demo-spaces.safetensors")
    config = replace(load_config(CONFIGS / "all-demo.yaml"), initial_weights=str(weights), steps=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        folder = train(config)
    return root / folder


def test_the_demo_logs_every_category(run):
    with (run / "log.csv").open() as file:
        (row,) = csv.DictReader(file)
    for name in ("bird", "car"):
        assert 0 < float(row[f"iou/{name}"]) < 1 and 0 <= float(row[f"rotation/{name}"]) <= 180
    assert float(row["category"]) > 0
    assert (run / "preview" / "000002.png").exists()


def test_columns_of_categories_that_come_later(run, tmp_path):
    """A category that the first interval does not draw still gets its column."""
    config = load_config(CONFIGS / "all-demo.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(run.parent.parent)
        sizes = network_config(config)
        objective = Objective(config, sizes)
    network = UnrenderNetwork(sizes)
    average, optimizer = dict(network.state_dict()), torch.optim.AdamW(network.parameters())
    loop = _Loop(config, tmp_path, network, average, optimizer, objective)
    loop.append_csv({"step": 1, "iou/bird": 0.5})
    loop.append_csv({"step": 2, "iou/car": 0.25})
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["iou/car"] for row in rows] == ["", "0.25"]


def test_the_export_holds_all_categories(run, tmp_path):
    pytest.importorskip("onnx")
    root = run.parent.parent
    difference = export_model(
        ExportConfig(
            str(run / "checkpoint.safetensors"), str(root / "runs" / "demo-spaces.safetensors"), str(tmp_path)
        )
    )
    assert difference < 0.02
    runtime = NetworkRuntime(tmp_path, threads=1)
    assert runtime.card["shape_categories"] == ["bird", "car"]
    assert runtime.card["categories"] == ["bird", "car", "object"]
    guess = runtime(np.full((128, 128, 3), 90, np.uint8))
    assert guess.coefficients.shape == (2, 32) and guess.categories.shape == (3,)
    assert load_shape_space(tmp_path / "shapes.safetensors", "car.").size == 20


def test_the_papers_own_way_runs(birds, cars, weights, tmp_path):
    """configs/dibr.yaml in miniature; its model is exported, its free shapes as one space."""
    config = replace(
        load_config(CONFIGS / "dibr.yaml"), out=str(tmp_path), object_roots=(str(cars),), object_batch=2,
        views=2,
        steps=2, render_size=32, initial_weights=str(weights), log_every=1,
    )  # fmt: skip
    folder = train(config)
    with (folder / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert all(float(row["laplacian"]) > 0 and float(row["flatten"]) > 0 for row in rows)
    pytest.importorskip("onnx")
    export_model(ExportConfig(str(folder / "checkpoint.safetensors"), "", str(tmp_path / "model")))
    runtime = NetworkRuntime(tmp_path / "model", threads=1)
    assert runtime.card["loop"] is False
    assert load_shape_space(tmp_path / "model" / "shapes.safetensors", "object.").size == 1926


def test_exporting_incomplete_weights_is_refused(tmp_path, spaces_file):
    network = UnrenderNetwork(NetworkConfig(coefficients=30))
    optimizer = torch.optim.AdamW(network.parameters())
    average = {key: value.clone() for key, value in network.state_dict().items()}
    save_checkpoint(tmp_path / "c", network, average, optimizer, {})
    with pytest.raises(ModelError, match=r"shape\.weight"):
        export_model(ExportConfig(str(tmp_path / "c"), str(spaces_file), str(tmp_path / "model")))
