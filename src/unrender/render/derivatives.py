"""How barycentrics and attributes change from pixel to pixel: what mipmapping needs to choose its level.

Source: Laine et al., "Modular Primitives for High-Performance Differentiable Rendering", ACM TOG 2020, 3.3.
With M = [v0 v1 v2], v = (x, y, w) in clip space and p = (px, py, 1) the pixel centre in NDC: c = adj(M) p,
b = c / sum(c). For a step that moves p by h e: db = (a - b sum(a)) / sum(c) with a = h adj(M) e.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from unrender.errors import InputError
from unrender.render import operations, validate
from unrender.render.batches import pad_positions
from unrender.render.fragments import Fragments


def barycentric_derivatives(clip: Any, fragments: Fragments) -> Any:
    """Change of the barycentrics for a step of one pixel.

    Args:
        clip: what was rasterized.
        fragments: what `rasterize` returned for it.

    Returns:
        [B, H, W, 3, 2] in clip's dtype: [..., k, 0] is d(weight k)/d(column), [..., k, 1] d(weight k)/d(row,
        downwards), in 1 / pixel; 0 where nothing is. Differentiable with respect to `clip`.

    Raises:
        InputError: the arguments do not belong together.
    """
    clip, where, _, slopes = _slopes(clip, fragments)
    return _scatter(slopes, where, (*fragments.face_index.shape, 3, 2), clip)


def interpolate_derivatives(clip: Any, attributes: Any, fragments: Fragments, faces: Any = None) -> Any:
    """Change of interpolated attributes for a step of one pixel.

    Args:
        clip: what was rasterized.
        attributes, fragments, faces: as for `interpolate`.

    Returns:
        [B, H, W, C, 2] in clip's dtype: [..., 0] for a step of one column to the right, [..., 1] for one row
        down; 0 where nothing is. `sample_texture(..., uv_derivatives=...)` takes it. Differentiable with
        respect to `clip` and `attributes`.

    Raises:
        InputError: a shape, dtype or index is not as described.
    """
    clip, where, corners, slopes = _slopes(clip, fragments)
    library = _library(clip)
    if library is np:
        attributes = validate.array("attributes", attributes)
    attributes = attributes[None] if attributes.ndim == 2 else attributes
    table = operations.check_attributes(attributes, fragments, faces)
    if faces is not None:
        visible = fragments.face_index[where]
        corners = library.as_tensor(table)[visible.long()] if library is not np else table[visible]
    image = where[0] if attributes.shape[0] > 1 else 0 * where[0]
    values = attributes[image[:, None], _index(corners)]
    change = (slopes[:, :, None, :] * values[..., None]).sum(1)
    return _scatter(change, where, (*fragments.face_index.shape, attributes.shape[2], 2), clip)


def _library(value: Any) -> Any:
    return sys.modules["torch"] if validate.is_tensor(value) else np


def _index(corners: Any) -> Any:
    return corners.long() if validate.is_tensor(corners) else corners


def _slopes(clip: Any, fragments: Fragments) -> tuple[Any, tuple[Any, ...], Any, Any]:
    """Positions; (image, row, column) of the N covered pixels; their faces [N, 3]; db float64 [N, 3, 2]."""
    clip = pad_positions(clip)
    library = _library(clip)
    clip = validate.array("clip", clip) if library is np else clip
    validate.shape("clip", clip, ("B", "V", 4))
    if clip.shape[0] != fragments.face_index.shape[0]:
        raise InputError(
            f"clip: expected a batch of {fragments.face_index.shape[0]} as in rasterize, got {clip.shape[0]}"
        )
    height, width = fragments.size
    if library is np:
        where = np.nonzero(fragments.face_index >= 0)
        corners = np.asarray(fragments.faces)[fragments.face_index[where]].reshape(-1, 3)
        points = clip[where[0][:, None], corners].astype(np.float64)[..., [0, 1, 3]]
        one, stack, cross = np.ones(len(corners)), np.stack, np.cross
    else:
        where = library.nonzero(library.as_tensor(fragments.face_index) >= 0, as_tuple=True)
        corners = library.as_tensor(fragments.faces)[fragments.face_index[where].long()].reshape(-1, 3)
        points = clip[where[0][:, None], corners.long()].double()[..., [0, 1, 3]]
        one, stack, cross = points.new_ones(len(corners)), library.stack, library.linalg.cross
    a, b, c = points[:, 0], points[:, 1], points[:, 2]
    rows = stack([cross(b, c), cross(c, a), cross(a, b)], 1)
    column, row = one * where[2], one * where[1]
    pixel = stack([(2.0 * column + 1.0) / width - 1.0, 1.0 - (2.0 * row + 1.0) / height, one], -1)
    value = (rows * pixel[:, None, :]).sum(-1)
    total = value.sum(-1)
    total = library.where(total == 0, total + 1, total)[:, None]  # degenerate: seen only because of snapping
    step = stack([rows[..., 0] * (2.0 / width), rows[..., 1] * (-2.0 / height)], -1)
    weight = (value / total)[..., None]
    return clip, where, corners, (step - weight * step.sum(1)[:, None]) / total[..., None]


def _scatter(values: Any, where: tuple[Any, ...], shape: tuple[int, ...], like: Any) -> Any:
    """A picture of `shape` with `values` at the pixels `where`, 0 elsewhere, in the dtype of `like`."""
    if validate.is_tensor(like):
        return like.new_zeros(shape).index_put(where, values.to(like.dtype))
    out = np.zeros(shape, like.dtype)
    out[where] = values
    return out
