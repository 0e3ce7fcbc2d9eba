"""The options of `unrender PHOTO...`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from unrender.cli.outputs import PICTURES
from unrender.cli.parser import OneLineParser, parse_box, parse_fov
from unrender.cli.refine import parse_refine
from unrender.export.formats import FORMATS
from unrender.export.options import APPEARANCES, TEXTURE_FORMATS, ExportOptions


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """The options in `arguments`; a usage error ends the process with status 2."""
    parser = OneLineParser(
        "unrender reconstruct",
        "Turn photos into textured meshes.",
        usage="unrender [reconstruct] PHOTO... [-o OUT.glb | -o DIR/] [options]",
    )
    add = parser.add_argument
    add("photos", nargs="+", metavar="PHOTO", help="picture files (JPEG, PNG, WebP, TIFF, BMP, GIF)")
    add(
        "-o",
        "--output",
        metavar="OUT",
        help="OUT.glb (or .obj, .ply, .stl, .usdz) for one photo, DIR/ for any number (default: beside you)",
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
    add("--appearance", choices=APPEARANCES, default="albedo", help="texture without or with the light")
    add(
        "--no-loop",
        dest="loop",
        action="store_false",
        help="keep the network's first guess, do not correct it",
    )
    add(
        "--refine",
        type=parse_refine,
        metavar="BUDGET",
        help="optimise the result against the photo for so long, for example 3s or 200it",
    )
    add("--model", metavar="PATH", help="a model of your own (default: the one inside the package)")
    add(
        "--fov",
        type=parse_fov,
        metavar="DEGREES",
        help="vertical field of view of the whole photo, where known",
    )
    add("--force", action="store_true", help="overwrite existing files")
    _add_mesh_options(parser.add_argument_group("mesh"))
    _add_picture_options(parser.add_argument_group("pictures (DIR/ for several photos)"))
    _add_batch_options(parser.add_argument_group("several photos"))
    return parser.parse_args(list(arguments))


def _add_mesh_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--format",
        type=parse_formats,
        default=(),
        metavar="NAME,...",
        help=f"formats of the files in DIR/: {', '.join(FORMATS)}",
    )
    add(
        "--texture-format",
        choices=TEXTURE_FORMATS,
        help="picture inside GLB and USDZ (default jpeg), beside OBJ (default png)",
    )
    add("--texture-size", type=_whole(1, 8192), metavar="TEXELS", help="side of the texture")
    add("--faces", type=_whole(16, 10**9), metavar="N", help="at most about N triangles (unrender[simplify])")
    add(
        "--height",
        type=parse_height,
        metavar="METRES",
        help="height of the object, which makes the metre the mesh's unit",
    )


def _add_picture_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    texts = {
        "turntable": "a turning picture (.gif, .webp, .mp4) or all its views (.png)",
        "sheet": "four views, from the front, the left, the back and above",
        "depth": "depth map over the photo, 16-bit .png or .npy",
        "normals": "normal map over the photo, camera frame, .png or .npy",
    }
    for kind, text in texts.items():
        add(f"--{kind}", metavar=f"OUT{PICTURES[kind][0]}", help=text)
    add(
        "--picture-size",
        type=_whole(8, 4096),
        default=256,
        metavar="PIXELS",
        help="side of a view of turntable and sheet (default: 256)",
    )


def _add_batch_options(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--workers", type=_whole(1, 256), metavar="N", help="processes (default: one a core)")
    add(
        "--log",
        metavar="FILE",
        help="JSON lines about each photo (default: unrender.jsonl in the folder of the meshes)",
    )


def export_options(options: argparse.Namespace) -> ExportOptions:
    """How the meshes are written."""
    return ExportOptions(
        options.appearance, options.texture_format, options.texture_size, options.faces, options.height
    )


def picture_options(options: argparse.Namespace) -> dict[str, str]:
    """Kind of picture to the value of its option, for those asked for."""
    return {kind: value for kind in PICTURES if (value := getattr(options, kind)) is not None}


def parse_formats(text: str) -> tuple[str, ...]:
    """Names of mesh formats, separated by commas, each once.

    Raises:
        argparse.ArgumentTypeError: an unknown name, or none.
    """
    names = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",")))
    unknown = [name for name in names if name not in FORMATS]
    if unknown:
        raise argparse.ArgumentTypeError(f"expected {', '.join(FORMATS)}, got {text!r}")
    return names


def parse_height(text: str) -> float:
    """A height in metres, above 0 and at most 10^6.

    Raises:
        argparse.ArgumentTypeError: not a number in that range.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1e6:
        raise argparse.ArgumentTypeError(f"expected metres above 0, got {text!r}")
    return value


class _whole:
    """Parses a whole number of a range."""

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high

    def __call__(self, text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = self.low - 1
        if not self.low <= value <= self.high:
            raise argparse.ArgumentTypeError(
                f"expected a whole number from {self.low} to {self.high}, got {text!r}"
            )
        return value
