"""Multi-view sets as a stream of tar files in the layout that WebDataset reads.

A sample is one object: the consecutive members of a tar file whose names share what stands before the first
dot.

    0000012.json            {"seed", "category", "state", "fov_degrees", "light" [9][3], "world_to_camera"
    [views][4][4]}
    0000012.rgba.00.png     view 0, as `rgba` of `unrender.data.multiview`; then 01, 02 ...
    0000012.canonical.00.png, 0000012.albedo.00.png     where the set has them

Numbers are written so that float32 values survive. Nothing is looked up: a shard can be read from a pipe.
"""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, UnidentifiedImageError

from unrender.data.multiview import MultiviewObject
from unrender.errors import InputError

LAYERS = ("rgba", "canonical", "albedo")
PATTERN = "shard-*.tar"

_PICTURE = re.compile(rf"({'|'.join(LAYERS)})\.(\d+)\.png")


def shard_file(number: int) -> str:
    """File name of a shard."""
    return f"shard-{number:06d}.tar"


def encode_object(item: MultiviewObject) -> dict[str, bytes]:
    """The members of one sample, by the part of their names after the first dot, in the order they are
    written."""
    record = {
        "seed": item.seed, "category": item.category, "state": item.state, "fov_degrees": item.fov_degrees,
        "light": item.light.tolist(), "world_to_camera": item.world_to_camera.tolist(),
    }  # fmt: skip
    members = {"json": json.dumps(record).encode()}
    for layer in LAYERS:
        pictures = getattr(item, layer)
        for view in range(0 if pictures is None else len(pictures)):
            buffer = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(pictures[view])).save(buffer, "PNG", compress_level=6)
            members[f"{layer}.{view:02d}.png"] = buffer.getvalue()
    return members


def decode_object(members: dict[str, bytes], source: str) -> MultiviewObject:
    """Inverse of `encode_object`; `source` names the sample in errors.

    Raises:
        InputError: a member is missing or damaged.
    """
    try:
        record = json.loads(members["json"])
        layers: dict[str, list[tuple[int, np.ndarray]]] = {}
        for name, data in members.items():
            match = _PICTURE.fullmatch(name)
            if match is None:
                continue
            with Image.open(io.BytesIO(data)) as picture:
                layers.setdefault(match[1], []).append((int(match[2]), np.asarray(picture)))
        stacks = {
            layer: np.stack([p for _, p in sorted(views, key=lambda v: v[0])])
            for layer, views in layers.items()
        }
        cameras = np.array(record["world_to_camera"], dtype=np.float32).reshape(-1, 4, 4)
        if len(stacks["rgba"]) != len(cameras):
            raise ValueError(f"{len(cameras)} cameras for {len(stacks['rgba'])} views")
        return MultiviewObject(
            stacks["rgba"], cameras, np.array(record["light"], dtype=np.float32).reshape(9, 3),
                int(record["seed"]),
            stacks.get("canonical"), stacks.get("albedo"), float(record["fov_degrees"]), int(record["state"]),
            str(record["category"]),
        )  # fmt: skip
    except (KeyError, ValueError, TypeError, OSError, UnidentifiedImageError) as error:
        raise InputError(f"{source}: is damaged ({error}); write the shard again") from None


def read_stream(stream: IO[bytes], source: str = "stream") -> Iterator[MultiviewObject]:
    """The objects of one tar file, read from front to back without seeking.

    Args:
        stream: binary, for example an open file, a pipe or a socket.
        source: its name, for errors.

    Raises:
        InputError: no tar file, or damaged, or cut off.
    """
    key, members = "", dict[str, bytes]()
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as archive:
            for entry in archive:
                if not entry.isfile():
                    continue
                name, _, rest = entry.name.rpartition("/")[2].partition(".")
                if name != key and members:
                    yield decode_object(members, f"{source}: {key}")
                    members = {}
                key = name
                content = archive.extractfile(entry)
                members[rest] = b"" if content is None else content.read()
                if len(members[rest]) != entry.size:
                    raise tarfile.ReadError("cut off")
        if members:
            yield decode_object(members, f"{source}: {key}")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputError(f"{source}: is no whole tar file ({error}); write or fetch it again") from None


def read_shards(
    places: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
) -> Iterator[MultiviewObject]:
    """The objects of several shards, one after the other, in constant memory.

    Args:
        places: a folder (its shards by name), one tar file, or several of them in the order wanted.

    Raises:
        InputError: nothing there, or damaged.
    """
    if isinstance(places, str | os.PathLike):
        root = Path(places)
        paths = sorted(root.glob(PATTERN)) if root.is_dir() else [root]
    else:
        paths = [Path(place) for place in places]
    if not paths:
        raise InputError(f"{places}: holds no shards ({PATTERN})")
    for path in paths:
        try:
            stream = path.open("rb")
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
        with stream:
            yield from read_stream(stream, str(path))
