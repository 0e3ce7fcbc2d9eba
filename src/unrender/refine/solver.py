"""Levenberg-Marquardt on the outline with camera, coefficients and smooth fields.

The residuals and their derivatives are those of `unrender.reconstruct.contour`; the fields are more columns
of the basis. Every unknown has a Gaussian prior round where the reconstruction left it, so that what
the photo does not show stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unrender.camera import Camera
from unrender.reconstruct.contour import (
    exp_rotation,
    find_matches,
    log_rotation,
    normal_equations,
    overlap,
    project,
)
from unrender.reconstruct.distance import outline, signed_distance
from unrender.reconstruct.linear import solve_positive
from unrender.refine.config import RefineConfig
from unrender.refine.deformation import Deformation
from unrender.render.kernels import rasterize
from unrender.shape_space import PART_OUT


@dataclass(frozen=True, eq=False)
class State:
    """Camera and shape.

    Attributes:
        rotation: [3, 3]. translation: [3]. unknowns: [K + M] coefficients, then those of the offsets.
        iou: of the coverage and the mask at the solver's size.
    """

    rotation: np.ndarray
    translation: np.ndarray
    unknowns: np.ndarray
    iou: float


class Solver:
    """One photo's refinement."""

    def __init__(
        self,
        deformation: Deformation,
        mask: np.ndarray,
        focal: float,
        config: RefineConfig,
        start: State,
        vertices: np.ndarray | None = None,
    ) -> None:
        """Set up.

        Args:
            deformation: of the category, made with the same `config`.
            mask: [S, S] in [0, 1] on the square crop, S = `config.size`.
            focal: in pixels of that crop. start: the reconstruction's pose; of its unknowns the coefficients.
            vertices: [V, 3] of its mesh, for what it has besides the coefficients; None where it has nothing.
        """
        self.config, self.focal, self.deformation = config, float(focal), deformation
        self.faces, self.known = deformation.faces, deformation.space.size
        count, optional = len(deformation.flat), deformation.space.optional
        self.mask = np.ascontiguousarray(mask > 0.5)
        self.distance = signed_distance(self.mask)
        self.points, self.normals = outline(mask, config.outline_points)
        fov = 2 * np.arctan(0.5 * config.size / focal)
        self.projection = Camera.from_fov(config.size, np.eye(4), float(np.degrees(fov))).projection()
        self.anchor = np.zeros(count)
        self.anchor[: self.known] = start.unknowns[: self.known]
        self.anchor_rotation = start.rotation.copy()
        self.put_away = np.zeros(count, bool)
        self.part_out = optional is not None and start.unknowns[np.argmax(optional)] >= PART_OUT
        if optional is not None and not self.part_out:
            self.put_away[: self.known] = optional
        unknowns = self.anchor.copy()
        if vertices is not None:
            beyond = (np.asarray(vertices, np.float64) - deformation.vertices(unknowns)).reshape(-1)
            own = deformation.flat[self.known :]
            unknowns[self.known :] = np.linalg.solve(own @ own.T, own @ beyond)
            self.anchor = unknowns.copy()
        self.state, self.view = self._see(start.rotation, start.translation, unknowns)
        self.best = self.state

    def vertices(self, state: State) -> np.ndarray:
        """float64 [V, 3], object frame."""
        return self.deformation.vertices(state.unknowns)

    def step(self, progress: float) -> float:
        """One damped Gauss-Newton step; `progress` in [0, 1] anneals.

        Returns:
            The largest movement of a vertex in pixels.
        """
        config, state = self.config, self.state
        local, pixels, index = self.view
        scale = config.scale_start * (config.scale_end / config.scale_start) ** progress
        matches = find_matches(
            pixels, self.faces, self.deformation.edge_vertices, self.deformation.edge_faces, index,
            self.points, self.normals,
        )  # fmt: skip
        size = 6 + len(state.unknowns)
        hessian, gradient = np.empty((size, size)), np.empty(size)
        normal_equations(
            local, state.translation, state.rotation, pixels, self.focal, self.deformation.basis,
            *matches,
            self.distance, scale, hessian, gradient,
        )  # fmt: skip
        self._add_priors(state, hessian, gradient)
        diagonal = np.arange(size)
        hessian[diagonal, diagonal] += 1e-3 * hessian[diagonal, diagonal] + 1e-9
        change = -gradient
        if not solve_positive(hessian, change) or not np.isfinite(change).all():
            return 0.0
        angle, bend = float(np.linalg.norm(change[:3])), float(np.abs(change[6:]).max())
        change *= min(1.0, 0.2 / max(angle, 1e-9), 1.0 / max(bend, 1e-9))
        translation = state.translation + change[3:6]
        translation[2] = min(translation[2], -1.3)
        rotation = np.ascontiguousarray(exp_rotation(change[:3]) @ state.rotation)
        self.state, self.view = self._see(rotation, translation, state.unknowns + change[6:])
        if self.state.iou > self.best.iou:
            self.best = self.state
        return float(np.abs(self.view[1] - pixels).max())

    def _add_priors(self, state: State, hessian: np.ndarray, gradient: np.ndarray) -> None:
        config, size, known = self.config, len(gradient), self.known
        gradient[:3] += config.near_camera * log_rotation(state.rotation @ self.anchor_rotation.T)
        start = np.full(size - 6, config.offsets)
        start[:known] = config.near_start
        mean = np.zeros(size - 6)
        mean[:known] = config.near_mean
        mean += config.part_precision * self.put_away
        gradient[6:] += start * (state.unknowns - self.anchor) + mean * state.unknowns
        hessian[np.arange(3), np.arange(3)] += config.near_camera
        hessian[np.arange(6, size), np.arange(6, size)] += start + mean
        if config.proportions and not self.part_out:
            deformation = self.deformation
            deviation, slope = deformation.proportions.residuals(self.vertices(state), deformation.basis)
            gradient[6:] += config.proportions * (deviation @ slope)
            hessian[6:, 6:] += config.proportions * (slope.T @ slope)

    def project(self, vertices: np.ndarray, state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vertices [V, 3] seen with a state's camera: camera space [V, 3], pixels [V, 2], clip [1, V, 4]."""
        local, pixels = np.empty_like(vertices), np.empty((len(vertices), 2))
        clip = np.empty((1, len(vertices), 4), np.float32)
        project(
            vertices, np.ascontiguousarray(state.rotation), state.translation, self.focal, self.config.size,
            self.projection[2, 2], self.projection[2, 3], local, pixels, clip,
        )  # fmt: skip
        return local, pixels, clip

    def _see(
        self, rotation: np.ndarray, translation: np.ndarray, unknowns: np.ndarray
    ) -> tuple[State, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Render the shape: the state, and its camera-space vertices, pixels and face index."""
        size = self.config.size
        state = State(rotation, translation, unknowns, 0.0)
        local, pixels, clip = self.project(self.vertices(state), state)
        index = rasterize.forward(clip, self.faces, size, size, barycentrics=False)[0][0]
        return replace(state, iou=overlap(index, self.mask)), (local, pixels, index)
