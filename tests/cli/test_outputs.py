"""Names of outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from unrender.cli.outputs import Outputs, distinct_stems, plan_outputs
from unrender.errors import OutputError


def names(plans: list[Outputs]) -> list[list[str]]:
    return [[path.as_posix() for path in plan.paths] for plan in plans]


def test_one_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    photo = [Path("a/bird.jpg")]
    assert names(plan_outputs(photo, "x.glb")) == [["x.glb"]]
    assert names(plan_outputs(photo, "x.glb", json=True, turntable="t.gif")) == [["x.glb", "x.json", "t.gif"]]
    assert names(plan_outputs(photo, None, json=True)) == [["bird.glb", "bird.json"]]
    assert names(plan_outputs(photo, "out/")) == [["out/bird.glb"]]
    (tmp_path / "there").mkdir()
    assert names(plan_outputs(photo, "there")) == [["there/bird.glb"]]


def test_several_photos() -> None:
    photos = [Path("a/bird.jpg"), Path("b/bird.png"), Path("c/Bird.jpg"), Path("bird-2.jpg")]
    assert distinct_stems(photos) == ["bird", "bird-3", "Bird-4", "bird-2"]
    plans = plan_outputs(photos[:2], "out/", json=True, turntable="turn/")
    assert names(plans) == [
        ["out/bird.glb", "out/bird.json", "turn/bird.gif"],
        ["out/bird-2.glb", "out/bird-2.json", "turn/bird-2.gif"],
    ]


@pytest.mark.parametrize(
    ("photos", "output", "turntable", "message"),
    [
        (["a.jpg", "b.jpg"], "x.glb", None, "one file for 2 photos"),
        (["a.jpg", "b.jpg"], "out/", "t.gif", "one file for 2 photos"),
        (["a.jpg"], "x.obj", None, "ends in .glb"),
        (["a.jpg"], "x.glb", "t.mp4", "ends in .gif"),
    ],
)
def test_names_that_do_not_fit(photos: list[str], output: str, turntable: str | None, message: str) -> None:
    with pytest.raises(OutputError, match=message):
        plan_outputs([Path(photo) for photo in photos], output, turntable=turntable)


def test_check(tmp_path: Path) -> None:
    existing = tmp_path / "x.glb"
    existing.write_bytes(b"old")
    outputs = Outputs(existing, None, None)
    with pytest.raises(OutputError, match="pass --force"):
        outputs.check(force=False)
    outputs.check(force=True)
    with pytest.raises(OutputError, match="is a folder"):
        Outputs(tmp_path, None, None).check(force=True)
    with pytest.raises(OutputError, match="not a folder"):
        Outputs(existing / "sub" / "y.glb", None, None).check(force=True)
    Outputs(tmp_path / "new" / "deep" / "y.glb", None, None).check(force=False)
    assert not (tmp_path / "new").exists()
