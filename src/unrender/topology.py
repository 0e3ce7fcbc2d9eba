"""Connectivity of triangle meshes: edges, neighbours, Laplacians, Loop subdivision, seam merging.

Faces are integer [F, 3], counter-clockwise seen from outside. Everything is plain numpy; sparse operators
come as index and value arrays, so that any array library can apply them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrender.errors import MeshError


@dataclass(frozen=True, eq=False)
class EdgeTable:
    """The undirected edges of a mesh and the faces that share them.

    Attributes:
        vertices: int32 [E, 2], lower vertex index first, rows in lexicographic order, no duplicates.
        faces: int32 [E, 2], the one or two faces at the edge; -1 in the second column on a boundary.
        opposite: int32 [E, 2], the vertex of each of those faces that is not on the edge; -1 where there is
            no face.
    """

    vertices: np.ndarray
    faces: np.ndarray
    opposite: np.ndarray

    @property
    def is_boundary(self) -> np.ndarray:
        """bool [E], true where an edge has one face only."""
        return self.faces[:, 1] < 0


def check_faces(faces: np.ndarray, vertex_count: int | None = None) -> np.ndarray:
    """`faces` as an int64 [F, 3] array after checking shape, dtype and index range.

    Raises:
        MeshError: not an integer [F, 3] array, a negative index, or an index of `vertex_count` and more.
    """
    faces = np.asarray(faces)
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise MeshError(f"faces: expected an integer [F, 3] array of triangles, got shape {faces.shape}")
    if not np.issubdtype(faces.dtype, np.integer):
        raise MeshError(f"faces: expected integers, got {faces.dtype}; convert with faces.astype('int32')")
    if faces.size and int(faces.min()) < 0:
        raise MeshError(f"faces: contains the negative vertex index {int(faces.min())}")
    if vertex_count is not None and faces.size and int(faces.max()) >= vertex_count:
        raise MeshError(f"faces: vertex index {int(faces.max())} is out of range for {vertex_count} vertices")
    return faces.astype(np.int64, copy=False)


def _half_edges(faces: np.ndarray) -> np.ndarray:
    """int64 [3F, 2]; entry 3 f + k runs from corner k to corner k + 1 of face f."""
    return np.stack([faces, faces[:, [1, 2, 0]]], axis=-1).reshape(-1, 2)


def edges(faces: np.ndarray) -> np.ndarray:
    """Unique undirected edges, int32 [E, 2], lower index first, in lexicographic order."""
    faces = check_faces(faces)
    if not len(faces):
        return np.zeros((0, 2), np.int32)
    pairs = np.sort(_half_edges(faces), axis=1)
    stride = int(faces.max()) + 1
    keys = np.unique(pairs[:, 0] * stride + pairs[:, 1])
    return np.stack([keys // stride, keys % stride], axis=1).astype(np.int32)


def edge_faces(faces: np.ndarray) -> EdgeTable:
    """Edges with their one or two faces and opposite vertices.

    The first face column is the face of lower index.

    Raises:
        MeshError: an edge has more than two faces (non-manifold).
    """
    faces = check_faces(faces)
    if not len(faces):
        empty = np.zeros((0, 2), np.int32)
        return EdgeTable(empty, empty, empty)
    pairs = np.sort(_half_edges(faces), axis=1)
    stride = int(faces.max()) + 1
    keys = pairs[:, 0] * stride + pairs[:, 1]
    order = np.argsort(keys, kind="stable")
    unique, start, count = np.unique(keys[order], return_index=True, return_counts=True)
    if int(count.max()) > 2:
        worst = int(np.argmax(count))
        a, b = int(unique[worst] // stride), int(unique[worst] % stride)
        raise MeshError(
            f"faces: edge ({a}, {b}) belongs to {int(count[worst])} faces; a manifold mesh has at most two, "
            "split or remove the extra faces"
        )
    vertices = np.stack([unique // stride, unique % stride], axis=1)
    corner_opposite = faces[:, [2, 0, 1]].reshape(-1)
    owner = np.full((len(unique), 2), -1, np.int64)
    opposite = np.full((len(unique), 2), -1, np.int64)
    first = order[start]
    owner[:, 0], opposite[:, 0] = first // 3, corner_opposite[first]
    double = count == 2
    second = order[start[double] + 1]
    owner[double, 1], opposite[double, 1] = second // 3, corner_opposite[second]
    return EdgeTable(vertices.astype(np.int32), owner.astype(np.int32), opposite.astype(np.int32))


def adjacency(faces: np.ndarray, vertex_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours of each vertex in compressed rows.

    Returns:
        offsets int32 [V + 1] and neighbours int32 [2 E]: those of vertex i are
        neighbours[offsets[i]:offsets[i + 1]], in ascending order.
    """
    check_faces(faces, vertex_count)
    pairs = edges(faces)
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    offsets = np.zeros(vertex_count + 1, np.int32)
    np.cumsum(np.bincount(both[:, 0], minlength=vertex_count), out=offsets[1:])
    return offsets, np.ascontiguousarray(both[:, 1])


