"""Small scans, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from unrender.synthesize.scan import ScanSettings, write_scan

pytest.importorskip("xatlas", reason="textures of scans need unrender[fit]")

SETTINGS = ScanSettings(views=10, size=64)


@pytest.fixture(scope="session")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a made-up scan of ten small photos."""
    folder = tmp_path_factory.mktemp("scan")
    write_scan(folder, SETTINGS)
    return folder
