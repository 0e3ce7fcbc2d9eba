"""The examples of the README and the usage page run as printed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import unrender
from unrender.cli.main import main

ROOT = Path(__file__).parents[2]
MODELS = Path(unrender.__file__).parent / "models"
EXAMPLE = re.compile(r"<!-- example: (bash|python) -->\n```\1\n(.*?)```", re.DOTALL)
EXAMPLES = [
    pytest.param(kind, code, id=f"{page}-{number}-{kind}")
    for page in ("README.md", "docs/usage.md", "docs/fit.md", "docs/refine.md")
    for number, (kind, code) in enumerate(EXAMPLE.findall((ROOT / page).read_text(encoding="utf-8")))
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize(("kind", "code"), EXAMPLES)
def test_example(kind: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "photo.jpg" in code:
        if not (MODELS / "sample.jpg").is_file() or not list(MODELS.glob("*.onnx")):
            pytest.skip("needs the model inside the package")
        shutil.copy(MODELS / "sample.jpg", tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    if kind == "python":
        exec(compile(code, "example", "exec"), {"__name__": "example"})
        return
    for line in code.splitlines():
        words = line.split("#")[0].split()
        if words:
            assert words.pop(0) == "unrender"
            assert main([*words, "--force"]) == 0
