"""How near a generator can come to given meshes: 3D IoU of the best seed and of the best parameters.

    python benchmarks/generator_coverage.py MESH_FOLDER --category animal --seeds 200 --steps 100

The folder has an `index.csv`; meshes of the category whose front is known are measured against, whatever
their split.
Shapes are compared by the evaluation protocol (`unrender.metrics.shapes`): bounding-box centre to the
origin, longest
side to 1, 32^3 cells, surface samples plus what slices enclose, no rotation. Beside it stands the mean
occupancy of the
default object, as a baseline. Nothing is learnt from the meshes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro

from unrender.data.mesh_set import MeshSet
from unrender.mesh import load_mesh
from unrender.metrics.shapes import iou_3d, normalize_box, voxelize
from unrender.synthesize.catalogue import generator


@dataclass(frozen=True)
class Family:
    """A generator as a function of a vector: default and seeded vectors, limits, spreads, vertices and
    faces."""

    default: np.ndarray
    of_seed: Callable[[int], np.ndarray]
    limits: tuple[np.ndarray, np.ndarray]
    spread: Callable[[np.ndarray], np.ndarray]
    shape: Callable[[np.ndarray], np.ndarray]
    faces: np.ndarray


def family_of(category: str) -> Family:
    """The generator of a category, "bird" included."""
    if category == "bird":
        from unrender.synthesize import bird_parameters as bird
        from unrender.synthesize.bird import shape_from_parameters
        from unrender.synthesize.bird_parts import faces

        def of_seed(seed: int) -> np.ndarray:
            rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(3)[0])
            return replace(bird.sample_parameters(rng, open_wings=False)[0], head_yaw=0.0).to_vector()

        read = bird.BirdParameters.from_vector
        return Family(
            bird.BirdParameters().to_vector(), of_seed, bird.LIMITS, lambda v: bird.spread(read(v)),
            lambda v: shape_from_parameters(read(v)), faces(),
        )  # fmt: skip
    chosen = generator(category)
    space = chosen.space
    return Family(
        space.to_vector(space.default()), lambda seed: space.to_vector(chosen.parameters(seed)[0]),
            space.limits,
        lambda v: space.spread(space.from_vector(v)), lambda v: chosen.vertices(space.from_vector(v)),
        chosen.topology.faces,
    )  # fmt: skip


def occupancy(vertices: np.ndarray, triangles: np.ndarray, samples: int) -> np.ndarray:
    """bool [32, 32, 32]."""
    return voxelize(normalize_box(vertices, triangles), triangles, samples=samples)


def refine(
    family: Family, start: np.ndarray, target: np.ndarray, steps: int, samples: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Random search with adaptive step lengths about `start`; parameters without a spread stay."""
    low, high = family.limits
    sigma = family.spread(start)
    scale = np.maximum(sigma, 0.02 * (high - low) * (sigma > 0))
    best, best_iou = start, iou_3d(occupancy(family.shape(start), family.faces, samples), target)
    length, direction = 0.7, np.zeros(len(best))
    for _ in range(steps):
        chosen = rng.random(len(best)) < 8 / len(best)
        step = length * scale * chosen * rng.standard_normal(len(best)) + 0.5 * direction
        candidate = np.clip(best + step, low, high)
        iou = iou_3d(occupancy(family.shape(candidate), family.faces, samples), target)
        if iou > best_iou:
            direction, best, best_iou = candidate - best, candidate, iou
            length = min(length * 1.15, 1.5)
        else:
            direction = 0 * direction
            length = max(length * 0.985, 0.12)
    return best, best_iou


def main(
    folder: tyro.conf.Positional[Path],
    category: str = "animal",
    match: str = "*",
    seeds: int = 200,
    steps: int = 100,
    samples: int = 20_000,
    out: Path | None = None,
) -> None:
    """Print the best fit of every mesh.

    Args:
        folder: folder of meshes with an index.csv.
        category: which meshes, and which generator.
        match: pattern of mesh names.
        seeds: objects to try as they come.
        steps: steps of the local search that starts at the best of them.
        samples: surface samples of a shape while searching; 60,000 for the figures printed.
        out: write the figures there as JSON.
    """
    family = family_of(category)
    meshes = MeshSet(folder).filter(match=match, category=category, oriented=True)
    targets = {}
    for record in meshes:
        mesh = load_mesh(meshes.path(record))
        targets[record.name] = occupancy(mesh.vertices, mesh.faces, 60_000)
    best = {name: (0.0, -1) for name in targets}
    for seed in range(seeds):
        grid = occupancy(family.shape(family.of_seed(seed)), family.faces, samples)
        for name, target in targets.items():
            best[name] = max(best[name], (iou_3d(grid, target), seed))
    default = occupancy(family.shape(family.default), family.faces, 60_000)
    rows = []
    for name, target in targets.items():
        seed = best[name][1]
        fitted, _ = refine(family, family.of_seed(seed), target, steps, samples, np.random.default_rng(seed))
        row = {
            "mesh": name, "default": iou_3d(default, target), "seed": seed,
            "best_seed": iou_3d(occupancy(family.shape(family.of_seed(seed)), family.faces, 60_000), target),
            "best_fit": iou_3d(occupancy(family.shape(fitted), family.faces, 60_000), target),
        }  # fmt: skip
        rows.append(row)
        print(f"{name:45s} default {row['default']:.3f}  best of {seeds} seeds {row['best_seed']:.3f}"
              f"  best fit {row['best_fit']:.3f}", flush=True)  # fmt: skip
    means = {key: float(np.mean([row[key] for row in rows])) for key in ("default", "best_seed", "best_fit")}
    print(
        f"{category}: {len(rows)} meshes, means: "
        + ", ".join(f"{key} {value:.3f}" for key, value in means.items())
    )
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        record = {"category": category, "seeds": seeds, "steps": steps, "means": means, "meshes": rows}
        out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    tyro.cli(main)
