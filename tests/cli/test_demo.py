"""The demonstration and the real model through the command line, where the package holds them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import unrender
from unrender.cli.main import main
from unrender.errors import UnrenderError

MODELS = Path(unrender.__file__).parent / "models"
needs_model = pytest.mark.skipif(
    not ((MODELS / "sample.jpg").is_file() and list(MODELS.glob("*.onnx"))),
    reason="needs the model inside the package",
)


@needs_model
def test_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "-o", str(tmp_path / "out")]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["demo.gif", "demo.glb", "demo.json"]
    out = capsys.readouterr().out
    assert "demo.glb" in out and "demo.gif" in out and " ms (" in out


@needs_model
def test_json_has_the_schema(tmp_path: Path) -> None:
    shutil.copy(MODELS / "sample.jpg", tmp_path / "photo.jpg")
    assert main([str(tmp_path / "photo.jpg"), "-o", str(tmp_path / "x.glb"), "--json"]) == 0
    record = json.loads((tmp_path / "x.json").read_text())
    assert list(record) == [
        "schema", "image", "crop", "category", "confidence", "camera", "light", "mesh", "mask", "timings_ms",
        "model",
    ]  # fmt: skip
    assert record["schema"] == 1 and record["camera"]["convention"] == "opengl"
    assert np.shape(record["camera"]["world_to_camera"]) == (4, 4) and np.shape(record["light"]["sh9"]) == (
        9,
        3,
    )
    assert set(record["mesh"]) == {"path", "vertices", "faces", "frame", "unit"}
    assert set(record["model"]) == {"name", "version", "sha256", "licence"}


@needs_model
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_arrays_that_are_not_finite(value: float) -> None:
    from unrender.reconstruct import Reconstructor

    image = np.full((64, 64, 3), 0.5)
    image[3, 4, 1] = value
    with pytest.raises(UnrenderError, match="NaN"):
        Reconstructor.from_pretrained()(image)


def test_unknown_model_is_an_error(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = photo.parent / "x.glb"
    assert main([str(photo), "-o", str(output), "--model", str(photo.parent / "nowhere")]) == 2
    captured = capsys.readouterr()
    assert "nowhere" in captured.err and captured.err.count("\n") == 1 and not output.exists()
