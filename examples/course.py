"""The course of an optimisation as a picture: target, pictures at some steps, and the loss on a log scale."""

from __future__ import annotations

import argparse
import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from unrender.files import write_atomic
from unrender.texture import linear_to_srgb

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
TILE = 112
COLUMNS = 6


class Course:
    """Collects pictures [H, W, 3] (tensors, linear light) and losses of a run of `steps` steps."""

    def __init__(self, name: str, target, steps: int) -> None:
        self.name, self.steps = name, steps
        self.tiles = [("target", self._tile(target))]
        self.losses: list[float] = []
        # early steps change most
        self.shown = {round((steps - 1) * (k / (COLUMNS - 1)) ** 2) for k in range(COLUMNS)}

    @staticmethod
    def _tile(picture) -> Image.Image:
        values = np.asarray(picture.detach(), np.float32).clip(0, 1)
        pixels = (linear_to_srgb(values) * 255 + 0.5).astype(np.uint8)
        return Image.fromarray(pixels).resize((TILE, TILE), Image.Resampling.BILINEAR)

    def note(self, step: int, loss, picture) -> None:
        """Remember a step's loss, and its picture if it is one of those to be shown."""
        self.losses.append(float(loss.detach()))
        if step in self.shown:
            self.tiles.append((f"step {step}", self._tile(picture)))

    def save(self, folder: Path, caption: str) -> Path:
        """Write `<folder>/<name>.png`."""
        width, chart = TILE * (COLUMNS + 1), 90
        sheet = Image.new("RGB", (width, TILE + 18 + chart), "white")
        draw = ImageDraw.Draw(sheet)
        for column, (label, tile) in enumerate(self.tiles):
            sheet.paste(tile, (column * TILE, 18))
            draw.text((column * TILE + 4, 3), label, fill="black")
        logs = [math.log10(max(loss, 1e-12)) for loss in self.losses]
        low, high = min(logs), max(max(logs), min(logs) + 1e-3)
        top, bottom = TILE + 24, TILE + 12 + chart
        points = [
            (
                4 + (width - 8) * k / max(len(logs) - 1, 1),
                bottom - (bottom - top) * (value - low) / (high - low),
            )
            for k, value in enumerate(logs)
        ]
        draw.line(points, fill=(200, 60, 30), width=2)
        draw.text((width - 330, top), f"loss 1e{high:.1f} to 1e{low:.1f}, log scale", fill="black")
        draw.text((width - 330, top + 13), caption, fill="black")
        data = io.BytesIO()
        sheet.save(data, "PNG", optimize=True)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.png"
        write_atomic(path, data.getvalue())
        return path


def main(run: Callable[[int, Path], dict[str, float]], steps: int) -> None:
    """The command line of an example: `--steps` and `--out`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--out", type=Path, default=PICTURES, help="folder of the picture")
    given = parser.parse_args()
    for name, value in run(given.steps, given.out).items():
        print(f"{name}: {value:.4g}")
