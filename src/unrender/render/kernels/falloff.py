"""Distances from pixels to a face and what the soft mask makes of them: the inner loops of `soft_mask`.

A row of pixels is worked on in whole groups of `LANES` without branches, so that LLVM turns the loops into
SIMD: pixels beyond the end of the range belong to padding or get the factor 1. Arithmetic is in the picture's
dtype, in coordinates relative to the face's corners; 1 - exp(-s) comes from a polynomial of s/16 by four
doublings, which keeps its relative accuracy down to s = 0.
"""

from __future__ import annotations

import math

import numpy as np

from unrender.render.kernels.jit import contracted, inline, jit, relaxed

FADE_BEGIN, FADE_END = 4.0, 8.0
LANES = 8
CHUNK = 256
_SERIES = tuple(1 / math.factorial(n) for n in range(8, 0, -1))
"""Taylor coefficients of (exp(y) - 1) / y, highest first; for |y| <= 1/8 the next one is below 1e-13."""


@inline
def _miss(s, cast):
    """1 - exp(-s) for s in [0, 8]: y = -s / 64, then exp(2 y) - 1 = p (2 + p) six times."""
    y = s * cast(-1 / 64)
    p = y * cast(_SERIES[0]) + cast(_SERIES[1])
    p = p * y + cast(_SERIES[2])
    p = p * y + cast(_SERIES[3])
    p = p * y + cast(_SERIES[4])
    p = p * y + cast(_SERIES[5])
    p = p * y + cast(_SERIES[6])
    p = (p * y + cast(_SERIES[7])) * y
    two = cast(2)
    p = p * (two + p)
    p = p * (two + p)
    p = p * (two + p)
    p = p * (two + p)
    p = p * (two + p)
    p = p * (two + p)
    return -p


@inline
def _rise(s, cast):
    """u = (s - 4) / 4 clamped to [0, 1] for s <= 8, and 1 - fade(s)."""
    u = max(s * cast(0.25) - cast(1), cast(0))
    return u, u * u * (cast(3) - cast(2) * u)


@inline
def factor(s, cast):
    """1 - q(s) for s <= 8: exactly 1 at s = 8."""
    m = _miss(s, cast)
    return m + (cast(1) - m) * _rise(s, cast)[1]


@inline
def _along(dx, dy, ex, ey, inverse, cast):
    """Position in [0, 1] on the segment t e nearest to (dx, dy), and the gap from there."""
    t = min(max((dx * ex + dy * ey) * inverse, cast(0)), cast(1))
    return t, dx - t * ex, dy - t * ey


@inline
def _reciprocal(x):
    return 1.0 / x if x > 0.0 else 0.0


@inline
def _edges(triangle, cast):
    """Edge vectors and reciprocals of their squared lengths (0 for points)."""
    x0, y0, x1, y1, x2, y2 = triangle
    a, b, c = (
        (x1 - x0) ** 2 + (y1 - y0) ** 2,
        (x2 - x1) ** 2 + (y2 - y1) ** 2,
        (x0 - x2) ** 2 + (y0 - y2) ** 2,
    )
    return (
        cast(x1 - x0), cast(y1 - y0), cast(x2 - x1), cast(y2 - y1), cast(x0 - x2), cast(y0 - y2),
        cast(_reciprocal(a)), cast(_reciprocal(b)), cast(_reciprocal(c)),
    )  # fmt: skip


@inline
def _offsets(triangle, row, column, cast):
    """The pixel (row, column) relative to the three corners."""
    x0, y0, x1, y1, x2, y2 = triangle
    return (
        cast(column - x0),
        cast(row - y0),
        cast(column - x1),
        cast(row - y1),
        cast(column - x2),
        cast(row - y2),
    )


