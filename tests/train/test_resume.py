"""A run that is killed and resumed ends with the same bits as one that is not."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from unrender.errors import ConfigError
from unrender.train import run
from unrender.train.checkpoint import read_tensors
from unrender.train.config import LossWeights, TrainConfig


@pytest.fixture(scope="module")
def config(birds, photos, space_file, weights, tmp_path_factory):
    return TrainConfig(
        name="straight", out=str(tmp_path_factory.mktemp("runs")), seed=3, steps=4,
        photo_roots=(str(photos),), photo_batch=2, object_roots=(str(birds),), object_batch=2, views=2,
        render_size=32, shape_space=str(space_file), initial_weights=str(weights),
        log_every=1, preview_every=100, checkpoint_every=2, threads=1, weights=LossWeights(adversarial=0.1),
    )  # fmt: skip


@pytest.fixture(scope="module")
def straight(config):
    return run.train(config)


def test_a_run_writes_what_it_says(config, straight):
    assert {p.name for p in straight.iterdir()} >= {
        "config.json",
        "checkpoint.safetensors",
        "log.csv",
        "preview",
    }
    with Image.open(straight / "preview" / "000004.png") as sheet:
        assert sheet.width == 7 * 128 and sheet.height % 128 == 0
    with (straight / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["step"]) for row in rows] == [1, 2, 3, 4]
    assert all(float(row["loss"]) > 0 and float(row["images_per_second"]) > 0 for row in rows)
    times = ("data", "forward", "renderer", "backward", "step")
    assert all(float(row[f"seconds/{name}"]) >= 0 for row in rows for name in times)
    assert list(straight.glob("events.out.tfevents.*"))
    with pytest.raises(ConfigError, match="--resume"):
        run.train(config)


def test_resumed_is_equal_bit_for_bit(config, straight, monkeypatch):
    broken = replace(config, name="broken")
    step = run._Loop.step

    def killed(self, number, batch):
        if number == 3:  # one step after the checkpoint
            raise KeyboardInterrupt
        return step(self, number, batch)

    monkeypatch.setattr(run._Loop, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        run.train(broken)
    monkeypatch.undo()
    torch.manual_seed(99)
    folder = run.train(broken, resume=True)
    expected, meta = read_tensors(straight / "checkpoint.safetensors")
    found, found_meta = read_tensors(folder / "checkpoint.safetensors")
    assert meta["step"] == found_meta["step"] == 4
    assert expected.keys() == found.keys()
    assert [key for key in expected if not torch.equal(expected[key], found[key])] == []
    start, _ = read_tensors(config.initial_weights)
    moved = [k for k in start if k.startswith("model.") and not torch.equal(start[k], expected[k])]
    assert any("encoder" in k for k in moved) and any("texture" in k for k in moved)
    assert not any("encoder.stem" in k for k in moved)
    assert any(key.startswith("adversary.optimizer") for key in expected)


def test_without_a_weight_of_masks_outlines_are_given(config):
    """The same pictures, described under their roughened outlines; mask and surface are left as they were."""
    given = replace(config, name="given", steps=2, weights=LossWeights(mask=0.0, surface=0.0))
    _, objective = run.build(given)
    batch = objective.batch(np.random.default_rng(4))
    assert batch.outlines is not None and batch.outlines.shape == (4, 64, 64)
    known = np.concatenate([batch.objects.visible, batch.photos.masks])
    assert np.abs(batch.outlines - known).mean() < 0.1
    start, _ = read_tensors(config.initial_weights)
    tensors, _ = read_tensors(run.train(given) / "checkpoint.safetensors")
    for name, value in start.items():
        if name.startswith(("model.mask.", "model.surface.")):
            torch.testing.assert_close(tensors[name], value, atol=1e-6, rtol=1e-3)  # weights decay a little
        if name == "model.shape.weight":
            assert (tensors[name] - value).abs().max() > 1e-5
