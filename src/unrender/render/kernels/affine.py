"""Visibility and attributes with weights that are affine on the picture, as DIB-R's own renderer has them.

Source: Chen et al., DIB-R, NeurIPS 2019, arXiv 1908.01210, section 3.1. Unlike `rasterize`, faces bring their
own corners, positions are already projected, and weights are not perspective-correct. Pixel (i, j) is sampled
at x = (2 j + 1 - W) / W, y = (H - 2 i - 1) / H. A face covers a pixel if the pixel is in the face's bounding
box (lower bounds included, upper excluded) and no weight is negative: neighbours both own their shared edge,
and the largest z wins, of equal ones the first face. z receives no gradient.

With p = sum of w_k v_k fixed, moving corner j by d changes w_k by -w_j grad(w_k) . d, so a loss with gradient
g_k at w_k has the gradient -w_j sum of g_k grad(w_k) at corner j: nine sums of w_j g_k a face.
"""

from __future__ import annotations

import math

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import inline, jit

WIDE = 12
"""Boxes wider than this many pixels are narrowed row by row before pixels are tested."""


def forward(
    points: np.ndarray, z: np.ndarray, valid: np.ndarray, height: int, width: int, threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Rasterize without checking arguments.

    Args:
        points: [B, F, 3, 2] float32 or float64, projected corners, x right, y up, the picture is [-1, 1].
        z: [B, F, 3], the same dtype, larger is nearer. Faces with a value that is not finite are not drawn.
        valid: [B, F] bool; others are not drawn.
        height, width: picture size in pixels.
        threads: how many threads to use.

    Returns:
        face index int64 [B, H, W] (-1 = nothing) and weights [B, H, W, 3] (0 where nothing is).
    """
    batch = points.shape[0]
    index = np.empty((batch, height, width), np.int64)
    weights = np.empty((batch, height, width, 3), points.dtype)
    bands = pool.picture_bands(batch, height, threads)

    def work(begin: int, end: int) -> None:
        _forward(begin, end, bands, points, z, valid, index, weights)

    pool.run(work, batch * bands, threads)
    return index, weights


@inline
def centre_x(column, width):
    return (2.0 * column + 1.0 - width) / width


@inline
def centre_y(row, height):
    return (height - 2.0 * row - 1.0) / height


@inline
def columns_within(low, high, width):
    """First and last column whose centre is in [low, high)."""
    first = math.ceil(min(max((low * width + width - 1.0) * 0.5 - 1.0, 0.0), float(width)))
    last = math.floor(min(max((high * width + width - 1.0) * 0.5 + 1.0, -1.0), width - 1.0))
    while first <= last and centre_x(first, width) < low:
        first += 1
    while last >= first and centre_x(last, width) >= high:
        last -= 1
    return first, last


@inline
def rows_within(low, high, height, top, bottom):
    """First and last row of [top, bottom) whose centre is in [low, high)."""
    first = math.ceil(min(max((height - 1.0 - high * height) * 0.5 - 1.0, float(top)), float(bottom)))
    last = math.floor(min(max((height - 1.0 - low * height) * 0.5 + 1.0, -1.0), bottom - 1.0))
    while first <= last and centre_y(first, height) >= high:
        first += 1
    while last >= first and centre_y(last, height) < low:
        last -= 1
    return first, last


@inline
def _narrow(first, last, value, slope, width):
    """Drop columns at which value + slope * x is clearly negative; keeps one to spare at each end."""
    if slope == 0.0:
        return first, last
    column = ((-value / slope) * width + width - 1.0) * 0.5
    if slope > 0.0:
        return max(first, math.floor(min(max(column, -1.0), width + 1.0)) - 1), last
    return first, min(last, math.ceil(min(max(column, -2.0), width + 0.0)) + 1)


@jit
def _forward(begin, end, bands, points, z, valid, index, weights):
    height, width = index.shape[1], index.shape[2]
    rows = (height + bands - 1) // bands + 1
    nearest = np.empty((rows, width), np.float64)
    xs = np.empty(width, np.float64)
    for column in range(width):
        xs[column] = centre_x(column, width)
    for item in range(begin, end):
        image, band = item // bands, item % bands
        top, bottom = height * band // bands, height * (band + 1) // bands
        nearest[:, :] = -np.inf
        index[image, top:bottom, :] = -1
        for face in range(points.shape[1]):
            if valid[image, face]:
                _draw(points, z, image, face, top, bottom, xs, nearest, index)
        _resolve(points, image, top, bottom, xs, index, weights)


@inline
def _corners(points, image, face):
    return (
        np.float64(points[image, face, 0, 0]), np.float64(points[image, face, 0, 1]),
        np.float64(points[image, face, 1, 0]), np.float64(points[image, face, 1, 1]),
        np.float64(points[image, face, 2, 0]), np.float64(points[image, face, 2, 1]),
    )  # fmt: skip


@inline
def _draw(points, z, image, face, top, bottom, xs, nearest, index):
    height, width = index.shape[1], index.shape[2]
    ax, ay, bx, by, cx, cy = _corners(points, image, face)
    za, zb, zc = np.float64(z[image, face, 0]), np.float64(z[image, face, 1]), np.float64(z[image, face, 2])
    low, high = min(ay, by, cy), max(ay, by, cy)
    if not math.isfinite(ax + ay + bx + by + cx + cy + za + zb + zc) or low >= 1.0 or high <= -1.0:
        return
    upper, lower = rows_within(low, high, height, top, bottom)
    if upper > lower:
        return
    left, right = columns_within(min(ax, bx, cx), max(ax, bx, cx), width)
    if left > right:
        return
    norm = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if norm == 0.0:
        return
    sign = 1.0 if norm > 0.0 else -1.0
    wide = right - left >= WIDE
    for row in range(upper, lower + 1):
        y = centre_y(row, height)
        ya, yb, yc = ay - y, by - y, cy - y
        first, last = left, right
        if wide:
            first, last = _narrow(first, last, sign * (bx * yc - yb * cx), sign * (yb - yc), width)
            first, last = _narrow(first, last, sign * (cx * ya - yc * ax), sign * (yc - ya), width)
            first, last = _narrow(first, last, sign * (ax * yb - ya * bx), sign * (ya - yb), width)
        for column in range(first, last + 1):
            x = xs[column]
            w0 = (bx - x) * yc - yb * (cx - x)
            w1 = (cx - x) * ya - yc * (ax - x)
            w2 = (ax - x) * yb - ya * (bx - x)
            if sign * w0 >= 0.0 and sign * w1 >= 0.0 and sign * w2 >= 0.0:
                total = w0 + w1 + w2
                depth = w0 / total * za + w1 / total * zb + w2 / total * zc
                if depth > nearest[row - top, column]:
                    nearest[row - top, column] = depth
                    index[image, row, column] = face


@inline
def _resolve(points, image, top, bottom, xs, index, weights):
    height, width = index.shape[1], index.shape[2]
    last = np.int64(-1)
    ax = ay = bx = by = cx = cy = 0.0
    for row in range(top, bottom):
        y = centre_y(row, height)
        for column in range(width):
            face = index[image, row, column]
            if face < 0:
                weights[image, row, column, 0] = 0.0
                weights[image, row, column, 1] = 0.0
                weights[image, row, column, 2] = 0.0
                continue
            if face != last:
                ax, ay, bx, by, cx, cy = _corners(points, image, face)
                last = face
            x = xs[column]
            w0 = (bx - x) * (cy - y) - (by - y) * (cx - x)
            w1 = (cx - x) * (ay - y) - (cy - y) * (ax - x)
            w2 = (ax - x) * (by - y) - (ay - y) * (bx - x)
            total = w0 + w1 + w2
            weights[image, row, column, 0] = w0 / total
            weights[image, row, column, 1] = w1 / total
            weights[image, row, column, 2] = w2 / total


def interpolate(features: np.ndarray, index: np.ndarray, weights: np.ndarray, threads: int = 1) -> np.ndarray:
    """Features [B, F, 3, C] at the pixels: [B, H, W, C], 0 where nothing is; weights' dtype."""
    batch, height, width = index.shape
    out = np.empty((batch, height, width, features.shape[3]), features.dtype)
    bands = pool.picture_bands(batch, height, threads)

    def work(begin: int, end: int) -> None:
        _interpolate(begin, end, bands, features, index, weights, out)

    pool.run(work, batch * bands, threads)
    return out


@jit
def _interpolate(begin, end, bands, features, index, weights, out):
    height, width, channels = out.shape[1], out.shape[2], out.shape[3]
    for item in range(begin, end):
        image, band = item // bands, item % bands
        for row in range(height * band // bands, height * (band + 1) // bands):
            for column in range(width):
                face = index[image, row, column]
                if face < 0:
                    for channel in range(channels):
                        out[image, row, column, channel] = 0.0
                    continue
                w0, w1 = weights[image, row, column, 0], weights[image, row, column, 1]
                w2 = weights[image, row, column, 2]
                for channel in range(channels):
                    out[image, row, column, channel] = (
                        w0 * features[image, face, 0, channel]
                        + w1 * features[image, face, 1, channel]
                        + w2 * features[image, face, 2, channel]
                    )


def vjp(
    points: np.ndarray,
    features: np.ndarray,
    index: np.ndarray,
    weights: np.ndarray,
    grad_output: np.ndarray,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients at `points` [B, F, 3, 2] and `features` [B, F, 3, C], given one at `interpolate`'s result."""
    batch, height, width = index.shape
    count, channels = features.shape[1], features.shape[3]
    bands = pool.accumulation_bands(batch, height, width)
    grad_points = np.zeros((batch * bands, count, 3, 2), points.dtype)
    grad_features = np.zeros((batch * bands, count, 3, channels), features.dtype)

    def work(begin: int, end: int) -> None:
        _vjp(begin, end, bands, points, features, index, weights, grad_output, grad_points, grad_features)

    pool.run(work, batch * bands, threads)
    if bands == 1:
        return grad_points, grad_features
    return (
        grad_points.reshape(batch, bands, count, 3, 2).sum(axis=1),
        grad_features.reshape(batch, bands, count, 3, channels).sum(axis=1),
    )


@jit
def _vjp(begin, end, bands, points, features, index, weights, grad_out, grad_points, grad_features):
    height, width = index.shape[1], index.shape[2]
    channels = features.shape[3]
    for item in range(begin, end):
        image, band = item // bands, item % bands
        last = np.int64(-1)
        m00 = m01 = m02 = m10 = m11 = m12 = m20 = m21 = m22 = 0.0
        for row in range(height * band // bands, height * (band + 1) // bands):
            for column in range(width):
                face = index[image, row, column]
                if face < 0:
                    continue
                if face != last:
                    if last >= 0:
                        _flush(
                            points,
                            image,
                            last,
                            grad_points[item],
                            m00,
                            m01,
                            m02,
                            m10,
                            m11,
                            m12,
                            m20,
                            m21,
                            m22,
                        )
                    last = face
                    m00 = m01 = m02 = m10 = m11 = m12 = m20 = m21 = m22 = 0.0
                w0, w1 = weights[image, row, column, 0], weights[image, row, column, 1]
                w2 = weights[image, row, column, 2]
                g0 = g1 = g2 = 0.0
                for channel in range(channels):
                    g = grad_out[image, row, column, channel]
                    g0 += np.float64(g * features[image, face, 0, channel])
                    g1 += np.float64(g * features[image, face, 1, channel])
                    g2 += np.float64(g * features[image, face, 2, channel])
                    grad_features[item, face, 0, channel] += w0 * g
                    grad_features[item, face, 1, channel] += w1 * g
                    grad_features[item, face, 2, channel] += w2 * g
                m00, m01, m02 = m00 + w0 * g0, m01 + w0 * g1, m02 + w0 * g2
                m10, m11, m12 = m10 + w1 * g0, m11 + w1 * g1, m12 + w1 * g2
                m20, m21, m22 = m20 + w2 * g0, m21 + w2 * g1, m22 + w2 * g2
        if last >= 0:
            _flush(points, image, last, grad_points[item], m00, m01, m02, m10, m11, m12, m20, m21, m22)


@inline
def _flush(points, image, face, out, m00, m01, m02, m10, m11, m12, m20, m21, m22):
    ax, ay, bx, by, cx, cy = _corners(points, image, face)
    scale = -1.0 / ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
    x0, x1, x2 = (by - cy) * scale, (cy - ay) * scale, (ay - by) * scale
    y0, y1, y2 = (cx - bx) * scale, (ax - cx) * scale, (bx - ax) * scale
    out[face, 0, 0] += m00 * x0 + m01 * x1 + m02 * x2
    out[face, 0, 1] += m00 * y0 + m01 * y1 + m02 * y2
    out[face, 1, 0] += m10 * x0 + m11 * x1 + m12 * x2
    out[face, 1, 1] += m10 * y0 + m11 * y1 + m12 * y2
    out[face, 2, 0] += m20 * x0 + m21 * x1 + m22 * x2
    out[face, 2, 1] += m20 * y0 + m21 * y1 + m22 * y2
