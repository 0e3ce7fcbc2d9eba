"""PLY and STL: geometry, with colours at the vertices where the format has them."""

from __future__ import annotations

import numpy as np

from unrender.export.vertex_colors import vertex_colors
from unrender.mesh import Mesh, vertex_normals
from unrender.texture import linear_to_bytes


def mesh_to_ply(mesh: Mesh) -> bytes:
    """Binary PLY with normals and, where the mesh has a texture or colours, 8-bit sRGB vertex colours."""
    import trimesh

    colors = vertex_colors(mesh)
    whole = trimesh.Trimesh(
        mesh.vertices, mesh.faces, process=False, vertex_normals=vertex_normals(mesh.vertices, mesh.faces)
    )
    if colors is not None:
        alpha = np.full((len(colors), 1), 255, np.uint8)
        rgba = np.concatenate([linear_to_bytes(colors), alpha], axis=1)
        whole.visual = trimesh.visual.ColorVisuals(whole, vertex_colors=rgba)
    data: bytes = trimesh.exchange.ply.export_ply(whole, vertex_normal=True)
    return data


def mesh_to_stl(mesh: Mesh) -> bytes:
    """Binary STL: triangles only."""
    import trimesh

    data: bytes = trimesh.exchange.stl.export_stl(trimesh.Trimesh(mesh.vertices, mesh.faces, process=False))
    return data
