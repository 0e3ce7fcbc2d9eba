"""Training sets of many objects from several views each, rendered from a generator or from a folder of
meshes.

`python -m unrender.synthesize.multiview --out DIR --objects 4000 --views 8 --seed 0`

Object k of a seed is always the same, whatever the number of objects or workers. A set is a folder of
shards; each is written to a temporary folder and then renamed, so an interrupted run leaves only whole
shards and continues where it stopped. `unrender.data.multiview` describes the files and reads them.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from unrender.camera import DEFAULT_FOV_DEGREES, Camera
from unrender.data.multiview import FORMAT, INDEX_NAME, shard_name
from unrender.errors import ConfigError, OutputError
from unrender.image import write_atomic
from unrender.light import shade_sh
from unrender.mesh import vertex_normals
from unrender.render import interpolate, rasterize, set_num_threads
from unrender.synthesize.objects import SceneObject, check_source, make_object, object_seed
from unrender.synthesize.shots import ShotConfig, sample_camera, sample_light, supersampled
from unrender.texture import linear_to_bytes

VERSION = 1
"""Raised whenever the same config would give other pictures."""


@dataclass(frozen=True)
class MultiviewConfig:
    """A training set.

    Attributes:
        objects, views: how many objects, and pictures of each.
        seed: every other number follows from it.
        size: side of the pictures in pixels.
        source: "birds", "all", a category, meshes or a mixture: see `unrender.synthesize.objects`.
        include: patterns of mesh file names.
        supersample: rays per pixel along each side.
        canonical: also store canonical coordinates, `canonical_size` pixels a side.
        albedo: also store the unlit colours.
        shard_objects: objects in a shard.
        shots: cameras.
    """

    objects: int = 1000
    views: int = 8
    seed: int = 0
    size: int = 128
    source: str = "birds"
    include: tuple[str, ...] = ("*.glb",)
    supersample: int = 2
    canonical: bool = False
    canonical_size: int = 64
    albedo: bool = False
    shard_objects: int = 100
    shots: ShotConfig = field(default_factory=ShotConfig)

    def __post_init__(self) -> None:
        for name in ("objects", "views", "size", "supersample", "canonical_size", "shard_objects"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if self.seed < 0:
            raise ConfigError(f"seed: expected an integer >= 0, got {self.seed}")


_DEFAULT_CONFIG = MultiviewConfig()


@dataclass(frozen=True)
class _Layers:
    """Supersampled picture of one view: what is seen at each covered sample."""

    covered: np.ndarray  # bool [S, S]
    albedo: np.ndarray  # float32 [n, 3] linear
    normals: np.ndarray  # float32 [n, 3] unit, world frame, towards the camera


def _draw(
    item: SceneObject, camera: Camera, attributes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Visible face int32 [H, W] (-1 none), barycentrics [n, 3] and interpolated attributes [n, C] of
    covered pixels.
    """
    clip = np.ascontiguousarray(camera.to_clip(item.vertices)[None], dtype=np.float32)
    fragments = rasterize(clip, item.faces, (camera.height, camera.width))
    picture = interpolate(attributes[None], fragments)[0]
    index = fragments.face_index[0]
    covered = index >= 0
    return index, fragments.barycentrics[0][covered], picture[covered]


def _layers(item: SceneObject, normals: np.ndarray, camera: Camera) -> _Layers:
    index, weights, values = _draw(item, camera, np.concatenate([item.colors, normals], axis=1))
    covered = index >= 0
    faces = index[covered]
    albedo, normal = values[:, :3], values[:, 3:]
    if item.texture is not None and item.uvs is not None and item.uv_faces is not None:
        uv = np.einsum("nk,nkc->nc", weights, item.uvs[item.uv_faces[faces]])
        height, width = item.texture.shape[:2]
        column = np.floor(uv[:, 0] % 1.0 * width).astype(np.int64).clip(0, width - 1)
        row = np.floor((1.0 - uv[:, 1] % 1.0) * height).astype(np.int64).clip(0, height - 1)
        albedo = albedo * item.texture[row, column]
    i, j, k = item.faces[faces].T  # open surfaces show their inside: turn what looks away from the camera
    root = item.vertices[i]
    outward = np.cross(item.vertices[j] - root, item.vertices[k] - root)
    behind = ((camera.position.astype(np.float32) - root) * outward).sum(1) < 0
    normal = np.where(behind[:, None], -normal, normal)
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    return _Layers(covered, albedo, normal)


