"""Finer and coarser meshes while a fit runs."""

from __future__ import annotations

import numpy as np

from unrender.export.simplify import simplify as simplify_mesh
from unrender.fit.objective import Scene
from unrender.mesh import Mesh
from unrender.topology import loop_subdivision


def subdivide(scene: Scene) -> Scene:
    """Every face in four, by Loop's rules; albedo goes along."""
    faces, index, weight = loop_subdivision(scene.faces, len(scene.vertices))
    weight = weight.astype(np.float64)[..., None]
    vertices = (weight * scene.vertices[index]).sum(1)
    albedo = (weight * scene.albedo[index]).sum(1)
    return Scene(vertices, np.ascontiguousarray(faces), albedo, scene.light, scene.poses)


def simplify(scene: Scene, faces: int) -> Scene:
    """The mesh with about `faces` faces (`unrender.export.simplify`), each vertex one of the old ones.

    Raises:
        MissingExtraError: meshoptimizer is missing.
    """
    if faces >= len(scene.faces):
        return scene
    mesh = Mesh(scene.vertices.astype(np.float32), scene.faces, vertex_colors=scene.albedo.astype(np.float32))
    small = simplify_mesh(mesh, faces)
    assert small.vertex_colors is not None
    return Scene(
        small.vertices.astype(np.float64), np.ascontiguousarray(small.faces),
        small.vertex_colors.astype(np.float64), scene.light, scene.poses,
    )  # fmt: skip
