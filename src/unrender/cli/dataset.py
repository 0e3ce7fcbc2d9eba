"""`unrender dataset inspect FOLDER`: what is wrong with a folder of photos, and a contact sheet to look
at."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from unrender.cli.parser import OneLineParser
from unrender.data.inspect import PROBLEMS, PhotoReport, inspect_photos
from unrender.files import write_atomic

TILE, LABEL, COLUMNS = 128, 14, 8


def run(arguments: Sequence[str]) -> int:
    """Inspect a data set."""
    parser = OneLineParser(
        "unrender dataset", "Look at a folder of photos before training on it; see docs/data.md."
    )
    parser.add_argument("action", choices=["inspect"], help="what to do")
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="photos, with or without masks and index.csv"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="SHEET.jpg", help="contact sheet, problems first"
    )
    parser.add_argument("--count", type=int, default=64, metavar="N", help="photos on the sheet (default 64)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(list(arguments))
    if options.count < 1:
        parser.error(f"--count: expected at least 1, got {options.count}")
    reports = inspect_photos(options.folder)
    if options.output is not None:
        write_atomic(options.output, contact_sheet(options.folder, reports, options.count))
    if options.json:
        print(
            json.dumps({"schema": 1, "folder": str(options.folder), "photos": [asdict(r) for r in reports]})
        )
    else:
        _print(options.folder, reports)
        if options.output is not None:
            print(f"contact sheet: {options.output}")
    return 0


def _print(folder: Path, reports: list[PhotoReport]) -> None:
    categories = Counter(report.category or "(none)" for report in reports)
    fine = sum(not report.problems for report in reports)
    masks = sum(report.area is not None for report in reports)
    print(f"{folder}: {len(reports)} photos, {masks} with masks, {fine} without problems")
    print("categories: " + ", ".join(f"{name} {count}" for name, count in sorted(categories.items())))
    found = Counter(problem for report in reports for problem in report.problems)
    for problem in PROBLEMS:
        if found[problem]:
            print(f"{found[problem]:6d}  {problem}: {PROBLEMS[problem]}")
            for report in [report for report in reports if problem in report.problems][:5]:
                print(f"          {report.file}{f' ({report.note})' if report.note else ''}")


def contact_sheet(folder: Path, reports: list[PhotoReport], count: int) -> bytes:
    """A JPEG of up to `count` photos, those with problems first: outside the mask dimmed, problems written
    below."""
    chosen = sorted(range(len(reports)), key=lambda k: (not reports[k].problems, k))
    bad = [k for k in chosen if reports[k].problems][
        : max(count // 2, count - sum(not r.problems for r in reports))
    ]
    good = [k for k in chosen if not reports[k].problems]
    good = [
        good[int(position)] for position in np.linspace(0, len(good) - 1, min(len(good), count - len(bad)))
    ]
    picked = [*bad, *dict.fromkeys(good)][:count]
    columns = min(COLUMNS, len(picked))
    rows = -(-len(picked) // columns)
    sheet = Image.new("RGB", (columns * TILE, rows * (TILE + LABEL)), (24, 24, 24))
    draw = ImageDraw.Draw(sheet)
    for place, index in enumerate(picked):
        report = reports[index]
        x, y = place % columns * TILE, place // columns * (TILE + LABEL)
        tile = _tile(folder, report)
        sheet.paste(tile, (x + (TILE - tile.width) // 2, y + (TILE - tile.height) // 2))
        text = ", ".join(report.problems) or report.category or "ok"
        draw.text(
            (x + 2, y + TILE + 1), text[:21], fill=(255, 150, 120) if report.problems else (150, 220, 150)
        )
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _tile(folder: Path, report: PhotoReport) -> Image.Image:
    try:
        with Image.open(folder / report.file) as opened:
            picture = ImageOps.exif_transpose(opened).convert(
                "RGBA" if report.area is not None and report.mask is None else "RGB"
            )
            mask = picture.getchannel("A") if picture.mode == "RGBA" else None
        if report.mask is not None and report.area is not None:
            with Image.open(folder / report.mask) as opened:
                mask = ImageOps.exif_transpose(opened).convert("L")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return Image.new("RGB", (TILE, TILE), (90, 20, 20))
    picture = picture.convert("RGB")
    picture.thumbnail((TILE, TILE))
    if mask is None:
        return picture
    weight = np.asarray(mask.resize(picture.size), dtype=np.float32)[..., None] / 255
    pixels = np.asarray(picture, dtype=np.float32)
    dimmed = 0.3 * pixels + 0.25 * np.array([60.0, 90.0, 200.0])
    return Image.fromarray((pixels * weight + dimmed * (1 - weight)).astype(np.uint8))
