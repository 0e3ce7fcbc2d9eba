"""The procedural categories by name."""

from __future__ import annotations

import importlib

from unrender.errors import InputError
from unrender.synthesize.generator import Generator

CATEGORIES = (
    "animal", "dinosaur", "airplane", "car", "chair", "fish", "ship", "table", "sofa", "bed", "cabinet",
        "lamp",
)  # fmt: skip
"""Categories with a generator in `synthesize.categories` (birds have their own in `synthesize.bird`)."""


def generator(category: str) -> Generator:
    """The generator of a category; modules are imported when they are asked for.

    Raises:
        InputError: there is no such generator.
    """
    if category not in CATEGORIES:
        raise InputError(f"category: expected one of {', '.join(CATEGORIES)}, got {category!r}")
    module = importlib.import_module(f"unrender.synthesize.categories.{category}")
    result: Generator = getattr(module, category.upper())
    return result
