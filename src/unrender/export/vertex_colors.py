"""A texture as colours at the vertices, for formats without textures."""

from __future__ import annotations

import numpy as np

from unrender.mesh import Mesh
from unrender.texture import srgb_to_linear

_STEPS = 6


def vertex_colors(mesh: Mesh) -> np.ndarray | None:
    """Linear colours at the vertices: the mesh's own, or else those of its texture.

    A vertex takes the mean of the texture over the faces round it, weighted by its barycentric coordinate
    and the faces' areas, so that fine patterns are averaged and not aliased.

    Returns:
        float32 [V, 3] in [0, 1], or None for a mesh without any colour. Vertices without faces are black.
    """
    if mesh.texture is None or mesh.uvs is None or mesh.uv_faces is None:
        return mesh.vertex_colors
    height, width = mesh.texture.shape[:2]
    texels = srgb_to_linear(mesh.texture)
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(np.float64) for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    total = np.zeros((len(mesh.vertices), 3))
    weight = np.zeros(len(mesh.vertices))
    for i in range(_STEPS):
        for j in range(_STEPS - i):
            barycentric = np.array([i, j, _STEPS - 1 - i - j], np.float64) + 1 / 3
            barycentric /= _STEPS
            uv = np.einsum("k,fkc->fc", barycentric, mesh.uvs[mesh.uv_faces])
            column = np.floor(uv[:, 0] * width).astype(np.int64) % width
            row = np.floor((1 - uv[:, 1]) * height).astype(np.int64) % height
            color = texels[row, column]
            for corner in range(3):
                share = area * barycentric[corner]
                weight += np.bincount(mesh.faces[:, corner], share, len(weight))
                for channel in range(3):
                    total[:, channel] += np.bincount(
                        mesh.faces[:, corner], share * color[:, channel], len(weight)
                    )
    return (total / np.maximum(weight, 1e-30)[:, None]).astype(np.float32)
