"""Dispatch, options, exit statuses."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from fakes import FakeReconstructor

import unrender
from unrender.cli.main import main


def test_photo_to_glb(photo: Path, fake: FakeReconstructor, capsys: pytest.CaptureFixture[str]) -> None:
    output = photo.parent / "x.glb"
    assert main([str(photo), "-o", str(output), "--json"]) == 0
    assert (
        output.read_bytes() == b"glTF" and json.loads(output.with_suffix(".json").read_text())["schema"] == 1
    )
    assert capsys.readouterr().out == f"{output}  bird 0.97  42 ms\n"
    assert fake.calls == [{"box": None, "category": None, "loop": True, "appearance": "albedo"}]


def test_options_reach_the_model(photo: Path, fake: FakeReconstructor) -> None:
    options = ["--no-loop", "--box=1,2,30,20.5", "--category", "bird", "--appearance", "photo", "--fov", "40"]
    assert main(["reconstruct", "-o", f"{photo.parent}/out/", *options, str(photo)]) == 0
    assert fake.calls == [
        {"box": (1, 2, 30, 20.5), "category": "bird", "loop": False, "appearance": "photo", "fov_degrees": 40}
    ]
    assert (photo.parent / "out" / "bird.glb").exists()


def test_mask_option(photo: Path, fake: FakeReconstructor) -> None:
    from PIL import Image

    mask = photo.parent / "mask.png"
    Image.new("L", (60, 40), 255).save(mask)
    assert main([str(photo), "-o", str(photo.parent / "x.glb"), "--mask", str(mask)]) == 0
    assert fake.calls[0]["mask"].shape == (40, 60) and fake.calls[0]["mask"].all()


def test_nothing_is_overwritten_unasked(
    photo: Path, fake: FakeReconstructor, capsys: pytest.CaptureFixture[str]
) -> None:
    output = photo.parent / "x.glb"
    output.write_bytes(b"mine")
    assert main([str(photo), "-o", str(output)]) == 2
    assert output.read_bytes() == b"mine" and "--force" in capsys.readouterr().err
    assert main([str(photo), "-o", str(output), "--force"]) == 0
    assert output.read_bytes() == b"glTF"


def test_one_bad_photo_does_not_stop_the_rest(
    photo: Path, fake: FakeReconstructor, capsys: pytest.CaptureFixture[str]
) -> None:
    other = photo.with_name("other.jpg")
    shutil.copy(photo, other)
    bad = photo.with_name("bad.jpg")
    bad.write_bytes(b"")
    out = photo.parent / "out"
    assert main([str(photo), str(bad), str(other), "-o", f"{out}/"]) == 2
    assert sorted(path.name for path in out.iterdir()) == ["bird.glb", "other.glb", "unrender.jsonl"]
    error = capsys.readouterr().err.splitlines()
    assert error[0].startswith("unrender: error: ") and "bad.jpg" in error[0]
    assert error[1] == "unrender: 2 of 3 photos reconstructed"


def test_failing_json_leaves_nothing(photo: Path, fake: FakeReconstructor) -> None:
    output = photo.parent / "unwritable.glb"
    assert main([str(photo), "-o", str(output), "--json"]) == 2
    assert not output.exists() and not output.with_suffix(".json").exists()


def test_interrupt(photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(path: str | None) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("unrender.cli.reconstruct.load_reconstructor", interrupt)
    assert main([str(photo), "-o", str(photo.parent / "x.glb")]) == 130
    assert capsys.readouterr().err == "unrender: interrupted\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.jpg", "--box", "1,2,3"], "x,y,w,h"),
        (["x.jpg", "--box", "1,2,0,3"], "above 0"),
        (["x.jpg", "--box", "1,2,nan,3"], "above 0"),
        (["x.jpg", "--fov", "200"], "between 1 and 170"),
        (["x.jpg", "--appearance", "shiny"], "appearance"),
        (["x.jpg", "--colour"], "unrecognized arguments"),
        (["-o", "x.glb"], "PHOTO"),
        (["x.jpg", "y.jpg", "--mask", "m.png"], "one photo"),
        (["train"], "CONFIG.yaml"),
        (["evaluate"], "photos"),
    ],
)
def test_usage_errors(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert captured.err.startswith("unrender: error: ") and message in captured.err


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "unrender PHOTO..." in capsys.readouterr().out
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err
    for command in ("reconstruct", "demo", "train", "evaluate", "warm"):
        assert main([command, "--help"]) == 0
        assert command in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"unrender {unrender.__version__}\n"
    assert main(["--version", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["unrender"] == unrender.__version__ and record["dependencies"]["numpy"]


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["train", "x.yaml"]) == 2
    assert "unrender[train]" in capsys.readouterr().err


def test_the_command_line_imports_nothing_heavy() -> None:
    code = (
        "import sys; from unrender.cli.main import main; main(['missing.jpg', '-o', 'x.glb'])\n"
        "heavy = {'torch', 'numba', 'onnxruntime', 'trimesh', 'tyro', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("unrender: error: missing.jpg")


def test_warnings_are_one_line(photo: Path, fake: FakeReconstructor, monkeypatch, capsys) -> None:
    def doubtful(self, *arguments, **settings):
        warnings.warn("photo.jpg: not sure\nwhat it shows", UserWarning, stacklevel=2)
        return original(self, *arguments, **settings)

    original = FakeReconstructor.__call__
    monkeypatch.setattr(FakeReconstructor, "__call__", doubtful)
    assert main([str(photo), "-o", str(photo.parent / "x.glb")]) == 0
    assert capsys.readouterr().err == "unrender: warning: photo.jpg: not sure what it shows\n"
