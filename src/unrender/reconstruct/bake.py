"""The texture: photo where the surface is seen, its mirror image where that helps, else the network's guess.

Every texel is projected into the crop. Where it is visible and faces the camera it takes the photo's colour;
where only its mirror twin does, the twin's; the rest is the predicted colour plus the difference between
photo and prediction carried over smoothly from the seen parts (pull-push), so that no seam shows.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from unrender.light import sh_basis
from unrender.mesh import vertex_normals
from unrender.render.kernels.jit import relaxed
from unrender.template import make_template
from unrender.texture import linear_to_srgb, srgb_to_linear

MIRROR_TRUST = 0.85
"""Weight of a colour seen on the other side of the body, against one seen here."""

_DARKEST = 0.12
_LINEAR = srgb_to_linear(np.arange(256, dtype=np.float32) / 255).astype(np.float32)
_SRGB = (linear_to_srgb(np.linspace(0, 1, 16384, dtype=np.float32)) * 255 + 0.5).astype(np.uint8)


@relaxed
def _pull_push(values, weights):
    """Fill [N, N, C] in place where `weights` [N, N] is small, from coarser averages; N a power of two.

    Pull-push after Gortler et al. (The Lumigraph, SIGGRAPH 1996).
    """
    size, channels = values.shape[0], values.shape[2]
    levels = 0
    while (1 << levels) < size:
        levels += 1
    total = 0
    for level in range(levels + 1):
        total += (size >> level) * (size >> level)
    colour = np.empty((total, channels), np.float32)
    weight = np.empty(total, np.float32)
    for i in range(size):
        for j in range(size):
            weight[i * size + j] = min(weights[i, j], np.float32(1.0))
            for c in range(channels):
                colour[i * size + j, c] = values[i, j, c]
    start = 0
    for level in range(levels):
        fine = size >> level
        coarse = fine >> 1
        following = start + fine * fine
        for i in range(coarse):
            for j in range(coarse):
                target = following + i * coarse + j
                sum_weight = np.float32(0.0)
                for c in range(channels):
                    colour[target, c] = 0.0
                for di in range(2):
                    for dj in range(2):
                        source = start + (2 * i + di) * fine + 2 * j + dj
                        sum_weight += weight[source]
                        for c in range(channels):
                            colour[target, c] += weight[source] * colour[source, c]
                for c in range(channels):
                    colour[target, c] /= max(sum_weight, np.float32(1e-8))
                weight[target] = min(sum_weight, np.float32(1.0))
        start = following
    for level in range(levels - 1, -1, -1):
        fine = size >> level
        coarse = fine >> 1
        below = start
        start = below - fine * fine
        for i in range(fine):
            for j in range(fine):
                own = start + i * fine + j
                keep = weight[own]
                if keep >= 1.0:
                    continue
                y, x = 0.5 * (i + 0.5) - 0.5, 0.5 * (j + 0.5) - 0.5
                y, x = min(max(y, 0.0), coarse - 1.0), min(max(x, 0.0), coarse - 1.0)
                i0, j0 = int(y), int(x)
                i1, j1 = min(i0 + 1, coarse - 1), min(j0 + 1, coarse - 1)
                fy, fx = np.float32(y - i0), np.float32(x - j0)
                for c in range(channels):
                    top = (
                        colour[below + i0 * coarse + j0, c] * (1 - fx)
                        + colour[below + i0 * coarse + j1, c] * fx
                    )
                    low = (
                        colour[below + i1 * coarse + j0, c] * (1 - fx)
                        + colour[below + i1 * coarse + j1, c] * fx
                    )
                    colour[own, c] = keep * colour[own, c] + (1 - keep) * (top * (1 - fy) + low * fy)
                weight[own] = 1.0
    for i in range(size):
        for j in range(size):
            for c in range(channels):
                values[i, j, c] = colour[i * size + j, c]


@relaxed
def _gather(
    texel_face,
    texel_weights,
    faces,
    local,
    normals,
    depth,
    focal,
    photo,
    trust,
    near_tolerance,
    out,
    confidence,
    shown,
):
    """Project texels; out [T, T, 3] photo colours, confidence [T, T] in [0, 1], shown [T, T, 3] normals."""
    size = texel_face.shape[0]
    side = photo.shape[0]
    cells = depth.shape[0]
    ratio = cells / side
    for i in range(size):
        for j in range(size):
            face = texel_face[i, j]
            confidence[i, j] = 0.0
            if face < 0:
                continue
            x = y = z = np.float32(0.0)
            nx = ny = nz = np.float32(0.0)
            facing_x = facing_y = facing_z = np.float32(0.0)
            for k in range(3):
                v, w = faces[face, k], texel_weights[i, j, k]
                x += w * local[v, 0]
                y += w * local[v, 1]
                z += w * local[v, 2]
                nx += w * normals[v, 0]
                ny += w * normals[v, 1]
                nz += w * normals[v, 2]
                facing_x += w * normals[v, 3]
                facing_y += w * normals[v, 4]
                facing_z += w * normals[v, 5]
            length = np.sqrt(nx * nx + ny * ny + nz * nz) + np.float32(1e-8)
            shown[i, j, 0], shown[i, j, 1], shown[i, j, 2] = nx / length, ny / length, nz / length
            u = np.float32(0.5 * side) + focal * x / -z
            v_ = np.float32(0.5 * side) - focal * y / -z
            cosine = -(facing_x * x + facing_y * y + facing_z * z) / (
                length * np.sqrt(x * x + y * y + z * z) + np.float32(1e-8)
            )
            if u < 0 or v_ < 0 or u >= side or v_ >= side:
                u, v_ = min(max(u, 0.0), side - 1.0), min(max(v_, 0.0), side - 1.0)
                cosine = np.float32(0.0)
            pu, pv = min(max(u - 0.5, 0.0), side - 1.001), min(max(v_ - 0.5, 0.0), side - 1.001)
            a, b = int(pv), int(pu)
            fy, fx = np.float32(pv - a), np.float32(pu - b)
            for c in range(3):
                top = photo[a, b, c] * (1 - fx) + photo[a, b + 1, c] * fx
                low = photo[a + 1, b, c] * (1 - fx) + photo[a + 1, b + 1, c] * fx
                out[i, j, c] = top * (1 - fy) + low * fy
            if cosine <= 0.05:
                continue
            row, column = min(int(v_ * ratio), cells - 1), min(int(u * ratio), cells - 1)
            seen = depth[row, column]
            if seen > 0 and -z > seen + near_tolerance:
                continue
            inside = trust[a, b]
            slope = min(max((cosine - np.float32(0.05)) / np.float32(0.3), 0.0), 1.0)
            confidence[i, j] = inside * slope * slope * (3 - 2 * slope)


@lru_cache(maxsize=4)
def _texel_table(size: int) -> tuple[np.ndarray, np.ndarray]:
    face, weights = make_template(3).texels(size)
    return np.ascontiguousarray(face, np.int32), np.ascontiguousarray(weights, np.float32)


def shading(normals: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Shading [..., 3] of normals [..., 3] (object frame) under SH coefficients [9, 3], at least 0.12.

    The floor keeps albedo finite in shadow.
    """
    return np.maximum(sh_basis(normals, order=2) @ light.astype(normals.dtype), np.float32(_DARKEST))


