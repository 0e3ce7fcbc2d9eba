"""The reader of photo + mask folders."""

from __future__ import annotations

import csv
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unrender.data.photos import PhotoRecord, PhotoSet, is_permissive
from unrender.errors import ConfigError, ImageError

COLUMNS = [f.name for f in fields(PhotoRecord)]


def write_row(root: Path, name: str, **changes: str) -> dict[str, str]:
    rng = np.random.default_rng(3)
    Image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)).save(root / f"{name}.jpg")
    mask = np.zeros((6, 8), np.uint8)
    mask[2:4, 1:5] = 255
    Image.fromarray(mask).save(root / f"{name}.png")
    row = dict(
        id=name, category="bird", subcategory="ibis", file=f"{name}.jpg", mask=f"{name}.png", width="8",
        height="6", mask_source="u2netp", quality="0.9", source="here", licence="CC BY 4.0", split="train",
        truncated="0",
    )  # fmt: skip
    return row | changes


def write_index(root: Path, rows: list[dict[str, str]]) -> None:
    with (root / "index.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rows = [
        write_row(tmp_path, "a"),
        write_row(tmp_path, "b", split="val"),
        write_row(tmp_path, "c", licence="research use, non-commercial"),
        write_row(tmp_path, "d", category="car", truncated="1"),
    ]
    write_index(tmp_path, rows)
    return tmp_path


def test_index_is_read_with_types(root: Path) -> None:
    photos = PhotoSet(root)
    assert len(photos) == 4 and photos.categories == ("bird", "car")
    record = photos[0]
    assert (record.width, record.height, record.quality, record.truncated) == (8, 6, 0.9, False)
    rgb, mask = photos.read(record)
    assert rgb.shape == (6, 8, 3) and rgb.dtype == np.uint8
    assert mask.dtype == bool and mask.sum() == 8 and mask[2, 1] and not mask[0, 0]


def test_filters(root: Path) -> None:
    photos = PhotoSet(root)
    assert [r.id for r in photos.filter(category="bird")] == ["a", "b", "c"]
    assert [r.id for r in photos.filter(split="val")] == ["b"]
    assert [r.id for r in photos.filter(permissive=False)] == ["c"]
    assert [r.id for r in photos.filter(truncated=False, permissive=True)] == ["a", "b"]
    assert [r.id for r in photos.exclude_trained()] == ["b", "c"]


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("CC BY 4.0", True), ("CC BY 3.0", True), ("CC0-1.0", True), ("CC0 1.0", True), ("CC0", True),
        ("MIT-0", True),
        ("CC-BY-4.0", True), ("CC BY-NC-SA 4.0", False), ("CC BY-NC 4.0", False), ("CC BY-SA 4.0", False),
        ("CC-BY-NC-4.0", False), ("MIT", False), ("GPL-2 (package licence)", False), ("", False),
        ("MIT (repository); photographs for research use", False), ("research use, non-commercial", False),
    ],
)  # fmt: skip
def test_permissive(licence: str, expected: bool) -> None:
    assert is_permissive(licence) is expected


def test_one_bit_mask(root: Path) -> None:
    bits = np.zeros((6, 8), bool)
    bits[1, 1] = True
    Image.fromarray(bits).save(root / "a.png")
    photos = PhotoSet(root)
    assert np.array_equal(photos.read(photos[0])[1], bits)


def test_plain_folder(tmp_path: Path) -> None:
    write_row(tmp_path, "a")  # mask beside the photo
    (tmp_path / "masks").mkdir()
    write_row(tmp_path, "b")
    (tmp_path / "b.png").rename(tmp_path / "masks" / "b.png")
    cutout = np.zeros((4, 5, 4), np.uint8)
    cutout[1:3, 1:3] = 255
    Image.fromarray(cutout).save(tmp_path / "c.png")  # its alpha is the mask
    photos = PhotoSet(tmp_path)
    assert [(r.id, r.mask) for r in photos] == [("a.jpg", "a.png"), ("b.jpg", "masks/b.png"), ("c.png", None)]
    assert [int(photos.read(r)[1].sum()) for r in photos] == [8, 8, 4]


def test_plain_folder_exif_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    Image.fromarray(np.full((8, 6), 255, np.uint8)).save(tmp_path / "a.png")
    photos = PhotoSet(tmp_path)
    assert (photos[0].width, photos[0].height) == (6, 8)
    assert photos.read(photos[0])[0].shape == (8, 6, 3)


def test_errors(tmp_path: Path, root: Path) -> None:
    with pytest.raises(ConfigError, match="not a folder"):
        PhotoSet(tmp_path / "nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ConfigError, match="no photos"):
        PhotoSet(empty)
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(empty / "x.jpg")
    with pytest.raises(ConfigError, match="has no mask"):
        PhotoSet(empty)
    photos = PhotoSet(root)
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(root / "a.png")
    with pytest.raises(ImageError, match="3 x 3 pixels, its photo 8 x 6"):
        photos.read(photos[0])
    (root / "b.jpg").write_bytes(b"not a picture")
    with pytest.raises(ImageError, match="cannot be decoded"):
        photos.read(photos[1])
    (root / "c.jpg").unlink()
    with pytest.raises(ImageError, match="no such file"):
        photos.read(photos[2])


def test_index_errors(tmp_path: Path) -> None:
    write_index(tmp_path, [write_row(tmp_path, "a", width="wide")])
    with pytest.raises(ConfigError, match="line 2"):
        PhotoSet(tmp_path)
    write_index(tmp_path, [write_row(tmp_path, "a", truncated="yes")])
    with pytest.raises(ConfigError, match="truncated: expected 0 or 1"):
        PhotoSet(tmp_path)
    write_index(tmp_path, [])
    with pytest.raises(ConfigError, match="no rows"):
        PhotoSet(tmp_path)
    (tmp_path / "index.csv").write_text("id,file\na,a.jpg\n")
    with pytest.raises(ConfigError, match="columns category"):
        PhotoSet(tmp_path)
