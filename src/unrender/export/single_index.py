"""One index a vertex, as graphics hardware and most file formats have it."""

from __future__ import annotations

import numpy as np

from unrender.mesh import Mesh


def single_index(mesh: Mesh) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Split vertices where the texture has a seam.

    Returns:
        Position index [N] and uv index [N] (None without texture) of each split vertex, and faces [F, 3] that
        refer to those.
    """
    if mesh.texture is None or mesh.uvs is None or mesh.uv_faces is None:
        return np.arange(len(mesh.vertices)), None, mesh.faces
    position_of = np.zeros(len(mesh.uvs), np.int64)
    position_of[mesh.uv_faces] = mesh.faces
    if np.array_equal(position_of[mesh.uv_faces], mesh.faces):  # each uv vertex belongs to one place
        return position_of, np.arange(len(mesh.uvs)), mesh.uv_faces
    pairs = mesh.faces.astype(np.int64) * len(mesh.uvs) + mesh.uv_faces
    unique, inverse = np.unique(pairs, return_inverse=True)
    return unique // len(mesh.uvs), unique % len(mesh.uvs), inverse.reshape(-1, 3)
