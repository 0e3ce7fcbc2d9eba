"""Photos a second of `unrender PHOTO... -o DIR/`, with the loop and without: run it on an idle machine.

Makes its photos itself (procedural birds, 640 x 480, JPEG), runs the command as a user would, in a process of
its own, and reads the time of each photo from the log. "whole" counts everything, the start of the workers
too; "steady" counts from the first photo done to the last.

    python benchmarks/bench_batch.py [--photos 200] [--workers 2] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs"))

from make_pictures import bird_picture

SEED = 600_000


def make_photos(folder: Path, count: int) -> list[Path]:
    """JPEG files of birds before made-up backgrounds; 16 different ones, the rest mirrored and brightened."""
    base = [bird_picture(SEED + index, 480, 25 + 47 * index) for index in range(min(count, 16))]
    paths = []
    for index in range(count):
        square = base[index % len(base)]
        square = square[:, ::-1] if index // len(base) % 2 else square
        wide = np.pad(square, ((0, 0), (80, 80), (0, 0)), mode="edge").astype(float)
        paths.append(folder / f"photo{index:04d}.jpg")
        pixels = np.clip(wide * (1 + 0.01 * (index // len(base))), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(paths[-1], quality=90)
    return paths


def cpu_seconds() -> float:
    """CPU time of the child processes so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(photos: list[Path], out: Path, workers: int, *options: str) -> dict[str, float]:
    """Times of one call of the command."""
    command = [sys.executable, "-m", "unrender.cli.main", *map(str, photos), "-o", f"{out}/"]
    start, before = time.perf_counter(), cpu_seconds()
    subprocess.run([*command, "--workers", str(workers), *options], check=True, stdout=subprocess.DEVNULL)
    whole, cpu = time.perf_counter() - start, cpu_seconds() - before
    records = [json.loads(line) for line in (out / "unrender.jsonl").read_text().splitlines()]
    times = [datetime.fromisoformat(record["time"]).timestamp() for record in records]
    if len(records) != len(photos):
        raise SystemExit(f"{len(records)} of {len(photos)} photos are in the log")
    return {
        "photos/s whole": round(len(photos) / whole, 2),
        "photos/s steady": round((len(photos) - 1) / (max(times) - min(times)), 2),
        "seconds": round(whole, 2),
        "cpu ms a photo, starts included": round(1e3 * cpu / len(photos), 1),
        "median ms a photo": float(np.median([record["milliseconds"] for record in records])),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unrender-bench-") as name:
        photos = make_photos(Path(name), options.photos)
        measure(photos[:4], Path(name) / "warm", 1)  # compiles the kernels
        results = {
            "loop": measure(photos, Path(name) / "loop", options.workers),
            "no loop": measure(photos, Path(name) / "guess", options.workers, "--no-loop"),
        }
    report = {
        "photos": options.photos, "workers": options.workers, "cpus": os.cpu_count(),
        "load": os.getloadavg()[0], "python": platform.python_version(), "results": results,
    }  # fmt: skip
    print(json.dumps(report, indent=1))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
