"""Cube maps: which face a direction meets, and where; the six images are those of OpenGL and glTF.

Faces in the order +x, -x, +y, -y, +z, -z. `FACES[f] @ direction` is (right, up, towards) as face f's image
shows them, row 0 of the image at the top; u = (right / towards + 1) / 2 and v = (up / towards + 1) / 2.
"""

from __future__ import annotations

import math

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import inline, relaxed

FACES = np.array(
    [
        [[0, 0, -1], [0, 1, 0], [1, 0, 0]],
        [[0, 0, 1], [0, 1, 0], [-1, 0, 0]],
        [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
        [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[-1, 0, 0], [0, 1, 0], [0, 0, -1]],
    ],
    dtype=np.float64,
)
_NONE = np.zeros((0, 3, 2))


@inline
def face_of(x, y, z):
    """The face that the direction meets; on ties x before y before z. -1 for zero and what is not finite."""
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
        return -1
    a, b, c = abs(x), abs(y), abs(z)
    if a >= b and a >= c:
        return -1 if a == 0 else (0 if x > 0 else 1)
    if b >= c:
        return 2 if y > 0 else 3
    return 4 if z > 0 else 5


def forward(
    directions: np.ndarray, derivatives: np.ndarray | None, threads: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Face, place on it, and that place's derivatives.

    Args:
        directions: [B, H, W, 3], of any length. Zero and what is not finite count as the centre of face 0,
            without gradient.
        derivatives: d(direction) / d(x, y), [B, H, W, 3, 2], or None.
        threads: how many threads to use.

    Returns:
        int32 [B, H, W]; uv [B, H, W, 2]; d(u, v) / d(x, y) [B, H, W, 2, 2] (with a batch of 0 for None).
    """
    shape = directions.shape[:3]
    face = np.empty(shape, np.int32)
    uv = np.empty((*shape, 2), directions.dtype)
    slopes = np.empty((*(shape if derivatives is not None else (0, *shape[1:])), 2, 2), directions.dtype)
    parts = (
        directions.reshape(-1, 3),
        _NONE.astype(directions.dtype) if derivatives is None else derivatives.reshape(-1, 3, 2),
        face.reshape(-1), uv.reshape(-1, 2), slopes.reshape(-1, 2, 2),
    )  # fmt: skip
    pool.run(lambda begin, end: _forward(begin, end, *parts), face.size, threads)
    return face, uv, slopes


@relaxed
def _forward(begin, end, directions, derivatives, face, uv, slopes):
    for pixel in range(begin, end):
        x, y, z = directions[pixel, 0], directions[pixel, 1], directions[pixel, 2]
        f = face_of(x, y, z)
        known = f >= 0
        face[pixel] = max(f, 0)
        m = FACES[max(f, 0)]
        towards = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z if known else 1.0
        for k in range(2):
            place = (m[k, 0] * x + m[k, 1] * y + m[k, 2] * z) / towards if known else 0.0
            uv[pixel, k] = 0.5 * place + 0.5
            if derivatives.shape[0] > 0:
                for axis in range(2):
                    dx, dy, dz = (
                        derivatives[pixel, 0, axis], derivatives[pixel, 1, axis], derivatives[pixel, 2, axis],
                    )  # fmt: skip
                    change = m[k, 0] * dx + m[k, 1] * dy + m[k, 2] * dz
                    change -= place * (m[2, 0] * dx + m[2, 1] * dy + m[2, 2] * dz)
                    slopes[pixel, k, axis] = 0.5 * change / towards if known else 0.0


def vjp(
    directions: np.ndarray,
    derivatives: np.ndarray | None,
    grad_uv: np.ndarray,
    grad_slopes: np.ndarray | None,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Gradients at `directions` and `derivatives`."""
    grad = np.empty_like(directions)
    empty = _NONE.astype(directions.dtype)
    with_slopes = derivatives is not None and grad_slopes is not None
    parts = (
        directions.reshape(-1, 3),
        derivatives.reshape(-1, 3, 2) if derivatives is not None and with_slopes else empty,
        grad_uv.reshape(-1, 2),
        grad_slopes.reshape(-1, 2, 2) if grad_slopes is not None and with_slopes else empty,
        grad.reshape(-1, 3),
    )
    grad_derivatives = None if derivatives is None else np.zeros_like(derivatives)
    last = empty if grad_derivatives is None else grad_derivatives.reshape(-1, 3, 2)
    pool.run(lambda begin, end: _vjp(begin, end, *parts, last), grad_uv.size // 2, threads)
    return grad, grad_derivatives


@relaxed
def _vjp(begin, end, directions, derivatives, grad_uv, grad_slopes, grad, grad_derivatives):
    for pixel in range(begin, end):
        x, y, z = directions[pixel, 0], directions[pixel, 1], directions[pixel, 2]
        f = face_of(x, y, z)
        for k in range(3):
            grad[pixel, k] = 0
        if f < 0:
            continue
        m = FACES[f]
        towards = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z
        down = 0.0
        for k in range(2):
            place = (m[k, 0] * x + m[k, 1] * y + m[k, 2] * z) / towards
            to_place = 0.5 * grad_uv[pixel, k]
            if derivatives.shape[0] > 0:
                for axis in range(2):
                    dx, dy, dz = (
                        derivatives[pixel, 0, axis], derivatives[pixel, 1, axis], derivatives[pixel, 2, axis],
                    )  # fmt: skip
                    g = 0.5 * grad_slopes[pixel, k, axis] / towards
                    ahead = m[2, 0] * dx + m[2, 1] * dy + m[2, 2] * dz
                    change = m[k, 0] * dx + m[k, 1] * dy + m[k, 2] * dz - place * ahead
                    to_place -= g * ahead
                    down -= g * change / towards
                    for i in range(3):
                        grad_derivatives[pixel, i, axis] += g * (m[k, i] - place * m[2, i])
            down -= to_place * place / towards
            for i in range(3):
                grad[pixel, i] += to_place / towards * m[k, i]
        for i in range(3):
            grad[pixel, i] += down * m[2, i]
