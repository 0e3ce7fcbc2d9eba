"""Stand-ins for nvdiffrast's contexts: they hold options only, everything runs on the CPU."""

from __future__ import annotations

from typing import Any

from unrender.errors import InputError

_log_level = 1


class RasterizeCudaContext:
    """Takes the place of nvdiffrast's context. `device` is accepted and without influence."""

    def __init__(self, device: Any = None) -> None:
        self.output_db = True


class RasterizeGLContext:
    """Takes the place of nvdiffrast's context.

    Args:
        output_db: False: `rasterize` returns no derivatives of barycentrics.
        mode: "automatic" or "manual", without influence.
        device: without influence.

    Raises:
        InputError: `mode` is not one of the two.
    """

    def __init__(self, output_db: bool = True, mode: str = "automatic", device: Any = None) -> None:
        if mode not in ("automatic", "manual"):
            raise InputError(f"mode: expected 'automatic' or 'manual', got {mode!r}")
        self.output_db = bool(output_db)

    def set_context(self) -> None:
        """Does nothing."""

    def release_context(self) -> None:
        """Does nothing."""


def get_log_level() -> int:
    """The level `set_log_level` was given: 0 information, 1 warnings, 2 errors, 3 fatal."""
    return _log_level


def set_log_level(level: int) -> None:
    """Remember a level; there is nothing to be logged."""
    global _log_level
    _log_level = int(level)
