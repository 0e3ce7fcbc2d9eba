"""The sphere that every shape is a deformation of: mirror-symmetric, with a two-chart texture atlas.

An icosphere built from the icosahedron with vertices at the cyclic permutations of (0, +-1, +-phi), which the
mirror x -> -x maps onto itself exactly. The atlas has two charts, one for each side of the object, by
Lambert's azimuthal equal-area projection about +x and -x; one is the mirror image u -> 1 - u of the other. v
runs along z, the object's long axis (+Z, the front, at v = 1), and u along y. The faces that straddle x = 0
belong to the +x chart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from unrender.errors import InputError
from unrender.files import write_atomic
from unrender.topology import edge_faces, loop_subdivision

MARGIN = 3 / 256
"""Free border around each chart, in units of the whole atlas: 3 texels at 256."""

STORED = Path(__file__).with_name("template.safetensors")
"""The template of level `STORED_LEVEL` and its texels at `STORED_SIZE`, as `python -m unrender.template`
writes them: they are needed for every photo, and computing them takes a new process a tenth of a second.
"""
STORED_LEVEL, STORED_SIZE = 3, 512

_MIRROR_ORDER = [0, 2, 1]


@dataclass(frozen=True, eq=False)
class Template:
    """An icosphere with mirror table and atlas. Callers share the arrays: do not write into them.

    Attributes:
        level: number of subdivisions of the icosahedron; 3 has 642 vertices, 4 has 2562.
        vertices: float32 [V, 3] on the unit sphere; those of a lower level come first.
        faces: int32 [F, 3], counter-clockwise from outside.
        mirror: int32 [V], the vertex at (-x, y, z); exact, also in float32.
        mirror_faces: int32 [F], the mirrored face, ordered so that
            `faces[mirror_faces] == mirror[faces][:, [0, 2, 1]]`. Faces that straddle x = 0 are their own.
        uvs: float32 [Vt, 2] in [0, 1], origin bottom-left; of mirrored places one is exactly 1 - u of the
            other.
        uv_faces: int32 [F, 3], indices into `uvs`.
        uv_vertices: int32 [Vt], the position index of each uv vertex.
    """

    level: int
    vertices: np.ndarray
    faces: np.ndarray
    mirror: np.ndarray
    mirror_faces: np.ndarray
    uvs: np.ndarray
    uv_faces: np.ndarray
    uv_vertices: np.ndarray

    def split_seam(self) -> np.ndarray:
        """int32 [Vt]: the position of each uv vertex, for formats with one index per vertex such as glTF.

        `vertices[split_seam()]`, `uvs` and `uv_faces` are then one mesh; seam vertices appear twice.
        """
        return self.uv_vertices

    def texels(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Which point of the surface each texel of a square texture shows.

        Args:
            size: side of the texture in texels, at least 8.

        Returns:
            face_index int32 [size, size] (row 0 is v = 1; -1 where there is no surface) and barycentrics
            float32 [size, size, 3] for the corners of that face, in [0, 1], sum 1 (0 where there is no
            surface). A gutter of max(3, size / 64) texels round each chart takes the nearest point of the
            chart, so that bilinear and mipmapped sampling do not meet empty texels. Left and right half are
            mirror images, apart from the faces that straddle x = 0. The result is cached and shared: do not
            write into it.

        Raises:
            InputError: size below 8.
        """
        if size < 8:
            raise InputError(f"size: expected a texture of at least 8 texels a side, got {size}")
        return _texels(self.level, int(size))

    def subdivision(self) -> tuple[np.ndarray, np.ndarray]:
        """Loop subdivision of any shape on this template to the next level, as sparse rows.

        Returns:
            index int32 [V', K] and weight float32 [V', K] with V' the vertex count of `make_template(level +
            1)`: `(weight[..., None] * x[index]).sum(1)` are smooth positions in the vertex order of that
            template.
        """
        return _subdivision(self.level)


