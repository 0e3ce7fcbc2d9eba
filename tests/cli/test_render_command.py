"""`unrender render`: what the files hold, against geometry worked out by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from unrender.camera import Camera, look_at
from unrender.cli.main import main


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A box 2 x 1 x 1, off the origin, as PLY."""
    mesh = trimesh.creation.box((2.0, 1.0, 1.0))
    mesh.apply_translation([5.0, 1.0, -2.0])
    mesh.export(tmp_path / "box.ply")
    return tmp_path / "box.ply"


def _extent(mask: np.ndarray) -> tuple[int, int]:
    return int((mask > 127).any(0).sum()), int((mask > 127).any(1).sum())


@pytest.mark.parametrize(("azimuth", "ratio"), [(0, 2.0), (90, 1.0), (180, 2.0)])
def test_orbit_sees_the_right_side(box: Path, tmp_path: Path, azimuth: float, ratio: float) -> None:
    out = tmp_path / "mask.png"
    angles = ["--azimuth", str(azimuth), "--elevation", "0", "--distance", "20"]
    assert main(["render", str(box), "--mask", str(out), *angles, "--fov", "10", "--size", "200"]) == 0
    width, height = _extent(np.asarray(Image.open(out)))
    assert width / height == pytest.approx(ratio, rel=0.06)
    near = 19.5 if azimuth in (0, 180) else 19.0
    assert height == pytest.approx(200 / (2 * math.tan(math.radians(5))) / near, abs=1.5)


def test_camera_file_depth_and_normals(box: Path, tmp_path: Path) -> None:
    camera = Camera(
        80, 60, 90.0, 90.0, 40.0, 30.0, look_at(np.array([5.0, 1.0, 2.0]), np.array([5.0, 1.0, -2.0]))
    )
    (tmp_path / "camera.json").write_text(json.dumps({"camera": camera.to_json()}))
    depth, normals = tmp_path / "d.npy", tmp_path / "n.npy"
    arguments = ["--camera", str(tmp_path / "camera.json"), "--depth", str(depth), "--normals", str(normals)]
    assert main(["render", str(box), *arguments]) == 0
    values = np.load(depth)
    assert values.shape == (60, 80) and values[30, 40] == pytest.approx(3.5, abs=1e-4) and values[0, 0] == 0
    assert np.load(normals).shape == (60, 80, 3)
    assert np.load(normals)[30, 40, 2] > 0.9


def test_picture_is_transparent_or_on_its_background(box: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    assert main(["render", str(box), "-o", str(out), "--size", "64x48"]) == 0
    picture = Image.open(out)
    assert picture.size == (64, 48) and picture.mode == "RGBA" and picture.getpixel((0, 0))[3] == 0
    assert (
        main(["render", str(box), "-o", str(out), "--size", "64", "--background", "ff0000", "--force"]) == 0
    )
    assert Image.open(out).getpixel((0, 0)) == (255, 0, 0)


def test_turntable_turns_left_side_next(tmp_path: Path) -> None:
    """A red left side (+X): it fills the frame a quarter turn after the front."""
    mesh = trimesh.creation.box((1.0, 1.0, 1.0))
    mesh.unmerge_vertices()
    colours = np.tile([0, 0, 255, 255], (len(mesh.faces), 1)).astype(np.uint8)
    colours[mesh.face_normals[:, 0] > 0.9] = [255, 0, 0, 255]
    mesh.visual.face_colors = colours
    mesh.export(tmp_path / "cube.ply")
    out = tmp_path / "turn.png"
    angles = ["--azimuth", "0", "--elevation", "0", "--frames", "4", "--size", "32", "--light", "none"]
    assert main(["render", str(tmp_path / "cube.ply"), "--turntable", str(out), *angles]) == 0
    sheet = np.asarray(Image.open(out))
    frames = [sheet[y : y + 32, x : x + 32] for y in (0, 32) for x in (0, 32)]
    red = [int(((frame[..., 0] > 200) & (frame[..., 2] < 60)).sum()) for frame in frames]
    assert red[1] > 100 and red[0] == red[2] == red[3] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["none.ply"], ["box.ply", "-o", "a.txt"], ["box.ply", "--size", "3"],
        ["box.ply", "--camera", "no.json"], ["box.ply", "--background", "red"],
        ["box.ply", "--distance", "0.1"], ["box.ply", "--depth", "d.jpg"],
    ],
)  # fmt: skip
def test_errors_are_one_line(
    box: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(box.parent)
    assert main(["render", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert sorted(path.name for path in box.parent.iterdir()) == ["box.ply"]
