"""A whole run: photos, shapes, teacher, network, model folder, report. Every stage is kept and not done
again."""

from __future__ import annotations

import importlib.util
import json
import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from unrender.errors import ConfigError, InputError, MissingExtraError
from unrender.evaluate.sheets import Subject
from unrender.files import write_atomic
from unrender.network.runtime import CARD_FILE, MODEL_FILE, SHAPES_FILE, TRAINING_FILE, NetworkRuntime
from unrender.own.folder import OwnPhoto, Trouble, describe, list_photos, read_photos
from unrender.own.report import photo_sheet, shape_sheet, write_report
from unrender.own.shapes import SURE, Learnt, learn_shapes, load_learnt, save_learnt, turn_round
from unrender.own.teach import bake_texture, render_teacher
from unrender.reconstruct.hub import find_model
from unrender.reconstruct.loading import load_runtime
from unrender.shape_space import ShapeSpace, load_shape_space
from unrender.train.config import LossWeights, TrainConfig
from unrender.train.own import OwnObjective, TaughtPhoto, seconds_per_step, weights_of_model

LEAST_PHOTOS = 20
"""With fewer photos nothing can be told apart from chance."""
MOST_SHAPE_PHOTOS = 160
"""Photos that shapes are learnt from; more take longer and add little."""
LEAST_STEPS = 60
OBJECTS_A_PHOTO, MOST_OBJECTS = 2, 300
DEFAULT_HOURS = 0.6
PICTURES = 12
"""Rendered pictures, and photos, of a training step."""


@dataclass(frozen=True)
class OwnConfig:
    """What `unrender train FOLDER` does.

    Attributes:
        folder: the photos. category: the new category's name. out: the model's folder.
        model: the base model: None, a folder or a hub id.
        like: a category of the base model whose mean shape is the start; None tries several.
        turn: exchange front and back of what was learnt.
        hours: time for everything; steps: of the network, instead. seed: of every random choice.
    """

    folder: str
    category: str
    out: str
    model: str | None = None
    like: str | None = None
    turn: bool = False
    hours: float = DEFAULT_HOURS
    steps: int | None = None
    seed: int = 0


Progress = Callable[[str, float, float], None]
"""Told what is being done, and how much of the stage is done and in all."""


def train_own(
    config: OwnConfig, *, resume: bool = False, say: Callable[[str], None] = print,
    progress: Progress = lambda text, done, total: None,
) -> Path:  # fmt: skip
    """Train a model of one's own category from a folder of photos.

    Writes the model (`model.onnx`, `model.json`, `shapes.safetensors`), `report.json`, `photos.jpg`,
    `shapes.png` and `sheet-*.png` to `config.out`, and what a stopped run needs to `config.out/work`.

    Args:
        resume: go on with a run that was stopped. say: gets lines of text. progress: gets the state.

    Raises:
        ConfigError: too few usable photos, a bad name, or another run in the folder.
        ModelError: the base model cannot be used.
    """
    began = time.monotonic()
    _check(config)
    out = Path(config.out)
    work = out / "work"
    base = find_model(config.model)
    runtime = load_runtime(base, 1)
    photos, troubles = _photos(config, runtime, progress)
    usable = [photo for photo in photos if not photo.held_out]
    _summarise(photos, troubles, say)
    if len(usable) < LEAST_PHOTOS:
        raise ConfigError(
            f"{config.folder}: {len(usable)} usable photos of {config.category}, at least {LEAST_PHOTOS} "
            "are needed (100 to 200 are good); see the problems above"
        )
    _claim(work, config, [photo.name for photo in photos], resume)
    write_atomic(out / "photos.jpg", photo_sheet(photos))

    learnt = _shapes(work, config, usable, _known(base, runtime, config.like), progress)
    write_atomic(out / "shapes.png", shape_sheet(learnt.space))
    say(f"shapes: started from {learnt.start}; {out / 'shapes.png'} shows them: is the front in front?")
    chosen = shape_photos(usable)
    _teacher(work, config, chosen, learnt, runtime, progress)
    _network(work, config, chosen, usable, learnt, base, runtime, began)
    _export(work, out, config)
    held_out = [photo for photo in photos if photo.held_out] or usable[::10]
    report = write_report(
        out, [Subject(p.name, p.pixels, p.mask) for p in held_out], asdict(config), len(usable), learnt
    )
    say(report)
    return out


