"""Rendering a batch of template shapes with texture and light in torch: what the losses compare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unrender import render
from unrender.light import sh_basis
from unrender.template import make_template
from unrender.train.cameras import clip_from_local


@dataclass(frozen=True)
class Rendered:
    """colours [B, S, S, 3] sRGB (0 where nothing is), soft mask [B, S, S], covered [B, S, S] bool."""

    colours: Tensor
    mask: Tensor
    covered: Tensor


class TemplateRenderer:
    """Renders shapes on the template; every picture has the square crop's camera."""

    def __init__(self, size: int) -> None:
        template = make_template(3)
        self.size = size
        self.faces = torch.from_numpy(template.faces.astype(np.int64))
        self.uvs = torch.from_numpy(template.uvs.copy())
        self.uv_faces = torch.from_numpy(template.uv_faces.astype(np.int64))

    def mask(self, local: Tensor, delta: float) -> Tensor:
        """Soft silhouettes [B, S, S] of camera-space vertices [B, V, 3]."""
        clip = clip_from_local(local)
        fragments = render.rasterize(clip, self.faces, (self.size, self.size))
        return render.soft_mask(clip, fragments, delta=delta)

    def __call__(
        self, vertices: Tensor, cameras: Tensor, texture: Tensor, light: Tensor, delta: float
    ) -> Rendered:
        """Vertices [B, V, 3] (object), cameras [B, 4, 4], texture [B, 3, T, T] sRGB, light [B, 9, 3]."""
        local = vertices @ cameras[:, :3, :3].transpose(1, 2) + cameras[:, None, :3, 3]
        clip = clip_from_local(local)
        fragments = render.rasterize(clip, self.faces, (self.size, self.size))
        shading = (sh_basis(vertex_normals(vertices, self.faces), order=2) @ light).clamp(min=0.0)
        shading = render.interpolate(shading, fragments)
        uv = render.interpolate(self.uvs[None], fragments, faces=self.uv_faces)
        albedo = render.sample_texture(to_linear(texture.permute(0, 2, 3, 1).contiguous()), uv)
        return Rendered(
            to_srgb(albedo * shading),
            render.soft_mask(clip, fragments, delta=delta),
            fragments.face_index >= 0,
        )


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Area-weighted unit normals [B, V, 3] of vertices [B, V, 3] with faces int64 [F, 3]."""
    corners = [vertices[:, faces[:, k]] for k in range(3)]
    normals = torch.linalg.cross(corners[1] - corners[0], corners[2] - corners[0], dim=-1)
    total = torch.zeros_like(vertices)
    for k in range(3):
        total = total.index_add(1, faces[:, k], normals)
    return torch.nn.functional.normalize(total, dim=-1, eps=1e-9)


def to_linear(values: Tensor) -> Tensor:
    """sRGB in [0, 1] to linear, by a power of 2.2 (its gradient has no step)."""
    return values.clamp(min=1e-4) ** 2.2


def to_srgb(values: Tensor) -> Tensor:
    """Linear to sRGB, by a power of 1/2.2; values above 1 are kept."""
    return values.clamp(min=1e-4) ** (1 / 2.2)
