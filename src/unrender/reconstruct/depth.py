"""How far the shape is at every pixel, for telling which texels are seen.

The renderer's own rasterizer would do; it decides every tie exactly and clips, takes four times as long to
compile and to load, and nothing here depends on that.
"""

from __future__ import annotations

import numpy as np

from unrender.reconstruct.silhouette import NEAREST
from unrender.render.kernels.jit import relaxed
from unrender.template import make_template


def depth_picture(vertices: np.ndarray, world_to_camera: np.ndarray, focal: float, size: int) -> np.ndarray:
    """Distance float32 [size, size] along -Z of the template's nearest face at every pixel, 0 where none is.

    Args:
        vertices: [V, 3] of the template. world_to_camera: [4, 4].
        focal: in pixels of the square picture of `size` pixels a side.
    """
    local = vertices.astype(np.float64) @ world_to_camera[:3, :3].T + world_to_camera[:3, 3]
    depth = np.empty((size, size), np.float32)
    draw_depth(local, make_template(3).faces, focal, depth)
    return depth


@relaxed
def draw_depth(local, faces, focal, depth):
    """Distance along -Z of the nearest face at every pixel centre, 0 where there is none.

    local float64 [V, 3] camera frame; faces int32 [F, 3], of which those nearer than `NEAREST` are left out;
    focal in pixels; depth float32 [S, S], overwritten: a picture with the principal point in its centre.
    1 / distance is affine on the picture.
    """
    size = depth.shape[0]
    half = 0.5 * size - 0.5
    depth[:] = 0
    u, v, near = np.empty(3), np.empty(3), np.empty(3)
    for f in range(faces.shape[0]):
        left = top = 1e30
        right = bottom = -1e30
        seen = True
        for k in range(3):
            x, y, z = local[faces[f, k], 0], local[faces[f, k], 1], local[faces[f, k], 2]
            seen &= -z > NEAREST
            near[k] = -1.0 / z
            u[k], v[k] = half + focal * x * near[k], half - focal * y * near[k]
            left, right = u[k] if u[k] < left else left, u[k] if u[k] > right else right
            top, bottom = v[k] if v[k] < top else top, v[k] if v[k] > bottom else bottom
        u1, v1, u2, v2 = u[1] - u[0], v[1] - v[0], u[2] - u[0], v[2] - v[0]
        area = u1 * v2 - u2 * v1
        if not seen or area == 0.0 or right < 0.0 or bottom < 0.0 or left > size - 1 or top > size - 1:
            continue
        du = ((near[1] - near[0]) * v2 - (near[2] - near[0]) * v1) / area
        dv = ((near[2] - near[0]) * u1 - (near[1] - near[0]) * u2) / area
        first, last = int(np.ceil(left)) if left > 0.0 else 0, int(right) if right < size - 1 else size - 1
        begin, end = int(np.ceil(top)) if top > 0.0 else 0, int(bottom) if bottom < size - 1 else size - 1
        for i in range(begin, end + 1):
            y = i - v[0]
            for j in range(first, last + 1):
                x = j - u[0]
                b, c = (x * v2 - y * u2) / area, (y * u1 - x * v1) / area
                if b >= 0.0 and c >= 0.0 and b + c <= 1.0:
                    here = np.float32(near[0] + du * x + dv * y)
                    depth[i, j] = here if here > depth[i, j] else depth[i, j]
    for i in range(size):
        for j in range(size):
            if depth[i, j] > 0:
                depth[i, j] = 1 / depth[i, j]
