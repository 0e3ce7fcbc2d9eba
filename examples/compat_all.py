"""Runs the five scripts for nvdiffrast and kaolin: `python examples/compat_all.py [--out FOLDER]`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import compat_cube
import compat_earth
import compat_envphong
import compat_pose
import compat_sphere
from compat_stage import PICTURES

SCRIPTS = (compat_cube, compat_earth, compat_envphong, compat_pose, compat_sphere)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURES)
    folder = parser.parse_args().out
    begin = time.perf_counter()
    for script in SCRIPTS:
        start = time.perf_counter()
        result = script.run(script.ITERATIONS, folder)
        print(f"{script.__name__}: " + ", ".join(f"{key} {value:.4g}" for key, value in result.items())
              + f", {time.perf_counter() - start:.1f} s", flush=True)  # fmt: skip
    print(f"together {time.perf_counter() - begin:.1f} s")
