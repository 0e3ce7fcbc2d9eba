"""Where the objects of a rendered training set come from: generators, folders of meshes that are varied, or a
mixture of both.

A source is written as a string:

    birds                               the bird generator
    animal, airplane, car, chair ...    one of the other generators (`catalogue.CATEGORIES`)
    all                                 every generator, by the weights of `ALL_WEIGHTS`
    meshes:FOLDER                       a folder with an index.csv: rows that are permissive and of split
    "train"
    meshes/car+ship:FOLDER              the same, these categories only
    FOLDER                              every mesh file below a folder
    birds=2,animal=1,meshes:FOLDER=0.5  a mixture, by weight
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from unrender.data.mesh_set import MeshSet
from unrender.data.photos import is_permissive
from unrender.errors import ConfigError
from unrender.mesh import Mesh, load_mesh
from unrender.synthesize.bird import make_bird
from unrender.synthesize.bird_shape import normalise
from unrender.synthesize.catalogue import CATEGORIES, generator
from unrender.texture import srgb_to_linear

ALL_WEIGHTS: dict[str, float] = {
    "birds": 1.5, "animal": 1.5, "dinosaur": 1.0, "airplane": 1.2, "car": 1.2, "chair": 1.2, "fish": 0.7,
        "ship": 0.6,
    "table": 0.6, "sofa": 0.6, "bed": 0.5, "cabinet": 0.6, "lamp": 0.6,
}  # fmt: skip
"""Shares of the source "all"."""
MESHES = "meshes"
OTHER = "object"
"""The category of everything that has none of its own."""
FILED_UNDER_OTHER = ("train", "tank")
"""Categories of mesh folders that count as `OTHER`."""


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
        category: "bird", "car" ...; "" where unknown.
        shared: whether canonical coordinates mean the same on other objects of the category: so with
            generators and with gathered objects of the category "object", whose coordinates are those of
            their bounding box; not with other meshes of a folder.
        oriented: whether the front is known to be +Z.
    """

    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray
    canonical: np.ndarray
    uvs: np.ndarray | None = None
    uv_faces: np.ndarray | None = None
    texture: np.ndarray | None = None
    state: int = 0
    category: str = ""
    shared: bool = True
    oriented: bool = True


