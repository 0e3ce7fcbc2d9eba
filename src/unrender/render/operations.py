"""Rasterize, interpolate and soft mask, for numpy arrays and for torch tensors.

Source: Chen et al., "Learning to Predict 3D Objects with an Interpolation-based Differentiable Renderer"
(DIB-R), NeurIPS 2019, arXiv 1908.01210. Pictures are [B, H, W, ...] with row 0 at the top; pixel (i, j) is
sampled at its centre.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unrender.errors import InputError
from unrender.render import batches, validate
from unrender.render.fragments import Fragments
from unrender.render.kernels import interpolate as interpolate_kernel
from unrender.render.kernels import rasterize as rasterize_kernel
from unrender.render.kernels import soft_mask as soft_mask_kernel
from unrender.render.kernels.threads import num_threads

if TYPE_CHECKING:
    from types import ModuleType

DEFAULT_DELTA = 1 / 7000
"""DIB-R's softness of the silhouette, in squared NDC of the shorter image side."""


def _torch_ops() -> ModuleType:
    from unrender.render import torch_ops

    return torch_ops


def rasterize(
    clip: Any, faces: Any, size: tuple[int, int], cull: str = "none", behind: Fragments | None = None
) -> Fragments:
    """Find which face each pixel sees.

    Perspective-correct, with the top-left rule on vertices snapped to 1/65536 pixel: faces that share an edge
    leave no gap and draw no pixel twice. Faces that cross the near plane (z = -w) are clipped; their
    barycentrics refer to the whole face. There is no far plane. The nearest face (smallest z/w) wins, of
    equally near ones the first in `faces`.

    Args:
        clip: [B, V, 4] float32 or float64, clip-space positions (`Camera.to_clip`), +y up. Faces with a NaN
            or infinite vertex are not drawn. Or a list of B arrays [V_b, 4].
        faces: [F, 3] int32 or int64, indices in [0, V), counter-clockwise seen from outside. Or a list of B
            arrays [F_b, 3], one for each mesh.
        size: (height, width) of the picture in pixels.
        cull: "none", or "back" to leave out faces that are clockwise on the picture.
        behind: an earlier result for the same arguments; then the next layer behind it is found (depth
            peeling: Everitt, "Interactive Order-Independent Transparency", 2001). Each surface at a pixel is
            in exactly one layer.

    Returns:
        Fragments. Barycentrics and depth are differentiable with respect to x, y and w of `clip`.

    Raises:
        InputError: a shape, dtype, index or option is not as described.
    """
    if validate.is_tensor(clip, faces) or (batches.is_list(clip) and validate.is_tensor(*clip)):
        return _torch_ops().rasterize(clip, faces, size, cull, behind)
    meshes, clip = clip, validate.array("clip", batches.pad_positions(clip))
    validate.shape("clip", clip, ("B", "V", 4))
    table, spans = batches.join_faces(faces, meshes if batches.is_list(meshes) else clip)
    height, width = validate.picture_size(size)
    code = validate.choice("cull", cull, rasterize_kernel.CULL)
    front = check_layer(behind, clip.shape[0], len(table), (height, width))
    index, weights, depth = rasterize_kernel.forward(
        clip, table, height, width, code, True, num_threads(), spans, front
    )
    return Fragments(index, weights, depth, table, (height, width), spans)


def check_layer(behind: Fragments | None, batch: int, faces: int, size: tuple[int, int]) -> Any:
    """The face indices of the layer in front, or None; checks that it can belong to the same call."""
    if behind is None:
        return None
    if tuple(behind.face_index.shape) != (batch, *size) or len(behind.faces) != faces:
        raise InputError(
            f"behind: expected fragments of {faces} faces and shape {[batch, *size]}, got "
            f"{len(behind.faces)} and {list(behind.face_index.shape)}; pass the same clip, faces and size"
        )
    return behind.face_index


