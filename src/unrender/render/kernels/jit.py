"""The one way this package compiles a kernel, and where the compiled code is kept.

Compiled code is cached beside the sources; where they are read-only numba uses the user's cache folder, and
where that is read-only too a folder under the system's temporary directory is taken.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba


def _writable(folder: Path) -> bool:
    """Whether a file could be created in `folder`, creating it where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _choose_cache() -> None:
    """Point numba at a temporary folder when neither the package nor the user's cache can be written."""
    if numba.config.CACHE_DIR:  # type: ignore[attr-defined]
        return
    here = Path(__file__).parent / "__pycache__"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.path.expanduser("~")) / ".cache") / "numba"
    if _writable(here) or _writable(home):
        return
    numba.config.CACHE_DIR = str(Path(tempfile.gettempdir()) / f"unrender-numba-{os.getuid()}")  # type: ignore[attr-defined]


def _drop_stale() -> None:
    """Delete compiled kernels older than any kernel's source: numba only looks at a kernel's own file, not at
    the files of the functions inlined into it.
    """
    here = Path(__file__).parent
    try:
        newest = max(source.stat().st_mtime for source in here.glob("*.py"))
        for index in (here / "__pycache__").glob("*.nbi"):
            if index.stat().st_mtime < newest:
                index.unlink(missing_ok=True)
    except OSError:  # read-only, or another process was faster
        return


_choose_cache()
_drop_stale()

_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": False}

# Reordering and reciprocals are allowed only where no coverage or visibility decision depends on the result.
RELAXED = {"contract", "reassoc", "nsz", "arcp"}


def jit(function: Callable) -> Callable:
    """Compile a kernel with strict IEEE arithmetic. Signatures are compiled at first use."""
    return numba.njit(**_OPTIONS)(function)


def inline(function: Callable) -> Callable:
    """Compile a helper that LLVM inlines into the kernels that call it (strict arithmetic)."""
    return numba.njit(nogil=True, cache=True, error_model="numpy", forceinline=True)(function)


def contracted(function: Callable) -> Callable:
    """Compile a kernel in which products and sums may be fused, nothing else."""
    return numba.njit(fastmath={"contract", "nsz"}, **_OPTIONS)(function)


def relaxed(function: Callable) -> Callable:
    """Compile a kernel whose arithmetic may be contracted and reassociated (no coverage decisions inside)."""
    return numba.njit(fastmath=RELAXED, **_OPTIONS)(function)


def pasted(function: Callable) -> Callable:
    """A helper whose source becomes part of the kernels that call it, with their arithmetic: nothing is
    compiled twice.
    """
    return numba.njit(nogil=True, error_model="numpy", inline="always")(function)
