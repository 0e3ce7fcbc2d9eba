"""`unrender evaluate meshes`: pictures rendered from meshes, so that the whole shape can be checked."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unrender.camera import Camera, orbit
from unrender.data.mesh_set import MeshRecord, MeshSet
from unrender.errors import ConfigError, InputError
from unrender.evaluate.paint import has_colours, paint
from unrender.evaluate.runs import (
    MASKS,
    VARIANTS,
    Run,
    Variant,
    expected_category,
    run_variants,
    score_category,
    score_view,
)
from unrender.evaluate.views import SIZE, orbit_camera, render_view, sh_light, smooth_view, unit_mesh
from unrender.image import photo_from_array
from unrender.mesh import Mesh, load_mesh
from unrender.metrics import (
    best_yaw,
    compare_points,
    extent_ratios,
    iou_3d,
    masked_l1,
    masked_psnr,
    rotate_y,
    rotation_error_degrees,
    sample_surface,
    voxelize,
)

if TYPE_CHECKING:
    from unrender.reconstruct import Reconstructor

METRICS = (
    "3D IoU", "Chamfer-L1", "F-score 1%", "F-score 2%", "rotation error", "mask IoU", "texture L1",
    "other views L1", "other views PSNR", "sides error", "category right", "ms",
)  # fmt: skip
"""Columns of the report."""

POINTS = 10_000
"""Surface points of Chamfer distance and F-score."""
ELEVATIONS = (-10.0, 40.0)
"""Range of the cameras' elevation in degrees."""


@dataclass(frozen=True)
class ViewSettings:
    """How the pictures of a mesh are made.

    Attributes:
        views: number of pictures, spread evenly round the mesh. size: side in pixels. seed: of camera, light,
            paint and background. background: "plain", "noise", or "mixed" (every other picture).
    """

    views: int = 24
    size: int = 256
    seed: int = 0
    background: str = "mixed"

    def __post_init__(self) -> None:
        if self.views < 1 or self.size < 32 or self.background not in ("plain", "noise", "mixed"):
            raise ConfigError(
                "views, size, background: expected at least 1 view, 32 pixels, and plain, noise or mixed"
            )


@dataclass(frozen=True)
class View:
    """One picture of a mesh: uint8 [S, S, 3] sRGB, its exact mask bool [S, S] and its camera."""

    index: int
    pixels: np.ndarray
    mask: np.ndarray
    camera: Camera


def select_meshes(
    root: str | Path,
    *,
    match: str | None = None,
    category: str | None = None,
    split: str | None = None,
    limit: int | None = None,
) -> MeshSet:
    """The meshes to evaluate.

    Args:
        root: folder of a `MeshSet`. match: pattern of the name.
        category: only these, with commas between. split: only this.
        limit: at most this many, the first ones.

    Raises:
        ConfigError: no mesh is left.
    """
    meshes = MeshSet(root).filter(match=match, split=split)
    if category is not None:
        meshes = MeshSet(root, tuple(r for r in meshes if r.category in category.split(",")))
    if len(meshes) == 0:
        raise ConfigError(f"{root}: no mesh fits --match {match}, --category {category}, --split {split}")
    return MeshSet(root, meshes.records[:limit])


def render_views(mesh: Mesh, name: str, settings: ViewSettings) -> Iterator[View]:
    """Pictures of a mesh in the unit box under random light, from all sides.

    Args:
        mesh: with texture or vertex colours (see `paint`), normalised by `unit_mesh`.
        name: part of the seed, so that the pictures of a mesh do not depend on what else is evaluated.
        settings: number, size, seed and background.
    """
    radius = float(np.linalg.norm(mesh.vertices[np.unique(mesh.faces)], axis=1).max())
    for index in range(settings.views):
        rng = np.random.default_rng([settings.seed, zlib.crc32(name.encode()), index])
        azimuth = 360 * (index + rng.uniform(-0.4, 0.4)) / settings.views
        distance = rng.uniform(1.05, 1.3) * radius / math.sin(math.radians(15))
        camera = Camera.from_fov(settings.size, orbit(azimuth, rng.uniform(*ELEVATIONS), distance), 30.0)
        direction = rng.normal(size=3) + np.array([0, 1.0, 0])
        warmth = 1 + rng.uniform(-0.1, 0.1, 3)
        light = sh_light(direction, rng.uniform(0.35, 0.7) * warmth, rng.uniform(0.2, 0.8) * warmth)
        noisy = settings.background == "noise" or (settings.background == "mixed" and index % 2 == 1)
        image, coverage = smooth_view(mesh, camera, light, _background(rng, settings.size, noisy))
        yield View(index, (image * 255).round().astype(np.uint8), coverage >= 0.5, camera)


def mesh_views(meshes: MeshSet, settings: ViewSettings) -> Iterator[tuple[MeshRecord, Mesh, View]]:
    """Every picture of every mesh, with the mesh in the unit box; meshes without colours are painted.

    Raises:
        MeshError: a mesh cannot be read.
    """
    for record in meshes:
        mesh = load_mesh(meshes.path(record))
        if not (record.textured and has_colours(mesh)):
            mesh = paint(mesh, seed=zlib.crc32(record.name.encode()) + settings.seed)
        mesh = unit_mesh(mesh)
        for view in render_views(mesh, record.name, settings):
            yield record, mesh, view


