"""`kaolin.render.camera`: the functions of DIB-R scripts (kaolin's `Camera` class is not mirrored).

Cameras look down -Z, y up; a point is on the picture where its projection is in [-1, 1].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize


def generate_perspective_projection(
    fovyangle: float, ratio: float = 1.0, dtype: torch.dtype = torch.float
) -> Tensor:
    """Projection vector [3, 1]: (1 / (ratio t), 1 / t, -1) with t = tan(fovyangle / 2).

    Args:
        fovyangle: vertical field of view in radians.
        ratio: width / height.
        dtype: of the result.
    """
    focal = 1 / math.tan(float(fovyangle) / 2)
    return torch.tensor([[focal / float(ratio)], [focal], [-1.0]], dtype=dtype)


def perspective_camera(points: Tensor, camera_proj: Tensor) -> Tensor:
    """Project camera-frame points [B, N, 3] with a vector of `generate_perspective_projection`: [B, N, 2]."""
    scaled = points * camera_proj.reshape(-1, 1, 3)
    return scaled[..., :2] / scaled[..., 2:]


def rotate_translate_points(points: Tensor, camera_rot: Tensor, camera_trans: Tensor) -> Tensor:
    """R (p - t) for points [B, N, 3], rotations [B, 3, 3] and camera positions [B, 3] or [B, 3, 1]."""
    return (points - camera_trans.reshape(-1, 1, 3)) @ camera_rot.transpose(1, 2)


def _axes(camera_position: Tensor, look_at: Tensor, camera_up_direction: Tensor) -> tuple[Tensor, ...]:
    back = normalize(camera_position - look_at, dim=1, eps=1e-10)
    up, back = torch.broadcast_tensors(camera_up_direction, back)
    right = normalize(torch.linalg.cross(up, back, dim=1), dim=1, eps=1e-10)
    return right, torch.linalg.cross(back, right, dim=1), back


def generate_rotate_translate_matrices(
    camera_position: Tensor, look_at: Tensor, camera_up_direction: Tensor
) -> tuple[Tensor, Tensor]:
    """Rotation [B, 3, 3] and position [B, 3] for `rotate_translate_points`, of cameras that look at a point.

    Args:
        camera_position: [B, 3], where the cameras are.
        look_at: [B, 3], what they look at.
        camera_up_direction: [B or 1, 3], what is up on the picture.
    """
    return torch.stack(_axes(camera_position, look_at, camera_up_direction), dim=1), camera_position


def generate_transformation_matrix(
    camera_position: Tensor, look_at: Tensor, camera_up_direction: Tensor
) -> Tensor:
    """[B, 4, 3] matrices M with (x, y, z, 1) M = the point in the frame of a camera that looks at a point.

    Args: as `generate_rotate_translate_matrices`.
    """
    rotation = torch.stack(_axes(camera_position, look_at, camera_up_direction), dim=2)
    return torch.cat([rotation, -camera_position[:, None] @ rotation], dim=1)
