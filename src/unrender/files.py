"""Writing files so that they are complete or absent."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from unrender.errors import OutputError


def write_atomic(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that it is complete or absent: to a temporary file beside it, then rename.

    Missing parent folders are made. A pipe or device such as /dev/stdout is written to directly.

    Raises:
        OutputError: the file cannot be written. What was there before stays, nothing partial is left behind.
    """
    name = os.fspath(path)
    target = Path(os.path.realpath(name))
    made: list[Path] = []
    temporary: Path | None = None
    try:
        if target.is_dir() or name.endswith(os.sep):
            raise OutputError(f"{name}: is a folder; give the name of a file in it")
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            target.write_bytes(data)
            return
        for parent in reversed(target.parents):
            if not parent.exists():
                parent.mkdir()
                made.append(parent)
        candidate = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
        with open(candidate, "xb") as file:
            temporary = candidate
            file.write(data)
        os.replace(candidate, target)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        for parent in reversed(made):
            _remove_empty(parent)
        if isinstance(error, OutputError):
            raise
        reason = error.strerror or type(error).__name__
        raise OutputError(f"{name}: cannot be written ({reason}); choose a place you may write to") from None


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()
