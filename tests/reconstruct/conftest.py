"""Shared shape space of the tests of reconstruction."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from blobs import smooth_space

from unrender.shape_space import ShapeSpace


@pytest.fixture(scope="session")
def space() -> ShapeSpace:
    return smooth_space()
