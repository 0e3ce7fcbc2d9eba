"""First shapes: what one photo looks like if it shows the side, in several widths; and shapes of a model.

A symmetric start such as an ellipsoid is a saddle: each photo agrees with it from the left and from the
right, from the front and from behind, and the mean never leaves it. One outline taken for a side view breaks
that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unrender.own.pose import Pose, Poser
from unrender.own.silhouettes import SIZE, Silhouette
from unrender.own.views import FOCAL, agreement, draw_views, elevation_penalty, looking, view_grid
from unrender.reconstruct.contour import sample_distance
from unrender.smooth_fields import smooth_fields
from unrender.template import make_template

SIDE_ELEVATION = math.radians(8)
WIDTHS = (0.85, 1.5, 2.5, 4.0)
"""Widths that are tried, relative to the thickest place of the outline."""
INFLATED = 0.85
"""Width over the outline's thickness that is taken where the photos do not tell."""
PROFILE = 0.6
"""Exponent with which a shape's half width grows with the distance to its outline: thin parts are narrow."""
SMOOTH = 6
"""Largest degree of the harmonics that half widths are made of."""
PREFERENCE = 0.02
"""Overlap that a factor e in width must gain over the inflated one."""


@dataclass(frozen=True, eq=False)
class Start:
    """Where learning starts from.

    Attributes:
        name: for the report. mean: [V, 3], farthest vertex at radius 1.
        width: relative to the outline's thickness, where one was inflated.
        score: mean overlap of the photos with their best views, less penalties.
    """

    name: str
    mean: np.ndarray
    width: float | None = None
    score: float = -1.0


def side_starts(silhouettes: Sequence[Silhouette], candidates: int) -> list[Start]:
    """Shapes of photos taken for side views, in all `WIDTHS`.

    Args:
        candidates: how many photos, those whose outline is most like the others' after scaling.
    """
    masks = np.stack([item.mask for item in silhouettes]).reshape(len(silhouettes), -1).astype(np.float32)
    both = masks @ masks.T
    area = masks.sum(1)
    alike = (both / (area[:, None] + area[None] - both)).mean(1)
    longer = np.array([
        (item.extent[2] - item.extent[0]) / (item.extent[3] - item.extent[1]) for item in silhouettes
    ])  # fmt: skip
    # half of them typical outlines, half long ones: long objects are long from the side
    order = list(dict.fromkeys(
        k for pair in zip(np.argsort(-alike), np.argsort(-longer), strict=True) for k in pair
    ))  # fmt: skip
    return [
        start
        for k in order[:candidates]
        for start in (_side(silhouettes[k], int(k), width) for width in WIDTHS)
    ]


def _side(item: Silhouette, number: int, width: float) -> Start:
    """The shape whose left side looks like the outline."""
    left, top, right, bottom = item.extent
    thickness = 2 * float(-item.distance.min())
    long = max(right - left, 1.0)
    sides = np.array([min(width * thickness, 1.3 * long), bottom - top, long]) / long
    mean = make_template(3).vertices * sides
    fields = smooth_fields(6, 0.15, lowest=1)
    poser = Poser(mean, fields, np.eye(len(fields)))
    pose = poser.start(looking(0.5 * math.pi, SIDE_ELEVATION), item)
    pose = poser.correct(pose, item, 12, 6.0)
    bent = _inflate(poser.vertices(pose.deformation), pose, item, sides[0])
    return Start(f"photo {number} from the side, width {width:.2f} of its thickness", unit(bent), width)


def _inflate(vertices: np.ndarray, pose: Pose, item: Silhouette, width: float) -> np.ndarray:
    """Vertices [V, 3] whose half widths follow how far inside the outline they are seen, `width` at most
    each way.

    The half widths are smoothed by spherical harmonics of the template, odd in x.
    """
    sphere = make_template(3).vertices.astype(np.float64)
    middle = vertices * np.array([0.0, 1.0, 1.0])
    local = middle @ pose.rotation.T + pose.translation
    columns = 0.5 * SIZE + FOCAL * local[:, 0] / -local[:, 2]
    rows = 0.5 * SIZE - FOCAL * local[:, 1] / -local[:, 2]
    inside = np.array([-sample_distance(item.distance, u, v)[0] for u, v in zip(columns, rows, strict=True)])
    inside = np.clip(inside / -item.distance.min(), 0.02, 1.0)
    rim = np.sqrt(np.abs(sphere[:, 0]))  # 0 where the two halves meet
    half = np.sign(sphere[:, 0]) * width * np.minimum(inside**PROFILE, rim)
    odd = smooth_fields(SMOOTH, 1.0)
    odd = odd[np.abs(odd[:, :, 0]).max(1) > 0][:, :, 0].T
    middle[:, 0] = odd @ np.linalg.lstsq(odd, half, rcond=None)[0]
    return middle


def unit(mean: np.ndarray) -> np.ndarray:
    """Vertices with the bounding box's centre at the origin and the farthest one at radius 1."""
    centre = 0.5 * (mean.min(0) + mean.max(0))
    centre[0] = 0
    moved = mean - centre
    return np.asarray(moved / np.linalg.norm(moved, axis=1).max())


def rank(starts: Sequence[Start], silhouettes: Sequence[Silhouette], softness: float = 0.02) -> list[Start]:
    """The starts with their scores, best first."""
    grid = view_grid()[::2]
    penalty = softness * np.array([elevation_penalty(rotation) for rotation in grid])
    scored = []
    for start in starts:
        overlap = agreement(draw_views(start.mean, grid), list(silhouettes))
        score = float((overlap - penalty).max(1).mean()) - start_penalty(start)
        scored.append(replace(start, score=score))
    return sorted(scored, key=lambda start: -start.score)


def start_penalty(start: Start) -> float:
    """What is taken off for a width that nothing but other photos can tell."""
    return 0.0 if start.width is None else PREFERENCE * abs(math.log(start.width / INFLATED))
