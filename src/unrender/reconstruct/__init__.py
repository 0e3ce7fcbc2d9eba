"""From one photo to a textured mesh: `Reconstructor.from_pretrained()(photo)`.

The names below are loaded at first use, so that a model can be read while numba is being imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unrender.reconstruct.pipeline import Reconstructor
    from unrender.reconstruct.result import Reconstruction

_HOME = {"Reconstruction": "result", "Reconstructor": "pipeline"}

__all__ = ["Reconstruction", "Reconstructor"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f"unrender.reconstruct.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'unrender.reconstruct' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
