"""Soft silhouette as DIB-R's own renderer computes it: boxes, and at most `knum` faces a pixel.

Source: Chen et al., DIB-R, NeurIPS 2019, arXiv 1908.01210, eq. 4-5, with the limits of its renderer. Covered
pixels are exactly 1. Any other pixel visits the faces in index order; a face takes part if the pixel's centre
is in the face's bounding box enlarged by `boxlen` (lower bounds included, upper excluded), until `knum` faces
have. Then A = 1 - prod (1 - p), p = exp(-sigmainv d^2), with d the distance from the centre to the
face's border, in NDC of each axis (no aspect correction). Pixels are those of `affine`.

Faces are drawn one by one, in order, into the product and a count of faces for each pixel: that gives the
first `knum` faces without a list. Rows are worked on in groups of `LANES` without branches.
"""

from __future__ import annotations

import math

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.affine import centre_x, centre_y, columns_within, rows_within
from unrender.render.kernels.decay import decay
from unrender.render.kernels.jit import contracted, inline, jit, relaxed

LANES = 8
FAR = 40.0
"""exp(-40) is below the rounding of 1 in float64."""


def forward(
    points: np.ndarray,
    covered: np.ndarray,
    sigmainv: float,
    boxlen: float,
    knum: int,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Soft mask without checking arguments.

    Args:
        points: [B, F, 3, 2] float32 or float64, C-contiguous, projected corners in [-1, 1], y up. Faces with
            a coordinate that is not finite do not count.
        covered: [B, H, W] bool, where a face is visible.
        sigmainv: inverse of the squared length scale, > 0.
        boxlen: margin of the bounding boxes, >= 0.
        knum: how many faces may count at a pixel, >= 0.
        threads: how many threads to use.

    Returns:
        mask [B, H, W] and 1 - mask without cancellation, which `vjp` needs; points' dtype.
    """
    batch, height, width = covered.shape
    mask = np.empty((batch, height, width), points.dtype)
    rest = np.empty((batch, height, width), points.dtype)
    bands = pool.picture_bands(batch, height, threads)

    def work(begin: int, end: int) -> None:
        _forward(begin, end, bands, points, covered, sigmainv, boxlen, knum, mask, rest)

    pool.run(work, batch * bands, threads)
    return mask, rest


def vjp(
    points: np.ndarray,
    covered: np.ndarray,
    rest: np.ndarray,
    grad_mask: np.ndarray,
    sigmainv: float,
    boxlen: float,
    knum: int,
    threads: int = 1,
) -> np.ndarray:
    """Gradient at `points` [B, F, 3, 2], given one at the mask and the second result of `forward`."""
    batch, height, width = covered.shape
    bands = pool.accumulation_bands(batch, height, width)
    grad = np.zeros((batch * bands, *points.shape[1:]), points.dtype)

    def work(begin: int, end: int) -> None:
        _vjp(begin, end, bands, points, covered, rest, grad_mask, sigmainv, boxlen, knum, grad)

    pool.run(work, batch * bands, threads)
    return grad if bands == 1 else grad.reshape(batch, bands, *points.shape[1:]).sum(axis=1)


@inline
def _survey(covered, top, bottom, table, runs):
    """Where the uncovered pixels of rows [top, bottom) are.

    table[r, c] counts them above row r and left of column c; runs[0, r, c] is the first uncovered column >= c
    of row r (the width if there is none), runs[1, r, c] the last one <= c (or -1).
    """
    width = covered.shape[1]
    table[0, :] = 0
    for row in range(top, bottom):
        r = row - top
        total, last = 0, -1
        table[r + 1, 0] = 0
        for column in range(width):
            if not covered[row, column]:
                total += 1
                last = column
            runs[1, r, column] = last
            table[r + 1, column + 1] = table[r, column + 1] + total
        last = width
        for column in range(width - 1, -1, -1):
            if not covered[row, column]:
                last = column
            runs[0, r, column] = last


@inline
def _corners(points, image, face):
    return (
        np.float64(points[image, face, 0, 0]), np.float64(points[image, face, 0, 1]),
        np.float64(points[image, face, 1, 0]), np.float64(points[image, face, 1, 1]),
        np.float64(points[image, face, 2, 0]), np.float64(points[image, face, 2, 1]),
    )  # fmt: skip


@inline
def _box(triangle, boxlen, height, width, top, bottom, table):
    """Columns and rows of the enlarged box, empty (1, 0, 1, 0) if no uncovered pixel is in it."""
    ax, ay, bx, by, cx, cy = triangle
    if not math.isfinite(ax + ay + bx + by + cx + cy):
        return 1, 0, 1, 0
    upper, lower = rows_within(min(ay, by, cy) - boxlen, max(ay, by, cy) + boxlen, height, top, bottom)
    if upper > lower:
        return 1, 0, 1, 0
    left, right = columns_within(min(ax, bx, cx) - boxlen, max(ax, bx, cx) + boxlen, width)
    if left > right:
        return 1, 0, 1, 0
    a, b = upper - top, lower + 1 - top
    if table[b, right + 1] - table[a, right + 1] - table[b, left] + table[a, left] == 0:
        return 1, 0, 1, 0
    return left, right, upper, lower


@inline
def _reciprocal(x):
    return 1.0 / x if x > 0.0 else 0.0


@inline
def _edges(triangle, cast):
    """Edge vectors and reciprocals of their squared lengths (0 for points)."""
    ax, ay, bx, by, cx, cy = triangle
    return (
        cast(bx - ax), cast(by - ay), cast(cx - bx), cast(cy - by), cast(ax - cx), cast(ay - cy),
        cast(_reciprocal((bx - ax) ** 2 + (by - ay) ** 2)),
        cast(_reciprocal((cx - bx) ** 2 + (cy - by) ** 2)),
        cast(_reciprocal((ax - cx) ** 2 + (ay - cy) ** 2)),
    )  # fmt: skip


@inline
def _along(dx, dy, ex, ey, inverse, cast):
    """Position in [0, 1] on the segment t e nearest to (dx, dy), and the gap from there."""
    t = min(max((dx * ex + dy * ey) * inverse, cast(0)), cast(1))
    return t, dx - t * ex, dy - t * ey


@jit
def _forward(begin, end, bands, points, covered, sigmainv, boxlen, knum, mask, rest):
    height, width = covered.shape[1], covered.shape[2]
    cast = points.dtype.type
    rows = (height + bands - 1) // bands + 1
    table = np.empty((rows + 1, width + 1), np.int32)
    runs = np.empty((2, rows, width), np.int32)
    field = np.empty((rows, width + LANES), points.dtype)
    count = np.empty((rows, width + LANES), points.dtype)
    for item in range(begin, end):
        image, band = item // bands, item % bands
        top, bottom = height * band // bands, height * (band + 1) // bands
        _survey(covered[image], top, bottom, table, runs)
        field[:, :] = 1.0
        count[:, :] = 0.0
        for face in range(points.shape[1] if table[bottom - top, width] > 0 else 0):
            triangle = _corners(points, image, face)
            box = _box(triangle, boxlen, height, width, top, bottom, table)
            if box[0] <= box[1]:
                _spread(triangle, box, top, height, width, sigmainv, knum, runs, field, count)
        for row in range(top, bottom):
            for column in range(width):
                value = field[row - top, column]
                if covered[image, row, column]:
                    value = cast(0)
                rest[image, row, column] = value
                mask[image, row, column] = cast(1) - value


@contracted
def _spread(triangle, box, top, height, width, sigmainv, knum, runs, field, count):
    """Multiply one face's 1 - p into the products of the pixels in its box that still take faces."""
    left, right, upper, lower = box
    cast = field.dtype.type
    ex0, ey0, ex1, ey1, ex2, ey2, r0, r1, r2 = _edges(triangle, cast)
    unit, limit, step, zero, one = cast(sigmainv), cast(knum), cast(2.0 / width), cast(0), cast(1)
    flat, taken = field.ravel(), count.ravel()
    for row in range(upper, lower + 1):
        first, final = runs[0, row - top, left], runs[1, row - top, right]
        if first > final:
            continue
        x, y = centre_x(first, width), centre_y(row, height)
        dx0, dx1, dx2 = cast(x - triangle[0]), cast(x - triangle[2]), cast(x - triangle[4])
        dy0, dy1, dy2 = cast(y - triangle[1]), cast(y - triangle[3]), cast(y - triangle[5])
        base = np.uint64((row - top) * field.shape[1] + first)  # unsigned: no check for negative indices
        stop = cast(final - first)
        for lane in range(((final - first) // LANES + 1) * LANES):
            place = cast(np.int32(lane))
            x = place * step
            _, gx0, gy0 = _along(dx0 + x, dy0, ex0, ey0, r0, cast)
            _, gx1, gy1 = _along(dx1 + x, dy1, ex1, ey1, r1, cast)
            _, gx2, gy2 = _along(dx2 + x, dy2, ex2, ey2, r2, cast)
            d = min(gx0 * gx0 + gy0 * gy0, min(gx1 * gx1 + gy1 * gy1, gx2 * gx2 + gy2 * gy2))
            so_far = taken[base + np.uint64(lane)]
            takes = (so_far < limit) & (place <= stop)
            taken[base + np.uint64(lane)] = so_far + (one if takes else zero)
            flat[base + np.uint64(lane)] *= one - decay(min(d * unit, cast(FAR))) if takes else one


@jit
def _vjp(begin, end, bands, points, covered, rest, grad_mask, sigmainv, boxlen, knum, grad):
    height, width = covered.shape[1], covered.shape[2]
    rows = (height + bands - 1) // bands + 1
    table = np.empty((rows + 1, width + 1), np.int32)
    runs = np.empty((2, rows, width), np.int32)
    field = np.empty((rows, width + LANES), points.dtype)
    count = np.empty((rows, width + LANES), points.dtype)
    for item in range(begin, end):
        image, band = item // bands, item % bands
        top, bottom = height * band // bands, height * (band + 1) // bands
        _survey(covered[image], top, bottom, table, runs)
        field[:, :] = 0.0
        count[:, :] = 0.0
        for row in range(top, bottom):
            for column in range(width):
                if not covered[image, row, column]:
                    field[row - top, column] = grad_mask[image, row, column] * rest[image, row, column]
        for face in range(points.shape[1] if table[bottom - top, width] > 0 else 0):
            triangle = _corners(points, image, face)
            box = _box(triangle, boxlen, height, width, top, bottom, table)
            if box[0] > box[1]:
                continue
            fx0, fy0, fx1, fy1, fx2, fy2 = _pull(
                triangle, box, top, height, width, sigmainv, knum, runs, field, count
            )
            grad[item, face, 0, 0], grad[item, face, 0, 1] = fx0, fy0
            grad[item, face, 1, 0], grad[item, face, 1, 1] = fx1, fy1
            grad[item, face, 2, 0], grad[item, face, 2, 1] = fx2, fy2


@relaxed
def _pull(triangle, box, top, height, width, sigmainv, knum, runs, field, count):
    """d loss / d corners of one face, from its pixels that take it; counts it at those pixels.

    `field` holds d loss / d mask times the product of all 1 - p. With the nearest border point
    c = sum of w_k v_k and gap = pixel - c: d loss / d v_k = sum of 2 sigmainv field p / (1 - p) w_k gap.
    """
    left, right, upper, lower = box
    cast = field.dtype.type
    ex0, ey0, ex1, ey1, ex2, ey2, r0, r1, r2 = _edges(triangle, cast)
    unit, limit, step, zero, one = cast(sigmainv), cast(knum), cast(2.0 / width), cast(0), cast(1)
    flat, taken = field.ravel(), count.ravel()
    fx0 = fy0 = fx1 = fy1 = fx2 = fy2 = zero
    for row in range(upper, lower + 1):
        first, final = runs[0, row - top, left], runs[1, row - top, right]
        if first > final:
            continue
        x, y = centre_x(first, width), centre_y(row, height)
        dx0, dx1, dx2 = cast(x - triangle[0]), cast(x - triangle[2]), cast(x - triangle[4])
        dy0, dy1, dy2 = cast(y - triangle[1]), cast(y - triangle[3]), cast(y - triangle[5])
        base = np.uint64((row - top) * field.shape[1] + first)
        stop = cast(final - first)
        for lane in range(((final - first) // LANES + 1) * LANES):
            place = cast(np.int32(lane))
            x = place * step
            t0, gx0, gy0 = _along(dx0 + x, dy0, ex0, ey0, r0, cast)
            t1, gx1, gy1 = _along(dx1 + x, dy1, ex1, ey1, r1, cast)
            t2, gx2, gy2 = _along(dx2 + x, dy2, ex2, ey2, r2, cast)
            d0, d1, d2 = gx0 * gx0 + gy0 * gy0, gx1 * gx1 + gy1 * gy1, gx2 * gx2 + gy2 * gy2
            d = min(d0, min(d1, d2))
            on0, on1 = d0 <= d, d1 <= d
            gx = gx0 if on0 else (gx1 if on1 else gx2)
            gy = gy0 if on0 else (gy1 if on1 else gy2)
            w0 = one - t0 if on0 else (zero if on1 else t2)
            w1 = t0 if on0 else (one - t1 if on1 else zero)
            w2 = one - w0 - w1
            so_far = taken[base + np.uint64(lane)]
            takes = (so_far < limit) & (place <= stop)
            taken[base + np.uint64(lane)] = so_far + (one if takes else zero)
            p = decay(min(d * unit, cast(FAR)))
            g = flat[base + np.uint64(lane)] * p / max(one - p, cast(1e-30)) if takes else zero
            gx, gy = gx * g, gy * g
            fx0, fy0 = fx0 + w0 * gx, fy0 + w0 * gy
            fx1, fy1 = fx1 + w1 * gx, fy1 + w1 * gy
            fx2, fy2 = fx2 + w2 * gx, fy2 + w2 * gy
    f = 2.0 * sigmainv
    return f * fx0, f * fy0, f * fx1, f * fy1, f * fx2, f * fy2
