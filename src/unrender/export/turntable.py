"""Turntables: a loop of views as an animated GIF, or all views on one PNG sheet."""

from __future__ import annotations

import io
import math
import os

import numpy as np
from PIL import Image

from unrender.errors import InputError
from unrender.files import write_atomic

FORMATS = (".gif", ".png")
"""File name extensions that `write_turntable` knows."""


def write_turntable(path: str | os.PathLike[str], frames: np.ndarray, fps: float = 20.0) -> None:
    """Write frames as an endless GIF, or as a contact sheet in reading order if the path ends in ".png".

    Args:
        path: ends in ".gif" or ".png".
        frames: uint8 [N, H, W, 3] sRGB, row 0 at the top, N at least 1.
        fps: frames a second of the GIF, above 0 and up to 50 (its clock ticks 100 times a second and many
            viewers slow down below two ticks).

    Raises:
        InputError: unknown extension, or frames or fps as above do not fit.
        OutputError: the file cannot be written; nothing partial is left behind.
    """
    name = os.fspath(path)
    extension = os.path.splitext(name)[1].lower()
    if extension not in FORMATS:
        raise InputError(f"{name}: unknown turntable format '{extension}'; use one of {', '.join(FORMATS)}")
    frames = np.asarray(frames)
    if frames.ndim != 4 or frames.shape[3] != 3 or 0 in frames.shape or frames.dtype != np.uint8:
        raise InputError(f"frames: expected uint8 [N, H, W, 3], got {frames.dtype} of shape {frames.shape}")
    if not 0 < fps <= 50:
        raise InputError(f"fps: expected a number above 0 and up to 50, got {fps}")
    write_atomic(name, _gif(frames, fps) if extension == ".gif" else _sheet(frames))


def _gif(frames: np.ndarray, fps: float) -> bytes:
    """One palette for all frames, so that colours do not flicker, and no dithering, which would."""
    step = max(1, int(math.sqrt(frames[..., 0].size / 500_000)))
    sample = frames[:, ::step, ::step].reshape(-1, frames.shape[2] // step + bool(frames.shape[2] % step), 3)
    palette = Image.fromarray(np.ascontiguousarray(sample)).quantize(256, dither=Image.Dither.NONE)
    pictures = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames
    ]
    # Durations are whole hundredths of a second; rounding the running time keeps the mean rate.
    times = np.round(np.arange(len(frames) + 1) * (100 / fps)).astype(int)
    stream = io.BytesIO()
    pictures[0].save(
        stream,
        "GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=(np.diff(times) * 10).tolist(),
        loop=0,
    )
    return stream.getvalue()


def _sheet(frames: np.ndarray) -> bytes:
    count, height, width = frames.shape[:3]
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for i, frame in enumerate(frames):
        y, x = i // columns * height, i % columns * width
        sheet[y : y + height, x : x + width] = frame
    stream = io.BytesIO()
    Image.fromarray(sheet).save(stream, "PNG")
    return stream.getvalue()
