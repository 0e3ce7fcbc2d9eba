"""From one photo to a textured mesh: `Reconstructor.from_pretrained()(photo)`."""

from __future__ import annotations

from unrender.reconstruct.pipeline import Reconstructor
from unrender.reconstruct.result import Reconstruction

__all__ = ["Reconstruction", "Reconstructor"]
