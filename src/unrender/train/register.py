"""One template laid over many shapes, from pictures whose pixels say where on the default object they lie.

Such a pixel is a ray on which a known point of the template's surface must lie. All rays of a shape, from
all its views, make a linear least-squares problem for the vertices (triangulation), and a smooth
displacement fills in what no view shows:

    min_X  sum_p |P_p (sum_k b_pk X_k)|^2 + stiffness |L (X - C)|^2
           + thickness sum_ij |X_i - X_j - C_i + C_j|^2

with b the barycentrics of pixel p's point on the template C, P_p the two linear equations that say that a
point projects to p, L the uniform Laplacian, and i, j vertices on opposite sides of something thin (a seat, a
wing), which would else pass through one another. Shapes registered so differ linearly well enough for
principal components.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unrender.data.multiview import MultiviewObject, MultiviewSet, decode_canonical
from unrender.mesh import vertex_normals
from unrender.template import Template
from unrender.topology import neighbour_table

NEAR = 0.08
"""Pixels farther from the template than this belong to parts that the default object lacks."""
CROWD = 2
"""Pixels a view that may carry the same label."""
FLIP = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Parities:
    """A linear space of registered shapes.

    Attributes:
        mean: float64 [V, 3], mirror-symmetric.
        basis: float64 [K, V, 3], orthonormal times the standard deviation; the symmetric vectors first.
        codes: float64 [N, K], of unit variance; those of each shape.
    """

    mean: np.ndarray
    basis: np.ndarray
    codes: np.ndarray


class Surface:
    """Points of a template's surface by place.

    Args:
        template: topology.
        vertices: [V, 3] canonical places of its vertices.
        by_direction: labels are looked up by their direction from the origin, on the unit sphere.
    """

    def __init__(self, template: Template, vertices: np.ndarray, by_direction: bool = False) -> None:
        from scipy.spatial import cKDTree

        self.template, self.by_direction = template, by_direction
        self.vertices = np.asarray(vertices, dtype=np.float64)
        rng = np.random.default_rng(0)
        corners = self.vertices[template.faces]
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        total = np.cumsum(area)
        picks = (np.arange(20_000) + rng.random(20_000)) / 20_000 * total[-1]
        self.face = np.searchsorted(total, picks, side="right").clip(0, len(area) - 1)
        u, v = rng.random((2, len(picks)))
        root = np.sqrt(u)
        self.weights = np.stack([1 - root, root * (1 - v), root * v], -1)
        self.tree = cKDTree((corners[self.face] * self.weights[..., None]).sum(1))

    def find(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For canonical labels [N, 3]: vertices int [N, 3], barycentrics [N, 3], and whether near, bool
        [N]."""
        if self.by_direction:
            labels = labels / np.maximum(np.linalg.norm(labels, axis=1, keepdims=True), 1e-6)
        distance, index = self.tree.query(labels)
        return self.template.faces[self.face[index]], self.weights[index], distance < NEAR


