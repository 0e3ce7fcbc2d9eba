"""What the server allows, and where it listens."""

from __future__ import annotations

from dataclasses import dataclass, field

from unrender.errors import InputError
from unrender.render.kernels.threads import num_threads

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """What one visitor may ask for.

    Attributes:
        max_bytes: largest upload, in bytes.
        max_pixels: largest photo, width times height.
        max_queue: how many photos may wait; further ones are refused with status 429.
        max_seconds: longest time for upload, waiting and work of one request.
        max_results: how many results are kept for download; the oldest go first.
        max_refine_seconds: longest refinement; below `max_seconds`.

    Raises:
        InputError: a value that is not positive (`max_queue`: negative).
    """

    max_bytes: int = 20 * MEGABYTE
    max_pixels: int = 50 * MEGABYTE
    max_queue: int = 16
    max_seconds: float = 30.0
    max_results: int = 32
    max_refine_seconds: float = 10.0

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_pixels", "max_seconds", "max_results", "max_refine_seconds"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: expected a value above 0, got {getattr(self, name)}")
        if self.max_queue < 0:
            raise InputError(f"max_queue: expected 0 or more, got {self.max_queue}")


@dataclass(frozen=True)
class Settings:
    """Where the server listens and how many photos it works on at once.

    Attributes:
        host: address to listen on; only this machine can reach 127.0.0.1.
        port: 0 takes any free one.
        workers: photos worked on at the same time.
        limits: see `Limits`.

    Raises:
        InputError: a port or number of workers out of range.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = field(default_factory=lambda: min(4, num_threads()))
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise InputError(f"port: expected 0 to 65535, got {self.port}")
        if not 1 <= self.workers <= 64:
            raise InputError(f"workers: expected 1 to 64, got {self.workers}")
