"""Visibility packed into one picture (u, v, z/w, face + 1), row 0 at the bottom, with screen derivatives.

Source: Laine et al., "Modular Primitives for High-Performance Differentiable Rendering", ACM TOG 2020,
section 3.3. u and v are the perspective-correct weights of a face's first and second vertex.

With M = [v0 v1 v2], v = (x, y, w) in clip space, N = M^-1 and p = (x, y, 1) the pixel centre in NDC: c = N p,
s = sum(c), b = c / s are the weights; along the picture's x, where p changes by h e per pixel,
db = (a - b sum(a)) / s with a = h N e. A loss with gradients g at b and G at db has at N the gradient
g_c p^T + h g_a e^T, where g_a = (G - (G . b) 1) / s, g_b = g - G sum(a) / s and
g_c = (g_b - (g_b . b + G . db) 1) / s; and at M that of the inverse, -N^T (.) N^T. z receives no gradient.
"""

from __future__ import annotations

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import inline, jit
from unrender.render.kernels.rasterize import inverse


def forward(
    clip: np.ndarray, faces: np.ndarray, face_index: np.ndarray, derivatives: bool, threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Pack without checking arguments.

    Args:
        clip: [B or 1, V, 4] float32 or float64, C-contiguous, y up.
        faces: [F, 3] int32.
        face_index: [B, H, W] int32, row 0 at the bottom, -1 = nothing.
        derivatives: False leaves the second result without channels.
        threads: how many threads to use.

    Returns:
        [B, H, W, 4] (u, v, z/w, face + 1) and [B, H, W, 4] (du/dx, du/dy, dv/dx, dv/dy) for a step of one
        column or row; 0 where nothing is.
    """
    batch, height, width = face_index.shape
    out = np.empty((batch, height, width, 4), clip.dtype)
    slopes = np.empty((batch, height, width, 4 if derivatives else 0), clip.dtype)
    bands = pool.picture_bands(batch, height, threads)

    def work(begin: int, end: int) -> None:
        _forward(begin, end, bands, clip, faces, face_index, out, slopes)

    pool.run(work, batch * bands, threads)
    return out, slopes


@jit
def _forward(begin, end, bands, clip, faces, index, out, slopes):
    height, width = index.shape[1], index.shape[2]
    step_x, step_y = 2.0 / width, 2.0 / height
    with_slopes = slopes.shape[3] > 0
    for item in range(begin, end):
        image, band = item // bands, item % bands
        points = clip[image if clip.shape[0] > 1 else 0]
        e00 = e01 = e02 = e10 = e11 = e12 = e20 = e21 = e22 = 0.0
        last = np.int64(-1)
        for row in range(height * band // bands, height * (band + 1) // bands):
            y = (row + 0.5) * step_y - 1.0
            for column in range(width):
                face = index[image, row, column]
                if face < 0:
                    out[image, row, column, :] = 0.0
                    slopes[image, row, column, :] = 0.0
                    continue
                i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
                if face != last:
                    e00, e01, e02, e10, e11, e12, e20, e21, e22, _ = inverse(points, i, j, k)
                    last = face
                x = (column + 0.5) * step_x - 1.0
                b0, b1 = e00 * x + e01 * y + e02, e10 * x + e11 * y + e12
                b2 = e20 * x + e21 * y + e22
                total = b0 + b1 + b2
                scale = 1.0 / total if total != 0.0 else 0.0
                b0, b1 = b0 * scale, b1 * scale
                if with_slopes:
                    sum_x, sum_y = (e00 + e10 + e20) * scale, (e01 + e11 + e21) * scale
                    slopes[image, row, column, 0] = (e00 * scale - b0 * sum_x) * step_x
                    slopes[image, row, column, 1] = (e01 * scale - b0 * sum_y) * step_y
                    slopes[image, row, column, 2] = (e10 * scale - b1 * sum_x) * step_x
                    slopes[image, row, column, 3] = (e11 * scale - b1 * sum_y) * step_y
                b0, b1 = min(max(b0, 0.0), 1.0), min(max(b1, 0.0), 1.0)
                b2 = max(1.0 - b0 - b1, 0.0)
                z = b0 * points[i, 2] + b1 * points[j, 2] + b2 * points[k, 2]
                w = b0 * points[i, 3] + b1 * points[j, 3] + b2 * points[k, 3]
                if not z <= w:  # beyond the far plane, and so is everything else at this pixel
                    out[image, row, column, :] = 0.0
                    slopes[image, row, column, :] = 0.0
                    continue
                out[image, row, column, 0] = b0
                out[image, row, column, 1] = b1
                out[image, row, column, 2] = max(z / w, -1.0) if w != 0.0 else 0.0
                out[image, row, column, 3] = face + 1


def vjp(
    clip: np.ndarray,
    faces: np.ndarray,
    packed: np.ndarray,
    grad_packed: np.ndarray,
    grad_slopes: np.ndarray,
    threads: int = 1,
) -> np.ndarray:
    """Gradient at `clip` from those at both results of `forward` (no channels in the second: none)."""
    batch, height, width = packed.shape[:3]
    bands = pool.accumulation_bands(batch, height, width)
    grad = np.zeros((batch * bands, *clip.shape[1:]), clip.dtype)

    def work(begin: int, end: int) -> None:
        _vjp(begin, end, bands, clip, faces, packed, grad_packed, grad_slopes, grad)

    pool.run(work, batch * bands, threads)
    if clip.shape[0] == 1 and batch != 1:
        return grad.sum(axis=0, keepdims=True)
    return grad if bands == 1 else grad.reshape(batch, bands, *clip.shape[1:]).sum(axis=1)


@jit
def _vjp(begin, end, bands, clip, faces, packed, grad_packed, grad_slopes, grad):
    height, width = packed.shape[1], packed.shape[2]
    step_x, step_y = 2.0 / width, 2.0 / height
    with_slopes = grad_slopes.shape[3] > 0
    matrix, sums = np.empty((3, 3)), np.zeros((3, 3))
    for item in range(begin, end):
        image, band = item // bands, item % bands
        points = clip[image if clip.shape[0] > 1 else 0]
        last = np.int64(-1)
        for row in range(height * band // bands, height * (band + 1) // bands):
            y = (row + 0.5) * step_y - 1.0
            for column in range(width):
                face = np.int64(packed[image, row, column, 3]) - 1
                if face < 0:
                    continue
                if face != last:
                    if last >= 0:
                        _flush(matrix, sums, faces, last, grad[item])
                    _invert(points, faces, face, matrix)
                    last = face
                x = (column + 0.5) * step_x - 1.0
                c0 = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
                c1 = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
                c2 = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
                total = c0 + c1 + c2
                if total == 0.0:
                    continue
                scale = 1.0 / total
                b0, b1, b2 = c0 * scale, c1 * scale, c2 * scale
                g0 = np.float64(grad_packed[image, row, column, 0])
                g1 = np.float64(grad_packed[image, row, column, 1])
                g2, rest = 0.0, 0.0
                if with_slopes:
                    for axis in range(2):
                        h = step_x if axis == 0 else step_y
                        p = np.float64(grad_slopes[image, row, column, axis])
                        q = np.float64(grad_slopes[image, row, column, 2 + axis])
                        a0, a1, a2 = h * matrix[0, axis], h * matrix[1, axis], h * matrix[2, axis]
                        change = (a0 + a1 + a2) * scale
                        along = p * b0 + q * b1
                        sums[0, axis] += h * scale * (p - along)
                        sums[1, axis] += h * scale * (q - along)
                        sums[2, axis] -= h * scale * along
                        rest += p * (a0 * scale - b0 * change) + q * (a1 * scale - b1 * change)
                        g0, g1 = g0 - p * change, g1 - q * change
                mean = g0 * b0 + g1 * b1 + g2 * b2 + rest
                g0, g1, g2 = (g0 - mean) * scale, (g1 - mean) * scale, (g2 - mean) * scale
                sums[0, 0], sums[0, 1], sums[0, 2] = sums[0, 0] + g0 * x, sums[0, 1] + g0 * y, sums[0, 2] + g0
                sums[1, 0], sums[1, 1], sums[1, 2] = sums[1, 0] + g1 * x, sums[1, 1] + g1 * y, sums[1, 2] + g1
                sums[2, 0], sums[2, 1], sums[2, 2] = sums[2, 0] + g2 * x, sums[2, 1] + g2 * y, sums[2, 2] + g2
        if last >= 0:
            _flush(matrix, sums, faces, last, grad[item])


@inline
def _invert(points, faces, face, matrix):
    e00, e01, e02, e10, e11, e12, e20, e21, e22, det = inverse(
        points, faces[face, 0], faces[face, 1], faces[face, 2]
    )
    scale = 1.0 / det if det != 0.0 else 0.0
    matrix[0, 0], matrix[0, 1], matrix[0, 2] = e00 * scale, e01 * scale, e02 * scale
    matrix[1, 0], matrix[1, 1], matrix[1, 2] = e10 * scale, e11 * scale, e12 * scale
    matrix[2, 0], matrix[2, 1], matrix[2, 2] = e20 * scale, e21 * scale, e22 * scale


@jit
def _flush(matrix, sums, faces, face, out):
    """Add -N^T S N^T, whose column k belongs to vertex k, and clear S."""
    for k in range(3):
        vertex = faces[face, k]
        m0 = sums[0, 0] * matrix[k, 0] + sums[0, 1] * matrix[k, 1] + sums[0, 2] * matrix[k, 2]
        m1 = sums[1, 0] * matrix[k, 0] + sums[1, 1] * matrix[k, 1] + sums[1, 2] * matrix[k, 2]
        m2 = sums[2, 0] * matrix[k, 0] + sums[2, 1] * matrix[k, 1] + sums[2, 2] * matrix[k, 2]
        out[vertex, 0] -= matrix[0, 0] * m0 + matrix[1, 0] * m1 + matrix[2, 0] * m2
        out[vertex, 1] -= matrix[0, 1] * m0 + matrix[1, 1] * m1 + matrix[2, 1] * m2
        out[vertex, 3] -= matrix[0, 2] * m0 + matrix[1, 2] * m1 + matrix[2, 2] * m2
    sums[:, :] = 0.0
