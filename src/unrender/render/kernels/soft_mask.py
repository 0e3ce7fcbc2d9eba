"""Soft silhouette of DIB-R (Chen et al., NeurIPS 2019, arXiv 1908.01210, eq. 4-5), with a smooth end.

On covered pixels 1; elsewhere A = 1 - prod_j (1 - q_j) with q_j = exp(-s) fade(s), s = d_j^2 / delta, d_j the distance
from the pixel centre to the projected face j in NDC units of the shorter image side (that side is 2 long).
fade is 1 for s <= 4 and falls as the cubic smoothstep to exactly 0 at s = 8, so A has a continuous gradient and a face
reaches no further than sqrt(8 delta). "nearest" keeps only the nearest face's factor.

Most faces touch no uncovered pixel: a summed-area table of the uncovered pixels tells so from a face's bounding box.
"""

from __future__ import annotations

import math

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import inline, jit

COMBINE = {"product": 0, "nearest": 1}
FADE_BEGIN, FADE_END = 4.0, 8.0


def forward(
    clip: np.ndarray, faces: np.ndarray, face_index: np.ndarray, delta: float, combine: int = 0, threads: int = 1
) -> np.ndarray:
    """Soft mask without checking arguments.

    Args:
        clip: [B, V, 4] float32 or float64, C-contiguous.
        faces: [F, 3] int32. Faces with a vertex that is not finite or behind the near plane do not contribute.
        face_index: [B, H, W] int32 from `rasterize.forward`.
        delta: squared length scale in NDC of the shorter side, > 0. combine: 0 product, 1 nearest.
        threads: how many threads to use.

    Returns:
        [B, H, W] in [0, 1], clip's dtype.
    """
    batch, height, width = face_index.shape
    out = np.empty((batch, height, width), clip.dtype)
    bands = pool.picture_bands(batch, height, threads)

    def work(begin: int, end: int) -> None:
        _forward(begin, end, bands, clip, faces, face_index, delta, combine, out)

    pool.run(work, batch * bands, threads)
    return out


@inline
def weight(s):
    """q(s) and dq/ds."""
    q = math.exp(-s)
    if s <= FADE_BEGIN:
        return q, -q
    u = (s - FADE_BEGIN) * (1.0 / (FADE_END - FADE_BEGIN))
    fade = 1.0 - u * u * (3.0 - 2.0 * u)
    slope = -6.0 * u * (1.0 - u) * (1.0 / (FADE_END - FADE_BEGIN))
    return q * fade, q * (slope - fade)


@jit
def _project(clip, height, width, xs, ys, valid):
    """Vertices in pixels, pixel centres at integers."""
    for vertex in range(clip.shape[0]):
        x, y = np.float64(clip[vertex, 0]), np.float64(clip[vertex, 1])
        z, w = np.float64(clip[vertex, 2]), np.float64(clip[vertex, 3])
        valid[vertex] = False
        if w > 0.0 and z >= -w and math.isfinite(x) and math.isfinite(y) and math.isfinite(z) and math.isfinite(w):
            scale = 1.0 / w
            xs[vertex] = (x * scale + 1.0) * (0.5 * width) - 0.5
            ys[vertex] = (1.0 - y * scale) * (0.5 * height) - 0.5
            valid[vertex] = abs(xs[vertex]) < 1e9 and abs(ys[vertex]) < 1e9


@jit
def _uncovered_table(index, top, bottom, table):
    """table[r, c] = number of uncovered pixels in rows [top, top + r) and columns [0, c)."""
    table[0, :] = 0
    for row in range(top, bottom):
        total = 0
        above = row - top
        table[above + 1, 0] = 0
        for column in range(index.shape[1]):
            total += index[row, column] < 0
            table[above + 1, column + 1] = table[above, column + 1] + total
    return table[bottom - top, index.shape[1]]


@inline
def _nearest_on_edge(px, py, ax, ay, ex, ey, inverse):
    """Squared distance from p to the segment a + t e, t in [0, 1], and t."""
    dx, dy = px - ax, py - ay
    t = min(max((dx * ex + dy * ey) * inverse, 0.0), 1.0)
    dx, dy = dx - t * ex, dy - t * ey
    return dx * dx + dy * dy, t


@inline
def _reciprocal(x):
    return 1.0 / x if x > 0.0 else 0.0


@inline
def _slab(ax, ay, ex, ey, low, high, begin, end):
    """Widen [begin, end] by the columns of the part of a segment within rows [low, high]."""
    by = ay + ey
    if max(ay, by) < low or min(ay, by) > high:
        return begin, end
    t0, t1 = 0.0, 1.0
    if ey != 0.0:
        s0, s1 = (low - ay) / ey, (high - ay) / ey
        t0, t1 = max(0.0, min(s0, s1)), min(1.0, max(s0, s1))
    x0, x1 = ax + t0 * ex, ax + t1 * ex
    return min(begin, x0, x1), max(end, x0, x1)


