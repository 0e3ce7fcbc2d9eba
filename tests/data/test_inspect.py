"""Looking at photo folders: every problem is found where it was planted, and nowhere else."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from unrender.cli.main import main
from unrender.data.inspect import component_sizes, difference_hash, inspect_photos, mask_problems

SIZE = 96


def photo(seed, size=SIZE):
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)


def mask(top=20, left=20, bottom=70, right=76, size=SIZE):
    result = np.zeros((size, size), dtype=np.uint8)
    result[top:bottom, left:right] = 255
    return result


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photos"
    (root / "masks").mkdir(parents=True)

    def put(name, seed, marked):
        photo(seed).save(root / f"{name}.jpg")
        if marked is not None:
            Image.fromarray(marked).save(root / "masks" / f"{name}.png")

    put("a_fine", 1, mask())
    put("b_unmasked", 2, None)
    put("c_empty", 3, mask(0, 0, 0, 0))
    put("d_cropped", 4, mask(30, 0, 70, 60))
    put("e_tiny", 5, mask(40, 40, 52, 52))
    put("f_full", 6, mask(0, 0, 96, 96))
    pieces = mask(10, 10, 50, 40)
    pieces[10:50, 60:90] = 255
    put("g_pieces", 7, pieces)
    put("h_wrong_size", 8, mask(size=64))
    put("j_near", 1, mask())
    photo(1).save(root / "j_near.jpg", quality=40)
    (root / "i_copy.jpg").write_bytes((root / "a_fine.jpg").read_bytes())
    Image.fromarray(mask()).save(root / "masks" / "i_copy.png")
    (root / "k_broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    photo(9, 40).save(root / "l_small.jpg")
    Image.fromarray(mask(8, 8, 30, 30, 40)).save(root / "masks" / "l_small.png")
    return root


EXPECTED = {
    "a_fine": (), "b_unmasked": ("missing mask",), "c_empty": ("no object",), "d_cropped": ("cropped",),
    "e_tiny": ("tiny",), "f_full": ("all object",), "g_pieces": ("in pieces",), "h_wrong_size": ("bad mask",),
    "i_copy": ("duplicate",), "j_near": ("near duplicate",), "k_broken": ("unreadable",),
        "l_small": ("small picture",),
}  # fmt: skip


def test_each_problem_is_found_where_it_is(folder):
    found = {report.file.removesuffix(".jpg"): report.problems for report in inspect_photos(folder)}
    assert found == EXPECTED


def test_area_is_the_share_of_pixels(folder):
    first = inspect_photos(folder)[0]
    assert first.area == pytest.approx(50 * 56 / SIZE**2)
    assert first.size == (SIZE, SIZE)


def test_alpha_channel_is_a_mask_and_subfolders_are_categories(tmp_path):
    (tmp_path / "mug").mkdir()
    rgba = photo(3).convert("RGBA")
    rgba.putalpha(Image.fromarray(mask()))
    rgba.save(tmp_path / "mug" / "one.png")
    (report,) = inspect_photos(tmp_path)
    assert report.category == "mug" and report.problems == () and report.mask is None


def test_components_against_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    for seed in range(5):
        picture = np.random.default_rng(seed).random((40, 30)) < 0.55
        label, count = ndimage.label(picture)
        expected = sorted(np.bincount(label.ravel())[1:].tolist(), reverse=True)
        assert component_sizes(picture) == expected and len(expected) == count


def test_border_share_decides_what_is_cropped():
    wide = np.zeros((100, 100), dtype=bool)
    wide[20:80, 20:80] = True
    assert mask_problems(wide) == []
    wide[20:30, :20] = True  # touches the border with 10 of some 270 outline pixels
    assert mask_problems(wide) == []
    wide[20:80, :20] = True
    assert mask_problems(wide) == ["cropped"]


def test_difference_hash_sees_through_brightness_and_size():
    first = photo(11)
    brighter = Image.fromarray((np.asarray(first, dtype=np.float64) * 0.7 + 20).astype(np.uint8)).resize(
        (60, 60)
    )
    assert (difference_hash(first) ^ difference_hash(brighter)).bit_count() <= 8
    assert (difference_hash(first) ^ difference_hash(photo(12))).bit_count() > 16


def test_command_writes_sheet_and_json(folder, tmp_path, capsys):
    sheet = tmp_path / "sheet.jpg"
    assert main(["dataset", "inspect", str(folder), "-o", str(sheet), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {
        entry["file"].removesuffix(".jpg"): tuple(entry["problems"]) for entry in report["photos"]
    } == EXPECTED
    with Image.open(sheet) as picture:
        assert picture.size == (8 * 128, 2 * 142)
    assert main(["dataset", "inspect", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "12 photos, 9 with masks, 1 without problems" in printed and "same as a_fine.jpg" in printed


def test_bad_input_is_one_line(tmp_path, capsys):
    assert main(["dataset", "inspect", str(tmp_path)]) == 2
    assert main(["dataset", "inspect", str(tmp_path / "gone")]) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 2 and all(line.startswith("unrender: error: ") for line in errors)
