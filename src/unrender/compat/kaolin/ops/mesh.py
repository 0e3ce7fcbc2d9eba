"""`kaolin.ops.mesh`: what DIB-R scripts use of it."""

from __future__ import annotations

import torch
from torch import Tensor

from unrender.errors import InputError


def index_vertices_by_faces(vertices_features: Tensor, faces: Tensor) -> Tensor:
    """Rows of `vertices_features` [B, V, C] for each face of `faces` int64 [F, N]: [B, F, N, C].

    Raises:
        InputError: a shape is not as described.
    """
    if vertices_features.ndim != 3:
        raise InputError(f"vertices_features: expected [B, V, C], got {list(vertices_features.shape)}")
    if faces.ndim != 2:
        raise InputError(f"faces: expected [F, N], got {list(faces.shape)}")
    flat = vertices_features.index_select(1, faces.reshape(-1).long())
    return flat.reshape(vertices_features.shape[0], *faces.shape, vertices_features.shape[2])


def face_normals(face_vertices: Tensor, unit: bool = False) -> Tensor:
    """Normals of triangles [B, F, 3, 3], counter-clockwise seen from where they point: [B, F, 3].

    Args:
        face_vertices: [B, F, 3, 3].
        unit: True scales them to length 1 (0 for degenerate faces); else the length is twice the area.

    Raises:
        InputError: the faces are not triangles.
    """
    if face_vertices.shape[-2] != 3:
        raise InputError(f"face_vertices: expected [B, F, 3, 3], got {list(face_vertices.shape)}")
    a, b, c = face_vertices.unbind(dim=2)
    normals = torch.linalg.cross(b - a, c - a, dim=2)
    return normals / (normals.norm(dim=2, keepdim=True) + 1e-10) if unit else normals


def face_areas(vertices: Tensor, faces: Tensor) -> Tensor:
    """Areas [B, F] of the triangles `faces` int64 [F, 3] of `vertices` [B, V, 3]."""
    return face_normals(index_vertices_by_faces(vertices, faces)).norm(dim=2) / 2


def adjacency_matrix(num_vertices: int, faces: Tensor, sparse: bool = True) -> Tensor:
    """Which vertices share an edge: 1 at [i, j] and [j, i], float32 [V, V].

    Args:
        num_vertices: V.
        faces: int64 [F, N], polygons; consecutive vertices (and the last and first) share an edge.
        sparse: True returns a sparse COO tensor.
    """
    ends = torch.stack([faces, faces.roll(-1, dims=1)], dim=-1).reshape(-1, 2)
    pairs = torch.cat([ends, ends.flip(1)]).unique(dim=0).T
    ones = torch.ones(pairs.shape[1], device=faces.device)
    if sparse:
        return torch.sparse_coo_tensor(pairs, ones, (num_vertices, num_vertices), check_invariants=True)
    matrix = torch.zeros(num_vertices, num_vertices, device=faces.device)
    matrix[pairs[0], pairs[1]] = 1
    return matrix


def uniform_laplacian(num_vertices: int, faces: Tensor) -> Tensor:
    """Dense float32 [V, V]: -1 on the diagonal, 1 / (neighbours of i) at [i, j] if i and j share an edge."""
    near = adjacency_matrix(num_vertices, faces, sparse=False)
    count = near.sum(dim=1, keepdim=True)
    return near / count.clamp(min=1) - torch.eye(num_vertices, device=faces.device)