@inline
def _box(x0, y0, x1, y1, x2, y2, radius, width, top, bottom, table):
    """Columns and rows a face can reach, empty (left > right) if no uncovered pixel is among them."""
    upper = max(math.ceil(min(y0, y1, y2) - radius), top)
    lower = min(math.floor(max(y0, y1, y2) + radius), bottom - 1)
    left = max(math.ceil(min(x0, x1, x2) - radius), 0)
    right = min(math.floor(max(x0, x1, x2) + radius), width - 1)
    if upper > lower or left > right:
        return 0, -1, 0, -1
    left, right, upper, lower = int(left), int(right), int(upper), int(lower)
    a, b = upper - top, lower + 1 - top
    if table[b, right + 1] - table[a, right + 1] - table[b, left] + table[a, left] == 0:
        return 0, -1, 0, -1
    return left, right, upper, lower


@inline
def _row_span(x0, y0, x1, y1, x2, y2, row, radius, left, right):
    """The columns of a row that the face can reach."""
    if right - left < 12:
        return left, right
    begin, end = 1e30, -1e30
    begin, end = _slab(x0, y0, x1 - x0, y1 - y0, row - radius, row + radius, begin, end)
    begin, end = _slab(x1, y1, x2 - x1, y2 - y1, row - radius, row + radius, begin, end)
    begin, end = _slab(x2, y2, x0 - x2, y0 - y2, row - radius, row + radius, begin, end)
    if begin > end:
        return 1, 0
    return max(left, int(math.ceil(max(begin - radius, -1.0)))), min(right, int(math.floor(min(end + radius, right + 1.0))))


