"""The scripts written for nvdiffrast and kaolin run and get nearer; so do the migration page's examples."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "migration.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"<!-- example: python -->\n```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def script(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [str(ROOT / "examples"), *sys.path])

    def run(name: str, iterations: int) -> dict[str, float]:
        result = importlib.import_module(name).run(iterations, tmp_path)
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert picture.width >= 384 and len(set(picture.convert("L").tobytes())) > 50
        return result

    return run


def test_cube(script):
    result = script("compat_cube", 120)
    assert result["corner error at last"] < 0.8 * result["corner error at first"]


def test_earth(script):
    result = script("compat_earth", 12)
    assert result["texture PSNR with mipmaps"] > 13


def test_envphong(script):
    result = script("compat_envphong", 25)
    assert result["environment PSNR"] > 14 and result["exponent (25)"] > 9.5


def test_pose(script):
    result = script("compat_pose", 400)
    assert result["degrees at last"] < 10 < result["degrees at first"]


def test_sphere(script):
    result = script("compat_sphere", 25)
    assert result["IoU at last"] > result["IoU at first"] + 0.03
    assert result["image L1 at last"] < result["image L1 at first"]


@pytest.mark.parametrize("code", EXAMPLES)
def test_migration_page(code):
    exec(compile(code, "migration.md", "exec"), {"__name__": "example"})


def test_the_page_has_examples():
    assert len(EXAMPLES) >= 3
