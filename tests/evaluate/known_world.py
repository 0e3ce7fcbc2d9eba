"""A small world with known answers: two bodies, pictures of them, and a model that knows the truth."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from unrender.camera import Camera
from unrender.data.photos import PhotoRecord
from unrender.errors import ImageError
from unrender.evaluate.meshes import MeshSet, ViewSettings, mesh_views
from unrender.export import ExportOptions, write_mesh
from unrender.mesh import Mesh
from unrender.template import make_template

SETTINGS = ViewSettings(views=3, size=128)


def body(scale: tuple[float, float, float]) -> Mesh:
    """An egg-shaped body with a texture that differs everywhere."""
    template = make_template(3)
    vertices = template.vertices * np.array(scale, np.float32)
    vertices[:, 1] += 0.25 * vertices[:, 2]  # no symmetry but the mirror's
    ramp = np.linspace(40, 220, 64).astype(np.uint8)
    texture = np.stack([*np.meshgrid(ramp, ramp), np.full((64, 64), 90, np.uint8)], axis=-1)
    return Mesh(vertices, template.faces, template.uvs, template.uv_faces, texture)


@dataclass
class Known:
    """A result made of the truth (or of a ball, for the mean shape)."""

    mesh: Mesh
    camera: Camera
    light: np.ndarray
    mask: np.ndarray
    crop: tuple[float, float, float]
    category: str = "bird"
    confidence: float = 0.9

    def __post_init__(self) -> None:
        self.timings_ms = {"network": 10.0, "loop": 5.0}

    def export(self, path: Path) -> None:
        write_mesh(path, self.mesh, ExportOptions(texture_format="png"))


class KnowingReconstructor:
    """Looks the answer up by the name of the picture; refuses what it does not know."""

    def __init__(self) -> None:
        self.answers: dict[str, Known] = {}
        self.calls: list[dict[str, Any]] = []

    def __call__(self, photo: Any, *, mask: Any = None, loop: bool = True, shape: str = "predicted") -> Known:
        self.calls.append({"mask": mask is not None, "loop": loop, "shape": shape})
        answer = self.answers.get(Path(photo.path).name)
        if answer is None:
            raise ImageError(f"{photo.path}: no object found; pass --mask or --box")
        if shape == "mean":
            template = make_template(3)
            ball = replace(answer.mesh, vertices=0.3 * template.vertices)
            return replace(answer, mesh=ball)
        return answer


@dataclass
class World:
    """Folders of meshes and photos, and the model that knows them."""

    meshes: Path
    photos: Path
    reconstructor: KnowingReconstructor


def build_world(root: Path) -> World:
    """Write the folders and fill in the answers."""
    meshes, photos = root / "meshes", root / "photos"
    meshes.mkdir()
    photos.mkdir()
    with (meshes / "index.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["name", "category", "file", "textured", "licence", "split", "oriented"])
        for name, scale, oriented in (("long", (0.3, 0.4, 1.0), "yes"), ("wide", (1.0, 0.3, 0.6), "no")):
            write_mesh(meshes / f"{name}.glb", body(scale), ExportOptions(texture_format="png"))
            writer.writerow([name, "bird", f"{name}.glb", "true", "CC0-1.0", "val", oriented])
    reconstructor = KnowingReconstructor()
    from unrender.evaluate.views import sh_light

    grey = sh_light(np.array([0, 1, 0]), np.full(3, 0.7), np.full(3, 0.3))
    rows = []
    for record, mesh, view in mesh_views(MeshSet(meshes), SETTINGS):
        name = f"{record.name}, view {view.index}"
        # The unit of a result is free: the evaluation must normalise it.
        answer = Known(mesh, view.camera, grey, view.mask, (0.0, 0.0, 128.0))
        reconstructor.answers[name] = answer
        stem = f"{record.name}{view.index}"
        Image.fromarray(view.pixels).save(photos / f"{stem}.png")
        Image.fromarray(view.mask).save(photos / f"{stem}_mask.png")
        reconstructor.answers[f"{stem}.png"] = answer
        permissive = view.index == 0
        rows.append([
            stem, "bird", "", f"{stem}.png", f"{stem}_mask.png", 128, 128, "alpha", 1, "here",
            "CC BY 4.0" if permissive else "research", "train", int(view.index == 2),
        ])  # fmt: skip
    with (photos / "index.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([field.name for field in fields(PhotoRecord)])
        writer.writerows(rows)
    return World(meshes, photos, reconstructor)
