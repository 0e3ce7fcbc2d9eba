"""`unrender evaluate photos`: photographs with reference masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unrender.data.mesh_set import MeshSet
from unrender.data.photos import PhotoRecord, PhotoSet
from unrender.errors import ConfigError, InputError
from unrender.evaluate.runs import (
    MASKS,
    VARIANTS,
    Variant,
    expected_category,
    run_variants,
    score_category,
    score_view,
)
from unrender.image import photo_from_array
from unrender.mesh import load_mesh
from unrender.metrics import extent_ratios, mask_iou

if TYPE_CHECKING:
    from unrender.reconstruct import Reconstructor

METRICS = (
    "mask IoU", "texture L1", "mask head IoU", "category right", "width/length", "height/length",
    "width/height", "ms",
)  # fmt: skip
"""Columns of the report."""


def select_photos(
    root: str | Path,
    *,
    category: str | None = None,
    split: str | None = None,
    exclude_trained: bool = False,
    limit: int | None = None,
) -> PhotoSet:
    """The photos to evaluate: not truncated, and as asked.

    Args:
        root: folder of a `PhotoSet`.
        category: only these, names of categories or subcategories with commas between. split: only this.
        exclude_trained: leave out what the default model was trained on (permissive, split "train").
        limit: at most this many, evenly spread over the set.

    Raises:
        ConfigError: no photo is left.
    """
    photos = PhotoSet(root).filter(split=split, truncated=False)
    if category is not None:
        names = category.split(",")
        photos = PhotoSet(root, tuple(r for r in photos if r.category in names or r.subcategory in names))
    if exclude_trained:
        photos = photos.exclude_trained()
    if len(photos) == 0:
        raise ConfigError(f"{root}: no photo fits --category {category}, --split {split}; see its index.csv")
    if limit is not None and limit < len(photos):
        photos = PhotoSet(root, tuple(_spread(photos.records, limit)))
    return photos


def each_category(photos: PhotoSet, count: int) -> list[PhotoRecord]:
    """At most `count` photos of every category, evenly spread over them; one category after the other."""
    chosen: list[PhotoRecord] = []
    for name in photos.categories:
        chosen += _spread([record for record in photos if record.category == name], count)
    return chosen


def _spread(records: Sequence[PhotoRecord], count: int) -> list[PhotoRecord]:
    """At most `count` of some photos, evenly spread over them."""
    picks = np.linspace(0, len(records) - 1, min(count, len(records))).round().astype(int)
    return [records[int(i)] for i in np.unique(picks)]


def evaluate_photos(
    reconstructor: Reconstructor,
    photos: PhotoSet,
    *,
    masks: tuple[str, ...] = MASKS,
    variants: tuple[Variant, ...] = VARIANTS,
    known_category: bool = False,
    advance: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """Reconstruct each photo in every variant and score it.

    Args:
        reconstructor: the model. photos: from `select_photos`.
        masks, variants: what to run. known_category: tell the model what each photo shows.
        advance: called after each photo, for a progress bar.

    Returns:
        One row for each photo, mask and variant: "id", "category" (what the model should take it for),
        "mask", "variant" and the `METRICS`.

    Raises:
        ImageError: a photo or mask cannot be read. What the model refuses is a row with "error" and IoU 0.
    """
    rows = []
    for record in photos:
        rows += _rows(reconstructor, photos, record, masks, variants, known_category)
        advance()
    return rows


def _rows(
    reconstructor: Reconstructor,
    photos: PhotoSet,
    record: PhotoRecord,
    masks: tuple[str, ...],
    variants: tuple[Variant, ...],
    known_category: bool,
) -> list[dict[str, Any]]:
    pixels, reference = photos.read(record)
    photo = photo_from_array(pixels, str(photos.path(record)))
    expected = expected_category(reconstructor, record.category, record.subcategory)
    told = expected if known_category else None
    rows = []
    for run in run_variants(reconstructor, photo, reference, masks, variants, told):
        row = run.row(id=record.id, category=expected or record.category)
        row |= score_view(run, pixels, reference) | score_category(run, expected)
        if run.mask == "own":
            own = np.zeros_like(reference) if run.result is None else np.asarray(run.result.mask, bool)
            row["mask head IoU"] = mask_iou(own, reference)
        if run.mesh is not None:
            row |= extent_ratios(run.mesh.vertices, run.mesh.faces)
        rows.append(row)
    return rows


def median_extents(root: str | Path, category: str) -> dict[str, float] | None:
    """Median of the ratios of the sides over the oriented meshes of a category; None if it has none.

    Raises:
        ConfigError: the folder has no index. MeshError: a mesh cannot be read.
    """
    ratios: list[dict[str, float]] = []
    meshes = MeshSet(root)
    for record in meshes.filter(category=category, oriented=True):
        mesh = load_mesh(meshes.path(record))
        try:
            ratios.append(extent_ratios(mesh.vertices, mesh.faces))
        except InputError:  # a flat mesh has no ratios
            continue
    return {key: float(np.median([r[key] for r in ratios])) for key in ratios[0]} if ratios else None
