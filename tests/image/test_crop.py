"""Square crops against an integral computed by brute force, and writing of files."""

import os
import stat
import threading

import numpy as np
import pytest
from PIL import Image

from unrender.errors import InputError, OutputError
from unrender.image import crop_square, write_atomic


def _ramp(height=90, width=120):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x + 0.5, y + 0.5, 0.5 * x - 0.25 * y], axis=-1).astype(np.float32)


@pytest.mark.parametrize(
    ("x", "y", "side", "size"),
    [(10, 10, 64, 64), (10.3, 20.8, 50.5, 32), (30.5, 12.25, 20, 64), (12, 5, 77.7, 13)],
)
def test_a_linear_picture_stays_linear(x, y, side, size):
    # Any symmetric filter keeps a ramp: sample (i, j) is the picture at the middle of its square.
    crop = crop_square(_ramp(), x, y, side, size)
    assert crop.shape == (size, size, 3) and crop.dtype == np.float32
    step = side / size
    u = x + (np.arange(size) + 0.5) * step
    v = y + (np.arange(size) + 0.5) * step
    np.testing.assert_allclose(crop[..., 0], np.broadcast_to(u, (size, size)), atol=0.08)
    np.testing.assert_allclose(crop[..., 1], np.broadcast_to(v[:, None], (size, size)), atol=0.08)


def test_large_pictures_too():
    # Blocks are averaged first; the places stay exact, also where the square leaves the picture.
    y, x = np.mgrid[0:1200, 0:1600].astype(np.float32)
    ramp = np.stack([x + 0.5, y + 0.5], axis=-1)
    for left, top, side, size in (
        (100.3, 50.7, 1100.2, 32),
        (-150.5, 20.25, 1000, 40),
        (700, 300.5, 1300, 50),
    ):
        crop = crop_square(ramp, left, top, side, size)
        centre = (np.arange(size) + 0.5) * side / size
        u, v = left + centre, top + centre
        clear = (u > 60) & (u < 1540), (v > 60) & (v < 1140)
        got = crop[clear[1]][:, clear[0]]
        np.testing.assert_allclose(got[..., 0], np.broadcast_to(u[clear[0]], got.shape[:2]), atol=1.5)
        np.testing.assert_allclose(
            got[..., 1], np.broadcast_to(v[clear[1]][:, None], got.shape[:2]), atol=1.5
        )
        assert crop[..., 0].min() >= 0.5 and crop[..., 0].max() <= 1600
    plain = np.full((900, 900, 3), 9, np.uint8)
    for place in (5000, -12000):
        assert (crop_square(plain, place, place, 9000, 20) == 9).all()
        assert (crop_square(plain, place, place, 9000, 20, fill=77) == 77).all()


def test_large_pictures_match_one_pass():
    rng = np.random.default_rng(3)
    coarse = Image.fromarray(rng.integers(0, 256, (60, 80, 3), dtype=np.uint8))
    picture = coarse.resize((1600, 1200), Image.Resampling.BICUBIC)
    for x, y, side, size in ((200.3, 100.8, 900, 40), (0, 0, 1200, 48), (700, 300, 900, 64)):
        box = (x, y, x + side, y + side)
        oracle = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR, box=box)).astype(int)
        gap = np.abs(crop_square(np.asarray(picture), x, y, side, size) - oracle)
        assert gap.mean() < 1.5 and gap.max() < 16


def test_whole_pixels_are_copied():
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    np.testing.assert_array_equal(crop_square(pixels, 20, 10, 32, 32), pixels[10:42, 20:52])
    outside = crop_square(pixels, -5, -7, 16, 16)
    rows, columns = np.clip(np.arange(-7, 9), 0, 49), np.clip(np.arange(-5, 11), 0, 69)
    np.testing.assert_array_equal(outside, pixels[rows][:, columns])
    filled = crop_square(pixels, 60, 40, 16, 16, fill=(1, 2, 3))
    np.testing.assert_array_equal(filled[:10, :10], pixels[40:, 60:])
    assert (filled[10:] == [1, 2, 3]).all() and (filled[:, 10:] == [1, 2, 3]).all()


