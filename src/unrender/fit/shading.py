"""Colour of pixels against the photo, and vertex normals, each with its gradient.

A pixel shows encode(albedo * max(sum_k light_k Y_k(n), floor)), encode being the sRGB curve (IEC 61966-2-1).
Its penalty is Charbonnier's sqrt(r^2 + e^2) - e per channel, which forgives highlights and shadows.
"""

from __future__ import annotations

import math

import numpy as np

from unrender.light import SH_0, SH_1, SH_2
from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import inline, relaxed

FLOOR = 0.03
"""Least shading: spherical harmonics ring below zero."""
SOFTNESS = 0.02
"""Colour difference (sRGB) from which on the penalty grows linearly."""

_A, _B, _C = SH_2


@inline
def _basis(x, y, z, out):
    out[0] = SH_0
    out[1], out[2], out[3] = SH_1 * y, SH_1 * z, SH_1 * x
    out[4], out[5], out[6] = _A * x * y, _A * y * z, _B * (3.0 * z * z - 1.0)
    out[7], out[8] = _A * x * z, _C * (x * x - y * y)


@relaxed
def _compare(begin, end, attributes, face_index, light, target, weight, out, light_rows, loss_rows):
    """Rows [begin, end): gradient at the attributes, and each row's sums for the light and the loss."""
    width = attributes.shape[2]
    basis = np.empty(9)
    for row in range(begin, end):
        for column in range(width):
            for c in range(6):
                out[0, row, column, c] = 0.0
            w = weight[row, column]
            if w <= 0.0 or face_index[0, row, column] < 0:
                continue
            nx = np.float64(attributes[0, row, column, 3])
            ny = np.float64(attributes[0, row, column, 4])
            nz = np.float64(attributes[0, row, column, 5])
            length = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
            x, y, z = nx / length, ny / length, nz / length
            _basis(x, y, z, basis)
            gx = gy = gz = 0.0
            for c in range(3):
                shade = 0.0
                for k in range(9):
                    shade += basis[k] * light[k, c]
                lit = shade > FLOOR
                if not lit:
                    shade = FLOOR
                albedo = np.float64(attributes[0, row, column, c])
                linear = max(albedo * shade, 0.0)
                if linear <= 0.0031308:
                    encoded, slope = 12.92 * linear, 12.92
                else:
                    encoded = 1.055 * linear ** (1 / 2.4) - 0.055
                    slope = (encoded + 0.055) / (2.4 * linear)
                residual = encoded - target[row, column, c]
                root = math.sqrt(residual * residual + SOFTNESS * SOFTNESS)
                loss_rows[row] += w * (root - SOFTNESS)
                pull = w * residual / root * slope
                out[0, row, column, c] = pull * shade
                if lit:
                    grad = pull * albedo
                    for k in range(9):
                        light_rows[row, k, c] += grad * basis[k]
                    gx += grad * (
                        SH_1 * light[3, c] + _A * (y * light[4, c] + z * light[7, c])
                        + 2.0 * _C * x * light[8, c]
                    )  # fmt: skip
                    gy += grad * (
                        SH_1 * light[1, c] + _A * (x * light[4, c] + z * light[5, c])
                        - 2.0 * _C * y * light[8, c]
                    )  # fmt: skip
                    gz += grad * (
                        SH_1 * light[2, c] + _A * (y * light[5, c] + x * light[7, c])
                        + 6.0 * _B * z * light[6, c]
                    )  # fmt: skip
            along = gx * x + gy * y + gz * z
            out[0, row, column, 3] = (gx - along * x) / length
            out[0, row, column, 4] = (gy - along * y) / length
            out[0, row, column, 5] = (gz - along * z) / length


def compare(
    attributes: np.ndarray, face_index: np.ndarray, light: np.ndarray, target: np.ndarray, weight: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Penalty of one picture and its gradients.

    Args:
        attributes: float32 [1, H, W, 6], interpolated linear albedo and normal (of any length).
        face_index: int32 [1, H, W], -1 = nothing. light: float64 [9, 3].
        target: float32 [H, W, 3] sRGB in [0, 1]. weight: float32 [H, W] of the pixels.

    Returns:
        Weighted sum of penalties, its gradient at `attributes`, and at `light` [9, 3].
    """
    height = attributes.shape[1]
    out = np.empty_like(attributes)
    light_rows, loss_rows = np.zeros((height, 9, 3)), np.zeros(height)

    def work(begin: int, end: int) -> None:
        _compare(begin, end, attributes, face_index, light, target, weight, out, light_rows, loss_rows)

    pool.run(work, height, pool.num_threads())
    return float(loss_rows.sum()), out, light_rows.sum(0)


@inline
def _sides(vertices, a, b, c):
    x, y, z = vertices[a, 0], vertices[a, 1], vertices[a, 2]
    return (
        vertices[b, 0] - x, vertices[b, 1] - y, vertices[b, 2] - z,
        vertices[c, 0] - x, vertices[c, 1] - y, vertices[c, 2] - z,
    )  # fmt: skip


@inline
def face_normal(vertices, a, b, c):
    """Twice the area of a face times its unit normal."""
    ux, uy, uz, vx, vy, vz = _sides(vertices, a, b, c)
    return uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx


@relaxed
def raw_normals(vertices, faces, out):
    """Sum of the normals of adjoining faces, weighted by twice their area: out float64 [V, 3]."""
    out[:] = 0.0
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        x, y, z = face_normal(vertices, a, b, c)
        for corner in range(3):
            i = faces[f, corner]
            out[i, 0] += x
            out[i, 1] += y
            out[i, 2] += z


@relaxed
def raw_normals_vjp(vertices, faces, grad, out):
    """Adds to out [V, 3] the gradient at the vertices for a gradient [V, 3] at `raw_normals`."""
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        gx = grad[a, 0] + grad[b, 0] + grad[c, 0]
        gy = grad[a, 1] + grad[b, 1] + grad[c, 1]
        gz = grad[a, 2] + grad[b, 2] + grad[c, 2]
        ux, uy, uz, vx, vy, vz = _sides(vertices, a, b, c)
        # d(u x v) . g = du . (v x g) + dv . (g x u)
        bx, by, bz = vy * gz - vz * gy, vz * gx - vx * gz, vx * gy - vy * gx
        cx, cy, cz = gy * uz - gz * uy, gz * ux - gx * uz, gx * uy - gy * ux
        out[b, 0] += bx
        out[b, 1] += by
        out[b, 2] += bz
        out[c, 0] += cx
        out[c, 1] += cy
        out[c, 2] += cz
        out[a, 0] -= bx + cx
        out[a, 1] -= by + cy
        out[a, 2] -= bz + cz
