"""A folder of photos of one category: reading it, masks given or predicted, and what is wrong with photos."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from unrender.data.inspect import PROBLEMS, SMALL_SIDE, difference_hash, mask_problems
from unrender.data.photos import INDEX_NAME, PHOTO_SUFFIXES, PhotoSet
from unrender.errors import ConfigError, ImageError
from unrender.image import crop_square, load_mask, load_photo
from unrender.network.runtime import NetworkRuntime
from unrender.reconstruct.guided import guided_mask
from unrender.reconstruct.region import crop_round, enlarge, main_object, whole_mask

LONGEST = 480
"""Photos are shrunk to this longer side: the network sees 128 pixels."""
ALIKE_BITS = 1
"""Photos whose 64-bit difference hashes differ in at most so many bits are near duplicates."""
FATAL = tuple(name for name in PROBLEMS if name not in ("in pieces", "missing mask"))
"""Problems with which a photo is left out; of an object in pieces the largest piece counts."""
HELD_OUT = 10
"""One photo in so many is held out for the report."""


@dataclass(frozen=True)
class Entry:
    """A photo's file, its mask's file or None, and its split: "train", "val", or "" where nothing says."""

    name: str
    file: Path
    mask: Path | None
    split: str


@dataclass(frozen=True, eq=False)
class OwnPhoto:
    """One photo that can be learnt from.

    Attributes:
        name: file name in the folder. pixels: uint8 [H, W, 3] sRGB. mask: bool [H, W].
        predicted: whether the mask is the model's. held_out: only for the report.
    """

    name: str
    pixels: np.ndarray
    mask: np.ndarray
    predicted: bool
    held_out: bool


@dataclass(frozen=True)
class Trouble:
    """A photo and what is wrong with it: names of `unrender.data.inspect.PROBLEMS`, and details."""

    name: str
    problems: tuple[str, ...]
    note: str
    left_out: bool


def list_photos(root: str | Path, category: str) -> list[Entry]:
    """The photos of a folder.

    With an `index.csv` those rows count whose category or subcategory is `category` (all of them where none
    is) and whose object is whole. Otherwise every picture counts; its mask is `masks/NAME.png`,
    `masks/NAME_mask.png`, `NAME_mask.png` or, beside another picture, `NAME.png`.

    Raises:
        ConfigError: the folder is missing or holds no photo.
    """
    root = Path(root)
    if not root.is_dir():
        raise ConfigError(f"{root}: is not a folder; pass a folder of photos")
    if (root / INDEX_NAME).is_file():
        records = list(PhotoSet(root))
        named = [r for r in records if category in (r.category, r.subcategory)]
        return [
            Entry(r.file, root / r.file, None if r.mask is None else root / r.mask, r.split)
            for r in (named or records)
            if not r.truncated
        ]
    files = sorted(p for p in root.iterdir() if p.is_file() and p.suffix.lower() in PHOTO_SUFFIXES)
    others = {p.stem for p in files if p.suffix.lower() != ".png"}
    stems = {p.stem for p in files}
    entries = []
    for photo in files:
        owner = photo.stem.removesuffix("_mask")
        if (owner != photo.stem and owner in stems) or (
            photo.suffix.lower() == ".png" and photo.stem in others
        ):
            continue  # the mask of another file
        places = [
            root / "masks" / f"{photo.stem}.png", root / "masks" / f"{photo.stem}_mask.png",
            root / f"{photo.stem}_mask.png", photo.with_suffix(".png"),
        ]  # fmt: skip
        mask = next((place for place in places if place != photo and place.is_file()), None)
        entries.append(Entry(photo.name, photo, mask, ""))
    if not entries:
        raise ConfigError(f"{root}: holds no photos ({', '.join(PHOTO_SUFFIXES)}); check the path")
    return entries


def read_photos(
    entries: list[Entry], runtime: NetworkRuntime, advance: Callable[[], None] = lambda: None
) -> tuple[list[OwnPhoto], list[Trouble]]:
    """Read photos and masks; masks that are not given are the model's.

    Args:
        runtime: the model whose mask head is asked. advance: called after each photo.

    Returns:
        The photos that can be used, and the troubles of all.
    """
    photos: list[OwnPhoto] = []
    troubles: list[Trouble] = []
    digests: dict[str, str] = {}
    codes: list[tuple[int, str]] = []
    for entry in entries:
        photo, problems, note = _read(entry, runtime)
        if photo is not None:
            digest = hashlib.sha256(photo.pixels.tobytes()).hexdigest()
            code = difference_hash(Image.fromarray(photo.pixels))
            alike = next((other for value, other in codes if (value ^ code).bit_count() <= ALIKE_BITS), None)
            if digest in digests:
                problems, note = [*problems, "duplicate"], f"same as {digests[digest]}"
            elif alike is not None:
                problems, note = [*problems, "near duplicate"], f"like {alike}"
            else:
                digests[digest] = entry.name
                codes.append((code, entry.name))
        left_out = photo is None or any(name in FATAL for name in problems)
        if problems:
            troubles.append(Trouble(entry.name, tuple(problems), note, left_out))
        if photo is not None and not left_out:
            photos.append(photo)
        advance()
    return photos, troubles


def _read(entry: Entry, runtime: NetworkRuntime) -> tuple[OwnPhoto | None, list[str], str]:
    try:
        photo = load_photo(entry.file)
    except ImageError as error:
        return None, ["unreadable"], str(error)
    size = (photo.width, photo.height)
    if min(size) < SMALL_SIDE:
        return None, ["small picture"], f"{size[0]} x {size[1]}"
    mask: np.ndarray | None = None
    if entry.mask is not None:
        try:
            mask = load_mask(entry.mask, size)
        except ImageError as error:
            return None, ["no object" if "marks no pixel" in str(error) else "bad mask"], str(error)
    elif photo.alpha is not None:
        mask = photo.alpha > 127
    pixels, mask = _shrink(photo.pixels, mask)
    predicted = mask is None
    if mask is None:
        mask = predict_mask(pixels, runtime)
        if mask is None:
            return None, ["no object"], "the model found none; give a mask"
    problems = mask_problems(mask)
    held_out = entry.split == "val" or (entry.split == "" and _held_out(entry.name))
    return OwnPhoto(entry.name, pixels, mask, predicted, held_out), problems, ""


def _held_out(name: str) -> bool:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % HELD_OUT == 0


def _shrink(pixels: np.ndarray, mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    height, width = pixels.shape[:2]
    factor = LONGEST / max(height, width)
    if factor >= 1:
        return pixels, mask
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    if mask is not None:
        grey = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX)
        mask = np.asarray(grey) > 127
    return small, mask


def predict_mask(pixels: np.ndarray, runtime: NetworkRuntime) -> np.ndarray | None:
    """The object's mask bool [H, W] by the model, found as `Reconstructor` finds it, but with one look at
    each crop; None where there is none."""
    height, width = pixels.shape[:2]
    side = float(max(height, width))
    whole = ((width - side) / 2, (height - side) / 2, side)
    size = runtime.image_size
    try:
        first = main_object(runtime.mask(crop_square(pixels, *whole, size)))
        crop = crop_round(first > 0.5, whole[0], whole[1], side / first.shape[0])
    except ImageError:
        return None
    second = main_object(runtime.mask(crop_square(pixels, *crop, size)))
    fine = guided_mask(crop_square(pixels, *crop, 256), enlarge(second, 256))
    mask = whole_mask(fine, crop, width, height)
    return mask if mask.any() else None


def describe(troubles: list[Trouble]) -> Iterator[str]:
    """Lines about photos left out and others with problems, the worst problems first."""
    for problem in PROBLEMS:
        some = [trouble for trouble in troubles if problem in trouble.problems]
        if some:
            fate = "left out" if problem in FATAL else "kept"
            yield f"{len(some):5d}  {problem} ({fate}): {PROBLEMS[problem]}"
            for trouble in some[:5]:
                yield f"         {trouble.name}{f' ({trouble.note})' if trouble.note else ''}"
