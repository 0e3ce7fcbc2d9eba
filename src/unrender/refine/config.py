"""What decides how a refinement runs."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class FinishConfig:
    """The last part of a refinement, in which every vertex moves (`unrender.refine.finish`).

    Attributes:
        steps: at most.
        reach: of the kernel that smooths the steps, in object radii
            (`unrender.refine.deformation.smooth_in_space`).
        pace: longest movement of a step in object radii; falls to a fifth.
        blur_start, blur_end: width of the soft silhouette in pixels, from the first step to the last.
        one_sided: share that a movement has which its mirror image does not make.
        proportions: what a deviation of one standard deviation from the category's proportions costs, in
            shares of the mask's area.
        patience: steps without gain after which it stops.
    """

    steps: int = 50
    reach: float = 0.06
    pace: float = 0.006
    blur_start: float = 4.0
    blur_end: float = 1.2
    one_sided: float = 0.5
    proportions: float = 0.0
    patience: int = 30


@dataclass(frozen=True)
class RefineConfig:
    """Weights and sizes of a refinement; residuals are in pixels at `size`.

    Attributes:
        size: side of the compared pictures in pixels.
        outline_points: points on the mask's outline.
        degrees: largest degree of the smooth fields (`unrender.smooth_fields`).
        amplitude: expected size of the smoothest field, in object radii; rougher ones fall off.
        antisymmetric: how many times less a field that breaks the mirror symmetry may move.
        sideways: how many times a field along the object's x is smaller than one along y or z; few photos
            show an object's width.
        near_start: precision of the coefficients around those of the reconstruction, in squared pixels.
        near_mean: precision of the coefficients around the category's mean; 0 leaves that to the
            reconstruction, which knows how far the network may be believed.
        near_camera: precision of the rotation around that of the reconstruction.
        part_precision: precision of the coefficients of an optional part that is not out.
        offsets: precision of the fields around those of the reconstruction, in squared pixels.
        proportions: precision of width and height over length, in squared pixels per standard deviation;
            as `near_mean`.
        scale_start, scale_end: residuals beyond so many pixels count less and less.
        iterations: after so many the annealing is over; with more budget it goes on until nothing changes.
        patience: iterations without gain after which the smooth part ends.
        finish: of the last part.
        views: crops that vote on the object's mask where none is given.
    """

    size: int = 128
    outline_points: int = 256
    degrees: int = 6
    amplitude: float = 0.08
    antisymmetric: float = 3.0
    sideways: float = 0.5
    near_start: float = 1.0
    near_mean: float = 0.0
    near_camera: float = 40.0
    part_precision: float = 10.0
    offsets: float = 0.6
    proportions: float = 0.0
    scale_start: float = 8.0
    scale_end: float = 3.0
    iterations: int = 40
    patience: int = 12
    finish: FinishConfig = field(default_factory=FinishConfig)
    views: int = 4
