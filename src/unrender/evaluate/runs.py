"""One picture through every variant of the method, and the figures of the view it shows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unrender.errors import UnrenderError
from unrender.evaluate.views import SIZE, crop_mask, crop_photo, look
from unrender.image import Photo
from unrender.mesh import Mesh, load_mesh
from unrender.metrics import mask_iou, masked_l1

if TYPE_CHECKING:
    from unrender.reconstruct import Reconstruction, Reconstructor

MASKS = ("own", "given")
"""Where the mask comes from: the model, or the reference."""


@dataclass(frozen=True)
class Variant:
    """One way to run the model.

    Attributes:
        name: shown in reports.
        loop: whether the renderer corrects the guess.
        shape: "predicted", or "mean" for the baseline with the coefficients fixed at zero.
        baseline: name of the variant that this one is compared with, or None.
        refine: budget of the refinement that follows, such as "3s", or None.
    """

    name: str
    loop: bool
    shape: str
    baseline: str | None
    refine: str | None = None


VARIANTS = (
    Variant("default", True, "predicted", "mean shape"),
    Variant("feed-forward", False, "predicted", "mean shape, feed-forward"),
    Variant("mean shape", True, "mean", None),
    Variant("mean shape, feed-forward", False, "mean", None),
)
"""The default and the feed-forward result, each with the category's mean shape run the same way beside it."""
REFINED = "refined"


def variants_with(refine: str | None) -> tuple[Variant, ...]:
    """`VARIANTS`, and with a budget the refined result too, compared with the default one."""
    if refine is None:
        return VARIANTS
    return (VARIANTS[0], Variant(REFINED, True, "predicted", "default", refine), *VARIANTS[1:])


@dataclass(frozen=True)
class Run:
    """A reconstruction, or why there is none; `mesh` is read back from the exported GLB."""

    mask: str
    variant: Variant
    result: Reconstruction | None
    mesh: Mesh | None
    error: str | None

    def row(self, **identity: Any) -> dict[str, Any]:
        """The start of this run's row in a report."""
        row = {**identity, "mask": self.mask, "variant": self.variant.name}
        if self.error is not None:
            row["error"] = self.error
        if self.result is not None:
            row["ms"] = float(sum(self.result.timings_ms.values()))
            row["predicted_category"] = self.result.category
        return row


def run_variants(
    reconstructor: Reconstructor,
    photo: Photo,
    reference: np.ndarray,
    masks: tuple[str, ...] = MASKS,
    variants: tuple[Variant, ...] = VARIANTS,
    category: str | None = None,
) -> Iterator[Run]:
    """Reconstruct a photo in every variant, with its own and with the given mask.

    Args:
        reconstructor: the model. photo: the picture. reference: bool [H, W], the mask that is given.
        masks: which of `MASKS`. variants: which of `VARIANTS`.
        category: what the model is told that it is; None lets it choose.
    """
    told: dict[str, Any] = {} if category is None else {"category": category}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mesh.glb"
        for mask in masks:
            for variant in variants:
                given = reference if mask == "given" else None
                try:
                    result = reconstructor(photo, mask=given, loop=variant.loop, shape=variant.shape, **told)
                    if variant.refine is not None:
                        from unrender.refine import Refiner

                        result = Refiner(reconstructor).refine(photo, result, variant.refine, mask=given)
                    result.export(path)
                    yield Run(mask, variant, result, load_mesh(path), None)
                except UnrenderError as error:
                    yield Run(mask, variant, None, None, str(error))


def score_view(run: Run, pixels: np.ndarray, reference: np.ndarray, size: int = SIZE) -> dict[str, float]:
    """How well a run's exported mesh, seen with its camera, matches the photo it was made from.

    Both are compared on the run's square crop at `size` pixels a side. What the crop cuts off the reference
    mask counts as missed. A failed run scores IoU 0 and the error of an all-black picture.

    Args:
        run: of `run_variants`. pixels: uint8 [H, W, 3] sRGB. reference: bool [H, W].

    Returns:
        "mask IoU" in [0, 1], and "texture L1" in [0, 1] (sRGB, over the reference mask; pixels that the
        rendering does not cover are black).
    """
    if run.result is None or run.mesh is None:
        black = masked_l1(np.zeros(pixels.shape, np.float32), pixels.astype(np.float32) / 255, reference)
        return {"mask IoU": 0.0, "texture L1": black}
    crop = run.result.crop
    target, cut_off = crop_mask(reference, crop, size)
    image, seen = look(run.result, run.mesh, size)
    union = float((seen | target).sum())
    iou = mask_iou(seen, target) * union / max(union + cut_off, 1e-9) if union else 0.0
    return {"mask IoU": iou, "texture L1": masked_l1(image, crop_photo(pixels, crop, size), target)}


def expected_category(reconstructor: Reconstructor, category: str, subcategory: str = "") -> str | None:
    """What the model should say of a picture of a category: that one, or a general object where it has none.

    A subcategory that the model knows as a category of its own counts before the category. None where the
    model has no choice.
    """
    known = tuple(getattr(reconstructor, "categories", ()))
    if len(known) < 2:
        return None
    for name in (subcategory, category):
        if name in known:
            return name
    return "object" if "object" in known else None


def score_category(run: Run, expected: str | None) -> dict[str, float]:
    """ "category right", 1 or 0; nothing where no answer is expected, or the run failed."""
    if expected is None or run.result is None:
        return {}
    return {"category right": float(run.result.category == expected)}
