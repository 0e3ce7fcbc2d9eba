"""USDZ packages, for AR viewers and USD pipelines."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from unrender.errors import MissingExtraError, OutputError
from unrender.export.options import ExportOptions
from unrender.export.texture_file import encode_texture
from unrender.mesh import Mesh, vertex_normals

_SUFFIX = {"png": ".png", "jpeg": ".jpg"}


def mesh_to_usdz(mesh: Mesh, options: ExportOptions) -> bytes:
    """One USDZ package: a binary layer and its texture.

    The stage is +Y up with one metre a unit, its default prim holds one mesh that is no subdivision surface,
    bound to a UsdPreviewSurface (metallic 0, roughness 0.9; for the appearance "photo" the colour is
    emission). Texture coordinates have an index of their own, so that seams stay closed; their origin is at
    the bottom left, as in `Mesh.uvs`.

    Raises:
        MissingExtraError: usd-core is not installed.
        OutputError: USD could not write the package.
    """
    try:
        from pxr import Usd, UsdGeom, UsdUtils
    except ImportError:
        raise MissingExtraError("USDZ: needs usd-core; pip install 'unrender[usd]'") from None
    with tempfile.TemporaryDirectory(prefix="unrender-") as folder:
        layer = Path(folder) / "object.usdc"
        stage = Usd.Stage.CreateNew(str(layer))
        UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        root = UsdGeom.Xform.Define(stage, "/object")
        stage.SetDefaultPrim(root.GetPrim())
        body = _define_mesh(stage, mesh)
        picture = None
        if mesh.texture is not None and mesh.uvs is not None:
            texture_format = options.texture_format or "jpeg"
            picture = "texture" + _SUFFIX[texture_format]
            (Path(folder) / picture).write_bytes(encode_texture(mesh.texture, texture_format))
        _bind_material(stage, body, picture, mesh, options.appearance)
        stage.GetRootLayer().Save()
        package = Path(folder) / "object.usdz"
        if not UsdUtils.CreateNewARKitUsdzPackage(str(layer), str(package)):
            raise OutputError(
                "USDZ: USD could not write the package; check the space in the temporary folder"
            )
        return package.read_bytes()


def _define_mesh(stage: Any, mesh: Mesh) -> Any:
    from pxr import Sdf, UsdGeom, Vt

    body = UsdGeom.Mesh.Define(stage, "/object/mesh")
    body.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    body.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(mesh.vertices))
    body.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(mesh.faces), 3, np.int32)))
    body.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(mesh.faces.reshape(-1)))
    body.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(mesh.bounds()))
    body.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(vertex_normals(mesh.vertices, mesh.faces)))
    body.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    primvars = UsdGeom.PrimvarsAPI(body)
    if mesh.texture is not None and mesh.uvs is not None and mesh.uv_faces is not None:
        uv = primvars.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying)
        uv.Set(Vt.Vec2fArray.FromNumpy(mesh.uvs))
        uv.SetIndices(Vt.IntArray.FromNumpy(mesh.uv_faces.reshape(-1)))
    elif mesh.vertex_colors is not None:
        color = body.CreateDisplayColorPrimvar(UsdGeom.Tokens.vertex)
        color.Set(Vt.Vec3fArray.FromNumpy(mesh.vertex_colors))
    return body


def _bind_material(stage: Any, body: Any, picture: str | None, mesh: Mesh, appearance: str) -> None:
    from pxr import Sdf, UsdShade

    types = Sdf.ValueTypeNames
    material = UsdShade.Material.Define(stage, "/object/material")
    surface = UsdShade.Shader.Define(stage, "/object/material/surface")
    surface.CreateIdAttr("UsdPreviewSurface")
    surface.CreateInput("metallic", types.Float).Set(0.0)
    surface.CreateInput("roughness", types.Float).Set(0.9)
    material.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
    UsdShade.MaterialBindingAPI.Apply(body.GetPrim()).Bind(material)
    unlit = appearance == "photo"
    color = surface.CreateInput("emissiveColor" if unlit else "diffuseColor", types.Color3f)
    if unlit:
        surface.CreateInput("diffuseColor", types.Color3f).Set((0, 0, 0))
    name, kind = ("st", types.Float2) if picture is not None else ("displayColor", types.Float3)
    if picture is None and mesh.vertex_colors is None:
        color.Set((0.8, 0.8, 0.8))
        return
    reader = UsdShade.Shader.Define(stage, "/object/material/reader")
    reader.CreateIdAttr("UsdPrimvarReader_float2" if picture is not None else "UsdPrimvarReader_float3")
    reader.CreateInput("varname", types.String).Set(name)
    result = reader.CreateOutput("result", kind)
    if picture is None:
        color.ConnectToSource(result)
        return
    texture = UsdShade.Shader.Define(stage, "/object/material/texture")
    texture.CreateIdAttr("UsdUVTexture")
    texture.CreateInput("file", types.Asset).Set(picture)
    texture.CreateInput("sourceColorSpace", types.Token).Set("sRGB")
    inside = mesh.uvs is None or bool(mesh.uvs.min() >= 0 and mesh.uvs.max() <= 1)
    for axis in ("wrapS", "wrapT"):
        texture.CreateInput(axis, types.Token).Set("clamp" if inside else "repeat")
    texture.CreateInput("st", types.Float2).ConnectToSource(result)
    color.ConnectToSource(texture.CreateOutput("rgb", types.Float3))
