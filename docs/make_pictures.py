"""Makes the pictures that docs and package show, all rendered here: run `python docs/make_pictures.py`.

sample   src/unrender/models/sample.jpg, the picture `unrender demo` reconstructs (a procedural bird)
birds    docs/pictures/birds.jpg, what the procedural generator of birds makes
objects  docs/pictures/objects.jpg, what the other generators make
results  docs/pictures/results.jpg, procedural objects of all categories reconstructed from one picture each
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from unrender.camera import Camera, orbit
from unrender.light import sh_basis
from unrender.mesh import Mesh
from unrender.render.scene import render
from unrender.synthesize.augment import noise_background
from unrender.synthesize.catalogue import CATEGORIES
from unrender.synthesize.objects import make_object
from unrender.synthesize.shots import sample_light
from unrender.texture import linear_to_srgb

HERE = Path(__file__).resolve().parent
PICTURES = HERE / "pictures"
SAMPLE = HERE.parent / "src" / "unrender" / "models" / "sample.jpg"
TEST_SEED = 500_000
"""Seeds from here on are used for pictures only, never for training."""


def bird_picture(
    seed: int, size: int, azimuth: float, elevation: float = 8.0, noisy: bool = True
) -> np.ndarray:
    """A procedural bird before a made-up background, uint8 [size, size, 3]."""
    return object_picture("birds", seed, size, azimuth, elevation, noisy)


def object_picture(
    source: str, seed: int, size: int, azimuth: float, elevation: float = 14.0, noisy: bool = True
) -> np.ndarray:
    """A procedural object before a made-up background, uint8 [size, size, 3]."""
    shape = make_object(source, (), seed)
    rng = np.random.default_rng(seed)
    mesh = Mesh(shape.vertices, shape.faces, vertex_colors=shape.colors)
    camera = Camera.from_fov(size, orbit(azimuth, elevation, 4.7))
    seen = render(mesh, camera, sample_light(rng), samples=3)
    colour = linear_to_srgb(np.clip(seen.image / np.maximum(seen.mask, 1e-6)[..., None], 0, 1))
    behind = noise_background(128, rng) if noisy else np.full((128, 128, 3), 245, np.uint8)
    behind = np.asarray(Image.fromarray(behind).resize((size, size), Image.Resampling.BICUBIC)) / 255
    mixed = colour * seen.mask[..., None] + behind * (1 - seen.mask[..., None])
    return (np.clip(mixed, 0, 1) * 255 + 0.5).astype(np.uint8)


def turned(mesh: Mesh, azimuth: float, elevation: float, size: int) -> np.ndarray:
    """A mesh under a soft light from above, uint8 [size, size, 3] over paper white."""
    light = np.zeros((9, 3), np.float32)
    light[0] = 2.6
    light += 0.5 * sh_basis(np.array([[0.3, 0.9, 0.3]], np.float32)).T
    seen = render(mesh, Camera.from_fov(size, orbit(azimuth, elevation, 4.7)), light, samples=2)
    shown = linear_to_srgb(np.clip(seen.image + (1 - seen.mask[..., None]), 0, 1))
    return (shown * 255 + 0.5).astype(np.uint8)


def make_sample() -> None:
    """The picture of `unrender demo`."""
    save(bird_picture(TEST_SEED + 20, 420, 62.0), SAMPLE)


def make_birds() -> None:
    """A sheet of 6 x 4 procedural birds."""
    tiles = [bird_picture(TEST_SEED + i, 180, 30 + 47 * i, noisy=False) for i in range(24)]
    save(
        np.concatenate([np.concatenate(tiles[i : i + 6], 1) for i in range(0, 24, 6)], 0),
        PICTURES / "birds.jpg",
    )


def make_objects() -> None:
    """A sheet of the other generators, a row a category, two categories beside one another."""
    rows = [
        np.concatenate(
            [object_picture(name, TEST_SEED + i, 150, 35 + 50 * i, noisy=False) for i in range(4)], 1
        )
        for name in CATEGORIES
    ]
    pairs = [np.concatenate(rows[i : i + 2], 1) for i in range(0, len(rows), 2)]
    save(np.concatenate(pairs, 0), PICTURES / "objects.jpg")


def make_results() -> None:
    """Rows of picture | reconstruction from its left, front, back and top; the model picks the category."""
    from unrender.reconstruct import Reconstructor

    reconstructor = Reconstructor.from_pretrained()
    rows = []
    for index, source in enumerate(("birds", "birds", *CATEGORIES)):
        picture = object_picture(source, TEST_SEED + 40 + index, 256, 25 + 83 * index)
        result = reconstructor(picture)
        print(f"{source}: taken for {result.category} ({result.confidence:.2f})")
        mesh = result.mesh
        views = [
            turned(mesh, azimuth, elevation, 192)
            for azimuth, elevation in ((90, 5), (0, 5), (180, 5), (0, 85))
        ]
        rows.append(np.concatenate([np.asarray(Image.fromarray(picture).resize((192, 192))), *views], 1))
    sheet = np.concatenate([np.concatenate(rows[i : i + 2], 1) for i in range(0, len(rows), 2)], 0)
    save(sheet, PICTURES / "results.jpg")


def save(pixels: np.ndarray, path: Path) -> None:
    """Write a JPEG and say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=90)
    print(path.relative_to(HERE.parent))


if __name__ == "__main__":
    makers = {
        "sample": make_sample, "birds": make_birds, "objects": make_objects, "results": make_results,
    }  # fmt: skip
    for name in sys.argv[1:] or makers:
        makers[name]()