def labelled_pixels(
    item: MultiviewObject, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Up to `count` random labelled pixels of all views: labels [N, 3], NDC [N, 2] and view int [N].

    Left out are labels that many pixels share: parts that the default object lacks, in one point of it.
    """
    assert item.canonical is not None
    values, seen = decode_canonical(np.asarray(item.canonical))
    view, row, column = np.nonzero(seen)
    values = values[view, row, column]
    many, own = _code_counts(values)
    kept = np.flatnonzero(many[own] <= CROWD * len(item.world_to_camera))
    if len(kept) > count:
        kept = rng.choice(kept, count, replace=False)
    size = item.canonical.shape[1]
    place = np.stack([2 * (column[kept] + 0.5) / size - 1, 1 - 2 * (row[kept] + 0.5) / size], -1)
    return values[kept], place, view[kept]


def _codes(values: np.ndarray) -> np.ndarray:
    """Labels [N, 3] as they are stored: int [N, 3] from 0 to 254."""
    return np.round((values + 1) * 127).astype(np.int64)


def _code_counts(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many pixels carry each label that occurs, and which of them each of the labels [N, 3] is."""
    packed = _codes(values) @ np.array([1, 1 << 8, 1 << 16])
    _, own, many = np.unique(packed, return_inverse=True, return_counts=True)
    return many, own.reshape(-1)


def crowded(values: np.ndarray, views: int) -> np.ndarray:
    """Stored labels int [M, 3] that too many of the pixels with labels [N, 3] of `views` pictures carry."""
    many, own = _code_counts(values)
    return np.unique(_codes(values[many[own] > CROWD * views]), axis=0)


class Registrar:
    """Lays a template over the shapes of a multi-view set.

    Args:
        surface: where labels are looked up.
        rest: [V, 3] what shapes differ from smoothly.
        stiffness: weight of the displacement's Laplacian against a ray.
        thickness: weight of what keeps thin parts as thick as they are.
    """

    def __init__(
        self, surface: Surface, rest: np.ndarray, stiffness: float = 2.0, thickness: float = 2.0
    ) -> None:
        from scipy.sparse import coo_matrix, identity, kron

        self.surface, self.rest = surface, np.asarray(rest, dtype=np.float64)
        index, weight = neighbour_table(surface.template.faces, len(self.rest))
        rows = np.repeat(np.arange(len(index)), index.shape[1])
        average = coo_matrix((weight.reshape(-1), (rows, index.reshape(-1))), (len(index),) * 2)
        laplacian = (identity(len(index)) - average).tocsr()
        pairs = opposite_vertices(self.rest, surface.template.faces)
        ends = np.repeat([1.0, -1.0], len(pairs))
        row = np.tile(np.arange(len(pairs)), 2)
        across = coo_matrix((ends, (row, pairs.T.reshape(-1))), (len(pairs), len(index))).tocsr()
        smooth = stiffness * (laplacian.T @ laplacian) + thickness * (across.T @ across)
        smooth = smooth + 1e-3 * identity(len(index))
        self.smooth: Any = kron(smooth, identity(3)).tocsr()

    def fit(self, item: MultiviewObject, count: int, rng: np.random.Generator) -> np.ndarray:
        """Vertices float64 [V, 3] of an object, world frame."""
        from scipy.sparse import csr_matrix
        from scipy.sparse.linalg import splu

        labels, place, view = labelled_pixels(item, count, rng)
        corner, weight, near = self.surface.find(labels)
        corner, weight, place, view = corner[near], weight[near], place[near], view[near]
        matrix = np.asarray(item.world_to_camera, dtype=np.float64)[view]
        focal = 1 / np.tan(np.radians(item.fov_degrees) / 2)
        depth = np.maximum(np.abs(matrix[:, 2, 3]), 1e-6)
        rows, right = [], []
        for axis in range(2):  # focal * x + ndc * z = 0 in camera axes, in units of the distance
            plane = (focal * matrix[:, axis] + place[:, axis, None] * matrix[:, 2]) / depth[:, None]
            rows.append(weight[:, :, None] * plane[:, None, :3])
            right.append(-plane[:, 3])
        values = np.concatenate(rows).reshape(-1)
        columns = np.tile((3 * corner[:, :, None] + np.arange(3)).reshape(len(corner), 9), (2, 1)).reshape(-1)
        ends = np.arange(0, len(values) + 1, 9)
        rays = csr_matrix((values, columns, ends), (2 * len(corner), self.rest.size))
        target = np.concatenate(right) - rays @ self.rest.reshape(-1)
        normal = (rays.T @ rays + self.smooth).tocsc()
        moved = splu(normal, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(
            rays.T @ target
        )
        return np.asarray(self.rest + moved.reshape(-1, 3))


def opposite_vertices(vertices: np.ndarray, faces: np.ndarray, reach: float = 0.12) -> np.ndarray:
    """Pairs int [P, 2] of vertices within `reach` whose normals look away from one another, across solid."""
    from scipy.spatial import cKDTree

    normals = vertex_normals(vertices, faces).astype(np.float64)
    pairs = cKDTree(vertices).query_pairs(reach, output_type="ndarray")
    apart = vertices[pairs[:, 1]] - vertices[pairs[:, 0]]
    first, second = normals[pairs[:, 0]], normals[pairs[:, 1]]
    length = np.linalg.norm(apart, axis=1)
    opposed = (first * second).sum(1) < -0.3
    behind = ((apart * second).sum(1) > 0.3 * length) & ((apart * first).sum(1) < -0.3 * length)
    return np.asarray(pairs[opposed & behind])


def cloud(data: MultiviewSet, indices: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Canonical labels [N, 3] of `count` random pixels of each object."""
    return np.concatenate([labelled_pixels(data[int(i)], count, rng)[0] for i in indices])


def parities(shapes: np.ndarray, mirror: np.ndarray, symmetric: int, antisymmetric: int) -> Parities:
    """Principal components of shapes, apart for what keeps mirror symmetry and what breaks it.

    Args:
        shapes: [N, V, 3]. mirror: int [V].
        symmetric, antisymmetric: numbers of components; fewer shapes give zero vectors.
    """
    mirrored = shapes[:, mirror] * FLIP
    even, odd = 0.5 * (shapes + mirrored), 0.5 * (shapes - mirrored)
    mean = even.mean(0)
    bases, codes = [], []
    for part, rank in ((even - mean, symmetric), (odd, antisymmetric)):
        left, scale, right = np.linalg.svd(part.reshape(len(shapes), -1), full_matrices=False)
        kept = min(rank, len(scale))
        basis, code = np.zeros((rank, mean.size)), np.zeros((len(shapes), rank))
        root = np.sqrt(len(shapes))
        basis[:kept] = scale[:kept, None] * right[:kept] / root
        code[:, :kept] = left[:, :kept] * root
        bases.append(basis.reshape(rank, *mean.shape))
        codes.append(code)
    return Parities(mean, np.concatenate(bases), np.concatenate(codes, 1))
