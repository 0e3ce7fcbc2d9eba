"""Plain float64 torch versions of mip pyramids, levels of detail and cube maps: oracles of the tests."""

from __future__ import annotations

import torch
from torch import Tensor


def halve_reference(texture: Tensor) -> Tensor:
    """The next mip level of [B, h, w, C]: means over equal intervals of max(1, n // 2) texels a side."""
    for axis in (1, 2):
        n = texture.shape[axis]
        m = max(1, n // 2)
        borders = torch.arange(m + 1, dtype=torch.float64) * n / m
        texel = torch.arange(n, dtype=torch.float64)
        overlap = torch.minimum(borders[1:, None], texel + 1) - torch.maximum(borders[:-1, None], texel)
        matrix = overlap.clamp(min=0) * m / n
        texture = torch.movedim(torch.tensordot(matrix, texture, ([1], [axis])), 0, axis)
    return texture


def pyramid_reference(texture: Tensor, max_level: int | None = None) -> list[Tensor]:
    """Oracle of `unrender.render.make_pyramid`: the levels one by one."""
    levels = [texture.to(torch.float64)]
    while max(levels[-1].shape[1:3]) > 1 and (max_level is None or len(levels) <= max_level):
        levels.append(halve_reference(levels[-1]))
    return levels


def level_reference(derivatives: Tensor, height: int, width: int) -> Tensor:
    """Level of detail of [..., 2, 2]: log2 of the largest singular value in texels."""
    scale = torch.tensor([width, height], dtype=torch.float64)[:, None]
    return torch.log2(torch.linalg.svdvals(derivatives.to(torch.float64) * scale)[..., 0])


def _fetch(texture: Tensor, row: Tensor, column: Tensor, wrap: str) -> Tensor:
    """Texels [B, H, W, C] of [B, h, w, C] at whole positions that may lie anywhere."""
    height, width = texture.shape[1:3]
    image = torch.arange(texture.shape[0])[:, None, None]
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    if wrap == "repeat":
        row, column = row % height, column % width
    elif wrap == "mirror":
        row, column = row % (2 * height), column % (2 * width)
        row = torch.minimum(row, 2 * height - 1 - row)
        column = torch.minimum(column, 2 * width - 1 - column)
    picked = texture[image, row.clamp(0, height - 1), column.clamp(0, width - 1)]
    return picked * inside[..., None] if wrap == "zero" else picked


def bilinear_reference(texture: Tensor, uv: Tensor, wrap: str = "clamp", smooth: bool = True) -> Tensor:
    """One level [B, h, w, C] at uv [B, H, W, 2]."""
    height, width = texture.shape[1:3]
    x, y = uv[..., 0] * width, (1 - uv[..., 1]) * height
    if not smooth:
        row, column = torch.floor(y).long(), torch.floor(x).long()
        return _fetch(texture, row, column, wrap)
    x, y = x - 0.5, y - 0.5
    c, r = torch.floor(x.detach()).long(), torch.floor(y.detach()).long()
    fx, fy = (x - c)[..., None], (y - r)[..., None]
    above = _fetch(texture, r, c, wrap) * (1 - fx) + _fetch(texture, r, c + 1, wrap) * fx
    below = _fetch(texture, r + 1, c, wrap) * (1 - fx) + _fetch(texture, r + 1, c + 1, wrap) * fx
    return above * (1 - fy) + below * fy


def sample_levels_reference(
    levels: list[Tensor], uv: Tensor, level: Tensor, filter: str = "mipmap", wrap: str = "clamp"
) -> Tensor:
    """Oracle of the mipmap filters of `unrender.render.sample_texture`; level [B, H, W]."""
    level = level.to(torch.float64).clamp(0, len(levels) - 1)
    sampled = torch.stack([bilinear_reference(one.to(torch.float64), uv, wrap) for one in levels])
    steps = torch.arange(len(levels), dtype=torch.float64)[:, None, None, None]
    if filter == "mipmap":
        weights = (1 - (level - steps).abs()).clamp(min=0)
    else:
        weights = (torch.floor(level + 0.5) == steps).to(torch.float64)
    return (weights[..., None] * sampled).sum(0)


def face_points(size: int, face: int, margin: int = 0) -> Tensor:
    """Texel centres [n + 2 margin, n + 2 margin, 3] of a cube map's face on the cube [-1, 1]^3."""
    place = (2 * torch.arange(-margin, size + margin, dtype=torch.float64) + 1) / size - 1
    down, right = torch.meshgrid(place, place, indexing="ij")
    one = torch.ones_like(right)
    points = {
        0: (one, -down, -right), 1: (-one, -down, right), 2: (right, one, down), 3: (right, -one, -down),
        4: (right, -down, one), 5: (-right, -down, -one),
    }[face]  # fmt: skip
    return torch.stack(points, -1)


def cube_places_reference(directions: Tensor) -> tuple[Tensor, Tensor]:
    """Face [...] and uv [..., 2] (v up) of directions [..., 3]."""
    x, y, z = directions.unbind(-1)
    a, b, c = x.abs(), y.abs(), z.abs()
    face = torch.where(
        (a >= b) & (a >= c), torch.where(x > 0, 0, 1),
        torch.where(b >= c, torch.where(y > 0, 2, 3), torch.where(z > 0, 4, 5)),
    )  # fmt: skip
    right = torch.stack([-z / a, z / a, x / b, x / b, x / c, -x / c])
    up = torch.stack([y / a, y / a, -z / b, z / b, y / c, y / c])
    picked = torch.stack([right, up], -1).gather(
        0, face[None, ..., None].expand(1, *face.shape, 2)
    )  # fmt: skip
    return face, picked[0] / 2 + 0.5


def cube_reference(texture: Tensor, directions: Tensor) -> Tensor:
    """Oracle of `unrender.render.sample_cube_map`, bilinear: texture [6, n, n, C], directions [P, 3].

    Each face gets a border: of all other faces' texels the one whose centre on the cube is nearest, at the
    corners the mean of the three that meet there.
    """
    size = texture.shape[1]
    bordered = []
    for face in range(6):
        others = [k for k in range(6) if k != face]
        centres = torch.cat([face_points(size, k).reshape(-1, 3) for k in others])
        values = torch.cat([texture[k].reshape(size * size, -1) for k in others])
        around = face_points(size, face, 1)
        near = torch.cdist(around.reshape(-1, 3), centres, compute_mode="donot_use_mm_for_euclid_dist")
        image = values[near.argmin(-1)].reshape(size + 2, size + 2, -1).clone()
        inner = torch.zeros((size + 2, size + 2, 1), dtype=torch.bool)
        inner[1:-1, 1:-1] = True
        image = torch.where(inner, torch.nn.functional.pad(texture[face], (0, 0, 1, 1, 1, 1)), image)
        for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
            r, c = (1 if row == 0 else -2), (1 if column == 0 else -2)
            image[row, column] = (image[r, c] + image[row, c] + image[r, column]) / 3
        bordered.append(image)
    faces, uv = cube_places_reference(directions)
    inset = (uv * size + 1) / (size + 2)
    sampled = torch.stack([bilinear_reference(image[None], inset[None, None])[0, 0] for image in bordered])
    return sampled[faces, torch.arange(len(faces))]
