"""What the worker threads do: from an uploaded file to a stored result."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from unrender.errors import InputError, UnrenderError
from unrender.image import load_photo
from unrender.reconstruct import Reconstruction, Reconstructor
from unrender.refine import Budget, RefineProgress, Refiner
from unrender.viewer.choose import box_at
from unrender.viewer.refusals import from_error


@dataclass(frozen=True)
class Wish:
    """What one upload asks for.

    Attributes:
        box: (x, y, width, height), or point: (x, y), in pixels of the upright photo; or neither.
        category: None leaves it to the model.
        appearance: "albedo" or "photo".
        loop: correct the guess by rendering.
    """

    box: tuple[float, ...] | None = None
    point: tuple[float, ...] | None = None
    category: str | None = None
    appearance: str = "albedo"
    loop: bool = True


@dataclass(frozen=True)
class Refinement:
    """More time for one photo: how long, whom to tell, and whether to stop early."""

    seconds: float
    report: Callable[[RefineProgress], None]
    cancelled: Callable[[], bool]


def parse_numbers(name: str, text: str | None, count: int) -> tuple[float, ...] | None:
    """Numbers "1,2,3" of a form field, or None for an empty one.

    Raises:
        InputError: not so many finite numbers.
    """
    if not text:
        return None
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count or not all(abs(value) < 1e9 for value in values):
        raise InputError(f"{name}: expected {count} numbers with commas between, got {text[:40]!r}")
    return values


def reconstruct_upload(
    reconstructor: Reconstructor,
    data: bytes,
    wish: Wish,
    max_pixels: int,
    refinement: Refinement | None = None,
) -> Reconstruction:
    """Reconstruct an uploaded picture, and refine the result where that is asked for.

    Raises:
        Refusal: 413 or 422, with the reason.
    """
    with _temporary_file(data) as path:
        try:
            photo = load_photo(path, max_pixels)
            box: Any = wish.box
            if box is None and wish.point is not None and photo.alpha is None:
                box = box_at(reconstructor.runtime, photo, *wish.point)
            result = reconstructor(
                photo, box=box, category=wish.category, loop=wish.loop, appearance=wish.appearance
            )
            if refinement is not None:
                result = Refiner(reconstructor).refine(
                    photo, result, Budget(seconds=refinement.seconds),
                    on_progress=refinement.report, cancel=refinement.cancelled,
                )  # fmt: skip
        except UnrenderError as error:
            raise from_error(error, path) from None
    result.image_path = None
    return result


@contextlib.contextmanager
def _temporary_file(data: bytes) -> Iterator[str]:
    """A file with these bytes that is gone afterwards."""
    handle, path = tempfile.mkstemp(prefix="unrender-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        yield path
    finally:
        os.unlink(path)
