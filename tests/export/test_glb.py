"""GLB files: structure byte by byte, an independent reader, and the Khronos validator."""

import io
import json
import shutil
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from unrender import __version__
from unrender.errors import InputError, MeshError, OutputError
from unrender.export import ExportOptions, mesh_to_glb, write_mesh
from unrender.mesh import Mesh, load_mesh
from unrender.template import make_template
from unrender.topology import is_consistently_wound, is_watertight, merge_vertices

ROOT = Path(__file__).resolve().parents[2]


def _painted(level=3, size=256):
    """A lopsided blob whose texture shows, at each texel, a colour that says where on the object it is."""
    template = make_template(level)
    vertices = template.vertices * [0.4, 0.5, 1.0] + 0.1 * np.sin(3 * template.vertices[:, [1, 2, 0]])
    face, weight = template.texels(size)
    corner = template.vertices[template.faces[np.maximum(face, 0)]]
    place = np.einsum("hwk,hwkc->hwc", weight, corner)
    texture = np.round((place * 0.45 + 0.5) * 255).clip(0, 255).astype(np.uint8)
    texture[face < 0] = 0
    return template, Mesh(
        vertices.astype(np.float32), template.faces, template.uvs, template.uv_faces, texture
    )


def _parse(data):
    magic, version, total = struct.unpack_from("<4sII", data)
    assert magic == b"glTF" and version == 2 and total == len(data)
    length, kind = struct.unpack_from("<I4s", data, 12)
    assert kind == b"JSON" and length % 4 == 0
    document = json.loads(data[20 : 20 + length])
    start = 20 + length
    size, kind = struct.unpack_from("<I4s", data, start)
    assert kind == b"BIN\0" and size % 4 == 0 and start + 8 + size == total
    return document, data[start + 8 :]


def _accessor(document, binary, index):
    entry = document["accessors"][index]
    view = document["bufferViews"][entry["bufferView"]]
    assert view["byteOffset"] % 4 == 0
    dtype = {5126: "<f4", 5123: "<u2", 5125: "<u4"}[entry["componentType"]]
    width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}[entry["type"]]
    array = np.frombuffer(binary, dtype, entry["count"] * width, view["byteOffset"])
    assert array.nbytes == view["byteLength"]
    return array.reshape(-1, width) if width > 1 else array


@pytest.mark.parametrize("texture_format", ["jpeg", "png"])
def test_contents(texture_format):
    template, mesh = _painted()
    document, binary = _parse(mesh_to_glb(mesh, texture_format=texture_format))
    assert document["asset"] == {"version": "2.0", "generator": f"unrender {__version__}"}
    assert "extensionsUsed" not in document
    (primitive,) = document["meshes"][0]["primitives"]
    position = _accessor(document, binary, primitive["attributes"]["POSITION"])
    normal = _accessor(document, binary, primitive["attributes"]["NORMAL"])
    uv = _accessor(document, binary, primitive["attributes"]["TEXCOORD_0"])
    index = _accessor(document, binary, primitive["indices"])
    assert index.dtype == np.uint16 and len(position) == len(template.uvs)
    faces = index.reshape(-1, 3)
    np.testing.assert_array_equal(position[faces], mesh.vertices[mesh.faces])
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(uv[faces][..., 0], mesh.uvs[mesh.uv_faces][..., 0])
    np.testing.assert_allclose(uv[faces][..., 1], 1 - mesh.uvs[mesh.uv_faces][..., 1], atol=1e-7)
    bounds = document["accessors"][primitive["attributes"]["POSITION"]]
    np.testing.assert_array_equal(np.float32(bounds["min"]), position.min(0))
    np.testing.assert_array_equal(np.float32(bounds["max"]), position.max(0))
    # Both copies of a seam vertex have the same normal: no visible seam.
    order = template.split_seam()
    for vertex in np.flatnonzero(np.bincount(order) == 2)[:20]:
        first, second = np.flatnonzero(order == vertex)
        np.testing.assert_array_equal(normal[first], normal[second])
    surface = document["materials"][0]["pbrMetallicRoughness"]
    assert surface["metallicFactor"] == 0 and surface["roughnessFactor"] == pytest.approx(0.9)
    image = document["images"][0]
    view = document["bufferViews"][image["bufferView"]]
    encoded = binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    decoded = Image.open(io.BytesIO(encoded))
    assert image["mimeType"] == f"image/{texture_format}" == f"image/{decoded.format.lower()}"
    gap = np.abs(np.asarray(decoded).astype(int) - mesh.texture)
    assert gap.max() == 0 if texture_format == "png" else gap.mean() < 2


