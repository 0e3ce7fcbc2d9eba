"""How well a shape space can say shapes it was not learnt from: 3D IoU of its best fit, beside its mean's.

    python benchmarks/shape_space.py runs/spaces/chair.safetensors --category chair --meshes MESH_FOLDER

The shapes are procedural objects of seeds that no training set uses, and the oriented meshes of split
"val" of a folder with an index.csv. Coefficients, scale and place are fitted in 3D: surface points of the
shape to the nearest vertices of the template and back (iterated closest points, Besl and McKay 1992, with
normals), with a ridge that counts one standard deviation of a coefficient as a distance of `ridge`. The
first closest points are those of the mean, so figures are lower bounds. IoU follows the evaluation
protocol (`unrender.metrics.shapes`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from scipy.spatial import cKDTree

from unrender.data.mesh_set import MeshSet
from unrender.mesh import load_mesh, vertex_normals
from unrender.metrics.shapes import iou_3d, normalize_box, sample_surface, voxelize
from unrender.shape_space import ShapeSpace, load_shape_space
from unrender.synthesize.bird_shape import normalise
from unrender.synthesize.catalogue import CATEGORIES
from unrender.synthesize.objects import make_object, object_seed
from unrender.template import make_template

SEED = 901
"""Of the held-out procedural shapes; training sets use small seeds."""


@dataclass(frozen=True)
class Figures:
    """Mean 3D IoU over shapes."""

    shapes: int
    mean: float
    fit: float


def surface(vertices: np.ndarray, faces: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of the surface [count, 3] and normals, those of the nearest corners."""
    points = sample_surface(vertices, faces, count)
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    many = sample_surface(vertices, faces, 4 * count, seed=1)
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    total = np.cumsum(area)
    rng = np.random.default_rng(1)
    face = np.searchsorted(
        total, (np.arange(4 * count) + rng.random(4 * count)) / (4 * count) * total[-1], side="right"
    )
    return points, normal[np.minimum(face, len(faces) - 1)][cKDTree(many).query(points)[1]]


def fit(space: ShapeSpace, points: np.ndarray, normals: np.ndarray, steps: int, ridge: float) -> np.ndarray:
    """Vertices [V, 3] of the space's shape nearest to surface points [N, 3] with normals."""
    faces = make_template(3).faces
    basis = space.basis.reshape(space.size, -1, 3).astype(np.float64)
    count = len(space.mean)
    moves = np.concatenate([basis, np.eye(3)[:, None].repeat(count, 1), space.mean[None].astype(np.float64)])
    weight = np.concatenate([np.full(space.size, ridge), np.full(4, 1e-3)])
    state = np.zeros(len(moves))
    target = cKDTree(np.concatenate([points, 0.2 * normals], 1))
    for _ in range(steps):
        shape = space.mean + np.einsum("k,kvc->vc", state, moves)
        facing = vertex_normals(shape, faces).astype(np.float64)
        features = np.concatenate([shape, 0.2 * facing], 1)
        _, nearest = target.query(features)
        _, owner = cKDTree(features).query(target.data)
        vertex = np.concatenate([np.arange(count), owner])
        point = np.concatenate([nearest, np.arange(len(points))])
        share = np.concatenate([np.full(count, 1 / count), np.full(len(points), 1 / len(points))]) ** 0.5
        for direction, strength in ((normals[point], 1.0), (None, 0.35)):
            gap = points[point] - shape[vertex]
            rows = moves[:, vertex]
            if direction is not None:
                block = (rows * direction).sum(-1).T * share[:, None]
                right = (gap * direction).sum(-1) * share
                system, answer = strength * block.T @ block, strength * block.T @ right
            else:
                block = (rows * share[:, None]).reshape(len(moves), -1)
                system = system + strength**2 * block @ block.T
                answer = answer + strength**2 * block @ (gap * share[:, None]).reshape(-1)
        system = system + np.diag(weight**2)
        state = state + np.linalg.solve(system, answer - weight**2 * state)
        state[: space.size] = np.clip(state[: space.size], -3.5, 3.5)
    return np.asarray(space.mean + np.einsum("k,kvc->vc", state, moves))


def compare(
    space: ShapeSpace, shapes: list[tuple[np.ndarray, np.ndarray]], steps: int, ridge: float
) -> Figures | None:
    """Figures over shapes (vertices, faces); None without shapes."""
    if not shapes:
        return None
    faces = make_template(3).faces
    mean = voxelize(normalize_box(space.mean, faces), faces)
    rows = []
    for vertices, triangles in shapes:
        truth = voxelize(normalize_box(vertices, triangles), triangles)
        points, normals = surface(vertices.astype(np.float64), triangles, 5000)
        fitted = fit(space, points, normals, steps, ridge)
        rows.append((iou_3d(mean, truth), iou_3d(voxelize(normalize_box(fitted, faces), faces), truth)))
    average = np.mean(rows, axis=0)
    return Figures(len(rows), round(float(average[0]), 3), round(float(average[1]), 3))


def main(
    space: tyro.conf.Positional[Path], category: str, meshes: Path | None = None, count: int = 12, steps:
    int = 20, ridge: float = 0.01, split: str = "val",
) -> None:  # fmt: skip
    """Print the figures as JSON.

    Args:
        space: safetensors file of one or more categories.
        category: whose space.
        meshes: folder with an index.csv.
        count: procedural shapes.
        steps: of the fit.
        ridge: distance (of half the object's length) that a standard deviation of a coefficient counts.
        split: of the meshes.
    """
    learnt = load_shape_space(space, f"{category}.")
    source = "birds" if category == "bird" else category
    made = []
    if source == "birds" or source in CATEGORIES:
        items = [make_object(source, (), object_seed(SEED, k)) for k in range(count)]
        made = [(item.vertices, item.faces) for item in items]
    gathered = []
    if meshes is not None:
        rows = MeshSet(meshes).filter(category=category, split=split)
        for row in rows:
            if row.oriented or category == "object":
                mesh = load_mesh(rows.path(row))
                gathered.append((normalise(mesh.vertices.astype(np.float64)), mesh.faces))
    for name, shapes in (("procedural", made), (f"meshes, {split}", gathered)):
        figures = compare(learnt, shapes, steps, ridge)
        if figures is not None:
            print(json.dumps({"category": category, "shapes": name, "count": figures.shapes,
                              "mean": figures.mean, "fit": figures.fit}), flush=True)  # fmt: skip


if __name__ == "__main__":
    tyro.cli(main)
