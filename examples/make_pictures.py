"""Runs all the `recover_*.py` examples and draws their courses: `python examples/make_pictures.py`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import recover_camera
import recover_light
import recover_metal
import recover_phong
import recover_shape
import recover_texture
from course import PICTURES

EXAMPLES = {
    recover_shape: 250, recover_texture: 200, recover_camera: 150, recover_light: 200, recover_phong: 250,
    recover_metal: 150,
}  # fmt: skip
"""Steps of each."""

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURES)
    folder = parser.parse_args().out
    for example, steps in EXAMPLES.items():
        begin = time.perf_counter()
        result = example.run(steps, folder)
        print(f"{example.__name__}: " + ", ".join(f"{key} {value:.4g}" for key, value in result.items())
              + f", {time.perf_counter() - begin:.1f} s", flush=True)  # fmt: skip
