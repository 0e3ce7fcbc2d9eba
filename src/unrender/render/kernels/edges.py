"""Which faces share an edge: a ring of half-edges for every edge.

Half-edge 3 f + k is the edge of face f opposite its corner k. `links[h]` is the next half-edge on the same
two vertices, cyclic; a boundary edge's half-edge links to itself. Any number of faces may share an edge.
"""

from __future__ import annotations

import numpy as np

from unrender.render.kernels.jit import jit


def edge_links(faces: np.ndarray) -> np.ndarray:
    """int32 [3 F] links of faces int32 [F, 3], all indices >= 0."""
    count = int(faces.max()) + 1 if faces.size else 0
    links = np.arange(faces.size, dtype=np.int32)
    _link(faces, np.zeros(count + 1, np.int64), np.empty(faces.size, np.int32), links)
    return links


@jit
def _ends(faces, half):
    face, corner = half // 3, half % 3
    a, b = faces[face, (corner + 1) % 3], faces[face, (corner + 2) % 3]
    return min(a, b), max(a, b)


@jit
def _link(faces, first, order, links):
    """Half-edges sorted by their lower vertex into `order`; those with the same upper one are linked."""
    total = 3 * faces.shape[0]
    for half in range(total):
        first[_ends(faces, half)[0] + 1] += 1
    for vertex in range(first.shape[0] - 1):
        first[vertex + 1] += first[vertex]
    for half in range(total - 1, -1, -1):
        low = _ends(faces, half)[0]
        first[low + 1] -= 1
        order[first[low + 1]] = half
    # first[v + 1] is now where vertex v's half-edges begin
    for vertex in range(first.shape[0] - 1):
        begin = first[vertex + 1]
        end = first[vertex + 2] if vertex + 2 < first.shape[0] else total
        for i in range(begin, end):
            half = order[i]
            if links[half] != half:
                continue
            high, last = _ends(faces, half)[1], half
            for j in range(i + 1, end):
                if _ends(faces, order[j])[1] == high:
                    links[last] = order[j]
                    last = order[j]
            links[last] = half
