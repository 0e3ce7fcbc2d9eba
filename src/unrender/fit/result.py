"""What comes out of a fit, its files, and how well it shows photos that it has not seen."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unrender.camera import Camera
from unrender.data.capture import Capture
from unrender.errors import InputError
from unrender.export import mesh_to_glb, write_turntable
from unrender.files import write_atomic
from unrender.mesh import Mesh
from unrender.metrics import mask_iou
from unrender.render import render
from unrender.texture import linear_to_srgb


@dataclass(frozen=True, eq=False)
class FitResult:
    """A fitted scan.

    Attributes:
        mesh: in the capture's world frame and unit, with texture (or vertex colours if cancelled).
        light: float32 [9, 3], as `unrender.light.shade_sh`, world frame.
        cameras: by photo, of the part of it that shows the object; refined if that was asked for.
        losses: of the last step, by name. frames: uint8 [N, S, S, 3], the time-lapse.
        complete: False after a cancel. resumed: went on from a checkpoint.
        seconds: of this call. settings: the configuration as JSON.
    """

    mesh: Mesh
    light: np.ndarray
    cameras: dict[str, Camera]
    losses: dict[str, float]
    frames: np.ndarray
    complete: bool
    resumed: bool
    seconds: float
    settings: dict[str, Any]

    def export(self, path: str | Path) -> Path:
        """Write the mesh as GLB.

        Raises:
            InputError: another extension. OutputError: the file cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() != ".glb":
            raise InputError(f"{path}: expected a name that ends in .glb")
        write_atomic(path, mesh_to_glb(self.mesh, texture_format="png"))
        return path

    def write_timelapse(self, path: str | Path) -> Path:
        """Write the time-lapse as GIF.

        Raises:
            InputError: another extension, or no frames. OutputError: the file cannot be written.
        """
        held = np.concatenate([self.frames, np.repeat(self.frames[-1:], 10, axis=0)])
        write_turntable(path, held, fps=12)
        return Path(path)

    def to_dict(self) -> dict[str, Any]:
        """The JSON record beside a mesh (schema 1)."""
        return {
            "schema": 1,
            "mesh": {
                "vertices": len(self.mesh.vertices), "faces": len(self.mesh.faces),
                "frame": "as the cameras", "unit": "as the cameras",
                "bounds": self.mesh.bounds().round(6).tolist(),
            },
            "light": {"sh9": [[round(float(c), 5) for c in row] for row in self.light]},
            "views": {name: camera.to_json() for name, camera in self.cameras.items()},
            "losses": self.losses, "complete": self.complete, "seconds": round(self.seconds, 1),
            "settings": self.settings,
        }  # fmt: skip

    def to_json(self, path: str | Path) -> Path:
        """Write `to_dict()`.

        Raises:
            OutputError: the file cannot be written.
        """
        write_atomic(path, (json.dumps(self.to_dict(), indent=1) + "\n").encode())
        return Path(path)


def score_views(result: FitResult, capture: Capture) -> list[dict[str, Any]]:
    """How well a result shows photos, for example those that were left out.

    Args:
        result: of a fit. capture: photos with masks and cameras in the same world frame.

    Returns:
        A row for each photo: "name", "mask IoU" of the hard silhouettes at the photo's size, "PSNR" in dB of
        the whole picture, both over white, sRGB, and "PSNR object" over the union of the silhouettes only.

    Raises:
        ImageError, InputError: as `Shot.read`.
    """
    rows = []
    for shot in capture.shots:
        pixels, mask, camera = shot.read()
        hard = render(result.mesh, camera).mask > 0.5
        shown = render(result.mesh, camera, result.light, samples=2)
        image = np.asarray(linear_to_srgb(np.clip(shown.image + 1 - shown.mask[..., None], 0, 1)))
        target = pixels / 255 * mask[..., None] + 1 - mask[..., None]
        squared = ((image - target) ** 2).mean(-1)
        union = hard | (mask > 0.5)
        rows.append({
            "name": shot.name,
            "mask IoU": mask_iou(hard, mask > 0.5),
            "PSNR": _decibels(float(squared.mean())),
            "PSNR object": _decibels(float(squared[union].mean())),
        })  # fmt: skip
    return rows


def _decibels(error: float) -> float:
    return math.inf if error == 0 else -10 * math.log10(error)