@inline
def _distance(dx0, dy0, dx1, dy1, dx2, dy2, edges, cast):
    """Squared distance to the filled triangle of a point given relative to its corners."""
    ex0, ey0, ex1, ey1, ex2, ey2, r0, r1, r2 = edges
    zero = cast(0)
    _, gx0, gy0 = _along(dx0, dy0, ex0, ey0, r0, cast)
    _, gx1, gy1 = _along(dx1, dy1, ex1, ey1, r1, cast)
    _, gx2, gy2 = _along(dx2, dy2, ex2, ey2, r2, cast)
    c0, c1, c2 = ex0 * dy0 - ey0 * dx0, ex1 * dy1 - ey1 * dx1, ex2 * dy2 - ey2 * dx2
    inside = (min(c0, min(c1, c2)) > zero) | (max(c0, max(c1, c2)) < zero)
    d = min(gx0 * gx0 + gy0 * gy0, min(gx1 * gx1 + gy1 * gy1, gx2 * gx2 + gy2 * gy2))
    return zero if inside else d


@inline
def _slab(ax, ay, bx, by, low, high, begin, end):
    """Widen [begin, end] by the columns of the part of a segment within rows [low, high]."""
    if max(ay, by) < low or min(ay, by) > high:
        return begin, end
    t0, t1 = 0.0, 1.0
    if ay != by:
        inverse = 1.0 / (by - ay)
        s0, s1 = (low - ay) * inverse, (high - ay) * inverse
        t0, t1 = max(0.0, min(s0, s1)), min(1.0, max(s0, s1))
    x0, x1 = ax + t0 * (bx - ax), ax + t1 * (bx - ax)
    return min(begin, x0, x1), max(end, x0, x1)


@inline
def _reach(triangle, row, top, radius, left, right, runs):
    """First and last column of a row that a face can reach and that matter; first > last if there is none.

    runs[0] and runs[1] hold, for each row and column, the next and the previous column that matters.
    """
    if right - left >= 3 * LANES:
        x0, y0, x1, y1, x2, y2 = triangle
        begin, end = 1e30, -1e30
        begin, end = _slab(x0, y0, x1, y1, row - radius, row + radius, begin, end)
        begin, end = _slab(x1, y1, x2, y2, row - radius, row + radius, begin, end)
        begin, end = _slab(x2, y2, x0, y0, row - radius, row + radius, begin, end)
        if begin > end:
            return 1, 0
        left = max(left, math.ceil(max(begin - radius, -1.0)))
        right = min(right, math.floor(min(end + radius, right + 1.0)))
        if left > right:
            return 1, 0
    return runs[0, row - top, left], runs[1, row - top, right]


