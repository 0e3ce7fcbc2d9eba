"""Visibility behind a given depth: one layer of depth peeling (Everitt, "Interactive Order-Independent
Transparency", 2001), row 0 at the bottom.

Faces are tested in homogeneous coordinates (Olano and Greer, "Triangle Scan Conversion using 2D Homogeneous
Coordinates", 1997), which needs no clipping: with M = [v0 v1 v2], v = (x, y, w), a pixel p = (x, y, 1) is in
the face if adj(M) p / det(M) >= 0 and its sum, 1/w, is positive. Edge functions are evaluated in float64
without contraction, so the two faces of an edge get exactly opposite values; on the edge itself the top-left
rule decides. What lies before the near plane (z < -w) is not seen.
"""

from __future__ import annotations

import math

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import inline, jit
from unrender.render.kernels.rasterize import inverse


def forward(clip: np.ndarray, faces: np.ndarray, depth: np.ndarray, threads: int = 1) -> np.ndarray:
    """Find the nearest face behind `depth` without checking arguments.

    Args:
        clip: [B, V, 4] float32 or float64, C-contiguous, y up. Faces with a vertex that is not finite are
            skipped.
        faces: [F, 3] int32.
        depth: [B, H, W] float64, z/w beyond which to look (-inf: everything); replaced by what was found, inf
            where nothing is.
        threads: how many threads to use.

    Returns:
        face_index int32 [B, H, W], -1 where nothing is; the lower index wins ties.
    """
    batch, height, width = depth.shape
    index = np.empty((batch, height, width), np.int32)
    bands = pool.picture_bands(batch, height, threads)
    pool.run(
        lambda begin, end: _forward(begin, end, bands, clip, faces, depth, index), batch * bands, threads
    )
    return index


@inline
def _owns(a, b, sign):
    """Whether a face owns the points of an edge whose function grows by (a, b) to the right and up."""
    return b * sign < 0.0 or (b == 0.0 and a * sign > 0.0)


@inline
def _range(low, high, size):
    """Pixels whose centres are within [low, high] of NDC."""
    first = math.ceil(min(max((low + 1.0) * 0.5 * size - 0.5, 0.0), size + 0.0))
    return first, math.floor(min(max((high + 1.0) * 0.5 * size - 0.5, -1.0), size - 1.0))


@jit
def _forward(begin, end, bands, clip, faces, depth, index):
    height, width = index.shape[1], index.shape[2]
    for item in range(begin, end):
        image, band = item // bands, item % bands
        top, bottom = height * band // bands, height * (band + 1) // bands
        index[image, top:bottom, :] = -1
        found = np.full((bottom - top, width), np.inf)
        points = clip[image]
        for face in range(faces.shape[0]):
            i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
            e00, e01, e02, e10, e11, e12, e20, e21, e22, det = inverse(points, i, j, k)
            za, zb, zc = np.float64(points[i, 2]), np.float64(points[j, 2]), np.float64(points[k, 2])
            if det == 0.0 or not math.isfinite(det + za + zb + zc):
                continue
            wa, wb, wc = np.float64(points[i, 3]), np.float64(points[j, 3]), np.float64(points[k, 3])
            left, right, upper, lower = 0, width - 1, top, bottom - 1
            if wa > 0.0 and wb > 0.0 and wc > 0.0:
                xa, xb, xc = points[i, 0] / wa, points[j, 0] / wb, points[k, 0] / wc
                ya, yb, yc = points[i, 1] / wa, points[j, 1] / wb, points[k, 1] / wc
                left, right = _range(min(xa, xb, xc) - 1e-6, max(xa, xb, xc) + 1e-6, width)
                upper, lower = _range(min(ya, yb, yc) - 1e-6, max(ya, yb, yc) + 1e-6, height)
                upper, lower = max(upper, top), min(lower, bottom - 1)
            elif wa <= 0.0 and wb <= 0.0 and wc <= 0.0:
                continue
            sign = 1.0 if det > 0.0 else -1.0
            own0, own1, own2 = _owns(e00, e01, sign), _owns(e10, e11, sign), _owns(e20, e21, sign)
            for row in range(upper, lower + 1):
                y = (2.0 * row + 1.0 - height) / height
                for column in range(left, right + 1):
                    x = (2.0 * column + 1.0 - width) / width
                    c0 = (e00 * x + e01 * y + e02) * sign
                    c1 = (e10 * x + e11 * y + e12) * sign
                    c2 = (e20 * x + e21 * y + e22) * sign
                    if not (
                        (c0 > 0.0 or (c0 == 0.0 and own0))
                        and (c1 > 0.0 or (c1 == 0.0 and own1))
                        and (c2 > 0.0 or (c2 == 0.0 and own2))
                    ):
                        continue
                    w = c0 * wa + c1 * wb + c2 * wc
                    if w <= 0.0:
                        continue
                    z = (c0 * za + c1 * zb + c2 * zc) / w
                    if z >= -1.0 and depth[image, row, column] < z < found[row - top, column]:
                        found[row - top, column] = z
                        index[image, row, column] = face
        for row in range(top, bottom):
            for column in range(width):
                depth[image, row, column] = found[row - top, column]
