"""500 broken uploads: each gets a 4xx with a reason, and the server goes on."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterator

import httpx
import numpy as np
from PIL import Image

COUNT = 500


def _is_broken(data: bytes) -> bool:
    """Whether Pillow alone cannot read it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Image.open(io.BytesIO(data)).load()
    except Exception:
        return True
    return False


def _form(data: bytes) -> tuple[bytes, str]:
    head = b'--xyz\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    return head + data + b"\r\n--xyz--\r\n", "multipart/form-data; boundary=xyz"


def _files(rng: np.random.Generator) -> Iterator[bytes]:
    """Damaged picture files, endlessly."""
    pixels = rng.integers(0, 255, (37, 53, 3), dtype=np.uint8)
    originals = []
    for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM"):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, kind)
        originals.append(stream.getvalue())
    while True:
        data = bytearray(originals[rng.integers(len(originals))])
        kind = rng.integers(5)
        if kind == 0:  # cut short
            data = data[: rng.integers(0, len(data))]
        elif kind == 1:  # a damaged header
            for at in rng.integers(0, min(64, len(data)), 12):
                data[at] = rng.integers(256)
        elif kind == 2:  # a hole
            start = rng.integers(0, len(data))
            del data[start : start + rng.integers(1, len(data))]
        elif kind == 3:  # no picture at all
            data = bytearray(rng.bytes(int(rng.integers(0, 3000))))
        else:  # a right beginning, then noise
            data[rng.integers(8, 40) :] = rng.bytes(800)
        yield bytes(data)


def _requests(rng: np.random.Generator) -> Iterator[tuple[bytes, str]]:
    """Damaged requests, then damaged files."""
    body, kind = _form(b"no picture")
    for cut in range(0, len(body) - 1, 9):
        yield body[:cut], kind
    yield body, "multipart/form-data"
    yield body, "multipart/form-data; boundary=abc"
    yield body, "application/x-www-form-urlencoded"
    yield body, "image/jpeg"
    yield json.dumps({"photo": "a.jpg"}).encode(), "application/json"
    yield b"photo=a.jpg&box=1", "application/x-www-form-urlencoded"
    yield body.replace(b"photo", b"picture"), kind
    yield body.replace(b'; filename="a.jpg"', b""), kind
    yield body.replace(b"a.jpg", "ä/../\x00".encode()), kind
    for data in _files(rng):
        if _is_broken(data):
            yield _form(data)


def test_five_hundred_broken_uploads(server: str, picture_file: bytes) -> None:
    rng = np.random.default_rng(0)
    seen: dict[int, int] = {}
    with httpx.Client(timeout=60) as client:
        requests = _requests(rng)
        for number in range(COUNT):
            body, kind = next(requests)
            answer = client.post(f"{server}reconstruct", content=body, headers={"content-type": kind})
            assert 400 <= answer.status_code < 500, (number, kind, body[:80], answer.text)
            assert set(answer.json()) == {"code", "reason"}, (number, answer.text)
            assert "Traceback" not in answer.text and "/tmp" not in answer.text
            seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        assert client.get(f"{server}health").status_code == 200
        good = client.post(f"{server}reconstruct", files={"photo": picture_file})
        assert good.status_code == 200, good.text
    assert sum(seen.values()) == COUNT and seen[422] > 300, seen
