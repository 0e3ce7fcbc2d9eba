"""The rendered outline against the mask's outline: residuals and their analytic normal equations.

The outline of the render is where front faces meet back faces and nothing covers the pixel just outside; each
such edge's midpoint depends linearly on two vertices. Two kinds of residual, in pixels:

    forward: signed distance of the midpoint to the mask's outline;
    reverse: for a point q on the mask's outline with normal n, n . (q - m) for the nearest midpoint m of like
        normal.

Parameters are a rotation increment w (left, camera frame), the translation t and shape coefficients c:
x = exp([w]) R (mean + basis c) + t.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from unrender.render.kernels.jit import jit, relaxed


class Matches(NamedTuple):
    """Which edge answers for which residual; fixed while one step is computed.

    Attributes:
        vertices: int32 [N, 2], the two ends of the edge.
        points: float64 [N, 2], outline point in pixels (reverse), unused where forward.
        normals: float64 [N, 2], outline normal (reverse); zero where the residual is a forward one.
        weights: float64 [N], sum 1 over the forward ones and 1 over the reverse ones.
    """

    vertices: np.ndarray
    points: np.ndarray
    normals: np.ndarray
    weights: np.ndarray


@jit
def project(points, rotation, translation, focal, size, near_z, far_z, local, pixels, clip):
    """Object points float64 [V, 3] to camera space `local` [V, 3], `pixels` [V, 2], `clip` float32 [1, V, 4].

    The picture is a square of `size` pixels with the principal point in its centre; clip z = near_z * z +
    far_z.
    """
    half = 0.5 * size
    scale = focal / half
    for i in range(points.shape[0]):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        for k in range(3):
            local[i, k] = rotation[k, 0] * x + rotation[k, 1] * y + rotation[k, 2] * z + translation[k]
        depth = -local[i, 2]
        pixels[i, 0] = half + focal * local[i, 0] / depth
        pixels[i, 1] = half - focal * local[i, 1] / depth
        clip[0, i, 0] = scale * local[i, 0]
        clip[0, i, 1] = scale * local[i, 1]
        clip[0, i, 2] = near_z * local[i, 2] + far_z
        clip[0, i, 3] = depth


@jit
def overlap(face_index, mask):
    """Intersection over union of the covered pixels of [S, S] and a bool mask [S, S]."""
    both = either = 0
    for i in range(mask.shape[0]):
        for j in range(mask.shape[1]):
            covered = face_index[i, j] >= 0
            both += covered and mask[i, j]
            either += covered or mask[i, j]
    return both / either if either else 0.0


@jit
def exp_rotation(vector):
    """Rotation matrix [3, 3] of an axis-angle vector [3] (Rodrigues)."""
    angle = np.sqrt(vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2)
    a = np.sin(angle) / angle if angle > 1e-8 else 1.0
    b = (1 - np.cos(angle)) / (angle * angle) if angle > 1e-8 else 0.5
    matrix = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            matrix[i, j] = b * vector[i] * vector[j]
        matrix[i, i] += 1 - b * angle * angle
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        matrix[j, i] += a * vector[k]
        matrix[i, j] -= a * vector[k]
    return matrix


@jit
def log_rotation(matrix):
    """Axis-angle vector [3] of a rotation by less than half a turn."""
    sine = 0.5 * np.array(
        [matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]]
    )
    length = np.sqrt(sine[0] ** 2 + sine[1] ** 2 + sine[2] ** 2)
    if length < 1e-8:
        return sine
    angle = np.arctan2(length, 0.5 * (matrix[0, 0] + matrix[1, 1] + matrix[2, 2] - 1.0))
    return sine * (angle / length)


@jit
def find_matches(pixels, faces, edge_vertices, edge_faces, face_index, outline_points, outline_normals):
    """Outline edges of the projected mesh and their matches.

    pixels float64 [V, 2]; faces int32 [F, 3]; edge_vertices, edge_faces int32 [E, 2]; face_index int32 [S, S]
    from the rasterizer; outline points and normals float64 [Q, 2]. Returns the arrays of `Matches`.
    """
    size = face_index.shape[0]
    front = np.empty(faces.shape[0], np.bool_)
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        area = (pixels[b, 0] - pixels[a, 0]) * (pixels[c, 1] - pixels[a, 1]) - (
            pixels[b, 1] - pixels[a, 1]
        ) * (pixels[c, 0] - pixels[a, 0])
        front[f] = area < 0.0
    count = edge_vertices.shape[0]
    chosen = np.empty(count, np.int32)
    middle = np.empty((count, 2), np.float64)
    normal = np.empty((count, 2), np.float64)
    length = np.empty(count, np.float64)
    found = 0
    for e in range(count):
        f, g = edge_faces[e, 0], edge_faces[e, 1]
        if f < 0 or g < 0 or front[f] == front[g]:
            continue
        face = f if front[f] else g
        a, b = edge_vertices[e, 0], edge_vertices[e, 1]
        du, dv = pixels[b, 0] - pixels[a, 0], pixels[b, 1] - pixels[a, 1]
        extent = np.sqrt(du * du + dv * dv)
        if extent < 1e-6:
            continue
        mu, mv = 0.5 * (pixels[a, 0] + pixels[b, 0]), 0.5 * (pixels[a, 1] + pixels[b, 1])
        nu, nv = -dv / extent, du / extent
        for k in range(3):
            c = faces[face, k]
            if c != a and c != b and (pixels[c, 0] - mu) * nu + (pixels[c, 1] - mv) * nv > 0.0:
                nu, nv = -nu, -nv
        column, row = int(np.floor(mu + nu)), int(np.floor(mv + nv))
        if 0 <= column < size and 0 <= row < size and face_index[row, column] >= 0:
            continue
        chosen[found] = e
        middle[found, 0], middle[found, 1] = mu, mv
        normal[found, 0], normal[found, 1] = nu, nv
        length[found] = extent
        found += 1
    total = 0.0
    for i in range(found):
        total += length[i]
    points = outline_points.shape[0]
    vertices = np.empty((found + points, 2), np.int32)
    targets = np.zeros((found + points, 2), np.float64)
    normals = np.zeros((found + points, 2), np.float64)
    weights = np.zeros(found + points, np.float64)
    for i in range(found):
        vertices[i, 0], vertices[i, 1] = edge_vertices[chosen[i], 0], edge_vertices[chosen[i], 1]
        weights[i] = length[i] / total
    used = found
    for q in range(points):
        best, at = 1e30, -1
        for i in range(found):
            alike = outline_normals[q, 0] * normal[i, 0] + outline_normals[q, 1] * normal[i, 1]
            if alike < 0.2:
                continue
            du, dv = outline_points[q, 0] - middle[i, 0], outline_points[q, 1] - middle[i, 1]
            distance = (du * du + dv * dv) * (2.0 - alike)
            if distance < best:
                best, at = distance, i
        if at < 0:
            continue
        vertices[used, 0], vertices[used, 1] = edge_vertices[chosen[at], 0], edge_vertices[chosen[at], 1]
        targets[used, 0], targets[used, 1] = outline_points[q, 0], outline_points[q, 1]
        normals[used, 0], normals[used, 1] = outline_normals[q, 0], outline_normals[q, 1]
        weights[used] = 1.0 / points
        used += 1
    return vertices[:used], targets[:used], normals[:used], weights[:used]


@relaxed
def sample_distance(field, u, v):
    """Bilinear value of `field` [S, S] at pixel position (u, v) and its gradient; outside, it goes on."""
    size = field.shape[0]
    cu = min(max(u - 0.5, 0.0), size - 1.000001)
    cv = min(max(v - 0.5, 0.0), size - 1.000001)
    j, i = int(cu), int(cv)
    fu, fv = cu - j, cv - i
    a, b, c, d = field[i, j], field[i, j + 1], field[i + 1, j], field[i + 1, j + 1]
    value = (a * (1 - fu) + b * fu) * (1 - fv) + (c * (1 - fu) + d * fu) * fv
    gu = (b - a) * (1 - fv) + (d - c) * fv
    gv = (c - a) * (1 - fu) + (d - b) * fu
    if cu != u - 0.5:
        value += abs(u - 0.5 - cu)
        gu = 1.0 if u - 0.5 > cu else -1.0
    if cv != v - 0.5:
        value += abs(v - 0.5 - cv)
        gv = 1.0 if v - 0.5 > cv else -1.0
    return value, gu, gv


_TOGETHER = 8
"""So many rows are multiplied into the matrix at once: it is read and written that much less often."""


@relaxed
def _add_products(rows, weights, matrix):
    """Lower triangle of matrix [N, N] += sum_r weights_r rows_r rows_r^T for 8 rows."""
    r0, r1, r2, r3, r4, r5, r6, r7 = (
        rows[0], rows[1], rows[2], rows[3], rows[4], rows[5], rows[6], rows[7],
    )  # fmt: skip
    for p in range(matrix.shape[0]):
        a0, a1, a2, a3 = weights[0] * r0[p], weights[1] * r1[p], weights[2] * r2[p], weights[3] * r3[p]
        a4, a5, a6, a7 = weights[4] * r4[p], weights[5] * r5[p], weights[6] * r6[p], weights[7] * r7[p]
        line = matrix[p]
        for q in range(p + 1):
            line[q] += (
                a0 * r0[q] + a1 * r1[q] + a2 * r2[q] + a3 * r3[q]
                + a4 * r4[q] + a5 * r5[q] + a6 * r6[q] + a7 * r7[q]
            )  # fmt: skip


@relaxed
def normal_equations(
    local,
    centre,
    rotation,
    pixels,
    focal,
    basis,
    vertices,
    points,
    normals,
    weights,
    field,
    scale,
    hessian,
    gradient,
):
    """Energy, and Gauss-Newton matrix and gradient of half of it, of sum_i w_i rho(r_i).

    rho(r) = r^2 / (1 + (r / scale)^2) is Geman and McClure's robust penalty; the matrix uses its weight
    1 / (1 + (r / scale)^2)^2, which makes the gradient exact and the matrix positive.

    local float64 [V, 3] camera frame; centre [3] the translation; rotation [3, 3]; pixels [V, 2]; focal in
    pixels; basis float64 [V, 3, K] object frame; arrays of `Matches`; field [S, S] signed distance; scale in
    pixels. hessian [6 + K, 6 + K] and gradient [6 + K] are overwritten.
    """
    size = hessian.shape[0]
    free = size - 6
    hessian[:] = 0.0
    gradient[:] = 0.0
    rows = np.empty((_TOGETHER, size), np.float64)
    scaled = np.zeros(_TOGETHER, np.float64)
    filled = 0
    energy = 0.0
    for n in range(vertices.shape[0]):
        a, b = vertices[n, 0], vertices[n, 1]
        mu = 0.5 * (pixels[a, 0] + pixels[b, 0])
        mv = 0.5 * (pixels[a, 1] + pixels[b, 1])
        if normals[n, 0] == 0.0 and normals[n, 1] == 0.0:
            residual, gu, gv = sample_distance(field, mu, mv)
        else:
            gu, gv = -normals[n, 0], -normals[n, 1]
            residual = -gu * (points[n, 0] - mu) - gv * (points[n, 1] - mv)
        row = rows[filled]
        row[:] = 0.0
        for end in range(2):
            i = a if end == 0 else b
            x, y, z = local[i, 0], local[i, 1], local[i, 2]
            # u = c + f x / (-z), v = c - f y / (-z)
            inverse = focal / -z
            gx = 0.5 * gu * inverse
            gy = -0.5 * gv * inverse
            gz = (gx * x + gy * y) / -z
            px, py, pz = x - centre[0], y - centre[1], z - centre[2]
            row[0] += gz * py - gy * pz
            row[1] += gx * pz - gz * px
            row[2] += gy * px - gx * py
            row[3] += gx
            row[4] += gy
            row[5] += gz
            if free:
                ox = gx * rotation[0, 0] + gy * rotation[1, 0] + gz * rotation[2, 0]
                oy = gx * rotation[0, 1] + gy * rotation[1, 1] + gz * rotation[2, 1]
                oz = gx * rotation[0, 2] + gy * rotation[1, 2] + gz * rotation[2, 2]
                along_x, along_y, along_z = basis[i, 0], basis[i, 1], basis[i, 2]
                for k in range(free):
                    row[6 + k] += ox * along_x[k] + oy * along_y[k] + oz * along_z[k]
        ratio = 1.0 / (1.0 + (residual / scale) * (residual / scale))
        energy += weights[n] * residual * residual * ratio
        weight = weights[n] * ratio * ratio
        for p in range(size):
            gradient[p] += weight * residual * row[p]
        scaled[filled] = weight
        filled += 1
        if filled == _TOGETHER:
            _add_products(rows, scaled, hessian)
            filled = 0
    if filled:
        scaled[filled:] = 0.0
        rows[filled:] = 0.0
        _add_products(rows, scaled, hessian)
    for p in range(size):
        for q in range(p):
            hessian[q, p] = hessian[p, q]
    return energy
