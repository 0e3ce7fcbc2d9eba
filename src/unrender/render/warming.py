"""Compilation of the kernels ahead of their first use."""

from __future__ import annotations

import numpy as np

from unrender.render.kernels import (
    antialias,
    cube,
    edges,
    interpolate,
    mipmap,
    pyramid,
    rasterize,
    soft_mask,
    surface,
    texture,
)


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
        links = edges.edge_links(faces)
        antialias.vjp(
            picture, clip, faces, links, index, weights,
            antialias.forward(picture, clip, faces, links, index, weights),
        )  # fmt: skip
        _warm_textures(uv, index)
        _warm_surface(clip, faces)


def _warm_textures(uv: np.ndarray, index: np.ndarray) -> None:
    """Mip pyramids and cube maps."""
    slopes = np.ones((*uv.shape, 2), uv.dtype)
    level = mipmap.level(slopes, 2, 2)
    mipmap.level_vjp(slopes, level, 2, 2)
    texels = mipmap.build(np.ones((1, 2, 2, 3), uv.dtype), 2)
    mipmap.build_vjp(texels, 2, 2, 2)
    options = (2, 2, 2, pyramid.FILTERS["mipmap"], pyramid.WRAPS["mirror"])
    picture = pyramid.forward(texels, uv, level, None, index, options)
    pyramid.vjp(texels, uv, level, None, index, picture, options)
    directions, moves = np.ones((*uv.shape[:3], 3), uv.dtype), np.ones((*uv.shape[:3], 3, 2), uv.dtype)
    cube.vjp(directions, moves, uv, cube.forward(directions, moves)[2])


def _warm_surface(clip: np.ndarray, faces: np.ndarray) -> None:
    """Drawing in one pass and its gradient, with colours and with a texture, with and without a soft mask."""
    rows, texels = np.ones((1, 3, 2), clip.dtype), np.ones((1, 2, 2, 3), clip.dtype)
    for looks in (surface.Looks(np.ones((1, 3, 3), clip.dtype), faces), surface.Looks(rows, faces, texels)):
        for delta in (None, 0.01):
            drawn = surface.forward(clip, faces, (8, 8), looks, delta, keep=delta is not None)
            grads = surface.Pictures(drawn.face_index, drawn.image, None, drawn.mask)
            surface.vjp(clip, faces, looks, drawn, grads, delta, (looks.texture is None, True))
