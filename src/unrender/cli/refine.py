"""`unrender PHOTO --refine 3s`: the option, and its progress on a terminal."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import numpy as np

from unrender.errors import InputError

if TYPE_CHECKING:
    from unrender.image import Photo
    from unrender.reconstruct import Reconstruction, Reconstructor
    from unrender.refine import RefineProgress


def parse_refine(text: str) -> str:
    """A budget such as "3s" or "200it", checked.

    Raises:
        argparse.ArgumentTypeError: another text.
    """
    from unrender.refine.budget import parse_budget

    try:
        parse_budget(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("refine: ")) from None
    return text


def refine_shown(
    reconstructor: Reconstructor, photo: Photo, result: Reconstruction, budget: str, mask: np.ndarray | None
) -> Reconstruction:
    """Refine a result; on a terminal a line on stderr says how far it is."""
    from unrender.refine import Refiner

    def show(progress: RefineProgress) -> None:
        print(
            f"\rrefining {100 * progress.share:3.0f} %, {progress.iteration} iterations, "
            f"mask IoU {progress.iou:.3f}", end="", file=sys.stderr, flush=True,
        )  # fmt: skip

    shown = sys.stderr.isatty()
    refined = Refiner(reconstructor).refine(
        photo, result, budget, mask=mask, on_progress=show if shown else None
    )
    if shown:
        print(file=sys.stderr)
    return refined
