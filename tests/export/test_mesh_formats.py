"""OBJ, PLY, STL, USDZ and convex parts through other people's readers; textures the right way round."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import plyfile
import pytest
import stl
import trimesh
from PIL import Image

from unrender.errors import InputError, MeshError, MissingExtraError, OutputError
from unrender.export import FORMATS, MESH_FORMATS, ExportOptions, export_bytes, format_of, write_mesh
from unrender.export.vertex_colors import vertex_colors
from unrender.mesh import Mesh, load_mesh
from unrender.template import make_template
from unrender.texture import linear_to_bytes, srgb_to_linear
from unrender.topology import is_consistently_wound, is_watertight

SIZE = 128


def painted(level: int = 2) -> tuple[Mesh, np.ndarray]:
    """A lopsided body whose texture shows at each texel where on it that is; and those colours at the
    faces' centres, float [F, 3] sRGB in [0, 1]."""
    template = make_template(level)
    vertices = template.vertices * [0.4, 0.5, 1.0] + 0.1 * np.sin(3 * template.vertices[:, [1, 2, 0]])
    face, weight = template.texels(SIZE)
    place = np.einsum("hwk,hwkc->hwc", weight, template.vertices[template.faces[np.maximum(face, 0)]])
    texture = np.round((place * 0.45 + 0.5) * 255).clip(0, 255).astype(np.uint8)
    texture[face < 0] = 0
    mesh = Mesh(vertices.astype(np.float32), template.faces, template.uvs, template.uv_faces, texture)
    return mesh, template.vertices[template.faces].mean(1) * 0.45 + 0.5


def check_colors(image: np.ndarray, uv: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """The picture at uv (origin bottom left) [F, 2] shows the colours, and would not if it were flipped."""
    height, width = image.shape[:2]
    column, row = (uv[:, 0] * width).astype(int), ((1 - uv[:, 1]) * height).astype(int)
    assert np.abs(image[row, column] / 255 - expected).max() < tolerance
    assert np.abs(image[height - 1 - row, column] / 255 - expected).mean() > 0.1
    assert np.abs(image[row, width - 1 - column] / 255 - expected).mean() > 0.1


@pytest.mark.parametrize("texture_format", [None, "jpeg"])
def test_obj(tmp_path: Path, texture_format: str | None) -> None:
    mesh, expected = painted()
    write_mesh(tmp_path / "a.obj", mesh, ExportOptions(texture_format=texture_format))
    picture = "a.png" if texture_format is None else "a.jpg"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["a.mtl", "a.obj", picture])
    part = trimesh.load(tmp_path / "a.obj", process=False)
    np.testing.assert_array_equal(np.float32(part.vertices)[part.faces], mesh.vertices[mesh.faces])
    np.testing.assert_allclose(part.visual.uv[part.faces], mesh.uvs[mesh.uv_faces], atol=1e-7)
    image = np.asarray(part.visual.material.image.convert("RGB"))
    check_colors(
        image, part.visual.uv[part.faces].mean(1), expected, 0.05 if texture_format is None else 0.12
    )
    back = load_mesh(tmp_path / "a.obj")
    assert is_watertight(back.faces) and is_consistently_wound(back.faces)
    if texture_format is None:
        np.testing.assert_array_equal(back.texture, mesh.texture)
    text = (tmp_path / "a.obj").read_text().splitlines()
    assert sum(line.startswith("v ") for line in text) == len(mesh.vertices)  # closed in the file itself


def test_obj_in_a_zip_is_the_same_files(tmp_path: Path) -> None:
    mesh, _ = painted(1)
    data = export_bytes(mesh, "obj", stem="bird")
    write_mesh(tmp_path / "bird.obj", mesh)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["bird.obj", "bird.mtl", "bird.png"]
        for name in archive.namelist():
            assert archive.read(name) == (tmp_path / name).read_bytes()
    assert data == export_bytes(mesh, "obj", stem="bird")


