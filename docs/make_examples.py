"""Makes the example pictures of the web page, all rendered here: run `python docs/make_examples.py`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))

from make_pictures import TEST_SEED, bird_picture

FOLDER = Path(__file__).resolve().parents[1] / "src" / "unrender" / "viewer" / "page" / "examples"
VIEWS = (
    (20, 62.0, 8.0),
    (3, 40.0, 12.0),
    (41, -65.0, 6.0),
    (7, 118.0, 15.0),
    (12, 75.0, 4.0),
    (16, -35.0, 18.0),
)
"""Seed, azimuth and elevation in degrees of each."""


def main() -> None:
    """Write `example-1.jpg` ... and `index.json`."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    entries = []
    for number, (seed, azimuth, elevation) in enumerate(VIEWS, start=1):
        name = f"example-{number}.jpg"
        picture = bird_picture(TEST_SEED + seed, 360, azimuth, elevation)
        Image.fromarray(picture).save(FOLDER / name, quality=86)
        entries.append({"file": name, "name": f"Example {number}, a made-up bird"})
    (FOLDER / "index.json").write_text(json.dumps(entries, indent=1) + "\n")
    print(f"{len(entries)} pictures in {FOLDER}")


if __name__ == "__main__":
    main()
