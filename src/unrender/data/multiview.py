"""Reader of rendered multi-view training sets (`unrender.synthesize.multiview` writes them).

A set is a folder with `index.json` and shards `shard_00000/`, `shard_00001/` ...: folders of .npy files, read
by memory map. First axis: objects of the shard.

    rgba             uint8 [n, views, size, size, 4]   sRGB, straight alpha; colour bleeds 2 px past the edge
    world_to_camera  float32 [n, views, 4, 4]          cameras look down -Z; 30 degrees field of view, square
    light            float32 [n, 9, 3]                 world frame, shading = max(sh_basis(normal) @ light, 0)
    seed             int64 [n]                         the object's seed
    state            uint8 [n]                         optional; 1 where an optional part is out (open wings)
    category         <U16 [n]                          optional; name of the object's category, "" if unknown
    oriented         uint8 [n]                         optional; 0 where the front is not known to be +Z
    canonical        uint8 [n, views, c, c, 3]         optional; 0 = nothing, else `decode_canonical`; all 0
                                                       for objects whose coordinates mean nothing to others
    albedo           uint8 [n, views, size, size, 4]   optional; as rgba, without light

Canonical coordinates say which part of a category's default object a point belongs to: a generator moves the
default object's vertices, so a point keeps its coordinates whatever the object looks like. Parts that the
default object lacks (a second wing, a propeller) lie in one point inside it. Gathered meshes know nothing
of it: they have no coordinates, apart from those of the category "object", where they are the place in the
bounding box, -1 to 1 along each axis.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unrender.camera import Camera
from unrender.errors import InputError

FORMAT = "unrender-multiview"
INDEX_NAME = "index.json"


def shard_name(shard: int) -> str:
    """Folder of a shard."""
    return f"shard_{shard:05d}"


def decode_canonical(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stored canonical coordinates as numbers.

    Args:
        picture: uint8 [..., 3].

    Returns:
        Coordinates float32 [..., 3] in [-1, 1] (right to about 0.004; 0 where nothing is), and bool [...],
        whether anything is there.
    """
    seen = np.asarray((picture > 0).any(-1))
    values = (picture.astype(np.float32) - 1) / 127 - 1
    return np.where(seen[..., None], values, 0).astype(np.float32), seen


@dataclass(frozen=True)
class MultiviewObject:
    """One object of a set: read-only memory maps of the shapes above, without the first axis."""

    rgba: np.ndarray
    world_to_camera: np.ndarray
    light: np.ndarray
    seed: int
    canonical: np.ndarray | None
    albedo: np.ndarray | None
    fov_degrees: float
    state: int = 0
    category: str = ""
    oriented: bool = True

    def camera(self, view: int) -> Camera:
        """Camera of a view, for pictures of the stored size."""
        return Camera.from_fov(self.rgba.shape[1], self.world_to_camera[view], self.fov_degrees)


class MultiviewSet:
    """A rendered set: `len(set)` objects, `set[i]` is a `MultiviewObject`.

    Attributes:
        path: the folder. index: the JSON index. views: pictures per object. size: their side in pixels.
    """

    def __init__(self, path: str | os.PathLike[str], *, partial: bool = False) -> None:
        """Open a set.

        Args:
            path: its folder.
            partial: take the shards that are there of a set that is still being rendered.

        Raises:
            InputError: no such set, not complete (and not `partial`), or damaged.
        """
        self.path = Path(path)
        try:
            self.index = json.loads((self.path / INDEX_NAME).read_text())
        except (OSError, ValueError) as error:
            raise InputError(f"{self.path}: is no multi-view set ({INDEX_NAME}: {error})") from None
        if not isinstance(self.index, dict) or self.index.get("format") != FORMAT:
            raise InputError(f"{self.path / INDEX_NAME}: expected format {FORMAT!r}")
        if not partial and not self.index["complete"]:
            raise InputError(f"{self.path}: is not complete; finish rendering it, or pass partial=True")
        self.views = int(self.index["views"])
        self.size = int(self.index["size"])
        self._shards: list[dict[str, np.ndarray]] = []
        for folder in sorted(self.path.glob("shard_*")):
            shard = {}
            for file in sorted(folder.glob("*.npy")):
                large = file.stem in ("rgba", "canonical", "albedo")
                try:
                    shard[file.stem] = np.load(file, mmap_mode="r" if large else None)
                except (OSError, ValueError) as error:
                    raise InputError(
                        f"{file}: is damaged ({error}); delete its folder and render again"
                    ) from None
            self._shards.append(shard)
        self._ends = np.cumsum([len(shard["seed"]) for shard in self._shards], dtype=np.int64)
        if not partial and len(self) < self.index["objects"]:
            raise InputError(
                f"{self.path}: holds {len(self)} of {self.index['objects']} objects; render it again"
            )

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def categories(self) -> np.ndarray:
        """Name of each object's category, str [len(self)]; "" where the set does not say."""
        names = [
            shard["category"] if "category" in shard else np.full(len(shard["seed"]), "")
            for shard in self._shards
        ]
        return np.concatenate([np.zeros(0, "<U1"), *names]).astype(str)

    def __getitem__(self, index: int) -> MultiviewObject:
        if not -len(self) <= index < len(self):
            raise IndexError(f"object {index} of {len(self)}")
        index %= len(self)
        number = int(np.searchsorted(self._ends, index, side="right"))
        shard = self._shards[number]
        row = index - (int(self._ends[number - 1]) if number else 0)
        return MultiviewObject(
            shard["rgba"][row], shard["world_to_camera"][row], shard["light"][row], int(shard["seed"][row]),
            shard["canonical"][row] if "canonical" in shard else None,
            shard["albedo"][row] if "albedo" in shard else None,
            float(self.index["fov_degrees"]),
            int(shard["state"][row]) if "state" in shard else 0,
            str(shard["category"][row]) if "category" in shard else "",
            bool(shard["oriented"][row]) if "oriented" in shard else True,
        )  # fmt: skip
