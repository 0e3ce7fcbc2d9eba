"""The pictures that `unrender PHOTO` writes beside a mesh."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unrender.export.maps import encode_depth, encode_normals
from unrender.export.turntable import encode_turntable, sheet_png
from unrender.export.views import depth_and_normals, four_views, turn_frames
from unrender.files import write_atomic
from unrender.mesh import Mesh

if TYPE_CHECKING:
    from unrender.reconstruct import Reconstruction

FRAMES = 36
FPS = 18.0


def save_turntable(mesh: Mesh, path: Path, size: int = 256) -> None:
    """Write a turn round a mesh, starting at its front; the format follows the extension.

    Args:
        mesh: +Y up, front +Z, with texture or vertex colours. path: a GIF, WebP, MP4 or PNG.
        size: side of a frame in pixels.

    Raises:
        InputError: an extension or size that is not supported.
        MissingExtraError: MP4 without `unrender[video]`.
        OutputError: the file cannot be written.
    """
    write_atomic(path, encode_turntable(turn_frames(mesh, FRAMES, size), path.suffix.lower(), FPS))


def draw_pictures(result: Reconstruction, paths: dict[str, Path], size: int = 256) -> dict[Path, bytes]:
    """The contents of the picture files of one result.

    Args:
        result: of one photo; its `mesh_scale` counts for depth.
        paths: kind ("turntable", "sheet", "depth", "normals") to file; the extension says the format.
        size: side of a view of the turntable and the sheet in pixels. Depth and normals have the photo's.

    Raises:
        InputError: an extension or size that is not supported.
        MissingExtraError: MP4 without `unrender[video]`.
    """
    files: dict[Path, bytes] = {}
    if "turntable" in paths:
        path = paths["turntable"]
        frames = turn_frames(result.mesh, FRAMES, size)
        files[path] = encode_turntable(frames, path.suffix.lower(), FPS)
    if "sheet" in paths:
        files[paths["sheet"]] = sheet_png(four_views(result.mesh, size), columns=4)
    if "depth" in paths or "normals" in paths:
        depth, normals = depth_and_normals(result.mesh, result.camera)
        if "depth" in paths:
            path = paths["depth"]
            files[path] = encode_depth(depth * result.mesh_scale, path.suffix.lower())
        if "normals" in paths:
            path = paths["normals"]
            files[path] = encode_normals(normals, path.suffix.lower())
    return files
