"""The last part of a refinement: every vertex follows the renderer's soft silhouette, in smooth steps.

What the smooth fields cannot say, such as the notch between a neck and a back, is said by the vertices
themselves. The gradient of the squared difference of soft silhouettes (DIB-R) is smoothed over the mesh
("Large Steps in Inverse Rendering of Geometry") and made nearly mirror-symmetric; it has no part along the
line of sight, so depths stay. The camera stays too.
"""

from __future__ import annotations

import numpy as np

from unrender.fit.diffusion import Diffusion
from unrender.fit.optimizer import Adam
from unrender.fit.targets import soft_edge
from unrender.reconstruct.contour import overlap
from unrender.refine.config import FinishConfig
from unrender.refine.solver import Solver
from unrender.render.kernels import rasterize, soft_mask
from unrender.render.kernels.threads import num_threads
from unrender.template import make_template

_NEAREST = soft_mask.COMBINE["nearest"]
_TOLERANCE = 1e-3


class Finish:
    """Moves the vertices of a solver's best state.

    Attributes:
        vertices: float64 [V, 3], object frame, the best so far. iou: of its coverage and the mask.
    """

    def __init__(self, solver: Solver, config: FinishConfig) -> None:
        self.solver, self.config, self.state = solver, config, solver.best
        self.start = self.vertices = solver.vertices(self.state)
        self.iou = self.state.iou
        self.moved = np.zeros_like(self.start)
        self.mirror = make_template(3).mirror
        self.diffusion = Diffusion(solver.faces, len(self.start), config.diffusion)
        self.adam = Adam(self.start.shape, uniform=True)
        self.area = max(1.0, float(solver.mask.sum()))
        # d(clip)/d(camera space): the picture is square and its principal point the centre
        self.projection = solver.projection[:, :3]

    def step(self, progress: float) -> None:
        """One step; `progress` in [0, 1] sharpens the silhouette and shortens the steps."""
        solver, config, threads = self.solver, self.config, num_threads()
        size, rotation = len(solver.mask), self.state.rotation
        clip = solver.project(self.start + self.moved, self.state)[2]
        index = rasterize.forward(clip, solver.faces, size, size, threads=threads, barycentrics=False)[0]
        iou = overlap(index[0], solver.mask)
        if iou > self.iou:
            self.iou, self.vertices = iou, self.start + self.moved
        blur = config.blur_start * (config.blur_end / config.blur_start) ** progress
        delta = (2 * blur / size) ** 2
        soft = soft_mask.forward(clip, solver.faces, index, delta, _NEAREST, threads)
        difference = (soft - soft_edge(solver.distance, blur)) * np.float32(2 / self.area)
        slope = soft_mask.vjp(clip, solver.faces, index, soft, difference, delta, _NEAREST, threads)
        gradient = slope[0].astype(np.float64) @ self.projection @ rotation
        rough = self.diffusion.apply(self.moved) - self.moved
        gradient += config.stiffness / len(gradient) * rough
        across = gradient[self.mirror] * [-1.0, 1.0, 1.0]
        gradient = 0.5 * (1 + config.one_sided) * gradient + 0.5 * (1 - config.one_sided) * across
        for _ in range(2):
            gradient = self.diffusion.solve(gradient, tolerance=_TOLERANCE)
        self.moved = self.moved + self.adam.step(gradient, config.pace * 0.2**progress)
