"""What a run shows: the photos it used, the shapes from four sides, and how it does on held-out photos."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from unrender.evaluate.runs import VARIANTS, run_variants, score_view
from unrender.evaluate.sheets import Subject, write_sheets
from unrender.export.views import four_views
from unrender.files import write_atomic
from unrender.image import photo_from_array
from unrender.mesh import Mesh
from unrender.metrics import extent_ratios
from unrender.own.folder import OwnPhoto
from unrender.own.shapes import Learnt
from unrender.reconstruct import Reconstructor
from unrender.shape_space import ShapeSpace
from unrender.template import make_template

TILE, COLUMNS, MOST = 96, 12, 120


def photo_sheet(photos: list[OwnPhoto]) -> bytes:
    """A JPEG of up to 120 photos, outside the mask dimmed and blue; held-out ones have a frame."""
    some = photos[:: max(1, -(-len(photos) // MOST))]
    sheet = Image.new("RGB", (COLUMNS * TILE, -(-len(some) // COLUMNS) * TILE), (24, 24, 24))
    draw = ImageDraw.Draw(sheet)
    for place, photo in enumerate(some):
        dimmed = 0.3 * photo.pixels + 0.25 * np.array([60.0, 90.0, 200.0])
        tile = Image.fromarray(np.where(photo.mask[..., None], photo.pixels, dimmed).astype(np.uint8))
        tile.thumbnail((TILE, TILE))
        x, y = place % COLUMNS * TILE, place // COLUMNS * TILE
        sheet.paste(tile, (x, y))
        if photo.held_out:
            draw.rectangle((x, y, x + TILE - 1, y + TILE - 1), outline=(250, 200, 60), width=2)
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def shape_sheet(space: ShapeSpace, components: int = 3, size: int = 160) -> bytes:
    """A PNG of the mean shape and of the first components, two standard deviations either way.

    Each row: from the front, the left, the back and above.
    """
    template = make_template(3)
    rows = [("mean", np.zeros(space.size))]
    for number in range(min(components, space.size)):
        rows += [
            (f"{sign:+d} sd of component {number + 1}", sign * np.eye(space.size)[number]) for sign in (2, -2)
        ]
    label = 14
    sheet = Image.new("RGB", (4 * size, len(rows) * (size + label)), (255, 255, 255))
    draw = ImageDraw.Draw(sheet)
    grey = np.full_like(space.mean, 0.35)
    for row, (name, coefficients) in enumerate(rows):
        mesh = Mesh(space.vertices(coefficients), template.faces, None, None, None, grey)
        y = row * (size + label)
        draw.text((3, y + 1), f"{name}: front, left, back, above", (20, 20, 20))
        for column, picture in enumerate(four_views(mesh, size)):
            sheet.paste(Image.fromarray(picture), (column * size, y + label))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def write_report(
    out: Path, subjects: list[Subject], settings: dict[str, Any], trained: int, learnt: Learnt
) -> str:
    """Evaluate the model of a folder on held-out photos; writes `report.json` and `sheet-*.png`.

    Returns:
        The report in a few lines.
    """
    model = Reconstructor.from_pretrained(out, threads=1)
    rows = []
    variants = tuple(variant for variant in VARIANTS if variant.name in ("default", "feed-forward"))
    for subject in subjects:
        photo = photo_from_array(subject.pixels, subject.name)
        for run in run_variants(model, photo, subject.reference, ("own", "given"), variants):
            scores = score_view(run, subject.pixels, subject.reference)
            sides = {} if run.mesh is None else extent_ratios(run.mesh.vertices, run.mesh.faces)
            rows.append({**run.row(id=subject.name), **scores, **sides})
    mean = extent_ratios(learnt.space.mean, make_template(3).faces)
    report = {
        "schema": 1, "settings": settings, "photos": trained, "held_out": len(subjects), "start":
        learnt.start, "overlap": float(np.mean([pose.iou for pose in learnt.poses])), "mean_shape": mean,
        "rows": rows,
    }  # fmt: skip
    write_atomic(out / "report.json", json.dumps(report, indent=1, default=float).encode())
    write_sheets(model, subjects, out)
    lines = [f"{len(subjects)} held-out photos, mask IoU (width/length, height/length):"]
    for mask in ("own", "given"):
        for variant in variants:
            some = [row for row in rows if row["mask"] == mask and row["variant"] == variant.name]
            values = [
                float(np.median([row[key] for row in some if key in row] or [0.0]))
                for key in ("width/length", "height/length")
            ]
            iou = float(np.mean([row["mask IoU"] for row in some]))
            lines.append(f"  {mask} mask, {variant.name}: {iou:.3f} ({values[0]:.2f}, {values[1]:.2f})")
    return "\n".join(lines)