def make_template(level: int = 3) -> Template:
    """The icosphere template of a subdivision level: V = 10 * 4^level + 2, F = 20 * 4^level. Cached.

    Raises:
        InputError: level is not an integer in 0..6.
    """
    if level != int(level) or not 0 <= level <= 6:
        raise InputError(f"level: expected an integer from 0 to 6, got {level}")
    return _make_template(int(level))


def _icosahedron() -> tuple[np.ndarray, np.ndarray]:
    phi = (1 + math.sqrt(5)) / 2
    corners = [(0.0, s, t * phi) for s in (-1, 1) for t in (-1, 1)]
    points = np.array([np.roll(corner, shift) for shift in range(3) for corner in corners]) + 0.0
    faces = []
    for a in range(12):
        for b in range(a + 1, 12):
            for c in range(b + 1, 12):
                trio = points[[a, b, c]]
                if np.allclose(np.linalg.norm(trio - np.roll(trio, 1, axis=0), axis=1), 2):
                    outside = np.linalg.det(trio) > 0
                    faces.append((a, b, c) if outside else (a, c, b))
    return points / math.sqrt(1 + phi * phi), np.array(faces, np.int64)


@lru_cache(maxsize=8)
def _sphere(level: int) -> tuple[np.ndarray, np.ndarray]:
    """float64 [V, 3] and int64 [F, 3]; vertices as in `loop_subdivision`, mirror-friendly faces."""
    if level == 0:
        points, faces = _icosahedron()
    else:
        coarse, coarse_faces = _sphere(level - 1)
        pairs = edge_faces(coarse_faces).vertices
        middle = coarse[pairs[:, 0]] + coarse[pairs[:, 1]]
        # Sums of the same terms in the same order: exactly mirror-symmetric in floating point.
        middle = middle / np.sqrt((middle * middle).sum(1, keepdims=True))
        points = np.concatenate([coarse, middle])
        faces = loop_subdivision(coarse_faces, len(coarse))[0].astype(np.int64)
    return points, _mirror_friendly(points, faces)


def _mirror_table(points: np.ndarray) -> np.ndarray:
    """int64 [V]; exact equality is required."""
    place = {tuple(p): i for i, p in enumerate((points + 0.0).tolist())}
    return np.array([place[(-x + 0.0, y, z)] for x, y, z in (points + 0.0).tolist()])


