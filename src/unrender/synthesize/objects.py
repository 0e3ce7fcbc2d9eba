"""Where the objects of a rendered training set come from: a generator, or a folder of meshes that are
varied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from unrender.errors import ConfigError
from unrender.mesh import Mesh, load_mesh
from unrender.synthesize.bird import make_bird
from unrender.synthesize.bird_shape import normalise
from unrender.texture import srgb_to_linear


@dataclass(frozen=True)
class SceneObject:
    """What the set renderer needs to know of an object.

    Attributes:
        vertices: float32 [V, 3], bounding-box centre at the origin, farthest vertex at radius 1.
        faces: int32 [F, 3].
        colors: float32 [V, 3] linear albedo in [0, 1]; multiplies the texture where there is one.
        canonical: float32 [V, 3] in [-1, 1]: the same points on the undeformed or default object.
        uvs, uv_faces, texture: float32 [T, 2], int32 [F, 3], float32 linear [h, w, 3] (row 0 is v = 1),
        or None.
        state: 0 at rest; 1 where an optional part is out (a bird's wings are open).
    """

    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray
    canonical: np.ndarray
    uvs: np.ndarray | None = None
    uv_faces: np.ndarray | None = None
    texture: np.ndarray | None = None
    state: int = 0


def object_seed(seed: int, index: int) -> int:
    """The seed (below 2^63) of object `index` of a set: the same whatever the size of the set."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def make_object(source: str, include: Sequence[str], seed: int) -> SceneObject:
    """The object of a seed.

    Args:
        source: "birds", or a folder of meshes.
        include: patterns of file names below the folder, such as "*.glb".
        seed: >= 0.

    Raises:
        ConfigError: no such folder, or no mesh in it.
        MeshError: a mesh cannot be read.
    """
    if source == "birds":
        bird = make_bird(seed)
        return SceneObject(bird.vertices, bird.faces, bird.colors, bird.canonical, state=int(bird.wings_open))
    files = mesh_files(source, tuple(include))
    rng = np.random.default_rng(seed)
    return vary_mesh(_load(files[rng.integers(len(files))]), rng)


@lru_cache(maxsize=8)
def mesh_files(folder: str, include: tuple[str, ...]) -> tuple[str, ...]:
    """Mesh files below a folder, sorted by name.

    Raises:
        ConfigError: no such folder, or no file fits.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ConfigError(f"source: expected 'birds' or a folder of meshes, got {folder!r}; check the path")
    files = sorted({str(path) for pattern in include for path in root.rglob(pattern)})
    if not files:
        raise ConfigError(f"source: no file in {folder} fits {', '.join(include)}")
    return tuple(files)


@lru_cache(maxsize=64)
def _load(path: str) -> Mesh:
    return load_mesh(path)


def vary_mesh(mesh: Mesh, rng: np.random.Generator) -> SceneObject:
    """A mesh, smoothly deformed and perhaps painted: its proportions by some 15 %, bends and bulges by a
    few per cent.

    Deformation and paint are mirror-symmetric in x. Meshes without colours of their own are painted three
    times out of four; others keep their texture, sometimes tinted.
    """
    rest = normalise(mesh.vertices.astype(np.float64))
    vertices = normalise(_deform(rest.astype(np.float64), rng))
    plain = mesh.texture is None and mesh.vertex_colors is None
    if mesh.texture is not None:  # a texture of one colour is no texture
        plain = bool((np.ptp(mesh.texture.reshape(-1, 3), axis=0) < 6).all())
    painted = rng.random() < (0.75 if plain else 0.15)
    result = SceneObject(vertices, mesh.faces, np.ones_like(vertices), rest)
    if painted:
        return replace(result, colors=paint(rest, rng))
    if mesh.texture is not None:
        tint = np.exp(0.2 * rng.standard_normal() + 0.12 * rng.standard_normal(3)).astype(np.float32)
        texture = np.clip(srgb_to_linear(mesh.texture) * tint, 0.004, 0.95)
        return replace(result, uvs=mesh.uvs, uv_faces=mesh.uv_faces, texture=texture)
    colors = mesh.vertex_colors
    if colors is None:
        colors = np.broadcast_to(rng.uniform(0.05, 0.8, 3), vertices.shape)
    return replace(result, colors=np.ascontiguousarray(colors, dtype=np.float32))


def _deform(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    scale = np.exp(0.14 * rng.standard_normal(3))
    axes = np.stack([points[:, 0] ** 2 * 2, points[:, 1], points[:, 2]], -1)
    waves = rng.standard_normal((3, 8)) * 1.8
    field = np.cos(axes @ waves + rng.uniform(0, 2 * np.pi, 8))
    amount = rng.uniform(0.0, 0.035)
    shift = field @ rng.standard_normal((8, 3)) * amount
    bent = points + shift * np.array([0.0, 1.0, 1.0])
    bent[:, 0] = points[:, 0] * (1 + shift[:, 0])
    return bent * scale


def paint(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two to four colours in smooth, mirror-symmetric patches with a little mottling.

    Args:
        points: [V, 3] in [-1, 1].

    Returns:
        Linear albedo in [0, 1], float32 [V, 3].
    """
    folded = np.stack([np.abs(points[:, 0]), points[:, 1], points[:, 2]], -1).astype(np.float64)

    def noise(frequency: float) -> np.ndarray:
        waves = rng.standard_normal((3, 16)) * frequency
        return np.cos(folded @ waves + rng.uniform(0, 2 * np.pi, 16)).sum(1) / np.sqrt(8)

    colors = np.broadcast_to(_colour(rng), points.shape).astype(np.float64)
    for _ in range(rng.integers(1, 4)):
        edge, soft = 0.7 * rng.standard_normal(), rng.uniform(0.05, 0.6)
        weight = 1 / (1 + np.exp(-np.clip((noise(rng.uniform(1.0, 6.0)) - edge) / soft, -30, 30)))
        colors = colors + (_colour(rng) - colors) * weight[:, None]
    colors = colors * np.exp(rng.uniform(0.02, 0.15) * noise(14.0))[:, None]
    return np.clip(colors, 0.004, 0.95).astype(np.float32)


def _colour(rng: np.random.Generator) -> np.ndarray:
    """A random linear colour [3], grey more often than not far off."""
    srgb = rng.uniform(0.05, 0.95, 3)
    grey = srgb.mean()
    return np.asarray(srgb_to_linear(grey + (srgb - grey) * rng.uniform(0.1, 1.2)).clip(0.004, 0.95))
