"""POST /reconstruct and its neighbours: answers, refusals, limits."""

from __future__ import annotations

import io
import json
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
import trimesh
from conftest import running
from PIL import Image

from unrender.errors import InputError
from unrender.image import photo_from_array
from unrender.reconstruct import Reconstructor
from unrender.refine import Refiner
from unrender.viewer.settings import Limits, Settings


def _post(address: str, data: bytes, **form: str) -> httpx.Response:
    query = {"format": form.pop("format")} if "format" in form else {}
    return httpx.post(
        f"{address}reconstruct", files={"photo": ("bird.png", data)}, data=form, params=query, timeout=60
    )


def _png(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def test_record_and_files(server: str, picture: np.ndarray, picture_file: bytes, reconstructor) -> None:
    answer = _post(server, picture_file)
    assert answer.status_code == 200, answer.text
    record = answer.json()
    expected = reconstructor(picture)
    np.testing.assert_allclose(record["crop"], expected.crop, atol=1e-2)
    np.testing.assert_allclose(
        record["camera"]["world_to_camera"], expected.camera.world_to_camera, atol=1e-6
    )
    assert record["image"] == {"path": None, "width": 240, "height": 240}
    assert {"glb", "obj", "ply", "stl"} <= set(record["files"])
    glb = httpx.get(f"{server}{record['files']['glb']}")
    assert glb.headers["content-type"] == "model/gltf-binary"
    assert glb.content == expected.glb
    stl = httpx.get(f"{server}{record['files']['stl']}").content
    loaded = trimesh.load(io.BytesIO(stl), file_type="stl", process=False)
    assert len(loaded.faces) == len(expected.mesh.faces)
    np.testing.assert_allclose(loaded.bounds, expected.mesh.bounds(), atol=1e-6)


def test_mesh_file_at_once(server: str, picture: np.ndarray, picture_file: bytes, reconstructor) -> None:
    answer = _post(server, picture_file, format="glb", loop="false", box="30,30,180,170")
    assert answer.status_code == 200 and answer.content[:4] == b"glTF"
    assert answer.content == reconstructor(picture, loop=False, box=(30, 30, 180, 170)).glb


def test_point_chooses_the_part_that_was_clicked(server: str, picture_file: bytes) -> None:
    left, right = Image.open(io.BytesIO(picture_file)), Image.open(io.BytesIO(picture_file))
    both = np.concatenate([np.asarray(left), np.asarray(right)[:, ::-1]], 1)
    crops = []
    for point in ("120,120", "360,120"):
        answer = _post(server, _png(both), point=point)
        assert answer.status_code == 200, answer.text
        x, _, side = answer.json()["crop"]
        crops.append(x + side / 2)
    assert 60 < crops[0] < 200 and 280 < crops[1] < 420, crops


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"box": "1,2,3"}, "bad_argument"),
        ({"box": "nan,0,10,10"}, "bad_argument"),
        ({"box": "9000,0,10,10"}, "bad_argument"),
        ({"point": "here"}, "bad_argument"),
        ({"category": "unicorn"}, "bad_argument"),
        ({"appearance": "shiny"}, "bad_argument"),
        ({"loop": "perhaps"}, "bad_argument"),
        ({"format": "blend"}, "bad_argument"),
    ],
)
def test_wrong_arguments(server: str, picture_file: bytes, form: dict[str, str], code: str) -> None:
    answer = _post(server, picture_file, **form)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == code and len(answer.json()["reason"]) > 10


def test_refused_pictures(server: str) -> None:
    text = _post(server, b"hello, this is a text file\n" * 40)
    assert (text.status_code, text.json()["code"]) == (422, "bad_picture")
    assert "/tmp" not in text.text and "unrender-" not in text.text  # says nothing about this machine
    flat = _post(server, _png(np.full((40, 40, 3), 128, np.uint8)))
    assert flat.status_code == 422 and "one colour" in flat.json()["reason"]
    header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    bomb = _png(np.zeros((8, 8, 3), np.uint8))[:8] + struct.pack(">I", 13) + header
    large = _post(server, bomb + struct.pack(">I", zlib.crc32(header)) + struct.pack(">I", 9) + b"IDAT")
    assert (large.status_code, large.json()["code"]) == (413, "too_many_pixels")


def test_fifty_megabytes_are_refused_readably(server: str) -> None:
    for sender in ("declared", "chunked"):
        body = b"0" * 50_000_000
        if sender == "declared":
            answer = _post(server, body)
        else:
            head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\n\r\n'

            def pieces(head: bytes = head, body: bytes = body):
                yield head
                for start in range(0, len(body), 1 << 20):
                    yield body[start : start + (1 << 20)]

            content_type = {"content-type": "multipart/form-data; boundary=x"}
            answer = httpx.post(f"{server}reconstruct", content=pieces(), headers=content_type, timeout=60)
        assert answer.status_code == 413, (sender, answer.text)
        assert answer.json() == {
            "code": "upload_too_large",
            "reason": "The file is larger than 20 MB. Use a smaller picture.",
        }


