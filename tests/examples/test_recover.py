"""The examples in a short form: each loss falls, and what is looked for comes nearer."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("torch")

EXAMPLES = Path(__file__).parents[2] / "examples"
# steps, and how much of the loss may be left
SHORT = {
    "recover_shape": (12, 0.6), "recover_texture": (12, 0.6), "recover_camera": (25, 0.6),
    "recover_light": (25, 0.3), "recover_phong": (40, 0.5), "recover_metal": (12, 0.6),
}  # fmt: skip


@pytest.mark.parametrize("name", SHORT)
def test_recovers(name, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    steps, left = SHORT[name]
    result = importlib.import_module(name).run(steps, tmp_path)
    assert result["loss_last"] < left * result["loss_first"], result
    assert result["last"] < result["first"], result
    with Image.open(tmp_path / f"{name}.png") as picture:
        assert picture.width > 500
