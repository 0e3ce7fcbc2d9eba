"""Reader of NeRF's `transforms.json` (instant-ngp and nerfstudio write the same keys).

    {"camera_angle_x" or "fl_x", "fl_y"?, "cx"?, "cy"?, "w"?, "h"?, "frames": [
        {"file_path", "transform_matrix" [4 x 4] camera to world, OpenGL axes, "mask_path"?,
         any of the above}]}

Pixel (0, 0) is the corner of the first pixel. Lens distortion (k1, k2, ... not 0) is refused.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from unrender.camera import Camera
from unrender.data.camera_json import read_json
from unrender.data.capture import Capture, Shot, find_image, find_mask, rigid
from unrender.errors import ImageError, InputError

_DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")


def read_transforms(path: Path) -> Capture:
    """The capture that a `transforms.json` describes.

    Raises:
        InputError: not readable, a key is missing, or a camera is not valid or has lens distortion.
        ImageError: a photo or mask it names is missing.
    """
    record = read_json(path)
    frames = record.get("frames")
    if not isinstance(frames, list):
        raise InputError(f"{path}: expected a list 'frames'")
    try:
        return Capture(path.parent, tuple(_shot(path, {**record, **frame}) for frame in frames))
    except (InputError, ImageError):
        raise
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: a frame cannot be read ({error})") from None


def _shot(path: Path, frame: dict[str, Any]) -> Shot:
    try:
        name = str(frame["file_path"])
        to_world = np.asarray(frame["transform_matrix"], np.float64)
    except KeyError as error:
        raise InputError(f"{path}: a frame lacks {error}") from None
    if to_world.shape != (4, 4):
        raise InputError(f"{path}, {name}: transform_matrix: expected 4 x 4, got {list(to_world.shape)}")
    if any(abs(float(frame.get(key, 0))) > 1e-6 for key in _DISTORTION):
        raise InputError(f"{path}, {name}: has lens distortion; undistort the photos first")
    image = find_image(path.parent, name.removeprefix("./"))
    mask = find_mask(path.parent, image, frame.get("mask_path"))
    width, height = _size(image, frame)
    if "fl_x" in frame:
        fx = float(frame["fl_x"])
    elif "camera_angle_x" in frame:
        fx = 0.5 * width / math.tan(0.5 * float(frame["camera_angle_x"]))
    else:
        raise InputError(f"{path}, {name}: has neither fl_x nor camera_angle_x")
    world = rigid(f"{path}, {name}", to_world[:3, :3], to_world[:3, 3])
    camera = Camera(
        width, height, fx, float(frame.get("fl_y", fx)), float(frame.get("cx", width / 2)),
        float(frame.get("cy", height / 2)), np.linalg.inv(world),
    )  # fmt: skip
    return Shot(name, image, mask, camera)


def _size(image: Path, frame: dict[str, Any]) -> tuple[int, int]:
    if "w" in frame and "h" in frame:
        return int(frame["w"]), int(frame["h"])
    try:
        with Image.open(image) as picture:
            return picture.size
    except OSError:
        raise ImageError(f"{image}: is no picture that can be read") from None
