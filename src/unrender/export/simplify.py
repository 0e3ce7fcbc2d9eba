"""Fewer triangles under the same texture."""

from __future__ import annotations

import numpy as np

from unrender.errors import MissingExtraError
from unrender.export.single_index import single_index
from unrender.mesh import Mesh


def simplify(mesh: Mesh, faces: int) -> Mesh:
    """Collapse edges until at most about `faces` triangles are left.

    Every vertex left is one of the mesh's own and keeps its texture coordinates. Edges along texture seams
    collapse on both sides at once, so that a closed surface stays closed. The order is that of quadric
    errors (Garland and Heckbert, SIGGRAPH 1997), as meshoptimizer implements it.

    Args:
        mesh: textured, coloured or plain. faces: the budget; a surface that allows no further collapse keeps
            more.

    Raises:
        MissingExtraError: meshoptimizer is not installed.
    """
    try:
        import meshoptimizer
    except ImportError:
        raise MissingExtraError("faces: needs meshoptimizer; pip install 'unrender[simplify]'") from None

    position_of, uv_of, corners = single_index(mesh)
    points = mesh.vertices[position_of]
    indices = np.ascontiguousarray(corners.reshape(-1), np.uint32)
    kept = np.zeros_like(indices)
    count = meshoptimizer.simplify(
        kept,
        indices,
        np.ascontiguousarray(points, np.float32),
        target_index_count=3 * faces,
        target_error=1.0,
    )
    triangles = kept[:count].reshape(-1, 3).astype(np.int64)
    used, vertex_faces = np.unique(position_of[triangles], return_inverse=True)
    colors = None if mesh.vertex_colors is None else mesh.vertex_colors[used]
    uvs = uv_faces = None
    if uv_of is not None and mesh.uvs is not None:
        used_uvs, uv_faces = np.unique(uv_of[triangles], return_inverse=True)
        uvs, uv_faces = mesh.uvs[used_uvs], uv_faces.reshape(-1, 3)
    return Mesh(mesh.vertices[used], vertex_faces.reshape(-1, 3), uvs, uv_faces, mesh.texture, colors)
