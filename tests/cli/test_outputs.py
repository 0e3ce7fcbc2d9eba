"""Names of outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from unrender.cli.outputs import Outputs, distinct_stems, plan_outputs
from unrender.errors import OutputError
from unrender.export import ExportOptions


def names(plans: list[Outputs]) -> list[list[str]]:
    return [[path.as_posix() for path in plan.paths] for plan in plans]


def test_one_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    photo = [Path("a/bird.jpg")]
    assert names(plan_outputs(photo, "x.glb")) == [["x.glb"]]
    assert names(plan_outputs(photo, "x.glb", json=True, pictures={"turntable": "t.gif"})) == [
        ["t.gif", "x.glb", "x.json"]
    ]
    assert names(plan_outputs(photo, None, json=True)) == [["bird.glb", "bird.json"]]
    assert names(plan_outputs(photo, "out/")) == [["out/bird.glb"]]
    (tmp_path / "there").mkdir()
    assert names(plan_outputs(photo, "there")) == [["there/bird.glb"]]


def test_several_photos() -> None:
    photos = [Path("a/bird.jpg"), Path("b/bird.png"), Path("c/Bird.jpg"), Path("bird-2.jpg")]
    assert distinct_stems(photos) == ["bird", "bird-3", "Bird-4", "bird-2"]
    plans = plan_outputs(photos[:2], "out/", json=True, pictures={"turntable": "turn/"})
    assert names(plans) == [
        ["turn/bird.gif", "out/bird.glb", "out/bird.json"],
        ["turn/bird-2.gif", "out/bird-2.glb", "out/bird-2.json"],
    ]


def test_formats() -> None:
    photo = [Path("a/bird.v2.jpg")]
    assert names(plan_outputs(photo, "x.y.obj", json=True)) == [["x.y.mtl", "x.y.png", "x.y.obj", "x.y.json"]]
    jpeg = ExportOptions(texture_format="jpeg")
    assert names(plan_outputs(photo, "x.OBJ", options=jpeg)) == [["x.mtl", "x.jpg", "x.OBJ"]]
    assert names(plan_outputs(photo, "x.collision.obj", json=True)) == [["x.collision.obj", "x.json"]]
    many = plan_outputs(photo, "o/", formats=("usdz", "glb"), pictures={"depth": "o/", "sheet": "s.png"})
    assert many[0].mesh == Path("o/bird.v2.usdz")
    assert names(many) == [["o/bird.v2.depth.png", "s.png", "o/bird.v2.glb", "o/bird.v2.usdz"]]


@pytest.mark.parametrize(
    ("photos", "output", "options", "message"),
    [
        (["a.jpg", "b.jpg"], "x.glb", {}, "one file for 2 photos"),
        (["a.jpg", "b.jpg"], "out/", {"pictures": {"turntable": "t.gif"}}, "one file for 2 photos"),
        (["a.jpg"], "x.fbx", {}, r"ends in \.glb"),
        (["a.jpg"], "x.glb", {"formats": ("obj",)}, "leave out --format"),
        (["a.jpg"], "x.glb", {"pictures": {"turntable": "t.avi"}}, r"ends in \.gif or"),
        (["a.jpg"], "x.glb", {"pictures": {"depth": "d.jpg"}}, r"ends in \.png or \.npy"),
    ],
)
def test_names_that_do_not_fit(photos: list[str], output: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(OutputError, match=message):
        plan_outputs([Path(photo) for photo in photos], output, **options)


def test_check(tmp_path: Path) -> None:
    existing = tmp_path / "x.glb"
    existing.write_bytes(b"old")
    outputs = Outputs(existing)
    with pytest.raises(OutputError, match="pass --force"):
        outputs.check(force=False)
    outputs.check(force=True)
    with pytest.raises(OutputError, match="is a folder"):
        Outputs(tmp_path).check(force=True)
    with pytest.raises(OutputError, match="not a folder"):
        Outputs(existing / "sub" / "y.glb").check(force=True)
    Outputs(tmp_path / "new" / "deep" / "y.glb").check(force=False)
    assert not (tmp_path / "new").exists()
