"""Losses that need no photo: smooth surface, smooth albedo, plain light, cameras near those given."""

from __future__ import annotations

import numpy as np

from unrender.fit.config import LossWeights
from unrender.fit.objective import Scene
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
        self.edges = edges(faces)

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

        step = np.empty_like(scene.albedo)
        _graph_laplacian(self.offsets, self.neighbours, scene.albedo, step)
        albedo = float((scene.albedo * step).sum()) / count
        total.albedo += (2 * weights.albedo / count) * step

        away = scene.light - white_light()
        total.light += 2 * weights.light * away
        total.poses += 2 * weights.camera * scene.poses
        return {
            "smooth": smooth,
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
