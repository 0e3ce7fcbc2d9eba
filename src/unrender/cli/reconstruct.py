"""`unrender PHOTO...`: photos to GLB files.

Heavy modules are imported only once the first photo is known to be good.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrender.cli.outputs import Outputs, plan_outputs
from unrender.cli.parser import OneLineParser, parse_box, parse_fov
from unrender.errors import InputError, UnrenderError

if TYPE_CHECKING:
    from unrender.reconstruct import Reconstructor


def run(arguments: Sequence[str]) -> int:
    """Reconstruct the photos named in `arguments`; exit status 2 when one of them failed."""
    options = _parse(arguments)
    photos = [Path(photo) for photo in options.photos]
    if len(photos) > 1 and (options.mask or options.box):
        raise InputError("--mask, --box: describe one photo; pass the photos one at a time")
    plans = plan_outputs(photos, options.output, json=options.json, turntable=options.turntable)
    session = _Session(options)
    failed = 0
    for photo, outputs in zip(photos, plans, strict=True):
        try:
            print(session.reconstruct(photo, outputs), flush=True)
        except (UnrenderError, OSError) as error:
            from unrender.cli.main import print_error

            failed += 1
            print_error(
                error if str(photo) in str(error) or str(outputs.mesh) in str(error) else f"{photo}: {error}"
            )
    if len(photos) > 1:
        print(f"unrender: {len(photos) - failed} of {len(photos)} photos reconstructed", file=sys.stderr)
    return 2 if failed else 0


def load_reconstructor(path: str | None) -> Reconstructor:
    """The model at `path`, or the one inside the package."""
    from unrender.reconstruct import Reconstructor

    return Reconstructor.from_pretrained(path)


class _Session:
    """One call of the command: its options, and the model once it is needed."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.reconstructor: Reconstructor | None = None

    def reconstruct(self, path: Path, outputs: Outputs) -> str:
        """Reconstruct one photo and write its files, all or none of them; returns a line for the user."""
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
            self.reconstructor = load_reconstructor(options.model)
        result = self.reconstructor(photo, **settings)
        result.mask_path = options.mask
        existed = {file for file in outputs.paths if file.exists()}
        try:
            result.export(outputs.mesh)
            if outputs.json is not None:
                result.to_json(outputs.json)
            if outputs.turntable is not None:
                from unrender.cli.turntable import save_turntable

                save_turntable(result.mesh, outputs.turntable)
        except BaseException:
            for file in outputs.paths:
                if file not in existed:
                    file.unlink(missing_ok=True)
            raise
        total = sum(result.timings_ms.values())
        return f"{outputs.mesh}  {result.category} {result.confidence:.2f}  {total:.0f} ms"


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OneLineParser(
        "unrender reconstruct",
        "Turn photos into textured meshes (GLB).",
        usage="unrender [reconstruct] PHOTO... [-o OUT.glb | -o DIR/] [options]",
    )
    add = parser.add_argument
    add("photos", nargs="+", metavar="PHOTO", help="picture files (JPEG, PNG, WebP, TIFF, BMP, GIF)")
    add(
        "-o",
        "--output",
        metavar="OUT",
        help="OUT.glb for one photo, DIR/ for any number (default: beside you)",
    )
    add("--category", metavar="NAME", help="what the photo shows, when you know better than the model")
    add("--mask", metavar="FILE", help="mask of the object, a picture of the photo's size (white = object)")
    add(
        "--box",
        type=parse_box,
        metavar="X,Y,W,H",
        help="where the object is, in pixels, if there are several",
    )
    add("--json", action="store_true", help="write camera, light, crop and timings beside each mesh")
    add(
        "--turntable",
        metavar="OUT.gif",
        help="write a turning picture of the result (DIR/ for several photos)",
    )
    add(
        "--appearance",
        choices=("albedo", "photo"),
        default="albedo",
        help="texture without or with the light",
    )
    add(
        "--no-loop",
        dest="loop",
        action="store_false",
        help="keep the network's first guess, do not correct it",
    )
    add("--model", metavar="PATH", help="a model of your own (default: the one inside the package)")
    add(
        "--fov",
        type=parse_fov,
        metavar="DEGREES",
        help="vertical field of view of the whole photo, where known",
    )
    add("--force", action="store_true", help="overwrite existing files")
    return parser.parse_args(list(arguments))
