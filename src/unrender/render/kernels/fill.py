"""Projection to fixed point and filling of faces: the inside of `rasterize`.

Nothing here may be compiled with relaxed arithmetic: coverage and visibility are decided here.
"""

from __future__ import annotations

import math

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import inline, jit

X, Y = 6, 7
"""A vertex on the picture has four numbers of 64 bits side by side, so that one cache line serves it: column,
row and z/w in float64, and column and row on the integer grid: these places if all is read as int32 [V, 8].
"""

SKIP, CLIP, INSIDE = -(2**31), -(2**31) + 1, -(2**30)
"""At `X` instead of a column: not finite, its faces are skipped; its faces need clipping. Others are above
`INSIDE`.
"""

REACH = 8192 * 65536
"""Largest coordinate on the integer grid: products of two differences stay below 2^61."""

LANES = 4
"""Pixels of a row are worked on in whole groups of as many, for SIMD."""

SMALL = 6
"""Faces of at most 2^6 pixels a side are filled in 32-bit integers."""

SERIAL = 8192
"""So many vertices are projected, and a picture of more faces is cut into fewer bands, by one thread."""

WIDE = 16
"""Of larger faces at least this wide each row is first narrowed to the columns inside."""


@jit
def project(clip, height, width, bits, screen, grid, lines):
    """Vertices on the picture, `screen` float64 [V, 4] and `grid` int32 [V, 8] in the same memory (see `X`),
    and their pixel rows, rounded down: `lines` int32 [V], SKIP where they are not on the picture.
    Points k * 2^bits of the integer grid are pixel centres.
    """
    one = float(1 << bits)
    half_x, half_y = 0.5 * width, 0.5 * height
    base_x, base_y = half_x - 0.5, half_y - 0.5
    reach = float(REACH)
    for vertex in range(clip.shape[0]):
        x, y = np.float64(clip[vertex, 0]), np.float64(clip[vertex, 1])
        z, w = np.float64(clip[vertex, 2]), np.float64(clip[vertex, 3])
        lines[vertex] = SKIP
        if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z) and math.isfinite(w)):
            grid[vertex, X] = SKIP
            continue
        grid[vertex, X] = CLIP
        if w > 0.0 and z >= -w:
            scale = 1.0 / w
            column, row = x * scale * half_x + base_x, base_y - y * scale * half_y
            u, v = column * one, row * one
            if abs(u) < reach and abs(v) < reach:
                screen[vertex, 0], screen[vertex, 1], screen[vertex, 2] = column, row, z * scale
                grid[vertex, X] = np.int32(math.floor(u + 0.5))
                grid[vertex, Y] = np.int32(math.floor(v + 0.5))
                lines[vertex] = grid[vertex, Y] >> bits


def project_all(
    clip: np.ndarray,
    size: tuple[int, int],
    bits: int,
    places: tuple[np.ndarray, np.ndarray, np.ndarray],
    threads: int,
) -> None:
    """`project` for the vertices of all pictures at once; places: its last three arguments."""
    flat = clip.reshape(-1, 4)
    screen, grid, lines = places[0].reshape(-1, 4), places[1].reshape(-1, 8), places[2].reshape(-1)

    def work(begin: int, end: int) -> None:
        part = slice(begin, end)
        project(flat[part], size[0], size[1], bits, screen[part], grid[part], lines[part])

    pool.run(work, len(flat), threads if len(flat) > SERIAL else 1)


