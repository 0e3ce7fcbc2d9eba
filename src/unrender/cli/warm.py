"""`unrender warm`: compile the kernels ahead of the first use, for images of containers and packages."""

from __future__ import annotations

import time
from collections.abc import Sequence

from unrender.cli.parser import OneLineParser


def run(arguments: Sequence[str]) -> int:
    """Compile all kernels into the cache and say how long it took."""
    OneLineParser("unrender warm", "Compile the kernels ahead of the first use.").parse_args(list(arguments))
    start = time.perf_counter()
    from unrender.render.warm import warm

    warm()
    print(f"kernels ready after {time.perf_counter() - start:.1f} s")
    return 0
