"""Applying the options that do not depend on the format: fewer triangles, another texture size, metres."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unrender.errors import MeshError
from unrender.export.options import ExportOptions
from unrender.mesh import Mesh
from unrender.texture import resize


def prepare(mesh: Mesh, options: ExportOptions) -> Mesh:
    """The mesh with the height, vertex budget and texture size of `options`, in this order.

    Raises:
        MeshError: no faces, or a height for a mesh that has none.
        MissingExtraError: `options.faces` without `unrender[simplify]`.
    """
    if not len(mesh.faces):
        raise MeshError("mesh: has no faces; a file needs at least one triangle")
    if options.height is not None:
        mesh = replace(mesh, vertices=mesh.vertices * np.float32(height_scale(mesh, options.height)))
    if options.faces is not None and len(mesh.faces) > options.faces:
        from unrender.export.simplify import simplify

        mesh = simplify(mesh, options.faces)
    if options.texture_size is not None and mesh.texture is not None:
        mesh = replace(mesh, texture=resize(mesh.texture, options.texture_size, options.texture_size))
    return mesh


def height_scale(mesh: Mesh, height: float) -> float:
    """Factor that gives the mesh's used vertices the extent `height` along +Y.

    Raises:
        MeshError: the mesh is flat along +Y.
    """
    used = mesh.vertices[np.unique(mesh.faces), 1].astype(np.float64)
    extent = float(used.max() - used.min()) if len(used) else 0.0
    if extent <= 0:
        raise MeshError("height: the mesh is flat along +Y and cannot be scaled to a height")
    return height / extent
