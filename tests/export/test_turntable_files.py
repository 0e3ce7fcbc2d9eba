"""Turntables read back with Pillow."""

import numpy as np
import pytest
from PIL import Image, ImageSequence

from unrender.errors import InputError, OutputError
from unrender.export import write_turntable


def _frames(count=12, height=40, width=60):
    frames = np.full((count, height, width, 3), 240, np.uint8)
    for i in range(count):
        frames[i, 10:30, 3 * i : 3 * i + 10] = [200, 40, 15 * i]
    return frames


def test_gif(tmp_path):
    frames = _frames()
    write_turntable(tmp_path / "t.gif", frames, fps=24)
    with Image.open(tmp_path / "t.gif") as picture:
        assert picture.info["loop"] == 0 and picture.n_frames == 12
        read, times = [], []
        for frame in ImageSequence.Iterator(picture):
            times.append(frame.info["duration"])
            read.append(np.asarray(frame.convert("RGB")))
    assert np.abs(np.stack(read).astype(int) - frames).max() <= 12
    assert sum(times) == pytest.approx(1000 * 12 / 24, abs=10) and set(times) <= {40, 50}


def test_sheet(tmp_path):
    frames = _frames(5)
    write_turntable(tmp_path / "t.PNG", frames)
    sheet = np.asarray(Image.open(tmp_path / "t.PNG"))
    assert sheet.shape == (80, 180, 3)
    np.testing.assert_array_equal(sheet[40:, 60:120], frames[4])
    assert (sheet[40:, 120:] == 255).all()
    write_turntable(tmp_path / "one.png", frames[:1])
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "one.png")), frames[0])


def test_one_frame_and_odd_sizes(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (3, 701, 999, 3), dtype=np.uint8)
    write_turntable(tmp_path / "big.gif", frames)
    write_turntable(tmp_path / "one.gif", _frames(1))
    with Image.open(tmp_path / "big.gif") as picture:
        assert picture.size == (999, 701)


@pytest.mark.parametrize(
    ("name", "frames", "fps", "message"),
    [
        ("t.avi", _frames(), 20, r"use one of \.gif, \.webp"),
        ("t.gif", _frames().astype(float), 20, "frames"),
        ("t.gif", _frames()[0], 20, "frames"),
        ("t.gif", _frames()[:0], 20, "frames"),
        ("t.gif", _frames(), 0, "fps"),
        ("t.gif", _frames(), 60, "fps"),
        ("t.gif", _frames(), float("nan"), "fps"),
    ],
)
def test_errors(tmp_path, name, frames, fps, message):
    with pytest.raises(InputError, match=message):
        write_turntable(tmp_path / name, frames, fps)
    with pytest.raises(OutputError):
        write_turntable("/proc/none/t.gif", _frames())
    assert list(tmp_path.iterdir()) == []