def bake(
    vertices: np.ndarray,
    world_to_camera: np.ndarray,
    focal: float,
    crop: np.ndarray,
    mask: np.ndarray,
    depth: np.ndarray,
    predicted: np.ndarray,
    light: np.ndarray,
    *,
    lit: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Texture of the template's atlas, and the light that goes with it.

    Args:
        vertices: [642, 3] object frame.
        world_to_camera: [4, 4] of the crop's camera, principal point in its centre.
        focal: focal length in pixels of `crop`.
        crop: uint8 [N, N, 3] sRGB, N a power of two.
        mask: float32 [N, N] in [0, 1], the object.
        depth: float32 [M, M], distance along -Z of the rendered shape, 0 where nothing is.
        predicted: float32 [T, T, 3] albedo, linear in [0, 1].
        light: float32 [9, 3] SH coefficients of shading (irradiance over pi) in the object's frame.
        lit: False gives albedo (the photo divided by the light), True the colours as they are lit.

    Returns:
        Texture uint8 [T, T, 3] sRGB, row 0 is v = 1; and light [9, 3], made brighter where the albedo would
        otherwise exceed 1.
    """
    template = make_template(3)
    size = predicted.shape[0]
    texel_face, texel_weights = _texel_table(size)
    rotation = world_to_camera[:3, :3]
    local = (vertices @ rotation.T + world_to_camera[:3, 3]).astype(np.float32)
    normals = vertex_normals(vertices, template.faces)
    both = np.concatenate([normals, normals @ rotation.T], 1).astype(np.float32)

    trust = _inside(mask)
    photo = _LINEAR[crop]
    _pull_push(photo, (trust > 0.5).astype(np.float32))

    colour = np.zeros((size, size, 3), np.float32)
    confidence = np.zeros((size, size), np.float32)
    shown = np.zeros((size, size, 3), np.float32)
    tolerance = 0.03
    _gather(
        texel_face, texel_weights, template.faces, local, both, depth, np.float32(focal), photo, trust,
        np.float32(tolerance), colour, confidence, shown,
    )  # fmt: skip
    shade = shading(shown, light)
    base = predicted
    if lit:
        base = base * shade
    else:
        colour = colour / shade
        certain = colour[confidence > 0.5]
        gain = max(1.0, float(np.quantile(certain.max(-1), 0.98))) if len(certain) else 1.0
        colour, base, light = colour / gain, base / gain, (light * gain).astype(np.float32)
    mirrored = colour[:, ::-1]
    twin = confidence[:, ::-1] * MIRROR_TRUST * (1 - confidence)
    known = confidence + twin
    seen = (confidence[..., None] * colour + twin[..., None] * mirrored) / np.maximum(known, 1e-6)[..., None]
    difference = np.ascontiguousarray(seen - base, np.float32)
    _pull_push(difference, known)
    blended = base + difference
    steps = len(_SRGB) - 1
    return _SRGB[(np.clip(blended, 0, 1) * steps + 0.5).astype(np.int32)], light


def _inside(mask: np.ndarray) -> np.ndarray:
    """Confidence that a pixel's colour is the object's: the mask, its edge made steeper."""
    return np.ascontiguousarray(np.clip(4 * mask.astype(np.float32) - 1.5, 0, 1))
