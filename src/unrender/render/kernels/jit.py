"""The one way this package compiles a kernel, and where the compiled code is kept.

Compiled code is cached beside the sources; where they are read-only numba uses the user's cache folder, and
where that is read-only too a folder under the system's temporary directory is taken.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import os
import sys
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


def _kernels_used(source: Path) -> set[str]:
    """Names of the modules of this folder that a module imports, and those they import."""
    found, todo = {source.stem}, [source]
    while todo:
        for node in ast.parse(todo.pop().read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith(__package__):
                continue
            inside = (node.module or "").removeprefix(__package__).lstrip(".")
            for name in [inside] if inside else [alias.name for alias in node.names]:
                if name not in found:
                    found.add(name)
                    todo.append(source.with_name(f"{name}.py"))
    return found


def _drop_stale() -> None:
    """Delete compiled kernels older than a source they are made of: numba only looks at a kernel's own file,
    not at the files of the functions inlined into it.
    """
    here = Path(__file__).parent
    try:
        changed = {source.stem: source.stat().st_mtime for source in here.glob("*.py")}
        latest = max(changed.values())
        newest: dict[str, float] = {}
        for index in (here / "__pycache__").glob("*.nbi"):
            age, module = index.stat().st_mtime, index.name.split(".")[0]
            if age >= latest:
                continue
            if module not in newest:
                used = _kernels_used(here / f"{module}.py") if module in changed else set()
                newest[module] = max((changed[name] for name in used), default=float("inf"))
            if age < newest[module]:
                index.unlink(missing_ok=True)
            else:
                with contextlib.suppress(OSError):  # next time its age alone will tell
                    os.utime(index, (latest, latest))
    except (OSError, KeyError, SyntaxError):  # read-only, or another process was faster
        return


def _postpone_scipy() -> None:
    """Load numba's array functions without scipy.linalg, whose import takes as long as all the kernels'.

    There numba only asks whether scipy could be imported; functions that use BLAS import it themselves.
    Called before anything is compiled.
    """
    from numba.np import linalg

    original = getattr(linalg, "ensure_blas", None)
    if original is None or "numba.np.arraymath" in sys.modules or "scipy.linalg" in sys.modules:
        return

    def ask() -> None:
        if importlib.util.find_spec("scipy") is None:
            raise ImportError("scipy is not installed")

    linalg.ensure_blas = ask
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = original


def _load_without_compiler(kernel: Callable) -> Callable:
    """Make a dispatcher read its compiled code without numba's tables of everything that it can compile.

    Filling them takes as long as all else that a process does before its first picture; compiling does it by
    itself. Numba's own order is kept where it has been given another form.
    """
    cache: Any = getattr(kernel, "_cache", None)
    read, guard = (
        getattr(cache, name, None) for name in ("_load_overload", "_guard_against_spurious_io_errors")
    )
    name_helpers = getattr(numba.core.base, "_load_global_helpers", None)
    memory = getattr(numba.core.runtime, "rtsys", None)
    if read is None or guard is None or name_helpers is None or memory is None:
        _postpone_scipy()
        return kernel

    def load_overload(signature: Any, target: Any) -> Any:
        name_helpers()  # what compiled code calls by name; it and the next do so once
        memory.initialize(target)
        with guard():
            found = read(signature, target)
        if found is None:
            _postpone_scipy()
        return found

    cache.load_overload = load_overload
    return kernel


_choose_cache()
_drop_stale()

_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": False}

# Reordering and reciprocals are allowed only where no coverage or visibility decision depends on the result.
RELAXED = {"contract", "reassoc", "nsz", "arcp"}


def _kernel(function: Callable, **options: Any) -> Callable:
    return _load_without_compiler(numba.njit(**_OPTIONS, **options)(function))


def jit(function: Callable) -> Callable:
    """Compile a kernel with strict IEEE arithmetic. Signatures are compiled at first use."""
    return _kernel(function)


def inline(function: Callable) -> Callable:
    """Compile a helper that LLVM inlines into the kernels that call it (strict arithmetic)."""
    return numba.njit(nogil=True, cache=True, error_model="numpy", forceinline=True)(function)


def contracted(function: Callable) -> Callable:
    """Compile a kernel in which products and sums may be fused, nothing else."""
    return _kernel(function, fastmath={"contract", "nsz"})


def relaxed(function: Callable) -> Callable:
    """Compile a kernel whose arithmetic may be contracted and reassociated (no coverage decisions inside)."""
    return _kernel(function, fastmath=RELAXED)


def pasted(function: Callable) -> Callable:
    """A helper whose source becomes part of the kernels that call it, with their arithmetic: nothing is
    compiled twice.
    """
    return numba.njit(nogil=True, error_model="numpy", inline="always")(function)
