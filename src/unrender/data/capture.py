"""Several photos of one object with masks and cameras, from any of the formats that are understood.

A folder is one of

    cameras.json                        camera JSON (`unrender.data.camera_json`)
    transforms.json, transforms_train.json   NeRF (`unrender.data.nerf`)
    cameras.txt + images.txt, also under sparse/ or sparse/0/   COLMAP text model (`unrender.data.colmap`)

The mask of a photo is the file its entry names, else its transparency, else `masks/<photo name>.png` or
`masks/<photo stem>.png`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unrender.camera import Camera
from unrender.errors import ImageError, InputError
from unrender.image import load_mask, load_photo

_EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True, eq=False)
class Shot:
    """One photo of a capture, not yet read.

    Attributes:
        name: shown in messages, unique in its capture.
        image: path of the photo.
        mask: path of its mask, or None for the photo's transparency.
        camera: of the whole photo, in the capture's world frame and unit.
        good_silhouette: False where the mask is known to be unreliable.
    """

    name: str
    image: Path
    mask: Path | None
    camera: Camera
    good_silhouette: bool = True

    def read(self) -> tuple[np.ndarray, np.ndarray, Camera]:
        """The photo uint8 [H, W, 3] sRGB, its mask float32 [H, W] in [0, 1], and the camera at its size.

        Raises:
            ImageError: a file is missing or damaged, there is no mask, or the mask is empty.
            InputError: the photo's shape is not the camera's.
        """
        photo = load_photo(self.image)
        height, width = photo.pixels.shape[:2]
        wanted = self.camera.width / self.camera.height
        if abs(width / height - wanted) > 0.01 * wanted:
            raise InputError(
                f"{self.image}: is {width} x {height} pixels, its camera {self.camera.width} x "
                f"{self.camera.height}: another shape; give the camera of this very picture"
            )
        if self.mask is not None:
            mask = np.asarray(load_mask(self.mask, (width, height)), np.float32)
        elif photo.alpha is not None:
            mask = np.asarray(photo.alpha, np.float32) / np.float32(255)
        else:
            raise ImageError(
                f"{self.image}: has no mask; add masks/{self.image.stem}.png (white = object), "
                "or save the photo with transparency"
            )
        if not (mask > 0.5).any():
            raise ImageError(f"{self.mask or self.image}: the mask is empty; mark the object's pixels white")
        return photo.pixels, mask, self.camera.resized(width, height)


@dataclass(frozen=True, eq=False)
class Capture:
    """Photos of one object.

    Attributes:
        folder: where they are. shots: in the order of the file.
        bounds: float64 [2, 3] box round the object in the world frame, or None where it is not given.
    """

    folder: Path
    shots: tuple[Shot, ...]
    bounds: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.shots)

    def hold_out(self, every: int) -> tuple[Capture, Capture]:
        """What to fit, and every `every`-th shot from the first one on (file order) to check with.

        Shots without a good silhouette are always fitted: what they show has a colour, and nothing can be
        checked with their masks.

        Raises:
            InputError: `every` is below 2, or nothing would be left to fit.
        """
        held = tuple(shot for shot in self.shots[:: max(every, 1)] if every > 1 and shot.good_silhouette)
        kept = tuple(shot for shot in self.shots if shot not in held)
        good = sum(shot.good_silhouette for shot in self.shots)
        if good - len(held) < 2 or not held:
            raise InputError(
                f"every: expected a number from 2 that leaves at least 2 of {good} photos, got {every}"
            )
        return replace(self, shots=kept), replace(self, shots=held)


def load_capture(folder: str | os.PathLike[str]) -> Capture:
    """Read the cameras of a folder and find its photos and masks; pictures are read later.

    Raises:
        InputError: the folder or its camera file is missing, damaged or in an unknown convention, or a camera
            is not valid.
        ImageError: a photo that the file names is missing.
    """
    from unrender.data.camera_json import read_camera_json
    from unrender.data.colmap import find_model, read_colmap
    from unrender.data.nerf import read_transforms

    root = Path(folder)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; pass one with photos, masks and their cameras")
    readers: tuple[tuple[str, Callable[[Path], Capture]], ...] = (
        ("cameras.json", read_camera_json),
        ("transforms.json", read_transforms),
        ("transforms_train.json", read_transforms),
    )
    for name, read in readers:
        if (root / name).is_file():
            return checked(read(root / name))
    model = find_model(root)
    if model is not None:
        return checked(read_colmap(root, model))
    raise InputError(
        f"{root}: has no cameras; expected cameras.json, transforms.json, or a COLMAP text model "
        "(cameras.txt and images.txt, here or in sparse/0)"
    )


def checked(capture: Capture) -> Capture:
    """The capture itself after checking that it can be fitted at all.

    Raises:
        InputError: no photos, or the same photo twice.
    """
    if not capture.shots:
        raise InputError(f"{capture.folder}: names no photos; check the camera file")
    names = [shot.name for shot in capture.shots]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"{capture.folder}: names {sorted(twice)[0]} more than once; keep one entry a photo")
    return capture


def find_image(folder: Path, name: str) -> Path:
    """The photo `name` of a folder; the extension may be missing (NeRF) and the folder `images/` left out.

    Raises:
        ImageError: there is no such file.
    """
    for base in (folder / name, folder / "images" / name):
        if base.is_file():
            return base
        for extension in _EXTENSIONS:
            candidate = base.with_name(base.name + extension)
            if candidate.is_file():
                return candidate
    raise ImageError(f"{folder / name}: no such photo; check the names in the camera file")


def find_mask(folder: Path, image: Path, named: str | None = None) -> Path | None:
    """The mask file that belongs to a photo, or None if there is none (transparency may do).

    Raises:
        ImageError: a mask is named but missing.
    """
    if named:
        if not (folder / named).is_file():
            raise ImageError(f"{folder / named}: no such mask; check the names in the camera file")
        return folder / named
    for name in (image.name + ".png", image.stem + ".png", image.name):
        candidate = folder / "masks" / name
        if candidate.is_file() and candidate != image:
            return candidate
    return None


def rigid(name: str, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """[4, 4] of a rotation [3, 3] and translation [3], checked.

    Raises:
        InputError: not finite, or not a rotation.
    """
    matrix = np.eye(4)
    try:
        matrix[:3, :3] = np.asarray(rotation, np.float64)
        matrix[:3, 3] = np.asarray(translation, np.float64).reshape(3)
    except (ValueError, TypeError):
        raise InputError(f"{name}: expected a 3 x 3 rotation and 3 numbers of translation") from None
    turn = matrix[:3, :3]
    if not np.isfinite(matrix).all():
        raise InputError(f"{name}: the camera holds NaN or infinity; estimate it again")
    if not np.allclose(turn @ turn.T, np.eye(3), atol=1e-3) or np.linalg.det(turn) < 0:
        raise InputError(
            f"{name}: the camera's matrix is no rotation (mirrored or scaled); check its convention"
        )
    left, _, right = np.linalg.svd(turn)
    matrix[:3, :3] = left @ right
    return matrix


def from_opencv(matrix: np.ndarray) -> np.ndarray:
    """World-to-camera [4, 4] of OpenCV (x right, y down, z forward) in our axes (y up, looking down -Z)."""
    return np.diag([1.0, -1.0, -1.0, 1.0]) @ matrix
