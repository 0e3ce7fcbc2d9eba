"""Training configurations, the learning rate, and checkpoints."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from unrender.errors import ConfigError, ModelError
from unrender.network.model import NetworkConfig, UnrenderNetwork
from unrender.train import checkpoint
from unrender.train.checkpoint import load_checkpoint, load_weights, read_tensors, save_checkpoint
from unrender.train.config import TrainConfig, config_from_dict, load_config
from unrender.train.run import learning_rate, make_optimizer, train


def test_yaml_becomes_a_config(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("name: x\nsteps: 7\nlearning_rate: 1e-4\nphoto_roots: [a, b]\nweights: {colour: 2}\n")
    config = load_config(path)
    assert (config.name, config.steps, config.learning_rate) == ("x", 7, 1e-4)
    assert config.photo_roots == ("a", "b")
    assert config.weights.colour == 2.0 and config.weights.mask == 1.0
    assert config.object_roots == ()


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"name": "x", "stepps": 3}, "unknown field 'stepps'"),
        ({"name": "x", "steps": 2.5}, "steps must be a whole number"),
        ({"name": "x", "steps": True}, "steps must be a whole number"),
        ({"name": "x", "learning_rate": "fast"}, "learning_rate must be a number"),
        ({"name": 3}, "name must be text"),
        ({"name": "x", "photo_roots": "a"}, "photo_roots must be a list"),
        ({"name": "x", "weights": {"colours": 1}}, "weights: unknown field 'colours'"),
        ({"name": "x", "weights": 3}, "weights: expected a mapping"),
        ({"steps": 3}, "'name' is missing"),
    ],
)
def test_wrong_fields_are_named(record, message):
    with pytest.raises(ConfigError, match=message):
        config_from_dict(record)


def test_files_that_are_no_config(tmp_path):
    for name, text in (("list.yaml", "- 1\n"), ("broken.yaml", "a: [1\n")):
        (tmp_path / name).write_text(text)
        with pytest.raises(ConfigError, match=name):
            load_config(tmp_path / name)
    with pytest.raises(ConfigError, match=r"missing\.yaml"):
        load_config(tmp_path / "missing.yaml")


def test_a_config_may_be_based_on_another(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "first.yaml").write_text(
        "name: a\nsteps: 7\nphoto_roots: [p]\nweights: {mask: 2, prior: 3}\n"
    )
    (tmp_path / "parts/second.yaml").write_text("base: ../first.yaml\nname: b\nweights: {prior: 5}\n")
    (tmp_path / "parts/third.yaml").write_text("base: second.yaml\nname: c\nphoto_roots: []\n")
    second, third = (load_config(tmp_path / f"parts/{name}.yaml") for name in ("second", "third"))
    assert (second.name, second.steps, second.photo_roots) == ("b", 7, ("p",))
    assert (third.name, third.steps, third.photo_roots) == ("c", 7, ())
    assert (third.weights.mask, third.weights.prior, third.weights.colour) == (2.0, 5.0, 3.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: wrong.yaml\nname: x\n", "its own base"),
        ("base: 3\nname: x\n", "base must be a file name"),
        ("base: nowhere.yaml\nname: x\n", "nowhere"),
    ],
)
def test_wrong_bases_are_named(tmp_path, text, message):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_the_recipes_are_valid():
    recipes = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
    assert recipes
    for path in recipes:
        assert load_config(path).name == path.stem


def test_a_run_needs_data_and_a_shape_space(tmp_path, weights, birds):
    common = {"name": "x", "out": str(tmp_path), "initial_weights": str(weights), "threads": 1}
    with pytest.raises(ConfigError, match="no data"):
        train(TrainConfig(**common))
    with pytest.raises(ConfigError, match="shape_space"):
        train(TrainConfig(**common, object_roots=(str(birds),), object_batch=2))


def test_learning_rate_rises_and_falls():
    config = TrainConfig("x", steps=1000, learning_rate=0.01)
    rates = [learning_rate(config, step) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01 / 50)
    assert rates[24] == pytest.approx(0.005)
    assert max(rates) == rates[50] == pytest.approx(0.01)
    assert rates[525] == pytest.approx(0.01 * 0.51, rel=1e-6), "half way down"
    assert all(a > b for a, b in pairwise(rates[50:]))
    assert learning_rate(config, 1000) == pytest.approx(0.0002)
    assert learning_rate(TrainConfig("x", steps=100_000, learning_rate=0.01), 99) == pytest.approx(0.005)


def test_the_encoder_learns_more_slowly_and_its_first_blocks_not_at_all():
    network = UnrenderNetwork(NetworkConfig())
    optimizer = make_optimizer(network, TrainConfig("x", encoder_rate=0.25))
    encoder, heads = optimizer.param_groups
    assert (encoder["scale"], heads["scale"]) == (0.25, 1.0)
    counted = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert counted == {id(p) for p in network.parameters() if p.requires_grad}


def trained(seed):
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(5, 3)).pow(2).sum().backward()
        optimizer.step()
    return model, {k: v.clone() * 0.5 for k, v in model.state_dict().items()}, optimizer


def test_checkpoints_restore_everything(tmp_path):
    path = tmp_path / "c.safetensors"
    model, average, optimizer = trained(0)
    save_checkpoint(path, model, average, optimizer, {"step": 3, "config": {"a": 1}})
    other, other_average, other_optimizer = trained(1)
    assert load_checkpoint(path, other, other_average, other_optimizer) == {"step": 3, "config": {"a": 1}}
    for key, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)
        assert torch.equal(other_average[key], average[key])
    first, second = optimizer.state_dict()["state"], other_optimizer.state_dict()["state"]
    assert first.keys() == second.keys()
    for index in first:
        for key, value in first[index].items():
            assert torch.equal(torch.as_tensor(second[index][key]), torch.as_tensor(value))


def test_a_killed_writer_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "c.safetensors"
    state = trained(0)
    save_checkpoint(path, *state, {"step": 3})
    before = path.read_bytes()

    def half(tensors, name, metadata):
        Path(name).write_bytes(before[: len(before) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save_file", half)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, *state, {"step": 4})
    assert path.read_bytes() == before


def test_files_that_are_no_checkpoint(tmp_path):
    model, average, optimizer = trained(0)
    for name, content in (("empty", b""), ("text", b"hello world, this is no tensor file")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match=name):
            read_tensors(tmp_path / name)
    with pytest.raises(ModelError, match="missing"):
        read_tensors(tmp_path / "missing")
    save_checkpoint(tmp_path / "c", model, average, optimizer, {})
    other = torch.nn.Sequential(torch.nn.Linear(5, 5))
    with pytest.raises(ModelError, match="does not fit"):
        load_checkpoint(tmp_path / "c", other, {}, torch.optim.AdamW(other.parameters()))
    with pytest.raises(ModelError, match="no tensor fits"):
        load_weights(tmp_path / "c", other)
    assert [p for p in os.listdir(tmp_path) if ".tmp" in p] == []


def test_weights_are_the_running_average(tmp_path):
    model, average, optimizer = trained(0)
    save_checkpoint(tmp_path / "c", model, average, optimizer, {})
    other = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 9))
    last = other[1].weight.detach().clone()
    load_weights(tmp_path / "c", other)
    assert torch.equal(other[0].weight, average["0.weight"])
    assert torch.equal(other[1].weight, last), "another shape: left alone"
