"""A small made-up category: a body with a high tail and a low nose, as photos with masks from known sides."""

from pathlib import Path

import numpy as np
from PIL import Image

from unrender.own.silhouettes import Silhouette, crop_mask
from unrender.render.kernels import rasterize
from unrender.synthesize.shots import sample_camera
from unrender.template import make_template


def made_shape(rng):
    """Vertices [V, 3] on the template: an ellipsoid with a fin at the back and a long nose, sizes a little
    varied."""
    sphere = make_template(3).vertices.astype(np.float64)
    size = np.array([0.28, 0.3, 0.75]) * np.exp(0.06 * rng.standard_normal(3))
    x, y, z = (sphere * size).T
    back = 1 / (1 + np.exp((z + 0.35) * 12))
    top = np.clip(sphere[:, 1], 0, 1)
    y = y + (0.45 + 0.05 * rng.standard_normal()) * back * top
    front = 1 / (1 + np.exp(-(z - 0.3) * 10))
    return np.stack([x * (1 - 0.55 * front), y * (1 - 0.5 * front) - 0.08 * front, z], 1)


def made_view(seed, size=128):
    """Vertices, the camera's rotation [3, 3] and the mask bool [size, size] of one photo."""
    rng = np.random.default_rng([7, seed])
    vertices = made_shape(rng)
    camera = sample_camera(vertices, size, rng)
    clip = np.ascontiguousarray(camera.to_clip(vertices)[None], np.float32)
    faces = np.ascontiguousarray(make_template(3).faces, np.int32)
    return vertices, camera.rotation, rasterize.forward(clip, faces, size, size)[0][0] >= 0


def made_silhouettes(count):
    """Silhouettes, and the true vertices and rotations."""
    views = [made_view(seed) for seed in range(count)]
    outlines = [Silhouette.of(crop_mask(mask)[0]) for _, _, mask in views]
    return outlines, [view[0] for view in views], [view[1] for view in views]


def write_photos(folder: Path, count: int, masks: bool = True) -> None:
    """Photos `NN.png` of a grey object on noise, and `masks/NN.png`."""
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    for seed in range(count):
        rng = np.random.default_rng([9, seed])
        mask = made_view(seed, 96)[2]
        picture = rng.integers(90, 250, (1, 1, 3)) + rng.integers(-20, 20, (96, 96, 3))
        picture[mask] = rng.integers(0, 90, 3) + rng.integers(0, 20, (int(mask.sum()), 3))
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / f"{seed:02d}.png")
        if masks:
            Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{seed:02d}.png")
