"""`unrender train --demo`: the whole way of training in miniature, on shapes that the package itself makes.

A few procedural birds from several views, the same birds on noise as photos with masks, a small shape space,
a handful of steps. Nothing is downloaded. The result knows nothing; it shows what a run reads and writes.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from PIL import Image

from unrender.data.multiview import MultiviewSet
from unrender.data.photos import INDEX_NAME, PhotoRecord
from unrender.synthesize.augment import composite, random_background
from unrender.synthesize.multiview import tiny_set
from unrender.train.config import TrainConfig
from unrender.train.prior import PriorConfig, learn_prior
from unrender.train.run import train


@dataclass(frozen=True)
class DemoConfig:
    """Sizes of the demonstration.

    Attributes:
        objects, views: procedural birds, and pictures of each.
        photos: pictures with masks, of the same birds.
        prior_steps: of the shape space's last stage.
        steps: training steps.
        batch: photos, and objects, per step.
    """

    objects: int = 16
    views: int = 4
    photos: int = 24
    prior_steps: int = 60
    steps: int = 12
    batch: int = 4


def train_demo(out: str | Path, config: DemoConfig | None = None) -> Path:
    """Make the data, learn a shape space, train a little; returns the run's folder.

    Writes `birds/` (multi-view set), `photos/`, `space.safetensors` and `run/` (`run-2/`, ... when repeated:
    data and shape space are then used again) below `out`, and prints where things are.

    Raises:
        OutputError: `out` cannot be written.
        ConfigError: `out` holds something else.
        MissingExtraError: the encoder's ImageNet weights are not installed.
    """
    config = config or DemoConfig()
    out = Path(out)
    birds, photos, space = out / "birds", out / "photos", out / "space.safetensors"
    tiny_set(birds, objects=config.objects, views=config.views, size=128)
    write_photos(birds, photos, config.photos)
    if not space.exists():
        shapes = min(4, config.objects)
        learn_prior(PriorConfig(str(birds), str(space), steps=config.prior_steps, shapes=shapes, views=2))
    run = train(
        TrainConfig(
            name=_free_name(out), out=str(out), steps=config.steps,
            photo_roots=(str(photos),), photo_batch=config.batch,
            object_roots=(str(birds),), object_batch=config.batch, views=min(3, config.views), render_size=32,
            shape_space=str(space), log_every=2, preview_every=max(1, config.steps // 2),
            checkpoint_every=max(1, config.steps // 2),
        )
    )  # fmt: skip
    sheet = run / "preview" / f"{config.steps:06d}.png"
    for what, where in (
        ("rendered birds", birds), ("photos with masks", photos), ("shape space", space),
        ("figures", run / "log.csv"), ("checkpoint", run / "checkpoint.safetensors"),
        ("photo | mask | render | four views", sheet),
    ):  # fmt: skip
        print(f"{what}: {where}")
    print("For a real model see docs/training.md.")
    return run


def write_photos(objects: str | Path, out: str | Path, count: int, seed: int = 0) -> Path:
    """Photos with masks and an index, as `unrender.data.photos` reads them, from a multi-view set.

    Every fifth is of the split "val". The same set and seed give the same files.
    """
    data, out = MultiviewSet(objects), Path(out)
    (out / "masks").mkdir(parents=True, exist_ok=True)
    size, rows = data.size, []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        rgba = np.ascontiguousarray(data[number % len(data)].rgba[number // len(data) % data.views])
        picture, mask = composite(rgba, random_background([], size, rng), rng)
        name = f"{number:04d}"
        Image.fromarray(picture).save(out / f"{name}.png")
        Image.fromarray(mask).save(out / "masks" / f"{name}.png")
        split = "val" if number % 5 == 4 else "train"
        rows.append([
            name, "bird", "procedural", f"{name}.png", f"masks/{name}.png", size, size, "rendered", 1,
            "unrender", "CC0-1.0", split, 0,
        ])  # fmt: skip
    with (out / INDEX_NAME).open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([field.name for field in fields(PhotoRecord)])
        writer.writerows(rows)
    return out


def _free_name(out: Path) -> str:
    """The first of run, run-2, run-3 ... that is not there."""
    number = 1
    while (out / (name := "run" if number == 1 else f"run-{number}")).exists():
        number += 1
    return name
