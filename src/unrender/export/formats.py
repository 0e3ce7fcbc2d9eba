"""The mesh formats that are written, and one way to write each."""

from __future__ import annotations

import importlib.util
import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from unrender.errors import InputError
from unrender.export.glb import mesh_to_glb
from unrender.export.options import ExportOptions
from unrender.export.prepare import prepare
from unrender.files import write_atomic
from unrender.mesh import Mesh

Files = dict[str, bytes]


@dataclass(frozen=True)
class MeshFormat:
    """One format.

    Attributes:
        name: as in `export_bytes` and `--format`.
        suffix: how the name of its (main) file ends.
        title: for people.
        download_suffix, media_type: of what `export_bytes` returns; OBJ comes as a ZIP with its texture.
        extra: the optional dependencies it needs, "unrender[extra]", or None.
        module: what has to be importable for it.
    """

    name: str
    suffix: str
    title: str
    media_type: str
    download_suffix: str
    extra: str | None = None
    module: str | None = None

    def available(self) -> bool:
        """Whether its dependencies are installed."""
        return self.module is None or importlib.util.find_spec(self.module) is not None


FORMATS: dict[str, MeshFormat] = {
    entry.name: entry
    for entry in (
        MeshFormat("glb", ".glb", "GLB (glTF binary)", "model/gltf-binary", ".glb"),
        MeshFormat("obj", ".obj", "OBJ with material and texture", "application/zip", ".zip"),
        MeshFormat("ply", ".ply", "PLY with vertex colours", "application/octet-stream", ".ply"),
        MeshFormat("stl", ".stl", "STL (shape only)", "model/stl", ".stl"),
        MeshFormat("usdz", ".usdz", "USDZ (AR, USD)", "model/vnd.usdz+zip", ".usdz", "usd", "pxr"),
        MeshFormat(
            "collision", ".collision.obj", "Convex parts for physics (OBJ)", "model/obj", ".collision.obj",
            "collision", "coacd",
        ),
    )
}  # fmt: skip
"""Name to format, the default first."""

MESH_FORMATS = tuple(entry.suffix for entry in FORMATS.values())
"""File name endings that `write_mesh` knows."""


def format_of(path: str | os.PathLike[str]) -> MeshFormat:
    """The format that a file name's ending stands for.

    Raises:
        InputError: none does.
    """
    name = os.fspath(path).lower()
    for entry in sorted(FORMATS.values(), key=lambda entry: -len(entry.suffix)):
        if name.endswith(entry.suffix) and os.path.basename(name) != entry.suffix:
            return entry
    ending = os.path.splitext(name)[1]
    raise InputError(
        f"{os.fspath(path)}: unknown mesh format '{ending}'; use one of {', '.join(MESH_FORMATS)}"
    )


def companions(path: str | os.PathLike[str], options: ExportOptions | None = None) -> tuple[Path, ...]:
    """Further files that `write_mesh` makes beside `path` for a textured mesh (OBJ: material and picture)."""
    if format_of(path).name != "obj":
        return ()
    jpeg = options is not None and options.texture_format == "jpeg"
    main = Path(path)
    return main.with_suffix(".mtl"), main.with_suffix(".jpg" if jpeg else ".png")


def write_mesh(path: str | os.PathLike[str], mesh: Mesh, options: ExportOptions | None = None) -> None:
    """Write a mesh file; the format follows the ending of the name.

    Args:
        path: ends in one of `MESH_FORMATS`; ".obj" writes a material and a texture file beside it.
        mesh: what to write.
        options: None for the defaults.

    Raises:
        InputError: unknown ending.
        MeshError: the mesh has no faces.
        MissingExtraError: the format or an option needs an extra that is not installed.
        OutputError: the file cannot be written; nothing partial is left behind.
    """
    name = os.fspath(path)
    folder = Path(name).parent
    main = Path(name).name
    suffix = format_of(path).suffix
    files = _files(mesh, format_of(path).name, main[: -len(suffix)], options or ExportOptions())
    written: list[Path] = []
    try:
        for file in reversed(files):  # the main file last: when it is there, all are
            target = Path(name) if file.lower() == main.lower() else folder / file
            new = not target.exists()
            write_atomic(target, files[file])
            if new:
                written.append(target)
    except BaseException:
        for target in written:
            target.unlink(missing_ok=True)
        raise


def export_bytes(
    mesh: Mesh, format: str = "glb", options: ExportOptions | None = None, stem: str = "object"
) -> bytes:
    """A mesh as one file in memory: the format's own, or a ZIP of several for OBJ.

    Args:
        mesh: what to write. format: a key of `FORMATS`. options: None for the defaults.
        stem: name of the files in the ZIP, without extension.

    Raises:
        InputError: unknown format.
        MeshError: the mesh has no faces.
        MissingExtraError: the format or an option needs an extra that is not installed.
    """
    files = _files(mesh, format, stem, options or ExportOptions())
    if FORMATS[format].download_suffix != ".zip":
        (data,) = files.values()
        return data
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, data in files.items():
            archive.writestr(zipfile.ZipInfo(file), data, zipfile.ZIP_DEFLATED)  # without today's date
    return stream.getvalue()


def _files(mesh: Mesh, format: str, stem: str, options: ExportOptions) -> Files:
    """File names and contents; the main file is the first."""
    if format not in _WRITERS:
        raise InputError(f"format: expected one of {', '.join(FORMATS)}, got {format!r}")
    return _WRITERS[format](prepare(mesh, options), stem, options)


def _glb(mesh: Mesh, stem: str, options: ExportOptions) -> Files:
    texture_format = options.texture_format or "jpeg"
    data = mesh_to_glb(mesh, appearance=options.appearance, texture_format=texture_format)
    return {f"{stem}.glb": data}


def _obj(mesh: Mesh, stem: str, options: ExportOptions) -> Files:
    from unrender.export.obj import mesh_to_obj

    return mesh_to_obj(mesh, stem, options)


def _ply(mesh: Mesh, stem: str, options: ExportOptions) -> Files:
    from unrender.export.plain import mesh_to_ply

    return {f"{stem}.ply": mesh_to_ply(mesh)}


def _stl(mesh: Mesh, stem: str, options: ExportOptions) -> Files:
    from unrender.export.plain import mesh_to_stl

    return {f"{stem}.stl": mesh_to_stl(mesh)}


def _usdz(mesh: Mesh, stem: str, options: ExportOptions) -> Files:
    from unrender.export.usdz import mesh_to_usdz

    return {f"{stem}.usdz": mesh_to_usdz(mesh, options)}


def _collision(mesh: Mesh, stem: str, options: ExportOptions) -> Files:
    from unrender.export.collision import collision_to_obj

    return {f"{stem}.collision.obj": collision_to_obj(mesh)}


_WRITERS: dict[str, Callable[[Mesh, str, ExportOptions], Files]] = {
    "glb": _glb, "obj": _obj, "ply": _ply, "stl": _stl, "usdz": _usdz, "collision": _collision,
}  # fmt: skip