def interpolate(attributes: Any, fragments: Fragments, faces: Any = None) -> Any:
    """Interpolate vertex attributes at the pixels (DIB-R, equation 1).

    Args:
        attributes: [B or 1, V, C] (or [V, C], the same for all), the barycentrics' dtype.
        fragments: what `rasterize` returned.
        faces: [F, 3] rows of `attributes` for each face, where these are not the faces of the positions
            (`uv_faces` for UV coordinates). Same F. A list of [F_b, 3] for a batch of different meshes.

    Returns:
        [B, H, W, C]; 0 where nothing is. Gradients go to `attributes` and, through the barycentrics, to the
        positions.

    Raises:
        InputError: a shape, dtype or index is not as described.
    """
    if validate.is_tensor(attributes, fragments.barycentrics):
        return _torch_ops().interpolate(attributes, fragments, faces)
    attributes = validate.array("attributes", attributes, fragments.barycentrics.dtype)
    attributes = attributes[None] if attributes.ndim == 2 else attributes
    faces = check_attributes(attributes, fragments, faces)
    return interpolate_kernel.forward(
        attributes, faces, fragments.face_index, fragments.barycentrics, num_threads()
    )


def check_attributes(attributes: Any, fragments: Fragments, faces: Any) -> np.ndarray:
    """Checks shared by the numpy and torch ways; returns the int32 faces to use as a numpy array."""
    validate.shape("attributes", attributes, ("B or 1", "V", "C"))
    batch = fragments.face_index.shape[0]
    if attributes.shape[0] not in (1, batch):
        raise InputError(f"attributes: expected a batch of {batch} or 1, got {attributes.shape[0]}")
    own = faces is None
    if batches.is_list(faces):
        faces = np.concatenate([validate.face_array("faces", batches.plain(item)) for item in faces])
    faces = validate.face_array("faces", batches.plain(fragments.faces if own else faces))
    if faces.shape[0] != fragments.faces.shape[0]:
        raise InputError(
            f"faces: expected {fragments.faces.shape[0]} rows as in rasterize, got {faces.shape[0]}"
        )
    validate.face_range("faces", faces, attributes.shape[1], "attributes")
    return faces


def soft_mask(clip: Any, fragments: Fragments, delta: float = DEFAULT_DELTA, combine: str = "product") -> Any:
    """Soft silhouette: 1 where a face is visible, elsewhere the probability that some face covers (DIB-R, eq.
    4-5).

    A = 1 - prod_j (1 - q_j), q_j = exp(-d_j^2 / delta) fade(d_j^2 / delta), with d_j the distance from the
    pixel centre to the projected face j in NDC of the shorter image side (which is 2 long), over all faces,
    culled ones included. fade is 1 up to d^2 = 4 delta and falls smoothly to exactly 0 at d^2 = 8 delta,
    where exp(-8) = 0.0003 would be left. Faces with a vertex that is not finite, or behind the near plane,
    contribute only the pixels they cover.

    Args:
        clip: [B, V, 4], what was rasterized.
        fragments: what `rasterize` returned for it.
        delta: softness in squared NDC, > 0.
        combine: "product" over all faces (an edge inside the silhouette's neighbourhood counts once per
            face), or "nearest": only the nearest face, which does not depend on the tessellation.

    Returns:
        [B, H, W] in [0, 1]. Gradients go to x, y and w of `clip`, from the uncovered pixels.

    Raises:
        InputError: shapes do not belong together, or `delta` or `combine` is not as described.
    """
    if validate.is_tensor(clip, fragments.face_index):
        return _torch_ops().soft_mask(clip, fragments, delta, combine)
    clip = validate.array("clip", batches.pad_positions(clip))
    code = check_mask(clip, fragments, combine)
    delta = validate.positive("delta", delta)
    return soft_mask_kernel.forward(
        clip, fragments.faces, fragments.face_index, delta, code, num_threads(), fragments.spans
    )


def check_mask(clip: Any, fragments: Fragments, combine: str) -> int:
    """Checks shared by the numpy and torch ways; returns the kernel's code of `combine`."""
    validate.shape("clip", clip, ("B", "V", 4))
    if clip.shape[0] != fragments.face_index.shape[0]:
        raise InputError(
            f"clip: expected a batch of {fragments.face_index.shape[0]} as in rasterize, got {clip.shape[0]}"
        )
    faces = validate.face_array("fragments.faces", batches.plain(fragments.faces))
    validate.face_range("fragments.faces", faces, clip.shape[1], "clip")
    return validate.choice("combine", combine, soft_mask_kernel.COMBINE)
