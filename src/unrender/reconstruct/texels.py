"""What happens to every texel when a photo is laid on a shape: projection, shading, mirror twin, encoding.

Kernels over rows [begin, end) of the atlas, so that threads can share it.
"""

from __future__ import annotations

import numpy as np

from unrender.light import SH_0, SH_1, SH_2
from unrender.render.kernels.jit import relaxed

MIRROR_TRUST = 0.85
"""Weight of a colour seen on the other side of the body, against one seen here."""

FACING = (0.02, 0.14)
"""Cosines to the view below which a texel counts as not seen, and from which on as seen in full."""

_C0, _C1, (_C2, _C3, _C4) = np.float32(SH_0), np.float32(SH_1), (np.float32(value) for value in SH_2)


@relaxed
def gather(
    begin, end, texel_face, texel_weights, faces, local, normals, depth, focal, photo, trust, near_tolerance,
    light, darkest, lit, colour, confidence, base,
):  # fmt: skip
    """Project texels into the photo.

    texel_face int32 [T, T] and texel_weights float32 [T, T, 3]; faces [F, 3]; local float32 [V, 3] positions
    in the camera's frame; normals float32 [V, 6] in the object's frame, then in the camera's; depth [M, M];
    photo float32 [N, N, 3] linear; trust [N, N] in [0, 1]; light float32 [9, 3]. Written: colour [T, T, 3],
    the photo's (divided by the shading unless `lit`) where it is seen, and confidence [T, T]; base [T, T, 3]
    is multiplied by the shading if `lit`.
    """
    size, side, cells = texel_face.shape[0], photo.shape[0], depth.shape[0]
    ratio = np.float32(cells / side)
    none, one, half = np.float32(0.0), np.float32(1.0), np.float32(0.5)
    lowest, span = np.float32(FACING[0]), np.float32(FACING[1] - FACING[0])
    last = np.float32(side) - np.float32(1.001)
    for i in range(begin, end):
        for j in range(size):
            face = texel_face[i, j]
            confidence[i, j] = none
            for c in range(3):
                colour[i, j, c] = none
            if face < 0:
                if lit:  # between the charts, where filtering may reach: light from nowhere
                    for c in range(3):
                        base[i, j, c] *= max(_C0 * light[0, c] - _C3 * light[6, c], darkest)
                continue
            v0, v1, v2 = faces[face, 0], faces[face, 1], faces[face, 2]
            w0, w1, w2 = texel_weights[i, j, 0], texel_weights[i, j, 1], texel_weights[i, j, 2]
            x = w0 * local[v0, 0] + w1 * local[v1, 0] + w2 * local[v2, 0]
            y = w0 * local[v0, 1] + w1 * local[v1, 1] + w2 * local[v2, 1]
            z = w0 * local[v0, 2] + w1 * local[v1, 2] + w2 * local[v2, 2]
            facing = -(
                (w0 * normals[v0, 3] + w1 * normals[v1, 3] + w2 * normals[v2, 3]) * x
                + (w0 * normals[v0, 4] + w1 * normals[v1, 4] + w2 * normals[v2, 4]) * y
                + (w0 * normals[v0, 5] + w1 * normals[v1, 5] + w2 * normals[v2, 5]) * z
            )
            u = half * side - focal * x / z
            v = half * side + focal * y / z
            seen = facing > none and u >= none and v >= none and u < side and v < side
            if seen:
                front = depth[min(int(v * ratio), cells - 1), min(int(u * ratio), cells - 1)]
                seen = front <= none or -z <= front + near_tolerance
            if not (seen or lit):
                continue
            nx = w0 * normals[v0, 0] + w1 * normals[v1, 0] + w2 * normals[v2, 0]
            ny = w0 * normals[v0, 1] + w1 * normals[v1, 1] + w2 * normals[v2, 1]
            nz = w0 * normals[v0, 2] + w1 * normals[v1, 2] + w2 * normals[v2, 2]
            inverse = one / (np.sqrt(nx * nx + ny * ny + nz * nz) + np.float32(1e-8))
            nx, ny, nz = nx * inverse, ny * inverse, nz * inverse
            cosine = facing * inverse / (np.sqrt(x * x + y * y + z * z) + np.float32(1e-8))
            seen = seen and cosine > lowest
            if not (seen or lit):
                continue
            pu, pv = min(max(u - half, none), last), min(max(v - half, none), last)
            a, b = int(pv), int(pu)
            fy, fx = pv - np.float32(a), pu - np.float32(b)
            for c in range(3):
                shade = (
                    _C0 * light[0, c]
                    + _C1 * (ny * light[1, c] + nz * light[2, c] + nx * light[3, c])
                    + _C2 * (nx * ny * light[4, c] + ny * nz * light[5, c])
                    + _C3 * (np.float32(3.0) * nz * nz - one) * light[6, c]
                    + _C2 * nx * nz * light[7, c]
                    + _C4 * (nx * nx - ny * ny) * light[8, c]
                )
                shade = max(shade, darkest)
                if lit:
                    base[i, j, c] *= shade
                if seen:
                    top = photo[a, b, c] * (one - fx) + photo[a, b + 1, c] * fx
                    low = photo[a + 1, b, c] * (one - fx) + photo[a + 1, b + 1, c] * fx
                    value = top * (one - fy) + low * fy
                    colour[i, j, c] = value if lit else value / shade
            if seen:
                top = trust[a, b] * (one - fx) + trust[a, b + 1] * fx
                low = trust[a + 1, b] * (one - fx) + trust[a + 1, b + 1] * fx
                inside = top * (one - fy) + low * fy
                slope = min((cosine - lowest) / span, one)
                confidence[i, j] = inside * slope * slope * (np.float32(3.0) - np.float32(2.0) * slope)