def test_results_are_forgotten(reconstructor: Reconstructor, picture_file: bytes) -> None:
    with running(reconstructor, Settings(limits=Limits(max_results=1))) as address:
        first = _post(address, picture_file).json()["files"]["glb"]
        second = _post(address, picture_file).json()["files"]["glb"]
        assert httpx.get(f"{address}{first}").status_code == 404
        assert httpx.get(f"{address}{second}").status_code == 200
        assert httpx.get(f"{address}results/../../etc/passwd").status_code == 404


def test_refinement_tells_how_it_goes(
    server: str, picture: np.ndarray, picture_file: bytes, reconstructor: Reconstructor
) -> None:
    photo = photo_from_array(picture)
    Refiner(reconstructor).refine(photo, reconstructor(photo), "1it")  # compiles
    with httpx.stream(
        "POST",
        f"{server}refine",
        files={"photo": ("bird.png", picture_file)},
        data={"seconds": "3"},
        timeout=120,
    ) as answer:
        assert answer.status_code == 200
        events = [json.loads(line) for line in answer.iter_lines()]
    shares = [event["share"] for event in events[:-1]]
    assert shares == sorted(shares) and shares[0] > 0 and shares[-1] <= 1
    record = events[-1]["record"]
    assert record["timings_ms"]["refine"] > 0
    assert httpx.get(f"{server}{record['files']['glb']}").content[:4] == b"glTF"


def test_refinement_refuses_like_the_rest(server: str, picture_file: bytes) -> None:
    for data, form, status in (
        (b"no picture", {}, 422),
        (picture_file, {"seconds": "0"}, 422),
        (picture_file, {"seconds": "99"}, 422),
        (picture_file, {"box": "1"}, 422),
    ):
        answer = httpx.post(f"{server}refine", files={"photo": data}, data=form, timeout=60)
        assert answer.status_code == status and set(answer.json()) == {"code", "reason"}, answer.text


class Slow:
    """In place of a reconstructor: waits until it may fail."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.runtime = SimpleNamespace(card={"name": "slow", "version": "0"})

    def __call__(self, photo: object, **options: object) -> None:
        self.go.wait(30)
        raise InputError("category: nothing is known")


def test_full_queue(picture_file: bytes) -> None:
    slow = Slow()
    settings = Settings(workers=1, limits=Limits(max_queue=1))
    with running(slow, settings) as address, ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(_post, address, picture_file) for _ in range(2)]
        deadline = time.monotonic() + 20
        while "\nunrender_queue_photos 2.0" not in httpx.get(f"{address}metrics").text:
            assert time.monotonic() < deadline
        refused = _post(address, picture_file)
        assert refused.status_code == 429 and refused.json()["code"] == "queue_full"
        assert int(refused.headers["retry-after"]) > 0
        slow.go.set()
        assert [future.result().status_code for future in waiting] == [422, 422]
        assert _post(address, picture_file).status_code == 422  # and it goes on


def test_time_limit(picture_file: bytes) -> None:
    slow = Slow()
    with running(slow, Settings(workers=1, limits=Limits(max_seconds=0.5))) as address:
        answer = _post(address, picture_file)
        assert (answer.status_code, answer.json()["code"]) == (503, "timeout")
        slow.go.set()


def test_health_metrics_and_description(server: str, picture_file: bytes) -> None:
    _post(server, picture_file)
    health = httpx.get(f"{server}health").json()
    assert health["status"] == "ok" and health["model"]["name"]
    lines = httpx.get(f"{server}metrics").text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert float(values['unrender_requests_total{route="/reconstruct",status="200"}']) >= 1
    assert float(values['unrender_stage_seconds_count{stage="network"}']) >= 1
    assert float(values["unrender_queue_photos"]) == 0
    paths = httpx.get(f"{server}openapi.json").json()["paths"]
    responses = paths["/reconstruct"]["post"]["responses"]
    assert {"200", "413", "422", "429", "503"} <= set(responses)


def test_other_names_are_refused(server: str) -> None:
    answer = httpx.get(f"{server}health", headers={"host": "rebound.example"})
    assert answer.status_code == 421
    assert httpx.get(f"{server}health", headers={"host": "localhost:1"}).status_code == 200


def test_security_headers(server: str) -> None:
    page = httpx.get(server)
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"


def test_settings_are_checked() -> None:
    for wrong in ({"max_bytes": 0}, {"max_queue": -1}, {"max_seconds": -3.0}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            Limits(**wrong)
    with pytest.raises(InputError, match="port"):
        Settings(port=70_000)
    with pytest.raises(InputError, match="workers"):
        Settings(workers=0)
