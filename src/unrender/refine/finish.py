"""The last part of a refinement: every vertex follows the renderer's soft silhouette.

What the smooth fields cannot say, such as the notch between a neck and a back, is said by the vertices
themselves. The gradient of the squared difference of soft silhouettes (DIB-R) is smoothed by a kernel over
space at the present positions and made nearly mirror-symmetric. Small steps along smooth fields are a flow,
and flows neither fold a surface nor take it through itself (Beg, Miller, Trouve and Younes, "Computing large
deformation metric mappings via geodesic flows of diffeomorphisms", IJCV 2005). The camera stays; the prior on
proportions has its say on what the photo does not show.
"""

from __future__ import annotations

import numpy as np

from unrender.fit.optimizer import Adam
from unrender.fit.targets import soft_edge
from unrender.reconstruct.contour import overlap
from unrender.refine.config import FinishConfig
from unrender.refine.deformation import smooth_in_space
from unrender.refine.solver import Solver
from unrender.render.kernels import rasterize, soft_mask
from unrender.render.kernels.threads import num_threads

_NEAREST = soft_mask.COMBINE["nearest"]


class Finish:
    """Moves the vertices of a solver's best state.

    Attributes:
        vertices: float64 [V, 3], object frame, the best so far. iou: of its coverage and the mask.
    """

    def __init__(self, solver: Solver, config: FinishConfig) -> None:
        self.solver, self.config, self.state = solver, config, solver.best
        self.present = self.vertices = solver.vertices(self.state)
        self.iou = self.state.iou
        self.mirror = solver.deformation.mirror
        self.adam = Adam(self.present.shape, uniform=True)
        self.area = max(1.0, float(solver.mask.sum()))
        # d(clip)/d(camera space): the picture is square and its principal point the centre
        self.projection = solver.projection[:, :3]

    def step(self, progress: float) -> None:
        """One step; `progress` in [0, 1] sharpens the silhouette and shortens the steps."""
        solver, config, threads = self.solver, self.config, num_threads()
        size, rotation = len(solver.mask), self.state.rotation
        clip = solver.project(self.present, self.state)[2]
        index = rasterize.forward(clip, solver.faces, size, size, threads=threads, barycentrics=False)[0]
        iou = overlap(index[0], solver.mask)
        if iou > self.iou:
            self.iou, self.vertices = iou, self.present
        blur = config.blur_start * (config.blur_end / config.blur_start) ** progress
        delta = (2 * blur / size) ** 2
        soft = soft_mask.forward(clip, solver.faces, index, delta, _NEAREST, threads)
        difference = (soft - soft_edge(solver.distance, blur)) * np.float32(2 / self.area)
        slope = soft_mask.vjp(clip, solver.faces, index, soft, difference, delta, _NEAREST, threads)
        gradient = slope[0].astype(np.float64) @ self.projection @ rotation
        if config.proportions and not solver.part_out:
            gradient += config.proportions * self._out_of_proportion()
        across = gradient[self.mirror] * [-1.0, 1.0, 1.0]
        gradient = 0.5 * (1 + config.one_sided) * gradient + 0.5 * (1 - config.one_sided) * across
        gradient = smooth_in_space(self.present, gradient, config.reach)
        self.present = self.present + self.adam.step(gradient, config.pace * 0.2**progress)

    def _out_of_proportion(self) -> np.ndarray:
        """[V, 3]: gradient of half the squared deviation from usual proportions, along three scalings."""
        away = self.present - self.present.mean(0)
        scalings = away[:, :, None] * np.eye(3)
        deviation, slope = self.solver.deformation.proportions.residuals(self.present, scalings)
        pull: np.ndarray = (deviation @ slope) * away / (away * away).sum(0)
        return pull
