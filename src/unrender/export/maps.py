"""Depth and normal maps as files."""

from __future__ import annotations

import io
import os

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from unrender.errors import InputError
from unrender.files import write_atomic

MAP_FORMATS = (".png", ".npy")
"""File name extensions of `write_depth` and `write_normals`."""


def encode_depth(depth: np.ndarray, extension: str = ".png") -> bytes:
    """A depth map as a file.

    ".npy" holds the numbers themselves. ".png" has 16 bits: 0 where nothing is, otherwise 65535 at the
    nearest point falling linearly to 1 at the farthest; its text chunks "near" and "far" are those depths, so
    that depth = near + (65535 - value) / 65534 * (far - near).

    Args:
        depth: float [H, W], 0 where nothing is. extension: one of `MAP_FORMATS`.

    Raises:
        InputError: another extension, shape or dtype.
    """
    _check_extension(extension)
    depth = np.asarray(depth)
    if depth.ndim != 2 or depth.size == 0 or not np.issubdtype(depth.dtype, np.floating):
        raise InputError(f"depth: expected float [H, W], got {depth.dtype} of shape {depth.shape}")
    if extension == ".npy":
        return _npy(depth.astype(np.float32))
    there = depth > 0
    near, far = (float(depth[there].min()), float(depth[there].max())) if there.any() else (0.0, 0.0)
    place = (depth - near) / max(far - near, 1e-30)
    values = np.where(there, 65535 - np.round(np.clip(place, 0, 1) * 65534), 0).astype(np.uint16)
    text = PngInfo()
    text.add_text("near", repr(near))
    text.add_text("far", repr(far))
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG", pnginfo=text)
    return stream.getvalue()


def encode_normals(normals: np.ndarray, extension: str = ".png") -> bytes:
    """A normal map as a file.

    ".npy" holds the vectors themselves. ".png" is RGBA: (n + 1) / 2 in 8 bits, transparent where nothing is.

    Args:
        normals: float [H, W, 3], unit vectors, 0 where nothing is. extension: one of `MAP_FORMATS`.

    Raises:
        InputError: another extension, shape or dtype.
    """
    _check_extension(extension)
    normals = np.asarray(normals)
    if normals.ndim != 3 or normals.shape[2] != 3 or not np.issubdtype(normals.dtype, np.floating):
        raise InputError(f"normals: expected float [H, W, 3], got {normals.dtype} of shape {normals.shape}")
    if extension == ".npy":
        return _npy(normals.astype(np.float32))
    there = (normals != 0).any(-1, keepdims=True)
    color = np.where(there, np.round(np.clip(normals, -1, 1) * 127.5 + 127.5), 0)
    stream = io.BytesIO()
    Image.fromarray(np.concatenate([color, there * 255.0], axis=-1).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def write_depth(path: str | os.PathLike[str], depth: np.ndarray) -> None:
    """Write what `encode_depth` makes; the format follows the extension of `path`.

    Raises:
        InputError: as `encode_depth`.
        OutputError: the file cannot be written; nothing partial is left behind.
    """
    write_atomic(path, encode_depth(depth, os.path.splitext(os.fspath(path))[1].lower()))


def write_normals(path: str | os.PathLike[str], normals: np.ndarray) -> None:
    """Write what `encode_normals` makes; the format follows the extension of `path`.

    Raises:
        InputError: as `encode_normals`.
        OutputError: the file cannot be written; nothing partial is left behind.
    """
    write_atomic(path, encode_normals(normals, os.path.splitext(os.fspath(path))[1].lower()))


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _check_extension(extension: str) -> None:
    if extension not in MAP_FORMATS:
        raise InputError(
            f"depth and normal maps: expected one of {', '.join(MAP_FORMATS)}, got {extension!r}"
        )