def test_far_off_the_picture():
    pixels = np.full((10, 10, 3), 200, np.uint8)
    pixels[0, 0] = 50
    assert (crop_square(pixels, 500, 500, 20, 8) == 200).all()
    assert (crop_square(pixels, -500, -500, 20, 8) == 50).all()
    assert (crop_square(pixels, 500, -500, 20, 8, fill=7) == 7).all()


def test_anti_aliasing():
    # A fine checkerboard shrunk eight times is grey, without moire.
    board = ((np.indices((256, 256)).sum(0) % 2) * 255).astype(np.uint8)
    small = crop_square(np.repeat(board[..., None], 3, axis=2), 0, 0, 256, 32)
    assert np.abs(small.astype(int) - 127.5).max() <= 3
    off = crop_square(np.repeat(board[..., None], 3, axis=2), 3.3, 1.7, 200.4, 23)
    assert np.abs(off.astype(int) - 127.5).max() <= 6
    # The mean is kept.
    noise = np.random.default_rng(1).random((128, 128, 1)).astype(np.float32)
    assert crop_square(noise, 0, 0, 128, 16).mean() == pytest.approx(noise.mean(), abs=0.01)


def test_channels_and_dtypes():
    rng = np.random.default_rng(2)
    flat = rng.integers(0, 256, (30, 40), dtype=np.uint8)
    assert crop_square(flat, 1, 2, 20, 10).shape == (10, 10)
    for channels in (1, 2, 4):
        cube = np.repeat(flat[..., None], channels, axis=2)
        crop = crop_square(cube, 1, 2, 20, 10)
        assert crop.shape == (10, 10, channels)
        np.testing.assert_array_equal(crop[..., -1], crop_square(flat, 1, 2, 20, 10))
    mask = flat > 100
    np.testing.assert_array_equal(crop_square(mask, 1, 2, 20, 20) > 127, mask[2:22, 1:21])


@pytest.mark.parametrize(
    "arguments",
    [(0, 0, 0, 8), (0, 0, -5, 8), (np.nan, 0, 5, 8), (0, np.inf, 5, 8), (0, 0, 1e9, 8), (0, 0, 5, 0)],
)
def test_bad_boxes(arguments):
    with pytest.raises(InputError, match="crop"):
        crop_square(np.zeros((20, 20, 3), np.uint8), *arguments)


def test_bad_pixels():
    for pixels in (np.zeros((0, 5, 3), np.uint8), np.zeros((5, 5, 3)), np.zeros(5, np.uint8)):
        with pytest.raises(InputError, match="pixels"):
            crop_square(pixels, 0, 0, 4, 4)


def test_write_atomic(tmp_path):
    path = tmp_path / "new" / "deep" / "x.bin"
    write_atomic(path, b"one")
    assert path.read_bytes() == b"one"
    write_atomic(str(path), b"two")
    assert path.read_bytes() == b"two" and os.listdir(path.parent) == ["x.bin"]
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    link = tmp_path / "link"
    link.symlink_to(path)
    write_atomic(link, b"three")
    assert link.is_symlink() and path.read_bytes() == b"three"
    write_atomic("/dev/null", b"gone")


def test_write_atomic_failures_leave_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"old")
    for bad in (tmp_path, tmp_path / "file" / "x.glb", "/proc/nothing/x.glb", str(tmp_path / "sub") + os.sep):
        with pytest.raises(OutputError) as caught:
            write_atomic(bad, b"data")
        assert str(bad) in str(caught.value) and "\n" not in str(caught.value)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        write_atomic(tmp_path / "made" / "x.glb", b"data")
    with pytest.raises(OutputError, match="No space left"):
        write_atomic(tmp_path / "file", b"data")
    assert os.listdir(tmp_path) == ["file"] and (tmp_path / "file").read_bytes() == b"old"


def test_concurrent_writers_never_mix(tmp_path):
    path = tmp_path / "x"
    threads = [
        threading.Thread(target=lambda c=c: [write_atomic(path, bytes([c]) * 50000) for _ in range(20)])
        for c in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    data = path.read_bytes()
    assert len(data) == 50000 and len(set(data)) == 1 and os.listdir(tmp_path) == ["x"]
