"""What shapes objects have, from silhouettes with known cameras: in a category's space and its smooth fields.

The residuals, their matrix and their robust penalty are the loop's (`unrender.reconstruct.step`), summed over
an object's views; cameras are held. The variances of the unknowns come out by expectation maximisation
(Dempster, Laird and Rubin 1977): fit under the variances so far, then take the mean square of what was found
and of what the silhouettes leave open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unrender.reconstruct.distance import outline, signed_distance
from unrender.reconstruct.silhouette import Geometry, View, see
from unrender.reconstruct.step import Target, room, view_equations

_SCALE_END = 2.0
"""Residuals beyond so many pixels count less in the last step."""
ROUNDS = ((14, 8.0), (6, 3.0), (6, 3.0))
"""Of the expectation maximisation: steps, and the robust penalty's scale at the first of them."""
PSEUDO_OBJECTS = 0.5
"""So many further objects of variance 1 keep estimates from few objects sane."""


@dataclass(frozen=True, eq=False)
class Silhouettes:
    """One object from several sides.

    Attributes:
        targets: of each view. poses: [V, 12], rotation (row by row, world to camera) and translation.
    """

    targets: tuple[Target, ...]
    poses: np.ndarray

    @classmethod
    def of(cls, masks: np.ndarray, world_to_camera: np.ndarray, points: int = 192) -> Silhouettes:
        """From masks [V, S, S] in [0, 1], S the loop's size, and cameras [V, 4, 4] of these pictures."""
        targets = []
        for mask in masks:
            inside = np.ascontiguousarray(mask > 0.5)
            found = outline(np.asarray(mask, np.float32), points)
            targets.append(Target(inside, signed_distance(inside), *found))
        rotations = np.asarray(world_to_camera[:, :3, :3], np.float64).reshape(len(masks), 9)
        return cls(tuple(targets), np.concatenate([rotations, world_to_camera[:, :3, 3]], axis=1))


@dataclass(frozen=True, eq=False)
class Fit:
    """What silhouettes say.

    Attributes:
        unknowns: float64 [N], the best of all steps. matrix: float64 [N, N], Gauss-Newton matrix there.
        iou: mean intersection over union of the views.
    """

    unknowns: np.ndarray
    matrix: np.ndarray
    iou: float


def fit_views(
    geometry: Geometry,
    seen: Silhouettes,
    precision: np.ndarray,
    start: np.ndarray,
    steps: int,
    scale: float,
) -> Fit:
    """Gauss-Newton steps over all views of an object.

    Args:
        geometry: mean and basis. seen: the object. precision: [N], of the unknowns round zero, in squared
            pixels per unit as in the loop.
        start: [N]. steps: how many. scale: of the robust penalty at the first step, in pixels.
    """
    size = len(seen.targets[0].mask)
    view = View.room(geometry, size)
    works = [room(geometry, len(target.points), True) for target in seen.targets]
    unknowns, best = start.copy(), None
    for step in range(steps + 1):
        fade = scale * (_SCALE_END / scale) ** (step / max(1, steps))
        matrix, gradient, total = np.zeros((len(start), len(start))), np.zeros(len(start)), 0.0
        for target, pose, work in zip(seen.targets, seen.poses, works, strict=True):
            vector = np.concatenate([pose, unknowns])
            iou, found = see(geometry, target.mask, vector, view)
            total += iou / len(works)
            if found:
                used = view_equations(geometry, target, fade, vector, view, found, work)
                rows = work[2][:used, 6:].astype(np.float64)
                matrix += rows.T @ rows
                gradient += work[4][6:]
        if best is None or total > best.iou:
            best = Fit(unknowns.copy(), matrix, total)
        damped = matrix + np.diag(precision)
        damped[np.diag_indices(len(start))] *= 1.001
        change = -np.linalg.solve(damped, gradient + precision * unknowns)
        unknowns = unknowns + change * min(1.0, 1.5 / max(float(np.abs(change).max()), 1e-9))
    assert best is not None
    return best


def learn_variances(
    geometry: Geometry, objects: Sequence[Silhouettes], noise: float
) -> tuple[list[Fit], np.ndarray, np.ndarray]:
    """Shapes of objects, and how their unknowns vary.

    Args:
        geometry: mean and basis. objects: at least one.
        noise: precision of an unknown of variance 1, as in `LoopConfig`.

    Returns:
        The fits; variances [N] round zero; covariance [N, N] that the silhouettes leave, mean over the
        objects.
    """
    count = geometry.basis.shape[2]
    variance, left = np.ones(count), np.eye(count)
    fits = [Fit(np.zeros(count), np.zeros((count, count)), 0.0) for _ in objects]
    for steps, scale in ROUNDS:
        precision = noise / variance
        fits = [
            fit_views(geometry, seen, precision, fit.unknowns, steps, scale)
            for seen, fit in zip(objects, fits, strict=True)
        ]
        left = noise * np.mean([np.linalg.inv(fit.matrix + np.diag(precision)) for fit in fits], axis=0)
        square = np.mean([fit.unknowns**2 for fit in fits], axis=0) + left.diagonal()
        variance = (len(fits) * square + PSEUDO_OBJECTS) / (len(fits) + PSEUDO_OBJECTS)
    return fits, variance, left
