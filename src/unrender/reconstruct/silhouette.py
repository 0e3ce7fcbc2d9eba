"""The silhouette of a closed mesh from its outline alone: which pixels it covers, and which edges bound it.

Of a closed mesh the faces that point to the camera cover a pixel as often as the oriented edges between front
and back faces wind round it: edges between two front faces cancel. So only some hundred edges are drawn, each
as one step a row, and sums along the rows are the coverage.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from unrender.render.kernels.jit import pasted, relaxed
from unrender.topology import edge_faces

NEAREST = 0.05
"""Depth in object radii from which on a vertex is in front of the camera."""


class Geometry(NamedTuple):
    """What is looked at.

    Attributes:
        mean: float64 [V, 3]. basis: float [V, 3, N]. faces: int32 [F, 3] of a closed mesh.
        edges: int32 [E, 4], see `unrender.reconstruct.silhouette.draw_outline`.
        focal: in pixels of the compared pictures.
    """

    mean: np.ndarray
    basis: np.ndarray
    faces: np.ndarray
    edges: np.ndarray
    focal: float


class View(NamedTuple):
    """What `see` finds: arrays of `look` and `draw_outline`."""

    vertices: np.ndarray
    local: np.ndarray
    pixels: np.ndarray
    front: np.ndarray
    counts: np.ndarray
    chosen: np.ndarray
    middle: np.ndarray
    normal: np.ndarray
    length: np.ndarray

    @classmethod
    def room(cls, geometry: Geometry, size: int) -> View:
        """Arrays for pictures of `size` pixels a side."""
        vertices, edges = len(geometry.mean), len(geometry.edges)
        return cls(
            np.empty((vertices, 3)), np.empty((vertices, 3)), np.empty((vertices, 2)),
            np.empty(len(geometry.faces), np.bool_), np.empty((size, size + 1), np.int32),
            np.empty(edges, np.int32), np.empty((edges, 2)), np.empty((edges, 2)), np.empty(edges),
        )  # fmt: skip


def directed_edges(faces: np.ndarray) -> np.ndarray:
    """Edges int32 [E, 4] of a closed mesh's faces int32 [F, 3].

    Two vertices in the order in which the first face has them, the first face, the second face.
    """
    table = edge_faces(faces)
    corners, (a, b) = faces[table.faces[:, 0]], table.vertices.T
    ahead = ((corners == a[:, None]) & (np.roll(corners, -1, axis=1) == b[:, None])).any(1)
    ends = np.where(ahead[:, None], table.vertices, table.vertices[:, ::-1])
    return np.ascontiguousarray(np.concatenate([ends, table.faces], axis=1), np.int32)


@pasted
def look(mean, basis, pose, focal, size, vertices, local, pixels):
    """Deform and project: whether every vertex is in front of the camera and finite.

    mean [V, 3] and basis [V, 3, N], object frame; pose [12 + N] as in `unrender.reconstruct.step`; focal and
    size (side of the square picture) in pixels. Written: vertices [V, 3], local [V, 3] (camera frame), pixels
    [V, 2].
    """
    half = 0.5 * size
    unknowns = pose[12:].astype(basis.dtype)
    zero = unknowns[0] * 0
    nearest, total = 1e30, 0.0
    for i in range(mean.shape[0]):
        for axis in range(3):
            row, offset = basis[i, axis], zero
            for k in range(unknowns.shape[0]):
                offset += row[k] * unknowns[k]
            vertices[i, axis] = mean[i, axis] + offset
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        for k in range(3):
            local[i, k] = pose[3 * k] * x + pose[3 * k + 1] * y + pose[3 * k + 2] * z + pose[9 + k]
        depth = -local[i, 2]
        nearest = depth if depth < nearest else nearest
        pixels[i, 0] = half + focal * local[i, 0] / depth
        pixels[i, 1] = half - focal * local[i, 1] / depth
        total += pixels[i, 0] + pixels[i, 1]
    return nearest > NEAREST and np.isfinite(total)


@pasted
def draw_outline(pixels, faces, edges, front, counts, chosen, middle, normal, length):
    """Coverage, and the edges of the outline.

    pixels float64 [V, 2], all in front of the camera; faces int32 [F, 3] of a closed mesh, counter-clockwise
    from outside; edges int32 [E, 4]: two vertices in the order of the first face, first and second face.
    Written: front bool [F]; counts int32 [S, S + 1], how many front faces cover a pixel (last column unused);
    of each outline edge chosen int32 [E] (which), middle [E, 2], outward normal [E, 2] and length [E]
    in pixels. Edges that the shape itself hides are no part of the outline.

    Returns:
        How many edges the outline has.
    """
    size = counts.shape[0]
    counts[:] = 0
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        area = (pixels[b, 0] - pixels[a, 0]) * (pixels[c, 1] - pixels[a, 1]) - (
            pixels[b, 1] - pixels[a, 1]
        ) * (pixels[c, 0] - pixels[a, 0])
        front[f] = area < 0.0
    found = 0
    for e in range(edges.shape[0]):
        ahead = front[edges[e, 2]]
        if ahead == front[edges[e, 3]]:
            continue
        a, b = (edges[e, 0], edges[e, 1]) if ahead else (edges[e, 1], edges[e, 0])
        ua, va, ub, vb = pixels[a, 0], pixels[a, 1], pixels[b, 0], pixels[b, 1]
        turn = 1 if vb > va else -1
        first, last = (va, vb) if vb > va else (vb, va)
        if last > 0.5 and first < size - 0.5:
            top = int(np.ceil(first - 0.5)) if first > 0.5 else 0
            bottom = int(np.ceil(last - 0.5)) if last < size - 0.5 else size
            slope = (ub - ua) / (vb - va) if vb != va else 0.0
            for row in range(top, bottom):
                u = ua + (row + 0.5 - va) * slope
                column = int(np.ceil(u - 0.5)) if u > 0.5 else 0
                counts[row, column if u < size - 0.5 else size] += turn
        du, dv = ub - ua, vb - va
        extent = np.sqrt(du * du + dv * dv)
        if extent < 1e-6:
            continue
        chosen[found] = e
        middle[found, 0], middle[found, 1] = 0.5 * (ua + ub), 0.5 * (va + vb)
        normal[found, 0], normal[found, 1] = -dv / extent, du / extent
        length[found] = extent
        found += 1
    for row in range(size):
        count = 0
        for column in range(size):
            count += counts[row, column]
            counts[row, column] = count
    kept = 0
    for i in range(found):
        column = np.floor(middle[i, 0] + normal[i, 0])
        row = np.floor(middle[i, 1] + normal[i, 1])
        if 0 <= column < size and 0 <= row < size and counts[int(row), int(column)] > 0:
            continue
        chosen[kept], length[kept] = chosen[i], length[i]
        for k in range(2):
            middle[kept, k], normal[kept, k] = middle[i, k], normal[i, k]
        kept += 1
    return kept


@pasted
def overlap_count(counts, mask):
    """Intersection over union of what is covered (counts [S, S + 1] above 0) and a bool mask [S, S]."""
    both = either = 0
    for i in range(mask.shape[0]):
        for j in range(mask.shape[1]):
            covered = counts[i, j] > 0
            both += covered & mask[i, j]
            either += covered | mask[i, j]
    return both / either if either else 0.0


@relaxed
def see(geometry, mask, pose, view):
    """Look at a pose: the intersection over union with a mask [S, S], and how many edges its outline has.

    view: a `View`, overwritten. 0 and 0 where the shape is not wholly in front of the camera.
    """
    if not look(
        geometry.mean,
        geometry.basis,
        pose,
        geometry.focal,
        mask.shape[0],
        view.vertices,
        view.local,
        view.pixels,
    ):
        return 0.0, 0
    found = draw_outline(
        view.pixels,
        geometry.faces,
        geometry.edges,
        view.front,
        view.counts,
        view.chosen,
        view.middle,
        view.normal,
        view.length,
    )
    return overlap_count(view.counts, mask), found
