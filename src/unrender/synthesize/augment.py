"""From a clean cut-out to something like a photograph: backgrounds, occluders, and what a camera does to
a picture.

Pure functions of their arguments and of a `numpy.random.Generator`: the same generator state gives the
same picture. Pictures are uint8 sRGB, row 0 at the top. At 128 x 128 each function takes well under a
millisecond on average.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFilter

from unrender.errors import InputError

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_THREE, _CHANNEL = np.int64(3), np.arange(3)


def composite(
    rgba: np.ndarray, background: np.ndarray, rng: np.random.Generator, *, occluders: float = 0.12
) -> tuple[np.ndarray, np.ndarray]:
    """Put a cut-out in front of a background; sometimes something stands before both.

    Args:
        rgba: uint8 [H, W, 4], straight alpha.
        background: uint8 [H, W, 3].
        rng: the only source of chance.
        occluders: probability that a flat-coloured shape hides a part (at most about a third of the object).

    Returns:
        The picture, uint8 [H, W, 3], and the mask of the object's visible part, uint8 [H, W], 255 = object.

    Raises:
        InputError: shapes or dtypes do not fit.
    """
    if rgba.dtype != np.uint8 or rgba.ndim != 3 or rgba.shape[2] != 4:
        raise InputError(f"rgba: expected uint8 [H, W, 4], got {rgba.dtype} {list(rgba.shape)}")
    if background.dtype != np.uint8 or background.shape != (*rgba.shape[:2], 3):
        raise InputError(
            f"background: expected uint8 {[*rgba.shape[:2], 3]},"
            f" got {background.dtype} {list(background.shape)}"
        )
    alpha = rgba[..., 3:].astype(np.uint16)
    blend: np.ndarray = rgba[..., :3] * alpha + background * (255 - alpha) + np.uint16(127)
    picture = ((blend + (blend >> 8)) >> 8).astype(np.uint8)
    mask = rgba[..., 3]
    if rng.random() < occluders:
        cover = _occluder(mask, rng)
        if cover is not None:
            colour = background[rng.integers(mask.shape[0]), rng.integers(mask.shape[1])].astype(np.float32)
            colour = np.clip(colour * rng.uniform(0.5, 1.3) + rng.uniform(-20, 20, 3), 0, 255)
            shade = 1 + 0.25 * (rng.random() - 0.5) * np.linspace(-1, 1, mask.shape[0], dtype=np.float32)
            fill = np.clip(colour * shade[:, None, None], 0, 255).astype(np.uint8)
            picture = np.where(cover[..., None], fill, picture)
            return picture, np.where(cover, 0, mask).astype(np.uint8)
    return picture, mask.copy()


def _occluder(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
    """A bool [H, W] shape (branch, block or blob) over a part of the object, or None where it would hide
    too much.
    """
    height, width = mask.shape
    inside = np.flatnonzero(mask > 127)
    if inside.size == 0:
        return None
    centre_y, centre_x = divmod(int(inside[rng.integers(inside.size)]), width)
    angle, kind = rng.uniform(0, np.pi), rng.random()
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    y = np.arange(height, dtype=np.float32)[:, None] - centre_y
    x = np.arange(width, dtype=np.float32)[None] - centre_x
    along, across = c * x + s * y, c * y - s * x
    size = min(height, width)
    if kind < 0.45:  # a branch
        half = size * rng.uniform(0.01, 0.035)
        bend = rng.uniform(-0.004, 0.004) * 128 / size
        cover = np.abs(across + bend * along * along) < half
    elif kind < 0.75:
        cover = (np.abs(along) < size * rng.uniform(0.05, 0.2)) & (
            np.abs(across) < size * rng.uniform(0.03, 0.15)
        )
    else:
        cover = (along / (size * rng.uniform(0.06, 0.2))) ** 2 + (
            across / (size * rng.uniform(0.04, 0.15))
        ) ** 2 < 1
    hidden = np.count_nonzero(cover & (mask > 127))
    return cover if hidden <= 0.35 * inside.size else None


def degrade(rgb: np.ndarray, rng: np.random.Generator, *, strength: float = 1.0) -> np.ndarray:
    """Exposure, contrast, colour cast, saturation, gamma, then now and then blur, sensor noise and JPEG.

    Args:
        rgb: uint8 [H, W, 3].
        rng: the only source of chance.
        strength: 0 changes nothing, 1 is what training uses.

    Returns:
        uint8 [H, W, 3].

    Raises:
        InputError: not uint8 [H, W, 3].
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise InputError(f"rgb: expected uint8 [H, W, 3], got {rgb.dtype} {list(rgb.shape)}")
    if strength <= 0:
        return rgb.copy()
    picture = _jitter(rgb, rng, strength)
    chance = rng.random(4)
    if chance[0] < 0.3 * strength:
        image = Image.fromarray(picture)
        if chance[1] < 0.5:  # a small picture that was enlarged
            factor = rng.uniform(0.4, 0.85)
            height, width = rgb.shape[:2]
            small = (max(1, round(width * factor)), max(1, round(height * factor)))
            image = image.resize(small, Image.Resampling.BILINEAR)
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        else:
            image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.1) * rgb.shape[1] / 128))
        picture = np.asarray(image)
    if chance[2] < 0.35 * strength:
        sigma = np.float32(rng.uniform(1.5, 9.0))
        grain = rng.standard_normal(
            picture.shape[:2] if rng.random() < 0.5 else picture.shape, dtype=np.float32
        )
        grain = grain[..., None] if grain.ndim == 2 else grain
        picture = np.clip(picture + grain * sigma + np.float32(0.5), 0, 255).astype(np.uint8)
    if chance[3] < 0.35 * strength:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=int(rng.integers(35, 95)))
        picture = np.asarray(Image.open(buffer))
    return np.ascontiguousarray(picture)


