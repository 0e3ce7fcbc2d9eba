"""Reader of photo + mask folders: an `index.csv` beside the pictures, or a plain folder with masks."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from unrender.errors import ConfigError, ImageError

INDEX_NAME = "index.csv"
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
MASK_THRESHOLD = 128
"""Mask pixels of at least this 8-bit value belong to the object."""

_PERMISSIVE = re.compile(r"CC0\b.*|CC[ -]BY[ -]\d+(\.\d+)?|MIT-0", re.IGNORECASE)


def is_permissive(licence: str) -> bool:
    """Whether the default model may be trained on this licence: CC0, plain CC BY of any version, or MIT-0.

    Non-commercial, share-alike and no-derivatives variants, package-wide licences with a comment and empty
    strings are not permissive.
    """
    return _PERMISSIVE.fullmatch(licence.strip()) is not None


@dataclass(frozen=True)
class PhotoRecord:
    """One photograph of an index.

    Attributes:
        id: unique name in its set.
        category, subcategory: for example "bird", "ibis"; "" in a plain folder without subfolders.
        file, mask: paths relative to the set's root, with forward slashes. `mask` is None where the picture's
            own alpha channel is the mask.
        width, height: pixels, after EXIF orientation.
        mask_source: how the mask was made, for example "alpha" or "u2netp".
        quality: [0, 1], how far the mask may be trusted.
        source, licence: where the picture is from and its licence, as written in the index.
        split: "train", "val" or "" (not stated).
        truncated: the object continues outside the picture.
    """

    id: str
    category: str
    subcategory: str
    file: str
    mask: str | None
    width: int
    height: int
    mask_source: str
    quality: float
    source: str
    licence: str
    split: str
    truncated: bool

    @property
    def permissive(self) -> bool:
        """Whether the licence lets the default model be trained on this photo (see `is_permissive`)."""
        return is_permissive(self.licence)


class PhotoSet:
    """Photographs with object masks of one folder, in the order of the index.

    With an `index.csv` the columns are those of `PhotoRecord`. Without one, every picture in the folder
    counts; its mask is `masks/<stem>.png`, `<stem>.png` beside it, or its own alpha channel.

    Args:
        root: the folder.

    Raises:
        ConfigError: the folder is missing, empty, or its index lacks a column or holds a bad value.
    """

    def __init__(self, root: str | Path, records: tuple[PhotoRecord, ...] | None = None) -> None:
        self.root = Path(root)
        if records is None:
            if not self.root.is_dir():
                raise ConfigError(f"{self.root}: is not a folder; pass a folder of photos with masks")
            index = self.root / INDEX_NAME
            records = _read_index(index) if index.is_file() else _scan_folder(self.root)
        self.records = tuple(records)

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[PhotoRecord]:
        return iter(self.records)

    def __getitem__(self, position: int) -> PhotoRecord:
        return self.records[position]

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the categories present, sorted."""
        return tuple(sorted({record.category for record in self.records}))

    def filter(
        self,
        *,
        category: str | None = None,
        split: str | None = None,
        permissive: bool | None = None,
        truncated: bool | None = None,
    ) -> PhotoSet:
        """The photos that fulfil every condition given (None = no condition), in the same order.

        The result may be empty: `len(...)` tells.
        """
        kept = tuple(
            record
            for record in self.records
            if (category is None or record.category == category)
            and (split is None or record.split == split)
            and (permissive is None or record.permissive == permissive)
            and (truncated is None or record.truncated == truncated)
        )
        return PhotoSet(self.root, kept)

    def exclude_trained(self) -> PhotoSet:
        """Without the photos a default model was trained on: those both permissive and of split "train"."""
        kept = tuple(record for record in self.records if not (record.permissive and record.split == "train"))
        return PhotoSet(self.root, kept)

    def path(self, record: PhotoRecord) -> Path:
        """Path of the photo file of `record`."""
        return self.root / record.file

    def read(self, record: PhotoRecord) -> tuple[np.ndarray, np.ndarray]:
        """Pixels and mask of one photo.

        Returns:
            rgb uint8 [H, W, 3] sRGB in [0, 255] after EXIF orientation, and mask bool [H, W], True on the
            object.

        Raises:
            ImageError: a file is missing or broken, or photo and mask differ in size.
        """
        path = self.path(record)
        picture = _open(path)
        if record.mask is None:
            alpha = picture.convert("RGBA").getchannel("A")
            mask = np.asarray(alpha) >= MASK_THRESHOLD
        else:
            mask = np.asarray(_open(self.root / record.mask).convert("L")) >= MASK_THRESHOLD
        rgb = np.asarray(picture.convert("RGB"))
        if mask.shape != rgb.shape[:2]:
            raise ImageError(
                f"{self.root / (record.mask or record.file)}: mask is {mask.shape[1]} x {mask.shape[0]}"
                f" pixels, its photo {rgb.shape[1]} x {rgb.shape[0]}; make them the same size"
            )
        return rgb, mask