def test_obj_with_colours(tmp_path: Path) -> None:
    template = make_template(1)
    colors = np.random.default_rng(0).random((42, 3)).astype(np.float32)
    write_mesh(tmp_path / "a.obj", Mesh(template.vertices, template.faces, vertex_colors=colors))
    assert [path.name for path in tmp_path.iterdir()] == ["a.obj"]
    np.testing.assert_allclose(load_mesh(tmp_path / "a.obj").vertex_colors, colors, atol=0.006)


def test_ply() -> None:
    mesh, _ = painted(3)
    file = plyfile.PlyData.read(io.BytesIO(export_bytes(mesh, "ply")))
    vertex = file["vertex"]
    points = np.stack([vertex[axis] for axis in "xyz"], axis=1)
    np.testing.assert_array_equal(points, mesh.vertices)
    np.testing.assert_array_equal(np.stack(file["face"]["vertex_indices"]), mesh.faces)
    normals = np.stack([vertex[axis] for axis in ("nx", "ny", "nz")], axis=1)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    assert ((normals * points).sum(1) > 0).mean() > 0.95
    colors = np.stack([vertex[name] for name in ("red", "green", "blue")], axis=1) / 255
    place = make_template(3).vertices * 0.45 + 0.5  # a vertex has about the colour of its own place
    assert np.abs(colors - place).max() < 0.06


def test_vertex_colors_are_means_of_the_texture() -> None:
    """On a texture that is linear in space, the weighted mean over a symmetric star is the centre's."""
    ring = np.linspace(0, 2 * np.pi, 7)[:-1]
    points = np.concatenate([[[0, 0]], np.stack([np.cos(ring), np.sin(ring)], 1)])
    faces = np.array([[0, 1 + k, 1 + (k + 1) % 6] for k in range(6)])
    ramp = np.repeat(linear_to_bytes((np.arange(256) + 0.5) / 256)[None, :, None], 256, axis=0)
    texture = np.repeat(ramp, 3, axis=2)
    mesh = Mesh(np.pad(points, ((0, 0), (0, 1))), faces, points * 0.4 + 0.5, faces, texture)
    colors = vertex_colors(mesh)
    np.testing.assert_allclose(colors[0], 0.5, atol=0.005)
    assert (np.diff(colors[[4, 0, 1], 0]) > 0.1).all()  # and it grows with u
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    mean = vertex_colors(Mesh(mesh.vertices, faces, mesh.uvs, faces, noise))
    assert mean.std() < 0.4 * srgb_to_linear(noise).std()  # fine noise becomes grey: no aliasing


def test_stl(tmp_path: Path) -> None:
    mesh, _ = painted()
    write_mesh(tmp_path / "a.stl", mesh)
    read = stl.mesh.Mesh.from_file(str(tmp_path / "a.stl"), calculate_normals=False)
    np.testing.assert_array_equal(read.vectors, mesh.vertices[mesh.faces])
    np.testing.assert_allclose(read.get_unit_normals(), read.normals, atol=1e-5)


@pytest.mark.parametrize("appearance", ["albedo", "photo"])
def test_usdz(tmp_path: Path, appearance: str) -> None:
    from pxr import Usd, UsdGeom, UsdShade

    mesh, expected = painted()
    path = tmp_path / "a.usdz"
    options = ExportOptions(appearance=appearance, texture_format="png", height=0.25)
    write_mesh(path, mesh, options)
    stage = Usd.Stage.Open(str(path))
    assert UsdGeom.GetStageUpAxis(stage) == "Y" and UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert stage.GetDefaultPrim().GetPath() == "/object"
    body = UsdGeom.Mesh(stage.GetPrimAtPath("/object/mesh"))
    points = np.array(body.GetPointsAttr().Get())
    assert np.ptp(points[:, 1]) == pytest.approx(0.25)
    corners = np.array(body.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)
    np.testing.assert_array_equal(corners, mesh.faces)
    np.testing.assert_allclose(points / points.max(), mesh.vertices / mesh.vertices.max(), atol=1e-6)
    assert body.GetOrientationAttr().Get() == "rightHanded"
    primvar = UsdGeom.PrimvarsAPI(body).GetPrimvar("st")
    uv = np.array(primvar.ComputeFlattened()).reshape(-1, 3, 2)
    material, _ = UsdShade.MaterialBindingAPI(body).ComputeBoundMaterial()
    surface = material.ComputeSurfaceSource()[0]
    name = "diffuseColor" if appearance == "albedo" else "emissiveColor"
    texture = surface.GetInput(name).GetConnectedSources()[0][0].source
    file = UsdShade.Shader(texture.GetPrim()).GetInput("file").Get()
    assert "a.usdz" in file.resolvedPath and "texture.png" in file.resolvedPath
    with zipfile.ZipFile(path) as archive:
        (picture,) = [entry for entry in archive.namelist() if entry.endswith("texture.png")]
        image = np.asarray(Image.open(io.BytesIO(archive.read(picture))).convert("RGB"))
    check_colors(image, uv.mean(1), expected, 0.05)


