"""`unrender PHOTO...`: photos to meshes.

Heavy modules are imported only once the first photo is known to be good.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrender.cli.options import export_options, parse_options, picture_options
from unrender.cli.outputs import Outputs, plan_outputs
from unrender.errors import InputError
from unrender.files import write_atomic

if TYPE_CHECKING:
    from unrender.reconstruct import Reconstructor


def run(arguments: Sequence[str]) -> int:
    """Reconstruct the photos named in `arguments`; exit status 2 when one of them failed."""
    options = parse_options(arguments)
    photos = [Path(photo) for photo in options.photos]
    if len(photos) > 1 and (options.mask or options.box):
        raise InputError("--mask, --box: describe one photo; pass the photos one at a time")
    plans = plan_outputs(
        photos, options.output, json=options.json, pictures=picture_options(options),
        formats=options.format, options=export_options(options),
    )  # fmt: skip
    if len(photos) > 1:
        from unrender.cli.batch import run_batch

        return run_batch(options, photos, plans)
    done = Session(options).reconstruct(photos[0], plans[0])
    print(f"{done.mesh}  {done.category} {done.confidence:.2f}  {done.milliseconds:.0f} ms", flush=True)
    return 0


def load_reconstructor(path: str | None, threads: int = 2) -> Reconstructor:
    """The model at `path`, or the one in the package; it is read while numba is imported."""
    from unrender.network.runtime import SHAPES_FILE
    from unrender.reconstruct.hub import find_model
    from unrender.reconstruct.loading import load_runtime

    folder = find_model(path)
    runtime = load_runtime(folder, threads)
    from unrender.reconstruct import Reconstructor

    return Reconstructor(runtime, folder / SHAPES_FILE)


@dataclass(frozen=True)
class Done:
    """What a photo became: its mesh file, category and that one's probability, and time as in the JSON."""

    mesh: Path
    category: str
    confidence: float
    milliseconds: float


class Session:
    """The options of a call, and the model once it is needed.

    `settings` are passed to `Reconstructor.from_pretrained`.
    """

    def __init__(self, options: argparse.Namespace, **settings: Any) -> None:
        self.options = options
        self.settings = settings
        self.reconstructor: Reconstructor | None = None

    def reconstruct(self, path: Path, outputs: Outputs) -> Done:
        """Reconstruct one photo and write its files, all or none of them.

        Raises:
            UnrenderError: photo, mask or outputs cannot be used; the message names the file.
        """
        from unrender.image import load_mask, load_photo

        options = self.options
        outputs.check(options.force)
        photo = load_photo(path)
        settings: dict[str, Any] = {
            "box": options.box,
            "category": options.category,
            "loop": options.loop,
            "appearance": options.appearance,
        }
        if options.mask:
            height, width = photo.pixels.shape[:2]
            settings["mask"] = load_mask(options.mask, (width, height))
        if options.fov is not None:
            settings["fov_degrees"] = options.fov
        if self.reconstructor is None:
            self.reconstructor = load_reconstructor(options.model, **self.settings)
        result = self.reconstructor(photo, **settings)
        if options.refine is not None:
            from unrender.cli.refine import refine_shown

            result = refine_shown(self.reconstructor, photo, result, options.refine, settings.get("mask"))
        result.mask_path = options.mask
        self._write(result, outputs)
        total = sum(result.timings_ms.values())
        return Done(outputs.mesh, result.category, result.confidence, total)

    def _write(self, result: Any, outputs: Outputs) -> None:
        existed = {file for file in outputs.paths if file.exists()}
        export = export_options(self.options)
        try:
            pictures: dict[Path, bytes] = {}
            if outputs.pictures:
                from unrender.cli.turntable import draw_pictures

                pictures = draw_pictures(result, dict(outputs.pictures), self.options.picture_size)
            for file, data in pictures.items():
                write_atomic(file, data)
            for file in reversed(outputs.meshes):  # the first format last: the JSON describes it
                result.export(file, export)
            if outputs.json is not None:
                result.to_json(outputs.json)
        except BaseException:
            for file in outputs.paths:
                if file not in existed:
                    file.unlink(missing_ok=True)
            raise
