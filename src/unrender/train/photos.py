"""Training batches from photos with masks: random square crops, each a function of (seed, step) alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from unrender.data.photos import PhotoRecord, PhotoSet, photo_key
from unrender.errors import ConfigError
from unrender.synthesize.augment import noise_background
from unrender.train.sampling import draw_within, systematic

IGNORE_CATEGORY = -1
"""Label of photos whose category the network does not know."""
MIRROR = np.diag([-1.0, 1.0, 1.0]).astype(np.float32)


@dataclass(frozen=True)
class PhotoBatch:
    """One batch.

    Attributes:
        images: [B, 3, S, S] float32 sRGB in [0, 1].
        masks: [B, S/2, S/2] float32 coverage in [0, 1].
        categories: [B] int64 index into the network's categories, or `IGNORE_CATEGORY`.
        whole: [B] bool, the object lies inside the picture (its outline is complete).
        rotations: [B, 3, 3] float32 world-to-camera, found by `unrender.evaluate.photo_cameras`.
        trust: [B] float32 in [0, 1], how far a rotation may be believed; 0 where there is none.
    """

    images: np.ndarray
    masks: np.ndarray
    categories: np.ndarray
    whole: np.ndarray
    rotations: np.ndarray
    trust: np.ndarray


class PhotoSampler:
    """Random crops of the permissively licensed training photos of several folders.

    Args:
        roots: folders with an `index.csv`.
        labels: the network's categories, in order.
        size: side of the pictures in pixels.
        leave_out: categories that are not used at all.
        shares: share of a batch that a label gets; what is left goes to all other photos.
        aliases: labels by another name, as `label_of` reads them.
        paste: share of the photos whose object is put before another photo's background or a made-up one
            (Ghiasi et al., "Simple Copy-Paste", CVPR 2021).
        cameras: file of cameras that `unrender.evaluate.photo_cameras` wrote, or None.

    Raises:
        ConfigError: no photo is left, the shares are more than everything, or `cameras` cannot be read.
    """

    def __init__(
        self,
        roots: Sequence[str | Path],
        labels: Sequence[str],
        size: int = 128,
        *,
        leave_out: Sequence[str] = ("motorbike",),
        shares: Mapping[str, float] | None = None,
        aliases: Mapping[str, str] | None = None,
        paste: float = 0.0,
        cameras: str | Path | None = None,
    ) -> None:
        if not 0 <= paste <= 1:
            raise ConfigError(f"photo_paste: expected a share from 0 to 1, got {paste}")
        self.size, self.paste = size, paste
        self.items: list[tuple[np.ndarray, np.ndarray]] = []
        numbers: list[int] = []
        whole: list[bool] = []
        known = {} if cameras is None else read_cameras(cameras)
        found: list[tuple[np.ndarray, float]] = []
        names = list(labels)
        for root in roots:
            photos = PhotoSet(root).filter(split="train", permissive=True)
            for record in photos:
                if record.category in leave_out:
                    continue
                self.items.append(photos.read(record))
                name = label_of(record, aliases or {})
                numbers.append(names.index(name) if name in names else IGNORE_CATEGORY)
                whole.append(not record.truncated)
                found.append(known.get(photo_key(root, record), (np.eye(3, dtype=np.float32), 0.0)))
        if not self.items:
            raise ConfigError(f"photos: no permissively licensed training photo in {list(map(str, roots))}")
        self.labels = np.array(numbers)
        self.whole = np.array(whole)
        self.rotations = np.stack([rotation for rotation, _ in found])
        self.trust = np.array([trust for _, trust in found], np.float32)
        self.groups, self.shares = self._groups(names, shares or {})

    def _groups(self, names: list[str], shares: Mapping[str, float]) -> tuple[list[np.ndarray], np.ndarray]:
        """Photos of each label that has a share of its own, then all others; and their shares."""
        if sum(shares.values()) > 1 + 1e-6 or min(shares.values(), default=0) < 0:
            raise ConfigError(f"photo_shares: expected shares of at most 1 together, got {dict(shares)}")
        groups, parts, rest = [], [], np.ones(len(self.labels), bool)
        for name, share in shares.items():
            chosen = self.labels == names.index(name) if name in names else np.zeros(len(rest), bool)
            if chosen.any():
                groups.append(np.flatnonzero(chosen))
                parts.append(share)
                rest &= ~chosen
        if rest.any():
            groups.append(np.flatnonzero(rest))
            parts.append(max(0.0, 1 - sum(parts)))
        weights = np.array(parts)
        return groups, weights / weights.sum() if weights.sum() > 0 else np.full(len(parts), 1 / len(parts))

    def __len__(self) -> int:
        return len(self.items)

    def batch(self, count: int, rng: np.random.Generator) -> PhotoBatch:
        """`count` random crops; labels with a share of their own come first."""
        picks = draw_within(self.groups, systematic(self.shares, count, rng), rng)
        half = self.size // 2
        images = np.empty((count, 3, self.size, self.size), np.float32)
        masks = np.empty((count, half, half), np.float32)
        inside = np.zeros(count, bool)
        rotations = self.rotations[picks].copy()
        for row, pick in enumerate(picks):
            pixels, mask = self.items[pick]
            images[row], masks[row], mirrored = random_view(pixels, mask, self.size, rng, self._behind)
            if mirrored:
                rotations[row] = MIRROR @ rotations[row] @ MIRROR
            border = max(
                masks[row][0].max(), masks[row][-1].max(), masks[row][:, 0].max(), masks[row][:, -1].max()
            )
            inside[row] = bool(self.whole[pick]) and border < 0.5
        trust = np.where(inside, self.trust[picks], 0).astype(np.float32)
        return PhotoBatch(images, masks, self.labels[picks].astype(np.int64), inside, rotations, trust)

    def _behind(self, rng: np.random.Generator) -> np.ndarray | None:
        """Another background for a share of the photos."""
        return self._background(rng) if self.paste and rng.random() < self.paste else None

    def _background(self, rng: np.random.Generator) -> np.ndarray:
        """A made-up background, or the crop of a random photo that shows least of its object."""
        if rng.random() < 0.35:
            return noise_background(self.size, rng)
        pixels, mask = self.items[rng.integers(len(self.items))]
        height, width = mask.shape
        best, least = (0.0, 0.0, float(min(height, width))), np.inf
        for _ in range(8):
            side = min(height, width) * rng.uniform(0.35, 1.0)
            x, y = rng.uniform(0, width - side), rng.uniform(0, height - side)
            window = mask[int(y) : int(np.ceil(y + side)), int(x) : int(np.ceil(x + side))]
            if (shown := float(window.mean())) < least:
                best, least = (x, y, side), shown
        crop = resample(pixels, *best, self.size, pad="edge")
        return crop[:, ::-1] if rng.random() < 0.5 else crop


def random_view(
    pixels: np.ndarray,
    mask: np.ndarray,
    size: int,
    rng: np.random.Generator,
    behind: Callable[[np.random.Generator], np.ndarray | None] = lambda rng: None,
) -> tuple[np.ndarray, np.ndarray, bool]:
    """A random crop of a photo uint8 [H, W, 3] with its mask bool [H, W], colours jittered, perhaps mirrored.

    Args:
        behind: another background uint8 [S, S, 3], or None to keep the photo's.

    Returns:
        float32 [3, S, S] in [0, 1], coverage float32 [S/2, S/2], and whether it is mirrored.
    """
    x, y, side = random_crop(mask, rng)
    cover = mask.astype(np.uint8) * 255
    picture = resample(pixels, x, y, side, size, pad="edge")
    background = behind(rng)
    if background is not None:
        picture = before(picture, resample(cover, x, y, side, size, pad="zero"), background)
    image = colour_jitter(picture, rng)
    coverage = resample(cover, x, y, side, size // 2, pad="zero")
    mirrored = bool(rng.random() < 0.5)
    if mirrored:
        image, coverage = image[:, ::-1], coverage[:, ::-1]
    return image.transpose(2, 0, 1), coverage.astype(np.float32) / 255, mirrored


def before(picture: np.ndarray, coverage: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The object of a picture uint8 [S, S, 3] with coverage uint8 [S, S] before a background [S, S, 3]."""
    alpha = coverage[..., None].astype(np.float32) / 255
    return np.asarray(np.round(background + (picture.astype(np.float32) - background) * alpha), np.uint8)


def read_cameras(path: str | Path) -> dict[str, tuple[np.ndarray, float]]:
    """Rotation [3, 3] float32 and trust of each photo in a file of `unrender.evaluate.photo_cameras`, by key.

    Raises:
        ConfigError: the file is missing or damaged.
    """
    try:
        with np.load(path) as file:
            arrays = file["key"].tolist(), file["rotation"].astype(np.float32), file["trust"].tolist()
            return {key: (rotation, trust) for key, rotation, trust in zip(*arrays, strict=True)}
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"photo_cameras: {path} cannot be read ({error}); make it with "
            "python -m unrender.evaluate.photo_cameras"
        ) from None


def label_of(record: PhotoRecord, aliases: Mapping[str, str]) -> str:
    """The label of a photo: the alias of "category/subcategory", else of its category, else the category."""
    full = f"{record.category}/{record.subcategory}"
    return aliases.get(full, aliases.get(record.category, record.category))


def random_crop(mask: np.ndarray, rng: np.random.Generator) -> tuple[float, float, float]:
    """(x, y, side) of a square: the whole padded photo, or a loose box round the object."""
    height, width = mask.shape
    if rng.random() < 0.35 or not mask.any():
        side = max(height, width) * rng.uniform(1.0, 1.15)
        centre_x, centre_y = width / 2, height / 2
        jitter = 0.05
    else:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        longer = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
        side = longer / rng.uniform(0.55, 0.92)
        centre_x, centre_y = (columns[0] + columns[-1] + 1) / 2, (rows[0] + rows[-1] + 1) / 2
        jitter = 0.08
    centre_x += rng.uniform(-jitter, jitter) * side
    centre_y += rng.uniform(-jitter, jitter) * side
    return centre_x - side / 2, centre_y - side / 2, side


def resample(pixels: np.ndarray, x: float, y: float, side: float, size: int, pad: str) -> np.ndarray:
    """The square (x, y, side) of uint8 [H, W(, 3)] at [size, size], anti-aliased; `pad` "edge" or "zero"."""
    height, width = pixels.shape[:2]
    left, top = max(0, int(np.ceil(-x))), max(0, int(np.ceil(-y)))
    right = max(0, int(np.ceil(x + side - width)))
    bottom = max(0, int(np.ceil(y + side - height)))
    if left or top or right or bottom:
        widths = ((top, bottom), (left, right)) + ((0, 0),) * (pixels.ndim - 2)
        pixels = np.pad(pixels, widths, mode="edge" if pad == "edge" else "constant")
    box = (x + left, y + top, x + left + side, y + top + side)
    limit = (pixels.shape[1], pixels.shape[0])
    box = (max(box[0], 0), max(box[1], 0), min(box[2], limit[0]), min(box[3], limit[1]))
    return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR, box=box))


def colour_jitter(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Random brightness, contrast, saturation, cast, grey and noise; uint8 [H, W, 3] to float32 in [0, 1]."""
    values = image.astype(np.float32) / 255
    values = values * np.float32(rng.uniform(0.75, 1.25)) * rng.uniform(0.92, 1.08, 3).astype(np.float32)
    mean = np.float32(values.mean())
    values = (values - mean) * np.float32(rng.uniform(0.75, 1.25)) + mean
    grey = values.mean(2, keepdims=True)
    saturation = 0.0 if rng.random() < 0.1 else rng.uniform(0.6, 1.4)
    values = grey + (values - grey) * np.float32(saturation)
    if rng.random() < 0.3:
        values = values + rng.normal(0, rng.uniform(0, 0.05), values.shape).astype(np.float32)
    return np.clip(values, 0, 1)
