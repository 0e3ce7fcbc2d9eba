"""The network without torch: ONNX Runtime on the CPU."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
        mirrors: whether the graph looks at a picture's mirror image by itself (`unrender.network.whole`).
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
        # Threads that wait busily would take the processor from what follows the network.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self.session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise ModelError(
                f"model {folder / MODEL_FILE}: is damaged or of another version ({reason})"
            ) from None
        self.image_size = int(self.card["image_size"])
        self.mirrors = "looks" in (item.name for item in self.session.get_inputs())
        self.temperature = float(self.card.get("temperature", 1.0))

    def __call__(self, image: np.ndarray) -> Guess:
        """Run on one picture, uint8 [S, S, 3] sRGB with S = `image_size`.

        Raises:
            InputError: another shape or dtype.
        """
        return self._run(image, 1)[0]

    def looks(self, image: np.ndarray) -> tuple[Guess, Guess]:
        """Run on a picture and on its mirror image; takes and raises as a call.

        Where the graph mirrors by itself, mask and category of the second guess are those of the first.
        """
        if self.mirrors:
            first, second = self._run(image, 2)
            return first, replace(second, mask=first.mask[:, ::-1])
        return self(image), self(image[:, ::-1])

    def mask(self, image: np.ndarray) -> np.ndarray:
        """The mask alone, float32 [h, h] in [0, 1]; takes and raises as a call."""
        if not self.mirrors:
            return self(image).mask
        inputs = {"image": self._input(image), "looks": np.arange(0)}
        (logits,) = self.session.run(["mask_logits"], inputs)
        return _sigmoid(logits[0])

    def _run(self, image: np.ndarray, count: int) -> list[Guess]:
        """The guesses of the first so many looks: at the picture, at its mirror image."""
        inputs = {"image": self._input(image)}
        if self.mirrors:
            inputs["looks"] = np.arange(count)
        mask, *each, categories = self.session.run(None, inputs)
        return [self._guess(mask[0], row, categories[0]) for row in zip(*each, strict=True)]

    def _input(self, image: np.ndarray) -> np.ndarray:
        size = self.image_size
        if image.shape != (size, size, 3) or image.dtype != np.uint8:
            raise InputError(
                f"image: expected uint8 [{size}, {size}, 3], got {image.dtype} {list(image.shape)}"
            )
        return np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32) / np.float32(255)

    def _guess(self, mask: np.ndarray, look: Sequence[np.ndarray], categories: np.ndarray) -> Guess:
        rotations, hypotheses, coefficients, light, texture = look
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
