"""What the examples have in common: shapes, cameras on a ring, normals, one picture of it all."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from unrender import render
from unrender.camera import Camera, orbit
from unrender.template import Template, make_template


def ball(level: int = 3) -> tuple[Template, Tensor, Tensor]:
    """Template with texture coordinates, its vertices [V, 3] of radius 1, and its faces."""
    template = make_template(level)
    return template, torch.tensor(template.vertices, dtype=torch.float32), torch.tensor(template.faces).long()


def bumpy(vertices: Tensor) -> Tensor:
    """The ball with dents and knobs that tell its sides apart."""
    x, y, z = vertices.unbind(-1)
    radius = 0.75 + 0.16 * torch.sin(3 * x + 1) * torch.cos(2 * y) + 0.12 * z * y + 0.1 * torch.relu(y) ** 2
    return vertices * radius[:, None]


def colours(vertices: Tensor) -> Tensor:
    """Smooth linear colours [V, 3] in [0, 1]."""
    waves = torch.tensor([[3.0, 1, 0], [0, 4, 1], [2, -1, 3]])
    return 0.5 + 0.4 * torch.sin(vertices @ waves + torch.tensor([0.0, 1, 2]))


def ring(count: int, elevation: float = 20.0, start: float = 0.0) -> tuple[Tensor, Tensor]:
    """Matrices world to clip [B, 4, 4] of cameras around the origin, and their positions [B, 1, 1, 3]."""
    cameras = [
        Camera.from_fov(64, orbit(start + 360 * k / count, elevation * (1 if k % 2 == 0 else -1), 3.2), 40.0)
        for k in range(count)
    ]
    matrices = [camera.projection() @ camera.world_to_camera for camera in cameras]
    positions = np.stack([camera.position for camera in cameras])[:, None, None]
    return torch.tensor(np.stack(matrices), dtype=torch.float32), torch.tensor(positions, dtype=torch.float32)


def to_clip(vertices: Tensor, matrices: Tensor) -> Tensor:
    """Clip positions [B, V, 4] of vertices [V, 3]."""
    return torch.cat([vertices, torch.ones_like(vertices[:, :1])], -1) @ matrices.mT


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Area-weighted unit normals [V, 3]."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    flat = torch.linalg.cross(b - a, c - a)
    total = torch.zeros_like(vertices).index_add(0, faces.T.reshape(-1), flat.repeat(3, 1))
    return torch.nn.functional.normalize(total, dim=-1)


class Surface:
    """What every pixel of some views shows of a known shape: normals, directions to the camera, fragments."""

    def __init__(self, vertices: Tensor, faces: Tensor, views: tuple[Tensor, Tensor], size: int) -> None:
        self.clip = to_clip(vertices, views[0])
        self.fragments = render.rasterize(self.clip, faces, (size, size))
        attributes = torch.cat([vertices, vertex_normals(vertices, faces)], -1)[None]
        shown = render.interpolate(attributes, self.fragments)
        self.covered = self.fragments.covered[..., None]
        self.points = shown[..., :3]
        self.normals = torch.nn.functional.normalize(shown[..., 3:], dim=-1)
        self.view = torch.nn.functional.normalize(views[1] - self.points, dim=-1)

    def masked(self, picture: Tensor) -> Tensor:
        """The picture with zeros beside the shape."""
        return torch.where(self.covered, picture, torch.zeros_like(picture))