@relaxed
def enlarge(begin, end, small, out):
    """out float32 [T, T, 3] = small float32 [t, t, 3] at a larger size, bilinearly between texel centres."""
    cells = small.shape[0]
    scale, half = np.float32(cells / out.shape[0]), np.float32(0.5)
    for i in range(begin, end):
        y = min(max((np.float32(i) + half) * scale - half, np.float32(0.0)), np.float32(cells - 1))
        i0 = int(y)
        i1, fy = min(i0 + 1, cells - 1), y - np.float32(i0)
        for j in range(out.shape[1]):
            x = min(max((np.float32(j) + half) * scale - half, np.float32(0.0)), np.float32(cells - 1))
            j0 = int(x)
            j1, fx = min(j0 + 1, cells - 1), x - np.float32(j0)
            for c in range(3):
                top = small[i0, j0, c] + fx * (small[i0, j1, c] - small[i0, j0, c])
                low = small[i1, j0, c] + fx * (small[i1, j1, c] - small[i1, j0, c])
                out[i, j, c] = top + fy * (low - top)


@relaxed
def compare(begin, end, colour, confidence, base, gain, difference, known):
    """difference [T, T, 3] of what is seen, here or on the mirrored side, from base; known [T, T] its weight.

    Colours and base are divided by `gain` first.
    """
    size = confidence.shape[0]
    scale, one = np.float32(1.0) / gain, np.float32(1.0)
    for i in range(begin, end):
        for j in range(size):
            here = confidence[i, j]
            there = confidence[i, size - 1 - j] * np.float32(MIRROR_TRUST) * (one - here)
            total = here + there
            known[i, j] = total
            here, there = (
                here / max(total, np.float32(1e-6)) * scale,
                there / max(total, np.float32(1e-6)) * scale,
            )
            for c in range(3):
                seen = here * colour[i, j, c] + there * colour[i, size - 1 - j, c]
                difference[i, j, c] = seen - scale * base[i, j, c]


@relaxed
def encode(begin, end, base, gain, difference, table, out):
    """out uint8 [T, T, 3] = table of base / gain + difference, its entries evenly spaced over [0, 1]."""
    scale, steps = np.float32(1.0) / gain, np.float32(table.shape[0] - 1)
    for i in range(begin, end):
        for j in range(out.shape[1]):
            for c in range(3):
                value = max(scale * base[i, j, c] + difference[i, j, c], np.float32(0.0))
                out[i, j, c] = table[int(min(value, np.float32(1.0)) * steps + np.float32(0.5))]
