"""Projection to fixed point, clipping and filling of faces: the inside of `rasterize`.

Nothing here may be compiled with relaxed arithmetic: coverage and visibility are decided here.
"""

from __future__ import annotations

import math

import numpy as np

from unrender.render.kernels.jit import inline, jit

INSIDE, CLIP, SKIP = 0, 1, 2
"""States of a vertex: on the integer grid; its faces need clipping; not finite, its faces are skipped."""

REACH = 8192 * 65536
"""Largest coordinate on the integer grid: products of two differences stay below 2^61."""

LANES = 4
"""Pixels a row is worked on at once; the rows of the working space have as many to spare."""

WIDE = 16
"""Of faces at least this wide each row is first narrowed to the columns inside."""


@jit
def project(clip, height, width, bits, xs, ys, state):
    """Snap the vertices of one image to the integer grid whose points k * 2^bits are pixel centres."""
    one = float(1 << bits)
    half_x, half_y = 0.5 * width * one, 0.5 * height * one
    base_x, base_y = half_x - 0.5 * one, half_y - 0.5 * one
    reach = float(REACH)
    for vertex in range(clip.shape[0]):
        x, y = np.float64(clip[vertex, 0]), np.float64(clip[vertex, 1])
        z, w = np.float64(clip[vertex, 2]), np.float64(clip[vertex, 3])
        if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z) and math.isfinite(w)):
            state[vertex] = SKIP
            continue
        state[vertex] = CLIP
        if w > 0.0 and z >= -w:
            scale = 1.0 / w
            u = x * scale * half_x + base_x
            v = base_y - y * scale * half_y
            if abs(u) < reach and abs(v) < reach:
                xs[vertex] = np.int32(math.floor(u + 0.5))
                ys[vertex] = np.int32(math.floor(v + 0.5))
                state[vertex] = INSIDE


@inline
def depth_plane(clip, i, j, k, height, width):
    """Coefficients of z/w = a * column + b * row + c on the picture of the plane through three vertices."""
    ax, ay, aw = np.float64(clip[i, 0]), np.float64(clip[i, 1]), np.float64(clip[i, 3])
    bx, by, bw = np.float64(clip[j, 0]), np.float64(clip[j, 1]), np.float64(clip[j, 3])
    cx, cy, cw = np.float64(clip[k, 0]), np.float64(clip[k, 1]), np.float64(clip[k, 3])
    az, bz, cz = np.float64(clip[i, 2]), np.float64(clip[j, 2]), np.float64(clip[k, 2])
    e00, e01, e02 = by * cw - bw * cy, bw * cx - bx * cw, bx * cy - by * cx
    e10, e11, e12 = cy * aw - cw * ay, cw * ax - cx * aw, cx * ay - cy * ax
    e20, e21, e22 = ay * bw - aw * by, aw * bx - ax * bw, ax * by - ay * bx
    det = ax * e00 + ay * e01 + aw * e02
    if det == 0.0:
        nearest = max(az / aw, bz / bw, cz / cw) if aw > 0.0 and bw > 0.0 and cw > 0.0 else 1.0
        return 0.0, 0.0, nearest, det
    scale = 1.0 / det
    x = (az * e00 + bz * e10 + cz * e20) * scale
    y = (az * e01 + bz * e11 + cz * e21) * scale
    c = (az * e02 + bz * e12 + cz * e22) * scale
    return 2.0 * x / width, -2.0 * y / height, c + x * (1.0 / width - 1.0) + y * (1.0 - 1.0 / height), det


@inline
def edge(ax, ay, bx, by, bits):
    """(step along a row, step down a column, value at pixel (0, 0)) of an edge function; >= 0 is inside.

    The top-left rule is folded into the value: an edge that is neither top nor left excludes its own points.
    Steps are whole multiples of 2^bits, so the sign at any pixel is that of everything divided by 2^bits with
    the value rounded down. These integers stay below 2^48: float64 holds them, and their sums, exactly.
    """
    dx, dy = bx - ax, by - ay
    value = dy * ax - dx * ay
    if not (dy < 0 or (dy == 0 and dx > 0)):
        value -= 1
    return -float(dy), float(dx), float(value >> bits)


@inline
def _narrow(begin, end, step, value):
    """Columns of [begin, end] at which value + step * column may be >= 0, with one to spare on each side."""
    if step > 0.0:
        return max(begin, -value / step - 1.0), end
    if step < 0.0:
        return begin, min(end, -value / step + 1.0)
    return begin, (end if value >= 0.0 else begin - 1.0)