def usd_complaints(path: Path) -> list[str]:
    """What usdchecker says: `UsdUtils.ComplianceChecker` until USD 25, all its validators since."""
    from pxr import Usd, UsdUtils

    if hasattr(UsdUtils, "ComplianceChecker"):
        checker = UsdUtils.ComplianceChecker(arkit=True)
        checker.CheckCompliance(str(path))
        return [*checker.GetErrors(), *checker.GetFailedChecks(), *checker.GetWarnings()]
    from pxr import UsdValidation

    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) > 15
    errors = UsdValidation.ValidationContext(validators).Validate(Usd.Stage.Open(str(path)))
    return [error.GetErrorAsString() for error in errors]


@pytest.mark.parametrize("kind", ["albedo", "photo", "colors", "plain"])
def test_usdchecker_is_content(tmp_path: Path, kind: str) -> None:
    mesh, _ = painted(1)
    if kind == "colors":
        mesh = Mesh(mesh.vertices, mesh.faces, vertex_colors=np.full_like(mesh.vertices, 0.3))
    elif kind == "plain":
        mesh = Mesh(mesh.vertices, mesh.faces)
    appearance = "photo" if kind == "photo" else "albedo"
    write_mesh(tmp_path / "a.usdz", mesh, ExportOptions(appearance))
    assert usd_complaints(tmp_path / "a.usdz") == []


def test_usdchecker_notices(tmp_path: Path) -> None:
    from pxr import Usd, UsdGeom

    stage = Usd.Stage.CreateNew(str(tmp_path / "bad.usda"))
    UsdGeom.Mesh.Define(stage, "/object")  # no default prim, up axis or unit
    stage.GetRootLayer().Save()
    assert usd_complaints(tmp_path / "bad.usda")


def test_collision() -> None:
    """An L of two boxes: convex, closed parts that fill it and nothing else."""
    outline = np.array([[0, 0], [2, 0], [2, 1], [1, 1], [1, 3], [0, 3.0]])
    points = np.concatenate([np.pad(outline, ((0, 0), (0, 1)), constant_values=z) for z in (0, 1)])
    front = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 5], [3, 4, 5]])
    sides = [[[k, (k + 1) % 6, k + 6], [(k + 1) % 6, (k + 1) % 6 + 6, k + 6]] for k in range(6)]
    mesh = Mesh(points, np.concatenate([front[:, ::-1], front + 6, np.concatenate(sides)]))
    assert is_watertight(mesh.faces) and trimesh.Trimesh(points, mesh.faces).volume == pytest.approx(4)
    data = export_bytes(mesh, "collision")
    parts = trimesh.load(io.BytesIO(data), file_type="obj", force="mesh").split()
    assert len(parts) == data.count(b"o part_") == 2
    for part in parts:
        assert part.is_watertight and part.convex_hull.volume == pytest.approx(part.volume, rel=1e-3)
    assert sum(part.volume for part in parts) == pytest.approx(4, rel=0.03)
    corners = np.concatenate([part.bounds for part in parts])
    np.testing.assert_allclose([corners.min(0), corners.max(0)], mesh.bounds(), atol=0.03)
    assert data == export_bytes(mesh, "collision")


