"""Drawing all faces of an image: those in sight are filled as they are, others clipped first.

Nothing here may be compiled with relaxed arithmetic: coverage and visibility are decided here.
"""

from __future__ import annotations

import math

import numpy as np

from unrender.render.kernels.fill import (
    INSIDE,
    REACH,
    SKIP,
    SMALL,
    X,
    Y,
    depth_plane,
    fill,
    fill_small,
    whole_groups,
)
from unrender.render.kernels.jit import inline, jit


@jit
def draw_faces(
    clip, faces, span, screen, grid, lines, top, bottom, bits, cull, height, width, depths, owners, floors,
    floor_owners,
):  # fmt: skip
    """Draw the faces [span[0], span[1]) of one image into the rows [top, bottom) of a picture.

    `screen`, `grid` and `lines` are of `fill.project`; in bands, `lines` alone, an eighth of the memory,
    tells of most faces that they are not in this one. `depths` (float64, infinite at first) holds z/w of
    these rows, `owners` (int32, -1) the picture's faces, both flat. `floors`, `floor_owners`: like `depths`,
    or None.
    """
    one = np.int64(1) << bits
    mask, small, banded = one - 1, one << SMALL, bottom - top < height
    for face in range(span[0], span[1]):
        i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
        if banded:
            first, last = min(lines[i], lines[j], lines[k]), max(lines[i], lines[j], lines[k])
            if first > SKIP and (last < top or first >= bottom):
                continue
        x0, x1, x2 = np.int64(grid[i, X]), np.int64(grid[j, X]), np.int64(grid[k, X])
        begin, end = min(x0, x1, x2), max(x0, x1, x2)
        if begin < INSIDE:
            if begin > SKIP:
                draw_clipped(
                    clip, faces, face, top, bottom, bits, cull, height, width, depths, owners, floors,
                    floor_owners,
                )  # fmt: skip
            continue
        y0, y1, y2 = np.int64(grid[i, Y]), np.int64(grid[j, Y]), np.int64(grid[k, Y])
        first, last = min(y0, y1, y2), max(y0, y1, y2)
        upper, lower = max((first + mask) >> bits, top), min(last >> bits, bottom - 1)
        if upper > lower:
            continue
        left, right = max((begin + mask) >> bits, 0), min(end >> bits, width - 1)
        if left > right:
            continue
        area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
        if area == 0 or (cull == 1 and area > 0):
            continue
        za, zb, zc = depth_plane(screen, i, j, k)
        fits = max(end - begin, last - first) <= small and whole_groups(left, right) <= width
        if floors is None and fits:
            fill_small(
                x0, y0, x1, y1, x2, y2, area > 0, left, right, upper, lower, za, zb, zc, np.int32(face),
                bits, width, top, depths, owners,
            )  # fmt: skip
            continue
        if area < 0:
            x1, x2, y1, y2 = x2, x1, y2, y1
        fill(
            x0, y0, x1, y1, x2, y2, left, right, upper, lower, za, zb, zc, np.int32(face), bits, width, top,
            depths, owners, floors, floor_owners,
        )  # fmt: skip


@inline
def homogeneous_plane(clip, i, j, k, height, width):
    """As `depth_plane`, for vertices anywhere, and the determinant, 0 if the face is seen from its edge."""
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


@jit
def lay_floor(clip, faces, index, screen, grid, top, bottom, floors, floor_owners):
    """z/w of the faces that a picture shows in rows [top, bottom); infinite where it shows none."""
    height, width = index.shape
    last, za, zb, zc = -1, 0.0, 0.0, 0.0
    for row in range(top, bottom):
        for column in range(width):
            face, here = index[row, column], (row - top) * width + column
            floor_owners[here], floors[here] = face, np.inf
            if face >= 0:
                if face != last:
                    i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
                    if min(grid[i, X], grid[j, X], grid[k, X]) > INSIDE:
                        za, zb, zc = depth_plane(screen, i, j, k)
                    else:
                        za, zb, zc, _ = homogeneous_plane(clip, i, j, k, height, width)
                    last = face
                floors[here] = zb * row + zc + za * float(column)


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
def draw_clipped(
    clip, faces, face, top, bottom, bits, cull, height, width, depths, owners, floors, floor_owners,
):  # fmt: skip
    """`draw_faces` for one face with vertices that are finite, but not all on the integer grid."""
    polygon, spare = np.empty((12, 4), np.float64), np.empty((12, 4), np.float64)
    i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
    za, zb, zc, det = homogeneous_plane(clip, i, j, k, height, width)
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
                x0, y0, x1, y1, x2, y2, left, right, upper, lower, za, zb, zc, np.int32(face), bits, width,
                top, depths, owners, floors, floor_owners,
            )  # fmt: skip
