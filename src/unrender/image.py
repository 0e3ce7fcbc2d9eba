"""Pictures: reading photos and masks of every common kind, square crops.

Pixels are uint8 sRGB [H, W, 3], row 0 at the top, after the EXIF orientation has been applied.
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from unrender.errors import ImageError, InputError
from unrender.files import write_atomic as write_atomic

MAX_PIXELS = 50_000_000
"""Largest photo that is decoded, in pixels."""

MIN_SIDE = 8
"""Shortest side of a usable photo, in pixels."""

# Raster formats only: Pillow would hand EPS to an external program.
_COMMON = ("JPEG", "PNG", "GIF", "BMP", "PPM")
_OTHERS = ("WEBP", "TIFF", "AVIF", "JPEG2000", "TGA", "ICO", "PCX", "QOI", "DIB")

_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded picture.

    Attributes:
        pixels: uint8 [H, W, 3] sRGB, upright.
        alpha: uint8 [H, W], 255 where opaque; None if the picture has no transparency.
        path: where it came from, or None.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    path: str | None = None

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self.pixels.shape[0])


def load_photo(path: str | os.PathLike[str], max_pixels: int = MAX_PIXELS) -> Photo:
    """Read a picture file: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and a few more.

    EXIF orientation is applied; greyscale, CMYK, palette and 16-bit pictures become 8-bit RGB; colour
    profiles other than sRGB are converted; of an animation the first frame is taken.

    Args:
        path: the file.
        max_pixels: limit on width times height, checked in the header before anything is decoded.

    Returns:
        The photo. `alpha` is None if every pixel is opaque.

    Raises:
        ImageError: the file is missing, empty, not a picture, damaged, too large, smaller than 8 pixels a
            side, fully transparent, or one colour all over. The message is one line and names the file.
    """
    name = os.fspath(path)
    pixels, alpha = _read(name, max_pixels)
    height, width = pixels.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise ImageError(
            f"{name}: is only {width} x {height} pixels; use a picture of at least {MIN_SIDE} pixels a side"
        )
    if alpha is not None and not alpha.any():
        raise ImageError(f"{name}: every pixel is transparent; use a picture in which the object is visible")
    if alpha is None and _is_one_colour(pixels):
        raise ImageError(f"{name}: is one colour all over; use a picture with an object in it")
    return Photo(pixels, alpha, name)


def photo_from_array(array: np.ndarray, path: str | None = None) -> Photo:
    """A photo from pixels in memory.

    Args:
        array: [H, W], [H, W, 1], [H, W, 3] or [H, W, 4] (last channel alpha), sRGB, row 0 at the top; uint8,
            or float in [0, 1].
        path: kept in the result.

    Raises:
        InputError: another shape or dtype, NaN or infinity, values outside [0, 1], or a side below 8 pixels.
    """
    array = np.asarray(array)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise InputError(f"image: expected [H, W], [H, W, 3] or [H, W, 4], got shape {array.shape}")
    if min(array.shape[:2]) < MIN_SIDE:
        raise InputError(
            f"image: expected at least {MIN_SIDE} pixels a side, got {array.shape[1]} x {array.shape[0]}"
        )
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all():
            raise InputError("image: contains NaN or infinity; pass finite sRGB values in [0, 1]")
        if array.min() < 0 or array.max() > 1:
            raise InputError(
                f"image: expected float values in [0, 1], got {array.min():g} to {array.max():g}; "
                "divide by 255 or pass uint8"
            )
        array = np.round(array * 255).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise InputError(f"image: expected uint8, or float in [0, 1], got {array.dtype}")
    alpha = array[..., 3] if array.shape[2] == 4 else None
    if alpha is not None and alpha.min() == 255:
        alpha = None
    pixels = np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array[..., :3]
    return Photo(np.ascontiguousarray(pixels), None if alpha is None else np.ascontiguousarray(alpha), path)


def load_mask(path: str | os.PathLike[str], size: tuple[int, int]) -> np.ndarray:
    """Read the mask that belongs to a photo.

    The object is where the brightest channel is above half, or non-zero in a picture of 0 and 1; in a
    picture with transparency it is where alpha is above half.

    Args:
        path: the file.
        size: (width, height) of the photo after EXIF orientation, in pixels.

    Returns:
        bool [H, W], true on the object.

    Raises:
        ImageError: unreadable file, another size than the photo's, or an empty mask.
    """
    name = os.fspath(path)
    pixels, alpha = _read(name, max(MAX_PIXELS, size[0] * size[1]))
    if (pixels.shape[1], pixels.shape[0]) != (size[0], size[1]):
        raise ImageError(
            f"{name}: the mask is {pixels.shape[1]} x {pixels.shape[0]} pixels, "
            f"its photo {size[0]} x {size[1]}; use a mask of the photo's size"
        )
    value = pixels.max(-1) if alpha is None else alpha
    mask = value > 0 if value.max() <= 1 else value > 127
    if not mask.any():
        raise ImageError(f"{name}: the mask marks no pixel; paint the object white on black")
    return mask


def crop_square(
    pixels: np.ndarray,
    x: float,
    y: float,
    side: float,
    size: int,
    fill: float | tuple[float, ...] | None = None,
) -> np.ndarray:
    """Resample a square of a picture, with anti-aliasing when it shrinks.

    Args:
        pixels: [H, W, C] or [H, W], uint8 or float32 (bool counts as uint8 0 and 255).
        x, y: left and top of the square in pixels, need not be whole numbers and may be off the picture.
        side: side of the square in pixels, above 0.
        size: side of the result in pixels.
        fill: value off the picture, one number or one for each channel; None repeats the picture's border.

    Returns:
        [size, size, C] or [size, size], dtype as `pixels` (uint8 for bool). Sample (i, j) covers the square
        of side s = side / size whose corner is (x + j s, y + i s).

    Raises:
        InputError: wrong shape or dtype, or a box that is empty, not finite or more than 32 times the
        picture.
    """
    pixels = np.asarray(pixels)
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * 255
    if pixels.ndim not in (2, 3) or 0 in pixels.shape or pixels.dtype not in (np.uint8, np.float32):
        raise InputError(
            "pixels: expected [H, W] or [H, W, C] in uint8 or float32, "
            f"got {pixels.dtype} of shape {pixels.shape}"
        )
    if not (np.isfinite([x, y, side]).all() and 0 < side <= 32 * max(pixels.shape[:2]) and size >= 1):
        raise InputError(
            f"crop: x {x}, y {y}, side {side}, size {size} is no usable square of a picture of "
            f"{pixels.shape[1]} x {pixels.shape[0]} pixels"
        )
    shrink = int(side / size / 3)
    if shrink > 1:  # of a large picture average whole blocks first
        margin = int(side / size) + 2 * shrink
        height, width = pixels.shape[:2]
        x0, y0 = (min(max(int(low) - margin, 0), n - 1) for low, n in ((x, width), (y, height)))
        x1, y1 = max(int(x + side) + margin, x0 + 1), max(int(y + side) + margin, y0 + 1)
        pixels = _per_plane(pixels[y0:y1, x0:x1], lambda picture: picture.reduce(shrink))
        x, y, side = (x - x0) / shrink, (y - y0) / shrink, side / shrink
    support = int(np.ceil(max(side / size, 1))) + 1  # the filter reaches this far beyond the box
    left, top = int(np.floor(x)) - support, int(np.floor(y)) - support
    right, bottom = int(np.ceil(x + side)) + support, int(np.ceil(y + side)) + support
    region = _region(pixels, (left, top, right, bottom), fill)
    box = (x - left, y - top, x - left + side, y - top + side)
    return _per_plane(
        region, lambda picture: picture.resize((size, size), Image.Resampling.BILINEAR, box=box)
    )


def _is_one_colour(pixels: np.ndarray) -> bool:
    first = pixels[0, 0]
    return bool((pixels[::16, ::16] == first).all() and (pixels == first).all())


def _read(name: str, max_pixels: int) -> tuple[np.ndarray, np.ndarray | None]:
    """uint8 [H, W, 3] and uint8 [H, W] or None (all opaque)."""
    try:
        length = os.stat(name).st_size
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a valid path"
        raise ImageError(f"{name}: cannot be opened ({reason}); check the path") from None
    if os.path.isdir(name):
        raise ImageError(f"{name}: is a folder; name the picture files in it")
    if length == 0 and os.path.isfile(name):
        raise ImageError(f"{name}: is an empty file; copy or download it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about very large pictures: the limit below is stricter
            picture = _open(name)
    except Image.DecompressionBombError:
        raise ImageError(_too_large(name, "", max_pixels)) from None
    except OSError as error:
        if error.strerror:
            raise ImageError(f"{name}: cannot be read ({error.strerror}); check its permissions") from None
        raise ImageError(
            f"{name}: is not a picture in a known format; use a JPEG, PNG or WebP file"
        ) from None
    except Exception as error:  # a damaged header can raise anything
        raise ImageError(_damaged(name, error)) from None
    with picture:
        width, height = picture.size
        if width < 1 or height < 1:
            raise ImageError(f"{name}: is {width} x {height} pixels; use a picture that is not empty")
        if width * height > max_pixels:
            raise ImageError(_too_large(name, f"{width} x {height} pixels, ", max_pixels))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                picture.load()  # before anything looks for EXIF data, which would swallow its errors
                orientation = _orientation(picture)
                pixels, alpha = _decode(picture, orientation)
        except Exception as error:  # so can damaged data
            raise ImageError(_damaged(name, error)) from None
    if alpha is not None and alpha.min() == 255:
        alpha = None
    return pixels, alpha


def _open(name: str) -> Image.Image:
    Image.preinit()
    try:
        return Image.open(name, formats=_COMMON)
    except UnidentifiedImageError:
        Image.init()
        return Image.open(name, formats=[kind for kind in _OTHERS if kind in Image.OPEN])


def _too_large(name: str, size: str, max_pixels: int) -> str:
    limit = f"the limit is {max_pixels / 1e6:g} million"
    return f"{name}: is too large ({size}{limit}); scale it down, 2000 pixels a side are plenty"


def _damaged(name: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:120] or type(error).__name__
    return f"{name}: is damaged or cut short ({reason}); copy or download it again"


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(0x0112, 1))
    except Exception:  # broken EXIF data say nothing about the pixels
        return 1


def _decode(picture: Image.Image, orientation: int) -> tuple[np.ndarray, np.ndarray | None]:
    picture.load()
    if picture.mode.startswith(("I", "F")):
        white = 65535.0 if picture.mode.startswith("I;16") else None
        picture = Image.fromarray(_to_8_bit(np.asarray(picture), white))
    has_alpha = "transparency" in picture.info or picture.mode in ("RGBA", "RGBa", "LA", "La", "PA")
    picture = _to_srgb(picture)
    target = "RGBA" if has_alpha else "RGB"
    if picture.mode != target:
        picture = picture.convert(target)
    if orientation in _TRANSPOSE:
        picture = picture.transpose(_TRANSPOSE[orientation])
    array = np.array(picture)
    if has_alpha:
        return np.ascontiguousarray(array[..., :3]), np.ascontiguousarray(array[..., 3])
    return array, None


def _to_8_bit(values: np.ndarray, white: float | None) -> np.ndarray:
    """uint8 [H, W] of a greyscale picture with more bits.

    Unless given, white is the smallest of 1, 255, 65535 that no value exceeds, or else the largest value.
    """
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it contains NaN or infinity")
    top = float(values.max(initial=0))
    white = white or next((limit for limit in (1.0, 255.0, 65535.0) if top <= limit), top)
    return np.clip(np.round(values * (255 / white)), 0, 255).astype(np.uint8)


def _to_srgb(picture: Image.Image) -> Image.Image:
    """Convert from an embedded RGB profile (Display P3, Adobe RGB) unless it is sRGB itself."""
    profile = picture.info.get("icc_profile")
    if picture.mode not in ("RGB", "RGBA") or not profile or profile[16:20] != b"RGB " or b"sRGB" in profile:
        return picture
    if "sRGB".encode("utf-16-be") in profile:
        return picture
    try:
        from PIL import ImageCms

        converted = ImageCms.profileToProfile(
            picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        )
        return picture if converted is None else converted
    except Exception:  # an unusable profile: take the numbers as sRGB
        return picture


def _region(pixels: np.ndarray, bounds: tuple[int, int, int, int], fill: Any) -> np.ndarray:
    """The rectangle (left, top, right, bottom) of a picture, extended where it is off the picture."""
    left, top, right, bottom = bounds
    height, width = pixels.shape[:2]
    rows, columns = np.arange(top, bottom), np.arange(left, right)
    inside = pixels[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if inside.shape[:2] == (len(rows), len(columns)):
        return inside
    if fill is None and not inside.size:
        return pixels[np.ix_(np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1))]
    region = np.empty((len(rows), len(columns), *pixels.shape[2:]), pixels.dtype)
    y0, x0 = max(-top, 0), max(-left, 0)
    y1, x1 = y0 + inside.shape[0], x0 + inside.shape[1]
    if fill is None:
        region[y0:y1, x0:x1] = inside
        region[y0:y1, :x0], region[y0:y1, x1:] = inside[:, :1], inside[:, -1:]
        region[:y0], region[y1:] = region[y0], region[y1 - 1]
    else:
        region[:] = np.asarray(fill, pixels.dtype)
        region[y0:y1, x0:x1] = inside
    return region


def _per_plane(pixels: np.ndarray, function: Callable[[Image.Image], Image.Image]) -> np.ndarray:
    """Apply a Pillow operation to the three channels together or to each channel alone."""
    if pixels.ndim == 2 or (pixels.dtype == np.uint8 and pixels.shape[2] == 3):
        return np.asarray(function(Image.fromarray(np.ascontiguousarray(pixels))))
    planes = [np.ascontiguousarray(pixels[..., c]) for c in range(pixels.shape[2])]
    return np.stack([np.asarray(function(Image.fromarray(plane))) for plane in planes], axis=-1)
