"""Makes the example pictures of the web page, all rendered here: run `python docs/make_examples.py`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))

from make_pictures import TEST_SEED, object_picture

FOLDER = Path(__file__).resolve().parents[1] / "src" / "unrender" / "viewer" / "page" / "examples"
VIEWS = (
    ("birds", 20, 62.0, 8.0),
    ("birds", 41, -65.0, 6.0),
    ("dinosaur", 3, 60.0, 10.0),
    ("airplane", 5, 50.0, 18.0),
    ("car", 1, 40.0, 15.0),
    ("chair", 2, 35.0, 15.0),
)
"""Generator, seed, azimuth and elevation in degrees of each."""


def main() -> None:
    """Write `example-1.jpg` ... and `index.json`."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    entries = []
    for number, (source, seed, azimuth, elevation) in enumerate(VIEWS, start=1):
        name = f"example-{number}.jpg"
        picture = object_picture(source, TEST_SEED + seed, 360, azimuth, elevation)
        Image.fromarray(picture).save(FOLDER / name, quality=86)
        entries.append({"file": name, "name": f"Example {number}, a made-up {source.rstrip('s')}"})
    (FOLDER / "index.json").write_text(json.dumps(entries, indent=1) + "\n")
    print(f"{len(entries)} pictures in {FOLDER}")


if __name__ == "__main__":
    main()
