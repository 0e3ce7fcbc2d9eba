"""Writing results: meshes as GLB, turntables as GIF or PNG."""

from __future__ import annotations

import os

from unrender.errors import InputError
from unrender.export.glb import mesh_to_glb
from unrender.export.turntable import write_turntable
from unrender.files import write_atomic
from unrender.mesh import Mesh

MESH_FORMATS = (".glb",)
"""File name extensions that `write_mesh` knows."""

__all__ = ["MESH_FORMATS", "mesh_to_glb", "write_mesh", "write_turntable"]


def write_mesh(
    path: str | os.PathLike[str], mesh: Mesh, *, appearance: str = "albedo", texture_format: str = "jpeg"
) -> None:
    """Write a mesh file; the format follows the extension.

    Args:
        path: ends in ".glb".
        mesh: what to write.
        appearance, texture_format: as for `mesh_to_glb`.

    Raises:
        InputError: unknown extension, appearance or texture_format.
        MeshError: the mesh has no faces.
        OutputError: the file cannot be written; nothing partial is left behind.
    """
    name = os.fspath(path)
    extension = os.path.splitext(name)[1].lower()
    if extension not in MESH_FORMATS:
        raise InputError(f"{name}: unknown mesh format '{extension}'; use one of {', '.join(MESH_FORMATS)}")
    write_atomic(name, mesh_to_glb(mesh, appearance=appearance, texture_format=texture_format))
