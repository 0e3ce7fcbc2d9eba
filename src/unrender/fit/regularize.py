"""Losses that need no photo: smooth surface, smooth albedo, plain light, cameras near those given."""

from __future__ import annotations

import math

import numpy as np

from unrender.fit.config import LossWeights
from unrender.fit.objective import Scene
from unrender.fit.shading import face_normal
from unrender.light import SH_0
from unrender.render.kernels.jit import relaxed
from unrender.topology import adjacency, edges


def white_light() -> np.ndarray:
    """float64 [9, 3]: a constant environment of radiance 1; shows the albedo itself."""
    light = np.zeros((9, 3))
    light[0] = 1 / SH_0
    return light


class Regularizer:
    """The losses of one mesh topology."""

    def __init__(self, faces: np.ndarray, vertex_count: int, weights: LossWeights) -> None:
        self.weights = weights
        self.offsets, self.neighbours = adjacency(faces, vertex_count)
        self.edges, self.faces = edges(faces), faces

    def add(self, scene: Scene, total: Scene) -> dict[str, float]:
        """Add the gradients to `total` and return the losses by name, not weighted."""
        weights, count = self.weights, len(scene.vertices)
        sides = scene.vertices[self.edges[:, 0]] - scene.vertices[self.edges[:, 1]]
        length = float(np.sqrt((sides * sides).sum(1).mean()))
        bent = np.empty_like(scene.vertices)
        _laplacian(self.offsets, self.neighbours, scene.vertices, bent)
        smooth = float((bent * bent).sum()) / (count * length**2)
        grad = np.empty_like(bent)
        _laplacian_transposed(self.offsets, self.neighbours, bent, grad)
        total.vertices += (2 * weights.smooth / (count * length**2)) * grad

        area = 0.0
        if weights.area > 0:
            grad[:] = 0.0
            area = _area(scene.vertices, self.faces, grad)
            total.vertices += weights.area * grad

        step = np.empty_like(scene.albedo)
        _graph_laplacian(self.offsets, self.neighbours, scene.albedo, step)
        albedo = float((scene.albedo * step).sum()) / count
        total.albedo += (2 * weights.albedo / count) * step

        away = scene.light - white_light()
        total.light += 2 * weights.light * away
        total.poses += 2 * weights.camera * scene.poses
        return {
            "smooth": smooth,
            "area": area,
            "albedo": albedo,
            "light": float((away * away).sum()),
            "camera": float((scene.poses**2).sum()),
        }


@relaxed
def _laplacian(offsets, neighbours, values, out):
    """Mean of the neighbours minus the vertex."""
    for i in range(values.shape[0]):
        share = 1.0 / max(offsets[i + 1] - offsets[i], 1)
        for c in range(values.shape[1]):
            total = 0.0
            for n in range(offsets[i], offsets[i + 1]):
                total += values[neighbours[n], c]
            out[i, c] = total * share - values[i, c]


@relaxed
def _laplacian_transposed(offsets, neighbours, values, out):
    for i in range(values.shape[0]):
        for c in range(values.shape[1]):
            total = -values[i, c]
            for n in range(offsets[i], offsets[i + 1]):
                j = neighbours[n]
                total += values[j, c] / (offsets[j + 1] - offsets[j])
            out[i, c] = total


@relaxed
def _graph_laplacian(offsets, neighbours, values, out):
    """Half the gradient of the sum of squared differences along edges."""
    for i in range(values.shape[0]):
        valence = offsets[i + 1] - offsets[i]
        for c in range(values.shape[1]):
            total = 0.0
            for n in range(offsets[i], offsets[i + 1]):
                total += values[neighbours[n], c]
            out[i, c] = valence * values[i, c] - total


@relaxed
def _area(vertices, faces, out):
    """Area of the surface; adds its gradient at the vertices to out [V, 3]."""
    total = 0.0
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        nx, ny, nz = face_normal(vertices, a, b, c)
        length = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-20
        total += 0.5 * length
        nx, ny, nz = nx / length, ny / length, nz / length
        for corner in range(3):  # half the unit normal times the opposite side, turned inwards
            i, j, k = faces[f, corner], faces[f, (corner + 1) % 3], faces[f, (corner + 2) % 3]
            x = vertices[k, 0] - vertices[j, 0]
            y = vertices[k, 1] - vertices[j, 1]
            z = vertices[k, 2] - vertices[j, 2]
            out[i, 0] += 0.5 * (ny * z - nz * y)
            out[i, 1] += 0.5 * (nz * x - nx * z)
            out[i, 2] += 0.5 * (nx * y - ny * x)
    return total
