"""Cameras for photos that have none: what the loop finds with the reference mask, kept where it is sure.

    python -m unrender.evaluate.photo_cameras --model runs/all-model --config configs/all.yaml \
        --photos data/photos data/photos_extra --out runs/photo_cameras.npz

Each hypothesis of the network is corrected against the mask by itself. The best one counts the more, the
better it covers the mask and the farther it is ahead of the best hypothesis from another side. Training on
with these cameras as labels pulls the network from rendered pictures to photographs (self-training; Yarowsky
1995, Lee 2013).
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.progress import track

from unrender.data.photos import PhotoSet, photo_key
from unrender.errors import ConfigError
from unrender.files import write_atomic
from unrender.image import crop_square
from unrender.network.runtime import SHAPES_FILE, Guess, NetworkRuntime
from unrender.reconstruct.loop import Loop, LoopConfig, Pose
from unrender.reconstruct.pipeline import GENERAL
from unrender.reconstruct.region import cell_means, crop_round
from unrender.rotation import geodesic_distance
from unrender.shape_space import load_shape_space
from unrender.train.config import load_config
from unrender.train.photos import label_of

STIFF = LoopConfig(race=((1, 24),), field_precision=10.0, near_guess=0.3, near_camera=30.0)
"""How each hypothesis is corrected: shapes that bend to any outline would say nothing about the camera."""
APART = 45.0
"""Degrees from which on two hypotheses count as different sides."""


@dataclass(frozen=True)
class PhotoCamerasConfig:
    """What is looked at.

    Attributes:
        model: folder of an exported model.
        photos: folders with an index.csv; permissive rows of split "train" that are not truncated are used.
        out: npz file to write.
        config: a training configuration, whose `aliases` say what a photo's category is called; or none.
        hypotheses: so many of the network's cameras, the likelier ones, are corrected.
        good_iou: overlap from which on a camera is trusted in full; at `poor_iou` it is not at all.
        lead: how far the score must be ahead of another side's for full trust.
    """

    model: str
    photos: tuple[str, ...]
    out: str
    config: str | None = None
    hypotheses: int = 5
    good_iou: float = 0.88
    poor_iou: float = 0.7
    lead: float = 0.05


@dataclass(frozen=True)
class PhotoCamera:
    """One photo's camera.

    Attributes:
        rotation: [3, 3] world-to-camera. iou: of the shape and the mask. trust: [0, 1].
    """

    rotation: np.ndarray
    iou: float
    trust: float


def find_camera(
    loop: Loop, mask: np.ndarray, guess: Guess, number: int, config: PhotoCamerasConfig
) -> PhotoCamera:
    """The camera of one photo.

    Args:
        loop: of the photo's category. mask: [64, 64] in [0, 1]. guess: the network's.
        number: of the category among the network's shape categories.
    """
    coefficients = loop.space.settle(guess.coefficients[number][: loop.space.size])
    order = np.argsort(-guess.log_probabilities)[: config.hypotheses]
    poses: list[Pose] = []
    scores: list[float] = []
    for i in order:
        pose = loop.correct(
            mask, guess.rotations[i : i + 1], guess.log_probabilities[i : i + 1], coefficients
        )
        poses.append(pose)
        scores.append(pose.iou + loop.config.likelihood * float(guess.log_probabilities[i]))
    best = int(np.argmax(scores))
    apart = geodesic_distance(np.stack([pose.rotation for pose in poses]), poses[best].rotation)
    others = np.array(scores)[np.degrees(apart) > APART]
    ahead = min(1.0, float(scores[best] - others.max()) / config.lead) if len(others) else 1.0
    iou = poses[best].iou
    covered = float(np.clip((iou - config.poor_iou) / (config.good_iou - config.poor_iou), 0, 1))
    return PhotoCamera(poses[best].rotation, iou, covered * ahead)


def find_cameras(config: PhotoCamerasConfig) -> dict[str, PhotoCamera]:
    """The cameras of all photos with a shape category, by `photo_key`; also written to `config.out`.

    Raises:
        ConfigError: no photo is left, or the configuration is not one. ModelError: the model cannot be read.
    """
    runtime = NetworkRuntime(config.model, threads=1)
    names = list(runtime.card["shape_categories"])
    shapes = Path(config.model) / SHAPES_FILE
    loops = {name: Loop(load_shape_space(shapes, f"{name}."), STIFF) for name in names}
    aliases = {} if config.config is None else load_config(config.config).aliases
    found: dict[str, PhotoCamera] = {}
    for root in config.photos:
        photos = PhotoSet(root).filter(split="train", permissive=True, truncated=False)
        for record in track(list(photos), description=str(root)):
            name = label_of(record, aliases)
            if name not in names or name == GENERAL:  # general objects have no front to tell
                continue
            pixels, mask = photos.read(record)
            crop = crop_round(mask, 0.0, 0.0, 1.0)
            close = crop_square(pixels, *crop, 256)
            small = np.asarray(Image.fromarray(close).resize((runtime.image_size,) * 2, Image.Resampling.BOX))
            coarse = cell_means(crop_square(mask.astype(np.float32), *crop, 256, 0.0), 64)
            guess = runtime(small)
            found[photo_key(root, record)] = find_camera(
                loops[name], coarse, guess, names.index(name), config
            )
    if not found:
        raise ConfigError(f"photos: none of {', '.join(config.photos)} shows what the model has a shape for")
    write_cameras(config.out, found)
    return found


def write_cameras(path: str | Path, cameras: Mapping[str, PhotoCamera]) -> None:
    """Write cameras as an npz file of arrays "key", "rotation", "trust" and "iou", by atomic rename."""
    items: Sequence[PhotoCamera] = list(cameras.values())
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        key=np.array(list(cameras)),
        rotation=np.array([item.rotation for item in items], np.float32),
        trust=np.array([item.trust for item in items], np.float32),
        iou=np.array([item.iou for item in items], np.float32),
    )
    write_atomic(Path(path), buffer.getvalue())


if __name__ == "__main__":
    import tyro

    result = find_cameras(tyro.cli(PhotoCamerasConfig))
    trusted = [item.trust for item in result.values()]
    share = np.mean(np.array(trusted) > 0.5)
    print(f"{len(result)} photos, trust {np.mean(trusted):.2f} on average, above a half {share:.2f}")
