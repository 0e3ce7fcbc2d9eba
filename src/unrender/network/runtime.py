"""The network without torch: ONNX Runtime on the CPU."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unrender.errors import InputError, ModelError

MODEL_FILE, CARD_FILE, SHAPES_FILE = "model.onnx", "model.json", "shapes.safetensors"


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
        self.temperature = float(self.card.get("temperature", 1.0))

    def __call__(self, image: np.ndarray) -> Guess:
        """Run on one picture, uint8 [S, S, 3] sRGB with S = `image_size`.

        Raises:
            InputError: another shape or dtype.
        """
        size = self.image_size
        if image.shape != (size, size, 3) or image.dtype != np.uint8:
            raise InputError(
                f"image: expected uint8 [{size}, {size}, 3], got {image.dtype} {list(image.shape)}"
            )
        batch = np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        mask, rotations, hypotheses, coefficients, light, texture, categories = self.session.run(
            None, {"image": batch}
        )
        return Guess(
            mask=1 / (1 + np.exp(-mask[0])),
            rotations=rotations[0].astype(np.float64),
            log_probabilities=_log_softmax(hypotheses[0]),
            coefficients=coefficients[0].astype(np.float64),
            light=light[0],
            texture=np.ascontiguousarray(texture[0].transpose(1, 2, 0)),
            categories=np.exp(_log_softmax(categories[0] / self.temperature)),
        )


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max()
    return shifted - np.log(np.exp(shifted).sum())
