"""The files of the page: what ships with the package, and what `make web` copies beside it."""

from __future__ import annotations

from pathlib import Path

from unrender.errors import MissingExtraError

PAGE = Path(__file__).resolve().parent / "page"
"""Folder of the page."""

VENDOR = (
    "model-viewer.min.js",
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)
"""Files from npm, in `PAGE / "vendor"`: <model-viewer> and ONNX Runtime Web."""


def missing_vendor(page: Path = PAGE) -> list[str]:
    """Names of the libraries that are not there."""
    return [name for name in VENDOR if not (page / "vendor" / name).is_file()]


def page_folder() -> Path:
    """The folder of the page, complete.

    Raises:
        MissingExtraError: the libraries of the page are missing (a checkout without `make web`).
    """
    missing = missing_vendor()
    if missing:
        raise MissingExtraError(
            f"viewer: the page's libraries are missing ({', '.join(missing)}); wheels contain them, "
            "in a checkout run `make web` (needs npm)"
        )
    return PAGE
