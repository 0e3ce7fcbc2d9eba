"""Checkpoints: the whole state of a fit in one file that is complete or absent, so that a kill loses seconds.

A fit that is started again with the same photos, cameras and settings goes on from there, and ends with the
same mesh, bit for bit, as one that was never interrupted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from unrender import __version__
from unrender.files import write_atomic
from unrender.fit.config import FitConfig
from unrender.fit.targets import View


def fingerprint(views: Sequence[View], config: FitConfig) -> str:
    """Hash of everything that decides the result: pictures, masks, cameras, settings and version."""
    digest = hashlib.sha256(json.dumps([__version__, config.to_dict()], sort_keys=True).encode())
    for view in views:
        digest.update(json.dumps([view.name, view.camera.to_json(), view.silhouette]).encode())
        digest.update(view.pixels.tobytes())
        digest.update(view.mask.tobytes())
    return digest.hexdigest()


def save_checkpoint(path: Path, key: str, arrays: dict[str, np.ndarray], state: dict[str, Any]) -> None:
    """Write the state of a fit.

    Args:
        path: the file. key: `fingerprint` of the fit. arrays, state: what `load_checkpoint` gives back.

    Raises:
        OutputError: the file cannot be written.
    """
    metadata = {"format": "unrender-fit-1", "key": key, "state": json.dumps(state)}
    tensors = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_atomic(path, save(tensors, metadata))


def load_checkpoint(path: Path, key: str) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """The state of the same fit, or None if there is no such file, it is damaged, or of another fit."""
    try:
        data = path.read_bytes()
        length = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + length])["__metadata__"]
        if metadata.get("format") != "unrender-fit-1" or metadata.get("key") != key:
            return None
        arrays = {name: np.array(array) for name, array in load(data).items()}  # writable, aligned
        return arrays, json.loads(metadata["state"])
    except (OSError, ValueError, KeyError, SafetensorError):
        return None
