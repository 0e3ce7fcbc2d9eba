"""One file with the shape spaces of several categories.

`python -m unrender.train.merge_spaces --out runs/spaces/all.safetensors runs/bird_space2.safetensors ...`
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tyro
from safetensors import SafetensorError
from safetensors.numpy import load, save

from unrender.errors import ModelError
from unrender.files import write_atomic


def merge_spaces(files: list[Path], out: Path) -> list[str]:
    """Write all tensors of `files` to `out`; returns the categories.

    Raises:
        ModelError: a file is missing or damaged, holds no shape space, or a category comes twice.
    """
    tensors: dict[str, np.ndarray] = {}
    categories: list[str] = []
    for file in files:
        try:
            found = load(file.read_bytes())
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{file}: is no shape space ({error})") from None
        names = [name.removesuffix(".mean") for name in found if name.endswith(".mean")]
        if not names or any(name.split(".")[0] not in names for name in found):
            raise ModelError(f"{file}: expected tensors CATEGORY.mean, CATEGORY.basis and so on")
        twice = set(names) & set(categories)
        if twice:
            raise ModelError(f"{file}: the category {min(twice)} came before; name it once")
        categories += names
        tensors.update(found)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(out, save(tensors))
    return categories


def main() -> None:
    """Command line of `python -m unrender.train.merge_spaces`."""
    import sys

    from unrender.errors import UnrenderError

    def run(files: tyro.conf.Positional[tuple[Path, ...]], out: Path) -> None:
        """Merge the shape spaces in FILES into one file."""
        print(f"{out}: {', '.join(merge_spaces(list(files), out))}")

    try:
        tyro.cli(run)
    except UnrenderError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
