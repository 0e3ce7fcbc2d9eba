"""Bad input gives one line on stderr that names the file, status 2, no traceback and no output."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeReconstructor
from PIL import Image

from unrender.cli.main import main


def jpeg(size: tuple[int, int] = (64, 48)) -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(noise).save(stream, "JPEG")
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG of 8-bit RGB whose header promises a size that its data do not have."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def jpeg_of_no_size() -> bytes:
    data = bytearray(jpeg())
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = bytes(4)
    return bytes(data)


BAD_PHOTOS: dict[str, Callable[[], bytes]] = {
    "empty.jpg": lambda: b"",
    "text.jpg": lambda: b"these are words, not a picture\n" * 20,
    "truncated.jpg": lambda: jpeg()[:900],
    "cut_header.jpg": lambda: jpeg()[:40],
    "zero.png": lambda: png_header(0, 0),
    "zero.jpg": jpeg_of_no_size,
    "one_pixel.png": lambda: png(np.full((1, 1, 3), 90, np.uint8)),
    "bomb.png": lambda: png_header(30_000, 30_000),
    "transparent.png": lambda: png(np.zeros((40, 40, 4), np.uint8)),
    "one_colour.png": lambda: png(np.full((40, 40, 3), 128, np.uint8)),
    "line\nbreak.jpg": lambda: b"x",
}


def check(arguments: list[str], name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("unrender: error: ") and captured.err.count("\n") == 1, captured.err
    assert name in captured.err and "Traceback" not in captured.err


@pytest.mark.parametrize("name", BAD_PHOTOS)
def test_bad_photo(
    name: str, tmp_path: Path, fake: FakeReconstructor, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(BAD_PHOTOS[name]())
    output = tmp_path / "out" / "x.glb"
    check([str(path), "-o", str(output), "--json"], " ".join(name.split()), capsys)
    assert not output.parent.exists() and fake.calls == []


def test_missing_photo_and_folder(
    tmp_path: Path, fake: FakeReconstructor, capsys: pytest.CaptureFixture[str]
) -> None:
    check([str(tmp_path / "none.jpg"), "-o", str(tmp_path / "x.glb")], "none.jpg", capsys)
    check([str(tmp_path), "-o", str(tmp_path / "x.glb")], tmp_path.name, capsys)
    assert list(tmp_path.iterdir()) == []


def test_mask_of_another_size(
    photo: Path, fake: FakeReconstructor, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = photo.parent / "mask.png"
    mask.write_bytes(png(np.full((10, 10), 255, np.uint8)))
    output = photo.parent / "x.glb"
    check([str(photo), "-o", str(output), "--mask", str(mask)], "mask.png", capsys)
    mask.write_bytes(png(np.zeros((40, 60), np.uint8)))
    check([str(photo), "-o", str(output), "--mask", str(mask)], "mask.png", capsys)
    check([str(photo), "-o", str(output), "--mask", "gone.png"], "gone.png", capsys)
    assert not output.exists() and fake.calls == []


@pytest.mark.parametrize("output", ["/proc/no/x.glb", "bird.jpg/x.glb", "folder/"])
def test_unwritable_output(
    output: str,
    photo: Path,
    fake: FakeReconstructor,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(photo.parent)
    (photo.parent / "folder" / "bird.glb").mkdir(parents=True)
    before = sorted(photo.parent.rglob("*"))
    check(["bird.jpg", "-o", output, "--json"], output.split("/")[0], capsys)
    assert sorted(photo.parent.rglob("*")) == before


def test_process_has_status_2_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "unrender.cli.main", "gone.jpg", "-o", "x.glb"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("unrender: error: gone.jpg") and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
