"""Cameras of training pictures as torch functions: all have the square crop's 30-degree field of view."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unrender.camera import DEFAULT_FOV_DEGREES

NEAR, FAR = 0.05, 100.0
FOCAL = 1 / math.tan(math.radians(DEFAULT_FOV_DEGREES) / 2)
"""Focal length in units of half the picture's side."""


def clip_from_cameras(vertices: Tensor, world_to_camera: Tensor) -> Tensor:
    """World vertices [B, V, 3] and cameras [B, 4, 4] to clip coordinates [B, V, 4]."""
    local = vertices @ world_to_camera[:, :3, :3].transpose(1, 2) + world_to_camera[:, None, :3, 3]
    return clip_from_local(local)


def clip_from_local(local: Tensor) -> Tensor:
    """Camera-space vertices [..., 3] to clip coordinates [..., 4] of the 30-degree square camera."""
    x, y, z = local.unbind(-1)
    depth = (FAR + NEAR) / (NEAR - FAR) * z + 2 * FAR * NEAR / (NEAR - FAR)
    return torch.stack([FOCAL * x, FOCAL * y, depth, -z], dim=-1)
