"""Checks shared by the operations."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from unrender.errors import InputError
from unrender.render import validate
from unrender.render.torch_bridge import face_table, float_tensor

MOST_TRIANGLES = 2**24
"""Triangle numbers are stored as float32."""


def positions(pos: Tensor) -> Tensor:
    """`pos` [V, 4] or [B, V, 4] as [1 or B, V, 4]."""
    pos = float_tensor("pos", pos)
    if pos.ndim not in (2, 3) or pos.shape[-1] != 4:
        raise InputError(f"pos: expected [V, 4] or [B, V, 4], got {list(pos.shape)}")
    return pos[None] if pos.ndim == 2 else pos


def triangles(tri: Tensor, count: int, of: str) -> Tensor:
    """`tri` as int32 [T, 3] with indices below `count`."""
    table = face_table("tri", tri)
    if table.shape[0] > MOST_TRIANGLES:
        raise InputError(f"tri: expected at most {MOST_TRIANGLES} triangles, got {table.shape[0]}")
    validate.face_range("tri", table, count, of)
    return torch.from_numpy(table)


def visibility(rast: Tensor, like: Tensor, count: int) -> Tensor:
    """`rast` [B, H, W, 4] in the dtype of `like`, with triangle numbers up to `count`."""
    rast = float_tensor("rast", rast, like)
    validate.shape("rast", rast, ("B", "H", "W", 4))
    if rast.numel() and not 0 <= float(rast.detach()[..., 3].max()) <= count:
        raise InputError(
            f"rast: expected triangle numbers from 0 to {count}, the rows of tri; give the tri of rasterize"
        )
    return rast


def in_batch(name: str, value: Tensor, batch: int) -> None:
    """Check that the first axis is `batch` or 1."""
    if value.shape[0] not in (1, batch):
        raise InputError(f"{name}: expected a batch of {batch} or 1, got {value.shape[0]}")


def no_channels(batch: int, height: int, width: int, like: Tensor) -> Tensor:
    """[B, H, W, 0]."""
    return torch.from_numpy(np.zeros((batch, height, width, 0), np.float32)).to(like.dtype)
