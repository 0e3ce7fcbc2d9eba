"""`unrender --version`, with `--json` for bug reports."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform

import unrender

DEPENDENCIES = ("numpy", "numba", "onnxruntime", "pillow", "trimesh", "torch")


def print_version(as_json: bool) -> None:
    """Print the version, or a JSON object with the versions of interpreter, machine and dependencies."""
    if not as_json:
        print(f"unrender {unrender.__version__}")
        return
    versions: dict[str, str | None] = {}
    for name in DEPENDENCIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    record = {
        "unrender": unrender.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "dependencies": versions,
    }
    print(json.dumps(record, indent=2))