@inline
def depth_plane(screen, i, j, k):
    """Coefficients of z/w = a * column + b * row + c on the picture of a face whose vertices are on it.

    They do not depend on the order of the vertices: faces that lie on each other are exactly equally near.
    """
    low, high = min(i, j, k), max(i, j, k)
    i, j, k = low, i + j + k - low - high, high
    x0, y0, z0 = screen[i, 0], screen[i, 1], screen[i, 2]
    x1, y1, z1 = screen[j, 0] - x0, screen[j, 1] - y0, screen[j, 2] - z0
    x2, y2, z2 = screen[k, 0] - x0, screen[k, 1] - y0, screen[k, 2] - z0
    area = x1 * y2 - x2 * y1
    if area == 0.0:  # seen only because of snapping
        return 0.0, 0.0, max(screen[i, 2], screen[j, 2], screen[k, 2])
    scale = 1.0 / area
    a, b = (z1 * y2 - z2 * y1) * scale, (z2 * x1 - z1 * x2) * scale
    return a, b, z0 - a * x0 - b * y0


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
def whole_groups(first, last):
    """The pixels from column `first` to `last`, rounded up to whole groups."""
    return ((last - first) // LANES + 1) * LANES


@inline
def fill(
    x0, y0, x1, y1, x2, y2, left, right, upper, lower, za, zb, zc, face, bits, width, top, depths, owners,
    floors, floor_owners,
):  # fmt: skip
    """Fill the pixels of a positively oriented triangle in columns [left, right] and rows [upper, lower].

    Owners are the flat picture; depths (and floors) flat rows of the same width from row `top` on. Where
    `floors` is not None, only what is behind them.
    """
    a0, b0, c0 = edge(x0, y0, x1, y1, bits)
    a1, b1, c1 = edge(x1, y1, x2, y2, bits)
    a2, b2, c2 = edge(x2, y2, x0, y0, bits)
    wide = right - left >= WIDE
    first, last = left, right
    for row in range(upper, lower + 1):
        v0, v1, v2, z = b0 * row + c0, b1 * row + c1, b2 * row + c2, zb * row + zc
        if wide:
            begin, end = _narrow(float(left), float(right), a0, v0)
            begin, end = _narrow(begin, end, a1, v1)
            begin, end = _narrow(begin, end, a2, v2)
            if begin > end:
                continue
            first, last = int(begin), int(end)
        there, here = np.uint64(row * width), np.uint64((row - top) * width)  # unsigned: no check of the sign
        count = whole_groups(first, last)
        if floors is None and count <= width:
            origin = min(first, width - count)  # whole groups must end with the row
            start = float(origin)
            v0, v1, v2 = v0 + a0 * start, v1 + a1 * start, v2 + a2 * start
            there, here = there + np.uint64(origin), here + np.uint64(origin)
            for lane in range(count):
                place, hop = np.uint64(lane), np.float64(np.int32(lane))
                inside = min(v0 + a0 * hop, min(v1 + a1 * hop, v2 + a2 * hop)) >= 0.0
                near, old, name = z + za * (start + hop), depths[here + place], owners[there + place]
                closer = inside & (near < old)
                depths[here + place] = near if closer else old
                owners[there + place] = face if closer else name
            continue
        for column in range(first, last + 1):
            place, step = np.uint64(column), float(column)
            near = z + za * step
            inside = min(v0 + a0 * step, min(v1 + a1 * step, v2 + a2 * step)) >= 0.0
            if floors is not None:
                floor = floors[here + place]
                inside &= near > floor or (near == floor and face > floor_owners[here + place])
            if inside and near < depths[here + place]:
                depths[here + place], owners[there + place] = near, face


@inline
def _corner(x0, y0, x1, y1, px, py, positive, bits):
    """(step along a row, step down a column, value at the grid point (px, py)) of an edge function, int32.

    As `edge`, for a face of at most 2^SMALL pixels a side and a point in its box: what stays of the value
    after the shift is below 2^30, and what the steps add within the box is too.
    """
    dx, dy = x1 - x0, y1 - y0
    value = dx * (py - y0) - dy * (px - x0)
    if not positive:
        dx, dy, value = -dx, -dy, -value
    value -= np.int64((dy > 0) | ((dy == 0) & (dx <= 0)))
    return np.int32(-dy), np.int32(dx), np.int32(value >> bits)


@inline
def fill_small(
    x0, y0, x1, y1, x2, y2, positive, left, right, upper, lower, za, zb, zc, face, bits, width, top,
    depths, owners,
):  # fmt: skip
    """`fill` without floors for a face of at most 2^SMALL pixels a side whose groups fit into the width."""
    count = whole_groups(left, right)
    px, py = left << bits, upper << bits
    a0, b0, v0 = _corner(x0, y0, x1, y1, px, py, positive, bits)
    a1, b1, v1 = _corner(x1, y1, x2, y2, px, py, positive, bits)
    a2, b2, v2 = _corner(x2, y2, x0, y0, px, py, positive, bits)
    shift = np.int32(min(width - count - left, 0))  # whole groups must end with the row
    v0, v1, v2 = v0 + a0 * shift, v1 + a1 * shift, v2 + a2 * shift
    left += shift
    start = float(left)
    there, here = np.uint64(upper * width + left), np.uint64((upper - top) * width + left)
    for row in range(upper, lower + 1):
        z = zb * row + zc
        for lane in range(count):
            place, step = np.uint64(lane), np.int32(lane)
            inside = ((v0 + a0 * step) | (v1 + a1 * step) | (v2 + a2 * step)) >= 0
            near, old, name = z + za * (start + step), depths[here + place], owners[there + place]
            closer = inside & (near < old)
            depths[here + place] = near if closer else old
            owners[there + place] = face if closer else name
        v0, v1, v2 = v0 + b0, v1 + b1, v2 + b2
        there, here = there + np.uint64(width), here + np.uint64(width)
