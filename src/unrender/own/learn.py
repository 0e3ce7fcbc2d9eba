"""A mean shape and a low-rank basis from outlines alone: no mesh, no camera.

The model is that of Cashman and Fitzgibbon ("What shape are dolphins?", TPAMI 2013) on the icosphere
template: every photo shows mean + deformation, the deformation Gaussian with a covariance to be learnt.
Expectation: cameras and deformations of all photos by Gauss-Newton on their outlines, several camera
hypotheses each, weighted. Maximisation: the mean from the normal equations of all photos with cameras and
deformations integrated out; the covariance from the deformations and what is uncertain about them.
Everything is mirror-symmetric in x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from unrender.own.pose import PRECISION, Pose, Poser
from unrender.own.silhouettes import Silhouette
from unrender.own.views import agreement, distinct, draw_views, elevation_penalty, view_grid
from unrender.smooth_fields import smooth_fields

SIZE_SPREAD = 0.02
"""Standard deviation of a photo's size relative to the mean's."""


@dataclass(frozen=True)
class Stage:
    """One part of the way from coarse to fine.

    Attributes:
        degrees: largest degree of the smooth fields.
        rounds: alternations of cameras and shape.
        hypotheses: camera hypotheses of a photo, looked for anew at the start of the stage; 0 goes on with
            those there are: once photos have their own shapes, wrong cameras fit as well as right ones.
        looseness: factor on the expected size of the photos' own deformations; small at first, so that photos
            agree on a mean before each has its way.
        scale: residuals beyond so many pixels count less and less.
        softness: overlap that makes a hypothesis e times as likely.
        spread: whether the deformations' covariance is learnt.
    """

    degrees: int
    rounds: int
    hypotheses: int
    looseness: float
    scale: float
    softness: float
    spread: bool = False


STAGES = (
    Stage(3, 4, 4, 0.05, 8.0, 0.03),
    Stage(4, 5, 3, 0.08, 6.0, 0.02),
    Stage(5, 4, 3, 0.15, 5.0, 0.015),
    Stage(6, 3, 0, 0.5, 4.0, 0.012),
    Stage(7, 3, 0, 1.0, 4.0, 0.01, spread=True),
)


@dataclass(frozen=True)
class LearnConfig:
    """How a shape is learnt.

    Attributes:
        stages: from coarse to fine.
        steps: Gauss-Newton steps of every hypothesis in a round.
        amplitude: expected size of the smoothest deformation in object radii.
        sideways: factor on it along x: what nearly all outlines show is height and length.
        anchor: precision with which the mean is held where it was, as a share of one photo's.
        held: precision with which widths are held where they started, as a share of what the photos can say
            at most: outlines from one side know little of it, and believe more.
        prior_photos: photos that the covariance's prior counts as.
    """

    stages: tuple[Stage, ...] = STAGES
    steps: int = 3
    amplitude: float = 0.12
    sideways: float = 0.4
    anchor: float = 0.5
    held: float = 0.3
    prior_photos: float = 20.0


@dataclass(eq=False)
class State:
    """The shape so far, and what is believed about every photo.

    Attributes:
        mean: [V, 3]. fields: [K, V, 3]. covariance: [K, K] of the deformations.
        poses: hypotheses of each photo, the best first. weights: their probabilities.
        moved: [K], how far the mean has come from its start, in fields.
    """

    mean: np.ndarray
    fields: np.ndarray
    covariance: np.ndarray
    poses: list[list[Pose]] = field(default_factory=list)
    weights: list[np.ndarray] = field(default_factory=list)
    moved: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @property
    def overlap(self) -> float:
        """Mean overlap of the best hypotheses."""
        return float(np.mean([poses[0].iou for poses in self.poses]))


def learn(
    silhouettes: list[Silhouette],
    start: np.ndarray,
    config: LearnConfig | None = None,
    *,
    views: list[np.ndarray] | None = None,
    on_round: Callable[[State, int, int], None] = lambda state, done, total: None,
) -> State:
    """Learn a shape.

    Args:
        silhouettes: of the photos. start: [V, 3], a first mean.
        views: for every photo [G] logarithms of how probable each view of `view_grid` is for other reasons.
        on_round: called after each round with the state, and rounds done and in all.
    """
    config = config or LearnConfig()
    total, done = sum(stage.rounds for stage in config.stages), 0
    state = State(np.asarray(start, np.float64), np.zeros((0, *start.shape)), np.zeros((0, 0)))
    for stage in config.stages:
        state = _refine(state, stage, config)
        if stage.hypotheses:
            _look_around(state, silhouettes, stage, views)
        for number in range(stage.rounds):
            _round(state, silhouettes, stage, config, last=number + 1 == stage.rounds)
            done += 1
            on_round(state, done, total)
    return state


def _refine(state: State, stage: Stage, config: LearnConfig) -> State:
    """The state with the stage's fields and the looseness of its deformations."""
    fields = smooth_fields(stage.degrees, config.amplitude, lowest=1)
    fields[:, :, 0] *= config.sideways
    covariance = stage.looseness**2 * np.eye(len(fields))
    more = len(fields) - len(state.fields)
    poses = [
        [replace(pose, deformation=np.pad(pose.deformation, (0, more))) for pose in item]
        for item in state.poses
    ]
    return State(state.mean, fields, covariance, poses, state.weights, np.pad(state.moved, (0, more)))


