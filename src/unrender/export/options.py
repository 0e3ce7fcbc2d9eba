"""What the written mesh shall be like, whatever the format."""

from __future__ import annotations

import math
from dataclasses import dataclass

from unrender.errors import InputError

APPEARANCES = ("albedo", "photo")
TEXTURE_FORMATS = ("jpeg", "png")


@dataclass(frozen=True)
class ExportOptions:
    """Choices for `write_mesh` and `export_bytes`; None leaves things as they are.

    Attributes:
        appearance: "albedo" for a colour that viewers light, "photo" for a colour that contains its light
            already (glTF: KHR_materials_unlit; USD: emission only; OBJ: illumination model 0).
        texture_format: "jpeg" (quality 92, full chroma) or "png" (lossless). None: PNG for OBJ, JPEG for
            GLB and USDZ.
        texture_size: side of the texture in texels, 1 to 8192; larger than the mesh's own only interpolates.
        faces: at most about this many triangles, at least 16; seams of the texture are kept. Needs
            `unrender[simplify]`.
        height: extent along +Y in metres, before triangles are taken away; without it the unit is the mesh's
            own.

    Raises:
        InputError: a value outside these ranges.
    """

    appearance: str = "albedo"
    texture_format: str | None = None
    texture_size: int | None = None
    faces: int | None = None
    height: float | None = None

    def __post_init__(self) -> None:
        if self.appearance not in APPEARANCES:
            raise InputError(f"appearance: expected 'albedo' or 'photo', got {self.appearance!r}")
        if self.texture_format not in (None, *TEXTURE_FORMATS):
            raise InputError(f"texture_format: expected 'jpeg' or 'png', got {self.texture_format!r}")
        if self.texture_size is not None and not 1 <= self.texture_size <= 8192:
            raise InputError(f"texture_size: expected 1 to 8192 texels, got {self.texture_size}")
        if self.faces is not None and self.faces < 16:
            raise InputError(f"faces: expected at least 16 triangles, got {self.faces}")
        if self.height is not None and not (math.isfinite(self.height) and self.height > 0):
            raise InputError(f"height: expected metres above 0, got {self.height}")
