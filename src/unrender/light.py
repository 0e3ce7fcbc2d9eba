"""Lighting: pure functions of arrays that work alike for numpy arrays and torch tensors, without importing
torch.

All colours are linear light. Normals, view and light directions are unit vectors of one common frame;
directions point away from the surface. Every function broadcasts over leading axes and, for tensors, is
differentiable in everything.

Spherical harmonics are the real, orthonormal ones in the order l, m = (0,0) (1,-1) (1,0) (1,1) (2,-2) ... :
1; y, z, x; xy, yz, 3z^2 - 1, xz, x^2 - y^2; the seven of order 3 from y(3x^2 - y^2) to x(x^2 - 3y^2).
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from unrender.errors import InputError

SH_1 = 0.4886025119029199
"""sqrt(3 / (4 pi)); that of order 0 is `SH_0`."""
SH_0 = 0.28209479177387814
"""1 / (2 sqrt(pi))."""
SH_2 = (1.0925484305920792, 0.31539156525252005, 0.5462742152960396)
"""sqrt(15 / (4 pi)), sqrt(5 / (16 pi)), sqrt(15 / (16 pi))."""
SH_3 = (
    0.5900435899266435, 2.890611442640554, 0.4570457994644658, 0.3731763325901154, 1.445305721320277
)  # fmt: skip
"""sqrt(35 / (32 pi)), sqrt(105 / (4 pi)), sqrt(21 / (32 pi)), sqrt(7 / (16 pi)), sqrt(105 / (16 pi))."""

X_ODD = (3, 4, 7)
"""Numbers of the coefficients of orders 0 to 2 that change sign when x does."""

LAMBERT_BANDS = (1.0, 2 / 3, 1 / 4, 0.0)
"""Irradiance over pi of a radiance with unit coefficients, for orders 0 to 3 (Ramamoorthi and Hanrahan
2001)."""


def _library(array: Any) -> Any:
    """numpy, or torch if `array` is a tensor."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and isinstance(array, torch.Tensor) else np


def _vectors(name: str, array: Any) -> None:
    if array.ndim < 1 or array.shape[-1] != 3:
        raise InputError(f"{name}: expected shape [..., 3], got {list(array.shape)}")


def _dot(first: Any, second: Any) -> Any:
    return (first * second).sum(-1)[..., None]


def sh_basis(normals: Any, order: int = 2) -> Any:
    """Real spherical harmonics up to `order` at unit vectors.

    Args:
        normals: [..., 3] unit vectors.
        order: 0 to 3.

    Returns:
        [..., (order + 1)^2], the dtype of `normals`; constants in the module's docstring.

    Raises:
        InputError: wrong shape or order.
    """
    _vectors("normals", normals)
    if order not in (0, 1, 2, 3):
        raise InputError(f"order: expected 0, 1, 2 or 3, got {order!r}")
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    terms = [0 * x + SH_0]
    if order >= 1:
        terms += [SH_1 * y, SH_1 * z, SH_1 * x]
    if order >= 2:
        a, b, c = SH_2
        terms += [a * x * y, a * y * z, b * (3 * z * z - 1), a * x * z, c * (x * x - y * y)]
    if order >= 3:
        a, b, c, d, e = SH_3
        terms += [
            a * y * (3 * x * x - y * y), b * x * y * z, c * y * (5 * z * z - 1), d * z * (5 * z * z - 3),
            c * x * (5 * z * z - 1), e * z * (x * x - y * y), a * x * (x * x - 3 * y * y),
        ]  # fmt: skip
    return _library(normals).stack(terms, -1)


def irradiance_coefficients(radiance: Any) -> Any:
    """Coefficients of irradiance / pi from those of the incoming radiance, [..., (order + 1)^2, C] both.

    Ramamoorthi and Hanrahan, "An Efficient Representation for Irradiance Environment Maps", SIGGRAPH 2001:
    the clamped cosine multiplies order l by A_l = pi, 2 pi / 3, pi / 4, 0.

    Raises:
        InputError: the number of coefficients is not 1, 4, 9 or 16.
    """
    order = _order("radiance", radiance)
    bands = [np.full(2 * degree + 1, LAMBERT_BANDS[degree]) for degree in range(order + 1)]
    factors = np.concatenate(bands)[:, None]
    library = _library(radiance)
    if library is np:
        return radiance * factors.astype(radiance.dtype)
    return radiance * library.as_tensor(factors, dtype=radiance.dtype, device=radiance.device)


