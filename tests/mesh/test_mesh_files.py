"""Mesh checks, normals, and reading files written by another library."""

import numpy as np
import pytest
import trimesh
from PIL import Image

from unrender.errors import MeshError
from unrender.mesh import Mesh, load_mesh, vertex_normals
from unrender.template import make_template
from unrender.texture import srgb_to_linear
from unrender.topology import is_consistently_wound, is_watertight

POINTS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
UVS = np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]])


def test_conversion():
    mesh = Mesh(POINTS, FACES, UVS, np.zeros_like(FACES), np.zeros((2, 3, 3), np.uint8))
    assert mesh.vertices.dtype == mesh.uvs.dtype == np.float32
    assert mesh.faces.dtype == mesh.uv_faces.dtype == np.int32
    np.testing.assert_array_equal(mesh.bounds(), [[0, 0, 0], [1, 1, 1]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((POINTS[:, :2], FACES), "vertices: expected"),
        ((POINTS.astype(int), FACES), "vertices: expected floats"),
        ((POINTS * np.nan, FACES), "vertices: row 0 contains NaN"),
        ((POINTS, FACES + 1), "out of range"),
        ((POINTS, FACES.astype(float)), "integers"),
        ((POINTS, FACES, UVS), "both or neither"),
        ((POINTS, FACES, UVS, FACES), "out of range"),
        ((POINTS, FACES, UVS, FACES[:2] * 0), "uv_faces"),
        ((POINTS, FACES, None, None, np.zeros((2, 2, 3), np.uint8)), "needs uvs"),
        ((POINTS, FACES, UVS, FACES * 0, np.zeros((2, 2, 3))), "texture"),
        ((POINTS, FACES, None, None, None, UVS), "vertex_colors"),
        ((POINTS, FACES, None, None, None, POINTS[:2]), "expected 4 rows"),
    ],
)
def test_checks(arguments, message):
    with pytest.raises(MeshError, match=message):
        Mesh(*arguments)


def test_normals_of_a_sphere_and_by_hand():
    template = make_template(3)
    normals = vertex_normals(template.vertices, template.faces)
    assert normals.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    assert np.einsum("ij,ij->i", normals, template.vertices).min() > 0.999
    # Area weights: two faces at right angles, one four times as large.
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, -4.0]])
    faces = np.array([[0, 1, 2], [0, 3, 1]])
    np.testing.assert_allclose(
        vertex_normals(points, faces)[0], np.array([0, -4, 1]) / np.sqrt(17), atol=1e-6
    )
    oracle = trimesh.Trimesh(POINTS, FACES, process=False)
    total = np.zeros((4, 3))
    for face, normal, area in zip(FACES, oracle.face_normals, oracle.area_faces, strict=True):
        total[face] += normal * area
    total /= np.linalg.norm(total, axis=1, keepdims=True)
    np.testing.assert_allclose(vertex_normals(POINTS, FACES), total, atol=1e-6)


def test_normals_of_nothing():
    points = np.zeros((3, 3))
    np.testing.assert_array_equal(vertex_normals(points, np.array([[0, 1, 2]])), [[0, 0, 1]] * 3)
    tiny = vertex_normals(POINTS * 1e-9, FACES)
    np.testing.assert_allclose(tiny, vertex_normals(POINTS, FACES), atol=1e-6)


def _textured(size=(16, 8), seed=0):
    template = make_template(1)
    texture = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    image = Image.fromarray(texture)
    mesh = trimesh.Trimesh(
        template.vertices[template.split_seam()], template.uv_faces, process=False,
        visual=trimesh.visual.TextureVisuals(
            uv=template.uvs, material=trimesh.visual.material.PBRMaterial(baseColorTexture=image)
        ),
    )  # fmt: skip
    return template, texture, mesh


