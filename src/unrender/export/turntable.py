"""Turntables: a loop of views as an animation (GIF, WebP, MP4), or all views on one PNG sheet."""

from __future__ import annotations

import io
import math
import os
from fractions import Fraction

import numpy as np
from PIL import Image

from unrender.errors import InputError, MissingExtraError
from unrender.files import write_atomic

FORMATS = (".gif", ".webp", ".mp4", ".png")
"""File name extensions that `write_turntable` knows."""


def write_turntable(path: str | os.PathLike[str], frames: np.ndarray, fps: float = 20.0) -> None:
    """Write what `encode_turntable` makes; the format follows the extension of `path`.

    Raises:
        InputError, MissingExtraError: as `encode_turntable`.
        OutputError: the file cannot be written; nothing partial is left behind.
    """
    name = os.fspath(path)
    extension = os.path.splitext(name)[1].lower()
    if extension not in FORMATS:
        raise InputError(f"{name}: unknown turntable format '{extension}'; use one of {', '.join(FORMATS)}")
    write_atomic(name, encode_turntable(frames, extension, fps))


def encode_turntable(frames: np.ndarray, extension: str = ".gif", fps: float = 20.0) -> bytes:
    """Frames as an endless GIF or WebP, an MP4 (H.264), or a contact sheet in reading order (PNG).

    Args:
        frames: uint8 [N, H, W, 3] sRGB, row 0 at the top, N at least 1.
        extension: one of `FORMATS`; ".mp4" needs `unrender[video]`, and loses the last row or column of
            frames with an odd side.
        fps: frames a second of an animation, above 0 and up to 50 (the clock of a GIF ticks 100 times a
            second and many viewers slow down below two ticks).

    Raises:
        InputError: unknown extension, or frames or fps as above do not fit.
        MissingExtraError: MP4 without PyAV.
    """
    if extension not in FORMATS:
        raise InputError(f"extension: expected one of {', '.join(FORMATS)}, got {extension!r}")
    frames = np.asarray(frames)
    if frames.ndim != 4 or frames.shape[3] != 3 or 0 in frames.shape or frames.dtype != np.uint8:
        raise InputError(f"frames: expected uint8 [N, H, W, 3], got {frames.dtype} of shape {frames.shape}")
    if not 0 < fps <= 50:
        raise InputError(f"fps: expected a number above 0 and up to 50, got {fps}")
    if extension == ".png":
        return sheet_png(frames)
    if extension == ".mp4":
        return _mp4(frames, fps)
    return _webp(frames, fps) if extension == ".webp" else _gif(frames, fps)


def sheet_png(frames: np.ndarray, columns: int | None = None) -> bytes:
    """PNG with all frames in reading order on white.

    Args:
        frames: uint8 [N, H, W, 3] sRGB. columns: frames a row; None makes the sheet about square.
    """
    count, height, width = frames.shape[:3]
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for i, frame in enumerate(frames):
        y, x = i // columns * height, i % columns * width
        sheet[y : y + height, x : x + width] = frame
    stream = io.BytesIO()
    Image.fromarray(sheet).save(stream, "PNG")
    return stream.getvalue()


def _durations(count: int, fps: float, ticks: int) -> list[int]:
    """Milliseconds a frame, whole ticks of 1 / `ticks` s; rounding the running time keeps the mean rate."""
    times = np.round(np.arange(count + 1) * (ticks / fps)).astype(int)
    return [int(step) for step in np.diff(times) * (1000 // ticks)]


def _gif(frames: np.ndarray, fps: float) -> bytes:
    """One palette for all frames, so that colours do not flicker, and no dithering, which would."""
    step = max(1, int(math.sqrt(frames[..., 0].size / 500_000)))
    sample = frames[:, ::step, ::step].reshape(-1, frames.shape[2] // step + bool(frames.shape[2] % step), 3)
    palette = Image.fromarray(np.ascontiguousarray(sample)).quantize(256, dither=Image.Dither.NONE)
    pictures = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames
    ]
    stream = io.BytesIO()
    pictures[0].save(
        stream, "GIF", save_all=True, append_images=pictures[1:],
        duration=_durations(len(frames), fps, 100), loop=0,
    )  # fmt: skip
    return stream.getvalue()


def _webp(frames: np.ndarray, fps: float) -> bytes:
    pictures = [Image.fromarray(frame) for frame in frames]
    stream = io.BytesIO()
    pictures[0].save(
        stream, "WEBP", save_all=True, append_images=pictures[1:],
        duration=_durations(len(frames), fps, 1000), loop=0, quality=85, method=4,
    )  # fmt: skip
    return stream.getvalue()


def _mp4(frames: np.ndarray, fps: float) -> bytes:
    """H.264 with 4:2:0 colour, which every player shows; that needs even sides."""
    try:
        import av
    except ImportError:
        raise MissingExtraError(
            "MP4: needs PyAV; pip install 'unrender[video]', or write GIF or WebP"
        ) from None
    frames = frames[:, : frames.shape[1] // 2 * 2, : frames.shape[2] // 2 * 2]
    if 0 in frames.shape:
        raise InputError("frames: an MP4 needs at least 2 x 2 pixels")
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        video = container.add_stream("h264", rate=Fraction(fps).limit_denominator(1000))
        video.width, video.height, video.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        video.options = {"crf": "18"}
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            container.mux(video.encode(picture))
        container.mux(video.encode())
    return stream.getvalue()