def neighbour_table(faces: np.ndarray, vertex_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours of each vertex in a rectangular table, for gathers of fixed size.

    Returns:
        index int32 [V, K] (K the largest valence, padded with the vertex itself) and weight float32 [V, K]
        (1 / valence, 0 on padding). `(weight[..., None] * x[index]).sum(1) - x` is the uniform Laplacian
        (a vertex without neighbours has weight 0 throughout).
    """
    offsets, neighbours = adjacency(faces, vertex_count)
    valence = np.diff(offsets)
    width = max(int(valence.max(initial=0)), 1)
    index = np.repeat(np.arange(vertex_count, dtype=np.int32)[:, None], width, axis=1)
    weight = np.zeros((vertex_count, width), np.float32)
    rows = np.repeat(np.arange(vertex_count), valence)
    columns = np.arange(len(neighbours)) - np.repeat(offsets[:-1], valence)
    index[rows, columns] = neighbours
    weight[rows, columns] = 1.0 / valence[rows]
    return index, weight


def uniform_laplacian(faces: np.ndarray, vertex_count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Uniform (umbrella) Laplacian L = D^-1 A - I as a sparse matrix.

    Returns:
        rows int32 [N], columns int32 [N], values float32 [N]; (L x)_i is the mean of the neighbours minus
        x_i. A vertex without neighbours has an empty row.
    """
    offsets, neighbours = adjacency(faces, vertex_count)
    valence = np.diff(offsets)
    rows = np.repeat(np.arange(vertex_count, dtype=np.int32), valence)
    used = np.flatnonzero(valence).astype(np.int32)
    values = np.concatenate([1.0 / valence[rows], -np.ones(len(used))]).astype(np.float32)
    return np.concatenate([rows, used]), np.concatenate([neighbours, used]), values


def cotangent_weights(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cotangent weight of each edge, w_ij = (cot a + cot b) / 2 (Pinkall and Polthier 1993).

    Args:
        vertices: float [V, 3], any unit.
        faces: int [F, 3], manifold.

    Returns:
        edges int32 [E, 2] as from `edges`, and weights float64 [E]. Degenerate faces contribute 0.
    """
    points = np.asarray(vertices, dtype=np.float64)
    faces = check_faces(faces, len(points))
    table = edge_faces(faces)
    weights = np.zeros(len(table.vertices))
    for side in range(2):
        present = table.opposite[:, side] >= 0
        apex = points[table.opposite[present, side]]
        a = points[table.vertices[present, 0]] - apex
        b = points[table.vertices[present, 1]] - apex
        dot = np.einsum("ij,ij->i", a, b)
        area = np.linalg.norm(np.cross(a, b), axis=1)
        scale = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        solid = area > 1e-12 * scale
        weights[present] += 0.5 * np.divide(dot, area, out=np.zeros_like(dot), where=solid)
    return table.vertices, weights


def cotangent_laplacian(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Symmetric cotangent Laplacian as a sparse matrix: (L x)_i = sum_j w_ij (x_j - x_i).

    Returns:
        rows int32 [N], columns int32 [N], values float64 [N], with one diagonal entry for every vertex. The
        mass matrix is not included.
    """
    pairs, weights = cotangent_weights(vertices, faces)
    count = len(vertices)
    diagonal = np.zeros(count)
    np.subtract.at(diagonal, pairs.reshape(-1), np.repeat(weights, 2))
    every = np.arange(count, dtype=np.int32)
    rows = np.concatenate([pairs[:, 0], pairs[:, 1], every])
    columns = np.concatenate([pairs[:, 1], pairs[:, 0], every])
    return rows, columns, np.concatenate([weights, weights, diagonal])


def is_watertight(faces: np.ndarray) -> bool:
    """Whether every edge has exactly two faces. A mesh without faces is not watertight.

    Vertices duplicated along a texture seam count as different: use `merge_vertices` first.
    """
    faces = check_faces(faces)
    if not len(faces):
        return False
    pairs = np.sort(_half_edges(faces), axis=1)
    keys = pairs[:, 0] * (int(faces.max()) + 1) + pairs[:, 1]
    return bool((np.unique(keys, return_counts=True)[1] == 2).all())


def is_consistently_wound(faces: np.ndarray) -> bool:
    """Whether no two faces run along a shared edge in the same direction."""
    faces = check_faces(faces)
    if not len(faces):
        return True
    half = _half_edges(faces)
    keys = half[:, 0] * (int(faces.max()) + 1) + half[:, 1]
    return len(np.unique(keys)) == len(keys)


def merge_vertices(
    vertices: np.ndarray, faces: np.ndarray, tolerance: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Join vertices at the same place, such as those that a texture seam has duplicated.

    Args:
        vertices: float [V, 3], any unit.
        faces: int [F, 3].
        tolerance: 0 joins equal coordinates; otherwise coordinates are compared after rounding to multiples
            of it (two points closer than that may still round apart).

    Returns:
        vertices [V', 3] (the first of each group, in order of first appearance), faces int32 [F', 3] without
        those that lost a corner, and old_to_new int32 [V].

    Raises:
        MeshError: a face index out of range, or a negative tolerance.
    """
    points = np.asarray(vertices)
    faces = check_faces(faces, len(points))
    if tolerance < 0:
        raise MeshError(f"tolerance: expected 0 or more, in the unit of the vertices, got {tolerance}")
    keys = points + 0.0 if tolerance == 0 else np.round(points / tolerance) + 0.0  # + 0.0 turns -0 into 0
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    old_to_new = rank[inverse.reshape(-1)].astype(np.int32)
    joined = old_to_new[faces]
    a, b, c = joined.T
    joined = joined[(a != b) & (b != c) & (c != a)]
    return points[first[order]], joined, old_to_new


def loop_subdivision(faces: np.ndarray, vertex_count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One step of Loop subdivision (Loop 1987) as a linear map.

    New vertices are the V old ones followed by one for each edge, in the order of `edges`. Boundary vertices
    and edges follow the cubic B-spline rule, so that an open mesh keeps its boundary curve.

    Returns:
        fine_faces int32 [4 F, 3]: of face f the three corner triangles 4 f .. 4 f + 2 and the middle one 4 f
        + 3, wound like f; index int32 [V + E, K] and weight float32 [V + E, K], rows that sum to 1, such that
        `(weight[..., None] * x[index]).sum(1)` are the new positions.

    Raises:
        MeshError: faces out of range, or an edge with more than two faces.
    """
    faces = check_faces(faces, vertex_count)
    table = edge_faces(faces)
    pairs, boundary = table.vertices.astype(np.int64), table.is_boundary
    ring, ring_weight = neighbour_table(faces, vertex_count)
    present = ring_weight > 0
    valence = present.sum(1)
    width = max(1 + ring.shape[1], 4)
    total = vertex_count + len(pairs)
    index = np.zeros((total, width), np.int32)
    weight = np.zeros((total, width), np.float64)

    count = np.maximum(valence, 1)
    beta = (5 / 8 - (3 / 8 + np.cos(2 * np.pi / count) / 4) ** 2) / count
    old = slice(0, vertex_count)
    index[old] = np.arange(vertex_count)[:, None]
    index[old, 1 : 1 + ring.shape[1]] = ring
    weight[old, 1 : 1 + ring.shape[1]] = np.where(present, beta[:, None], 0)
    on_boundary = np.zeros(vertex_count, bool)
    on_boundary[pairs[boundary].reshape(-1)] = True
    if boundary.any():
        stride = vertex_count
        rim = np.concatenate([pairs[boundary], pairs[boundary][:, ::-1]])
        rim_keys = rim[:, 0] * stride + rim[:, 1]
        keys = np.arange(vertex_count)[:, None] * stride + ring
        along = np.isin(keys, rim_keys) & present
        plain = along.sum(1) == 2  # elsewhere (a vertex where two boundaries touch) the vertex stays
        edge_rule = np.where(along & plain[:, None], 1 / 8, 0)
        weight[old, 1 : 1 + ring.shape[1]] = np.where(
            on_boundary[:, None], edge_rule, weight[old, 1 : 1 + ring.shape[1]]
        )
    weight[old, 0] = 1 - weight[old, 1:].sum(1)

    new = slice(vertex_count, total)
    index[new] = pairs[:, :1]
    index[new, 1] = pairs[:, 1]
    index[new, 2:4] = np.where(table.opposite >= 0, table.opposite, pairs[:, :1])
    weight[new, :2] = np.where(boundary, 1 / 2, 3 / 8)[:, None]
    weight[new, 2:4] = np.where(boundary, 0, 1 / 8)[:, None]

    half = np.sort(_half_edges(faces), axis=1)
    keys = pairs[:, 0] * vertex_count + pairs[:, 1]
    middle = vertex_count + np.searchsorted(keys, half[:, 0] * vertex_count + half[:, 1]).reshape(-1, 3)
    a, b, c = faces.T
    ab, bc, ca = middle.T
    fine = np.stack([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], axis=1).reshape(-1, 3)
    return fine.astype(np.int32), index, weight.astype(np.float32)
