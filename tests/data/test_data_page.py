"""The examples of docs/data.md run as printed, in their order."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from unrender.cli.main import main
from unrender.synthesize.bird_families import FAMILIES
from unrender.synthesize.catalogue import CATEGORIES, generator

PAGE = Path(__file__).parents[2] / "docs" / "data.md"
EXAMPLE = re.compile(r"<!-- example: (bash|python) -->\n```\1\n(.*?)```", re.DOTALL)


def test_examples_in_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "masks").mkdir(parents=True)
    mask = np.zeros((80, 80), dtype=np.uint8)
    mask[20:60, 20:60] = 255
    Image.fromarray(mask).convert("RGB").save("photos/one.jpg")
    Image.fromarray(mask).save("photos/masks/one.png")
    examples = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(examples) == 5
    for kind, code in examples:
        if kind == "python":
            exec(compile(code, "example", "exec"), {"__name__": "example"})
            continue
        for line in code.splitlines():
            words = line.split()
            if words[0] == "unrender":
                assert main(words[1:]) == 0
            else:
                subprocess.run([sys.executable, *words[1:]], check=True, capture_output=True, timeout=120)
    printed = capsys.readouterr().out
    assert "1 photos, 1 with masks, 1 without problems" in printed and "(2, 32, 32, 4)" in printed
    assert (tmp_path / "sheet.jpg").is_file()


def test_table_of_categories_is_up_to_date():
    page = PAGE.read_text(encoding="utf-8")
    assert f"| birds | {len(FAMILIES)} |" in page
    for category in CATEGORIES[:7]:
        chosen = generator(category)
        row = f"| {category} | {len(chosen.space.families)} | {len(chosen.topology.piece):,} |"
        assert row in page, row
    counts = ", ".join(str(len(generator(category).space.families)) for category in CATEGORIES[7:])
    assert f"| {', '.join(CATEGORIES[7:])} | {counts} |" in page
