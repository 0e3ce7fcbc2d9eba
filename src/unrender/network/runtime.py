"""The network without torch: ONNX Runtime on the CPU."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unrender.errors import InputError, ModelError
from unrender.files import write_atomic

MODEL_FILE, CARD_FILE, SHAPES_FILE = "model.onnx", "model.json", "shapes.safetensors"
TRAINING_FILE = "training.safetensors"
"""Weights that the graph lacks and training a category of one's own starts from; may be missing."""


@dataclass(frozen=True)
class Guess:
    """What the network says about one picture: `unrender.network.model.Prediction` without the batch axis.

    `coefficients` are [C, K], one row for each of the card's shape categories; `categories` are calibrated
    probabilities of the card's categories.
    """

    mask: np.ndarray
    rotations: np.ndarray
    log_probabilities: np.ndarray
    coefficients: np.ndarray
    light: np.ndarray
    texture: np.ndarray
    categories: np.ndarray


class NetworkRuntime:
    """One loaded model; calls from several threads are safe.

    Attributes:
        any_count: whether the graph takes several pictures at once (older ones take one).
        card: the model card's fields ("name", "version", "licence", "categories", "shape_categories",
            "image_size"; where it was calibrated "temperature", see `unrender.network.calibration`).
        sha256: of the ONNX file, hexadecimal.
    """

    def __init__(self, folder: str | Path, threads: int = 2) -> None:
        """Load `model.onnx` and `model.json` of a folder.

        Raises:
            ModelError: a file is missing or damaged.
        """
        folder = Path(folder)
        try:
            self.card: dict[str, Any] = json.loads((folder / CARD_FILE).read_text())
            weights = (folder / MODEL_FILE).read_bytes()
        except (OSError, ValueError) as error:
            raise ModelError(
                f"model {folder}: cannot be read ({error}); install unrender again or check --model"
            ) from None
        self.sha256 = hashlib.sha256(weights).hexdigest()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise ModelError(
                f"model {folder / MODEL_FILE}: is damaged or of another version ({reason})"
            ) from None
        self.image_size = int(self.card["image_size"])
        self.any_count = not isinstance(self.session.get_inputs()[0].shape[0], int)
        self.temperature = float(self.card.get("temperature", 1.0))

    def __call__(self, image: np.ndarray) -> Guess:
        """Run on one picture, uint8 [S, S, 3] sRGB with S = `image_size`.

        Raises:
            InputError: another shape or dtype.
        """
        return self.several(image[None])[0]

    def several(self, images: np.ndarray) -> list[Guess]:
        """Run on N pictures, uint8 [N, S, S, 3] sRGB; raises as a call."""
        batch = self._batch(images)
        if not self.any_count:
            outputs = [self.session.run(None, {"image": picture[None]}) for picture in batch]
            return [self._guess(tuple(value[0] for value in row)) for row in outputs]
        return [self._guess(row) for row in zip(*self.session.run(None, {"image": batch}), strict=True)]

    def mask(self, image: np.ndarray) -> np.ndarray:
        """The mask alone, float32 [h, h] in [0, 1]; raises as a call."""
        (logits,) = self.session.run(["mask_logits"], {"image": self._batch(image[None])})
        return _sigmoid(logits[0])

    def _batch(self, images: np.ndarray) -> np.ndarray:
        size = self.image_size
        if images.shape[1:] != (size, size, 3) or images.dtype != np.uint8:
            raise InputError(
                f"image: expected uint8 [{size}, {size}, 3], got {images.dtype} {list(images.shape[1:])}"
            )
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32) / np.float32(255)

    def _guess(self, outputs: tuple[np.ndarray, ...]) -> Guess:
        mask, rotations, hypotheses, coefficients, light, texture, categories = outputs
        return Guess(
            mask=_sigmoid(mask),
            rotations=rotations.astype(np.float64),
            log_probabilities=_log_softmax(hypotheses),
            coefficients=coefficients.astype(np.float64),
            light=light,
            texture=np.ascontiguousarray(texture.transpose(1, 2, 0)),
            categories=np.exp(_log_softmax(categories / self.temperature)),
        )


def write_card(folder: str | Path, card: Mapping[str, Any]) -> None:
    """Write a model's card; lists of numbers take one line each."""
    text = json.dumps(card, indent=1)
    text = re.sub(r"\[[-\d\s.,e]+\]", lambda numbers: f"[{' '.join(numbers[0][1:-1].split())}]", text)
    write_atomic(Path(folder) / CARD_FILE, (text + "\n").encode())


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max()
    return shifted - np.log(np.exp(shifted).sum())
