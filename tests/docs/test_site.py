"""The documentation site builds without a warning, and holds what it should."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Page(HTMLParser):
    """Collects the pictures and the local links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.pictures: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "img":
            self.pictures.append(values.get("src") or "")
        if tag == "a" and "://" not in (link := values.get("href") or ""):
            self.links.append(link.split("#")[0])


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("sphinx", "myst_parser", "furo")),
    reason="needs unrender[docs]",
)
def test_site(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W", "--keep-going"]
    done = subprocess.run(
        [*command, "-d", str(tmp_path / "trees"), str(ROOT / "docs"), str(tmp_path / "site")],
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    site = tmp_path / "site"
    reference = (site / "api.html").read_text(encoding="utf-8")
    for name in (
        "unrender.Reconstructor",
        "unrender.export.write_mesh",
        "unrender.render.operations.rasterize",
    ):
        assert f'id="{name}"' in reference
    for path in site.glob("*.html"):
        page = Page(path.read_text(encoding="utf-8"))
        for target in [*page.pictures, *page.links]:
            if target and not target.startswith(("data:", "mailto:")):
                assert (site / target).exists(), f"{path.name}: {target}"
    assert len(Page((site / "gallery.html").read_text(encoding="utf-8")).pictures) >= 5
