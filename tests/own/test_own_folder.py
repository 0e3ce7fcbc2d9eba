"""Folders of photos: layouts of masks, problems, what is left out."""

import numpy as np
import pytest
from made import write_photos
from PIL import Image

from unrender.errors import ConfigError
from unrender.own.folder import describe, list_photos, read_photos


def _no_model(*_):
    raise AssertionError("masks are given; the model is not asked")


def _picture(path, seed, size=(80, 80)):
    values = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    Image.fromarray(values).save(path)


def _mask(path, box, size=(80, 80)):
    mask = np.zeros(size, np.uint8)
    top, left, bottom, right = box
    mask[top:bottom, left:right] = 255
    Image.fromarray(mask).save(path)


def test_masks_in_every_place(tmp_path):
    (tmp_path / "masks").mkdir()
    for number, name in enumerate(("a.jpg", "b.png", "c.jpg", "d.jpg")):
        _picture(tmp_path / name, number)
    for path in ("masks/a.png", "b_mask.png", "c.png", "masks/d_mask.png"):
        _mask(tmp_path / path, (20, 20, 60, 60))
    rgba = np.dstack([np.full((80, 80, 3), 90, np.uint8), np.zeros((80, 80), np.uint8)])
    rgba[30:50, 20:70, 3] = 255
    Image.fromarray(rgba).save(tmp_path / "e.png")
    photos, troubles = read_photos(list_photos(tmp_path, "mug"), _no_model)
    assert [photo.name for photo in photos] == ["a.jpg", "b.png", "c.jpg", "d.jpg", "e.png"]
    assert [int(photo.mask.sum()) for photo in photos] == [1600, 1600, 1600, 1600, 1000]
    assert not troubles and not any(photo.predicted for photo in photos)


def test_problems_are_named_and_photos_left_out(tmp_path):
    (tmp_path / "masks").mkdir()
    boxes = {
        "fine": (20, 20, 60, 60), "cropped": (0, 0, 50, 50), "tiny": (40, 40, 48, 48), "none": (0, 0, 0, 0),
        "all": (0, 0, 80, 80),
    }  # fmt: skip
    for number, (name, box) in enumerate(boxes.items()):
        _picture(tmp_path / f"{name}.jpg", number)
        _mask(tmp_path / "masks" / f"{name}.png", box)
    (tmp_path / "twin.jpg").write_bytes((tmp_path / "fine.jpg").read_bytes())
    _mask(tmp_path / "masks/twin.png", boxes["fine"])
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    _picture(tmp_path / "small.jpg", 9, (30, 30))
    photos, troubles = read_photos(list_photos(tmp_path, "mug"), _no_model)
    assert [photo.name for photo in photos] == ["fine.jpg"]
    found = {trouble.name: trouble.problems for trouble in troubles if trouble.left_out}
    assert found == {
        "cropped.jpg": ("cropped",),
        "tiny.jpg": ("tiny",),
        "none.jpg": ("no object",),
        "all.jpg": ("all object",),
        "twin.jpg": ("duplicate",),
        "broken.jpg": ("unreadable",),
        "small.jpg": ("small picture",),
    }
    assert "same as fine.jpg" in "\n".join(describe(troubles))


def test_one_in_ten_is_held_out_whatever_else_is_there(tmp_path):
    write_photos(tmp_path, 30)
    entries = list_photos(tmp_path, "mug")
    photos, _ = read_photos(entries, _no_model)
    held_out = {photo.name for photo in photos if photo.held_out}
    assert 0 < len(held_out) < 10
    some, _ = read_photos(entries[::2], _no_model)
    assert {photo.name for photo in some if photo.held_out} == held_out & {
        entry.name for entry in entries[::2]
    }


def test_an_index_says_what_counts(tmp_path):
    header = (
        "id,category,subcategory,file,mask,width,height,mask_source,quality,source,licence,split,truncated"
    )
    rows = [
        "1,mug,,a.jpg,a.png,80,80,x,1,x,x,train,0", "2,mug,,b.jpg,b.png,80,80,x,1,x,x,val,0",
        "3,cup,,c.jpg,c.png,80,80,x,1,x,x,train,0", "4,mug,,d.jpg,d.png,80,80,x,1,x,x,train,1",
    ]  # fmt: skip
    (tmp_path / "index.csv").write_text("\n".join([header, *rows]) + "\n")
    assert [(entry.name, entry.split) for entry in list_photos(tmp_path, "mug")] == [
        ("a.jpg", "train"),
        ("b.jpg", "val"),
    ]


def test_empty_and_missing_folders(tmp_path):
    with pytest.raises(ConfigError, match="holds no photos"):
        list_photos(tmp_path, "mug")
    with pytest.raises(ConfigError, match="is not a folder"):
        list_photos(tmp_path / "nothing", "mug")
