"""Time of the renderer's numpy kernels against faces, pixels, batch, threads and softness of the mask."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from unrender.render.kernels import interpolate, rasterize, soft_mask
from workloads import dented_ball

DELTA = 1 / 7000


def _best(call: Callable[[], Any], repeats: int) -> float:
    """Milliseconds, the median of `repeats` calls after one that does not count."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times))


def operations(
    clip: np.ndarray, faces: np.ndarray, size: int, threads: int, delta: float, repeats: int
) -> dict[str, float]:
    """Milliseconds of each kernel on one input."""
    index, weights, _ = rasterize.forward(clip, faces, size, size, threads=threads)
    colours = np.ones((1, clip.shape[1], 3), np.float32)
    picture = interpolate.forward(colours, faces, index, weights, threads)
    mask = soft_mask.forward(clip, faces, index, delta, 0, threads)
    grad = mask - 0.5
    calls: dict[str, Callable[[], Any]] = {
        "visibility": lambda: rasterize.forward(clip, faces, size, size, 0, False, threads),
        "barycentrics": lambda: rasterize.resolve(clip, faces, index, threads),
        "interpolate": lambda: interpolate.forward(colours, faces, index, weights, threads),
        "interpolate, gradient": lambda: interpolate.vjp(colours, faces, index, weights, picture, threads),
        "rasterize, gradient": lambda: rasterize.vjp(clip, faces, index, weights, weights, None, threads),
        "soft mask": lambda: soft_mask.forward(clip, faces, index, delta, 0, threads),
        "soft mask, gradient": lambda: soft_mask.vjp(clip, faces, index, mask, grad, delta, 0, threads),
    }
    return {name: round(_best(call, repeats), 4) for name, call in calls.items()}


def curves(repeats: int, threads: int) -> dict[str, dict[str, dict[str, float]]]:
    """{what varies: {value: {kernel: ms}}}."""
    result: dict[str, dict[str, dict[str, float]]] = {}

    def add(what: str, value: object, *, level: int, batch: int, size: int, count: int, delta: float) -> None:
        clip, faces = dented_ball(level, batch)
        times = operations(clip, faces, size, count, delta, repeats)
        result.setdefault(what, {})[str(value)] = times
        print(f"{what} {value}: {times}", flush=True)

    for level in range(3, 9):  # 1,280 to 1,310,720 faces
        add("faces", 20 * 4**level, level=level, batch=1, size=512, count=threads, delta=DELTA)
    for size in (64, 128, 256, 512, 1024, 2048):
        add("pixels a side", size, level=3, batch=1, size=size, count=threads, delta=DELTA)
    for batch in (1, 2, 4, 8, 16, 32, 64):
        add("batch", batch, level=3, batch=batch, size=128, count=threads, delta=DELTA)
    for count in sorted({1, threads}):
        add("threads", count, level=3, batch=8, size=128, count=count, delta=DELTA)
    for radius in (1, 2, 4, 8, 16, 32):  # in pixels of a 256 x 256 picture
        add(
            "softness, pixels",
            radius,
            level=3,
            batch=1,
            size=256,
            count=threads,
            delta=(radius / 128) ** 2 / 8,
        )
    return result


def plot_curves(curves_: dict[str, dict[str, dict[str, float]]], path: Path) -> None:
    """One panel for each thing that varies, both axes logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(curves_), figsize=(3.6 * len(curves_), 3.4))
    for panel, (what, points) in zip(np.atleast_1d(panels), curves_.items(), strict=True):
        values = [float(value) for value in points]
        for kernel in next(iter(points.values())):
            panel.plot(values, [times[kernel] for times in points.values()], ".-", label=kernel)
        panel.set(xscale="log", yscale="log", xlabel=what)
    np.atleast_1d(panels)[0].set_ylabel("ms (median)")
    np.atleast_1d(panels)[0].legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