def _downsample(covered: np.ndarray, values: np.ndarray, factor: int) -> np.ndarray:
    """Linear colours [n, 3] of covered samples [S, S] to straight-alpha sRGB uint8 [S / f, S / f, 4]."""
    size = covered.shape[0] // factor
    rgba = np.zeros((size, size, 4), dtype=np.uint8)
    if not len(values):
        return rgba
    margin = 2
    rows, columns = np.flatnonzero(covered.any(1)) // factor, np.flatnonzero(covered.any(0)) // factor
    top, bottom = max(rows[0] - margin, 0), min(rows[-1] + 1 + margin, size)
    left, right = max(columns[0] - margin, 0), min(columns[-1] + 1 + margin, size)
    part = covered[top * factor : bottom * factor, left * factor : right * factor]
    full = np.zeros((*part.shape, 3), dtype=np.float32)
    full[part] = values
    total = np.zeros((bottom - top, right - left, 3), dtype=np.float32)
    count = np.zeros(total.shape[:2], dtype=np.float32)
    for i in range(factor):
        for j in range(factor):
            total += full[i::factor, j::factor]
            count += part[i::factor, j::factor]
    colour = total / np.maximum(count, 1)[..., None]
    window = rgba[top:bottom, left:right]
    window[..., :3] = linear_to_bytes(_bleed(colour, count > 0, margin))
    window[..., 3] = np.round(count * (255.0 / factor**2))
    return rgba


def _bleed(colour: np.ndarray, known: np.ndarray, steps: int) -> np.ndarray:
    """Continue colours [H, W, 3] past the silhouette by `steps` pixels, so that resizing makes no dark
    fringe.
    """
    height, width = known.shape
    values = np.zeros((height + 2, width + 2, 4), dtype=np.float32)
    inner = values[1:-1, 1:-1]
    inner[..., :3] = colour  # 0 where not known
    inner[..., 3] = known
    for _ in range(steps):
        rows = values[:-2] + values[1:-1] + values[2:]
        around = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
        row, column = np.nonzero((inner[..., 3] == 0) & (around[..., 3] > 0))
        new = around[row, column]
        inner[row, column] = new / new[:, 3:]
    return np.ascontiguousarray(inner[..., :3])