def _jitter(rgb: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    gain = np.exp(strength * (0.18 * rng.standard_normal() + 0.06 * rng.standard_normal(3)))
    saturation = float(np.clip(1 + strength * 0.25 * rng.standard_normal(), 0.1, 1.9))
    if rng.random() < 0.05 * strength:
        saturation = 0.0
    contrast = float(np.exp(strength * 0.15 * rng.standard_normal()))
    lift = strength * 8 * rng.standard_normal()
    gamma = float(np.exp(strength * 0.15 * rng.standard_normal()))
    # Exposure, contrast and gamma are a curve per channel (a table of 256); saturation mixes channels.
    level = np.arange(256, dtype=np.float64)[:, None]
    curve = (level * gain - 128) * contrast + 128 + lift
    curve = (255 * (np.clip(curve, 0, 255) / 255) ** gamma).astype(np.float32)
    if abs(saturation - 1) < 0.02:
        return np.ravel(np.round(curve).astype(np.uint8)).take(rgb * _THREE + _CHANNEL)
    mix = np.float32(saturation) * np.eye(3, dtype=np.float32) + np.float32(1 - saturation) * _LUMA[:, None]
    picture = np.ravel(curve).take(rgb * _THREE + _CHANNEL).reshape(-1, 3) @ mix
    picture += np.float32(0.5)
    return np.clip(picture, 0, 255, out=picture).astype(np.uint8).reshape(rgb.shape)


def noise_background(size: int, rng: np.random.Generator) -> np.ndarray:
    """A made-up background, uint8 [size, size, 3]: flat, a gradient, sky over ground, clouds or coarse
    texture.

    Raises:
        InputError: size < 1.
    """
    if size < 1:
        raise InputError(f"size: expected at least 1 pixel, got {size}")
    kind = rng.random()
    first, second = _colour(rng), _colour(rng)
    if kind < 0.15:
        picture = np.broadcast_to(first, (size, size, 3))
        return np.clip(picture, 0, 255).astype(np.uint8)
    ramp = np.linspace(0, 1, size, dtype=np.float32)
    field = _octaves(size, rng)
    if kind < 0.35:  # gradient
        angle = rng.uniform(0, 2 * np.pi)
        weight = 0.5 + 0.5 * (np.cos(angle) * (2 * ramp[None] - 1) + np.sin(angle) * (2 * ramp[:, None] - 1))
    elif kind < 0.55:  # ground below, something lighter above
        weight = np.clip((ramp[:, None] - rng.uniform(0.3, 0.9)) / rng.uniform(0.01, 0.3) + 0.5, 0, 1)
        weight = np.broadcast_to(weight, (size, size))
    else:
        weight = 0.5 + np.float32(rng.uniform(0.2, 0.5)) * field[::-1]
    picture = (second - first) * np.clip(weight, 0, 1).astype(np.float32)[..., None]
    picture += first
    picture += field[..., None] * np.float32(rng.uniform(3, 28))
    return np.clip(picture, 0, 255, out=picture).astype(np.uint8)


def _colour(rng: np.random.Generator) -> np.ndarray:
    """A plausible colour of surroundings, float32 [3] in [0, 255]: grey, green, brown, blue, white, or
    anything.
    """
    bases = ((128, 128, 128), (96, 124, 62), (138, 112, 82), (150, 178, 204), (236, 236, 236), (44, 52, 40))
    if rng.random() < 0.25:
        base = rng.uniform(0, 255, 3)
    else:
        base = np.array(bases[rng.integers(len(bases))]) * np.exp(0.25 * rng.standard_normal())
    return np.clip(base + 14 * rng.standard_normal(3), 0, 255).astype(np.float32)


def _octaves(size: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of several scales, float32 [size, size], variance about 1 at most."""
    total = np.zeros((size, size), dtype=np.float32)
    fall = rng.uniform(0.4, 0.95)
    stretch = rng.choice([1, 1, 1, 2, 4])
    cells, weight, power = 3, 1.0, 0.0
    while cells < size:
        rows, columns = max(2, cells // (stretch if rng.random() < 0.5 else 1)), cells
        coarse = Image.fromarray(rng.standard_normal((rows, columns), dtype=np.float32))
        total += np.float32(weight) * np.asarray(coarse.resize((size, size), Image.Resampling.BILINEAR))
        power += weight * weight
        cells, weight = cells * 3, weight * fall
    return total / np.float32(max(power, 1e-6) ** 0.5)


def photo_background(photo: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """A random square crop of a photo (30 % of its shorter side or more), perhaps mirrored: uint8 [size,
    size, 3].

    Raises:
        InputError: `photo` is not uint8 [H, W, 3], or size < 1.
    """
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        raise InputError(f"photo: expected uint8 [H, W, 3], got {photo.dtype} {list(photo.shape)}")
    if size < 1:
        raise InputError(f"size: expected at least 1 pixel, got {size}")
    height, width = photo.shape[:2]
    side = max(1, int(min(height, width) * rng.uniform(0.3, 1.0)))
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    crop = Image.fromarray(np.ascontiguousarray(photo[top : top + side, left : left + side]))
    result = np.asarray(crop.resize((size, size), Image.Resampling.BILINEAR))
    return np.ascontiguousarray(result[:, ::-1] if rng.random() < 0.5 else result)


def random_background(
    photos: Sequence[np.ndarray], size: int, rng: np.random.Generator, *, photo_share: float = 0.7
) -> np.ndarray:
    """A crop of one of `photos` (uint8 [H, W, 3] each) or, without photos or by chance, a made-up
    background.
    """
    if len(photos) and rng.random() < photo_share:
        return photo_background(photos[int(rng.integers(len(photos)))], size, rng)
    return noise_background(size, rng)


def roughened(masks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Outlines [N, S, S] in [0, 1] as a network might find them, float32 of the same shape.

    Three in four get a wavering edge, doubtful spots inside and traces outside; the others stay as they are.
    """
    count, size = len(masks), masks.shape[-1]
    result = masks.astype(np.float32)
    for row in np.flatnonzero(rng.random(count) < 0.75):
        cells = int(rng.choice([4, 8, 16]))
        place = np.linspace(0, cells - 1, size, dtype=np.float32)
        spread = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(cells, dtype=np.float32)))
        noise = spread @ rng.normal(0, rng.uniform(0.05, 0.3), (cells, cells)).astype(np.float32) @ spread.T
        padded = np.pad(result[row], 1, mode="edge")
        soft = sum(padded[i : i + size, j : j + size] for i in range(3) for j in range(3)) / np.float32(9)
        result[row] = 1 / (1 + np.exp(-10 * (soft - 0.5 + noise)))
    return result