def _check(config: OwnConfig) -> None:
    name = config.category
    if not name or not all(c.isalnum() or c in "-_" for c in name) or len(name) > 16:
        raise InputError(
            f"category: expected up to 16 letters, digits, - or _, got {name!r}; such as --category mug"
        )
    if importlib.util.find_spec("onnx") is None:
        raise MissingExtraError("training on photos needs onnx; pip install 'unrender[train]'")
    if config.steps is not None and config.steps < 1:
        raise InputError(f"steps: expected at least 1, got {config.steps}")
    if not 0 < config.hours < 1000:
        raise InputError(f"hours: expected a number above 0, got {config.hours}")


def _photos(
    config: OwnConfig, runtime: NetworkRuntime, progress: Progress
) -> tuple[list[OwnPhoto], list[Trouble]]:
    entries = list_photos(config.folder, config.category)
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        progress("reading photos", done, len(entries))

    return read_photos(entries, runtime, advance)


def _summarise(photos: list[OwnPhoto], troubles: list[Trouble], say: Callable[[str], None]) -> None:
    held_out = sum(photo.held_out for photo in photos)
    predicted = sum(photo.predicted for photo in photos)
    left_out = sum(trouble.left_out for trouble in troubles)
    say(
        f"{len(photos)} photos to learn from, {held_out} of them held out for the report; "
        f"masks of {predicted} predicted; {left_out} left out"
    )
    for line in describe(troubles):
        say(line)


def _claim(work: Path, config: OwnConfig, names: list[str], resume: bool) -> None:
    """Make the run's folder, or make sure that it holds this very run."""
    settings = asdict(config)
    for changing in ("hours", "steps", "out", "turn"):
        settings.pop(changing)
    record = {"settings": settings, "photos": names}
    path = work / "run.json"
    if path.exists():
        if not resume:
            raise ConfigError(f"{work}: a run is there; go on with --resume or choose another -o")
        if json.loads(path.read_text()) != record:
            raise ConfigError(
                f"{work}: holds a run of other photos or settings; delete it or choose another -o"
            )
        return
    write_atomic(path, json.dumps(record, indent=1).encode())


def _known(base: Path, runtime: NetworkRuntime, like: str | None) -> dict[str, ShapeSpace]:
    names = [name for name in runtime.card["shape_categories"] if like in (None, name)]
    if not names:
        raise InputError(
            f"like: the base model knows {', '.join(runtime.card['shape_categories'])}, got {like!r}"
        )
    spaces = {name: load_shape_space(base / SHAPES_FILE, f"{name}.") for name in names}
    return spaces if like is not None or len(spaces) > 1 else spaces | {"": next(iter(spaces.values()))}


def shape_photos(usable: list[OwnPhoto]) -> list[OwnPhoto]:
    """The photos that shapes are learnt from: all, or so many evenly over the folder."""
    if len(usable) <= MOST_SHAPE_PHOTOS:
        return usable
    return [usable[int(k)] for k in np.linspace(0, len(usable) - 1, MOST_SHAPE_PHOTOS).round()]


def _shapes(
    work: Path, config: OwnConfig, usable: list[OwnPhoto], known: dict[str, ShapeSpace], progress: Progress
) -> Learnt:
    path = work / "shapes.safetensors"
    if not path.exists():
        save_learnt(path, learn_shapes(shape_photos(usable), known, on_round=progress), config.category)
    learnt = load_learnt(path, config.category)
    if learnt.turned != config.turn:
        shutil.rmtree(work / "teacher", ignore_errors=True)
        shutil.rmtree(work / "network", ignore_errors=True)
        save_learnt(path, turn_round(learnt), config.category)
        learnt = load_learnt(path, config.category)
    return learnt