def evaluate_meshes(
    reconstructor: Reconstructor,
    meshes: MeshSet,
    settings: ViewSettings | None = None,
    *,
    masks: tuple[str, ...] = MASKS,
    variants: tuple[Variant, ...] = VARIANTS,
    known_category: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """Render each mesh, reconstruct every picture in every variant and compare the shapes.

    Args:
        reconstructor: the model. meshes: from `select_meshes`. settings: of the pictures.
        masks, variants: what to run. known_category: tell the model what each mesh is.
        advance: called after each picture, for a progress bar.

    Returns:
        One row for each picture, mask and variant: "id", "category", "view", "mask", "variant", "oriented"
        and the `METRICS`. Meshes that are not oriented are compared at the best of 36 yaws and have no
        rotation error.

    Raises:
        MeshError: a mesh cannot be read. What the model refuses is a row with "error" and IoU 0.
    """
    rows = []
    comparison: _Comparison | None = None
    for record, mesh, view in mesh_views(meshes, settings or ViewSettings()):
        if comparison is None or comparison.mesh is not mesh:
            comparison = _Comparison(mesh, record)
        photo = photo_from_array(view.pixels, f"{record.name}, view {view.index}")
        expected = expected_category(reconstructor, record.category)
        told = expected if known_category else None
        for run in run_variants(reconstructor, photo, view.mask, masks, variants, told):
            row = run.row(id=record.name, category=record.category, view=view.index)
            row |= {"oriented": record.oriented} | score_view(run, view.pixels, view.mask)
            row |= score_category(run, expected)
            rows.append(row | comparison.score(run, view))
        advance()
    return rows


class _Comparison:
    """Compares results with one reference mesh in the unit box; remembers what several runs share."""

    def __init__(self, mesh: Mesh, record: MeshRecord) -> None:
        self.mesh, self.record = mesh, record
        self.voxels = voxelize(mesh.vertices, mesh.faces)
        self.points = sample_surface(mesh.vertices, mesh.faces, POINTS, seed=1)
        self.known: dict[bytes, tuple[dict[str, float], Mesh]] = {}
        self.targets: dict[int, list[tuple[Camera, np.ndarray, np.ndarray]]] = {}

    def score(self, run: Run, view: View) -> dict[str, float]:
        """The shape and texture metrics of one run; IoU and F-scores 0 when it failed."""
        if run.mesh is None or run.result is None:
            return {"3D IoU": 0.0, "F-score 1%": 0.0, "F-score 2%": 0.0}
        key = run.mesh.vertices.tobytes()  # the mean shape is the same in every view
        if key not in self.known:
            self.known[key] = self._shape(run.mesh)
        shape, placed = self.known[key]
        row = dict(shape)
        if self.record.oriented:
            row["rotation error"] = rotation_error_degrees(run.result.camera.rotation, view.camera.rotation)
        textured = Mesh(placed.vertices, placed.faces, run.mesh.uvs, run.mesh.uv_faces, run.mesh.texture)
        return row | self._other_views(textured, view)

    def _shape(self, mesh: Mesh) -> tuple[dict[str, float], Mesh]:
        mesh = unit_mesh(mesh)
        if not self.record.oriented:
            yaw, _ = best_yaw(mesh.vertices, mesh.faces, self.voxels)
            mesh = unit_mesh(Mesh(rotate_y(mesh.vertices, yaw), mesh.faces))
        points = sample_surface(mesh.vertices, mesh.faces, POINTS, seed=2)
        distance, (fine, coarse) = compare_points(points, self.points, (0.01, 0.02))
        return {
            "3D IoU": iou_3d(voxelize(mesh.vertices, mesh.faces), self.voxels),
            "Chamfer-L1": distance,
            "F-score 1%": fine,
            "F-score 2%": coarse,
            "sides error": sides_error(mesh, self.mesh),
        }, mesh

    def _other_views(self, mesh: Mesh, view: View) -> dict[str, float]:
        """Plain albedo from the back and both sides of the picture's camera, over the union of the masks."""
        if view.index not in self.targets:
            position = view.camera.position
            azimuth = math.degrees(math.atan2(position[0], position[2]))
            cameras = [orbit_camera(self.mesh, azimuth + turn, 15.0, SIZE) for turn in (90, 180, 270)]
            self.targets = {view.index: [(c, *render_view(self.mesh, c, None)) for c in cameras]}
        errors, ratios = [], []
        for camera, target, covered in self.targets[view.index]:
            image, seen = render_view(mesh, camera, None)
            errors.append(masked_l1(image, target, seen | covered))
            ratios.append(masked_psnr(image, target, seen | covered))
        return {"other views L1": float(np.mean(errors)), "other views PSNR": float(np.mean(ratios))}


def sides_error(mesh: Mesh, truth: Mesh) -> float:
    """Mean of how far the ratios of the box's sides are off, relative to the truth's; nan for a flat mesh."""
    try:
        found, right = (extent_ratios(m.vertices, m.faces) for m in (mesh, truth))
    except InputError:
        return math.nan
    return float(np.mean([abs(found[key] / right[key] - 1) for key in right]))


def _background(rng: np.random.Generator, size: int, noisy: bool) -> np.ndarray:
    """float32 [size, size, 3] in [0, 1]: one colour, or smooth noise of several scales round it."""
    colour = rng.uniform(0.15, 0.95) + rng.uniform(-0.12, 0.12, 3)
    image = np.broadcast_to(colour.clip(0, 1), (size, size, 3)).astype(np.float32)
    if not noisy:
        return image
    for cells, strength in ((2, 0.14), (5, 0.09), (11, 0.06), (29, 0.04)):
        grid = rng.normal(size=(cells + 1, cells + 1, 1)) + 0.4 * rng.normal(size=(cells + 1, cells + 1, 3))
        grid *= strength
        place = np.linspace(0, cells, size, endpoint=False)
        low, part = place.astype(int), (place % 1)[:, None]
        rows = grid[low] * (1 - part[..., None]) + grid[low + 1] * part[..., None]
        image = image + rows[:, low] * (1 - part) + rows[:, low + 1] * part
    return image.clip(0, 1).astype(np.float32)
