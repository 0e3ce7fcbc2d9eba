"""One step of the loop in one kernel: look, find the outline, match, normal equations, priors, solve.

The residuals are those of `unrender.reconstruct.contour`, and so is their robust penalty. Rows of the
Jacobian are not made for every residual but for every edge of the outline: two, of its midpoint's u and v.
With g the gradient of a residual r in the picture and w its weight, an edge collects A = sum w g g^T and
b = sum w r g; its share of the matrix is J^T A J, two rows from a Cholesky factor of A, and of the gradient
J^T b.

A pose is one vector [12 + N]: rotation (row by row, world to camera), translation, shape coefficients and
those of the smooth fields.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from unrender.reconstruct.contour import exp_rotation, log_rotation, sample_distance
from unrender.reconstruct.linear import solve_positive
from unrender.reconstruct.silhouette import Geometry
from unrender.render.kernels.jit import pasted, relaxed


def _pasted(kernel: Any) -> Any:
    """A kernel of another module as a part of the ones here."""
    return pasted(kernel.py_func)


_exponential, _logarithm = _pasted(exp_rotation), _pasted(log_rotation)
_sample, _solve = _pasted(sample_distance), _pasted(solve_positive)


class Target(NamedTuple):
    """What it is compared with.

    Attributes:
        mask: bool [S, S]. distance: float64 [S, S], signed, to its outline.
        points, normals: float64 [Q, 2], on the outline.
    """

    mask: np.ndarray
    distance: np.ndarray
    points: np.ndarray
    normals: np.ndarray


class Prior(NamedTuple):
    """What is usual: Gaussians, precisions in squared pixels.

    Attributes:
        rotation: float64 [3, 3], the hypothesis. near_camera: precision of the rotation round it.
        centre: float64 [N], precision: float64 [N, N], symmetric, of the unknowns.
        usual: unknowns beyond this size have the further precision `excess`, float64 [N].
        ratio_mean: float64 [2], of log(width / length) and log(height / length); ratio_scale float64 [2, 2],
        see `unrender.reconstruct.proportions`; ratio_precision: 0 where proportions are free.
    """

    rotation: np.ndarray
    near_camera: float
    centre: np.ndarray
    precision: np.ndarray
    usual: float
    excess: np.ndarray
    ratio_mean: np.ndarray
    ratio_scale: np.ndarray
    ratio_precision: float


@pasted
def nearest_edges(points, normals, middle, normal, found, nearest):
    """nearest int32 [Q]: the outline edge of like normal nearest to each point, -1 where there is none."""
    for q in range(points.shape[0]):
        u, v, nu, nv = points[q, 0], points[q, 1], normals[q, 0], normals[q, 1]
        best, at = 1e30, -1
        for i in range(found):
            alike = nu * normal[i, 0] + nv * normal[i, 1]
            du, dv = u - middle[i, 0], v - middle[i, 1]
            distance = (du * du + dv * dv) * (2.0 - alike)
            if alike >= 0.2 and distance < best:
                best, at = distance, i
        nearest[q] = at


@pasted
def gather(target, middle, length, nearest, found, scale, sums):
    """sums [E, 5] of the edges: A (uu, uv, vv) and b (u, v) of their residuals. Returns the energy."""
    total = 0.0
    for i in range(found):
        total += length[i]
    energy = 0.0
    for i in range(found):
        mu, mv = middle[i, 0], middle[i, 1]
        residual, gu, gv = _sample(target.distance, mu, mv)
        weight = length[i] / total
        ratio = 1.0 / (1.0 + (residual / scale) * (residual / scale))
        energy += weight * residual * residual * ratio
        weight *= ratio * ratio
        sums[i, 0], sums[i, 1], sums[i, 2] = weight * gu * gu, weight * gu * gv, weight * gv * gv
        sums[i, 3], sums[i, 4] = weight * residual * gu, weight * residual * gv
    share = 1.0 / nearest.shape[0]
    for q in range(nearest.shape[0]):
        i = nearest[q]
        if i < 0:
            continue
        nu, nv = target.normals[q, 0], target.normals[q, 1]
        residual = nu * (target.points[q, 0] - middle[i, 0]) + nv * (target.points[q, 1] - middle[i, 1])
        weight = share
        ratio = 1.0 / (1.0 + (residual / scale) * (residual / scale))
        energy += weight * residual * residual * ratio
        weight *= ratio * ratio
        sums[i, 0] += weight * nu * nu
        sums[i, 1] += weight * nu * nv
        sums[i, 2] += weight * nv * nv
        sums[i, 3] -= weight * residual * nu
        sums[i, 4] -= weight * residual * nv
    return energy


@pasted
def edge_rows(local, pose, focal, basis, a, b, row_u, row_v):
    """Derivatives of the midpoint (u, v) of the edge from vertex a to b by all unknowns: rows [6 + N]."""
    row_u[:6] = 0
    row_v[:6] = 0
    factors = np.empty((4, 3), basis.dtype)
    for end in range(2):
        i = a if end == 0 else b
        x, y, z = local[i, 0], local[i, 1], local[i, 2]
        inverse = 0.5 * focal / -z
        # u = c + f x / (-z), v = c - f y / (-z); of an edge's midpoint each end has a half
        uz, vz = inverse * x / -z, inverse * y / z
        px, py, pz = x - pose[9], y - pose[10], z - pose[11]
        row_u[0] += uz * py
        row_u[1] += inverse * pz - uz * px
        row_u[2] -= inverse * py
        row_u[3] += inverse
        row_u[5] += uz
        row_v[0] += vz * py + inverse * pz
        row_v[1] -= vz * px
        row_v[2] -= inverse * px
        row_v[4] -= inverse
        row_v[5] += vz
        for axis in range(3):
            factors[end, axis] = inverse * pose[axis] + uz * pose[6 + axis]
            factors[2 + end, axis] = -inverse * pose[3 + axis] + vz * pose[6 + axis]
    ax, ay, az, bx, by, bz = basis[a, 0], basis[a, 1], basis[a, 2], basis[b, 0], basis[b, 1], basis[b, 2]
    u0, u1, u2, u3, u4, u5 = (
        factors[0, 0], factors[0, 1], factors[0, 2], factors[1, 0], factors[1, 1], factors[1, 2],
    )  # fmt: skip
    v0, v1, v2, v3, v4, v5 = (
        factors[2, 0], factors[2, 1], factors[2, 2], factors[3, 0], factors[3, 1], factors[3, 2],
    )  # fmt: skip
    for k in range(row_u.shape[0] - 6):
        x, y, z, s, t, r = ax[k], ay[k], az[k], bx[k], by[k], bz[k]
        row_u[6 + k] = u0 * x + u1 * y + u2 * z + u3 * s + u4 * t + u5 * r
        row_v[6 + k] = v0 * x + v1 * y + v2 * z + v3 * s + v4 * t + v5 * r


@pasted
def add_products(rows, count, matrix):
    """Lower triangle of matrix [N, N] += sum_r rows_r rows_r^T over `count` rows, a multiple of 8."""
    for first in range(0, count, 8):
        r0, r1, r2, r3, r4, r5, r6, r7 = (
            rows[first], rows[first + 1], rows[first + 2], rows[first + 3],
            rows[first + 4], rows[first + 5], rows[first + 6], rows[first + 7],
        )  # fmt: skip
        for p in range(matrix.shape[0]):
            a0, a1, a2, a3, a4, a5, a6, a7 = r0[p], r1[p], r2[p], r3[p], r4[p], r5[p], r6[p], r7[p]
            line = matrix[p]
            for q in range(p + 1):
                line[q] += (
                    a0 * r0[q] + a1 * r1[q] + a2 * r2[q] + a3 * r3[q]
                    + a4 * r4[q] + a5 * r5[q] + a6 * r6[q] + a7 * r7[q]
                )  # fmt: skip


@pasted
def ratio_rows(vertices, basis, prior, rows, at, gradient):
    """The prior on proportions: two rows from `at` on, and its gradient."""
    free = rows.shape[1] - 6
    high, low = np.zeros(3, np.int64), np.zeros(3, np.int64)
    for i in range(vertices.shape[0]):
        for k in range(3):
            if vertices[i, k] > vertices[high[k], k]:
                high[k] = i
            if vertices[i, k] < vertices[low[k], k]:
                low[k] = i
    extent = np.empty(3)
    for k in range(3):
        extent[k] = vertices[high[k], k] - vertices[low[k], k] + 1e-9
    first = np.log(extent[0] / extent[2]) - prior.ratio_mean[0]
    second = np.log(extent[1] / extent[2]) - prior.ratio_mean[1]
    root = np.sqrt(prior.ratio_precision)
    for r in range(2):
        row = rows[at + r]
        row[:6] = 0
        p, q = root * prior.ratio_scale[r, 0], root * prior.ratio_scale[r, 1]
        for k in range(free):
            row[6 + k] = (
                p / extent[0] * (basis[high[0], 0, k] - basis[low[0], 0, k])
                + q / extent[1] * (basis[high[1], 1, k] - basis[low[1], 1, k])
                - (p + q) / extent[2] * (basis[high[2], 2, k] - basis[low[2], 2, k])
            )
        residual = p * first + q * second
        for k in range(6 + free):
            gradient[k] += residual * row[k]


@pasted
def equations(geometry, pose, local, chosen, found, sums, rows, gradient):
    """Gradient [6 + N] of half the outline's energy, and the rows whose products are its matrix.

    Returns:
        The number of rows.
    """
    used = 0
    gradient[:] = 0.0
    for i in range(found):
        row_u, row_v = rows[used], rows[used + 1]
        e = chosen[i]
        edge_rows(
            local,
            pose,
            geometry.focal,
            geometry.basis,
            geometry.edges[e, 0],
            geometry.edges[e, 1],
            row_u,
            row_v,
        )
        uu, uv, vv, bu, bv = sums[i, 0], sums[i, 1], sums[i, 2], sums[i, 3], sums[i, 4]
        for k in range(gradient.shape[0]):
            gradient[k] += bu * row_u[k] + bv * row_v[k]
        # A = L L^T with the larger diagonal element first; the rows of L^T J
        swap = vv > uu
        largest = (vv if swap else uu) + 1e-30
        root = np.sqrt(largest)
        mixed = uv / root
        rest = (uu if swap else vv) - mixed * mixed
        second = np.sqrt(rest) if rest > 0.0 else 0.0
        major, minor = rows.dtype.type(root), rows.dtype.type(mixed)
        last = rows.dtype.type(second)
        for k in range(gradient.shape[0]):
            u, v = row_u[k], row_v[k]
            one, other = (v, u) if swap else (u, v)
            row_u[k] = major * one + minor * other
            row_v[k] = last * other
        used += 2 if rest > 1e-6 * largest else 1
    return used


@pasted
def linearise(geometry, target, scale, pose, view, found, work):
    """Matches of the outline that `see` found, and their `equations`: how many rows of `work` are used."""
    nearest, sums, rows, _, gradient = work
    nearest_edges(target.points, target.normals, view.middle, view.normal, found, nearest)
    gather(target, view.middle, view.length, nearest, found, scale, sums)
    return equations(geometry, pose, view.local, view.chosen, found, sums, rows, gradient)


@relaxed
def view_equations(geometry, target, scale, pose, view, found, work):
    """`linearise` as a kernel by itself: for shapes of several views."""
    return linearise(geometry, target, scale, pose, view, found, work)


@relaxed
def advance(geometry, target, prior, scale, pose, view, found, work):
    """Move `pose` by one damped Gauss-Newton step; whether it could be computed."""
    _, _, rows, hessian, gradient = work
    size = gradient.shape[0]
    used = linearise(geometry, target, scale, pose, view, found, work)
    if size > 6 and prior.ratio_precision > 0.0:
        ratio_rows(view.vertices, geometry.basis, prior, rows, used, gradient)
        used += 2
    padded = (used + 7) // 8 * 8
    rows[used:padded] = 0
    hessian[:] = 0
    add_products(rows, padded, hessian)
    turned = _logarithm(_product_transposed(pose, prior.rotation))
    for k in range(3):
        gradient[k] += prior.near_camera * turned[k]
        hessian[k, k] += prior.near_camera
    for k in range(size - 6):
        value = pose[12 + k]
        limit = prior.usual
        beyond = value - limit if value > limit else value + limit if value < -limit else 0.0
        pull = prior.excess[k] * beyond
        for j in range(size - 6):
            pull += prior.precision[k, j] * (pose[12 + j] - prior.centre[j])
        gradient[6 + k] += pull
        for j in range(k + 1):
            hessian[6 + k, 6 + j] += prior.precision[k, j]
        hessian[6 + k, 6 + k] += prior.excess[k] if beyond != 0.0 else 0.0
    change = np.empty(size, hessian.dtype)
    for k in range(size):
        hessian[k, k] = 1.001 * hessian[k, k] + 1e-9
        change[k] = -gradient[k]
    if not _solve(hessian, change):
        return False
    bend = 0.0
    for k in range(size):
        if not np.isfinite(change[k]):
            return False
        if k >= 6:
            bend = abs(change[k]) if abs(change[k]) > bend else bend
    angle = np.sqrt(change[0] * change[0] + change[1] * change[1] + change[2] * change[2])
    share = 0.35 / angle if angle > 0.35 else 1.0
    share = 1.5 / bend if share * bend > 1.5 else share
    vector = np.empty(3)
    for k in range(3):
        vector[k] = share * change[k]
        pose[9 + k] += share * change[3 + k]
    pose[11] = pose[11] if pose[11] < -1.3 else -1.3
    turn, before = _exponential(vector), pose[:9].copy()
    for i in range(3):
        for j in range(3):
            pose[3 * i + j] = turn[i, 0] * before[j] + turn[i, 1] * before[3 + j] + turn[i, 2] * before[6 + j]
    for k in range(size - 6):
        pose[12 + k] += share * change[6 + k]
    return True


@pasted
def _product_transposed(pose, other):
    """The pose's rotation times the transpose of another, [3, 3]."""
    result = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            result[i, j] = (
                pose[3 * i] * other[j, 0] + pose[3 * i + 1] * other[j, 1] + pose[3 * i + 2] * other[j, 2]
            )
    return result


def room(geometry: Geometry, points: int, free_shape: bool) -> tuple[np.ndarray, ...]:
    """Working space of `advance`."""
    edges, kind = len(geometry.edges), geometry.basis.dtype
    size = 6 + (geometry.basis.shape[2] if free_shape else 0)
    return (
        np.empty(points, np.int32), np.empty((edges, 5)), np.empty((2 * edges + 10, size), kind),
        np.empty((size, size), kind), np.empty(size),
    )  # fmt: skip
