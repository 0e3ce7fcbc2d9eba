"""`unrender render MESH`: pictures, turntables, depth, normals and masks of a mesh, without a display."""

from __future__ import annotations

import argparse
import io
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from unrender.camera import Camera, look_at, orbit
from unrender.cli.outputs import Outputs
from unrender.cli.parser import OneLineParser, parse_fov
from unrender.errors import InputError, OutputError
from unrender.files import write_atomic

if TYPE_CHECKING:
    from unrender.mesh import Mesh

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
TURNTABLES = (".gif", ".webp", ".mp4", ".png")
MAPS = (".png", ".npy")
_LARGEST = 8192


def run(arguments: Sequence[str]) -> int:
    """Draw what is asked for; by default one picture beside the mesh."""
    options = _parse(arguments)
    mesh_path = Path(options.mesh)
    wanted = {
        kind: Path(value)
        for kind in ("output", "turntable", "depth", "normals", "mask")
        if (value := getattr(options, kind)) is not None
    }
    if not wanted:
        wanted["output"] = Path(f"{mesh_path.stem}.png")
    for kind, known in (
        ("output", PICTURES),
        ("turntable", TURNTABLES),
        ("depth", MAPS),
        ("normals", MAPS),
        ("mask", (".png",)),
    ):
        if kind in wanted and wanted[kind].suffix.lower() not in known:
            raise OutputError(f"{wanted[kind]}: expected a name that ends in {', '.join(known)}")
    first = next(iter(wanted))
    Outputs(wanted[first], None, {k: p for k, p in wanted.items() if k != first}).check(options.force)

    from unrender.mesh import load_mesh

    record = _read_record(options.camera) if options.camera else {}
    mesh = load_mesh(mesh_path)
    for path, data in _draw(mesh, record, options, wanted).items():
        write_atomic(path, data)
        print(path)
    return 0


def _draw(
    mesh: Mesh, record: dict[str, Any], options: argparse.Namespace, wanted: dict[str, Path]
) -> dict[Path, bytes]:
    """The contents of every file."""
    from unrender.export.maps import encode_depth, encode_normals
    from unrender.export.turntable import encode_turntable
    from unrender.export.views import depth_and_normals
    from unrender.render import render

    camera = _camera(mesh, record, options)
    light = _light(options.light, record)
    files: dict[Path, bytes] = {}
    if "output" in wanted:
        seen = render(mesh, camera, light, samples=options.samples)
        files[wanted["output"]] = _picture(seen.image, seen.mask, options.background, wanted["output"])
    if "mask" in wanted:
        mask = render(mesh, camera, samples=options.samples).mask
        stream = io.BytesIO()
        Image.fromarray(np.round(mask * 255).astype(np.uint8)).save(stream, "PNG")
        files[wanted["mask"]] = stream.getvalue()
    if "depth" in wanted or "normals" in wanted:
        depth, normals = depth_and_normals(mesh, camera)
        if "depth" in wanted:
            files[wanted["depth"]] = encode_depth(depth, wanted["depth"].suffix.lower())
        if "normals" in wanted:
            files[wanted["normals"]] = encode_normals(normals, wanted["normals"].suffix.lower())
    if "turntable" in wanted:
        frames = _turn(mesh, camera, light, options)
        files[wanted["turntable"]] = encode_turntable(frames, wanted["turntable"].suffix.lower(), options.fps)
    return files


def orbit_camera(
    mesh: Mesh, angles: tuple[float, float], distance: float | None, fov_degrees: float, size: tuple[int, int]
) -> Camera:
    """A camera on a sphere round a mesh, looking at the centre of its box.

    Args:
        mesh: +Y up, front +Z. angles: azimuth (0 sees the front, 90 its left side) and elevation in degrees.
        distance: from the centre, in the mesh's unit; None just fits all of the mesh into the picture.
        fov_degrees: vertical field of view. size: (width, height) in pixels.

    Raises:
        InputError: the camera would be inside the box.
    """
    low, high = mesh.bounds().astype(np.float64)
    centre = (low + high) / 2
    radius = float(np.linalg.norm(mesh.vertices[np.unique(mesh.faces)] - centre, axis=1).max())
    width, height = size
    focal = 0.5 * height / math.tan(math.radians(fov_degrees) / 2)
    if distance is None:
        distance = 1.05 * radius / math.sin(math.atan(0.5 * min(width, height) / focal))
    if not distance > 0.5 * float((high - low).min()):
        raise InputError(f"--distance: {distance} is inside the mesh, whose radius is {radius:.4g}")
    direction = orbit(*angles, 1.0)[:3, :3].T @ [0.0, 0.0, 1.0]
    pose = look_at(centre + distance * direction, centre)
    return Camera(width, height, focal, focal, width / 2, height / 2, pose)


def _camera(mesh: Mesh, record: dict[str, Any], options: argparse.Namespace) -> Camera:
    """The camera asked for."""
    if record:
        camera = Camera.from_json(record)
        return camera if options.size is None else camera.resized(*options.size)
    angles = (options.azimuth, float(np.clip(options.elevation, -89.9, 89.9)))
    return orbit_camera(mesh, angles, options.distance, options.fov, options.size or (512, 512))