def _look_around(
    state: State, silhouettes: list[Silhouette], stage: Stage, views: list[np.ndarray] | None
) -> None:
    """Give every photo its hypotheses: the views of the mean that agree best, and the best one so far."""
    grid = view_grid()
    poser = Poser(state.mean, state.fields, np.linalg.inv(state.covariance))
    scores = agreement(draw_views(state.mean, grid), silhouettes)
    penalty = np.array([elevation_penalty(rotation) for rotation in grid])
    poses: list[list[Pose]] = []
    for number, item in enumerate(silhouettes):
        value = scores[number] - stage.softness * penalty
        if views is not None:
            value = value + stage.softness * views[number]
        chosen = [poser.start(grid[k], item) for k in distinct(value, grid, stage.hypotheses)]
        poses.append([*chosen, *(state.poses[number][:1] if state.poses else [])])
    state.poses = poses
    state.weights = [np.full(len(item), 1 / len(item)) for item in poses]


def _round(
    state: State, silhouettes: list[Silhouette], stage: Stage, config: LearnConfig, *, last: bool
) -> None:
    """Cameras and deformations of all photos, then mean and covariance."""
    growth = _growth(state)
    precision = np.linalg.inv(state.covariance) + np.outer(growth, growth) / SIZE_SPREAD**2
    poser = Poser(state.mean, state.fields, precision)
    size = len(state.fields)
    information, pull = np.zeros((size, size)), np.zeros(size)
    scatter, count = np.zeros((size, size)), 0.0
    for number, item in enumerate(silhouettes):
        poses = [poser.correct(pose, item, config.steps, stage.scale) for pose in state.poses[number]]
        score = np.array([
            pose.iou - stage.softness * (elevation_penalty(pose.rotation) + 0.05 * poser.cost(pose))
            for pose in poses
        ])  # fmt: skip
        order = [k for k in np.argsort(-score) if score[k] > score.max() - 4 * stage.softness]
        order = _apart(order, poses)
        poses, score = [poses[k] for k in order], score[order]
        weight = np.exp((score - score.max()) / stage.softness)
        weight /= weight.sum()
        state.poses[number], state.weights[number] = poses, weight
        for pose, share in zip(poses, weight, strict=True):
            if share < 0.1:
                continue
            gain, force, spread = _marginal(poser, pose, item, stage.scale)
            information += share * gain
            pull += share * force
            scatter += share * (np.outer(pose.deformation, pose.deformation) + spread)
            count += share
    sideways = np.abs(state.fields[:, :, 0]).max(1) > 0
    held = config.held * count * PRECISION / stage.looseness**2 * sideways
    anchor = np.diag(config.anchor * PRECISION + held)
    anchor += count * PRECISION * np.outer(growth, growth) / (0.1 * SIZE_SPREAD) ** 2
    change = np.linalg.solve(information + anchor, pull - held * state.moved)
    shift = (change @ state.fields.reshape(size, -1)).reshape(state.mean.shape)
    reach = float(np.linalg.norm(shift, axis=1).max())
    limit = min(1.0, 0.15 / max(reach, 1e-9))
    state.mean = state.mean + limit * shift
    state.moved = state.moved + limit * change
    state.poses = [
        [replace(pose, deformation=pose.deformation - limit * change) for pose in poses]
        for poses in state.poses
    ]
    scatter = scatter / count
    prior = config.prior_photos
    if stage.spread:
        usual = stage.looseness**2 * np.eye(size)
        state.covariance = (count * scatter + prior * usual) / (count + prior)
    _normalise(state)


def _growth(state: State) -> np.ndarray:
    """[K]: by what share each field makes the mean larger in height and length.

    Size and distance look the same, and widths are not seen by all: without a hold on it heights and lengths
    shrink a little in every round, cameras come nearer, and what is not seen stays and seems to grow.
    """
    seen = state.mean * np.array([0.0, 1.0, 1.0])
    return np.asarray(state.fields.reshape(len(state.fields), -1) @ seen.ravel() / (seen**2).sum())


def _apart(order: list[int], poses: list[Pose]) -> list[int]:
    """Numbers of poses in the order given, without those that ran into a better one."""
    kept: list[int] = []
    for k in order:
        if all(float((poses[k].rotation * poses[other].rotation).sum()) < 2.8 for other in kept):
            kept.append(k)
    return kept


def _marginal(
    poser: Poser, pose: Pose, item: Silhouette, scale: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What one photo says about the mean, its camera and deformation integrated out.

    Returns:
        Information [K, K] and force [K] on the mean's change, and the deformation's posterior covariance.
    """
    equations, _ = poser.normal(pose, item, scale)
    inner = equations.hessian.copy()
    inner[range(6), range(6)] += equations.camera
    inner[6:, 6:] += poser.precision
    inner[range(len(inner)), range(len(inner))] += 1e-8
    full = equations.gradient.copy()
    full[:6] += equations.force
    full[6:] += poser.precision @ pose.deformation
    cross = equations.hessian[:, 6:]
    inverse = np.linalg.inv(inner)
    solved = inverse @ cross
    information = equations.hessian[6:, 6:] - cross.T @ solved
    force = -(equations.gradient[6:] - solved.T @ full)
    return information, force, PRECISION * inverse[6:, 6:]


def _normalise(state: State) -> None:
    """Centre the mean's bounding box in y and z and bring its farthest vertex to radius 1; poses follow."""
    low, high = state.mean.min(0), state.mean.max(0)
    centre = 0.5 * (low + high)
    centre[0] = 0.0
    moved = state.mean - centre
    size = float(np.linalg.norm(moved, axis=1).max())
    state.mean = moved / size
    state.poses = [
        [
            replace(
                p,
                translation=(p.translation + p.rotation @ centre) / size,
                deformation=p.deformation / size,
            )
            for p in poses
        ]
        for poses in state.poses
    ]