def test_load_textured_glb_merges_the_seam(tmp_path):
    template, texture, source = _textured()
    source.export(tmp_path / "m.glb")
    mesh = load_mesh(tmp_path / "m.glb")
    assert len(mesh.vertices) == 42 and is_watertight(mesh.faces) and is_consistently_wound(mesh.faces)
    np.testing.assert_array_equal(mesh.texture, texture)
    # Corner for corner the same places and texture coordinates.
    np.testing.assert_allclose(mesh.vertices[mesh.faces], template.vertices[template.faces], atol=1e-6)
    np.testing.assert_allclose(mesh.uvs[mesh.uv_faces], template.uvs[template.uv_faces], atol=1e-6)


def test_load_scene_with_transforms(tmp_path):
    scene = trimesh.Scene()
    box = trimesh.creation.box()
    box.visual.vertex_colors = [255, 0, 0, 255]
    move = np.eye(4)
    move[:3, 3] = [5, 0, 0]
    scene.add_geometry(box, transform=move)
    ball = trimesh.creation.icosphere(1)
    scene.add_geometry(ball)
    scene.export(tmp_path / "s.glb")
    mesh = load_mesh(tmp_path / "s.glb")
    np.testing.assert_allclose(mesh.bounds(), [[-1, -1, -1], [5.5, 1, 1]], atol=1e-2)
    assert mesh.texture is None
    right = mesh.vertices[:, 0] > 4
    np.testing.assert_allclose(mesh.vertex_colors[right], [[1, 0, 0]] * right.sum(), atol=1e-6)


def test_two_textures_go_into_one_atlas(tmp_path):
    scene = trimesh.Scene()
    texture = np.zeros((8, 8, 3), np.uint8)
    for shift, color in ((0, [255, 0, 0]), (5, [0, 0, 255])):
        _, _, part = _textured()
        texture[:] = color
        part.visual.material.baseColorTexture = Image.fromarray(texture.copy())
        part.apply_translation([shift, 0, 0])
        scene.add_geometry(part)
    scene.export(tmp_path / "t.glb")
    mesh = load_mesh(tmp_path / "t.glb")
    height, width = mesh.texture.shape[:2]
    uv = mesh.uvs[mesh.uv_faces].mean(1) % 1
    seen = mesh.texture[((1 - uv[:, 1]) * height).astype(int), (uv[:, 0] * width).astype(int)]
    right = mesh.vertices[mesh.faces].mean(1)[:, 0] > 2.5
    np.testing.assert_array_equal(seen[right], [[0, 0, 255]] * right.sum())
    np.testing.assert_array_equal(seen[~right], [[255, 0, 0]] * (~right).sum())


@pytest.mark.parametrize("extension", ["obj", "ply", "stl", "off"])
def test_plain_formats(tmp_path, extension):
    trimesh.Trimesh(POINTS, FACES, process=False).export(tmp_path / f"m.{extension}")
    mesh = load_mesh(tmp_path / f"m.{extension}")
    np.testing.assert_allclose(
        np.sort(mesh.vertices[mesh.faces].reshape(4, -1), axis=0),
        np.sort(POINTS[FACES].reshape(4, -1), axis=0),
    )


def test_ply_colors_are_srgb(tmp_path):
    colors = np.array([[255, 0, 0, 255], [10, 200, 30, 255], [0, 0, 0, 255], [128, 128, 128, 255]], np.uint8)
    trimesh.Trimesh(POINTS, FACES, process=False, vertex_colors=colors).export(tmp_path / "m.ply")
    np.testing.assert_allclose(load_mesh(tmp_path / "m.ply").vertex_colors, srgb_to_linear(colors[:, :3]))


def test_bad_files(tmp_path):
    (tmp_path / "empty.glb").write_bytes(b"")
    (tmp_path / "text.glb").write_text("no mesh")
    (tmp_path / "bird.fbx").write_text("no mesh")
    (tmp_path / "points.ply").write_text(
        "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n"
        "end_header\n0 0 0\n"
    )
    (tmp_path / "nan.obj").write_text("v 0 0 0\nv 1 0 nan\nv 0 1 0\nf 1 2 3\n")
    for name in ("empty.glb", "text.glb", "bird.fbx", "points.ply", "nan.obj", "none.glb"):
        with pytest.raises(MeshError) as caught:
            load_mesh(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)