@contracted
def lower(triangle, box, top, radius, scale, runs, field):
    """Lower the smallest s of the pixels in `field` to one face's."""
    left, right, upper, bottom = box
    cast = field.dtype.type
    edges = _edges(triangle, cast)
    unit = cast(scale)
    flat = field.ravel()
    for row in range(upper, bottom + 1):
        first, final = _reach(triangle, row, top, radius, left, right, runs)
        if first > final:
            continue
        ax, ay, bx, by, cx, cy = _offsets(triangle, row, first, cast)
        base = np.uint64((row - top) * field.shape[1] + first)  # unsigned: no check for negative indices
        for lane in range(((final - first) // LANES + 1) * LANES):
            x = cast(np.int32(lane))
            d = _distance(ax + x, ay, bx + x, by, cx + x, cy, edges, cast)
            flat[base + np.uint64(lane)] = min(flat[base + np.uint64(lane)], d * unit)


@inline
def _gather(triangle, box, top, radius, runs, field, pixels, places):
    """The pixels of a box that matter, from the first to the last of each row: x and y from the first corner
    and value in `pixels`, where they are in the flat field in `places`. Returns how many, and that rounded up
    to whole groups; what is beyond the end has the value 0.
    """
    left, right, upper, lower = box
    x0, y0 = triangle[0], triangle[1]
    cast = field.dtype.type
    xs, ys, values, flat = pixels[0], pixels[1], pixels[2], field.ravel()
    count = 0
    for row in range(upper, lower + 1):
        first, final = _reach(triangle, row, top, radius, left, right, runs)
        if first > final:
            continue
        start = (row - top) * field.shape[1] + first
        x, y, end = cast(first - x0), cast(row - y0), final - first + 1
        for group in range(0, end, LANES):  # whole groups; what is too much is overwritten by the next row
            for lane in range(LANES):
                here, step = np.uint64(count + group + lane), group + lane
                xs[here] = x + cast(np.int32(step))
                ys[here] = y
                values[here] = flat[np.uint64(start + step)]
                places[here] = start + step
        count += end
    padded = (count + LANES - 1) // LANES * LANES
    for extra in range(count, padded):
        xs[extra] = ys[extra] = values[extra] = cast(0)
    return count, padded


@inline
def _nearest(x, y, edges, cast):
    """Squared distance to the border of a triangle of the point (x, y) from its first corner, the gap, and
    the weights of the first and second corner at the nearest point.
    """
    ex0, ey0, ex1, ey1, ex2, ey2, r0, r1, r2 = edges
    zero, one = cast(0), cast(1)
    t0, gx0, gy0 = _along(x, y, ex0, ey0, r0, cast)
    t1, gx1, gy1 = _along(x - ex0, y - ey0, ex1, ey1, r1, cast)
    t2, gx2, gy2 = _along(x + ex2, y + ey2, ex2, ey2, r2, cast)
    d0, d1, d2 = gx0 * gx0 + gy0 * gy0, gx1 * gx1 + gy1 * gy1, gx2 * gx2 + gy2 * gy2
    d = min(d0, min(d1, d2))
    on0, on1 = d0 <= d, d1 <= d
    gx = gx0 if on0 else (gx1 if on1 else gx2)
    gy = gy0 if on0 else (gy1 if on1 else gy2)
    w0 = one - t0 if on0 else (zero if on1 else t2)
    w1 = t0 if on0 else (one - t1 if on1 else zero)
    return d, gx, gy, w0, w1


@inline
def _slope(s, cast):
    """1 - q(s), and -q'(s) / (1 - q(s)), for s <= 8."""
    one = cast(1)
    m = _miss(s, cast)
    u, rise = _rise(s, cast)
    rest = m + (one - m) * rise
    return rest, (one - m) * (one - rise + cast(1.5) * u * (one - u)) / max(rest, cast(1e-30))


@contracted
def multiply(triangle, box, top, radius, scale, runs, field, pixels, places):
    """Multiply one face's 1 - q into the products of `field`. Working space: `pixels` [3, n], `places`."""
    cast = field.dtype.type
    count, padded = _gather(triangle, box, top, radius, runs, field, pixels, places)
    edges = _edges(triangle, cast)
    ex0, ey0, ex2, ey2 = edges[0], edges[1], edges[4], edges[5]
    unit, flat, values = cast(scale), field.ravel(), pixels[2]
    for lane in range(padded):
        x, y = pixels[0, lane], pixels[1, lane]
        d = _distance(x, y, x - ex0, y - ey0, x + ex2, y + ey2, edges, cast)
        values[lane] = factor(min(d * unit, cast(FADE_END)), cast)
    for pixel in range(count):
        flat[np.uint64(places[pixel])] *= values[pixel]


@relaxed
def multiply_and_keep(
    triangle, box, top, radius, scale, runs, field, pixels, places, results, pairs, targets, kept
):
    """`multiply`, and what the gradient will need of each pair of this face and a pixel within its radius.

    From entry `kept` on, `pairs` [4, n] get -q'/(1 - q) times the gap (x, y) and the weights of the first two
    corners at the nearest point, `targets` [n] the pixel. Returns the entries there are now. `results`
    [5 CHUNK] is working space: at distances known when compiling, so that SIMD needs no check for overlaps.
    """
    cast = field.dtype.type
    count, padded = _gather(triangle, box, top, radius, runs, field, pixels, places)
    edges = _edges(triangle, cast)
    ex0, ey0, ex1, ey1, ex2, ey2 = edges[:6]
    unit, end, zero, flat = cast(scale), cast(FADE_END), cast(0), field.ravel()
    xs, ys = pixels[0], pixels[1]
    for start in range(0, padded, CHUNK):
        for lane in range(min(CHUNK, padded - start)):
            x, y, here = xs[np.uint64(start + lane)], ys[np.uint64(start + lane)], np.uint64(lane)
            d, gx, gy, w0, w1 = _nearest(x, y, edges, cast)
            c0, c1 = ex0 * y - ey0 * x, ex1 * (y - ey0) - ey1 * (x - ex0)
            c2 = ex2 * (y + ey2) - ey2 * (x + ex2)
            inside = (min(c0, min(c1, c2)) > zero) | (max(c0, max(c1, c2)) < zero)
            rest, slope = _slope(zero if inside else min(d * unit, end), cast)
            slope = zero if inside else slope
            results[here] = rest
            results[here + np.uint64(CHUNK)] = slope * gx
            results[here + np.uint64(2 * CHUNK)] = slope * gy
            results[here + np.uint64(3 * CHUNK)] = w0
            results[here + np.uint64(4 * CHUNK)] = w1
        for pixel in range(min(CHUNK, count - start)):
            here, rest, place = np.uint64(pixel), results[np.uint64(pixel)], places[np.uint64(start + pixel)]
            flat[np.uint64(place)] *= rest
            targets[np.uint64(kept)] = place
            pairs[0, kept], pairs[1, kept] = (
                results[here + np.uint64(CHUNK)],
                results[here + np.uint64(2 * CHUNK)],
            )
            pairs[2, kept] = results[here + np.uint64(3 * CHUNK)]
            pairs[3, kept] = results[here + np.uint64(4 * CHUNK)]
            kept += rest < cast(1)
    return kept


@relaxed
def recall(pairs, targets, begin, end, field):
    """`pull` from what `multiply_and_keep` has kept of a face in entries [begin, end), without 2 scale."""
    cast = field.dtype.type
    fx0 = fy0 = fx1 = fy1 = fx = fy = cast(0)
    flat = field.ravel()
    for entry in range(np.uint64(begin), np.uint64(end)):
        g = flat[targets[entry]]
        gx, gy, w0, w1 = pairs[0, entry] * g, pairs[1, entry] * g, pairs[2, entry], pairs[3, entry]
        fx, fy = fx + gx, fy + gy
        fx0, fy0 = fx0 + w0 * gx, fy0 + w0 * gy
        fx1, fy1 = fx1 + w1 * gx, fy1 + w1 * gy
    return fx0, fy0, fx1, fy1, fx - fx0 - fx1, fy - fy0 - fy1


@relaxed
def pull(triangle, box, top, radius, scale, runs, field, pixels, places):
    """What the pixels add to d loss / d pixel position of a face's three corners (x0, y0, x1, y1, x2, y2).

    `field` holds d loss / d mask times the product of all 1 - q. With the nearest point c = sum of w_k v_k:
    d loss / d v_k = w_k 2 scale field / (1 - q) dq/ds (c - p). `pixels` [3, n], `places` [n]: working space.
    """
    cast = field.dtype.type
    _, padded = _gather(triangle, box, top, radius, runs, field, pixels, places)
    edges = _edges(triangle, cast)
    unit, one = cast(scale), cast(1)
    fx0 = fy0 = fx1 = fy1 = fx2 = fy2 = cast(0)
    for lane in range(padded):
        d, gx, gy, w0, w1 = _nearest(pixels[0, lane], pixels[1, lane], edges, cast)
        _, slope = _slope(min(d * unit, cast(FADE_END)), cast)
        g, w2 = pixels[2, lane] * slope, one - w0 - w1
        gx, gy = gx * g, gy * g
        fx0, fy0 = fx0 + w0 * gx, fy0 + w0 * gy
        fx1, fy1 = fx1 + w1 * gx, fy1 + w1 * gy
        fx2, fy2 = fx2 + w2 * gx, fy2 + w2 * gy
    f = 2.0 * scale
    return f * fx0, f * fy0, f * fx1, f * fy1, f * fx2, f * fy2


@inline
def _closest(triangle, px, py):
    """Gap from a triangle's border to p, the weights of its nearest point, and whether p is inside."""
    x0, y0, x1, y1, x2, y2 = triangle
    best, gx, gy, w0, w1, w2 = 1e300, 0.0, 0.0, 0.0, 0.0, 0.0
    low, high = 1e300, -1e300
    for side in range(3):
        ax, ay, bx, by = x0, y0, x1, y1
        if side == 1:
            ax, ay, bx, by = x1, y1, x2, y2
        elif side == 2:
            ax, ay, bx, by = x2, y2, x0, y0
        ex, ey, dx, dy = bx - ax, by - ay, px - ax, py - ay
        length = ex * ex + ey * ey
        t = min(max((dx * ex + dy * ey) / length, 0.0), 1.0) if length > 0.0 else 0.0
        cross = ex * dy - ey * dx
        low, high = min(low, cross), max(high, cross)
        dx, dy = dx - t * ex, dy - t * ey
        if dx * dx + dy * dy < best:
            best, gx, gy = dx * dx + dy * dy, dx, dy
            w0 = 1.0 - t if side == 0 else (0.0 if side == 1 else t)
            w1 = t if side == 0 else (1.0 - t if side == 1 else 0.0)
            w2 = 0.0 if side == 0 else (t if side == 1 else 1.0 - t)
    return gx, gy, w0, w1, w2, low > 0.0 or high < 0.0


@jit
def choose(triangle, box, top, scale, face, field, nearest, chosen):
    """Enter one face at the pixels with a gradient in `field` of which it is the nearest so far."""
    left, right, upper, lower = box
    for row in range(upper, lower + 1):
        r = row - top
        for column in range(left, right + 1):
            if field[r, column] != 0.0:
                gx, gy, _, _, _, inside = _closest(triangle, float(column), float(row))
                s = 0.0 if inside else (gx * gx + gy * gy) * scale
                if s < nearest[r, column]:
                    nearest[r, column], chosen[r, column] = s, face


@jit
def pull_nearest(points, faces, chosen, field, top, bottom, scale, flow):
    """Add to `flow` (d loss / d pixel position, [V, 2]) what each pixel sends to its nearest face."""
    for row in range(top, bottom):
        for column in range(chosen.shape[1]):
            face, g = chosen[row - top, column], np.float64(field[row - top, column])
            if face < 0 or g == 0.0:
                continue
            i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
            triangle = (points[i, 0], points[i, 1], points[j, 0], points[j, 1], points[k, 0], points[k, 1])
            gx, gy, w0, w1, w2, inside = _closest(triangle, float(column), float(row))
            s = (gx * gx + gy * gy) * scale
            if inside or s >= FADE_END:
                continue
            u = max((s - FADE_BEGIN) / (FADE_END - FADE_BEGIN), 0.0)
            fade = 1.0 - u * u * (3.0 - 2.0 * u)
            g *= 2.0 * scale * math.exp(-s) * (fade + 6.0 / (FADE_END - FADE_BEGIN) * u * (1.0 - u))
            flow[i, 0], flow[i, 1] = flow[i, 0] + w0 * g * gx, flow[i, 1] + w0 * g * gy
            flow[j, 0], flow[j, 1] = flow[j, 0] + w1 * g * gx, flow[j, 1] + w1 * g * gy
            flow[k, 0], flow[k, 1] = flow[k, 0] + w2 * g * gx, flow[k, 1] + w2 * g * gy
