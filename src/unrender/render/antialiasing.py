"""Anti-aliased silhouettes, for numpy arrays and for torch tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from unrender.errors import InputError
from unrender.render import validate
from unrender.render.batches import pad_positions, plain
from unrender.render.fragments import Fragments
from unrender.render.kernels import antialias as antialias_kernel
from unrender.render.kernels import edges
from unrender.render.kernels.threads import num_threads


def make_edge_links(faces: Any, spans: Any = None) -> np.ndarray:
    """Which faces share an edge; `antialias` works it out at every call unless it is given.

    Args:
        faces: [F, 3] int32 or int64.
        spans: `fragments.spans` of a batch of different meshes, with `fragments.faces`.

    Returns:
        int32 [3 F] numpy array.

    Raises:
        InputError: `faces` is not as described.
    """
    table = validate.face_array("faces", faces)
    if table.size and table.min() < 0:
        raise InputError(f"faces: expected indices from 0, got {int(table.min())}")
    return _links(table, spans)


def _links(faces: np.ndarray, spans: Any) -> np.ndarray:
    """Links of the faces, mesh by mesh: the same number is another vertex in another mesh."""
    if spans is None:
        return edges.edge_links(faces)
    parts = [edges.edge_links(faces[begin:end]) + np.int32(3 * begin) for begin, end in spans]
    return np.concatenate(parts) if parts else edges.edge_links(faces)


def antialias(image: Any, clip: Any, fragments: Fragments, edge_links: Any = None) -> Any:
    """Blend the pixels at both sides of every silhouette by how far the edge reaches into them.

    Laine et al., "Modular Primitives for High-Performance Differentiable Rendering", ACM TOG 2020. A pixel
    centre's colour counts for the whole pixel before; after it the coverage along silhouettes is smooth, and
    its gradient moves vertices. The sum of a mask over straight edges changes exactly as the covered area;
    only corners, and details smaller than a pixel, are approximate. Unlike `soft_mask` it reaches one pixel,
    not further. The search for the silhouette walks over faces smaller than a pixel.

    Args:
        image: [B, H, W, C], the shaded picture, background included; a mask as well as colours.
        clip: what was rasterized, [B, V, 4] or a list with [V, 4] for each mesh, the same dtype.
        fragments: what `rasterize` returned for it.
        edge_links: what `make_edge_links(fragments.faces, fragments.spans)` returned, to save time.

    Returns:
        [B, H, W, C]. Gradients go to `image` and to x, y and w of `clip`. Vertices that are doubled (texture
        seams) count as boundaries: index positions and texture coordinates by faces of their own.

    Raises:
        InputError: shapes do not belong together.
    """
    clip = pad_positions(clip)
    if validate.is_tensor(image, clip, fragments.face_index):
        from unrender.render import torch_antialiasing

        return torch_antialiasing.antialias(image, clip, fragments, edge_links)
    clip = validate.array("clip", clip)
    image = validate.array("image", image, clip.dtype)
    faces, links = check_antialias(image, clip, fragments, edge_links)
    weights = validate.array("fragments.barycentrics", fragments.barycentrics, clip.dtype)
    return antialias_kernel.forward(image, clip, faces, links, fragments.face_index, weights, num_threads())


def check_antialias(
    image: Any, clip: Any, fragments: Fragments, edge_links: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Checks shared by the numpy and torch ways; returns faces and links."""
    validate.shape("image", image, ("B", "H", "W", "C"))
    validate.shape("clip", clip, ("B", "V", 4))
    expected = tuple(fragments.face_index.shape)
    if tuple(image.shape[:3]) != expected:
        raise InputError(f"image: expected the size of fragments, {list(expected)}, got {list(image.shape)}")
    if clip.shape[0] != expected[0]:
        raise InputError(f"clip: expected a batch of {expected[0]} as in rasterize, got {clip.shape[0]}")
    faces = validate.face_array("fragments.faces", plain(fragments.faces))
    validate.face_range("fragments.faces", faces, clip.shape[1], "clip")
    if edge_links is None:
        return faces, _links(faces, fragments.spans)
    links = np.asarray(edge_links)
    if links.shape != (faces.size,) or links.dtype != np.int32:
        raise InputError(
            f"edge_links: expected what make_edge_links(faces) returns, int32 [{faces.size}], "
            f"got {links.dtype} {list(links.shape)}"
        )
    return faces, links
