"""Compilation of the kernels ahead of their first use."""

from __future__ import annotations

import numpy as np

from unrender.render.kernels import interpolate, rasterize, soft_mask, texture


def warm(double: bool = False) -> None:
    """Compile all kernels for float32 (and float64) into the on-disk cache: some seconds, once a version.

    Without it, each operation compiles at its first call.
    """
    for dtype in (np.float32, np.float64) if double else (np.float32,):
        clip = np.array([[[-0.6, -0.5, 0, 1], [0.7, -0.4, 0, 1], [0, 0.6, 0, 1]]], dtype)
        faces = np.array([[0, 1, 2]], np.int32)
        index, weights, depth = rasterize.forward(clip, faces, 8, 8)
        colors = np.ones((1, 3, 3), dtype)
        picture = interpolate.forward(colors, faces, index, weights)
        interpolate.vjp(colors, faces, index, weights, picture)
        rasterize.vjp(clip, faces, index, weights, weights)
        rasterize.vjp(clip, faces, index, weights, weights, depth)
        uv = np.zeros((1, 8, 8, 2), dtype)
        texture.vjp(np.ones((1, 2, 2, 3), dtype), uv, texture.forward(np.ones((1, 2, 2, 3), dtype), uv))
        for combine in soft_mask.COMBINE.values():
            mask = soft_mask.forward(clip, faces, index, 0.01, combine)
            soft_mask.vjp(clip, faces, index, mask, mask, 0.01, combine)
