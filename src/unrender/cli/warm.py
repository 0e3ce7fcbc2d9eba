"""`unrender warm`: compile the kernels ahead of the first use, for images of containers and packages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.resources import as_file, files

from unrender.cli.parser import OneLineParser


def run(arguments: Sequence[str]) -> int:
    """Compile all kernels into the cache, those of the sample picture's way through the model too."""
    OneLineParser("unrender warm", "Compile the kernels ahead of the first use.").parse_args(list(arguments))
    start = time.perf_counter()
    from unrender.render import warm

    warm()
    sample = files("unrender") / "models" / "sample.jpg"
    if sample.is_file():
        from unrender.cli.reconstruct import load_reconstructor
        from unrender.image import load_photo

        with as_file(sample) as path:
            load_reconstructor(None)(load_photo(path))
    print(f"kernels ready after {time.perf_counter() - start:.1f} s")
    return 0
