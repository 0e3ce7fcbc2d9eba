"""Fine-tuning on the photos of one's own category: what the network is taught, and by which photos.

Rendered objects of the new shape space are taught as any others (`unrender.train.step`). Photos have a mask,
and the camera and coefficients that the learning of the shapes found for them; where there were several
cameras, the likeliest, and photos in doubt teach the mask alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from unrender.errors import MissingExtraError, ModelError
from unrender.files import write_atomic
from unrender.losses import mask_head_loss
from unrender.network.model import NetworkConfig, Prediction, UnrenderNetwork
from unrender.network.runtime import MODEL_FILE, TRAINING_FILE
from unrender.train.camera_loss import camera_loss
from unrender.train.checkpoint import read_tensors
from unrender.train.config import TrainConfig
from unrender.train.photos import MIRROR, PhotoBatch, random_view
from unrender.train.run import make_optimizer, network_config
from unrender.train.sampling import draw_within
from unrender.train.step import Objective, mask_head_iou


@dataclass(frozen=True)
class TaughtPhoto:
    """One photo: pixels uint8 [H, W, 3], mask bool [H, W], world-to-camera rotation [3, 3] or None where it
    is in doubt, coefficients [K]."""

    pixels: np.ndarray
    mask: np.ndarray
    rotation: np.ndarray | None
    coefficients: np.ndarray


@dataclass(frozen=True)
class TaughtBatch(PhotoBatch):
    """Photos with labels: `coefficients` [B, K] float32; `trust` is 0 where the camera is in doubt."""

    coefficients: np.ndarray


class TaughtSampler:
    """Random crops of the photos, mirrored half of the time with their cameras."""

    def __init__(self, photos: Sequence[TaughtPhoto], size: int) -> None:
        self.photos, self.size = photos, size

    def batch(self, count: int, rng: np.random.Generator) -> TaughtBatch:
        """`count` photos; depends on `rng` alone."""
        everything = [np.arange(len(self.photos))]
        picks = draw_within(everything, np.zeros(count, np.int64), rng)
        size, half = self.size, self.size // 2
        images, masks = (
            np.empty((count, 3, size, size), np.float32),
            np.empty((count, half, half), np.float32),
        )
        rotations = np.tile(np.eye(3, dtype=np.float32), (count, 1, 1))
        trust = np.zeros(count, np.float32)
        for row, pick in enumerate(picks):
            photo = self.photos[pick]
            images[row], masks[row], mirrored = random_view(photo.pixels, photo.mask, size, rng)
            if photo.rotation is not None:
                rotations[row] = MIRROR @ photo.rotation @ MIRROR if mirrored else photo.rotation
                trust[row] = 1
        coefficients = np.stack([self.photos[pick].coefficients for pick in picks]).astype(np.float32)
        zeros = np.zeros(count, np.int64)
        return TaughtBatch(images, masks, zeros, np.ones(count, bool), rotations, trust, coefficients)


class OwnObjective(Objective):
    """Rendered objects as ever, and photos with labels."""

    def __init__(self, config: TrainConfig, network: NetworkConfig, photos: Sequence[TaughtPhoto]) -> None:
        super().__init__(config, network)
        sampler = TaughtSampler(photos, network.image_size)
        self.photos = sampler  # type: ignore[assignment]
        if self.objects is not None:
            self.objects.backgrounds += [without_object(photo) for photo in photos]

    def photo_terms(
        self, network: UnrenderNetwork, prediction: Prediction, photos: PhotoBatch, step: int
    ) -> dict[str, Tensor]:
        """Mask, camera and coefficients of photos."""
        assert isinstance(photos, TaughtBatch) and self.shapes is not None
        masks = torch.from_numpy(photos.masks)
        terms = {"mask": mask_head_loss(prediction.mask_logits, masks)}
        rows = torch.from_numpy(np.flatnonzero(photos.trust > 0))
        if len(rows):
            some = replace(prediction, **{name: getattr(prediction, name)[rows] for name in _OF_PICTURES})
            truth = torch.from_numpy(photos.rotations)[rows]
            terms["camera"], errors = camera_loss(some, network.anchors, truth)
            terms["photo_rotation_degrees"] = errors.mean()
            found = torch.from_numpy(photos.coefficients)[rows]
            guessed = self.shapes.select(some.coefficients, torch.zeros(len(rows), dtype=torch.int64))
            terms["photo_prior"] = ((guessed - found) ** 2).mean()
        terms["mask_head_iou"] = mask_head_iou(prediction.mask_logits, masks)
        return terms


_OF_PICTURES = ("rotations", "hypothesis_logits", "coefficients")


def without_object(photo: TaughtPhoto) -> np.ndarray:
    """The photo with its object painted over by the mean of the rest of each row: a background."""
    outside = ~photo.mask[..., None]
    seen = outside.sum(1, keepdims=True)
    rows = (photo.pixels * outside).sum(1, keepdims=True) / np.maximum(seen, 1)
    overall = (photo.pixels * outside).sum((0, 1)) / max(int(outside.sum()), 1)
    rows = np.where(seen > 0, rows, overall)
    return np.where(outside, photo.pixels, rows).astype(np.uint8)


def seconds_per_step(config: TrainConfig, photos: Sequence[TaughtPhoto]) -> float:
    """How long a training step takes here: the third of three, whose results are thrown away."""
    torch.set_num_threads(config.threads)
    network = UnrenderNetwork(network_config(config))
    objective = OwnObjective(config, network.config, photos)
    optimizer = make_optimizer(network, config)
    seconds = 0.0
    for number in range(3):
        clock = time.perf_counter()
        loss, _ = objective.loss(network, objective.batch(np.random.default_rng(number)), number)
        loss.backward()
        optimizer.step()
        seconds = time.perf_counter() - clock
    return seconds


def weights_of_model(folder: Path, card: dict[str, object], out: Path) -> None:
    """Gather the weights of a model into a checkpoint that training can start from.

    The graph names its constants after the network's parameters; large ones are stored as float16. What the
    graph lacks is in a file beside it, or starts anew where there is none.

    Raises:
        MissingExtraError: onnx is not installed.
        ModelError: the graph has other names.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        raise MissingExtraError("training needs onnx; pip install 'unrender[train]'") from None
    tensors = {}
    for item in onnx.load(str(folder / MODEL_FILE)).graph.initializer:
        if item.name.startswith("network.") and not item.name.startswith("network.segmenter."):
            name = item.name.removeprefix("network.").removeprefix("shapes.").removesuffix(".half")
            tensors[f"average.{name}"] = torch.from_numpy(numpy_helper.to_array(item).astype(np.float32))
    if not any(name.startswith("average.encoder.") for name in tensors):
        raise ModelError(f"model {folder}: its graph does not name its weights; train from another model")
    if (folder / TRAINING_FILE).exists():
        rest, _ = read_tensors(folder / TRAINING_FILE)
        tensors |= {f"average.{name}": value.float() for name, value in rest.items()}
    config = {"shape_categories": card["shape_categories"], "labels": card["categories"]}
    write_atomic(out, save(tensors, metadata={"meta": json.dumps({"config": config})}))
