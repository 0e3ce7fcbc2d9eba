"""Contact sheets of procedural objects, to look at.

`python -m unrender.synthesize.sheet --source animal --out out/animal.png`
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from unrender.synthesize.multiview import MultiviewConfig, render_object
from unrender.synthesize.objects import make_object, object_seed
from unrender.synthesize.shots import ShotConfig


def sheet(
    source: str, *, count: int = 24, columns: int = 6, size: int = 160, seed: int = 0, views: int = 1,
    elevation: tuple[float, float] = (5.0, 25.0),
) -> np.ndarray:  # fmt: skip
    """Objects 0 to `count` - 1 of a seed, each from `views` random sides, on grey: uint8 [H, W, 3]."""
    shots = ShotConfig(
        elevation=elevation, wide_elevation=elevation, cut_off=0.0, fill=(0.8, 0.9), shift=0.02
    )
    config = MultiviewConfig(views=views, size=size, source=source, shots=shots)
    tiles = []
    for index in range(count):
        item = make_object(source, ("*.glb",), object_seed(seed, index))
        rgba = render_object(item, config, np.random.default_rng([seed, index, 7]))["rgba"].astype(np.float32)
        alpha = rgba[..., 3:] / 255
        tiles.append(np.concatenate(list(rgba[..., :3] * alpha + 190 * (1 - alpha)), axis=1))
    while len(tiles) % columns:
        tiles.append(np.full_like(tiles[0], 190))
    rows = [np.concatenate(tiles[k : k + columns], axis=1) for k in range(0, len(tiles), columns)]
    return np.concatenate(rows).round().astype(np.uint8)


def main() -> None:
    """Command line of `python -m unrender.synthesize.sheet`."""
    import tyro

    def run(
        out: Path, source: str = "birds", count: int = 24, columns: int = 6, size: int = 160, seed: int = 0
    ) -> None:
        """Draw a contact sheet."""
        out.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(sheet(source, count=count, columns=columns, size=size, seed=seed)).save(out)

    tyro.cli(run)


if __name__ == "__main__":
    main()
