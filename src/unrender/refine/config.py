"""What decides how a refinement runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RefineConfig:
    """Weights and sizes of a refinement; residuals are in pixels at `size`.

    Attributes:
        size: side of the compared pictures in pixels.
        outline_points: points on the mask's outline.
        modes: smooth deformation fields of the template for each axis (`unrender.refine.modes`).
        amplitude: expected size of the smoothest field, in object radii; rougher ones fall off.
        antisymmetric: how many times less a field that breaks the mirror symmetry may move.
        near_start: precision of the coefficients around those of the reconstruction, in squared pixels.
        near_mean: precision of the coefficients around the category's mean.
        near_camera: precision of the rotation around that of the reconstruction.
        offsets: precision of the fields, in squared pixels.
        scale_start, scale_end: residuals beyond so many pixels count less and less.
        iterations: after so many the annealing is over; with more budget it goes on until nothing changes.
        patience: iterations without gain after which it stops.
        views: crops that vote on the object's mask where none is given.
    """

    size: int = 128
    outline_points: int = 256
    modes: int = 49
    amplitude: float = 0.08
    antisymmetric: float = 3.0
    near_start: float = 0.1
    near_mean: float = 0.05
    near_camera: float = 40.0
    offsets: float = 0.02
    scale_start: float = 8.0
    scale_end: float = 3.0
    iterations: int = 40
    patience: int = 12
    views: int = 4
