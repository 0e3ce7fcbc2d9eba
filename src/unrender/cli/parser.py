"""The argument parser shared by the subcommands: usage errors are one line."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn


class OneLineParser(argparse.ArgumentParser):
    """An `ArgumentParser` that prints usage errors as `unrender: error: ...` and exits with status 2."""

    def __init__(self, prog: str, description: str, usage: str | None = None) -> None:
        super().__init__(prog=prog, description=description, usage=usage, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Print `message` and where to read more on one line; exit 2."""
        print(f"unrender: error: {message}; see `{self.prog} --help`", file=sys.stderr)
        raise SystemExit(2)


def parse_box(text: str) -> tuple[float, float, float, float]:
    """A box "x,y,w,h" in pixels of the upright photo, from its top-left corner.

    Raises:
        argparse.ArgumentTypeError: not four finite numbers, or an empty box.
    """
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected x,y,w,h in pixels, got {text!r}") from None
    if not (width > 0 and height > 0 and all(abs(value) < 1e9 for value in (x, y, width, height))):
        raise argparse.ArgumentTypeError(f"expected a width and height above 0, got {text!r}")
    return x, y, width, height


def parse_fov(text: str) -> float:
    """A vertical field of view in degrees, between 1 and 170.

    Raises:
        argparse.ArgumentTypeError: not a number in that range.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 170:
        raise argparse.ArgumentTypeError(f"expected degrees between 1 and 170, got {text!r}")
    return value