def _teacher(
    work: Path, config: OwnConfig, photos: list[OwnPhoto], learnt: Learnt, runtime: NetworkRuntime,
    progress: Progress,
) -> None:  # fmt: skip
    out = work / "teacher"
    objects = min(MOST_OBJECTS, max(40, OBJECTS_A_PHOTO * len(photos)))
    index = out / "index.json"
    if index.exists() and json.loads(index.read_text())["complete"]:
        return
    textures = []
    for number, (photo, pose) in enumerate(zip(photos, learnt.poses, strict=True)):
        vertices = learnt.space.vertices(learnt.coefficients[number])
        textures.append(bake_texture(photo, pose, vertices, runtime))
        progress("colours of the photos", number + 1, len(photos))
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        progress("rendering the teacher's pictures", done, objects)

    render_teacher(
        out, config.category, learnt.space, learnt.coefficients, textures, objects, config.seed, advance
    )


def _network(
    work: Path, config: OwnConfig, photos: list[OwnPhoto], usable: list[OwnPhoto], learnt: Learnt,
    base: Path, runtime: NetworkRuntime, began: float,
) -> None:  # fmt: skip
    """Fine-tune; the number of steps is given, or follows from the time that is left, once, and is kept."""
    from unrender.network.model import NetworkConfig
    from unrender.train.run import train

    weights = work / "base.safetensors"
    if not weights.exists():
        weights_of_model(base, runtime.card, weights)
    taught = _taught(photos, usable, learnt)

    def objective(train_config: TrainConfig, network: NetworkConfig) -> OwnObjective:
        return OwnObjective(train_config, network, taught)

    plan = work / "plan.json"
    settings = _train_config(work, config, weights)
    if config.steps is not None or not plan.exists():
        steps = config.steps
        if steps is None:
            left = 3600 * config.hours - (time.monotonic() - began)
            steps = max(LEAST_STEPS, int(0.92 * left / seconds_per_step(settings, taught)))
        write_atomic(plan, json.dumps({"steps": steps}).encode())
    steps = int(json.loads(plan.read_text())["steps"])
    train(
        replace(settings, steps=steps, preview_every=max(1, steps // 4)),
        resume=True,
        make_objective=objective,
    )


def _taught(photos: list[OwnPhoto], usable: list[OwnPhoto], learnt: Learnt) -> list[TaughtPhoto]:
    """All usable photos with their labels; those that shapes were not learnt from teach the mask alone."""
    known = {photo.name: number for number, photo in enumerate(photos)}
    zero = np.zeros(learnt.space.size, np.float32)
    taught = []
    for photo in usable:
        number = known.get(photo.name)
        if number is None:
            taught.append(TaughtPhoto(photo.pixels, photo.mask, None, zero))
            continue
        sure = learnt.probabilities[number] >= SURE and learnt.poses[number].iou > 0.6
        rotation = learnt.poses[number].rotation if sure else None
        taught.append(TaughtPhoto(photo.pixels, photo.mask, rotation, learnt.coefficients[number]))
    return taught


def _train_config(work: Path, config: OwnConfig, weights: Path) -> TrainConfig:
    return TrainConfig(
        name="network", out=str(work), seed=config.seed, steps=1000,
        object_roots=(str(work / "teacher"),), object_batch=PICTURES, views=3, photo_batch=PICTURES,
        shape_space=str(work / "shapes.safetensors"), shape_categories=(config.category,),
        labels=(config.category,), default_category=config.category, initial_weights=str(weights),
        learning_rate=6e-4, encoder_rate=0.4, delta_start=4e-4, delta_end=1e-4, average=0.99,
        weights=LossWeights(camera=1.2, photo_prior=0.1, category=0.0), checkpoint_every=50, threads=1,
    )  # fmt: skip


def _export(work: Path, out: Path, config: OwnConfig) -> None:
    """The model's folder, made beside and moved file by file, the card last."""
    from unrender.train.export import ExportConfig, export_model

    made = work / "model"
    shutil.rmtree(made, ignore_errors=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer, about constants that are meant to be constant
        export_model(
            ExportConfig(
                str(work / "network" / "checkpoint.safetensors"), str(work / "shapes.safetensors"), str(made),
                name=f"unrender-{config.category}", licence="that of the photos it was trained on",
                data=f"photos of {Path(config.folder).resolve().name}; renderings of shapes learnt from them",
            )
        )  # fmt: skip
    for name in (MODEL_FILE, SHAPES_FILE, TRAINING_FILE, CARD_FILE):
        (made / name).replace(out / name)
    made.rmdir()
