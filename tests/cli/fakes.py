"""A stand-in for the model: what the command line sees of a Reconstructor, without weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from unrender.errors import ImageError, OutputError
from unrender.image import write_atomic


class FakeReconstruction:
    category, confidence, timings_ms = "bird", 0.97, {"network": 12.0, "loop": 30.0}

    def __init__(self, photo: Any) -> None:
        self.photo = photo

    def export(self, path: Path, options: object = None) -> None:
        write_atomic(path, b"glTF")

    def to_json(self, path: Path) -> None:
        if "unwritable" in Path(path).name:
            raise OutputError(f"{path}: no space left on device; free some space")
        Path(path).write_text(json.dumps({"schema": 1}))


class FakeReconstructor:
    """Remembers its calls; finds no object in a picture of one colour."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def __call__(self, photo: Any, **settings: Any) -> FakeReconstruction:
        self.calls.append(settings)
        if photo.pixels.min() == photo.pixels.max():
            raise ImageError(f"{photo.path}: no object found; pass --mask or --box")
        return FakeReconstruction(photo)