@inline
def fill(
    x0, y0, x1, y1, x2, y2, left, right, upper, lower, za, zb, zc, face, top, bits, stride,
    depths, owners, floors, floor_owners,
):  # fmt: skip
    """Fill the pixels of a positively oriented triangle in columns [left, right] and rows [upper, lower].

    Working space is flat, with rows of `stride` pixels. Where there are `floors`, only what is behind them.
    """
    a0, b0, c0 = edge(x0, y0, x1, y1, bits)
    a1, b1, c1 = edge(x1, y1, x2, y2, bits)
    a2, b2, c2 = edge(x2, y2, x0, y0, bits)
    wide = right - left >= WIDE
    first, last = left, right
    for row in range(upper, lower + 1):
        v0, v1, v2 = b0 * row + c0, b1 * row + c1, b2 * row + c2
        if wide:
            begin, end = _narrow(float(left), float(right), a0, v0)
            begin, end = _narrow(begin, end, a1, v1)
            begin, end = _narrow(begin, end, a2, v2)
            if begin > end:
                continue
            first, last = int(begin), int(end)
        start = float(first)
        v0, v1, v2, z = v0 + a0 * start, v1 + a1 * start, v2 + a2 * start, zb * row + zc
        base = np.uint64((row - top) * stride + first)  # unsigned: no check for negative indices
        if floors.size > 0:
            for lane in range(last - first + 1):
                here, step = base + np.uint64(lane), np.float64(np.int32(lane))
                near, floor = z + za * (start + step), floors[here]
                behind = near > floor or (near == floor and face > floor_owners[here])
                inside = min(v0 + a0 * step, min(v1 + a1 * step, v2 + a2 * step)) >= 0.0
                if inside and behind and near < depths[here]:
                    depths[here], owners[here] = near, face
            continue
        for lane in range(((last - first) // LANES + 1) * LANES):
            here, step = base + np.uint64(lane), np.float64(np.int32(lane))
            inside = min(v0 + a0 * step, min(v1 + a1 * step, v2 + a2 * step)) >= 0.0
            near, old, name = z + za * (start + step), depths[here], owners[here]
            closer = inside & (near < old)
            depths[here] = near if closer else old
            owners[here] = face if closer else name


@jit
def lay_floor(clip, faces, index, top, bottom, stride, floors, floor_owners):
    """z/w of the faces that a picture shows in rows [top, bottom); infinite where it shows none."""
    height, width = index.shape
    last, za, zb, zc = -1, 0.0, 0.0, 0.0
    for row in range(top, bottom):
        for column in range(width):
            face, here = index[row, column], (row - top) * stride + column
            floor_owners[here], floors[here] = face, np.inf
            if face >= 0:
                if face != last:
                    i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
                    za, zb, zc, _ = depth_plane(clip, i, j, k, height, width)
                    last = face
                floors[here] = zb * row + zc + za * float(column)


@jit
def extract(owners, top, bottom, stride, index):
    """Copy the owners of rows [top, bottom) to a picture int32 [H, W]."""
    for row in range(top, bottom):
        base = (row - top) * stride
        for column in range(index.shape[1]):
            index[row, column] = owners[base + column]


@jit
def draw_faces(
    clip, faces, span, xs, ys, state, top, bottom, bits, cull, height, width, stride,
    depths, owners, floors, floor_owners,
):  # fmt: skip
    """Draw the faces [span[0], span[1]) of one image into the rows [top, bottom) of a picture.

    `depths` (float64, infinite at first) and `owners` (int32, -1) hold z/w and face, in rows of `stride`
    pixels, at least W + LANES. `floors` and `floor_owners` have the same layout, or no elements.
    """
    one = np.int64(1) << bits
    mask = one - 1
    polygon = np.empty((12, 4), np.float64)
    spare = np.empty((12, 4), np.float64)
    for face in range(span[0], span[1]):
        i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
        flags = state[i] | state[j] | state[k]
        if flags != INSIDE:
            if flags < SKIP:
                _draw_clipped(
                    clip, faces, face, top, bottom, bits, cull, height, width, stride,
                    depths, owners, floors, floor_owners, polygon, spare,
                )  # fmt: skip
            continue
        y0, y1, y2 = np.int64(ys[i]), np.int64(ys[j]), np.int64(ys[k])
        upper = max((min(y0, y1, y2) + mask) >> bits, top)
        lower = min(max(y0, y1, y2) >> bits, bottom - 1)
        if upper > lower:
            continue
        x0, x1, x2 = np.int64(xs[i]), np.int64(xs[j]), np.int64(xs[k])
        left = max((min(x0, x1, x2) + mask) >> bits, 0)
        right = min(max(x0, x1, x2) >> bits, width - 1)
        if left > right:
            continue
        area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
        if area == 0 or (cull == 1 and area > 0):
            continue
        za, zb, zc, _ = depth_plane(clip, i, j, k, height, width)
        if area < 0:
            x1, x2, y1, y2 = x2, x1, y2, y1
        fill(
            x0, y0, x1, y1, x2, y2, left, right, upper, lower, za, zb, zc, np.int32(face), top, bits, stride,
            depths, owners, floors, floor_owners,
        )  # fmt: skip


@jit
def _clip_plane(polygon, count, result, p0, p1, p2, p3, offset):
    """Clip a polygon to p . v >= offset. Points on an edge do not depend on the edge's direction."""
    kept = 0
    for a in range(count):
        b = a + 1 if a + 1 < count else 0
        da = p0 * polygon[a, 0] + p1 * polygon[a, 1] + p2 * polygon[a, 2] + p3 * polygon[a, 3] - offset
        db = p0 * polygon[b, 0] + p1 * polygon[b, 1] + p2 * polygon[b, 2] + p3 * polygon[b, 3] - offset
        if da >= 0.0:
            for axis in range(4):
                result[kept, axis] = polygon[a, axis]
            kept += 1
        if (da >= 0.0) != (db >= 0.0):
            inner, outer, di, do = (a, b, da, db) if da >= 0.0 else (b, a, db, da)
            t = di / (di - do)
            for axis in range(4):
                result[kept, axis] = polygon[inner, axis] + t * (polygon[outer, axis] - polygon[inner, axis])
            kept += 1
    return kept


@jit
def _draw_clipped(
    clip, faces, face, top, bottom, bits, cull, height, width, stride,
    depths, owners, floors, floor_owners, polygon, spare,
):  # fmt: skip
    i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
    za, zb, zc, det = depth_plane(clip, i, j, k, height, width)
    if det == 0.0 or (cull == 1 and det < 0.0):
        return
    for axis in range(4):
        polygon[0, axis] = clip[i, axis]
        polygon[1, axis] = clip[j, axis]
        polygon[2, axis] = clip[k, axis]
    one = float(1 << bits)
    # |u| = |x/w * W/2 + W/2 - 1/2| < REACH / one holds for |x/w| <= reach_x, with a pixel to spare
    reach_x = (REACH / one - 0.5 * width - 1.0) / (0.5 * width)
    reach_y = (REACH / one - 0.5 * height - 1.0) / (0.5 * height)
    count = _clip_plane(polygon, 3, spare, 0.0, 0.0, 1.0, 1.0, 0.0)
    count = _clip_plane(spare, count, polygon, 0.0, 0.0, 0.0, 1.0, 1e-9)
    count = _clip_plane(polygon, count, spare, 1.0, 0.0, 0.0, reach_x, 0.0)
    count = _clip_plane(spare, count, polygon, -1.0, 0.0, 0.0, reach_x, 0.0)
    count = _clip_plane(polygon, count, spare, 0.0, 1.0, 0.0, reach_y, 0.0)
    count = _clip_plane(spare, count, polygon, 0.0, -1.0, 0.0, reach_y, 0.0)
    if count < 3:
        return
    mask = (np.int64(1) << bits) - 1
    for corner in range(count):
        scale = 1.0 / polygon[corner, 3]
        polygon[corner, 0] = math.floor((0.5 * width * (polygon[corner, 0] * scale + 1.0) - 0.5) * one + 0.5)
        polygon[corner, 1] = math.floor((0.5 * height * (1.0 - polygon[corner, 1] * scale) - 0.5) * one + 0.5)
    x0, y0 = np.int64(polygon[0, 0]), np.int64(polygon[0, 1])
    for corner in range(1, count - 1):
        x1, y1 = np.int64(polygon[corner, 0]), np.int64(polygon[corner, 1])
        x2, y2 = np.int64(polygon[corner + 1, 0]), np.int64(polygon[corner + 1, 1])
        area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
        if area < 0:
            x1, x2, y1, y2 = x2, x1, y2, y1
        upper = max((min(y0, y1, y2) + mask) >> bits, top)
        lower = min(max(y0, y1, y2) >> bits, bottom - 1)
        left = max((min(x0, x1, x2) + mask) >> bits, 0)
        right = min(max(x0, x1, x2) >> bits, width - 1)
        if area != 0 and upper <= lower and left <= right:
            fill(
                x0, y0, x1, y1, x2, y2, left, right, upper, lower, za, zb, zc, np.int32(face), top, bits,
                stride, depths, owners, floors, floor_owners,
            )  # fmt: skip
