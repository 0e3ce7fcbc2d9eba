"""Soft silhouette of DIB-R (Chen et al., NeurIPS 2019, arXiv 1908.01210, eq. 4-5), with a smooth end.

On covered pixels 1; elsewhere A = 1 - prod_j (1 - q_j), q_j = exp(-s) fade(s), s = d_j^2 / delta, d_j the
distance from the pixel centre to the projected face j in NDC units of the shorter image side (that side is 2
long). fade is 1 for s <= 4 and falls as the cubic smoothstep to exactly 0 at s = 8, so A has a continuous
gradient and a face reaches no further than sqrt(8 delta). "nearest" keeps only the nearest face's factor.

Most faces touch no uncovered pixel: a summed-area table of the pixels that matter tells so from a face's
bounding box. The pixels of the remaining boxes go through the loops of `falloff`, written for SIMD.
"""

from __future__ import annotations

import math

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.falloff import (
    CHUNK,
    FADE_END,
    LANES,
    choose,
    factor,
    lower,
    multiply,
    multiply_and_keep,
    pull,
    pull_nearest,
    recall,
)
from unrender.render.kernels.jit import inline, jit
from unrender.render.kernels.memory import empty, zeros
from unrender.render.kernels.rasterize import even_rows, every_face

COMBINE = {"product": 0, "nearest": 1}

Memory = tuple[np.ndarray, np.ndarray, np.ndarray]
"""pairs [B, 4, H W], targets int32 [B, H W] and heads int32 [B, bands, 1 + 2 F]: what `draw` leaves for
`pull_back`. heads[..., 0] is the number of faces (-1: there was no room for all), then come each face and the
end of its entries, which begin at the band's first row times W.
"""


def no_memory(dtype: np.dtype) -> Memory:
    """A `Memory` that keeps nothing: of the same types, so that one compiled kernel does for both."""
    return np.empty((1, 4, 0), dtype), np.empty((1, 0), np.int32), np.full((1, 1, 1), -1, np.int32)


def forward(
    clip: np.ndarray,
    faces: np.ndarray,
    face_index: np.ndarray,
    delta: float,
    combine: int = 0,
    threads: int = 1,
    spans: np.ndarray | None = None,
) -> np.ndarray:
    """Soft mask without checking arguments.

    Args:
        clip: [B, V, 4] float32 or float64, C-contiguous.
        faces: [F, 3] int32. Faces with a vertex that is not finite or is behind the near plane do not count.
        face_index: [B, H, W] int32 from `rasterize.forward`.
        delta: squared length scale in NDC of the shorter side, > 0.
        combine: 0 product, 1 nearest.
        threads: how many threads to use.
        spans: int32 [B, 2], the faces of each image as in `rasterize.forward`.

    Returns:
        [B, H, W] in [0, 1], clip's dtype.
    """
    batch, height, width = face_index.shape
    out = empty((batch, height, width), clip.dtype)
    spans = every_face(batch, faces.shape[0]) if spans is None else spans
    bands = pool.picture_bands(batch, height, threads)
    rows, nothing = even_rows(batch, bands, height), no_memory(clip.dtype)

    def work(begin: int, end: int) -> None:
        draw(begin, end, rows, clip, faces, spans, face_index, delta, combine, out, *nothing)

    pool.run(work, batch * bands, threads)
    return out


