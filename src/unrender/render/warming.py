"""Compilation of the kernels ahead of their first use."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

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
    squared_error,
    surface,
    texture,
    threads,
)


def warm(double: bool = False) -> None:
    """Compile all kernels for float32 (and float64) into the on-disk cache: once a version, about a minute of
    processor time a dtype, half in a second process where there is a second core.

    Without it, each operation compiles at its first call.
    """
    helper = None
    if threads.num_threads() > 1:
        command = f"from unrender.render import warming; warming.compile_pictures({double})"
        helper = subprocess.Popen([sys.executable, "-c", command], stderr=subprocess.DEVNULL)
    compile_surfaces(double)
    if helper is not None:
        helper.wait()
    compile_pictures(double)  # loads what the other process has compiled, or compiles it


def compile_surfaces(double: bool = False) -> None:
    """Compile visibility, soft masks and drawing in one pass."""
    for dtype in _dtypes(double):
        clip, faces = _triangle(dtype)
        index, weights, depth = rasterize.forward(clip, faces, 8, 8)
        rasterize.vjp(clip, faces, index, weights, weights)
        rasterize.vjp(clip, faces, index, weights, weights, depth)
        for combine in soft_mask.COMBINE.values():
            mask = soft_mask.forward(clip, faces, index, 0.01, combine)
            soft_mask.vjp(clip, faces, index, mask, mask, 0.01, combine)
        _warm_surface(clip, faces)


def compile_pictures(double: bool = False) -> None:
    """Compile everything that is done with the pictures of `rasterize`."""
    for dtype in _dtypes(double):
        clip, faces = _triangle(dtype)
        index, weights = np.zeros((1, 8, 8), np.int32), np.full((1, 8, 8, 3), 1 / 3, dtype)
        colors = np.ones((1, 3, 3), dtype)
        picture = interpolate.forward(colors, faces, index, weights)
        interpolate.vjp(colors, faces, index, weights, picture)
        uv = np.zeros((1, 8, 8, 2), dtype)
        texture.vjp(np.ones((1, 2, 2, 3), dtype), uv, texture.forward(np.ones((1, 2, 2, 3), dtype), uv))
        links = edges.edge_links(faces)
        antialias.vjp(
            picture, clip, faces, links, index, weights,
            antialias.forward(picture, clip, faces, links, index, weights),
        )  # fmt: skip
        _warm_textures(uv, index)
        squared_error.forward(picture.ravel(), picture.ravel())
        squared_error.forward_and_gradient(picture.ravel(), picture.ravel())
        squared_error.vjp(picture.ravel(), picture.ravel(), 1.0)


def _dtypes(double: bool) -> tuple[Any, ...]:
    return (np.float32, np.float64) if double else (np.float32,)


def _triangle(dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """Clip positions and face."""
    clip = np.array([[[-0.6, -0.5, 0, 1], [0.7, -0.4, 0, 1], [0, 0.6, 0, 1]]], dtype)
    return clip, np.array([[0, 1, 2]], np.int32)


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
