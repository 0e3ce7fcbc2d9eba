"""`unrender evaluate sheets`: contact sheets that turn every result round, to be looked at."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from unrender.evaluate.runs import VARIANTS, Run, run_variants, score_view
from unrender.evaluate.views import crop_photo, look, turned_views
from unrender.files import write_atomic
from unrender.image import Photo, crop_square, photo_from_array

if TYPE_CHECKING:
    from unrender.reconstruct import Reconstructor

CELL = 128
"""Side of a picture in a sheet, in pixels."""
COLUMNS = ("photo", "own mask", "over photo", "left", "front", "back", "top")
"""Pictures of each result."""
_GAP, _LABEL = 4, 14
_PAPER, _INK = (255, 255, 255), (20, 20, 20)


@dataclass(frozen=True)
class Subject:
    """A picture for a sheet: its name, pixels uint8 [H, W, 3] sRGB and reference mask bool [H, W].

    Pictures of one group, its category, come one after the other and share sheets.
    """

    name: str
    pixels: np.ndarray
    reference: np.ndarray
    group: str = "sheet"


def write_sheets(
    reconstructor: Reconstructor,
    subjects: Iterable[Subject],
    folder: str | Path,
    *,
    per_sheet: int = 24,
    loop: bool = True,
    advance: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Reconstruct pictures with their own masks and write sheets into a folder, `<group>-01.png`, ...

    Args:
        reconstructor: the model. subjects: the pictures.
        folder: made if missing; sheets in it are overwritten.
        per_sheet: rows of pictures on a sheet. loop: whether the renderer corrects the network's guess.
        advance: called after each picture, for a progress bar.

    Returns:
        Paths of the sheets.

    Raises:
        OutputError: a sheet cannot be written.
    """
    paths: list[Path] = []
    strips: list[Image.Image] = []
    sheets: Counter[str] = Counter()

    def flush(group: str) -> None:
        if strips:
            sheets[group] += 1
            paths.append(Path(folder) / f"{group}-{sheets[group]:02d}.png")
            buffer = io.BytesIO()
            stack(strips).save(buffer, "PNG")
            write_atomic(paths[-1], buffer.getvalue())
            strips.clear()

    variant = next(v for v in VARIANTS if v.name == ("default" if loop else "feed-forward"))
    group = ""
    for subject in subjects:
        if subject.group != group:
            flush(group)
            group = subject.group
        photo = photo_from_array(subject.pixels, subject.name)
        for run in run_variants(reconstructor, photo, subject.reference, ("own",), (variant,)):
            strips.append(_strip(subject, photo, run))
        advance()
        if len(strips) == per_sheet:
            flush(group)
    flush(group)
    return paths


def stack(strips: list[Image.Image]) -> Image.Image:
    """Strips of equal size in two columns below a line with the names of the pictures."""
    width, height = strips[0].size
    rows = (len(strips) + 1) // 2
    blocks = min(2, len(strips))
    sheet = Image.new("RGB", (blocks * width + (blocks - 1) * 4 * _GAP, _LABEL + rows * height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for position, strip in enumerate(strips):
        block, row = position // rows, position % rows
        sheet.paste(strip, (block * (width + 4 * _GAP), _LABEL + row * height))
    for block in range(blocks):
        for column, name in enumerate(COLUMNS):
            draw.text((block * (width + 4 * _GAP) + column * (CELL + _GAP) + 2, 1), name, _INK)
    return sheet


def _strip(subject: Subject, photo: Photo, run: Run) -> Image.Image:
    """The pictures of one result side by side, with a label below."""
    if run.result is None or run.mesh is None:
        cells = [crop_photo(photo.pixels, (0.0, 0.0, float(max(subject.pixels.shape[:2]))), CELL)]
        label = f"{subject.name}: {run.error}"
    else:
        crop = run.result.crop
        x, y, side = crop
        seen = crop_square(subject.pixels, x, y, side, CELL).astype(np.float32) / 255
        own = crop_square(np.asarray(run.result.mask).astype(np.float32), x, y, side, CELL, 0.0)
        image, mask = look(run.result, run.mesh, CELL)
        over = np.where(mask[..., None], image, 0.35 + 0.65 * seen)
        cells = [seen, np.repeat(own[..., None], 3, axis=2), over, *turned_views(run.mesh, CELL)]
        scores = score_view(run, subject.pixels, subject.reference)
        label = f"{subject.name}  IoU {scores['mask IoU']:.2f}  L1 {scores['texture L1']:.3f}"
    strip = Image.new("RGB", (len(COLUMNS) * (CELL + _GAP), CELL + _LABEL), _PAPER)
    for column, cell in enumerate(cells):
        pixels = (np.clip(cell, 0, 1) * 255).round().astype(np.uint8)
        strip.paste(Image.fromarray(pixels), (column * (CELL + _GAP), 0))
    ImageDraw.Draw(strip).text((2, CELL + 1), label[:150], _INK)
    return strip