def balanced(coefficients: np.ndarray) -> np.ndarray:
    """The same light without its cast: every channel scaled so that all have the same mean over directions.

    Cameras balance their pictures to white light; a cast that a network sees in one tints the albedo.

    Args:
        coefficients: float [9, C]; the first row, the mean's, is above 0.
    """
    mean = np.maximum(coefficients[:1], 1e-3)
    return np.asarray(coefficients * (mean.mean() / mean), coefficients.dtype)


def _order(name: str, coefficients: Any) -> int:
    count = coefficients.shape[-2] if coefficients.ndim >= 2 else 0
    if count not in (1, 4, 9, 16):
        raise InputError(
            f"{name}: expected shape [..., n, C] with n = 1, 4, 9 or 16, got {list(coefficients.shape)}"
        )
    return round(count**0.5) - 1


def shade_sh(albedo: Any, normals: Any, coefficients: Any, floor: float = 0.0) -> Any:
    """Diffuse colour under an environment: albedo * max(sum_k c_k Y_k(n), floor).

    The coefficients are those of irradiance over pi: a constant environment of radiance 1 has c_0 = 1 / SH_0
    and gives back the albedo. Use `irradiance_coefficients` on those of a radiance first.

    Args:
        albedo: [..., C] in [0, 1].
        normals: [..., 3] unit vectors in the environment's frame.
        coefficients: [9, C] (or 1, 4 or 16 rows); or with leading axes [B, 9, C] for normals [B, ..., 3].
        floor: smallest shading; spherical harmonics ring below zero. `-inf` leaves it linear.

    Returns:
        [..., C] linear radiance.

    Raises:
        InputError: wrong shapes.
    """
    order = _order("coefficients", coefficients)
    basis = sh_basis(normals, order)
    if coefficients.ndim == 2:
        shading = basis @ coefficients
    else:
        batch = coefficients.shape[0]
        if coefficients.ndim != 3 or normals.shape[0] not in (1, batch):
            raise InputError(
                f"coefficients: expected [n, C] or [{normals.shape[0]}, n, C], got {list(coefficients.shape)}"
            )
        flat = basis.reshape(basis.shape[0], -1, basis.shape[-1]) @ coefficients
        shading = flat.reshape((batch, *normals.shape[1:-1], coefficients.shape[-1]))
    if floor != float("-inf"):
        shading = shading.clip(floor, None)
    return albedo * shading


def ambient(albedo: Any, radiance: Any) -> Any:
    """albedo [..., C] * radiance [..., C] of a constant environment."""
    return albedo * radiance


def lambert(albedo: Any, normals: Any, towards: Any, radiance: Any) -> Any:
    """Diffuse colour under a distant light: albedo * radiance * max(n . l, 0).

    Args:
        albedo: [..., C]. normals: [..., 3] unit vectors.
        towards: [..., 3] unit vector from the surface to the light.
        radiance: [..., C]; 1 lights a surface that faces the light to its albedo.

    Returns:
        [..., C].

    Raises:
        InputError: wrong shapes.
    """
    _vectors("normals", normals)
    _vectors("towards", towards)
    return albedo * radiance * _dot(normals, towards).clip(0.0, None)


def phong(specular: Any, normals: Any, view: Any, towards: Any, radiance: Any, shininess: Any = 32.0) -> Any:
    """Specular lobe of Phong (CACM 1975): specular * radiance * max(r . v, 0)^shininess, r = 2 (n . l) n - l.

    Zero where the light is behind the surface. Add it to `lambert` and `ambient`.

    Args:
        specular: [..., C] reflectance. normals, view, towards: [..., 3] unit vectors; view points to the
        camera.
        radiance: [..., C]. shininess: exponent, > 0; a number or an array that broadcasts to [..., 1].

    Returns:
        [..., C].

    Raises:
        InputError: wrong shapes.
    """
    for name, value in (("normals", normals), ("view", view), ("towards", towards)):
        _vectors(name, value)
    facing = _dot(normals, towards)
    reflected = 2 * facing * normals - towards
    lobe = _dot(reflected, view)
    lit = (lobe > 0) & (facing > 0)
    library = _library(lobe)
    power = library.where(lit, lobe, 0 * lobe + 1) ** shininess
    return specular * radiance * library.where(lit, power, 0 * power)
