"""Batches of meshes with different numbers of vertices and faces, as the kernels take them."""

from __future__ import annotations

from typing import Any

import numpy as np

from unrender.errors import InputError
from unrender.render import validate


def is_list(value: Any) -> bool:
    """Whether this is a list or tuple of matrices, one a mesh (and not one nested list of numbers)."""
    return isinstance(value, (list, tuple)) and len(value) > 0 and getattr(value[0], "ndim", 0) == 2


def pad_positions(clip: Any) -> Any:
    """A list of B arrays or tensors [V_b, 4] as one [B, max V_b, 4], zeros where a mesh has no more vertices.

    Anything else is returned as it is. Gradients pass.

    Raises:
        InputError: the items do not all have shape [V, 4].
    """
    if not is_list(clip):
        return clip
    for number, positions in enumerate(clip):
        validate.shape(f"clip[{number}]", positions, ("V", 4))
    if validate.is_tensor(*clip):
        from unrender.render.torch_bridge import pad

        return pad(list(clip))
    result = np.zeros((len(clip), max(len(p) for p in clip), 4), np.result_type(*clip))
    for image, positions in enumerate(clip):
        result[image, : len(positions)] = positions
    return result


def join_faces(faces: Any, clip: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Checked faces int32 [F, 3] of all meshes together and `Fragments.spans`, None for one shared topology.

    Args:
        faces: [F, 3], or a list with [F_b, 3] for each of the B meshes.
        clip: [B, V, 4], or the list it was padded from.

    Raises:
        InputError: a shape, dtype or index is not as described.
    """
    counts = [len(positions) for positions in clip] if is_list(clip) else [clip.shape[1]] * clip.shape[0]
    if not is_list(faces):
        table = validate.face_array("faces", plain(faces))
        fewest = min(counts) if counts else clip.shape[1]
        validate.face_range("faces", table, fewest, "clip")
        return table, None
    if len(faces) != len(counts):
        raise InputError(f"faces: expected one array for each of {len(counts)} meshes, got {len(faces)}")
    tables = [validate.face_array(f"faces[{number}]", plain(item)) for number, item in enumerate(faces)]
    for number, (table, count) in enumerate(zip(tables, counts, strict=True)):
        validate.face_range(f"faces[{number}]", table, count, f"clip[{number}]")
    ends = np.cumsum([len(table) for table in tables])
    spans = np.stack([ends - [len(table) for table in tables], ends], axis=1).astype(np.int32)
    return np.ascontiguousarray(np.concatenate(tables)), spans


def plain(faces: Any) -> Any:
    """Faces as something numpy understands."""
    if not validate.is_tensor(faces):
        return faces
    from unrender.render.torch_bridge import constant

    return constant(faces)
