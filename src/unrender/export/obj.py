"""Wavefront OBJ with its material and texture."""

from __future__ import annotations

import numpy as np

from unrender.export.options import ExportOptions
from unrender.export.texture_file import encode_texture
from unrender.mesh import Mesh, vertex_normals
from unrender.texture import linear_to_srgb

_SUFFIX = {"png": ".png", "jpeg": ".jpg"}


def mesh_to_obj(mesh: Mesh, stem: str, options: ExportOptions) -> dict[str, bytes]:
    """An OBJ file and what it refers to.

    Positions, texture coordinates and normals have an index each, so that seams stay closed. The texture's
    origin is at the bottom left, as in `Mesh.uvs`. A mesh with colours and no texture writes them, sRGB,
    behind the positions, as most readers understand.

    Args:
        mesh: at least one face. stem: name of the files without extension. options: appearance and
            texture_format (PNG unless "jpeg") are used.

    Returns:
        File names and contents: `stem.obj`, and with a texture `stem.mtl` and `stem.png` (or `.jpg`).
    """
    textured = mesh.texture is not None and mesh.uvs is not None and mesh.uv_faces is not None
    lines = ["# unrender, +Y up, front +Z"]
    if textured:
        lines.append(f"mtllib {stem}.mtl")
    lines.append("o object")
    rows: list[np.ndarray] = list(mesh.vertices)
    if not textured and mesh.vertex_colors is not None:
        colors = linear_to_srgb(np.clip(mesh.vertex_colors, 0, 1))
        rows = list(np.concatenate([mesh.vertices, colors], axis=1))
    lines += ["v " + _numbers(row) for row in rows]
    if textured and mesh.uvs is not None:
        lines += ["vt " + _numbers(row) for row in mesh.uvs]
    lines += ["vn " + _numbers(row) for row in vertex_normals(mesh.vertices, mesh.faces)]
    if textured and mesh.uv_faces is not None:
        lines.append(f"usemtl {options.appearance}")
        corners = np.stack([mesh.faces, mesh.uv_faces, mesh.faces], axis=-1) + 1
        lines += ["f " + " ".join("/".join(map(str, corner)) for corner in face) for face in corners.tolist()]
    else:
        lines += ["f " + " ".join(f"{i}//{i}" for i in face) for face in (mesh.faces + 1).tolist()]
    files = {f"{stem}.obj": ("\n".join(lines) + "\n").encode()}
    if textured and mesh.texture is not None:
        texture_format = options.texture_format or "png"
        picture = stem + _SUFFIX[texture_format]
        files[f"{stem}.mtl"] = _material(options.appearance, picture).encode()
        files[picture] = encode_texture(mesh.texture, texture_format)
    return files


def _numbers(row: np.ndarray) -> str:
    """The shortest decimals that read back as the same float32."""
    return " ".join(np.format_float_positional(value, trim="-") for value in row.astype(np.float32))


def _material(appearance: str, picture: str) -> str:
    illumination = 0 if appearance == "photo" else 1
    return (
        f"newmtl {appearance}\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nd 1\nillum {illumination}\n"
        f"map_Ka {picture}\nmap_Kd {picture}\n"
    )