@pytest.mark.parametrize("budget", [700, 320, 100])
def test_fewer_faces(budget: int) -> None:
    mesh, _ = painted(3)
    data = export_bytes(mesh, "glb", ExportOptions(faces=budget, texture_format="png"))
    part = trimesh.load(io.BytesIO(data), file_type="glb", force="mesh", process=False)
    assert 0.8 * budget <= len(part.faces) <= budget
    whole = trimesh.Trimesh(part.vertices, part.faces, process=True, merge_norm=True, merge_tex=True)
    assert whole.is_watertight and whole.is_winding_consistent
    full = trimesh.Trimesh(mesh.vertices, mesh.faces)
    assert whole.volume == pytest.approx(full.volume, rel=0.15)
    # Vertices keep the texture's place: sampled there, its colour is that of the template's vertex.
    image = np.asarray(part.visual.material.baseColorTexture.convert("RGB"))
    _, index = full.kdtree.query(part.vertices)
    place = make_template(3).vertices[index] * 0.45 + 0.5
    column, row = np.clip(part.visual.uv * SIZE, 0, SIZE - 1).astype(int).T
    assert np.abs(image[SIZE - 1 - row, column] / 255 - place).max() < 0.06


def test_texture_size_and_height() -> None:
    mesh, _ = painted(1)
    options = ExportOptions(texture_size=40, height=1.5, texture_format="png")
    part = trimesh.load(io.BytesIO(export_bytes(mesh, "glb", options)), file_type="glb", force="mesh")
    assert part.visual.material.baseColorTexture.size == (40, 40)
    assert np.ptp(part.vertices[:, 1]) == pytest.approx(1.5, rel=1e-6)
    assert np.ptp(part.vertices[:, 0]) == pytest.approx(
        1.5 * np.ptp(mesh.vertices[:, 0]) / np.ptp(mesh.vertices[:, 1]), rel=1e-5
    )


def test_endings() -> None:
    assert MESH_FORMATS == (".glb", ".obj", ".ply", ".stl", ".usdz", ".collision.obj")
    assert [format_of("A/b" + ending.upper()).name for ending in MESH_FORMATS] == list(FORMATS)
    for name in ("b.fbx", "b", "glb", ".glb", "x/.obj"):
        with pytest.raises(InputError, match=r"use one of \.glb"):
            format_of(name)


@pytest.mark.parametrize(
    "options",
    [
        {"faces": 3}, {"height": 0.0}, {"height": np.nan}, {"texture_size": 0}, {"texture_format": "webp"},
        {"appearance": "x"},
    ],
)  # fmt: skip
def test_options_out_of_range(options: dict) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        ExportOptions(**options)


@pytest.mark.parametrize(
    ("format", "module", "options"),
    [("usdz", "pxr", {}), ("collision", "coacd", {}), ("glb", "meshoptimizer", {"faces": 20})],
)
def test_missing_extras(format: str, module: str, options: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'unrender\["):
        export_bytes(painted(1)[0], format, ExportOptions(**options))


def test_nothing_is_left_when_a_part_fails(tmp_path: Path) -> None:
    mesh, _ = painted(1)
    (tmp_path / "a.mtl").mkdir()
    with pytest.raises(OutputError):
        write_mesh(tmp_path / "a.obj", mesh)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mtl"]
    flat = Mesh(np.array([[0, 0, 0], [1, 0, 0], [0, 0, 1.0]]), np.array([[0, 1, 2]]))
    with pytest.raises(MeshError, match="flat"):
        export_bytes(flat, "glb", ExportOptions(height=1))
    with pytest.raises(MeshError, match="no faces"):
        export_bytes(Mesh(flat.vertices, np.zeros((0, 3), int)), "stl")
    with pytest.raises(InputError, match="expected one of glb"):
        export_bytes(flat, "fbx")
