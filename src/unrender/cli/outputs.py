"""Where the results of one call go, decided and checked before any work starts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unrender.errors import OutputError

MESH_SUFFIX = ".glb"


@dataclass(frozen=True)
class Outputs:
    """The files of one photo; `json` and `turntable` are None when not asked for."""

    mesh: Path
    json: Path | None
    turntable: Path | None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files asked for."""
        return tuple(path for path in (self.mesh, self.json, self.turntable) if path is not None)

    def check(self, force: bool) -> None:
        """Make sure that the files can be written.

        Raises:
            OutputError: a file exists and `force` is off, is a folder, or its folder cannot be written to.
        """
        for path in self.paths:
            if path.is_dir():
                raise OutputError(
                    f"{path}: is a folder; pass a file name, or {path}{os.sep} to write into it"
                )
            if path.exists() and not force:
                raise OutputError(f"{path}: exists; pass --force to overwrite it, or another -o")
            parent = path.parent
            while not parent.exists():  # missing folders are created on writing
                parent = parent.parent
            if not parent.is_dir():
                raise OutputError(f"{path}: {parent} is not a folder; pass another -o")
            if not os.access(parent, os.W_OK | os.X_OK):
                raise OutputError(f"{path}: no permission to write into {parent}; pass another -o")


def plan_outputs(
    photos: Sequence[Path], output: str | None, *, json: bool = False, turntable: str | None = None
) -> list[Outputs]:
    """Names of the files of each photo.

    One photo: `-o x.glb` gives `x.glb` and `x.json`. `-o DIR/` (or an existing folder) gives
    `DIR/<stem>.glb`, no `-o` gives `<stem>.glb` in the current folder. Several photos need a folder. Equal
    stems get distinct names.

    Args:
        photos: the photo files. output: value of `-o`. json: also a `.json` beside each mesh.
        turntable: value of `--turntable`: a file for one photo, a folder for several.

    Raises:
        OutputError: `-o` or `--turntable` does not fit the number of photos or the format.
    """
    names = distinct_stems(photos)
    if output is None or _is_folder(output):
        meshes = [Path(output or ".") / f"{name}{MESH_SUFFIX}" for name in names]
    elif len(photos) > 1:
        raise OutputError(
            f"{output}: is one file for {len(photos)} photos; pass a folder, -o {output}{os.sep}"
        )
    else:
        meshes = [Path(output)]
        if meshes[0].suffix.lower() != MESH_SUFFIX:
            raise OutputError(
                f"{output}: expected a name that ends in {MESH_SUFFIX}, or a folder ending in {os.sep}"
            )
    turntables: list[Path | None] = [None] * len(photos)
    if turntable is not None and _is_folder(turntable):
        turntables = [Path(turntable) / f"{name}.gif" for name in names]
    elif turntable is not None:
        if len(photos) > 1:
            raise OutputError(
                f"{turntable}: is one file for {len(photos)} photos; pass --turntable DIR{os.sep}"
            )
        if not turntable.lower().endswith(".gif"):
            raise OutputError(f"{turntable}: expected a name that ends in .gif")
        turntables = [Path(turntable)]
    return [
        Outputs(mesh, mesh.with_suffix(".json") if json else None, picture)
        for mesh, picture in zip(meshes, turntables, strict=True)
    ]


def distinct_stems(photos: Sequence[Path]) -> list[str]:
    """Stems of the photos, made distinct (also where case does not count) as "bird", "bird-2", "bird-3"."""
    taken = {photo.stem.casefold() for photo in photos}
    used: set[str] = set()
    names = []
    for photo in photos:
        name, number = photo.stem, 1
        while name.casefold() in used or (number > 1 and name.casefold() in taken):
            number += 1
            name = f"{photo.stem}-{number}"
        used.add(name.casefold())
        names.append(name)
    return names


def _is_folder(text: str) -> bool:
    return text.endswith(("/", os.sep)) or os.path.isdir(text)
