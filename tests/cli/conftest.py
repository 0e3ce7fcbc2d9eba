"""Pictures and a fake model for the tests of the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from fakes import FakeReconstructor


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "bird.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeReconstructor:
    reconstructor = FakeReconstructor()
    monkeypatch.setattr("unrender.cli.reconstruct.load_reconstructor", lambda path: reconstructor)
    return reconstructor
