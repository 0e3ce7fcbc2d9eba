"""The browser alone gives what Python gives with --no-loop: same vertices, camera, light and texture."""

from __future__ import annotations

import io
import json
import struct

import numpy as np
import pytest
from conftest import reconstruct_in_browser, render_picture
from PIL import Image

from unrender.reconstruct import Reconstructor
from unrender.viewer.choose import box_at

VERTEX, CAMERA, TEXTURE = 2e-6, 5e-6, 2
"""Largest differences: object radii, matrix entries, and 8-bit levels of the texture."""


def _read(data: bytes) -> dict[str, np.ndarray]:
    (length,) = struct.unpack_from("<I", data, 12)
    document, binary = json.loads(data[20 : 20 + length]), data[28 + length :]
    primitive = document["meshes"][0]["primitives"][0]

    def values(index: int) -> np.ndarray:
        entry = document["accessors"][index]
        view = document["bufferViews"][entry["bufferView"]]
        kind = {5126: "<f4", 5123: "<u2"}[entry["componentType"]]
        width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}[entry["type"]]
        return np.frombuffer(binary, kind, entry["count"] * width, view["byteOffset"]).reshape(-1, width)

    view = document["bufferViews"][document["images"][0]["bufferView"]]
    image = binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    arrays = {name: values(index) for name, index in primitive["attributes"].items()}
    arrays["indices"] = values(primitive["indices"])
    arrays["texture"] = np.asarray(Image.open(io.BytesIO(image)).convert("RGB")).astype(int)
    return arrays


def _cut_out(picture: np.ndarray) -> np.ndarray:
    """The picture with its middle opaque and the rest transparent black."""
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    inside = np.hypot(rows - 120, (columns - 120) * 0.8) < 70
    return np.dstack([picture * inside[..., None], np.uint8(255) * inside]).astype(np.uint8)


CASES = {
    "square": (lambda p: p, {}),
    "wide": (lambda p: p[30:200], {}),
    "large": (lambda p: np.asarray(Image.fromarray(p).resize((1300, 1300), Image.Resampling.BICUBIC)), {}),
    "box": (lambda p: p, {"box": {"x": 20, "y": 30, "width": 190, "height": 170}}),
    "lit": (lambda p: p, {"appearance": "photo"}),
    "cut out": (_cut_out, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_browser_equals_python(static_page, reconstructor: Reconstructor, case: str) -> None:
    change, options = CASES[case]
    picture = change(render_picture(500_041, azimuth=40.0))
    got = reconstruct_in_browser(static_page, picture, {**options, "loop": False})
    settings = dict(options)
    if "box" in options:
        settings["box"] = tuple(options["box"].values())
    expected = reconstructor(picture, loop=False, **settings)

    mesh, other = _read(got["glb"]), _read(expected.glb)
    np.testing.assert_array_equal(mesh["indices"], other["indices"])
    np.testing.assert_array_equal(mesh["TEXCOORD_0"], other["TEXCOORD_0"])
    differences = {
        "vertices": np.abs(mesh["POSITION"] - other["POSITION"]).max(),
        "normals": np.abs(mesh["NORMAL"] - other["NORMAL"]).max(),
        "texture": np.abs(mesh["texture"] - expected.texture).max(),
        "camera": np.abs(
            np.array(got["record"]["camera"]["world_to_camera"]) - expected.camera.world_to_camera
        ).max(),
        "focal": abs(got["record"]["camera"]["fx"] / expected.camera.fx - 1),
        "centre": abs(got["record"]["camera"]["cx"] - expected.camera.cx),
        "light": np.abs(np.array(got["record"]["light"]["sh9"]) - expected.light).max(),
        "confidence": abs(got["record"]["confidence"] - expected.confidence),
    }
    print(case, {name: float(f"{value:.2g}") for name, value in differences.items()})
    assert differences["vertices"] < VERTEX and differences["normals"] < 5e-5, differences
    assert differences["camera"] < CAMERA and differences["focal"] < 1e-9, differences
    assert differences["centre"] < 1e-6 and differences["light"] < 1e-4, differences
    assert differences["texture"] <= TEXTURE, differences
    assert differences["confidence"] < 1e-5, differences
    if case == "square":
        from unrender.image import photo_from_array

        box = box_at(reconstructor.runtime, photo_from_array(picture), 110, 100)
        np.testing.assert_allclose(got["box"], box, atol=1e-9)
