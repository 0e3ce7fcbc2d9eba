"""Reader of COLMAP text models: `cameras.txt` and `images.txt`.

COLMAP's world-to-camera poses have OpenCV axes, pixel (0, 0) is the corner of the first pixel, quaternions
are (w, x, y, z). Cameras must be pinholes: run `colmap image_undistorter` first.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unrender.camera import Camera
from unrender.data.capture import Capture, Shot, find_image, find_mask, from_opencv, rigid
from unrender.errors import InputError

_PLACES = ("", "sparse/0", "sparse", "colmap", "colmap/sparse/0")
_DISTORTED = {"SIMPLE_RADIAL": 3, "RADIAL": 3, "OPENCV": 4, "FULL_OPENCV": 4}
"""Models with distortion, and how many parameters come before it."""


def find_model(root: Path) -> Path | None:
    """The folder of the text model below `root`, or None.

    Raises:
        InputError: there is a binary model only.
    """
    for place in _PLACES:
        if (root / place / "cameras.txt").is_file() and (root / place / "images.txt").is_file():
            return root / place
    for place in _PLACES:
        if (root / place / "cameras.bin").is_file():
            raise InputError(
                f"{root / place}: holds a binary model; write it as text with "
                "`colmap model_converter --output_type TXT`"
            )
    return None


def read_colmap(root: Path, model: Path) -> Capture:
    """The capture of a folder with photos (also in `images/`) and a text model.

    Raises:
        InputError: a line cannot be read, a camera has lens distortion, or a pose is not valid.
        ImageError: a photo is missing.
    """
    lenses = {}
    for line in _lines(model / "cameras.txt"):
        words = line.split()
        try:
            lenses[words[0]] = _lens(model, words)
        except InputError:
            raise
        except (ValueError, IndexError):
            raise InputError(f"{model / 'cameras.txt'}: cannot be read at {line[:60]!r}") from None
    shots = []
    for line in _lines(model / "images.txt", blank=True)[::2]:
        words = line.split(maxsplit=9)
        try:
            numbers = np.array([float(word) for word in words[1:8]])
            width, height, fx, fy, cx, cy = lenses[words[8]]
            name = words[9].strip()
        except (ValueError, IndexError, KeyError):
            raise InputError(f"{model / 'images.txt'}: cannot be read at {line[:60]!r}") from None
        pose = from_opencv(rigid(f"{model / 'images.txt'}, {name}", _rotation(numbers[:4]), numbers[4:]))
        image = find_image(root, name)
        shots.append(Shot(name, image, find_mask(root, image), Camera(width, height, fx, fy, cx, cy, pose)))
    return Capture(root, tuple(sorted(shots, key=lambda shot: shot.name)))


def _lines(path: Path, blank: bool = False) -> list[str]:
    """Lines that are no comments; `blank` keeps empty ones (an image without points has an empty line)."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    return [line for line in lines if not line.startswith("#") and (blank or line.strip())]


def _lens(model: Path, words: list[str]) -> tuple[int, int, float, float, float, float]:
    kind, width, height = words[1], int(words[2]), int(words[3])
    values = [float(word) for word in words[4:]]
    if kind in ("SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL"):
        fx = fy = values[0]
        cx, cy = values[1:3]
    elif kind in ("PINHOLE", "OPENCV", "FULL_OPENCV"):
        fx, fy, cx, cy = values[:4]
    else:
        raise InputError(
            f"{model / 'cameras.txt'}: camera model {kind} is not understood; undistort to PINHOLE"
        )
    if kind in _DISTORTED and any(abs(value) > 1e-6 for value in values[_DISTORTED[kind] :]):
        raise InputError(
            f"{model / 'cameras.txt'}: camera {words[0]} has lens distortion; run `colmap image_undistorter`"
        )
    return width, height, fx, fy, cx, cy


def _rotation(quaternion: np.ndarray) -> np.ndarray:
    """[3, 3] of (w, x, y, z), normalised first."""
    w, x, y, z = quaternion / max(float(np.linalg.norm(quaternion)), 1e-12)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip
