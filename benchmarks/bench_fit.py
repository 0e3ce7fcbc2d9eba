"""Quality and time of `unrender fit` on a made-up scan of which everything is known and on captures.

    python benchmarks/bench_fit.py                            # 24 photos of a made-up object
    python benchmarks/bench_fit.py --capture DIR --grid 96    # photos with cameras; every 6th is left out

Prints the figures of the photos left out; for the made-up object also the distance of the surfaces: the mean
of the two directed mean distances (Chamfer-L1), in % of the longest side of the object's box, from 10,000
points to 1,000,000 points of the other surface, so that the spacing of the samples hardly counts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from unrender.data.capture import load_capture
from unrender.fit import FitConfig, fit, score_views
from unrender.mesh import Mesh
from unrender.metrics import nearest_distances, sample_surface
from unrender.synthesize.scan import ScanSettings, make_object, write_scan


def surface_distance(first: Mesh, second: Mesh, side: float) -> float:
    """Chamfer-L1 as described above, in sides."""
    dense = [sample_surface(mesh.vertices, mesh.faces, 1_000_000, seed=1) for mesh in (first, second)]
    sparse = [sample_surface(mesh.vertices, mesh.faces, 10_000, seed=2) for mesh in (first, second)]
    there, back = nearest_distances(sparse[0], dense[1]), nearest_distances(sparse[1], dense[0])
    return float(there.mean() + back.mean()) / 2 / side


def run(folder: Path, config: FitConfig, every: int, output: Path | None) -> Mesh:
    """Fit one capture, print what it scores on the photos left out, and return the mesh."""
    capture, held = load_capture(folder).hold_out(every)
    begun = time.perf_counter()
    result = fit(capture, config)
    seconds = time.perf_counter() - begun
    rows = score_views(result, held)
    for row in rows:
        print(
            f"  {row['name']}: mask IoU {row['mask IoU']:.4f}, PSNR {row['PSNR']:.2f} dB "
            f"(object alone {row['PSNR object']:.2f})"
        )
    mean = {name: float(np.mean([row[name] for row in rows])) for name in ("mask IoU", "PSNR", "PSNR object")}
    print(
        f"{folder}: {len(capture)} photos fitted, {len(held)} left out, {len(result.mesh.faces)} faces, "
        f"{seconds:.0f} s: mask IoU {mean['mask IoU']:.4f}, PSNR {mean['PSNR']:.2f} dB "
        f"(object alone {mean['PSNR object']:.2f})"
    )
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        result.export(output / f"{folder.name}.glb")
        result.write_timelapse(output / f"{folder.name}.gif")
    return result.mesh


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--capture", type=Path, help="folder with photos, masks and cameras")
    parser.add_argument("--start", choices=("hull", "sphere"), default="hull")
    parser.add_argument("--grid", type=int, default=72)
    parser.add_argument("--every", type=int, default=6)
    parser.add_argument("--views", type=int, default=24, help="of the made-up scan")
    parser.add_argument("--size", type=int, default=256, help="of its photos")
    parser.add_argument("-o", "--output", type=Path, help="folder for meshes and time-lapses")
    options = parser.parse_args()
    config = FitConfig(start=options.start, grid=options.grid)
    if options.capture is not None:
        run(options.capture, config, options.every, options.output)
        return
    settings = ScanSettings(views=options.views, size=options.size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan"
        write_scan(path, settings)
        mesh = run(path, config, options.every, options.output)
    distance = surface_distance(mesh, make_object(settings), settings.unit)
    print(f"Chamfer-L1 {100 * distance:.3f} % of the box's side")


if __name__ == "__main__":
    main()