def vjp(
    clip: np.ndarray,
    faces: np.ndarray,
    face_index: np.ndarray,
    mask: np.ndarray,
    grad_mask: np.ndarray,
    delta: float,
    combine: int = 0,
    threads: int = 1,
    spans: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient at `clip` [B, V, 4] of a loss with gradient `grad_mask` at the result `mask` of `forward`."""
    batch, height, width = face_index.shape
    bands = pool.accumulation_bands(batch, height, width)
    grad = zeros((batch * bands, clip.shape[1], 4), clip.dtype)
    spans = every_face(batch, faces.shape[0]) if spans is None else spans

    rows, nothing = even_rows(batch, bands, height), no_memory(clip.dtype)

    def work(begin: int, end: int) -> None:
        pull_back(
            begin, end, rows, clip, faces, spans, face_index, mask, grad_mask, delta, combine, grad, *nothing
        )

    pool.run(work, batch * bands, threads)
    return grad if bands == 1 else grad.reshape(batch, bands, -1, 4).sum(axis=1)


@jit
def _project(clip, height, width, points):
    """Vertices in pixels, pixel centres at integers; NaN where a vertex cannot be projected."""
    half_x, half_y = 0.5 * width, 0.5 * height
    for vertex in range(clip.shape[0]):
        x, y = np.float64(clip[vertex, 0]), np.float64(clip[vertex, 1])
        z, w = np.float64(clip[vertex, 2]), np.float64(clip[vertex, 3])
        points[vertex, 0] = np.nan
        if w > 0.0 and z >= -w and math.isfinite(z) and math.isfinite(w):
            scale = 1.0 / w
            u, v = (x * scale + 1.0) * half_x - 0.5, (1.0 - y * scale) * half_y - 0.5
            if abs(u) < 1e9 and abs(v) < 1e9:
                points[vertex, 0], points[vertex, 1] = u, v


@jit
def _survey(values, table, runs):
    """Where the values that matter (not 0) are; returns how many.

    table[r, c] counts them in rows [0, r) and columns [0, c); runs[0, r, c] is the first column >= c of row r
    that matters, runs[1, r, c] the last one <= c.
    """
    rows, width = table.shape[0] - 1, table.shape[1] - 1
    table[0, :] = 0
    for row in range(rows):
        total, last = 0, -1
        table[row + 1, 0] = 0
        for column in range(width):
            if values[row, column] != 0:
                total += 1
                last = column
            runs[1, row, column] = last
            table[row + 1, column + 1] = table[row, column + 1] + total
        if total == 0:
            runs[0, row, :] = width
            continue
        last = width
        for column in range(width - 1, -1, -1):
            if values[row, column] != 0:
                last = column
            runs[0, row, column] = last
    return table[rows, width]


@inline
def _box(triangle, radius, width, top, bottom, table):
    """Columns and rows a face can reach, empty (left > right) if no pixel that matters is among them."""
    x0, y0, x1, y1, x2, y2 = triangle
    if math.isnan(x0 + x1 + x2):
        return 0, -1, 0, -1
    low, high = min(y0, y1, y2) - radius, max(y0, y1, y2) + radius
    start, stop = min(x0, x1, x2) - radius, max(x0, x1, x2) + radius
    if not (start <= width - 1.0 and stop >= 0.0 and low <= bottom - 1.0 and high >= top):
        return 0, -1, 0, -1
    left, right = math.ceil(max(start, 0.0)), math.floor(min(stop, width - 1.0))
    upper, lower = math.ceil(max(low, float(top))), math.floor(min(high, bottom - 1.0))
    if left > right or upper > lower:
        return 0, -1, 0, -1
    a, b = upper - top, lower + 1 - top
    if table[b, right + 1] - table[a, right + 1] - table[b, left] + table[a, left] == 0:
        return 0, -1, 0, -1
    return left, right, upper, lower


@inline
def _tallest(begin, end, rows):
    """Rows of the tallest of the bands begin..end-1."""
    most, bands = 0, rows.shape[1] - 1
    for item in range(begin, end):
        most = max(most, rows[item // bands, item % bands + 1] - rows[item // bands, item % bands])
    return most


@jit
def draw(begin, end, rows, clip, faces, spans, index, delta, combine, out, pairs, targets, heads):
    """The bands begin..end-1 of all images' masks into `out` [B, H, W] (`rows` as in `rasterize.Finish`).

    `pairs`, `targets` and `heads` are a `Memory` to fill.
    """
    height, width = index.shape[1], index.shape[2]
    bands, most, cast = rows.shape[1] - 1, _tallest(begin, end, rows), clip.dtype.type
    tables, runs = np.empty((most + 1, width + 1), np.int32), np.empty((2, most, width), np.int32)
    fields = np.empty((most + 1, width + LANES), clip.dtype)
    pixels, results = np.empty((3, most * width + 2 * LANES), clip.dtype), np.empty(5 * CHUNK, clip.dtype)
    places = np.empty(most * width + 2 * LANES, np.int32)
    points = np.empty((clip.shape[1], 2), np.float64)
    scale = (2.0 / min(height, width)) ** 2 / delta
    radius, keep = math.sqrt(FADE_END / scale), np.int64(pairs.shape[2] > 0)
    # the product of (1 - q), or the smallest s, of uncovered pixels; 0 on covered ones, which stays 0
    start = cast(FADE_END if combine else 1.0)
    for item in range(begin, end):
        image, band = item // bands, item % bands
        top, bottom = np.int64(rows[image, band]), np.int64(rows[image, band + 1])
        field, owners, result = fields[: bottom - top + 1], index[image], out[image]
        _project(clip[image], height, width, points)
        field[bottom - top, :] = 0.0
        for row in range(bottom - top):
            for column in range(width):
                field[row, column] = start if owners[top + row, column] < 0 else cast(0)
            field[row, width:] = 0.0
        some = _survey(field, tables[: bottom - top + 1], runs) > 0
        count, kept, limit = 0, top * width, bottom * width
        entries, aims, ends = pairs[image * keep], targets[image * keep], heads[image * keep, band * keep]
        for face in range(spans[image, 0], spans[image, 1] if some else spans[image, 0]):
            i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
            triangle = (points[i, 0], points[i, 1], points[j, 0], points[j, 1], points[k, 0], points[k, 1])
            box = _box(triangle, radius, width, top, bottom, tables)
            if box[0] > box[1]:
                continue
            if combine:
                lower(triangle, box, top, radius, scale, runs, field)
                continue
            if keep:
                room = kept + (box[1] - box[0] + 1) * (box[3] - box[2] + 1) <= limit
                count = count if room else -1
                if count >= 0:
                    kept = multiply_and_keep(
                        triangle, box, top, radius, scale, runs, field, pixels, places, results, entries,
                        aims, kept,
                    )  # fmt: skip
                    ends[1 + 2 * count], ends[2 + 2 * count] = face, kept
                    count += 1
                    continue
            multiply(triangle, box, top, radius, scale, runs, field, pixels, places)
        if keep:
            ends[0] = count
        for row in range(top, bottom):
            for column in range(width):
                value = field[row - top, column]
                if combine and owners[row, column] < 0:
                    value = factor(min(value, cast(FADE_END)), cast)
                result[row, column] = cast(1) - value


@jit
def pull_back(
    begin, end, rows, clip, faces, spans, index, mask, grad_mask, delta, combine, grad, pairs, targets, heads
):
    """Add the gradients of the bands begin..end-1 of all images, that of band n to grad[n] [V, 4].

    `pairs`, `targets` and `heads` are a `Memory` as `draw` left it.
    """
    height, width = index.shape[1], index.shape[2]
    bands, cast = rows.shape[1] - 1, mask.dtype.type
    flow = np.empty((clip.shape[1], 2), np.float64)
    fields = np.empty((_tallest(begin, end, rows) + 1, width + LANES), clip.dtype)
    scale, keep = (2.0 / min(height, width)) ** 2 / delta, np.int64(pairs.shape[2] > 0)
    for item in range(begin, end):
        image, band = item // bands, item % bands
        top, bottom = np.int64(rows[image, band]), np.int64(rows[image, band + 1])
        # gradient at a pixel, times the product of its (1 - q) if they are multiplied
        field, owners, values, grads = fields[: bottom - top + 1], index[image], mask[image], grad_mask[image]
        field[bottom - top, :] = 0.0
        for row in range(top, bottom):
            for column in range(width):
                rest = cast(1) if combine else cast(1) - values[row, column]
                value = grads[row, column] * rest
                field[row - top, column] = value if owners[row, column] < 0 else cast(0)
            field[row - top, width:] = 0.0
        flow[:] = 0.0
        entries, aims, ends = pairs[image * keep], targets[image * keep], heads[image * keep, band * keep]
        kept = ends[0]
        if kept < 0:
            _recompute(
                clip[image], faces, spans[image], height, top, bottom, scale, combine, field, flow
            )  # fmt: skip
        first = top * width
        for number in range(kept):
            face, last = ends[1 + 2 * number], ends[2 + 2 * number]
            force = recall(entries, aims, first, last, field)
            first = last
            for corner in range(3):
                flow[faces[face, corner], 0] += 2.0 * scale * force[2 * corner]
                flow[faces[face, corner], 1] += 2.0 * scale * force[2 * corner + 1]
        _unproject(clip[image], flow, height, width, grad[item])


@inline
def _unproject(clip, flow, height, width, grad):
    """Add what gradients at positions in pixels, `flow` [V, 2], make at clip positions."""
    for vertex in range(clip.shape[0]):
        fx, fy = flow[vertex, 0], flow[vertex, 1]
        if fx != 0.0 or fy != 0.0:
            inverse = 1.0 / np.float64(clip[vertex, 3])
            gx, gy = fx * 0.5 * width * inverse, -fy * 0.5 * height * inverse
            grad[vertex, 0] += gx
            grad[vertex, 1] += gy
            grad[vertex, 3] -= (gx * clip[vertex, 0] + gy * clip[vertex, 1]) * inverse


@jit
def _recompute(clip, faces, span, height, top, bottom, scale, combine, field, flow):
    """d loss / d pixel position of the vertices from `field`, without anything kept from `draw`."""
    rows, width = bottom - top, field.shape[1] - LANES
    table = np.empty((rows + 1, width + 1), np.int32)
    runs = np.empty((2, rows, width), np.int32)
    if _survey(field, table, runs) == 0:
        return
    points = np.empty((clip.shape[0], 2), np.float64)
    _project(clip, height, width, points)
    pixels = np.empty((3, rows * width + 2 * LANES), clip.dtype)
    places = np.empty(rows * width + 2 * LANES, np.int32)
    nearest = np.full((rows if combine else 0, width), FADE_END)
    chosen = np.full((rows if combine else 0, width), np.int32(-1))
    radius = math.sqrt(FADE_END / scale)
    for face in range(span[0], span[1]):
        i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
        triangle = (points[i, 0], points[i, 1], points[j, 0], points[j, 1], points[k, 0], points[k, 1])
        box = _box(triangle, radius, width, top, bottom, table)
        if box[0] > box[1]:
            continue
        if combine:
            choose(triangle, box, top, scale, face, field, nearest, chosen)
            continue
        fx0, fy0, fx1, fy1, fx2, fy2 = pull(triangle, box, top, radius, scale, runs, field, pixels, places)
        flow[i, 0], flow[i, 1] = flow[i, 0] + fx0, flow[i, 1] + fy0
        flow[j, 0], flow[j, 1] = flow[j, 0] + fx1, flow[j, 1] + fy1
        flow[k, 0], flow[k, 1] = flow[k, 0] + fx2, flow[k, 1] + fy2
    if combine:
        pull_nearest(points, faces, chosen, field, top, bottom, scale, flow)