def _turn(mesh: Mesh, camera: Camera, light: np.ndarray | None, options: argparse.Namespace) -> np.ndarray:
    """uint8 [N, H, W, 3]: the mesh turning round the vertical axis through its box's centre."""
    from unrender.render import render
    from unrender.texture import linear_to_bytes

    centre = mesh.bounds().astype(np.float64).mean(0)
    behind = _paper(options.background)
    frames = []
    for index in range(options.frames):
        angle = -2 * math.pi * index / options.frames  # the object's left side comes after its front
        turn = np.eye(4)
        turn[0, 0] = turn[2, 2] = math.cos(angle)
        turn[0, 2], turn[2, 0] = math.sin(angle), -math.sin(angle)
        turn[:3, 3] = centre - turn[:3, :3] @ centre
        turned = replace(mesh, vertices=(mesh.vertices @ turn[:3, :3].T + turn[:3, 3]).astype(np.float32))
        seen = render(turned, camera, light, samples=options.samples)
        frames.append(linear_to_bytes(seen.image + behind * (1 - seen.mask[..., None])))
    return np.array(frames)


def _paper(background: tuple[int, int, int] | None) -> np.ndarray:
    """Linear RGB behind the mesh; white where a format has no transparency."""
    from unrender.texture import srgb_to_linear

    return srgb_to_linear(np.array(background or (255, 255, 255), np.uint8))


def _picture(
    image: np.ndarray, mask: np.ndarray, background: tuple[int, int, int] | None, path: Path
) -> bytes:
    """A picture file; with transparency where the format has it and no background was given."""
    from unrender.texture import linear_to_bytes

    kind = {".png": "PNG", ".webp": "WEBP"}.get(path.suffix.lower(), "JPEG")
    stream = io.BytesIO()
    if background is None and kind != "JPEG":
        colour = linear_to_bytes(image / np.maximum(mask[..., None], 1e-6))
        alpha = np.round(mask[..., None] * 255).astype(np.uint8)
        Image.fromarray(np.concatenate([colour, alpha], axis=-1)).save(stream, kind, lossless=True)
    else:
        shown = linear_to_bytes(image + _paper(background) * (1 - mask[..., None]))
        Image.fromarray(shown).save(stream, kind, quality=95)
    return stream.getvalue()


def _read_record(path: str) -> dict[str, Any]:
    """The camera of a JSON file: the camera itself, or a record with "camera" (and perhaps "light")."""
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(record, dict):
        raise InputError(f"{path}: expected a JSON object with a camera")
    inner = record.get("camera", record)
    if not isinstance(inner, dict):
        raise InputError(f"{path}: camera: expected a JSON object")
    light = record.get("light")
    return {**inner, "sh9": light.get("sh9") if isinstance(light, dict) else None}


def _light(choice: str, record: dict[str, Any]) -> np.ndarray | None:
    """[9, 3] light: of the camera's file ("auto", where it has one), a soft studio light, or none."""
    from unrender.export.views import sh_light

    if choice == "none":
        return None
    if choice == "auto" and record.get("sh9") is not None:
        light = np.asarray(record["sh9"], np.float64)
        if light.shape != (9, 3) or not np.isfinite(light).all():
            raise InputError("light: sh9: expected 9 x 3 finite numbers in the camera's file")
        return light
    return sh_light(np.array([0.4, 1.0, 0.8]), np.full(3, 0.5), np.full(3, 0.6))


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OneLineParser("unrender render", "Draw a mesh file (GLB, OBJ, PLY, ...), without a display.")
    add = parser.add_argument
    add("mesh", metavar="MESH", help="mesh file: GLB, glTF, OBJ, PLY, STL, OFF")
    add("-o", "--output", metavar="FILE", help="picture: PNG, WebP (transparent) or JPEG (default: MESH.png)")
    add("--turntable", metavar="FILE", help="a full turn: GIF, WebP, MP4 (unrender[video]) or a PNG sheet")
    add("--depth", metavar="FILE", help="depth: 16-bit PNG, or NPY in the mesh's unit")
    add("--normals", metavar="FILE", help="normals in the camera's frame: PNG or NPY")
    add("--mask", metavar="FILE.png", help="coverage, white = mesh")
    add("--camera", metavar="FILE.json", help="camera JSON, for example what `unrender PHOTO --json` writes")
    add("--azimuth", type=_number, default=30.0, metavar="DEGREES", help="0 is the front, 90 its left (30)")
    add("--elevation", type=_number, default=15.0, metavar="DEGREES", help="above the horizon (15)")
    add("--distance", type=_number, metavar="UNITS", help="from the mesh's centre (default: it fits)")
    add("--fov", type=parse_fov, default=30.0, metavar="DEGREES", help="vertical field of view (30)")
    add("--size", type=_size, metavar="N|WxH", help="of the pictures in pixels (512, or the camera's)")
    add(
        "--light",
        choices=("auto", "studio", "none"),
        default="auto",
        help="auto: the camera file's, or studio",
    )
    add(
        "--background", type=_colour, metavar="RRGGBB", help="hex colour behind the mesh (transparent, white)"
    )
    add("--samples", type=_whole(1, 8), default=2, metavar="N", help="N x N samples a pixel (2)")
    add("--frames", type=_whole(2, 720), default=36, metavar="N", help="of the turntable (36)")
    add("--fps", type=_whole(1, 50), default=18, metavar="N", help="frames a second of the turntable (18)")
    add("--force", action="store_true", help="overwrite existing files")
    return parser.parse_args(list(arguments))


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) < 1e9:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}")
    return value


def _whole(low: int, high: int) -> Any:
    def parse(text: str) -> int:
        if not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"expected a whole number from {low} to {high}, got {text!r}")
        return int(text)

    return parse


def _size(text: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdigit() and 8 <= int(part) <= _LARGEST for part in parts):
        raise argparse.ArgumentTypeError(f"expected N or WxH from 8 to {_LARGEST} pixels, got {text!r}")
    return int(parts[0]), int(parts[-1])


def _colour(text: str) -> tuple[int, int, int]:
    code = text.removeprefix("#")
    try:
        red, green, blue = bytes.fromhex(code)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected six hex digits such as ffffff, got {text!r}") from None
    return red, green, blue
