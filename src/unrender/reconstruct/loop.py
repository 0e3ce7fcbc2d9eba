"""The loop: the renderer corrects the network's guess of camera and shape against the mask, without torch.

Levenberg-Marquardt on the outline (`unrender.reconstruct.step`): camera hypotheses start, on all processors,
and the better ones go on. Shape coefficients are held near the network's by a Gaussian prior, so that a wrong
mask bends the shape only as far as the category allows; what the category's space cannot say, smooth
symmetric fields say (`unrender.smooth_fields`). Without them the coefficients bend the unseen side to
reach an outline. How firmly they are held, and how their errors belong together, was measured for the
category (`unrender.reconstruct.trust`). A step at 64 x 64 pixels takes a fifth of a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unrender.camera import DEFAULT_FOV_DEGREES, Camera
from unrender.errors import ModelError
from unrender.placement import mask_extent, place
from unrender.reconstruct.alignment import align
from unrender.reconstruct.distance import outline, signed_distance
from unrender.reconstruct.proportions import Proportions
from unrender.reconstruct.silhouette import Geometry, View, directed_edges, see
from unrender.reconstruct.step import Prior, Target, advance, room
from unrender.reconstruct.trust import Trust
from unrender.render.kernels import threads as pool
from unrender.shape_space import ShapeSpace
from unrender.smooth_fields import AMPLITUDE, DEGREES, LOWEST, smooth_fields
from unrender.template import make_template


@dataclass(frozen=True)
class LoopConfig:
    """How the loop corrects.

    Attributes:
        size: side of the compared pictures in pixels.
        race: rounds of (hypotheses, iterations): so many of the best go on for so many steps.
        outline_points: points on the mask's outline.
        noise: precision of an unknown of variance 1 beside the own mask, in squared pixels per unit.
        noise_given: the same beside a mask that is given and needs less doubt.
        near_guess: precision of the coefficients around the network's guess where their errors were not
            measured (see `unrender.reconstruct.trust`), in squared pixels per unit.
        usual: size up to which coefficients are common, where errors were not measured.
        usual_precision: precision of what goes beyond `usual`, which only few shapes have.
        near_camera: precision of the rotation around its hypothesis, in squared pixels per squared radian.
        scale_start, scale_end: residuals beyond so many pixels count less and less.
        likelihood: what a factor e of the network's probability is worth, in intersection over union.
        part_precision: precision of the coefficients of an optional part that is not out.
        proportions: precision of width and height over length, in squared pixels per standard deviation,
            where errors were not measured; else it is `noise`, as for everything of variance 1, or nothing
            (`Trust.hold_proportions`).
        field_degrees: largest degree of the smooth fields.
        field_amplitude: expected size of the smoothest field in object radii.
        field_precision: precision of the fields around zero where it was not measured, the same unit.
    """

    size: int = 64
    race: tuple[tuple[int, int], ...] = ((4, 4), (2, 4), (1, 36))
    outline_points: int = 192
    noise: float = 0.06
    noise_given: float = 0.02
    near_guess: float = 0.05
    usual: float = 2.0
    usual_precision: float = 1.0
    near_camera: float = 10.0
    scale_start: float = 8.0
    scale_end: float = 8.0
    likelihood: float = 0.05
    part_precision: float = 10.0
    proportions: float = 0.15
    field_degrees: int = DEGREES
    field_amplitude: float = AMPLITUDE
    field_precision: float = 0.02

    def for_mask(self, given: bool) -> LoopConfig:
        """These settings beside a mask that is given, or the network's own."""
        return replace(self, noise=self.noise_given) if given else self

    @property
    def scales(self) -> np.ndarray:
        """Scale of the robust penalty at each step, from the start to the end, in pixels."""
        total = sum(steps for _, steps in self.race)
        fractions = np.arange(total) / max(1, total - 1)
        scales: np.ndarray = self.scale_start * (self.scale_end / self.scale_start) ** fractions
        return scales


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
        self,
        space: ShapeSpace,
        config: LoopConfig | None = None,
        fov_degrees: float = DEFAULT_FOV_DEGREES,
        trust: Trust | None = None,
    ) -> None:
        """A loop for one category.

        Args:
            space: the category's shapes. config: settings. fov_degrees: of the square crop.
            trust: measured errors; None takes `near_guess` and `field_precision` for every unknown.

        Raises:
            ModelError: `trust` is of another space or of other fields.
        """
        self.config = config or LoopConfig()
        self.fov_degrees = fov_degrees
        self.space = space
        fields = smooth_fields(self.config.field_degrees, self.config.field_amplitude, lowest=LOWEST)
        if space.fields is not None:  # they are among the network's coefficients
            fields = fields[:0]
        self.proportions = Proportions.of(space)
        basis = np.concatenate([space.basis.astype(np.float64), fields])
        self.offsets = len(fields)
        self.precision = self._precision(trust)
        self.usual_precision = self.config.usual_precision if trust is None else 0.0
        self.ratio_precision = self.config.proportions
        if trust is not None:
            self.ratio_precision = self.config.noise if trust.hold_proportions else 0.0
        faces = np.ascontiguousarray(make_template(3).faces, np.int32)
        self.geometry = Geometry(
            mean=space.mean.astype(np.float64),
            basis=np.ascontiguousarray(basis.transpose(1, 2, 0), np.float32),
            faces=faces,
            edges=directed_edges(faces),
            focal=float(0.5 * self.config.size / np.tan(np.radians(fov_degrees) / 2)),
        )

    def _precision(self, trust: Trust | None) -> np.ndarray:
        """float64 [K + M, K + M]: of the coefficients round the guess and of the fields round zero."""
        config, known = self.config, self.space.size
        if trust is None:
            own = np.where(self.space.variation, config.near_guess, config.field_precision)
            return np.diag(np.concatenate([own, np.full(self.offsets, config.field_precision)]))
        if trust.coefficients.shape != (known,) or trust.fields.shape != (self.offsets,):
            raise ModelError(
                f"trust: expected {known} coefficients and {self.offsets} fields, got "
                f"{len(trust.coefficients)} and {len(trust.fields)}; measure the model again"
            )
        precision: np.ndarray = config.noise * np.linalg.inv(trust.covariance)
        return 0.5 * (precision + precision.T)

    def camera(self, pose: Pose, size: int) -> Camera:
        """The square crop's camera at `size` pixels a side."""
        return Camera.from_fov(size, pose.world_to_camera, self.fov_degrees)

    def vertices(self, pose: Pose) -> np.ndarray:
        """float64 [V, 3], object frame."""
        unknowns = np.concatenate([pose.coefficients, pose.offsets])
        # einsum adds up by itself: a BLAS library would start its threads, which costs more than the sums
        offsets: np.ndarray = np.einsum("vcn,n->vc", self.geometry.basis, unknowns.astype(np.float32))
        return self.geometry.mean + offsets

    def guess(self, mask: np.ndarray, rotation: np.ndarray, coefficients: np.ndarray) -> Pose:
        """The network's rotation and shape, placed by the mask [S, S] bool; nothing is corrected."""
        mask, view = np.ascontiguousarray(mask, bool), View.room(self.geometry, len(mask))
        start = self._placed(mask_extent(mask), rotation, coefficients)
        start = align(self.geometry, mask, start, view)
        iou, _ = see(self.geometry, mask, start, view)
        return self._pose(start, iou)

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
        target = Target(mask, signed_distance(mask), *outline(probability, config.outline_points))
        coefficients = np.asarray(coefficients, np.float64)
        order = np.argsort(-log_probabilities)[: config.race[0][0]]
        racers = [
            _Racer(
                self._placed(extent, hypotheses[i], coefficients),
                self._prior(hypotheses[i], coefficients),
                config.likelihood * float(log_probabilities[i] - log_probabilities[order[0]]),
            )
            for i in order
        ]
        scales, done = config.scales, 0
        for keep, steps in config.race:
            racers.sort(key=lambda racer: -(racer.best_iou + racer.bonus))
            racers = racers[:keep]
            self._run(racers, target, scales[done : done + steps], free_shape)
            done += steps
        winner = max(racers, key=lambda racer: racer.best_iou + racer.bonus)
        return self._pose(winner.best, winner.best_iou)

    def _run(self, racers: list[_Racer], target: Target, scales: np.ndarray, free_shape: bool) -> None:
        """A round of the race, shared by all processors; each racer's result is its own."""

        def work(begin: int, end: int) -> None:
            for racer in racers[begin:end]:
                racer.run(self.geometry, target, scales, free_shape)

        pool.run(work, len(racers), pool.num_threads(), len(racers))

    def _placed(
        self, extent: tuple[float, float, float, float], rotation: np.ndarray, coefficients: np.ndarray
    ) -> np.ndarray:
        """The pose vector [12 + N] with the translation that `place` finds."""
        known = np.asarray(coefficients, np.float64)
        pose = Pose(np.asarray(rotation, np.float64), np.zeros(3), known, np.zeros(self.offsets), 0.0)
        translation = place(
            self.vertices(pose) @ pose.rotation.T, extent, self.geometry.focal, self.config.size
        )
        return np.concatenate([pose.rotation.ravel(), translation, known, pose.offsets])

    def _pose(self, vector: np.ndarray, iou: float) -> Pose:
        """A pose vector in words."""
        known = 12 + self.space.size
        return Pose(
            vector[:9].reshape(3, 3).copy(), vector[9:12], vector[12:known], vector[known:], float(iou)
        )

    def _prior(self, rotation: np.ndarray, guess: np.ndarray) -> Prior:
        """What is usual round a hypothesis; an optional part that is not out is held where it is."""
        config, space, known = self.config, self.space, self.space.size
        part_out = space.optional is not None and bool(guess[space.optional].any())
        precision = self.precision
        if space.optional is not None and not part_out:
            away = np.zeros(len(precision))
            away[:known] = config.part_precision * space.optional
            precision = precision + np.diag(away)
        centre = np.concatenate([guess, np.zeros(self.offsets)])
        excess = np.zeros(known + self.offsets)
        excess[:known] = self.usual_precision * space.variation
        return Prior(
            rotation=np.ascontiguousarray(rotation, np.float64),
            near_camera=config.near_camera,
            centre=centre,
            precision=precision,
            usual=config.usual,
            excess=excess,
            ratio_mean=self.proportions.mean,
            ratio_scale=self.proportions.scale,
            ratio_precision=0.0 if part_out else self.ratio_precision,
        )


class _Racer:
    """One hypothesis in the race: where it is, and the best that it has been."""

    def __init__(self, start: np.ndarray, prior: Prior, bonus: float) -> None:
        self.best, self.best_iou = start, 0.0
        self.prior, self.bonus = prior, bonus

    def run(self, geometry: Geometry, target: Target, scales: np.ndarray, free_shape: bool) -> None:
        """From the best pose so far a step for each of `scales`."""
        pose = self.best.copy()
        view = View.room(geometry, len(target.mask))
        work = room(geometry, len(target.points), free_shape)
        for step in range(len(scales) + 1):
            iou, found = see(geometry, target.mask, pose, view)
            if iou > self.best_iou:
                self.best, self.best_iou = pose.copy(), iou
            if step == len(scales) or found == 0:
                return
            if not advance(geometry, target, self.prior, scales[step], pose, view, found, work):
                return
