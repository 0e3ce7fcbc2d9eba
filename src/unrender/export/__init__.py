"""Writing results: meshes in several formats, turntables and other pictures."""

from __future__ import annotations

from unrender.export.formats import (
    FORMATS,
    MESH_FORMATS,
    MeshFormat,
    companions,
    export_bytes,
    format_of,
    write_mesh,
)
from unrender.export.glb import mesh_to_glb
from unrender.export.maps import write_depth, write_normals
from unrender.export.options import ExportOptions
from unrender.export.turntable import write_turntable

__all__ = [
    "FORMATS",
    "MESH_FORMATS",
    "ExportOptions",
    "MeshFormat",
    "companions",
    "export_bytes",
    "format_of",
    "mesh_to_glb",
    "write_depth",
    "write_mesh",
    "write_normals",
    "write_turntable",
]
