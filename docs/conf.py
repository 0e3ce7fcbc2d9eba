"""Settings of the documentation site: `make docs`, or `sphinx-build docs out/site`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import unrender

project = "unrender"
author = "the unrender authors"
copyright = "the unrender authors, Apache-2.0"
version = release = unrender.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["logs", "pictures"]
html_theme = "furo"
html_title = f"unrender {release}"
html_static_path: list[str] = []

myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_mock_imports = ["torch"]
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
