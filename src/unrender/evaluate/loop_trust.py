"""How firmly the loop holds its unknowns: measured for every category, and written to the model's card.

    python -m unrender.evaluate.loop_trust --model runs/model --meshes data/meshes

Objects that the network was not trained on (other seeds of the generators, and other variations of the
training meshes) are drawn from several sides. Silhouettes with their true cameras tell each object's shape
(`unrender.reconstruct.many_views`): what it needs beside the category's space is the variance of the fields,
and what the network says of its pictures, with true masks, differs from it by the network's error, whose
covariance is kept.
See `unrender.reconstruct.trust`. Run it again whenever network or shape spaces have changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from unrender.errors import ConfigError
from unrender.image import crop_square
from unrender.network.runtime import SHAPES_FILE, NetworkRuntime, write_card
from unrender.reconstruct.looks import look_twice
from unrender.reconstruct.loop import Loop, LoopConfig
from unrender.reconstruct.many_views import Silhouettes, learn_variances
from unrender.reconstruct.region import cell_means, crop_round
from unrender.reconstruct.trust import CARD_KEY, Trust
from unrender.render import set_num_threads
from unrender.shape_space import ShapeSpace, load_shape_space
from unrender.synthesize.augment import composite, degrade, random_background
from unrender.synthesize.catalogue import CATEGORIES
from unrender.synthesize.multiview import MultiviewConfig, render_object
from unrender.synthesize.objects import OTHER, indexed_meshes, make_object, object_seed

GENERATED = 2.5
"""So many generated objects for one varied mesh, in categories that have both."""
NOISE = 0.03
"""Precision of an unknown of variance 1 beside several true silhouettes, see `LoopConfig.noise`."""
SHRINKAGE = 0.1
"""Covariances measured on few objects are taken so much smaller (Ledoit and Wolf 2004)."""
OTHERS = "object+train+tank"
"""What the meshes of the general category are filed under."""


@dataclass(frozen=True)
class LoopTrustConfig:
    """What is measured.

    Attributes:
        model: folder of an exported model; its `model.json` is rewritten.
        meshes: folder with an index.csv, whose permissive rows of split "train" are varied; or none.
        objects: of each category. views: silhouettes of each. looks: of these shown to the network.
        seed: of the objects; none that a training set was made with.
        categories: only these; the others keep their numbers.
        hold_proportions: categories whose proportions the network knows on rendered objects but not on photos
            (docs/experiments.md, 2026-12-01): those that are usual hold the shape too.
    """

    model: str
    meshes: str | None = None
    objects: int = 40
    views: int = 6
    looks: int = 3
    seed: int = 1041
    categories: tuple[str, ...] = ()
    hold_proportions: tuple[str, ...] = ("bird", "airplane")

    def __post_init__(self) -> None:
        if self.objects < 1 or not 1 <= self.looks <= self.views:
            raise ConfigError("objects, looks, views: expected at least 1 object and look, looks <= views")


def source_of(category: str, meshes: str | None) -> str | None:
    """Where objects of a category come from (see `unrender.synthesize.objects`); None where from nowhere."""
    generated = "birds" if category == "bird" else category if category in CATEGORIES else None
    filed = OTHERS if category == OTHER else category
    gathered = None
    if meshes is not None:
        try:
            indexed_meshes(meshes, filed)
            gathered = f"meshes/{filed}:{meshes}"
        except ConfigError:
            gathered = None
    if generated is None or gathered is None:
        return generated or gathered
    return f"{generated}={GENERATED},{gathered}=1"


@dataclass(frozen=True, eq=False)
class Subject:
    """One object: its silhouettes, and the coefficients float64 [L, K] that the network gives it."""

    silhouettes: Silhouettes
    guesses: np.ndarray


def subjects(
    runtime: NetworkRuntime, number: int, space: ShapeSpace, source: str, config: LoopTrustConfig, size: int
) -> Iterator[Subject]:
    """Objects of a source, photographed and looked at.

    Args:
        runtime: the network. number: of the category among its shape categories. space: of the category.
        source: of the objects. config: how many. size: of the loop's pictures.
    """
    shots = MultiviewConfig(config.objects, config.views, config.seed, runtime.image_size, source)
    signs = np.ones((len(runtime.card["shape_categories"]), int(runtime.card["coefficients"])))
    signs[number, : space.size][space.antisymmetric] = -1
    for index in range(config.objects):
        seed = object_seed(config.seed, index)
        rng = np.random.default_rng([seed, 1])
        arrays = render_object(make_object(source, shots.include, seed), shots, rng)
        masks = np.stack([cell_means(a[..., 3].astype(np.float32) / 255, size) for a in arrays["rgba"]])
        guesses = []
        for picture in arrays["rgba"][: config.looks]:
            mask = picture[..., 3] > 127
            if not mask.any():
                continue
            shown, _ = composite(picture, random_background([], runtime.image_size, rng), rng, occluders=0.0)
            crop = crop_round(mask, 0.0, 0.0, 1.0)
            close = crop_square(degrade(shown, rng), *crop, runtime.image_size)
            coefficients = look_twice(runtime, close, signs).coefficients[number][: space.size]
            guesses.append(space.settle(coefficients))
        if guesses:
            yield Subject(Silhouettes.of(masks, arrays["world_to_camera"]), np.array(guesses))


def trust_from(loop: Loop, found: list[Subject], hold_proportions: bool = True) -> tuple[Trust, float]:
    """Errors of a category from its objects, and the mean overlap of the shapes fitted to them.

    Args:
        loop: of the category. found: at least one object. hold_proportions: as `Trust` has it.
    """
    known = loop.space.size
    fits, variance, left = learn_variances(loop.geometry, [subject.silhouettes for subject in found], NOISE)
    errors = np.concatenate(
        [subject.guesses - fit.unknowns[:known] for subject, fit in zip(found, fits, strict=True)]
    )
    covariance = errors.T @ errors / len(errors)
    covariance += SHRINKAGE * (np.diag(covariance.diagonal()) - covariance) + left[:known, :known]
    trust = Trust.of_covariance(covariance, variance[known:], hold_proportions)
    return trust, float(np.mean([fit.iou for fit in fits]))


def measure_trust(config: LoopTrustConfig) -> dict[str, Trust]:
    """Measure a model's categories and write what was found to its card.

    Raises:
        ConfigError: there are no objects of any category that is asked for.
        ModelError: the model cannot be read.
    """
    set_num_threads(1)
    runtime = NetworkRuntime(config.model, threads=1)
    names = list(runtime.card["shape_categories"])
    result: dict[str, Trust] = {}
    for name in track(config.categories or names, description="variances of the loop"):
        source = source_of(name, config.meshes) if name in names else None
        if source is None:
            continue
        space = load_shape_space(Path(config.model) / SHAPES_FILE, f"{name}.")
        loop = Loop(space, LoopConfig())
        found = list(subjects(runtime, names.index(name), space, source, config, loop.config.size))
        if not found:
            continue
        result[name], iou = trust_from(loop, found, name in config.hold_proportions)
        error, fields = np.sqrt(result[name].coefficients.mean()), result[name].fields
        size = f", fields {np.sqrt(fields.mean()):.2f}" if len(fields) else ""  # else among the coefficients
        print(f"{name}: {len(found)} objects, overlap {iou:.3f}, error {error:.2f}{size}")
    if not result:
        raise ConfigError(f"categories: there are no objects of {', '.join(config.categories or names)}")
    table = runtime.card.get(CARD_KEY, {}) | {name: trust.entry() for name, trust in result.items()}
    write_card(config.model, runtime.card | {CARD_KEY: table})
    return result


if __name__ == "__main__":
    import tyro

    measure_trust(tyro.cli(LoopTrustConfig))
