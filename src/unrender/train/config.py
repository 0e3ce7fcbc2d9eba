"""The training configuration: one frozen dataclass, read from YAML."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unrender.errors import ConfigError, MissingExtraError


@dataclass(frozen=True)
class LossWeights:
    """Weight of each loss; all act on 2D images but `camera` and `light` (labels of synthetic pictures) and
    priors.

    Attributes:
        mask: the mask head's cross-entropy + IoU.
        silhouette: soft IoU of the rendered shape, over all rendered views (DIB-R: 1).
        colour: L1 of the rendered colours inside the mask (DIB-R: 3).
        camera: rotation of the hypothesis nearest to the label, and which one that is.
        light: squared error of the light's coefficients on synthetic pictures.
        prior: squared shape coefficients beyond the whitened unit ball's.
        photo_silhouette: soft IoU on photos without camera, over the hypotheses by their probability.
        photo_camera: as `camera`, for photos with a camera that the loop found, by how far it is trusted.
        adversarial: how little other views of a photo's reconstruction look like photos
            (`unrender.train.adversary`).
        photo_prior: as `prior`, for photos: without cameras their shapes are held closer to the mean.
        category: cross-entropy of the category head.
        category_prior: of the segmenter, times `category`: squared departure from ImageNet's classifier.
        pretrained: of a segmenter whose encoder is trained: divergence of ImageNet's classes from what they
            were.
        surface: likelihood of the canonical coordinates of pixels (labels of synthetic pictures).
        laplacian: squared Laplacians of free shapes, summed over the vertices (DIB-R: 0.01).
        flatten: angles between neighbouring faces of free shapes (DIB-R: 0.001). Linear shapes have a prior.
    """

    mask: float = 1.0
    silhouette: float = 1.0
    colour: float = 3.0
    camera: float = 1.0
    light: float = 0.05
    prior: float = 0.002
    photo_silhouette: float = 0.3
    photo_camera: float = 0.0
    adversarial: float = 0.0
    photo_prior: float = 0.02
    category: float = 0.3
    category_prior: float = 0.03
    pretrained: float = 0.0
    surface: float = 0.5
    laplacian: float = 0.0
    flatten: float = 0.0


@dataclass(frozen=True)
class TrainConfig:
    """Everything a training run depends on.

    Attributes:
        name: run name; results go to `out/name`.
        network: "shapes" or "segmenter", what is trained.
        image_size: side of the pictures that the network gets, in pixels.
        out: folder of runs.
        seed: every random choice is a function of (seed, step).
        steps: optimiser steps in all (the learning rate falls to zero over them).
        photo_roots: folders with photos, masks and an index.csv.
        photo_batch: photos per step.
        object_roots: multi-view sets (`python -m unrender.synthesize.multiview`); none for photos alone.
        object_batch: synthetic objects per step (one encoded view each).
        views: further views of each object that are rendered and compared.
        render_size: side of the rendered pictures in pixels.
        shape_space: safetensors file of the shape space; needed with `object_roots`.
        shape: "linear", a category's mean and basis, or "free", offsets of every vertex of a sphere.
        shape_categories: categories that have a shape; prefixes in the file `shape_space`.
        labels: categories that pictures are classified into.
        aliases: other names of categories, of rendered sets and of photos ("category" or
            "category/subcategory", the latter first); "" for those that have no label.
        default_category: of rendered objects whose set does not name one.
        category_weights: how often each shape category is drawn, relative; those not named count 1.
        yaw_symmetry: order of rotational symmetry about the vertical of categories with several like sides;
            objects whose front is not known count as of order 4.
        photo_shares: share of the photos of a step that a label gets; the rest goes to all other photos.
        photo_paste: share of the photos whose object is put before another background.
        photo_hypotheses: so many of the likelier cameras are rendered for a photo without one.
        photo_cameras: npz file of photos' cameras (`unrender.evaluate.photo_cameras`) that count as labels.
        leave_out: photo categories that are not used at all.
        initial_weights: safetensors file to start from (else ImageNet's encoder).
        learning_rate: of the heads; the encoder's is `encoder_rate` times it.
        frozen_blocks: so many blocks of the encoder keep their weights: their gradients are dear.
        clip_norm: limit of the gradient's norm.
        delta_start, delta_end: width of the soft silhouette in squared NDC, falling over the run.
        log_every, preview_every, checkpoint_every: in steps.
        threads: CPU threads of torch and the renderer.
    """

    name: str
    network: str = "shapes"
    image_size: int = 128
    out: str = "runs"
    seed: int = 0
    steps: int = 1000
    photo_roots: tuple[str, ...] = ()
    photo_batch: int = 24
    object_roots: tuple[str, ...] = ()
    object_batch: int = 0
    views: int = 4
    render_size: int = 64
    shape_space: str | None = None
    shape: str = "linear"
    shape_categories: tuple[str, ...] = ("bird",)
    labels: tuple[str, ...] = ("bird", "airplane", "car", "chair", "dinosaur", "animal", "object")
    aliases: dict[str, str] = field(default_factory=dict)
    default_category: str = "bird"
    category_weights: dict[str, float] = field(default_factory=dict)
    yaw_symmetry: dict[str, int] = field(default_factory=dict)
    photo_shares: dict[str, float] = field(default_factory=lambda: {"bird": 0.4})
    photo_paste: float = 0.0
    photo_hypotheses: int = 2
    photo_cameras: str | None = None
    leave_out: tuple[str, ...] = ("motorbike",)
    initial_weights: str | None = None
    learning_rate: float = 1e-3
    encoder_rate: float = 0.3
    frozen_blocks: int = 3
    weight_decay: float = 1e-4
    clip_norm: float = 5.0
    delta_start: float = 1 / 700
    delta_end: float = 1 / 3000
    average: float = 0.998
    weights: LossWeights = field(default_factory=LossWeights)
    log_every: int = 20
    preview_every: int = 500
    checkpoint_every: int = 250
    threads: int = 2


def load_config(path: str | Path) -> TrainConfig:
    """Read a YAML file of `TrainConfig` fields.

    The field `base` names another such file, relative to this one: its fields are taken where this file does
    not give them (of `weights`: each weight).

    Raises:
        ConfigError: the file or its base is missing, is not YAML, has an unknown or badly typed field, or is
            its own base.
        MissingExtraError: pyyaml is not installed.
    """
    return config_from_dict(_with_base(Path(path), ()), str(path))


def _with_base(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """The fields of a file and of those it is based on; `above`: the files that led here."""
    if path.resolve() in above:
        raise ConfigError(f"config {path}: is its own base")
    record = _read_yaml(path)
    if "base" not in record:
        return record
    name = record.pop("base")
    if not isinstance(name, str):
        raise ConfigError(f"config {path}: base must be a file name, got {name!r}")
    base = _with_base(path.parent / name, (*above, path.resolve()))
    merged = {**base, **record}
    parts = base.get("weights"), record.get("weights")
    if isinstance(parts[0], dict) and isinstance(parts[1], dict):
        merged["weights"] = {**parts[0], **parts[1]}
    return merged


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError:
        raise MissingExtraError("reading a YAML config needs pyyaml; pip install 'unrender[train]'") from None
    try:
        record = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(f"config {path}: cannot be read ({error.strerror})") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"config {path}: not valid YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(record, dict):
        raise ConfigError(f"config {path}: expected a mapping of fields, got {type(record).__name__}")
    return record


def config_from_dict(record: dict[str, Any], source: str = "config") -> TrainConfig:
    """A config from plain values; see `load_config` for what is raised."""
    record = dict(record)
    if "weights" in record:
        record["weights"] = _build(LossWeights, record["weights"], f"{source}: weights")
    return _build(TrainConfig, record, source)


def _build(cls: Any, record: Any, source: str) -> Any:
    if not isinstance(record, dict):
        raise ConfigError(f"{source}: expected a mapping, got {type(record).__name__}")
    fields = {item.name: item for item in dataclasses.fields(cls)}
    values: dict[str, Any] = {}
    for key, value in record.items():
        if key not in fields:
            raise ConfigError(f"{source}: unknown field {key!r}; known: {', '.join(fields)}")
        kind = str(fields[key].type)
        if kind == "float":
            try:
                value = float(value)
            except (TypeError, ValueError):
                raise ConfigError(f"{source}: {key} must be a number, got {value!r}") from None
        elif kind == "int" and (not isinstance(value, int) or isinstance(value, bool)):
            raise ConfigError(f"{source}: {key} must be a whole number, got {value!r}")
        elif kind.startswith("str") and not (isinstance(value, str) or (value is None and "None" in kind)):
            raise ConfigError(f"{source}: {key} must be text, got {value!r}")
        elif kind.startswith("tuple"):
            if not isinstance(value, list | tuple):
                raise ConfigError(f"{source}: {key} must be a list, got {value!r}")
            value = tuple(value)
        elif kind.startswith("dict"):
            value = _mapping(value, kind, f"{source}: {key}")
        values[key] = value
    missing = [
        name
        for name, item in fields.items()
        if item.default is dataclasses.MISSING
        and item.default_factory is dataclasses.MISSING
        and name not in values
    ]
    if missing:
        raise ConfigError(f"{source}: the field {missing[0]!r} is missing")
    return cls(**values)


def _mapping(value: Any, kind: str, source: str) -> dict[str, Any]:
    """A mapping of names to text, numbers or whole numbers, as `kind` says."""
    kinds: dict[str, tuple[type, ...]] = {
        "dict[str, str]": (str,), "dict[str, float]": (int, float), "dict[str, int]": (int,)
    }  # fmt: skip
    wanted = kinds[kind]
    if not isinstance(value, dict):
        raise ConfigError(f"{source} must be a mapping, got {value!r}")
    for name, entry in value.items():
        if not isinstance(name, str) or not isinstance(entry, wanted) or isinstance(entry, bool):
            raise ConfigError(f"{source} must be {kind}, got {name!r}: {entry!r}")
    return dict(value)
