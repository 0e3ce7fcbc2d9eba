"""Camera and deformation of one photo under a camera hypothesis: Gauss-Newton on the outline.

vertices = mean + sum_k d_k fields_k, d ~ N(0, covariance). Residuals and their derivatives are those of the
loop (`unrender.reconstruct.contour`); here the prior has a full covariance, and the normal equations are
handed on, for the mean shape is solved from those of all photos together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unrender.camera import Camera
from unrender.own.silhouettes import SIZE, Silhouette
from unrender.own.views import FOCAL, upright
from unrender.placement import place
from unrender.reconstruct.contour import (
    exp_rotation,
    find_matches,
    log_rotation,
    normal_equations,
    overlap,
    project,
)
from unrender.render.kernels import rasterize
from unrender.template import make_template
from unrender.topology import edge_faces

PRECISION = 0.03
"""What half a squared standard deviation of the deformation costs, in squared pixels of the mean residual."""
NEAR_CAMERA = 20.0
"""Precision of the rotation around upright views, in squared pixels per squared radian."""


@dataclass(frozen=True, eq=False)
class Pose:
    """One hypothesis: world-to-camera rotation [3, 3], translation [3], deformation [K], overlap (`iou`)."""

    rotation: np.ndarray
    translation: np.ndarray
    deformation: np.ndarray
    iou: float


@dataclass(frozen=True, eq=False)
class Normal:
    """Normal equations at a pose: `hessian` [6 + K, 6 + K] of the data, its `gradient` [6 + K], the
    diagonal `camera` [6] and the `force` [6] that keep the camera upright."""

    hessian: np.ndarray
    gradient: np.ndarray
    camera: np.ndarray
    force: np.ndarray


class Poser:
    """Fits poses of one mean shape and one set of fields.

    Args:
        mean: [V, 3]. fields: [K, V, 3]. precision: [K, K], inverse of the deformations' covariance.
    """

    def __init__(self, mean: np.ndarray, fields: np.ndarray, precision: np.ndarray) -> None:
        template = make_template(3)
        self.faces = np.ascontiguousarray(template.faces, np.int32)
        table = edge_faces(template.faces)
        self.edge_vertices = np.ascontiguousarray(table.vertices, np.int32)
        self.edge_faces = np.ascontiguousarray(table.faces, np.int32)
        self.mean = np.asarray(mean, np.float64)
        self.flat = np.ascontiguousarray(fields.reshape(len(fields), -1), np.float64)
        self.basis = np.ascontiguousarray(np.asarray(fields, np.float64).transpose(1, 2, 0))
        self.precision = PRECISION * np.asarray(precision, np.float64)
        self.projection = Camera.from_fov(SIZE, np.eye(4)).projection()

    def vertices(self, deformation: np.ndarray) -> np.ndarray:
        """[V, 3] float64."""
        return self.mean + (deformation @ self.flat).reshape(self.mean.shape)

    def start(self, rotation: np.ndarray, item: Silhouette) -> Pose:
        """The mean shape under a rotation, placed by the outline's extent."""
        rotation = np.ascontiguousarray(rotation, np.float64)
        translation = place(self.mean @ rotation.T, item.extent, FOCAL, SIZE)
        return Pose(rotation, translation, np.zeros(len(self.flat)), 0.0)

    def normal(self, pose: Pose, item: Silhouette, scale: float) -> tuple[Normal, float]:
        """Normal equations of the data at a pose, and the overlap there.

        Args:
            scale: residuals beyond so many pixels count less and less.
        """
        vertices = self.vertices(pose.deformation)
        local, pixels = np.empty_like(vertices), np.empty((len(vertices), 2))
        clip = np.empty((1, len(vertices), 4), np.float32)
        near_z, far_z = self.projection[2, 2], self.projection[2, 3]
        project(vertices, pose.rotation, pose.translation, FOCAL, SIZE, near_z, far_z, local, pixels, clip)
        index = rasterize.forward(clip, self.faces, SIZE, SIZE, barycentrics=False)[0][0]
        matches = find_matches(
            pixels, self.faces, self.edge_vertices, self.edge_faces, index, item.points, item.normals
        )
        size = 6 + len(self.flat)
        hessian, gradient = np.empty((size, size)), np.empty(size)
        normal_equations(
            local, pose.translation, pose.rotation, pixels, FOCAL, self.basis, *matches, item.distance,
            scale, hessian, gradient,
        )  # fmt: skip
        pull, force = np.zeros(6), np.zeros(6)
        pull[:3] = NEAR_CAMERA
        force[:3] = NEAR_CAMERA * log_rotation(pose.rotation @ upright(pose.rotation).T)
        return Normal(hessian, gradient, pull, force), overlap(index, item.mask)

    def correct(self, pose: Pose, item: Silhouette, steps: int, scale: float, *, bend: bool = True) -> Pose:
        """Damped Gauss-Newton; the best pose on the way by overlap less the prior's cost.

        Args:
            bend: False moves the camera alone.
        """
        best: Pose | None = None
        best_score = -np.inf
        for number in range(steps + 1):
            equations, iou = self.normal(pose, item, scale)
            pose = replace(pose, iou=iou)
            score = iou - 0.01 * PRECISION * self.cost(pose)
            if score > best_score:
                best, best_score = pose, score
            if number < steps:
                pose = self.step(pose, equations, bend)
        assert best is not None
        return best

    def cost(self, pose: Pose) -> float:
        """Squared length of the deformation in standard deviations."""
        return float(pose.deformation @ self.precision @ pose.deformation) / PRECISION

    def step(self, pose: Pose, equations: Normal, bend: bool) -> Pose:
        """One damped Gauss-Newton step."""
        size = 6 + (len(self.flat) if bend else 0)
        matrix = equations.hessian[:size, :size].copy()
        right = equations.gradient[:size].copy()
        matrix[range(6), range(6)] += equations.camera
        right[:6] += equations.force
        if bend:
            matrix[6:, 6:] += self.precision
            right[6:] += self.precision @ pose.deformation
        diagonal = np.arange(size)
        matrix[diagonal, diagonal] = 1.002 * matrix[diagonal, diagonal] + 1e-8
        change = -np.linalg.solve(matrix, right)
        if not np.isfinite(change).all():
            return pose
        angle = float(np.linalg.norm(change[:3]))
        change *= min(1.0, 0.35 / max(angle, 1e-9))
        translation = pose.translation + change[3:6]
        translation[2] = min(translation[2], -1.3)
        deformation = pose.deformation + change[6:] if bend else pose.deformation
        return Pose(exp_rotation(change[:3]) @ pose.rotation, translation, deformation, pose.iou)
