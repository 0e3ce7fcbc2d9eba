"""Visibility, looks and soft mask of a mesh in one pass: every band of rows is finished while it is in cache.

The same results as `rasterize`, `interpolate`, `texture` and `soft_mask` one after the other, without their
pictures of barycentrics and of their gradients: those are computed again from the face where they are needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrender.render.kernels import rasterize, soft_mask
from unrender.render.kernels import threads as pool
from unrender.render.kernels.memory import empty, zeros
from unrender.render.kernels.shade import shade, shade_vjp


@dataclass(frozen=True, eq=False)
class Looks:
    """What is seen on the faces. All C-contiguous and of one dtype.

    Attributes:
        values: [B or 1, N, 3] colours, or [B or 1, N, 2] UV if there is a texture.
        table: int32 [F, 3], rows of `values` at the corners of each face.
        texture: [B or 1, h, w, 3], sampled bilinearly, repeats; or None.
    """

    values: np.ndarray
    table: np.ndarray
    texture: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Kept:
    """What the soft mask's gradient uses again, and the rows of its bands (`rasterize.Finish`)."""

    memory: soft_mask.Memory
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class Pictures:
    """Results, or gradients at them.

    Attributes:
        face_index: int32 [B, H, W]; empty in gradients.
        image: [B, H, W, 3].
        depth, mask: [B, H, W], or None.
        kept: what makes the gradient of the mask cheap, if that was asked for.
    """

    face_index: np.ndarray
    image: np.ndarray
    depth: np.ndarray | None
    mask: np.ndarray | None
    kept: Kept | None = None


@dataclass(frozen=True, eq=False)
class Gradients:
    """Gradients at clip, values and texture; None where not asked for."""

    clip: np.ndarray
    values: np.ndarray | None
    texture: np.ndarray | None


def forward(
    clip: np.ndarray, faces: np.ndarray, size: tuple[int, int], looks: Looks, delta: float | None,
    keep: bool = False, threads: int = 1,
) -> Pictures:  # fmt: skip
    """Draw without checking arguments.

    Args:
        clip: [B, V, 4] float32 or float64, C-contiguous.
        faces: int32 [F, 3], C-contiguous.
        size: (height, width) in pixels.
        looks: in clip's dtype.
        delta: softness of the mask as in `soft_mask.forward`, or None.
        keep: whether to keep what makes `vjp` faster, up to 20 bytes a pixel.
        threads: how many threads to use.
    """
    batch, (height, width) = clip.shape[0], size
    image, depth = empty((batch, height, width, 3), clip.dtype), empty((batch, height, width), clip.dtype)
    mask = None if delta is None else empty((batch, height, width), clip.dtype)
    spans = rasterize.every_face(batch, faces.shape[0])
    bands, memory, soft = None, soft_mask.no_memory(clip.dtype), keep and delta is not None
    if soft:
        bands = pool.accumulation_bands(batch, height, width)
        memory = (
            empty((batch, 4, height * width), clip.dtype), empty((batch, height * width), np.int32),
            empty((batch, bands, 1 + 2 * faces.shape[0]), np.int32),
        )  # fmt: skip

    def finish(begin: int, end: int, rows: np.ndarray, index: np.ndarray) -> None:
        shade(
            begin, end, rows, clip, faces, index, looks.values, looks.table, looks.texture, image, depth
        )  # fmt: skip
        if mask is not None:
            soft_mask.draw(begin, end, rows, clip, faces, spans, index, delta, 0, mask, *memory)

    index, rows = rasterize.visibility(rasterize.Drawing(clip, faces, size), threads, finish, bands)
    return Pictures(index, image, depth, mask, Kept(memory, rows) if soft else None)


def vjp(
    clip: np.ndarray, faces: np.ndarray, looks: Looks, pictures: Pictures, grads: Pictures,
    delta: float | None, needs: tuple[bool, bool], threads: int = 1,
) -> Gradients:  # fmt: skip
    """Gradients of a loss at clip, and if `needs` says so at values and texture.

    Args:
        clip, faces, looks, delta: what `forward` got.
        pictures: what it returned (image and depth are not read).
        grads: gradients at its results; `face_index` is not read, depth and mask may be None.
        needs: whether values and texture need a gradient.
        threads: how many threads to use.
    """
    batch, height, width = pictures.face_index.shape
    kept = pictures.kept
    bands = pool.accumulation_bands(batch, height, width)
    items = batch * bands
    spans = rasterize.every_face(batch, faces.shape[0])
    to_clip = zeros((items, *clip.shape[1:]), clip.dtype)
    to_values = zeros((items, *looks.values.shape[1:]), clip.dtype) if needs[0] else None
    texture = looks.texture if needs[1] else None
    to_texture = None if texture is None else empty((items, *texture.shape[1:]), clip.dtype)

    rows = rasterize.even_rows(batch, bands, height) if kept is None else kept.rows
    memory = soft_mask.no_memory(clip.dtype) if kept is None else kept.memory

    def work(begin: int, end: int) -> None:
        if to_texture is not None:
            to_texture[begin:end] = 0
        shade_vjp(
            begin, end, rows, clip, faces, pictures.face_index, looks.values, looks.table, looks.texture,
            grads.image, grads.depth, to_clip, to_values, to_texture,
        )  # fmt: skip
        if grads.mask is not None and pictures.mask is not None:
            soft_mask.pull_back(
                begin, end, rows, clip, faces, spans, pictures.face_index, pictures.mask, grads.mask, delta,
                0, to_clip, *memory,
            )  # fmt: skip

    pool.run(work, items, threads, 2 * threads)
    return Gradients(
        _total(to_clip, batch, batch),
        None if to_values is None else _total(to_values, batch, looks.values.shape[0]),
        None if to_texture is None or texture is None else _total(to_texture, batch, texture.shape[0]),
    )


def _total(parts: np.ndarray, batch: int, wanted: int) -> np.ndarray:
    """Sums over the bands of each image, and over the images where they share the array."""
    if parts.shape[0] == wanted:
        return parts
    if wanted == 1:
        return parts.sum(axis=0, keepdims=True)
    return parts.reshape(batch, -1, *parts.shape[1:]).sum(axis=1)
