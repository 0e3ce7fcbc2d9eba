"""The log of a batch: one JSON object a line, appended as photos are done."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unrender.cli.outputs import Outputs
from unrender.errors import OutputError

_NOT_SETTINGS = {"photos", "output", "force", "json", "format", "workers", "log"} | {
    "turntable", "sheet", "depth", "normals",
}  # fmt: skip
"""Options that say which files are made, and not what is in them."""


class JobLog:
    """What was done in a folder, by this call and by earlier ones.

    Each line holds "time" (UTC, ISO 8601), "photo" (absolute path), "status" ("done" or "failed"), and for
    "done": "files", "category", "confidence", "milliseconds", "settings"; for "failed": "error".
    """

    def __init__(self, path: Path, options: argparse.Namespace) -> None:
        """Read the log at `path`, if there is one. Lines that are damaged are skipped.

        Raises:
            OutputError: it cannot be read or written.
        """
        self.path = path
        self.settings = settings_key(options)
        self._by_mesh: dict[str, dict[str, Any]] = {}
        try:
            text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise OutputError(f"{path}: the log cannot be written ({reason}); pass another --log") from None
        for line in text.splitlines():
            try:
                record = json.loads(line)
                if record["status"] == "done":
                    self._by_mesh[record["files"][0]] = record
            except (ValueError, KeyError, TypeError, IndexError):
                continue
        if text and not text.endswith("\n"):  # an earlier call was cut off in the middle of a line
            self._file.write("\n")

    def is_done(self, photo: Path, outputs: Outputs) -> bool:
        """Whether all files of a photo are there.

        Raises:
            OutputError: they are, but the log says that they come from another photo or other settings.
        """
        if not all(path.is_file() for path in outputs.paths):
            return False
        record = self._by_mesh.get(self._name(outputs.mesh))
        if record is not None and record.get("photo") != _absolute(photo):
            raise OutputError(
                f"{outputs.mesh}: exists and is of another photo, {record.get('photo')}; pass --force to"
                " overwrite it, or another -o"
            )
        if record is not None and record.get("settings") != self.settings:
            raise OutputError(
                f"{outputs.mesh}: exists and was made with other options; pass --force to overwrite it"
            )
        return True

    def write(self, photo: Path, outputs: Outputs, **facts: Any) -> None:
        """Append a line about a photo; with "error" among the facts it has failed."""
        record: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "photo": _absolute(photo),
            "status": "failed" if "error" in facts else "done",
        }
        if "error" not in facts:
            first = self._name(outputs.mesh)
            rest = [self._name(path) for path in outputs.paths if path != outputs.mesh]
            record |= {"files": [first, *rest], "settings": self.settings}
        self._file.write(json.dumps(record | facts, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _name(self, path: Path) -> str:
        """A path as seen from the log's folder, so that the folder can be moved."""
        return os.path.relpath(_absolute(path), _absolute(self.path.parent))


def settings_key(options: argparse.Namespace) -> str:
    """Twelve hexadecimal digits that differ when the options that change results differ."""
    values = {name: value for name, value in vars(options).items() if name not in _NOT_SETTINGS}
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _absolute(path: Path) -> str:
    return os.path.abspath(path)
