"""Rotations as matrices, 6D vectors and axis-angle vectors, of any leading shape, in float64."""

from __future__ import annotations

import numpy as np

from unrender.errors import InputError


def _check(name: str, values: np.ndarray, tail: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if array.shape[array.ndim - len(tail) :] != tail or array.ndim < len(tail):
        expected = ", ".join(str(n) for n in tail)
        raise InputError(f"{name}: expected shape [..., {expected}], got {list(array.shape)}")
    return array


def matrix_from_6d(six: np.ndarray) -> np.ndarray:
    """Rotation matrix of the continuous 6D representation (Zhou et al., CVPR 2019, equation 15).

    Args:
        six: float [..., 6]; the first three numbers are the direction of the first COLUMN of the matrix, the
            last three that of the second before Gram-Schmidt.

    Returns:
        float64 [..., 3, 3], determinant +1.

    Raises:
        InputError: wrong shape, or two zero or parallel vectors.
    """
    six = _check("six", six, (6,))
    first, second = six[..., :3], six[..., 3:]
    first_length = np.linalg.norm(first, axis=-1, keepdims=True)
    x = first / np.where(first_length > 0, first_length, 1)
    rest = second - (x * second).sum(-1, keepdims=True) * x
    length = np.linalg.norm(rest, axis=-1, keepdims=True)
    second_length = np.linalg.norm(second, axis=-1, keepdims=True)
    if not ((first_length > 0) & (length > 1e-12 * second_length)).all():
        raise InputError("six: the two vectors are zero or parallel (or not finite) and define no rotation")
    y = rest / length
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def matrix_to_6d(matrix: np.ndarray) -> np.ndarray:
    """First and second column of rotation matrices [..., 3, 3] as float64 [..., 6]."""
    matrix = _check("matrix", matrix, (3, 3))
    return np.concatenate([matrix[..., :, 0], matrix[..., :, 1]], axis=-1)


def exp(vector: np.ndarray) -> np.ndarray:
    """Rotation matrix [..., 3, 3] of an axis-angle vector [..., 3] in radians (Rodrigues' formula)."""
    vector = _check("vector", vector, (3,))
    angle = np.linalg.norm(vector, axis=-1)
    # np.sinc(t) = sin(pi t) / (pi t): accurate at 0. (1 - cos a) / a^2 = sinc(a / 2)^2 / 2.
    a = np.sinc(angle / np.pi)[..., None, None]
    b = (0.5 * np.sinc(angle / (2 * np.pi)) ** 2)[..., None, None]
    x, y, z = np.moveaxis(vector, -1, 0)
    zero = np.zeros_like(x)
    skew = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*vector.shape[:-1], 3, 3)
    return np.eye(3) + a * skew + b * (skew @ skew)


def log(matrix: np.ndarray) -> np.ndarray:
    """Axis-angle vector [..., 3] in radians, length in [0, pi], of rotations [..., 3, 3]; inverse of `exp`.

    Accurate at all angles: it goes through the quaternion. At exactly pi one of the two equal vectors is
    returned.
    """
    w, xyz = _quaternion(matrix)
    xyz = np.where(w[..., None] < 0, -xyz, xyz)
    length = np.linalg.norm(xyz, axis=-1)
    angle = 2 * np.arctan2(length, np.abs(w))
    scale = np.divide(angle, length, out=np.full_like(length, 2.0), where=length > 1e-200)
    return xyz * scale[..., None]


def geodesic_distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angle [...] in radians, in [0, pi], between rotation matrices [..., 3, 3]. Shapes broadcast."""
    first, second = _check("first", first, (3, 3)), _check("second", second, (3, 3))
    return np.linalg.norm(log(np.swapaxes(first, -1, -2) @ second), axis=-1)


def random_rotation(generator: np.random.Generator, shape: tuple[int, ...] = ()) -> np.ndarray:
    """Uniformly (Haar) distributed rotation matrices, float64 [*shape, 3, 3] (Shoemake 1992)."""
    quaternion = generator.standard_normal((*shape, 4))
    w, x, y, z = np.moveaxis(quaternion / np.linalg.norm(quaternion, axis=-1, keepdims=True), -1, 0)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return np.stack(rows, axis=-1).reshape(*shape, 3, 3)


def _quaternion(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit quaternion (w [...], xyz [..., 3]): the best conditioned row of its outer product with itself."""
    m = _check("matrix", matrix, (3, 3))
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    outer = np.stack([
        np.stack([1 + m00 + m11 + m22, wx, wy, wz], axis=-1),
        np.stack([wx, 1 + m00 - m11 - m22, xy, xz], axis=-1),
        np.stack([wy, xy, 1 - m00 + m11 - m22, yz], axis=-1),
        np.stack([wz, xz, yz, 1 - m00 - m11 + m22], axis=-1),
    ], axis=-2)  # fmt: skip
    best = np.argmax(np.diagonal(outer, axis1=-2, axis2=-1), axis=-1)
    row = np.take_along_axis(outer, best[..., None, None], axis=-2)[..., 0, :]
    row = row / np.linalg.norm(row, axis=-1, keepdims=True)
    return row[..., 0], row[..., 1:]
