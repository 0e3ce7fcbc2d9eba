"""Calibrating an exported model's category on photos that it was not trained on.

`python -m unrender.train.calibrate --model runs/model --photos data/photos`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from unrender.data.photos import PhotoSet
from unrender.errors import ConfigError
from unrender.image import crop_square
from unrender.network.calibration import calibration_error, fit_temperature
from unrender.network.runtime import NetworkRuntime, write_card
from unrender.train.photos import label_of

MARGIN = 1.25
"""Side of the square round the object, relative to its longer side."""


@dataclass(frozen=True)
class CalibrationConfig:
    """What is calibrated on which photos.

    Attributes:
        model: folder of an exported model; its `model.json` is rewritten.
        photos: folder with an index.csv; the split "val" is used.
        aliases: as in `TrainConfig`.
    """

    model: str
    photos: str
    aliases: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Calibration:
    """Temperature, number of photos, accuracy in [0, 1], calibration error before and after."""

    temperature: float
    photos: int
    accuracy: float
    error_before: float
    error_after: float


def calibrate_model(model: str | Path, photos: str | Path, aliases: Mapping[str, str]) -> Calibration:
    """Fit the temperature of a model's category on the photos of split "val" and write it to its card.

    Raises:
        ConfigError: no photo of split "val" has a label that the model knows.
        ModelError: the model cannot be read.
    """
    runtime = NetworkRuntime(model, threads=1)
    names = list(runtime.card["categories"])
    logits, labels = [], []
    data = PhotoSet(photos).filter(split="val")
    for record in data:
        name = label_of(record, aliases)
        if name in names:
            pixels, mask = data.read(record)
            probabilities = runtime(_crop(pixels, mask, runtime.image_size)).categories
            logits.append(runtime.temperature * np.log(np.maximum(probabilities, 1e-12)))
            labels.append(names.index(name))
    if not labels:
        raise ConfigError(f"{photos}: no photo of split val has a label of {', '.join(names)}")
    scores, truth = np.stack(logits), np.array(labels)
    temperature = fit_temperature(scores, truth)
    write_card(model, runtime.card | {"temperature": temperature})
    return Calibration(
        temperature, len(truth), float((scores.argmax(1) == truth).mean()),
        calibration_error(_softmax(scores), truth), calibration_error(_softmax(scores / temperature), truth),
    )  # fmt: skip


def _crop(pixels: np.ndarray, mask: np.ndarray, size: int) -> np.ndarray:
    """The padded square round the object, uint8 [size, size, 3], as a reconstruction sees it."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return np.asarray(Image.fromarray(pixels).resize((size, size)))
    side = MARGIN * (max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1)
    x, y = (columns[0] + columns[-1] + 1 - side) / 2, (rows[0] + rows[-1] + 1 - side) / 2
    return crop_square(pixels, x, y, side, size)


def _softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(weights / weights.sum(1, keepdims=True))


if __name__ == "__main__":
    import tyro

    settings = tyro.cli(CalibrationConfig)
    print(calibrate_model(settings.model, settings.photos, settings.aliases))
