"""`unrender demo`: the sample picture inside the package to a mesh and a turning picture."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

from unrender.cli.outputs import Outputs
from unrender.cli.parser import OneLineParser
from unrender.errors import ModelError


def run(arguments: Sequence[str]) -> int:
    """Write `demo.glb`, `demo.json` and `demo.gif` (over those of an earlier demo) and say where they are."""
    parser = OneLineParser("unrender demo", "Reconstruct the sample picture that ships with the package.")
    parser.add_argument(
        "-o", "--output", default="out", metavar="DIR", help="folder to write to (default: out)"
    )
    options = parser.parse_args(list(arguments))
    folder = Path(options.output)
    outputs = Outputs(folder / "demo.glb", folder / "demo.json", {"turntable": folder / "demo.gif"})
    outputs.check(force=True)

    from unrender.cli.reconstruct import load_reconstructor
    from unrender.cli.turntable import save_turntable
    from unrender.image import load_photo

    sample = files("unrender") / "models" / "sample.jpg"
    if not sample.is_file():
        raise ModelError("models/sample.jpg: is missing from the package; install unrender again")
    with as_file(sample) as path:
        photo = load_photo(path)
    reconstructor = load_reconstructor(None)
    reconstructor(
        photo
    )  # compiles the kernels on the very first use, so that the times below are those of later uses
    result = reconstructor(photo)
    result.export(outputs.mesh)
    result.to_json(folder / "demo.json")
    save_turntable(result.mesh, folder / "demo.gif")
    height, width = photo.pixels.shape[:2]
    print(f"photo      {width} x {height} pixels: {result.category} ({result.confidence:.2f})")
    print(f"mesh       {outputs.mesh}")
    print(f"camera     {outputs.json}")
    print(f"turntable  {folder / 'demo.gif'}")
    stages = ", ".join(f"{name} {ms:.1f}" for name, ms in result.timings_ms.items())
    print(f"time       {sum(result.timings_ms.values()):.0f} ms ({stages})")
    return 0