def _mirror_face_table(faces: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    place = {tuple(f): i for i, f in enumerate(np.sort(faces, axis=1).tolist())}
    return np.array([place[tuple(f)] for f in np.sort(mirror[faces], axis=1).tolist()])


def _mirror_friendly(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The same faces with corners rotated so that mirrored faces correspond in the order 0, 2, 1."""
    mirror = _mirror_table(points)
    partner = _mirror_face_table(faces, mirror)
    faces = faces.copy()
    own = np.flatnonzero(partner == np.arange(len(faces)))
    apex = np.argmax(mirror[faces[own]] == faces[own], axis=1)  # the one corner on x = 0
    faces[own] = faces[own[:, None], (apex[:, None] + np.arange(3)) % 3]
    left = np.flatnonzero(points[faces].sum(1)[:, 0] > 1e-9)
    left = np.setdiff1d(left, own)
    faces[partner[left]] = mirror[faces[left]][:, _MIRROR_ORDER]
    return faces


def _lambert(points: np.ndarray) -> np.ndarray:
    """Chart coordinates (along y, along z) [V, 2] about +x; radius 1 is the great circle x = 0."""
    rim = np.hypot(points[:, 1], points[:, 2])
    radius = np.sqrt(np.maximum(1 - points[:, 0], 0))
    scale = np.divide(radius, rim, out=np.zeros_like(radius), where=rim > 1e-12)
    return points[:, 1:] * scale[:, None]


def _in_plus_chart(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    return (points[faces, 0] > 1e-9).any(1)


def _chart_extent(level: int) -> np.ndarray:
    """Largest |chart coordinate| [2] of the +x chart; above 1 where faces straddle x = 0."""
    points, faces = _sphere(level)
    used = np.unique(faces[_in_plus_chart(points, faces)])
    return np.abs(_lambert(points[used])).max(0)


@lru_cache(maxsize=1)
def _stored() -> dict[str, np.ndarray]:
    """The arrays of the file `STORED`; none where it is missing."""
    return load_file(STORED) if STORED.exists() else {}


def _arrays() -> list[str]:
    """The names of a template's arrays."""
    return [item.name for item in fields(Template) if item.name != "level"]


def store(path: Path = STORED) -> None:
    """Write what `STORED` holds."""
    template = compute_template(STORED_LEVEL)
    arrays = {name: getattr(template, name) for name in _arrays()}
    face_index, weights = compute_texels(template, STORED_SIZE)
    texels = {
        "texel_faces": face_index.astype(np.int16),
        "texel_weights": np.ascontiguousarray(weights[..., :2]),  # what the third corner has is the rest
    }
    write_atomic(path, save(arrays | texels))


@lru_cache(maxsize=8)
def _make_template(level: int) -> Template:
    stored = _stored() if level == STORED_LEVEL else {}
    if not stored:
        return compute_template(level)
    return Template(level, **{name: stored[name] for name in _arrays()})


def compute_template(level: int) -> Template:
    """`make_template` without what is stored."""
    points, faces = _sphere(level)
    mirror = _mirror_table(points)
    in_plus = _in_plus_chart(points, faces)
    # Levels from 3 up share one scale, so that a texture made on one fits the others.
    extent = np.maximum(_chart_extent(3), _chart_extent(level))

    plus = np.unique(faces[in_plus])
    minus = np.unique(faces[~in_plus])
    flat = _lambert(points[plus]) / extent
    u = 0.25 + (0.25 - MARGIN) * flat[:, 0]
    u = np.round(u * 2**24) / 2**24  # multiples of 2^-24: 1 - u is exact in float32
    v = 0.5 + (0.5 - MARGIN) * flat[:, 1]
    chart = np.stack([u, v], axis=1).astype(np.float32)
    plus_slot = np.full(len(points), -1)
    plus_slot[plus] = np.arange(len(plus))
    mirrored = chart[plus_slot[mirror[minus]]]
    mirrored[:, 0] = np.float32(1) - mirrored[:, 0]
    minus_slot = np.full(len(points), -1)
    minus_slot[minus] = len(plus) + np.arange(len(minus))
    uv_faces = np.where(in_plus[:, None], plus_slot[faces], minus_slot[faces])
    return Template(
        level=level,
        vertices=points.astype(np.float32),
        faces=faces.astype(np.int32),
        mirror=mirror.astype(np.int32),
        mirror_faces=_mirror_face_table(faces, mirror).astype(np.int32),
        uvs=np.concatenate([chart, mirrored]),
        uv_faces=uv_faces.astype(np.int32),
        uv_vertices=np.concatenate([plus, minus]).astype(np.int32),
    )


@lru_cache(maxsize=8)
def _subdivision(level: int) -> tuple[np.ndarray, np.ndarray]:
    points, faces = _sphere(level)
    _, index, weight = loop_subdivision(faces, len(points))
    return index, weight


@lru_cache(maxsize=8)
def _texels(level: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    stored = _stored() if (level, size) == (STORED_LEVEL, STORED_SIZE) else {}
    if not stored:
        return compute_texels(_make_template(level), size)
    face_index, known = stored["texel_faces"].astype(np.int32), stored["texel_weights"]
    weights = np.empty((*face_index.shape, 3), np.float32)
    weights[..., :2] = known
    weights[..., 2] = (face_index >= 0) * np.maximum(1 - known[..., 0] - known[..., 1], 0)
    return face_index, weights


def compute_texels(template: Template, size: int) -> tuple[np.ndarray, np.ndarray]:
    """`Template.texels` without what is stored."""
    points = template.uvs.astype(np.float64) * [size, -size] + [0, size]  # in pixels, y down
    corners = points[template.uv_faces]
    in_plus = corners[:, :, 0].max(1) < 0.5 * size
    face_index = np.full((size, size), -1, np.int32)
    weights = np.zeros((size, size, 3), np.float32)

    # The +x chart; ties on shared edges go to the face of higher index.
    plus = np.flatnonzero(in_plus)
    low = np.floor(corners[plus].min(1) - 0.5).astype(int)
    span = (np.ceil(corners[plus].max(1) - 0.5).astype(int) - low).max(0) + 1
    dy, dx = np.mgrid[0 : span[1], 0 : span[0]].reshape(2, -1)
    x, y = low[:, :1] + dx, low[:, 1:] + dy
    bary = _barycentrics(corners[plus][:, None], np.stack([x, y], axis=-1) + 0.5)
    inside = (bary >= -1e-9).all(-1) & (x >= 0) & (y >= 0) & (x < size) & (y < size)
    which, slot = np.nonzero(inside)
    face_index[y[which, slot], x[which, slot]] = plus[which]
    weights[y[which, slot], x[which, slot]] = np.clip(bary[which, slot], 0, 1)

    # The -x chart is its mirror image, without the faces that straddle x = 0.
    half = size // 2
    source = face_index[:, :half]
    straddles = template.mirror_faces == np.arange(len(template.faces))
    mirrored = (source >= 0) & ~straddles[source]
    face_index[:, size - half :] = np.where(mirrored, template.mirror_faces[source], -1)[:, ::-1]
    flipped = np.where(mirrored[..., None], weights[:, :half][..., _MIRROR_ORDER], 0)
    weights[:, size - half :] = flipped[:, ::-1]

    _fill_gutter(template, points, face_index, weights, gutter=max(3, size // 64))
    weights /= np.maximum(weights.sum(-1, keepdims=True), 1e-12)
    return face_index, weights


def _barycentrics(corners: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Barycentric coordinates [..., 3] of points [..., 2] in triangles [..., 3, 2]."""
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    e1, e2, d = b - a, c - a, points - a
    area = e1[..., 0] * e2[..., 1] - e1[..., 1] * e2[..., 0]
    second = (d[..., 0] * e2[..., 1] - d[..., 1] * e2[..., 0]) / area
    third = (e1[..., 0] * d[..., 1] - e1[..., 1] * d[..., 0]) / area
    return np.stack([1 - second - third, second, third], axis=-1)


def _fill_gutter(
    template: Template, points: np.ndarray, face_index: np.ndarray, weights: np.ndarray, gutter: int
) -> None:
    """Give empty texels within `gutter` of a chart the nearest point of its boundary, in place."""
    table = edge_faces(template.uv_faces)
    rim = np.flatnonzero(table.is_boundary)
    start, end = points[table.vertices[rim, 0]], points[table.vertices[rim, 1]]
    size = len(face_index)
    best = np.full((size, size), float(gutter) + 0.5)
    for edge, a, b in zip(rim, start, end, strict=True):
        low = np.maximum(np.floor(np.minimum(a, b)).astype(int) - gutter - 1, 0)
        high = np.minimum(np.ceil(np.maximum(a, b)).astype(int) + gutter + 1, size)
        ys, xs = np.mgrid[low[1] : high[1], low[0] : high[0]]
        along = ((xs + 0.5 - a[0]) * (b - a)[0] + (ys + 0.5 - a[1]) * (b - a)[1]) / ((b - a) ** 2).sum()
        along = np.clip(along, 0, 1)
        distance = np.hypot(a[0] + along * (b - a)[0] - xs - 0.5, a[1] + along * (b - a)[1] - ys - 0.5)
        window = (slice(low[1], high[1]), slice(low[0], high[0]))
        empty = (face_index[window] < 0) | (best[window] < gutter + 0.5)
        closer = empty & (distance < best[window])
        best[window][closer] = distance[closer]
        face = table.faces[edge, 0]
        corner = template.uv_faces[face]
        face_index[window][closer] = face
        share = np.zeros((int(closer.sum()), 3), np.float32)
        share[:, int(np.argmax(corner == table.vertices[edge, 0]))] = 1 - along[closer]
        share[:, int(np.argmax(corner == table.vertices[edge, 1]))] = along[closer]
        weights[window][closer] = share


if __name__ == "__main__":
    store()
