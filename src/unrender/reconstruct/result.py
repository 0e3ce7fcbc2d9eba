"""What comes out of a reconstruction, and its files."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from unrender.camera import Camera
from unrender.export import ExportOptions, write_mesh
from unrender.export.prepare import height_scale, prepare
from unrender.files import write_atomic
from unrender.mesh import Mesh

OWN_UNIT = "object radius about 1"


@dataclass
class Reconstruction:
    """One photo's mesh, texture, light and camera.

    Attributes:
        mesh: in the category's canonical frame (+Y up, front +Z), with uvs and texture.
        light: float32 [9, 3], SH coefficients of irradiance over pi in the mesh's frame, linear RGB
            (`unrender.light.shade_sh`).
        camera: of the whole photo; renders the mesh back onto it.
        mask: bool [H, W] of the whole photo.
        category: what it was reconstructed as. confidence: the network's probability of that.
        crop: (x, y, side) of the square the network saw, in photo pixels.
        coefficients: float64 [K] of the shape space; the mesh has the loop's smooth fields as well.
        appearance: "albedo", or "photo" for colours that contain their light.
        timings_ms: milliseconds by stage; they add up to photo in memory -> GLB bytes.
        model: "name", "version", "sha256", "licence" of the weights.
        image_path: the photo's file, if it had one. mesh_path: where it was exported to last.
        mesh_scale, mesh_unit, mesh_size: what was exported last, as `to_dict` describes it: factor from
            `mesh` to it (not 1 when a height was asked for), its unit, its numbers of vertices and faces.
        mask_path: the mask's file, if one was given (the caller sets it).
    """

    mesh: Mesh
    light: np.ndarray
    camera: Camera
    mask: np.ndarray
    category: str
    confidence: float
    crop: tuple[float, float, float]
    coefficients: np.ndarray
    appearance: str
    glb: bytes
    timings_ms: dict[str, float]
    model: dict[str, str]
    image_path: str | None = None
    mesh_path: str | None = None
    mask_path: str | None = None
    mesh_scale: float = 1.0
    mesh_unit: str = OWN_UNIT
    mesh_size: tuple[int, int] | None = None

    @property
    def texture(self) -> np.ndarray:
        """uint8 [T, T, 3] sRGB, row 0 is v = 1."""
        assert self.mesh.texture is not None
        return self.mesh.texture

    def export(self, path: str | Path, options: ExportOptions | None = None) -> Path:
        """Write the mesh; the format follows from the ending of the name (`unrender.export.MESH_FORMATS`).

        Args:
            path: the file; ".obj" writes a material and a texture beside it.
            options: vertex budget, texture size and format, height in metres; the appearance is always the
                result's own. None writes the mesh as it is.

        Raises:
            InputError: an ending that is not supported.
            MissingExtraError: the format or an option needs an extra that is not installed.
            OutputError: the file cannot be written; nothing partial is left.
        """
        path = Path(path)
        options = replace(options or ExportOptions(), appearance=self.appearance)
        if options == ExportOptions(appearance=self.appearance) and path.suffix.lower() == ".glb":
            mesh = self.mesh
            write_atomic(path, self.glb)
        else:
            mesh = prepare(self.mesh, options)
            write_mesh(path, mesh, replace(options, texture_size=None, faces=None, height=None))
        self.mesh_path = str(path)
        self.mesh_size = (len(mesh.vertices), len(mesh.faces))
        self.mesh_scale, self.mesh_unit = 1.0, OWN_UNIT
        if options.height is not None:
            self.mesh_scale, self.mesh_unit = height_scale(self.mesh, options.height), "metre"
        return path

    def to_dict(self) -> dict[str, Any]:
        """The JSON record beside a mesh (schema 1)."""
        height, width = self.mask.shape
        vertices, faces = self.mesh_size or (len(self.mesh.vertices), len(self.mesh.faces))
        camera = self.camera
        if self.mesh_scale != 1:
            moved = np.array(camera.world_to_camera, np.float64)
            moved[:3, 3] *= self.mesh_scale
            camera = replace(camera, world_to_camera=moved)
        return {
            "schema": 1,
            "image": {"path": self.image_path, "width": width, "height": height},
            "crop": [round(value, 3) for value in self.crop],
            "category": self.category,
            "confidence": round(self.confidence, 4),
            "camera": camera.to_json(),
            "light": {"sh9": [[round(float(c), 5) for c in row] for row in self.light]},
            "mesh": {
                "path": self.mesh_path,
                "vertices": vertices,
                "faces": faces,
                "frame": "right-handed, +Y up, front +Z",
                "unit": self.mesh_unit,
            },
            "mask": self.mask_path,
            "timings_ms": {stage: round(value, 3) for stage, value in self.timings_ms.items()},
            "model": self.model,
        }

    def to_json(self, path: str | Path) -> Path:
        """Write `to_dict()`.

        Raises:
            OutputError: the file cannot be written.
        """
        write_atomic(path, (json.dumps(self.to_dict(), indent=1) + "\n").encode())
        return Path(path)

    def _repr_html_(self) -> str:
        """What Jupyter shows: the mesh, to be turned with a slider."""
        from unrender.reconstruct.notebook import result_html

        return result_html(self)
