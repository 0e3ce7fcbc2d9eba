"""How long a photo takes: decoded photo to GLB bytes, a whole new process, and the very first run.

    python benchmarks/bench_reconstruct.py --photos DIR [--count 32] [--threads 2]

Writes JSON with the machine and the commit to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parent / "results"


def spread(values: list[float]) -> dict[str, float]:
    """Median, smallest and largest of some milliseconds."""
    return {"median": round(median(values), 2), "min": round(min(values), 2), "max": round(max(values), 2)}


def bench_calls(photos: list[Any], reconstruct: Callable[[Any], Any], repeats: int) -> dict[str, Any]:
    """Wall time of decoded photo -> GLB bytes over photos, and its stages as the result states them."""
    totals: list[float] = []
    stages: dict[str, list[float]] = {}
    for _ in range(repeats):
        for photo in photos:
            start = time.perf_counter()
            result = reconstruct(photo)
            data = result.glb
            totals.append(1000 * (time.perf_counter() - start))
            assert data[:4] == b"glTF"
            for name, value in result.timings_ms.items():
                stages.setdefault(name, []).append(value)
    return {
        "total_ms": spread(totals),
        "stages_ms": {name: spread(values) for name, values in stages.items()},
    }


def bench_process(command: list[str], folder: Path, runs: int, cache: Path | None) -> dict[str, float]:
    """Wall time in ms of a command in a new process; `cache` is an own folder for compiled kernels."""
    times = []
    environment = dict(os.environ) | ({"NUMBA_CACHE_DIR": str(cache)} if cache else {})
    for run in range(runs):
        output = folder / f"{run}-{cache is None}.glb"
        start = time.perf_counter()
        subprocess.run([*command, "-o", str(output)], check=True, env=environment, stdout=subprocess.DEVNULL)
        times.append(1000 * (time.perf_counter() - start))
        assert output.stat().st_size > 0
    return spread(times)


def choose_photos(folder: str | None, count: int, category: str) -> list[Path]:
    """Up to `count` photo files of a category, evenly spread over a set; without a set the sample."""
    if folder is None:
        import unrender

        return [Path(unrender.__file__).parent / "models" / "sample.jpg"]
    from unrender.evaluate.photos import select_photos

    photos = select_photos(folder, category=category, exclude_trained=True, limit=count)
    return [photos.path(record) for record in photos]


def main() -> None:
    """Run all measurements and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", help="photo set with an index.csv (default: the package's sample)")
    parser.add_argument("--category", default="bird")
    parser.add_argument("--count", type=int, default=32, help="number of photos")
    parser.add_argument("--repeats", type=int, default=3, help="rounds over the photos")
    parser.add_argument("--processes", type=int, default=7, help="new processes with compiled kernels")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", help="model folder (default: the one inside the package)")
    parser.add_argument("--out", type=Path, default=RESULTS / "reconstruct.json")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)

    from unrender.evaluate.report import machine
    from unrender.image import load_photo
    from unrender.reconstruct import Reconstructor
    from unrender.render import set_num_threads

    set_num_threads(options.threads)
    paths = choose_photos(options.photos, options.count, options.category)
    photos = [load_photo(path) for path in paths]
    reconstructor = Reconstructor.from_pretrained(options.model, threads=options.threads)
    for photo in photos[:3]:
        reconstructor(photo)  # compiles
    record: dict[str, Any] = {"machine": machine(), "threads": options.threads, "photos": len(photos)}
    record["load_average"] = os.getloadavg()[0]
    for name, loop in (("default", True), ("no_loop", False)):
        record[name] = bench_calls(
            photos, lambda photo, loop=loop: reconstructor(photo, loop=loop), options.repeats
        )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        command = [sys.executable, "-m", "unrender.cli.main", str(paths[0])]
        command += ["--model", options.model] if options.model else []
        record["very_first_run_ms"] = bench_process(command, place, 1, place / "cache")
        bench_process(command, place / "again", 1, None)
        record["new_process_ms"] = bench_process(command, place, options.processes, None)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record, indent=1))
    print(options.out)


if __name__ == "__main__":
    main()