def render_object(
    item: SceneObject, config: MultiviewConfig, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """All views of one object: the arrays described in `unrender.data.multiview`, without the first axis.

    Args:
        item: the object.
        config: sizes, number of views, what to store.
        rng: chooses light and cameras.
    """
    light = sample_light(rng)
    normals = vertex_normals(item.vertices, item.faces)
    result: dict[str, list[np.ndarray]] = {"rgba": [], "world_to_camera": []}
    for _ in range(config.views):
        camera = sample_camera(item.vertices, config.size, rng, config.shots)
        layers = _layers(item, normals, supersampled(camera, config.supersample))
        lit = shade_sh(layers.albedo, layers.normals, light, floor=0.02)
        result["rgba"].append(_downsample(layers.covered, lit, config.supersample))
        result["world_to_camera"].append(camera.world_to_camera.astype(np.float32))
        if config.albedo:
            result.setdefault("albedo", []).append(
                _downsample(layers.covered, layers.albedo, config.supersample)
            )
        if config.canonical:
            small = camera.resized(config.canonical_size, config.canonical_size)
            index, _, values = _draw(item, small, item.canonical)
            picture = np.zeros((*index.shape, 3), dtype=np.uint8)
            if item.shared:
                picture[index >= 0] = np.round(1 + 127 * (np.clip(values, -1, 1) + 1)).astype(np.uint8)
            result.setdefault("canonical", []).append(picture)
    arrays = {name: np.stack(entries) for name, entries in result.items()}
    state, category = np.array(item.state, dtype=np.uint8), np.array(item.category, dtype="<U16")
    oriented = np.array(item.oriented, dtype=np.uint8)
    return {**arrays, "light": light, "state": state, "category": category, "oriented": oriented}


def _render_one(config: MultiviewConfig, index: int) -> dict[str, np.ndarray]:
    seed = object_seed(config.seed, index)
    item = make_object(config.source, config.include, seed)
    arrays = render_object(item, config, np.random.default_rng([seed, 1]))
    return {**arrays, "seed": np.array(seed, dtype=np.int64)}


def _render_shard(
    config: MultiviewConfig, out: str, shard: int, tick: Callable[[], None] | None = None
) -> int:
    """Render one shard into place; returns its number of objects."""
    first = shard * config.shard_objects
    count = min(config.shard_objects, config.objects - first)
    target = Path(out) / shard_name(shard)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    stores: dict[str, np.ndarray] = {}
    for k in range(count):
        for name, value in _render_one(config, first + k).items():
            if name not in stores:
                stores[name] = np.empty((count, *value.shape), dtype=value.dtype)
            stores[name][k] = value
        if tick is not None:
            tick()
    for name, store in stores.items():
        np.save(temporary / f"{name}.npy", store)
    if target.exists():  # a shorter shard of an earlier, smaller set
        shutil.rmtree(target)
    temporary.rename(target)
    return count


def _settings(config: MultiviewConfig) -> dict[str, object]:
    """What decides the pictures of one object, as JSON."""
    record: dict[str, object] = json.loads(json.dumps(asdict(config)))
    del record["objects"]
    return record


def _prepare(config: MultiviewConfig, out: Path) -> list[int]:
    """Check or write the index, clear the remains of dead runs; returns the shards still to do."""
    index = out / INDEX_NAME
    try:
        out.mkdir(parents=True, exist_ok=True)
        if index.exists():
            record = json.loads(index.read_text())
            if record.get("config") != _settings(config) or record.get("version") != VERSION:
                raise ConfigError(
                    f"{out}: holds a set of another configuration; choose another folder or delete it"
                )
        elif any(out.iterdir()):
            raise OutputError(f"{out}: is not empty and no training set; choose another folder")
        write_index(config, out, complete=False)
        for remains in out.glob(".shard_*.tmp"):
            if not _alive(int(remains.name.split(".")[-2])):
                shutil.rmtree(remains, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or error})") from None
    todo = []
    for shard in range(-(-config.objects // config.shard_objects)):
        seeds = out / shard_name(shard) / "seed.npy"
        wanted = min(config.shard_objects, config.objects - shard * config.shard_objects)
        if not seeds.exists() or len(np.load(seeds)) < wanted:
            todo.append(shard)
    return todo


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()


def write_index(config: MultiviewConfig, out: Path, *, complete: bool) -> None:
    """Write the JSON index of a set, by atomic rename."""
    record = {
        "format": FORMAT, "version": VERSION, "complete": complete, "objects": config.objects,
        "views": config.views,
        "size": config.size, "images": config.objects * config.views, "seed": config.seed,
        "fov_degrees": DEFAULT_FOV_DEGREES, "shard_objects": config.shard_objects,
        "config": _settings(config),
    }  # fmt: skip
    write_atomic(out / INDEX_NAME, (json.dumps(record, indent=1) + "\n").encode())


def render_set(config: MultiviewConfig, out: Path, *, workers: int = 1, quiet: bool = False) -> float:
    """Render a training set; shards that are there already are kept.

    Args:
        config: what to render.
        out: folder; made if missing.
        workers: processes; 1 renders in this one.
        quiet: no progress bar.

    Returns:
        Pictures rendered per second (0 where nothing was left to do).

    Raises:
        ConfigError: `out` holds a set of another configuration, or the source has no meshes.
        OutputError: `out` cannot be written, or is a folder of something else.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if workers < 1:
        raise ConfigError(f"workers: expected at least 1, got {workers}")
    check_source(config.source, config.include)
    todo = _prepare(config, out)
    counts = [min(config.shard_objects, config.objects - s * config.shard_objects) for s in todo]
    start = time.perf_counter()
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[rate]:.0f} images/s"),
    )  # fmt: skip
    with Progress(*columns, disable=quiet) as progress:
        task = progress.add_task(f"{out.name}", total=sum(counts) * config.views, rate=0.0)

        def advance(objects: int = 1) -> None:
            done = progress.tasks[0].completed + objects * config.views
            progress.update(task, advance=objects * config.views, rate=done / (time.perf_counter() - start))

        if workers == 1 or len(todo) <= 1:
            for shard in todo:
                _render_shard(config, str(out), shard, advance)
        else:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(
                min(workers, len(todo)), mp_context=context, initializer=set_num_threads, initargs=(1,)
            ) as pool:
                jobs = [pool.submit(_render_shard, config, str(out), shard) for shard in todo]
                for job in as_completed(jobs):
                    advance(job.result())
    write_index(config, out, complete=True)
    return sum(counts) * config.views / (time.perf_counter() - start) if todo else 0.0


def tiny_set(
    out: Path, *, objects: int = 16, views: int = 4, size: int = 64, seed: int = 0
) -> MultiviewConfig:
    """A small set of birds for tests and demonstrations, rendered in a few seconds; returns its
    configuration.
    """
    config = MultiviewConfig(
        objects, views, seed, size, canonical=True, canonical_size=size // 2, shard_objects=8
    )
    render_set(config, Path(out), quiet=True)
    return config


def main() -> None:
    """Command line of `python -m unrender.synthesize.multiview`."""
    import sys

    import tyro

    from unrender.errors import UnrenderError

    def run(out: Path, config: MultiviewConfig = _DEFAULT_CONFIG, workers: int = 1) -> None:
        """Render a training set.

        Args:
            out: folder of the set.
            config: what to render.
            workers: processes.
        """
        rate = render_set(config, out, workers=workers)
        print(f"{out}: {config.objects} objects x {config.views} views, {rate:.0f} images/s")

    try:
        tyro.cli(run, config=(tyro.conf.OmitArgPrefixes,))
    except UnrenderError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
