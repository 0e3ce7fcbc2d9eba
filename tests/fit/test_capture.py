"""Readers of cameras: every format describes the same views; what is wrong is said clearly."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unrender.data.capture import load_capture
from unrender.errors import ImageError, InputError
from unrender.rotation import log


def _quaternion(matrix: np.ndarray) -> list[float]:
    vector = log(matrix)
    angle = float(np.linalg.norm(vector))
    axis = vector / max(angle, 1e-12)
    return [math.cos(angle / 2), *(math.sin(angle / 2) * axis)]


def _copy(scan: Path, target: Path) -> dict:
    shutil.copytree(scan / "images", target / "images")
    return json.loads((scan / "cameras.json").read_text())


def _same(first: Path, second: Path) -> None:
    ours, theirs = load_capture(first), load_capture(second)
    assert len(ours) == len(theirs)
    points = np.random.default_rng(0).normal(size=(20, 3)) * 0.05 + [0.1, -0.06, 0.16]
    for a, b in zip(ours.shots, theirs.shots, strict=True):
        np.testing.assert_allclose(a.camera.project(points)[0], b.camera.project(points)[0], atol=1e-4)
        np.testing.assert_array_equal(a.read()[0], b.read()[0])


def test_projection_is_that_of_k_r_t(scan: Path) -> None:
    view = json.loads((scan / "cameras.json").read_text())["views"][3]
    point = np.array([0.12, -0.05, 0.17])
    u, v, w = np.array(view["K"]) @ (np.array(view["R"]) @ point + np.array(view["t"]))
    pixels, depth = load_capture(scan).shots[3].camera.project(point)
    np.testing.assert_allclose(pixels, [u / w, v / w], atol=1e-9)
    assert depth == pytest.approx(w)


def test_pixel_centre_origin_shifts_by_half(scan: Path, tmp_path: Path) -> None:
    record = _copy(scan, tmp_path)
    del record["pixel_origin"]
    record["convention"] = "OpenCV; pixel origin at the top-left pixel center"
    (tmp_path / "cameras.json").write_text(json.dumps(record))
    corner, centre = load_capture(scan).shots[0].camera, load_capture(tmp_path).shots[0].camera
    assert centre.cx - corner.cx == pytest.approx(0.5) and centre.cy - corner.cy == pytest.approx(0.5)


def test_nerf_transforms(scan: Path, tmp_path: Path) -> None:
    record = _copy(scan, tmp_path)
    frames = []
    for view in record["views"]:
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = view["R"], view["t"]
        to_world = np.linalg.inv(pose) @ np.diag([1.0, -1, -1, 1])
        frames.append({"file_path": "./" + view["file"][:-4], "transform_matrix": to_world.tolist()})
    angle = 2 * math.atan(32 / record["views"][0]["K"][0][0])
    (tmp_path / "transforms.json").write_text(json.dumps({"camera_angle_x": angle, "frames": frames}))
    _same(scan, tmp_path)


def test_colmap_text(scan: Path, tmp_path: Path) -> None:
    record = _copy(scan, tmp_path)
    model = tmp_path / "sparse" / "0"
    model.mkdir(parents=True)
    focal = record["views"][0]["K"][0][0]
    (model / "cameras.txt").write_text(f"# comment\n1 SIMPLE_PINHOLE 64 64 {focal} 32 32\n")
    lines = []
    for number, view in enumerate(record["views"]):
        numbers = [*_quaternion(np.array(view["R"])), *view["t"]]
        lines += [f"{number} {' '.join(map(repr, map(float, numbers)))} 1 {Path(view['file']).name}", ""]
    (model / "images.txt").write_text("# two lines an image\n" + "\n".join(lines) + "\n")
    _same(scan, tmp_path)
    (model / "cameras.txt").write_text(f"1 OPENCV 64 64 {focal} {focal} 32 32 0.1 0 0 0\n")
    with pytest.raises(InputError, match="lens distortion"):
        load_capture(tmp_path)


def test_masks_may_be_files(scan: Path, tmp_path: Path) -> None:
    record = _copy(scan, tmp_path)
    (tmp_path / "cameras.json").write_text(json.dumps(record))
    (tmp_path / "masks").mkdir()
    for path in (tmp_path / "images").iterdir():
        picture = Image.open(path)
        picture.getchannel("A").point(lambda a: 255 * (a > 127)).save(tmp_path / "masks" / path.name)
        picture.convert("RGB").save(path)
    ours = load_capture(tmp_path).shots[0].read()[1]
    assert ((ours > 0.5) == (load_capture(scan).shots[0].read()[1] > 0.5)).mean() > 0.999


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["views"][0].pop("K"), "K"),
        (lambda r: r["views"][0].update(R=[[1, 0, 0], [0, 1, 0], [0, 0, -1]]), "no rotation"),
        (lambda r: r["views"][0].update(t=[float("nan"), 0, 0]), "NaN"),
        (lambda r: r["views"][0].update(K=[[60, 5, 32], [0, 60, 32], [0, 0, 1]]), "skew"),
        (lambda r: (r.pop("pixel_origin"), r.update(convention="mine")), "convention"),
        (lambda r: r.update(views=[]), "no photos"),
        (lambda r: r["views"].append(r["views"][0]), "more than once"),
        (lambda r: r["views"][0].update(file="images/none.png"), "no such photo"),
    ],
)
def test_bad_cameras(scan: Path, tmp_path: Path, change, message: str) -> None:
    record = _copy(scan, tmp_path)
    change(record)
    (tmp_path / "cameras.json").write_text(json.dumps(record))
    with pytest.raises((InputError, ImageError), match=message):
        load_capture(tmp_path)


def test_missing_mask_and_wrong_shape(scan: Path, tmp_path: Path) -> None:
    record = _copy(scan, tmp_path)
    (tmp_path / "cameras.json").write_text(json.dumps(record))
    path = tmp_path / record["views"][0]["file"]
    Image.open(path).convert("RGB").save(path)
    with pytest.raises(ImageError, match="no mask"):
        load_capture(tmp_path).shots[0].read()
    Image.open(path).resize((64, 48)).save(path)
    with pytest.raises(InputError, match="another shape"):
        load_capture(tmp_path).shots[0].read()


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no cameras"):
        load_capture(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        load_capture(tmp_path / "none")
