"""The network's teacher: shapes of the new space, painted from the photos and rendered with known cameras.

Each object has the shape of one photo, varied within the space, and the texture that the pipeline bakes from
that photo; light, cameras and, in training, backgrounds are random. Rendering gives exact labels for nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from unrender.data.multiview import shard_name
from unrender.image import crop_square
from unrender.network.runtime import NetworkRuntime
from unrender.own.folder import OwnPhoto
from unrender.own.pose import Pose
from unrender.own.silhouettes import SIZE
from unrender.own.views import FOCAL
from unrender.reconstruct.bake import bake
from unrender.reconstruct.depth import depth_picture
from unrender.reconstruct.region import crop_round
from unrender.shape_space import ShapeSpace
from unrender.synthesize.multiview import MultiviewConfig, render_object, write_index
from unrender.synthesize.objects import SceneObject, paint
from unrender.template import make_template
from unrender.texture import srgb_to_linear

VIEWS = 8
VARIED = 0.6
"""Standard deviation by which a photo's coefficients are varied."""
PAINTED = 0.15
"""Share of objects with made-up colours."""
SHARD = 20
_BAKE, _DEPTH, _TEXTURE = 256, 128, 256


def render_teacher(
    out: Path,
    category: str,
    space: ShapeSpace,
    coefficients: np.ndarray,
    textures: list[np.ndarray],
    objects: int,
    seed: int,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Render a multi-view set into the folder `out`; whole shards that are there are kept.

    Args:
        coefficients: [N, K] of the photos. textures: uint8 [T, T, 3] sRGB of each.
        advance: called after each object.
    """
    config = MultiviewConfig(
        objects, VIEWS, seed, 128, category, canonical=True, canonical_size=64, shard_objects=SHARD
    )
    out.mkdir(parents=True, exist_ok=True)
    write_index(config, out, complete=False)
    for remains in out.glob(".shard_*.tmp"):
        shutil.rmtree(remains, ignore_errors=True)
    for shard in range(-(-objects // SHARD)):
        numbers = range(shard * SHARD, min(objects, (shard + 1) * SHARD))
        target = out / shard_name(shard)
        if target.exists():
            for _ in numbers:
                advance()
            continue
        stores: dict[str, list[np.ndarray]] = {}
        for number in numbers:
            rng = np.random.default_rng([seed, number])
            pick = int(rng.integers(len(coefficients)))
            varied = coefficients[pick] + VARIED * rng.standard_normal(space.size)
            item = scene_object(category, space, np.clip(varied, -2.5, 2.5), textures[pick], rng)
            for name, value in render_object(item, config, rng).items():
                stores.setdefault(name, []).append(value)
            stores.setdefault("seed", []).append(np.array(number, np.int64))
            advance()
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        temporary.mkdir()
        for name, values in stores.items():
            np.save(temporary / f"{name}.npy", np.stack(values))
        temporary.rename(target)
    write_index(config, out, complete=True)


def scene_object(
    category: str, space: ShapeSpace, coefficients: np.ndarray, texture: np.ndarray, rng: np.random.Generator
) -> SceneObject:
    """An object for the set's renderer: coefficients [K], texture uint8 [T, T, 3] sRGB."""
    template = make_template(3)
    vertices = space.vertices(coefficients)
    canonical = space.mean if space.canonical is None else space.canonical
    if rng.random() < PAINTED:
        return SceneObject(vertices, template.faces, paint(space.mean, rng), canonical, category=category)
    tint = np.exp(0.15 * rng.standard_normal() + 0.08 * rng.standard_normal(3)).astype(np.float32)
    return SceneObject(
        vertices, template.faces, np.ones_like(vertices), canonical, template.uvs, template.uv_faces,
        np.clip(srgb_to_linear(texture) * tint, 0.004, 0.95).astype(np.float32), category=category,
    )  # fmt: skip


def bake_texture(photo: OwnPhoto, pose: Pose, vertices: np.ndarray, runtime: NetworkRuntime) -> np.ndarray:
    """The texture uint8 [256, 256, 3] sRGB that a photo gives a shape, unseen parts as the base model
    guesses.

    Args:
        pose: the photo's camera in its square crop. vertices: [V, 3] of its shape.
    """
    crop = crop_round(photo.mask, 0.0, 0.0, 1.0)
    close = crop_square(photo.pixels, *crop, _BAKE)
    guess = runtime(crop_square(photo.pixels, *crop, runtime.image_size))
    mask = crop_square(photo.mask.astype(np.float32), *crop, _BAKE, 0.0)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = pose.rotation, pose.translation
    depth = depth_picture(vertices, matrix, FOCAL * _DEPTH / SIZE, _DEPTH)
    texture, _ = bake(
        vertices.astype(np.float32), matrix, FOCAL * _BAKE / SIZE, close, mask, depth,
        srgb_to_linear(guess.texture).astype(np.float32), guess.light, _TEXTURE,
    )  # fmt: skip
    return texture