def object_seed(seed: int, index: int) -> int:
    """The seed (below 2^63) of object `index` of a set: the same whatever the size of the set."""
    return int(np.random.SeedSequence([seed, index]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def make_object(source: str, include: Sequence[str], seed: int) -> SceneObject:
    """The object of a seed.

    Args:
        source: see the head of this module.
        include: patterns of file names below a folder, such as "*.glb".
        seed: >= 0.

    Raises:
        ConfigError: no such source or folder, or no mesh in it.
        MeshError: a mesh cannot be read.
    """
    shares = parse_source(source)
    if len(shares) > 1:
        names, weights = list(shares), np.array(list(shares.values()))
        source = names[np.random.default_rng([seed, 77]).choice(len(names), p=weights / weights.sum())]
    if source == "birds":
        bird = make_bird(seed)
        return SceneObject(
            bird.vertices,
            bird.faces,
            bird.colors,
            bird.canonical,
            state=int(bird.wings_open),
            category="bird",
        )
    if source in CATEGORIES:
        shape = generator(source).make(seed)
        return SceneObject(shape.vertices, shape.faces, shape.colors, shape.canonical, category=source)
    rng = np.random.default_rng(seed)
    folder = mesh_folder(source)
    if folder is not None:
        files = indexed_meshes(*folder)
        path, category, oriented = files[rng.integers(len(files))]
        varied = vary_mesh(_load(path), rng, parts=True)
        if category == OTHER:
            varied = replace(varied, canonical=box_coordinates(varied.vertices))
        return replace(varied, category=category, shared=category == OTHER, oriented=oriented)
    plain = mesh_files(source, tuple(include))
    return vary_mesh(_load(plain[rng.integers(len(plain))]), rng)


def parse_source(source: str) -> dict[str, float]:
    """Parts of a source and their weights; one part of weight 1 unless it is a mixture.

    Raises:
        ConfigError: a weight is no positive number.
    """
    if source == "all":
        return {name: weight for name, weight in ALL_WEIGHTS.items() if name == "birds" or name in CATEGORIES}
    if "=" not in source or Path(source).is_dir():
        return {source: 1.0}
    shares: dict[str, float] = {}
    for entry in source.split(","):
        name, _, text = entry.strip().rpartition("=")
        try:
            weight = float(text)
        except ValueError:
            weight = -1.0
        if not name or not 0 < weight < float("inf"):
            raise ConfigError(f"source: expected NAME=WEIGHT with a weight above 0, got {entry.strip()!r}")
        shares[name] = shares.get(name, 0.0) + weight
    return shares


def check_source(source: str, include: Sequence[str]) -> None:
    """Make sure that every part of a source is there.

    Raises:
        ConfigError: an unknown generator, a folder that is missing, or one without usable meshes.
    """
    for part in parse_source(source):
        if part == "birds" or part in CATEGORIES:
            continue
        folder = mesh_folder(part)
        if folder is not None:
            indexed_meshes(*folder)
        else:
            mesh_files(part, tuple(include))


def mesh_folder(source: str) -> tuple[str, str] | None:
    """Folder and categories ("" for all) of a source "meshes:FOLDER" or "meshes/ONE+TWO:FOLDER", else
    None."""
    head, colon, folder = source.partition(":")
    kind, _, category = head.partition("/")
    return (folder, category) if colon and kind == MESHES else None


@lru_cache(maxsize=8)
def indexed_meshes(folder: str, category: str = "") -> tuple[tuple[str, str, bool], ...]:
    """Files, categories and whether the front is known, of the permissive "train" rows of a folder's index.

    Raises:
        ConfigError: no index, or no row fits.
    """
    rows = MeshSet(folder).filter(split="train")
    wanted = category.split("+") if category else sorted({row.category for row in rows})
    files = tuple(
        (str(rows.path(row)), OTHER if row.category in FILED_UNDER_OTHER else row.category, row.oriented)
        for row in rows
        if is_permissive(row.licence) and row.category in wanted
    )
    if not files:
        raise ConfigError(
            f"source: no row of {folder}/index.csv is permissive, of split train"
            f" and {category or 'any category'}"
        )
    return files


@lru_cache(maxsize=8)
def mesh_files(folder: str, include: tuple[str, ...]) -> tuple[str, ...]:
    """Mesh files below a folder, sorted by name.

    Raises:
        ConfigError: no such folder, or no file fits.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ConfigError(
            f"source: expected birds, all, {', '.join(CATEGORIES)} or a folder of meshes,"
            f" got {folder!r}; check the path"
        )
    files = sorted({str(path) for pattern in include for path in root.rglob(pattern)})
    if not files:
        raise ConfigError(f"source: no file in {folder} fits {', '.join(include)}")
    return tuple(files)


@lru_cache(maxsize=64)
def _load(path: str) -> Mesh:
    return load_mesh(path)


def vary_mesh(mesh: Mesh, rng: np.random.Generator, *, parts: bool = False) -> SceneObject:
    """A mesh, smoothly deformed and perhaps painted: its proportions by some 15 %, bends and bulges by a
    few per cent; with `parts` its separate parts also change their sizes by some 10 %.

    Deformation and paint are mirror-symmetric in x. Meshes without colours of their own are painted three
    times out of four; others keep their texture, sometimes tinted.
    """
    rest = normalise(mesh.vertices.astype(np.float64))
    bent = _deform(rest.astype(np.float64), rng)
    if parts:
        bent = scale_parts(bent, part_of_vertex(mesh), np.random.default_rng(rng.integers(2**63)))
    vertices = normalise(bent)
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


def box_coordinates(vertices: np.ndarray) -> np.ndarray:
    """Where in their bounding box vertices [V, 3] lie: float32 [V, 3] from -1 to 1 along each axis."""
    low, high = vertices.min(0), vertices.max(0)
    return np.asarray((2 * vertices - low - high) / np.maximum(high - low, 1e-6), dtype=np.float32)


def part_of_vertex(mesh: Mesh) -> np.ndarray:
    """Which connected part each vertex belongs to, int [V]; vertices at the same place count as one."""
    from unrender.topology import edges

    _, same = np.unique(np.round(mesh.vertices, 5), axis=0, return_inverse=True)
    pairs = same.reshape(-1)[edges(mesh.faces)]
    part = np.arange(int(same.max()) + 1)
    while True:  # labels flow to the smallest neighbour, then chains are shortened
        before = part.copy()
        low = part[pairs].min(1)
        np.minimum.at(part, pairs[:, 0], low)
        np.minimum.at(part, pairs[:, 1], low)
        part = part[part]
        if np.array_equal(part, before):
            break
    return np.asarray(np.unique(part, return_inverse=True)[1].reshape(-1)[same.reshape(-1)])


def scale_parts(points: np.ndarray, part: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Parts grown or shrunk about their own centres, mirror images alike.

    The factor is a random smooth function of the part's centre, with x folded to |x|, so that the wheels of
    an axle or
    the legs of a table change together.

    Args:
        points: [V, 3]. part: int [V], 0 to P - 1.
    """
    count = np.bincount(part)
    centre = np.stack([np.bincount(part, points[:, k]) / count for k in range(3)], -1)
    folded = np.stack([centre[:, 0] ** 2, centre[:, 1], centre[:, 2]], -1)
    waves = rng.standard_normal((3, 6)) * 2.5
    field = np.cos(folded @ waves + rng.uniform(0, 2 * np.pi, 6)) @ rng.standard_normal((6, 3)) / np.sqrt(3)
    factor = np.exp(rng.uniform(0.0, 0.14) * field)
    return np.asarray(centre[part] + (points - centre[part]) * factor[part])


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
