"""Objects whose front cannot be told: their truth is turned to the yaw that agrees with the network.

A table looks the same from two sides, and the front of many gathered objects is not known. Where turning
object and cameras together by 360 / n degrees gives an equally right answer, the one nearest to the network's
likeliest camera is the target, so that no answer is punished for a choice that nobody can make.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from unrender.errors import ConfigError
from unrender.light import sh_basis
from unrender.train.objects import ObjectBatch

UNKNOWN_FRONT = 4
"""Order taken for objects whose front is not known: they stand along the axes, so quarter turns will do."""


class YawChoice:
    """Turns the truth of symmetric categories and of objects without a known front.

    Args:
        names: the shape categories. orders: order of symmetry of some of them, at least 1 (none).

    Raises:
        ConfigError: an unknown category, or an order below 1.
    """

    def __init__(self, names: Sequence[str], orders: Mapping[str, int]) -> None:
        for name, order in orders.items():
            if name not in names or order < 1:
                raise ConfigError(
                    f"yaw_symmetry: expected shape categories ({', '.join(names)}) with an order of at least "
                    f"1, got {name}: {order}"
                )
        self.orders = np.array([orders.get(name, 1) for name in names])

    def __call__(self, objects: ObjectBatch, likeliest: np.ndarray) -> ObjectBatch:
        """The batch with cameras, light and canonical coordinates turned where that is as right.

        Args:
            objects: a batch. likeliest: [B, 3, 3] world-to-camera rotations that the network believes in.
        """
        orders = np.where(objects.oriented, self.orders[objects.categories], UNKNOWN_FRONT)
        rows = np.flatnonzero(orders != 1)
        if not len(rows):
            return objects
        cameras, light = objects.cameras.copy(), objects.light.copy()
        canonical = objects.canonical.copy()
        for row in rows:
            turns, lights = yaw_turns(int(orders[row]))
            candidates = cameras[row, 0, :3, :3] @ turns.transpose(0, 2, 1)
            best = int((candidates * likeliest[row]).sum((1, 2)).argmax())
            cameras[row, :, :3, :3] = cameras[row, :, :3, :3] @ turns[best].T
            light[row] = lights[best] @ light[row]
            canonical[row] = np.einsum("ij,jhw->ihw", turns[best], canonical[row])
        return replace(objects, cameras=cameras, light=light, canonical=canonical)


@lru_cache(maxsize=8)
def yaw_turns(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rotations about +Y by multiples of 360 / count degrees, and what they do to light.

    Returns:
        float32 [count, 3, 3], new point = matrix @ point, and float32 [count, 9, 9], new spherical-harmonic
        coefficients = matrix @ coefficients.
    """
    angles = 2 * math.pi * np.arange(count) / count
    turns = np.zeros((count, 3, 3))
    turns[:, 0, 0] = turns[:, 2, 2] = np.cos(angles)
    turns[:, 0, 2], turns[:, 2, 0] = np.sin(angles), -np.sin(angles)
    turns[:, 1, 1] = 1
    normals = np.random.default_rng(0).standard_normal((40, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    inverse = np.linalg.pinv(sh_basis(normals))
    lights = np.stack([inverse @ sh_basis(normals @ turn) for turn in turns])
    return turns.astype(np.float32), lights.astype(np.float32)