def test_photo_appearance_is_unlit():
    _, mesh = _painted(1, 32)
    document, _ = _parse(mesh_to_glb(mesh, appearance="photo"))
    assert document["extensionsUsed"] == ["KHR_materials_unlit"]
    assert document["materials"][0]["extensions"] == {"KHR_materials_unlit": {}}


@pytest.mark.parametrize(("level", "texture_format"), [(3, "png"), (3, "jpeg"), (4, "png")])
def test_texture_is_not_flipped(tmp_path, level, texture_format):
    """Read with trimesh, sample the picture as glTF says, compare with the colour of the place."""
    template, mesh = _painted(level)
    path = tmp_path / "m.glb"
    path.write_bytes(mesh_to_glb(mesh, texture_format=texture_format))
    scene = trimesh.load_scene(path, process=False)
    (part,) = scene.geometry.values()
    image = np.asarray(part.visual.material.baseColorTexture.convert("RGB"))
    document, binary = _parse(path.read_bytes())
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    gltf_uv = _accessor(document, binary, attributes["TEXCOORD_0"])
    # glTF: (0, 0) is the first texel of the first row. trimesh hands out the bottom-left convention.
    np.testing.assert_allclose(part.visual.uv, gltf_uv * [1, -1] + [0, 1], atol=1e-6)
    centre = gltf_uv[part.faces].mean(1)
    size = len(image)
    column, row = (centre * size).astype(int).T
    expected = template.vertices[template.faces].mean(1) * 0.45 + 0.5
    assert np.abs(image[row, column] / 255 - expected).max() < (0.03 if texture_format == "png" else 0.08)
    # The test can tell: flipped either way it would be far off.
    assert np.abs(image[size - 1 - row, column] / 255 - expected).mean() > 0.1
    assert np.abs(image[row, size - 1 - column] / 255 - expected).mean() > 0.1


def test_reads_back_whole(tmp_path):
    for level in (3, 4):
        _, mesh = _painted(level)
        write_mesh(tmp_path / "m.glb", mesh, ExportOptions(texture_format="png"))
        back = load_mesh(tmp_path / "m.glb")
        assert len(back.vertices) == len(mesh.vertices)
        assert is_watertight(back.faces) and is_consistently_wound(back.faces)
        np.testing.assert_array_equal(back.vertices[back.faces], mesh.vertices[mesh.faces])
        np.testing.assert_allclose(back.uvs[back.uv_faces], mesh.uvs[mesh.uv_faces], atol=1e-6)
        np.testing.assert_array_equal(back.texture, mesh.texture)
        loaded = trimesh.load(tmp_path / "m.glb", force="mesh", process=False)
        _, merged, _ = merge_vertices(loaded.vertices, loaded.faces)
        assert is_watertight(merged) and is_consistently_wound(merged)


def test_colours_and_plain():
    template = make_template(1)
    colors = np.random.default_rng(0).random((42, 3)).astype(np.float32)
    mesh = Mesh(template.vertices, template.faces, vertex_colors=colors)
    document, binary = _parse(mesh_to_glb(mesh))
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    np.testing.assert_array_equal(_accessor(document, binary, attributes["COLOR_0"]), colors)
    document, _ = _parse(mesh_to_glb(Mesh(template.vertices, template.faces)))
    assert set(document["meshes"][0]["primitives"][0]["attributes"]) == {"POSITION", "NORMAL"}
    assert "images" not in document


def test_uv_vertices_shared_by_several_places():
    # One texture coordinate for the whole square: each corner still needs its own vertex.
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    texture = np.full((4, 4, 3), 90, np.uint8)
    mesh = Mesh(points, faces, np.array([[2.5, 0.5]]), faces * 0, texture)
    document, binary = _parse(mesh_to_glb(mesh))
    primitive = document["meshes"][0]["primitives"][0]
    position = _accessor(document, binary, primitive["attributes"]["POSITION"])
    index = _accessor(document, binary, primitive["indices"]).reshape(-1, 3)
    np.testing.assert_array_equal(position[index], points[faces])
    assert document["samplers"][0]["wrapS"] == 10497  # repeat, because uv leaves [0, 1]


