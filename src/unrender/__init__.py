"""One photo to a textured, lit 3D mesh on a CPU, and the differentiable renderer that learnt it.

The names below are loaded at first use: importing the package imports neither numba, onnxruntime nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unrender.camera import Camera
    from unrender.errors import UnrenderError
    from unrender.image import Photo, load_mask, load_photo
    from unrender.mesh import Mesh, load_mesh
    from unrender.reconstruct import Reconstruction, Reconstructor
    from unrender.render import set_num_threads

__version__ = "0.1.0"

_HOME = {
    "Camera": "unrender.camera",
    "Mesh": "unrender.mesh",
    "Photo": "unrender.image",
    "Reconstruction": "unrender.reconstruct",
    "Reconstructor": "unrender.reconstruct",
    "UnrenderError": "unrender.errors",
    "load_mask": "unrender.image",
    "load_mesh": "unrender.mesh",
    "load_photo": "unrender.image",
    "set_num_threads": "unrender.render",
}

__all__ = [
    "Camera",
    "Mesh",
    "Photo",
    "Reconstruction",
    "Reconstructor",
    "UnrenderError",
    "__version__",
    "load_mask",
    "load_mesh",
    "load_photo",
    "set_num_threads",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'unrender' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
