"""Reader of `cameras.json`: intrinsics and poses of each photo.

    {"convention": "...", "bounding_box": [[x, y, z], [x, y, z]]?, "views": [
        {"file", "mask"?, "width", "height", "K" [3 x 3], "R" [3 x 3], "t" [3], "good_silhouette"?}
        or {"file", "mask"?, "camera": what `Camera.to_json` writes}]}

K, R, t: x ~ K (R X + t) with OpenCV axes. The text of `convention` says where the pixel origin is: "pixel
centre" in it (without "corner") puts (0, 0) at the centre of the first pixel, anything else at its corner; a
key "pixel_origin": "centre" or "corner" says so for certain.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from unrender.camera import Camera
from unrender.data.capture import Capture, Shot, find_image, find_mask, from_opencv, rigid
from unrender.errors import ImageError, InputError


def read_camera_json(path: Path) -> Capture:
    """The capture that a `cameras.json` describes.

    Raises:
        InputError: not readable, or a view is not as described.
        ImageError: a photo or mask it names is missing.
    """
    record = read_json(path)
    views = record.get("views")
    if not isinstance(views, list):
        raise InputError(f"{path}: expected a list 'views'")
    shift = _pixel_shift(path, record)
    shots = tuple(_shot(path, view, shift) for view in views)
    bounds = record.get("bounding_box")
    box = None
    if bounds is not None:
        box = np.asarray(bounds, np.float64)
        if box.shape != (2, 3) or not np.isfinite(box).all() or not (box[1] > box[0]).all():
            raise InputError(f"{path}: bounding_box: expected two corners [[x, y, z], [x, y, z]], low first")
    return Capture(path.parent, shots, box)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        InputError: not readable, or no object.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(record, dict):
        raise InputError(f"{path}: expected a JSON object with the cameras")
    return record


def _pixel_shift(path: Path, record: dict[str, Any]) -> float:
    """What to add to pixel coordinates so that the first pixel's corner is (0, 0)."""
    origin = record.get("pixel_origin")
    if origin in ("centre", "corner"):
        return 0.5 if origin == "centre" else 0.0
    if origin is not None:
        raise InputError(f"{path}: pixel_origin: expected 'centre' or 'corner', got {origin!r}")
    text = str(record.get("convention", "")).lower().replace("center", "centre")
    if text and not text.startswith(("opencv", "opengl")):
        raise InputError(
            f"{path}: convention: expected a text that starts with OpenCV or OpenGL, got {text!r}"
        )
    return 0.5 if "pixel centre" in text and "corner" not in text else 0.0


def _shot(path: Path, view: Any, shift: float) -> Shot:
    try:
        name = str(view["file"])
        image = find_image(path.parent, name)
        mask = find_mask(path.parent, image, view.get("mask"))
        camera = Camera.from_json(view["camera"]) if "camera" in view else _camera(path, view, shift)
    except (InputError, ImageError):
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"{path}: a view cannot be read ({error}); expected file, width, height, K, R, t"
        ) from None
    rigid(f"{path}, {name}", camera.rotation, camera.translation)
    return Shot(name, image, mask, camera, bool(view.get("good_silhouette", True)))


def _camera(path: Path, view: dict[str, Any], shift: float) -> Camera:
    name = f"{path}, {view['file']}"
    matrix = np.asarray(view["K"], np.float64)
    if matrix.shape != (3, 3) or abs(matrix[0, 1]) > 1e-3 * abs(matrix[0, 0]):
        raise InputError(f"{name}: K: expected a 3 x 3 matrix without skew")
    pose = from_opencv(rigid(name, view["R"], view["t"]))
    return Camera(
        int(view["width"]), int(view["height"]), float(matrix[0, 0]), float(matrix[1, 1]),
        float(matrix[0, 2]) + shift, float(matrix[1, 2]) + shift, pose,
    )  # fmt: skip