def test_large_meshes_use_32_bit_indices():
    count = 65536
    points = np.random.default_rng(0).random((count, 3))
    faces = np.arange(count - 1)[:, None] + [0, 1, 0]
    faces[:, 2] = np.roll(np.arange(count - 1), 7)
    for used, dtype in ((count, np.uint32), (count - 1, np.uint16)):
        mesh = Mesh(points[:used], faces[: used - 1] % used)
        document, binary = _parse(mesh_to_glb(mesh))
        assert _accessor(document, binary, document["meshes"][0]["primitives"][0]["indices"]).dtype == dtype


def test_errors(tmp_path):
    _, mesh = _painted(1, 32)
    with pytest.raises(InputError, match="appearance"):
        mesh_to_glb(mesh, appearance="shiny")
    with pytest.raises(InputError, match="texture_format"):
        mesh_to_glb(mesh, texture_format="webp")
    with pytest.raises(MeshError, match="no faces"):
        mesh_to_glb(Mesh(mesh.vertices, np.zeros((0, 3), int)))
    for name in ("m.fbx", "m", "m.gltf"):
        with pytest.raises(InputError, match=r"use one of \.glb"):
            write_mesh(tmp_path / name, mesh)
    with pytest.raises(OutputError):
        write_mesh("/proc/none/m.glb", mesh)
    assert list(tmp_path.iterdir()) == []


def test_is_fast():
    best = {}
    for level in (3, 4):
        _, mesh = _painted(level)
        mesh_to_glb(mesh)
        times = []
        for _ in range(20):
            start = time.perf_counter()
            mesh_to_glb(mesh)
            times.append(time.perf_counter() - start)
        best[level] = min(times)
    assert max(best.values()) < 0.010, best


def _validate(paths):
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed: the Khronos validator was not run")
    if not (ROOT / "node_modules" / "gltf-validator").is_dir():
        pytest.skip("node_modules is missing (make validator): the Khronos validator was not run")
    command = ["node", str(ROOT / "tests/export/validate_glb.mjs"), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout)


@pytest.mark.node
def test_khronos_validator(tmp_path):
    paths = []
    for level in (1, 3, 4):
        template, mesh = _painted(level, 64)
        for appearance in ("albedo", "photo"):
            for texture_format in ("jpeg", "png"):
                paths.append(tmp_path / f"{level}_{appearance}.{texture_format}.glb")
                options = ExportOptions(appearance, texture_format)
                write_mesh(paths[-1], mesh, options)
        for name, extra in (("plain", None), ("colored", template.vertices * 0.5 + 0.5)):
            paths.append(tmp_path / f"{level}_{name}.glb")
            write_mesh(paths[-1], Mesh(mesh.vertices, mesh.faces, vertex_colors=extra))
    # A mesh with a face of no area and a vertex without faces.
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 0, 0], [5, 5, 5.0]])
    paths.append(tmp_path / "odd.glb")
    write_mesh(paths[-1], Mesh(points, np.array([[0, 1, 2], [0, 1, 3]])))
    code, results = _validate(paths)
    assert len(results) == len(paths)
    for result in results:
        assert result["errors"] == 0 and result["warnings"] == 0, result
    assert code == 0


@pytest.mark.node
def test_khronos_validator_notices(tmp_path):
    _, mesh = _painted(1, 32)
    data = bytearray(mesh_to_glb(mesh))
    (tmp_path / "cut.glb").write_bytes(data[:-100])
    broken = bytes(data).replace(b'"min":[', b'"min":[9')
    (tmp_path / "bounds.glb").write_bytes(broken[:8] + struct.pack("<I", len(broken)) + broken[12:])
    (tmp_path / "text.glb").write_bytes(b"nothing")
    code, results = _validate([tmp_path / n for n in ("cut.glb", "bounds.glb", "text.glb", "none.glb")])
    assert code == 1 and all(result["errors"] > 0 for result in results)
