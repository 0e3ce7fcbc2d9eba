"""Slow, plain float64 torch versions of the renderer's operations: the oracles of its tests.

Written from the definitions, pixel against face, without any of the kernels' shortcuts. Gradients come from
autograd or from finite differences. For pictures of some thousand pixels and meshes of some hundred faces.
"""

from __future__ import annotations

import torch
from torch import Tensor

from unrender import light
from unrender.render.fragments import Fragments

SUBPIXELS = 65536
"""Coverage is decided on vertices rounded to 1/65536 pixel, as the kernels document."""


def _centres(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Columns and rows of all pixel centres, [H * W] each."""
    rows, columns = torch.meshgrid(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing="ij"
    )
    return columns.reshape(-1), rows.reshape(-1)


def _pixels(clip: Tensor, height: int, width: int) -> Tensor:
    """Clip positions [..., 4] as (column, row) with pixel centres at integers [..., 2]."""
    ndc = clip[..., :2] / clip[..., 3:]
    return torch.stack([(ndc[..., 0] + 1) * width / 2 - 0.5, (1 - ndc[..., 1]) * height / 2 - 0.5], -1)


def _covers(corners: Tensor, columns: Tensor, rows: Tensor) -> tuple[Tensor, float]:
    """Which pixel centres a triangle [3, 2] (pixels) covers by the top-left rule; its signed double area."""
    snapped = torch.round(corners * SUBPIXELS) / SUBPIXELS
    (ax, ay), (bx, by), (cx, cy) = snapped.tolist()
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if area == 0:
        return torch.zeros_like(columns, dtype=torch.bool), 0.0
    ring = [(ax, ay), (bx, by), (cx, cy)] if area > 0 else [(ax, ay), (cx, cy), (bx, by)]
    inside = torch.ones_like(columns, dtype=torch.bool)
    for (px, py), (qx, qy) in zip(ring, ring[1:] + ring[:1], strict=True):
        value = (qx - px) * (rows - py) - (qy - py) * (columns - px)
        top_left = qy < py or (qy == py and qx > px)
        inside &= value >= 0 if top_left else value > 0
    return inside, area


def rasterize_reference(clip: Tensor, faces: Tensor, size: tuple[int, int], cull: str = "none") -> Fragments:
    """Oracle of `unrender.render.rasterize`: same arguments, same result in float64.

    Faces in front of the near plane cover what `_covers` says; others the pixels where all homogeneous
    barycentrics and the interpolated z + w are >= 0.
    """
    clip = clip.to(torch.float64)
    faces = torch.as_tensor(faces).to(torch.int64)
    (height, width), batch = size, clip.shape[0]
    columns, rows = _centres(height, width)
    points = torch.stack(
        [(columns + 0.5) * 2 / width - 1, 1 - (rows + 0.5) * 2 / height, torch.ones_like(rows)]
    )
    indices, weights, depths = [], [], []
    for image in range(batch):
        nearest = torch.full_like(columns, torch.inf)
        index = torch.full_like(columns, -1, dtype=torch.int64)
        bary = torch.zeros((len(columns), 3), dtype=torch.float64)
        depth = torch.zeros_like(columns)
        for face, triangle in enumerate(faces.tolist()):
            corners = clip[image, triangle]
            matrix = corners[:, [0, 1, 3]].T
            if not bool(torch.isfinite(corners).all()) or float(torch.linalg.det(matrix.detach())) == 0:
                continue
            homogeneous = torch.linalg.solve(matrix, points).T
            total = homogeneous.sum(-1, keepdim=True)
            b = homogeneous / torch.where(total == 0, torch.ones_like(total), total)
            position = b @ corners
            if bool(((corners[:, 3] > 0) & (corners[:, 2] >= -corners[:, 3])).all()):
                inside, area = _covers(_pixels(corners.detach(), height, width), columns, rows)
                back = area > 0
            else:
                inside = (homogeneous >= 0).all(-1) & (position[:, 2] + position[:, 3] >= 0)
                back = float(torch.linalg.det(matrix.detach())) < 0
            if cull == "back" and back:
                continue
            z = (position[:, 2] / position[:, 3]).detach()
            seen = inside & (z < nearest)
            nearest = torch.where(seen, z, nearest)
            index = torch.where(seen, torch.full_like(index, face), index)
            bary = torch.where(seen[:, None], b, bary)
            depth = torch.where(seen, position[:, 3], depth)
        indices.append(index.reshape(height, width))
        weights.append(bary.reshape(height, width, 3))
        depths.append(depth.reshape(height, width))
    if batch == 0:
        empty = torch.zeros((0, height, width), dtype=torch.float64)
        return Fragments(empty.to(torch.int32), empty[..., None].expand(-1, -1, -1, 3), empty, faces, size)
    return Fragments(
        torch.stack(indices).to(torch.int32),
        torch.stack(weights),
        torch.stack(depths),
        faces,
        (height, width),
    )


def interpolate_reference(attributes: Tensor, fragments: Fragments, faces: Tensor | None = None) -> Tensor:
    """Oracle of `unrender.render.interpolate`."""
    table = torch.as_tensor(fragments.faces if faces is None else faces).to(torch.int64)
    batch = fragments.face_index.shape[0]
    attributes = attributes.to(torch.float64)
    attributes = attributes[None] if attributes.ndim == 2 else attributes
    attributes = attributes.expand(batch, -1, -1)
    if len(table) == 0:
        return torch.zeros((*fragments.face_index.shape, attributes.shape[-1]), dtype=torch.float64)
    pixels = []
    for image in range(batch):
        corners = table[fragments.face_index[image].to(torch.int64).clamp(min=0)]
        values = attributes[image][corners]
        pixel = (fragments.barycentrics[image][..., None] * values).sum(-2)
        pixels.append(pixel * (fragments.face_index[image] >= 0)[..., None])
    return torch.stack(pixels)


def sample_texture_reference(
    texture: Tensor, uv: Tensor, filter: str = "linear", wrap: str = "clamp"
) -> Tensor:
    """Oracle of `unrender.render.sample_texture`."""
    texture, uv = texture.to(torch.float64), uv.to(torch.float64)
    texture = (texture[None] if texture.ndim == 3 else texture).expand(uv.shape[0], -1, -1, -1)
    height, width = texture.shape[1:3]
    image = torch.arange(uv.shape[0])[:, None, None]

    def texel(row: Tensor, column: Tensor) -> Tensor:
        if wrap == "repeat":
            row, column = row % height, column % width
        return texture[image, row.clamp(0, height - 1), column.clamp(0, width - 1)]

    x, y = uv[..., 0] * width, (1 - uv[..., 1]) * height
    if filter == "nearest":
        return texel(torch.floor(y).long(), torch.floor(x).long())
    x, y = x - 0.5, y - 0.5
    left, upper = torch.floor(x.detach()), torch.floor(y.detach())
    fx, fy = (x - left)[..., None], (y - upper)[..., None]
    c, r = left.long(), upper.long()
    above = texel(r, c) * (1 - fx) + texel(r, c + 1) * fx
    below = texel(r + 1, c) * (1 - fx) + texel(r + 1, c + 1) * fx
    return above * (1 - fy) + below * fy


def _squared_distance(corners: Tensor, points: Tensor) -> Tensor:
    """Squared distances [P] of points [P, 2] to a filled triangle [3, 2]."""
    following = corners.roll(-1, 0)
    edge = following - corners
    relative = points[:, None] - corners
    length = (edge * edge).sum(-1)
    t = (relative * edge).sum(-1) / torch.where(length == 0, torch.ones_like(length), length)
    gap = relative - t.clamp(0, 1)[..., None] * edge
    side = edge[:, 0] * relative[..., 1] - edge[:, 1] * relative[..., 0]
    inside = (side > 0).all(-1) | (side < 0).all(-1)
    distance = (gap * gap).sum(-1).min(-1).values
    return torch.where(inside, torch.zeros_like(distance), distance)


def soft_mask_reference(
    clip: Tensor, fragments: Fragments, delta: float = 1 / 7000, combine: str = "product"
) -> Tensor:
    """Oracle of `unrender.render.soft_mask`."""
    clip = clip.to(torch.float64)
    faces = torch.as_tensor(fragments.faces).to(torch.int64)
    height, width = fragments.size
    columns, rows = _centres(height, width)
    points = torch.stack([columns, rows], -1)
    masks = []
    for image in range(clip.shape[0]):
        miss = torch.ones_like(columns)
        nearest = torch.full_like(columns, 1e30)
        for triangle in faces.tolist():
            corners = clip[image, triangle]
            ahead = (corners[:, 3] > 0) & (corners[:, 2] >= -corners[:, 3])
            if not bool(torch.isfinite(corners).all() & ahead.all()):
                continue
            pixels = _pixels(corners, height, width)
            s = _squared_distance(pixels, points) * (2 / min(height, width)) ** 2 / delta
            miss = miss * (1 - _falloff(s))
            nearest = torch.minimum(nearest, s)
        soft = 1 - miss if combine == "product" else _falloff(nearest)
        covered = fragments.face_index[image].reshape(-1) >= 0
        masks.append(torch.where(covered, torch.ones_like(soft), soft).reshape(height, width))
    return torch.stack(masks) if masks else torch.zeros((0, height, width), dtype=torch.float64)


def _falloff(s: Tensor) -> Tensor:
    """exp(-s), faded from s = 4 to 0 at s = 8 by a cubic smoothstep."""
    u = ((s - 4) / 4).clamp(0, 1)
    return torch.exp(-s.clamp(max=8)) * (1 - u * u * (3 - 2 * u))


def shade_sh_reference(albedo: Tensor, normals: Tensor, coefficients: Tensor, samples: int = 200) -> Tensor:
    """Oracle of `unrender.light.shade_sh` for RADIANCE coefficients [9, C]: integrates numerically.

    albedo / pi * integral over the sphere of max(n . w, 0) L(w) dw with L = sum_k c_k Y_k; normals [N, 3].
    """
    theta = (torch.arange(samples, dtype=torch.float64) + 0.5) * torch.pi / samples
    phi = (torch.arange(2 * samples, dtype=torch.float64) + 0.5) * torch.pi / samples
    t, p = torch.meshgrid(theta, phi, indexing="ij")
    w = torch.stack([t.sin() * p.cos(), t.sin() * p.sin(), t.cos()], -1).reshape(-1, 3)
    area = (t.sin() * (torch.pi / samples) ** 2).reshape(-1)
    radiance = light.sh_basis(w, 2) @ coefficients.to(torch.float64)
    cosine = (normals.to(torch.float64) @ w.T).clamp(min=0)
    return albedo * ((cosine * area) @ radiance) / torch.pi
