"""Where the results of one call go, decided and checked before any work starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from unrender.errors import OutputError
from unrender.export.formats import FORMATS, MESH_FORMATS, companions, format_of
from unrender.export.options import ExportOptions

PICTURES = {
    "turntable": (".gif", ".webp", ".mp4", ".png"),
    "sheet": (".png",),
    "depth": (".png", ".npy"),
    "normals": (".png", ".npy"),
}
"""Kinds of pictures beside a mesh and the extensions each may have, the default first."""


@dataclass(frozen=True)
class Outputs:
    """The files of one photo.

    Attributes:
        mesh: the mesh file. more: the same in further formats.
        json: the record, or None. pictures: kind (a key of `PICTURES`) to file.
        beside: files that the meshes bring with them (an OBJ's material and texture).
    """

    mesh: Path
    json: Path | None = None
    pictures: Mapping[str, Path] = field(default_factory=dict)
    more: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()

    @property
    def meshes(self) -> tuple[Path, ...]:
        """The mesh in every format asked for."""
        return (self.mesh, *self.more)

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files, in the order in which they are written."""
        record = () if self.json is None else (self.json,)
        return (*self.pictures.values(), *self.beside, *reversed(self.meshes), *record)

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
    photos: Sequence[Path],
    output: str | None,
    *,
    json: bool = False,
    pictures: Mapping[str, str] | None = None,
    formats: Sequence[str] = (),
    options: ExportOptions | None = None,
) -> list[Outputs]:
    """Names of the files of each photo.

    One photo: `-o x.glb` gives `x.glb` and `x.json`; the ending says the format. `-o DIR/` (or an existing
    folder) gives `DIR/<stem>.glb`, no `-o` gives `<stem>.glb` in the current folder. Several photos need a
    folder. Equal stems get distinct names.

    Args:
        photos: the photo files. output: value of `-o`. json: also a `.json` beside each mesh.
        pictures: kind (a key of `PICTURES`) to the option's value: a file for one photo, or a folder.
        formats: names of formats (`FORMATS`) for files in a folder; empty for GLB.
        options: how meshes are written, which says what an OBJ's texture is called.

    Raises:
        OutputError: `-o`, `--format` or a picture's option does not fit the number of photos or the format.
    """
    names = distinct_stems(photos)
    if output is None or _is_folder(output):
        suffixes = [FORMATS[name].suffix for name in formats or ("glb",)]
        stems = [Path(output or ".") / name for name in names]
        meshes = [tuple(_append(stem, suffix) for suffix in suffixes) for stem in stems]
    elif len(photos) > 1:
        raise OutputError(
            f"{output}: is one file for {len(photos)} photos; pass a folder, -o {output}{os.sep}"
        )
    elif formats:
        raise OutputError(f"{output}: its ending says the format; leave out --format, or pass a folder")
    elif not output.lower().endswith(MESH_FORMATS):
        raise OutputError(
            f"{output}: expected a name that ends in {', '.join(MESH_FORMATS)},"
            f" or a folder ending in {os.sep}"
        )
    else:
        meshes = [(Path(output),)]
        stems = [Path(output[: -len(format_of(output).suffix)])]
    plans = []
    for number, (stem, files) in enumerate(zip(stems, meshes, strict=True)):
        drawn = {
            kind: _picture(kind, value, names[number], len(photos))
            for kind, value in (pictures or {}).items()
        }
        beside = tuple(file for mesh in files for file in companions(mesh, options))
        record = _append(stem, ".json") if json else None
        plans.append(Outputs(files[0], record, drawn, files[1:], beside))
    return plans


def _picture(kind: str, value: str, name: str, photos: int) -> Path:
    """The file of one picture; `value` is what the option says."""
    suffixes = PICTURES[kind]
    if _is_folder(value):
        return Path(value) / (name + ("" if kind == "turntable" else f".{kind}") + suffixes[0])
    if photos > 1:
        raise OutputError(f"{value}: is one file for {photos} photos; pass --{kind} DIR{os.sep}")
    if not value.lower().endswith(suffixes):
        raise OutputError(f"{value}: expected a name that ends in {' or '.join(suffixes)}")
    return Path(value)


def _append(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)


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
