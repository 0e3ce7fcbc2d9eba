"""The loop: the renderer corrects the network's guess of camera and shape against the mask, without torch.

Levenberg-Marquardt on the outline (`unrender.reconstruct.contour`): several camera hypotheses start, the
better ones go on. Shape coefficients are held near the network's by a Gaussian prior, so that a wrong mask
bends the shape only as far as the category allows; what the category's space cannot say, smooth symmetric
fields say (`unrender.reconstruct.fields`). Without them the coefficients bend the unseen side to reach an
outline. A step at 64 x 64 pixels takes about a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unrender.camera import DEFAULT_FOV_DEGREES, Camera
from unrender.placement import mask_extent, place
from unrender.reconstruct.contour import (
    Matches,
    exp_rotation,
    find_matches,
    log_rotation,
    normal_equations,
    overlap,
    project,
)
from unrender.reconstruct.distance import outline, signed_distance
from unrender.reconstruct.fields import smooth_fields
from unrender.reconstruct.linear import deform, solve_positive
from unrender.reconstruct.proportions import Proportions
from unrender.render.kernels import rasterize
from unrender.shape_space import ShapeSpace
from unrender.template import make_template
from unrender.topology import edge_faces


@dataclass(frozen=True)
class LoopConfig:
    """How the loop corrects.

    Attributes:
        size: side of the compared pictures in pixels.
        racing: iterations with every hypothesis, then with the better half.
        finishing: iterations with the best.
        hypotheses: how many camera hypotheses start.
        outline_points: points on the mask's outline.
        near_guess: precision of the coefficients around the network's guess, in squared pixels per unit.
        usual: size up to which coefficients are common.
        usual_precision: precision of what goes beyond `usual`, which only few shapes have.
        near_camera: precision of the rotation around its hypothesis, in squared pixels per squared radian.
        scale_start, scale_end: residuals beyond so many pixels count less and less.
        likelihood: what a factor e of the network's probability is worth, in intersection over union.
        part_precision: precision of the coefficients of an optional part that is not out.
        proportions: precision of width and height over length, in squared pixels per standard deviation.
        field_degrees: largest degree of the smooth fields; the smallest is 2.
        field_amplitude: expected size of the smoothest field in object radii.
        field_precision: precision of the fields around zero, in squared pixels per unit.
    """

    size: int = 64
    racing: tuple[int, int] = (4, 1)
    finishing: int = 22
    hypotheses: int = 2
    outline_points: int = 192
    near_guess: float = 0.05
    usual: float = 2.0
    usual_precision: float = 1.0
    near_camera: float = 30.0
    scale_start: float = 8.0
    scale_end: float = 3.5
    likelihood: float = 0.1
    part_precision: float = 10.0
    proportions: float = 0.15
    field_degrees: int = 5
    field_amplitude: float = 0.08
    field_precision: float = 0.02


@dataclass(frozen=True)
class Pose:
    """Camera and shape of one hypothesis in the square crop.

    Attributes:
        rotation: [3, 3] world-to-camera.
        translation: [3].
        coefficients: [K].
        offsets: [M] of the smooth fields; zero where nothing was corrected.
        iou: intersection over union of the rendered coverage and the mask, at the loop's size.
    """

    rotation: np.ndarray
    translation: np.ndarray
    coefficients: np.ndarray
    offsets: np.ndarray
    iou: float

    @property
    def world_to_camera(self) -> np.ndarray:
        """[4, 4] float64."""
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = self.rotation, self.translation
        return matrix


class Loop:
    """Corrects poses against masks; one object can be used for many pictures and from many threads."""

    def __init__(
        self, space: ShapeSpace, config: LoopConfig | None = None, fov_degrees: float = DEFAULT_FOV_DEGREES
    ) -> None:
        self.config = config or LoopConfig()
        self.fov_degrees = fov_degrees
        self.space = space
        template = make_template(3)
        self.faces = np.ascontiguousarray(template.faces, np.int32)
        table = edge_faces(template.faces)
        self.edge_vertices = np.ascontiguousarray(table.vertices, np.int32)
        self.edge_faces = np.ascontiguousarray(table.faces, np.int32)
        self.mean = space.mean.astype(np.float64)
        fields = smooth_fields(self.config.field_degrees, self.config.field_amplitude, lowest=2)
        self.proportions = Proportions.of(space)
        basis = np.concatenate([space.basis.astype(np.float64), fields])
        self.offsets = len(fields)
        self.basis = np.ascontiguousarray(basis.transpose(1, 2, 0))
        self.flat_basis = np.ascontiguousarray(basis.reshape(len(basis), -1))
        size = self.config.size
        self.projection = Camera.from_fov(size, np.eye(4), fov_degrees).projection()
        self.focal = 0.5 * size / np.tan(np.radians(fov_degrees) / 2)

    def camera(self, pose: Pose, size: int) -> Camera:
        """The square crop's camera at `size` pixels a side."""
        return Camera.from_fov(size, pose.world_to_camera, self.fov_degrees)

    def vertices(self, pose: Pose) -> np.ndarray:
        """float64 [V, 3], object frame."""
        unknowns = np.concatenate([pose.coefficients, pose.offsets])
        vertices = np.empty_like(self.mean)
        deform(self.mean.reshape(-1), self.flat_basis, unknowns, vertices.reshape(-1))
        return vertices

    def guess(self, mask: np.ndarray, rotation: np.ndarray, coefficients: np.ndarray) -> Pose:
        """The network's rotation and shape, placed by the mask [S, S] bool; nothing is corrected."""
        return self._placed(np.asarray(mask, bool), mask_extent(mask), rotation, coefficients).pose

    def correct(
        self,
        probability: np.ndarray,
        hypotheses: np.ndarray,
        log_probabilities: np.ndarray,
        coefficients: np.ndarray,
        *,
        free_shape: bool = True,
    ) -> Pose:
        """Race the hypotheses and return the best corrected pose.

        Args:
            probability: [S, S] mask in [0, 1] on the square crop, S = `config.size`.
            hypotheses: [H, 3, 3] world-to-camera rotations.
            log_probabilities: [H].
            coefficients: [K] the network's guess.
            free_shape: False keeps the coefficients as they are (the mean-shape baseline passes zeros).

        Raises:
            InputError: the mask is empty.
        """
        config = self.config
        mask = np.ascontiguousarray(probability > 0.5)
        extent = mask_extent(mask)
        target = _Target(signed_distance(mask), *outline(probability, config.outline_points))
        order = np.argsort(-log_probabilities)[: config.hypotheses]
        log_probabilities = log_probabilities - log_probabilities[order[0]]
        candidates = []
        for i in order:
            view = self._placed(mask, extent, hypotheses[i], coefficients)
            candidates.append(_Candidate(view, hypotheses[i], coefficients, log_probabilities[i]))
        total = sum(config.racing) + config.finishing
        done = 0
        for count, keep in ((config.racing[0], 2), (config.racing[1], 1), (config.finishing, 1)):
            for candidate in candidates:
                for step in range(count):
                    fraction = (done + step) / max(1, total - 1)
                    scale = config.scale_start * (config.scale_end / config.scale_start) ** fraction
                    candidate.view = self._step(candidate, target, mask, scale, free_shape)
                    if candidate.view.pose.iou > candidate.best.pose.iou:
                        candidate.best = candidate.view
            done += count
            candidates.sort(key=lambda c: -(c.best.pose.iou + config.likelihood * c.log_probability))
            candidates = candidates[:keep]
            for candidate in candidates:
                candidate.view = candidate.best
        return candidates[0].best.pose

    def _placed(
        self,
        mask: np.ndarray,
        extent: tuple[float, float, float, float],
        rotation: np.ndarray,
        coefficients: np.ndarray,
    ) -> _View:
        """The view with the translation that `place` finds."""
        rotation = np.ascontiguousarray(rotation, np.float64)
        coefficients = np.asarray(coefficients, np.float64)
        pose = Pose(rotation, np.zeros(3), coefficients, np.zeros(self.offsets), 0.0)
        translation = place(self.vertices(pose) @ rotation.T, extent, self.focal, self.config.size)
        return self._see(replace(pose, translation=translation), mask)

    def _see(self, pose: Pose, mask: np.ndarray) -> _View:
        """Render the shape and compare it with the mask."""
        size, vertices = self.config.size, self.vertices(pose)
        local, pixels = np.empty_like(vertices), np.empty((len(vertices), 2))
        clip = np.empty((1, len(vertices), 4), np.float32)
        near_z, far_z = self.projection[2, 2], self.projection[2, 3]
        rotation, translation = np.ascontiguousarray(pose.rotation), pose.translation
        project(vertices, rotation, translation, self.focal, size, near_z, far_z, local, pixels, clip)
        index = rasterize.forward(clip, self.faces, size, size, barycentrics=False)[0][0]
        return _View(replace(pose, iou=overlap(index, mask)), vertices, local, pixels, index)

    def _step(
        self, candidate: _Candidate, target: _Target, mask: np.ndarray, scale: float, free_shape: bool
    ) -> _View:
        """One damped Gauss-Newton step."""
        view, config = candidate.view, self.config
        pose = view.pose
        matches = Matches(
            *find_matches(
                view.pixels, self.faces, self.edge_vertices, self.edge_faces, view.face_index,
                target.points, target.normals,
            )
        )  # fmt: skip
        known = self.space.size
        size = 6 + (len(self.flat_basis) if free_shape else 0)
        hessian, gradient = np.empty((size, size)), np.empty(size)
        normal_equations(
            view.local, pose.translation, pose.rotation, view.pixels, self.focal, self.basis,
            matches.vertices, matches.points, matches.normals, matches.weights, target.distance, scale,
            hessian, gradient,
        )  # fmt: skip
        force, pull = np.zeros(size), np.zeros(size)
        force[:3] = config.near_camera * log_rotation(pose.rotation @ candidate.rotation.T)
        pull[:3] = config.near_camera
        if free_shape:
            force[6 : 6 + known], pull[6 : 6 + known] = self._shape_prior(pose, candidate)
            force[6 + known :] = config.field_precision * pose.offsets
            pull[6 + known :] = config.field_precision
            if not self._part_out(candidate):
                deviation, slope = self.proportions.residuals(view.vertices, self.basis)
                force[6:] += config.proportions * (deviation @ slope)
                hessian[6:, 6:] += config.proportions * (slope.T @ slope)
        gradient += force
        diagonal = np.arange(size)
        hessian[diagonal, diagonal] = 1.001 * (hessian[diagonal, diagonal] + pull) + 1e-9
        change = -gradient
        if not solve_positive(hessian, change) or not np.isfinite(change).all():
            return view
        angle = float(np.linalg.norm(change[:3]))
        bend = float(np.abs(change[6:]).max(initial=0.0))
        change *= min(1.0, 0.35 / max(angle, 1e-9), 1.5 / max(bend, 1e-9))
        translation = pose.translation + change[3:6]
        translation[2] = min(translation[2], -1.3)
        moved = replace(pose, rotation=exp_rotation(change[:3]) @ pose.rotation, translation=translation)
        if free_shape:
            moved = replace(
                moved,
                coefficients=pose.coefficients + change[6 : 6 + known],
                offsets=pose.offsets + change[6 + known :],
            )
        return self._see(moved, mask)

    def _part_out(self, candidate: _Candidate) -> bool:
        """Whether the network saw the optional part, which changes proportions."""
        return self.space.optional is not None and bool(candidate.coefficients[self.space.optional].any())

    def _shape_prior(self, pose: Pose, candidate: _Candidate) -> tuple[np.ndarray, np.ndarray]:
        """Gradient and diagonal of the Hessian of the coefficients' prior, [K] each."""
        config, coefficients, guess = self.config, pose.coefficients, candidate.coefficients
        excess = coefficients - np.clip(coefficients, -config.usual, config.usual)
        force = config.near_guess * (coefficients - guess) + config.usual_precision * excess
        pull = config.near_guess + config.usual_precision * (excess != 0)
        if self.space.optional is not None and not self._part_out(candidate):
            put_away = config.part_precision * self.space.optional
            force += put_away * coefficients
            pull = pull + put_away
        return force, pull


@dataclass(frozen=True)
class _View:
    """A pose and its rendering: vertices, the same in the camera's frame, pixels, face index [S, S]."""

    pose: Pose
    vertices: np.ndarray
    local: np.ndarray
    pixels: np.ndarray
    face_index: np.ndarray


@dataclass(frozen=True)
class _Target:
    """Signed distance [S, S] to the mask's outline, and points [Q, 2] with normals on it."""

    distance: np.ndarray
    points: np.ndarray
    normals: np.ndarray


class _Candidate:
    """One hypothesis in the race."""

    def __init__(
        self, view: _View, rotation: np.ndarray, coefficients: np.ndarray, log_probability: float
    ) -> None:
        self.view = self.best = view
        self.rotation = np.ascontiguousarray(rotation, np.float64)
        self.coefficients = np.asarray(coefficients, np.float64)
        self.log_probability = float(log_probability)
