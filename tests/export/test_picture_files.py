"""WebP and MP4 turntables, depth and normal maps, read back by other libraries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unrender.errors import InputError, MissingExtraError
from unrender.export import write_depth, write_normals, write_turntable


def frames(count: int = 6) -> np.ndarray:
    """Red above, blue below, brighter from frame to frame; an odd height."""
    pictures = np.zeros((count, 41, 48, 3), np.uint8)
    for index in range(count):
        pictures[index, :20, :, 0] = 100 + 25 * index
        pictures[index, 20:, :, 2] = 100 + 25 * index
    return pictures


def test_webp(tmp_path: Path) -> None:
    write_turntable(tmp_path / "t.webp", frames(), fps=12.5)
    with Image.open(tmp_path / "t.webp") as picture:
        assert picture.n_frames == 6 and picture.info["loop"] == 0 and picture.size == (48, 41)
        picture.seek(3)
        shown = np.asarray(picture.convert("RGB")).astype(int)
        assert picture.info["duration"] == 80
    assert np.abs(shown - frames()[3]).mean() < 6 and shown[5, 5, 0] > 100 > shown[35, 5, 0]


def test_mp4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    av = pytest.importorskip("av")
    write_turntable(tmp_path / "t.mp4", frames(), fps=12)
    with av.open(str(tmp_path / "t.mp4")) as container:
        (video,) = container.streams.video
        assert video.codec_context.name == "h264" and video.average_rate == 12
        shown = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video)]
    assert len(shown) == 6 and shown[0].shape == (40, 48, 3)
    assert np.abs(np.stack(shown) - frames()[:, :40])[:, 4:16].mean() < 12
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"unrender\[video\]"):
        write_turntable(tmp_path / "u.mp4", frames())


def test_depth(tmp_path: Path) -> None:
    depth = np.zeros((5, 7), np.float32)
    depth[1:4, 2:6] = np.linspace(2, 3.5, 12).reshape(3, 4)
    write_depth(tmp_path / "d.npy", depth)
    np.testing.assert_array_equal(np.load(tmp_path / "d.npy"), depth)
    write_depth(tmp_path / "d.png", depth)
    with Image.open(tmp_path / "d.png") as picture:
        near, far = float(picture.text["near"]), float(picture.text["far"])
        values = np.asarray(picture).astype(float)
    assert (near, far) == (2, 3.5) and values[1, 2] == 65535 and values[3, 5] == 1
    there = values > 0
    np.testing.assert_array_equal(there, depth > 0)
    back = near + (65535 - values) / 65534 * (far - near)
    np.testing.assert_allclose(back[there], depth[there], atol=1.5 / 65534)
    write_depth(tmp_path / "empty.png", depth * 0)
    assert not np.asarray(Image.open(tmp_path / "empty.png")).any()


def test_normals(tmp_path: Path) -> None:
    normals = np.zeros((3, 4, 3), np.float32)
    normals[0, 0], normals[1, 1], normals[2, 2] = [0, 0, 1], [-1, 0, 0], [0.6, -0.8, 0]
    write_normals(tmp_path / "n.npy", normals)
    np.testing.assert_array_equal(np.load(tmp_path / "n.npy"), normals)
    write_normals(tmp_path / "n.png", normals)
    with Image.open(tmp_path / "n.png") as picture:
        assert picture.mode == "RGBA"
        values = np.asarray(picture).astype(float)
    there = values[..., 3] == 255
    np.testing.assert_array_equal(there, (normals != 0).any(-1))
    np.testing.assert_allclose(values[there][:, :3] / 127.5 - 1, normals[there], atol=1 / 127)


@pytest.mark.parametrize("write", [write_depth, write_normals])
def test_errors_of_maps(write, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.png, \.npy"):
        write(tmp_path / "d.jpg", np.zeros((3, 3), np.float32))
    with pytest.raises(InputError, match="expected float"):
        write(tmp_path / "d.png", np.zeros((3, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []
