"""Problems of a folder of photographs that training would stumble over, found without a network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from unrender.data.photos import INDEX_NAME, MASK_THRESHOLD, PHOTO_SUFFIXES, PhotoSet
from unrender.errors import ConfigError

SMALL_SIDE = 64
"""A shorter side below this many pixels is too small to learn from."""
TINY_AREA = 0.03
"""An object over less than this share of its photo counts as tiny."""
CROPPED_BORDER = 0.06
"""An object counts as cropped if more than this share of its outline lies on the picture's border."""
ALIKE_BITS = 5
"""Photos whose 64-bit difference hashes differ in at most this many bits count as near duplicates."""

PROBLEMS: dict[str, str] = {
    "unreadable": "the file cannot be decoded: replace or remove it",
    "missing mask": "no mask beside it: give one, or train with a model that predicts masks",
    "bad mask": "the mask cannot be read or differs in size: make it as large as the photo",
    "no object": "the mask is empty: mark the object or remove the photo",
    "all object": "the mask covers nearly everything: is it inverted?",
    "cropped": "the object runs out of the picture: its outline misleads training",
    "tiny": "the object fills too little of the picture: crop it",
    "in pieces": "the mask has large separate parts: two objects, or a hole-ridden mask",
    "small picture": "too few pixels: use a larger version",
    "duplicate": "the same file as another",
    "near duplicate": "nearly the same picture as another",
}
"""What can be wrong, and what to do about it; the worst first."""


@dataclass(frozen=True)
class PhotoReport:
    """What was found about one photo.

    Attributes:
        file: path relative to the folder. category: as stated or named by its subfolder, "" if unknown.
        problems: names of `PROBLEMS`.
        note: details, such as which photo it duplicates.
        area: share of the picture that the object covers, or None without a mask.
        size: (width, height) in pixels after EXIF orientation, or None if unreadable.
        mask: path of the mask relative to the folder, or None.
    """

    file: str
    category: str
    problems: tuple[str, ...]
    note: str
    area: float | None
    size: tuple[int, int] | None
    mask: str | None


@dataclass(frozen=True)
class _Entry:
    file: Path
    category: str
    mask: Path | None


def inspect_photos(root: str | Path) -> list[PhotoReport]:
    """Look at every photo of a folder.

    Args:
        root: a folder with an `index.csv`, or plain: photos in it or one level below, masks at
            `masks/<stem>.png` or
            `<stem>.png` beside the photo, or the photo's own alpha channel.

    Returns:
        One report a photo, in the order of the index or by name.

    Raises:
        ConfigError: the folder is missing or holds no photo, or its index is broken.
    """
    root = Path(root)
    entries = list(_entries(root))
    if not entries:
        raise ConfigError(f"{root}: holds no photos ({', '.join(PHOTO_SUFFIXES)}); check the path")
    reports: list[PhotoReport] = []
    digests: dict[str, str] = {}
    hashes: list[tuple[int, str]] = []
    for entry in entries:
        reports.append(_look(root, entry, digests, hashes))
    return reports


def _entries(root: Path) -> Iterator[_Entry]:
    if not root.is_dir():
        raise ConfigError(f"{root}: is not a folder; pass a folder of photos")
    if (root / INDEX_NAME).is_file():
        for record in PhotoSet(root):
            yield _Entry(
                root / record.file, record.category, None if record.mask is None else root / record.mask
            )
        return
    folders = [root, *sorted(path for path in root.iterdir() if path.is_dir() and path.name != "masks")]
    for folder in folders:
        files = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in PHOTO_SUFFIXES)
        others = {p.stem for p in files if p.suffix.lower() != ".png"}
        for photo in files:
            if photo.suffix.lower() == ".png" and photo.stem in others:
                continue  # the mask of another file
            places = (
                folder / "masks" / f"{photo.stem}.png",
                root / "masks" / f"{photo.stem}.png",
                photo.with_suffix(".png"),
            )
            mask = next((place for place in places if place != photo and place.is_file()), None)
            yield _Entry(photo, "" if folder == root else folder.name, mask)


def _look(root: Path, entry: _Entry, digests: dict[str, str], hashes: list[tuple[int, str]]) -> PhotoReport:
    name = entry.file.relative_to(root).as_posix()
    mask_name = None if entry.mask is None else entry.mask.relative_to(root).as_posix()
    try:
        data = entry.file.read_bytes()
        with Image.open(entry.file) as opened:
            opened.load()
            picture = ImageOps.exif_transpose(opened)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        return PhotoReport(name, entry.category, ("unreadable",), str(error), None, None, mask_name)
    problems: list[str] = []
    notes: list[str] = []
    digest = hashlib.sha256(data).hexdigest()
    code = difference_hash(picture)
    if digest in digests:
        problems.append("duplicate")
        notes.append(f"same as {digests[digest]}")
    else:
        alike = next((other for value, other in hashes if (value ^ code).bit_count() <= ALIKE_BITS), None)
        if alike is not None:
            problems.append("near duplicate")
            notes.append(f"like {alike}")
        digests[digest] = name
        hashes.append((code, name))
    if min(picture.size) < SMALL_SIDE:
        problems.append("small picture")
        notes.append(f"{picture.width} x {picture.height}")
    mask, trouble = _mask(entry, picture)
    area = None
    if trouble:
        problems.append(trouble)
    if mask is not None:
        area = float(mask.mean())
        problems += mask_problems(mask)
    order = list(PROBLEMS)
    return PhotoReport(
        name,
        entry.category,
        tuple(sorted(problems, key=order.index)),
        "; ".join(notes),
        area,
        picture.size,
        mask_name,
    )


def _mask(entry: _Entry, picture: Image.Image) -> tuple[np.ndarray | None, str]:
    """The mask, bool [H, W], or None and what is wrong with it."""
    if entry.mask is None:
        if "A" not in picture.getbands() and "transparency" not in picture.info:
            return None, "missing mask"
        return np.asarray(picture.convert("RGBA").getchannel("A")) >= MASK_THRESHOLD, ""
    try:
        with Image.open(entry.mask) as opened:
            opened.load()
            mask = np.asarray(ImageOps.exif_transpose(opened).convert("L")) >= MASK_THRESHOLD
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return None, "bad mask"
    return (mask, "") if mask.shape == (picture.height, picture.width) else (None, "bad mask")


def mask_problems(mask: np.ndarray) -> list[str]:
    """What is wrong with an object's mask, bool [H, W]: names of `PROBLEMS`."""
    area = float(mask.mean())
    if area < 1e-4:
        return ["no object"]
    if area > 0.97:
        return ["all object"]
    problems = []
    if area < TINY_AREA:
        problems.append("tiny")
    inner = np.zeros_like(mask)
    inner[1:-1, 1:-1] = mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    outline = mask & ~inner
    border = int(mask[0].sum() + mask[-1].sum() + mask[1:-1, 0].sum() + mask[1:-1, -1].sum())
    if border > CROPPED_BORDER * max(int(outline.sum()), 1):
        problems.append("cropped")
    sizes = component_sizes(mask)
    if len(sizes) > 1 and sizes[1] > 0.15 * sizes[0]:
        problems.append("in pieces")
    return problems


def component_sizes(mask: np.ndarray, side: int = 96) -> list[int]:
    """Sizes of the 4-connected parts of a mask, largest first, after shrinking it to at most `side` cells a
    side."""
    step = max(1, -(-max(mask.shape) // side))
    height, width = (length // step * step for length in mask.shape)
    small = mask[:height, :width].reshape(height // step, step, width // step, step).mean((1, 3)) >= 0.5
    label = np.where(small, np.arange(1, small.size + 1).reshape(small.shape), 0)
    while True:  # the largest label spreads over its part
        before = label.copy()
        for axis in (0, 1):
            for reverse in (False, True):
                view = np.flip(label, axis) if reverse else label
                view = np.moveaxis(view, axis, 0)
                for row in range(1, len(view)):
                    view[row] = np.where(view[row] > 0, np.maximum(view[row], view[row - 1]), 0)
        if np.array_equal(label, before):
            break
    return sorted(np.bincount(label[label > 0]).tolist(), reverse=True)[: np.unique(label[label > 0]).size]


def difference_hash(picture: Image.Image) -> int:
    """64 bits: whether each of 8 x 8 coarse pixels is brighter than its right neighbour (Krawetz's dHash)."""
    grey = np.asarray(picture.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    bits = (grey[:, :-1] > grey[:, 1:]).ravel()
    return int("".join("1" if bit else "0" for bit in bits), 2)