def photo_key(root: str | Path, record: PhotoRecord) -> str:
    """A photo's name among several sets: the folder's name and the photo's id."""
    return f"{Path(root).name}/{record.id}"


def _open(path: Path) -> Image.Image:
    """The decoded picture, turned upright."""
    try:
        with Image.open(path) as picture:
            picture.load()
            return ImageOps.exif_transpose(picture)
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file, though the set's index names it") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ImageError(f"{path}: cannot be decoded ({error}); replace the file or drop its row") from None


def _read_index(index: Path) -> tuple[PhotoRecord, ...]:
    """The rows of an `index.csv`."""
    with index.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        missing = [f.name for f in fields(PhotoRecord) if f.name not in (reader.fieldnames or ())]
        if missing:
            raise ConfigError(
                f"{index}: columns {', '.join(missing)} are missing; see docs/usage.md for the format"
            )
        records = []
        for number, row in enumerate(reader, start=2):
            try:
                records.append(_record(row))
            except (TypeError, ValueError) as error:
                raise ConfigError(f"{index}, line {number}: {error}; correct the row") from None
    if not records:
        raise ConfigError(f"{index}: has no rows; add photos or delete the file to read the folder itself")
    return tuple(records)


def _record(row: dict[str, str]) -> PhotoRecord:
    if row["truncated"] not in ("0", "1"):
        raise ValueError(f"truncated: expected 0 or 1, got {row['truncated']!r}")
    return PhotoRecord(
        id=row["id"],
        category=row["category"],
        subcategory=row["subcategory"],
        file=row["file"],
        mask=row["mask"] or None,
        width=int(row["width"]),
        height=int(row["height"]),
        mask_source=row["mask_source"],
        quality=float(row["quality"]),
        source=row["source"],
        licence=row["licence"],
        split=row["split"],
        truncated=row["truncated"] == "1",
    )


def _scan_folder(root: Path) -> tuple[PhotoRecord, ...]:
    """Records of a plain folder: each picture that is not itself the mask of another one."""
    files = sorted(p for p in root.iterdir() if p.is_file() and p.suffix.lower() in PHOTO_SUFFIXES)
    others = {p.stem for p in files if p.suffix.lower() != ".png"}
    photos = [p for p in files if p.suffix.lower() != ".png" or p.stem not in others]
    if not photos:
        raise ConfigError(
            f"{root}: holds no photos ({', '.join(PHOTO_SUFFIXES)}); pass a folder of photos with masks"
        )
    return tuple(_plain_record(root, photo) for photo in photos)


def _plain_record(root: Path, photo: Path) -> PhotoRecord:
    candidates = [root / "masks" / f"{photo.stem}.png", photo.with_suffix(".png")]
    mask = next((c for c in candidates if c != photo and c.is_file()), None)
    try:
        with Image.open(photo) as picture:
            width, height = picture.size
            if picture.getexif().get(0x0112, 1) in (5, 6, 7, 8):
                width, height = height, width
            has_alpha = "A" in picture.getbands() or "transparency" in picture.info
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ConfigError(f"{photo}: cannot be decoded ({error}); remove it from the folder") from None
    if mask is None and not has_alpha:
        raise ConfigError(
            f"{photo}: has no mask; put one at masks/{photo.stem}.png or {photo.stem}.png beside the photo"
        )
    return PhotoRecord(
        id=photo.name, category="", subcategory="", file=photo.name,
        mask=None if mask is None else mask.relative_to(root).as_posix(),
        width=width, height=height, mask_source="alpha" if mask is None else "file", quality=1.0,
        source="", licence="", split="", truncated=False,
    )  # fmt: skip
