"""How near the bird generator can come to given bird meshes: 3D IoU of the best seed and of the best
parameters.

    python benchmarks/bird_coverage.py MESH_FOLDER --pattern 'aves_*.glb' --seeds 1000 --steps 300

Shapes are compared by the evaluation protocol (`unrender.metrics.shapes`): bounding-box centre to the
origin, longest side to 1, 32^3 cells, surface samples plus what slices enclose, no rotation. The meshes
are only measured against.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import tyro

from unrender.mesh import load_mesh
from unrender.metrics.shapes import iou_3d, normalize_box, voxelize
from unrender.synthesize.bird import shape_from_parameters
from unrender.synthesize.bird_parameters import (
    LIMITS,
    PARAMETER_NAMES,
    BirdParameters,
    sample_parameters,
    spread,
)
from unrender.synthesize.bird_parts import faces


def occupancy(vertices: np.ndarray, triangles: np.ndarray, samples: int) -> np.ndarray:
    """bool [32, 32, 32]."""
    return voxelize(normalize_box(vertices, triangles), triangles, samples=samples)


def parameters_of_seed(seed: int) -> BirdParameters:
    """The parameters `make_bird(seed, open_wings=False)` uses, looking straight ahead."""
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(3)[0])
    return replace(sample_parameters(rng, open_wings=False)[0], head_yaw=0.0)


def refine(
    start: BirdParameters, target: np.ndarray, steps: int, samples: int, rng: np.random.Generator
) -> tuple[BirdParameters, float]:
    """Random search with adaptive step lengths about `start`."""
    low, high = LIMITS
    scale = np.maximum(spread(start), 0.02 * (high - low) * (spread(start) > 0))
    best = start.to_vector()
    best_iou = iou_3d(occupancy(shape_from_parameters(start), faces(), samples), target)
    length = 0.7
    direction = np.zeros(len(best))
    for _ in range(steps):
        chosen = rng.random(len(best)) < 8 / len(best)
        step = length * scale * chosen * rng.standard_normal(len(best)) + 0.5 * direction
        candidate = np.clip(best + step, low, high)
        shape = shape_from_parameters(BirdParameters.from_vector(candidate))
        iou = iou_3d(occupancy(shape, faces(), samples), target)
        if iou > best_iou:
            direction = candidate - best
            best, best_iou = candidate, iou
            length = min(length * 1.15, 1.5)
        else:
            direction = 0 * direction
            length = max(length * 0.985, 0.12)
    return BirdParameters.from_vector(best), best_iou


def main(
    folder: tyro.conf.Positional[Path],
    pattern: str = "*.glb",
    seeds: int = 1000,
    steps: int = 300,
    out: Path | None = None,
) -> None:
    """Print the best fit of every mesh.

    Args:
        folder: folder of bird meshes (+Y up, front +Z).
        pattern: which files.
        seeds: birds to try as they come.
        steps: steps of the local search that starts at the best of them.
        out: write the figures and best parameters there as JSON.
    """
    targets = {}
    for path in sorted(folder.glob(pattern)):
        mesh = load_mesh(path)
        targets[path.stem] = occupancy(mesh.vertices, mesh.faces, 60_000)
    samples = 30_000
    best = {name: (0.0, -1) for name in targets}
    for seed in range(seeds):
        grid = occupancy(shape_from_parameters(parameters_of_seed(seed)), faces(), samples)
        for name, target in targets.items():
            best[name] = max(best[name], (iou_3d(grid, target), seed))
    default = occupancy(shape_from_parameters(BirdParameters()), faces(), 60_000)
    rows = []
    for name, target in targets.items():
        parameters, _ = refine(
            parameters_of_seed(best[name][1]), target, steps, samples, np.random.default_rng(best[name][1])
        )
        final = iou_3d(occupancy(shape_from_parameters(parameters), faces(), 60_000), target)
        vector = dict(zip(PARAMETER_NAMES, (round(float(v), 4) for v in parameters.to_vector()), strict=True))
        plain, (seed_iou, seed) = iou_3d(default, target), best[name]
        row = {"mesh": name, "default": plain, "seed": seed, "best_seed": seed_iou, "best_fit": final}
        rows.append({**row, "parameters": vector})
        print(
            f"{name:45s} default {plain:.3f}  best of {seeds} seeds {seed_iou:.3f}  best fit {final:.3f}",
            flush=True,
        )
    for key in ("default", "best_seed", "best_fit"):
        print(f"mean {key}: {np.mean([row[key] for row in rows]):.3f}")
    if out is not None:
        out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    tyro.cli(main)
