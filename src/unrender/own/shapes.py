"""The first half of a run: from photos to a shape space, cameras and coefficients, kept in one file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from unrender.errors import InputError
from unrender.files import write_atomic
from unrender.own.folder import OwnPhoto
from unrender.own.learn import LearnConfig, State, learn
from unrender.own.pose import Pose
from unrender.own.silhouettes import Silhouette, crop_mask
from unrender.own.space import arrays, whiten
from unrender.own.starts import Start, rank, side_starts, unit
from unrender.shape_space import ShapeSpace, load_shape_space

RACED = 48
"""Photos on which starts are raced."""
CANDIDATES = 6
"""Photos that are taken for side views."""
RACE = LearnConfig().stages[:2]
SURE = 0.7
"""Probability from which on a photo's camera teaches the network."""


@dataclass(frozen=True, eq=False)
class Learnt:
    """What was learnt.

    Attributes:
        space: the category's shapes. coefficients: [N, K] of the photos. poses: cameras of the photos.
        probabilities: float [N] of those cameras among their hypotheses. start: what the mean started from.
        turned: whether front and back were exchanged.
    """

    space: ShapeSpace
    coefficients: np.ndarray
    poses: list[Pose]
    probabilities: np.ndarray
    start: str
    turned: bool = False


def learn_shapes(
    photos: Sequence[OwnPhoto],
    known: dict[str, ShapeSpace],
    *,
    config: LearnConfig | None = None,
    on_round: Callable[[str, float, float], None] = lambda text, done, total: None,
) -> Learnt:
    """Learn a shape space from the photos' masks.

    Args:
        known: shape spaces of a model whose means may serve as starts; with a single one only that is taken.
        on_round: called with what was done, and rounds done and in all.
    """
    config = config or LearnConfig()
    silhouettes = [Silhouette.of(crop_mask(photo.mask)[0]) for photo in photos]
    total = sum(stage.rounds for stage in config.stages)
    extra = 0
    start = Start("", np.zeros((0, 3)))
    means = [Start(name, unit(space.mean.astype(np.float64))) for name, space in sorted(known.items())]
    if len(means) == 1:
        start = means[0]
    else:
        every = max(1, len(silhouettes) // RACED)
        few = silhouettes[::every]
        on_round("looking for a first shape", 0, total)
        ranked = rank(side_starts(few, CANDIDATES), few)
        runners = [ranked[0], *rank(means, few)[:2]]
        rounds = sum(stage.rounds for stage in RACE)
        extra = rounds * len(runners)
        best = -1.0
        for place, runner in enumerate(runners):
            tell = partial(_tell, on_round, f"trying {runner.name}:", place * rounds, total + extra)
            state = learn(few, runner.mean, LearnConfig(stages=RACE), on_round=tell)
            if state.overlap > best:
                best, start = state.overlap, runner
    tell = partial(_tell, on_round, "shapes and cameras: overlap", extra, total + extra)
    state = learn(silhouettes, start.mean, config, on_round=tell)
    return finish(state, start.name)


def _tell(
    on_round: Callable[[str, float, float], None], text: str, before: int, total: int,
    state: State, done: int, _: int,
) -> None:  # fmt: skip
    """Pass on what `learn` tells after a round, as a part of all rounds."""
    on_round(f"{text} {state.overlap:.3f}", before + done, total)


def finish(state: State, start: str) -> Learnt:
    """The whitened space and what it says about the photos."""
    space, coefficients = whiten(state)
    poses = [item[0] for item in state.poses]
    probabilities = np.array([weights[0] for weights in state.weights])
    return Learnt(space, coefficients, poses, probabilities, start)


def turn_round(learnt: Learnt) -> Learnt:
    """The same with front and back exchanged: everything turned by 180 degrees about the vertical."""
    turn = np.array([-1, 1, -1], np.float32)
    space = learnt.space
    canonical = None if space.canonical is None else space.canonical * turn
    return replace(
        learnt, turned=not learnt.turned,
        space=replace(space, mean=space.mean * turn, basis=space.basis * turn, canonical=canonical),
        poses=[replace(pose, rotation=pose.rotation * turn) for pose in learnt.poses],
    )  # fmt: skip


def save_learnt(path: Path, learnt: Learnt, category: str) -> None:
    """Write to a safetensors file, complete or absent; its tensors "NAME.mean" ... are the shape space."""
    tensors = arrays(learnt.space, category)
    tensors |= {
        "photos.coefficients": learnt.coefficients,
        "photos.rotations": np.array([pose.rotation for pose in learnt.poses]),
        "photos.translations": np.array([pose.translation for pose in learnt.poses]),
        "photos.overlaps": np.array([pose.iou for pose in learnt.poses]),
        "photos.probabilities": learnt.probabilities,
    }
    meta = {"start": learnt.start, "turned": learnt.turned}
    write_atomic(path, save(tensors, metadata={"meta": json.dumps(meta)}))


def load_learnt(path: Path, category: str) -> Learnt:
    """Read what `save_learnt` wrote.

    Raises:
        ModelError: the file is damaged.
    """
    space = load_shape_space(path, f"{category}.")
    with safe_open(str(path), framework="np") as file:
        found = {name: file.get_tensor(f"photos.{name}") for name in _PHOTO_TENSORS}
        meta = json.loads(file.metadata()["meta"])
    poses = [
        Pose(rotation, translation, np.zeros(0), float(iou))
        for rotation, translation, iou in zip(
            found["rotations"], found["translations"], found["overlaps"], strict=True
        )
    ]
    if len(poses) != len(found["coefficients"]):
        raise InputError(f"{path}: does not fit the photos; delete it and start again")
    return Learnt(space, found["coefficients"], poses, found["probabilities"], **meta)


_PHOTO_TENSORS = ("coefficients", "rotations", "translations", "overlaps", "probabilities")