@jit
def _forward(begin, end, bands, clip, faces, index, delta, combine, out):
    height, width = index.shape[1], index.shape[2]
    count = clip.shape[1]
    xs, ys = np.empty(count, np.float64), np.empty(count, np.float64)
    valid = np.empty(count, np.bool_)
    table = np.empty((height // bands + 3, width + 1), np.int32)
    scale = (2.0 / min(height, width)) ** 2 / delta
    radius = math.sqrt(FADE_END / scale)
    last = -1
    for item in range(begin, end):
        image, band = item // bands, item % bands
        top, bottom = height * band // bands, height * (band + 1) // bands
        if image != last:
            _project(clip[image], height, width, xs, ys, valid)
            last = image
        picture = out[image]
        # until the end `picture` holds the product (or for "nearest" the smallest s) of uncovered pixels
        for row in range(top, bottom):
            for column in range(width):
                covered = index[image, row, column] >= 0
                picture[row, column] = 0.0 if covered else (FADE_END if combine else 1.0)
        if _uncovered_table(index[image], top, bottom, table) > 0:
            for face in range(faces.shape[0]):
                i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
                if not (valid[i] and valid[j] and valid[k]):
                    continue
                x0, y0, x1, y1, x2, y2 = xs[i], ys[i], xs[j], ys[j], xs[k], ys[k]
                left, right, upper, lower = _box(x0, y0, x1, y1, x2, y2, radius, width, top, bottom, table)
                if left <= right:
                    _spread(
                        x0, y0, x1, y1, x2, y2, left, right, upper, lower, radius, scale, combine, index[image], picture
                    )
        for row in range(top, bottom):
            for column in range(width):
                if combine and index[image, row, column] < 0:
                    s = np.float64(picture[row, column])
                    picture[row, column] = weight(s)[0] if s < FADE_END else 0.0
                else:
                    picture[row, column] = 1.0 - picture[row, column]


@jit
def _spread(x0, y0, x1, y1, x2, y2, left, right, upper, lower, radius, scale, combine, index, picture):
    """Multiply one face's factors into the uncovered pixels of its box."""
    ex0, ey0, ex1, ey1, ex2, ey2 = x1 - x0, y1 - y0, x2 - x1, y2 - y1, x0 - x2, y0 - y2
    r0, r1, r2 = (
        _reciprocal(ex0 * ex0 + ey0 * ey0), _reciprocal(ex1 * ex1 + ey1 * ey1), _reciprocal(ex2 * ex2 + ey2 * ey2)
    )  # fmt: skip
    for row in range(upper, lower + 1):
        py = float(row)
        first, final = _row_span(x0, y0, x1, y1, x2, y2, py, radius, left, right)
        for column in range(first, final + 1):
            if index[row, column] >= 0:
                continue
            px = float(column)
            d0, _ = _nearest_on_edge(px, py, x0, y0, ex0, ey0, r0)
            d1, _ = _nearest_on_edge(px, py, x1, y1, ex1, ey1, r1)
            d2, _ = _nearest_on_edge(px, py, x2, y2, ex2, ey2, r2)
            s = min(d0, d1, d2) * scale
            if s >= FADE_END and not _inside(px, py, x0, y0, x1, y1, x2, y2):
                continue
            if _inside(px, py, x0, y0, x1, y1, x2, y2):
                s = 0.0
            if combine:
                picture[row, column] = min(picture[row, column], s)
            elif s <= FADE_BEGIN:
                picture[row, column] *= -math.expm1(-s)
            else:
                picture[row, column] *= 1.0 - weight(s)[0]


@inline
def _inside(px, py, x0, y0, x1, y1, x2, y2):
    """Whether p is inside the triangle or on its border (uncovered all the same: its face is culled)."""
    c0 = (x1 - x0) * (py - y0) - (y1 - y0) * (px - x0)
    c1 = (x2 - x1) * (py - y1) - (y2 - y1) * (px - x1)
    c2 = (x0 - x2) * (py - y2) - (y0 - y2) * (px - x2)
    return (c0 > 0.0 and c1 > 0.0 and c2 > 0.0) or (c0 < 0.0 and c1 < 0.0 and c2 < 0.0)


def vjp(
    clip: np.ndarray,
    faces: np.ndarray,
    face_index: np.ndarray,
    mask: np.ndarray,
    grad_mask: np.ndarray,
    delta: float,
    combine: int = 0,
    threads: int = 1,
) -> np.ndarray:
    """Gradient at `clip` [B, V, 4] of a loss with gradient `grad_mask` at the result `mask` of `forward`."""
    batch, height, width = face_index.shape
    bands = pool.accumulation_bands(batch, height, width)
    grad = np.zeros((batch * bands, clip.shape[1], 4), clip.dtype)

    def work(begin: int, end: int) -> None:
        _vjp(begin, end, bands, clip, faces, face_index, mask, grad_mask, delta, combine, grad)

    pool.run(work, batch * bands, threads)
    return grad if bands == 1 else grad.reshape(batch, bands, -1, 4).sum(axis=1)


@jit
def _vjp(begin, end, bands, clip, faces, index, mask, grad_mask, delta, combine, grad):
    height, width = index.shape[1], index.shape[2]
    count = clip.shape[1]
    xs, ys = np.empty(count, np.float64), np.empty(count, np.float64)
    valid = np.empty(count, np.bool_)
    table = np.empty((height // bands + 3, width + 1), np.int32)
    flow = np.empty((count, 2), np.float64)
    nearest = np.empty((height // bands + 2 if combine else 0, width), np.float64)
    chosen = np.empty((height // bands + 2 if combine else 0, width), np.int32)
    scale = (2.0 / min(height, width)) ** 2 / delta
    radius = math.sqrt(FADE_END / scale)
    last = -1
    for item in range(begin, end):
        image, band = item // bands, item % bands
        top, bottom = height * band // bands, height * (band + 1) // bands
        if image != last:
            _project(clip[image], height, width, xs, ys, valid)
            last = image
        if _uncovered_table(index[image], top, bottom, table) == 0:
            continue
        flow[:, :] = 0.0
        nearest[:, :] = 1e300
        chosen[:, :] = -1
        for step in range(2 if combine else 1):  # for "nearest" the first pass finds each pixel's face
            for face in range(faces.shape[0]):
                i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
                if not (valid[i] and valid[j] and valid[k]):
                    continue
                x0, y0, x1, y1, x2, y2 = xs[i], ys[i], xs[j], ys[j], xs[k], ys[k]
                left, right, upper, lower = _box(x0, y0, x1, y1, x2, y2, radius, width, top, bottom, table)
                if left > right:
                    continue
                if combine and step == 0:
                    _choose(
                        x0, y0, x1, y1, x2, y2, left, right, upper, lower, radius, face, top,
                        index[image], nearest, chosen,
                    )  # fmt: skip
                else:
                    _pull(
                        x0, y0, x1, y1, x2, y2, left, right, upper, lower, radius, scale, combine, face, top,
                        index[image], mask[image], grad_mask[image], chosen, flow, i, j, k,
                    )  # fmt: skip
        for vertex in range(count):
            fx, fy = flow[vertex, 0], flow[vertex, 1]
            if fx == 0.0 and fy == 0.0:
                continue
            inverse = 1.0 / np.float64(clip[image, vertex, 3])
            gx, gy = fx * 0.5 * width * inverse, -fy * 0.5 * height * inverse
            grad[item, vertex, 0] = gx
            grad[item, vertex, 1] = gy
            grad[item, vertex, 3] = -(gx * clip[image, vertex, 0] + gy * clip[image, vertex, 1]) * inverse


@jit
def _choose(
    x0, y0, x1, y1, x2, y2, left, right, upper, lower, radius, face, top, index, nearest, chosen
):  # fmt: skip
    ex0, ey0, ex1, ey1, ex2, ey2 = x1 - x0, y1 - y0, x2 - x1, y2 - y1, x0 - x2, y0 - y2
    r0, r1, r2 = (
        _reciprocal(ex0 * ex0 + ey0 * ey0), _reciprocal(ex1 * ex1 + ey1 * ey1), _reciprocal(ex2 * ex2 + ey2 * ey2)
    )  # fmt: skip
    for row in range(upper, lower + 1):
        py = float(row)
        first, final = _row_span(x0, y0, x1, y1, x2, y2, py, radius, left, right)
        for column in range(first, final + 1):
            if index[row, column] >= 0:
                continue
            px = float(column)
            d0, _ = _nearest_on_edge(px, py, x0, y0, ex0, ey0, r0)
            d1, _ = _nearest_on_edge(px, py, x1, y1, ex1, ey1, r1)
            d2, _ = _nearest_on_edge(px, py, x2, y2, ex2, ey2, r2)
            d = 0.0 if _inside(px, py, x0, y0, x1, y1, x2, y2) else min(d0, d1, d2)
            if d < nearest[row - top, column]:
                nearest[row - top, column] = d
                chosen[row - top, column] = face


@jit
def _pull(
    x0, y0, x1, y1, x2, y2, left, right, upper, lower, radius, scale, combine, face, top,
    index, mask, grad_mask, chosen, flow, i, j, k,
):  # fmt: skip
    """Add one face's gradient to the flow (d loss / d pixel position) of its vertices."""
    ex0, ey0, ex1, ey1, ex2, ey2 = x1 - x0, y1 - y0, x2 - x1, y2 - y1, x0 - x2, y0 - y2
    r0, r1, r2 = (
        _reciprocal(ex0 * ex0 + ey0 * ey0), _reciprocal(ex1 * ex1 + ey1 * ey1), _reciprocal(ex2 * ex2 + ey2 * ey2)
    )  # fmt: skip
    fx0 = fy0 = fx1 = fy1 = fx2 = fy2 = 0.0
    for row in range(upper, lower + 1):
        py = float(row)
        first, final = _row_span(x0, y0, x1, y1, x2, y2, py, radius, left, right)
        for column in range(first, final + 1):
            if index[row, column] >= 0:
                continue
            g = np.float64(grad_mask[row, column])
            rest = 1.0 - np.float64(mask[row, column])
            if g == 0.0 or rest <= 0.0 or (combine and chosen[row - top, column] != face):
                continue
            px = float(column)
            d0, t0 = _nearest_on_edge(px, py, x0, y0, ex0, ey0, r0)
            d1, t1 = _nearest_on_edge(px, py, x1, y1, ex1, ey1, r1)
            d2, t2 = _nearest_on_edge(px, py, x2, y2, ex2, ey2, r2)
            d = min(d0, d1, d2)
            s = d * scale
            if s >= FADE_END or _inside(px, py, x0, y0, x1, y1, x2, y2):
                continue
            q, slope = weight(s)
            if not combine:
                left_over = -math.expm1(-s) if s <= FADE_BEGIN else 1.0 - q
                if left_over <= 0.0:
                    continue
                g *= rest / left_over
            g *= -2.0 * slope * scale
            if d == d0:
                nx, ny = g * (px - x0 - t0 * ex0), g * (py - y0 - t0 * ey0)
                fx0, fy0 = fx0 + (1.0 - t0) * nx, fy0 + (1.0 - t0) * ny
                fx1, fy1 = fx1 + t0 * nx, fy1 + t0 * ny
            elif d == d1:
                nx, ny = g * (px - x1 - t1 * ex1), g * (py - y1 - t1 * ey1)
                fx1, fy1 = fx1 + (1.0 - t1) * nx, fy1 + (1.0 - t1) * ny
                fx2, fy2 = fx2 + t1 * nx, fy2 + t1 * ny
            else:
                nx, ny = g * (px - x2 - t2 * ex2), g * (py - y2 - t2 * ey2)
                fx2, fy2 = fx2 + (1.0 - t2) * nx, fy2 + (1.0 - t2) * ny
                fx0, fy0 = fx0 + t2 * nx, fy0 + t2 * ny
    flow[i, 0] += fx0
    flow[i, 1] += fy0
    flow[j, 0] += fx1
    flow[j, 1] += fy1
    flow[k, 0] += fx2
    flow[k, 1] += fy2
