"""Makes the pictures of docs/gallery.md, all rendered here: run `python docs/make_gallery.py`.

Every picture starts from photos that are procedural objects themselves, of seeds that no training uses.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from make_pictures import TEST_SEED, object_picture
from PIL import Image

from unrender.export import write_turntable
from unrender.export.collision import convex_parts
from unrender.export.simplify import simplify
from unrender.export.vertex_colors import vertex_colors
from unrender.export.views import depth_and_normals, four_views, turn_frames
from unrender.mesh import Mesh
from unrender.reconstruct import Reconstruction, Reconstructor

PICTURES = Path(__file__).resolve().parent / "pictures" / "gallery"
PHOTOS = (
    ("birds", 20, 62.0), ("birds", 43, 274.0), ("dinosaur", 3, 60.0), ("animal", 2, 300.0), ("fish", 4, 80.0),
    ("airplane", 5, 50.0), ("car", 1, 40.0), ("ship", 6, 65.0), ("chair", 2, 35.0), ("table", 3, 30.0),
    ("sofa", 1, 25.0), ("bed", 2, 40.0), ("cabinet", 4, 30.0), ("lamp", 5, 20.0),
)  # fmt: skip
"""Generator, seed (from TEST_SEED on) and azimuth in degrees of the photos."""


def beside(*pictures: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] pictures of one height side by side."""
    return np.concatenate(pictures, axis=1)


def save(name: str, pixels: np.ndarray) -> None:
    """Write a JPEG and say so."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(PICTURES / name, quality=88)
    print(name)


def sheets(photos: list[np.ndarray], results: list[Reconstruction]) -> None:
    """Photo | front | left | back | above, a row a photo."""
    size = 150
    rows = [
        beside(np.asarray(Image.fromarray(photo).resize((size, size))), *four_views(result.mesh, size))
        for photo, result in zip(photos, results, strict=True)
    ]
    half = -(-len(rows) // 2)
    save("sheets.jpg", beside(*[np.concatenate(part, axis=0) for part in (rows[:half], rows[half:])]))


def maps(photo: np.ndarray, result: Reconstruction) -> None:
    """Photo | depth | normals | mask, pixel over pixel."""
    depth, normals = depth_and_normals(result.mesh, result.camera)
    there = depth > 0
    near, far = depth[there].min(), depth[there].max()
    grey = np.where(there, 255 - 200 * (depth - near) / (far - near), 0).astype(np.uint8)
    color = np.where(there[..., None], normals * 127.5 + 127.5, 0).astype(np.uint8)
    mask = np.where(result.mask, 255, 0).astype(np.uint8)
    save("maps.jpg", beside(photo, np.repeat(grey[..., None], 3, 2), color, np.repeat(mask[..., None], 3, 2)))


def budgets(mesh: Mesh) -> None:
    """All triangles | 400 | 120 | colours at the vertices | convex parts."""
    view = 1  # from its left
    parts = convex_parts(mesh)
    rng = np.random.default_rng(4)
    offsets = np.cumsum([0, *[len(part.vertices) for part in parts]])
    hulls = Mesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.faces + start for part, start in zip(parts, offsets, strict=False)]),
        vertex_colors=np.concatenate(
            [np.tile(rng.uniform(0.1, 0.8, 3), (len(part.vertices), 1)) for part in parts]
        ).astype(np.float32),
    )
    colored = Mesh(mesh.vertices, mesh.faces, vertex_colors=vertex_colors(mesh))
    shown = (mesh, simplify(mesh, 400), simplify(mesh, 120), colored, hulls)
    save("budgets.jpg", beside(*[four_views(one, 200)[view] for one in shown]))


def main() -> None:
    """All of them."""
    reconstructor = Reconstructor.from_pretrained()
    photos = [object_picture(source, TEST_SEED + seed, 256, azimuth) for source, seed, azimuth in PHOTOS]
    results = [reconstructor(photo) for photo in photos]
    sheets(photos, results)
    maps(photos[0], results[0])
    budgets(results[0].mesh)
    write_turntable(PICTURES / "turn.webp", turn_frames(results[0].mesh, 24, 240), fps=12)
    print("turn.webp")


if __name__ == "__main__":
    main()
