"""Boxes with bevelled edges, columns and discs."""

from __future__ import annotations

import numpy as np

from unrender.synthesize.parts.loft import loft, section

AXES = {
    "x": np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
    "y": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    "z": np.eye(3),
}
"""Frames whose third axis is x, y or z."""


def _rectangle(half: np.ndarray, bevel: np.ndarray, n: int) -> np.ndarray:
    """Rounded rectangles [R, 4 n, 2] of half sizes [R, 2]: n points on each side, the corners cut by `bevel`
    [R]."""
    t = np.linspace(-1, 1, n)
    w, h = half[:, :1] - bevel[:, None], half[:, 1:] - bevel[:, None]
    wide, high = np.broadcast_to(half[:, :1], (len(half), n)), np.broadcast_to(half[:, 1:], (len(half), n))
    x = np.concatenate([wide, -t * w, -wide, t * w], 1)
    y = np.concatenate([t * h, high, -t * h, -high], 1)
    return np.stack([x, y], -1)


def prism(
    centres: np.ndarray, halves: np.ndarray, bevel: float, *, axis: str = "z", sides: int = 5, rings: int = 3
) -> np.ndarray:
    """A box-like body along an axis, whose rectangular section may change and shift on the way.

    Args:
        centres: [K, 3] centres of the stations, in order along the axis.
        halves: [K, 2] half sizes of the sections along the frame's first two axes (`AXES`): for x (y, z),
            for y (z, x),
            for z (x, y).
        bevel: width of the cut edges.
        axis: "x", "y" or "z".
        sides: vertices along each side of the section. rings: rings between two stations.

    Returns:
        float64 [(K - 1) * rings + 3, 4 * sides, 3].
    """
    centres, halves = np.asarray(centres, dtype=np.float64), np.asarray(halves, dtype=np.float64)
    frame = AXES[axis]
    along = centres @ frame[2]
    order = np.linspace(0, len(centres) - 1, (len(centres) - 1) * rings + 1)
    index = np.arange(len(centres))
    reach = max(abs(along[-1] - along[0]), 1e-9)
    limit = min(bevel, 0.45 * reach, 0.45 * float(max(halves.min(), 1e-9)))
    centre = np.stack([np.interp(order, index, centres[:, k]) for k in range(3)], -1)
    half = np.stack([np.interp(order, index, halves[:, k]) for k in range(2)], -1)
    ends = np.stack([centre[0], centre[-1]])
    step = (ends[1] - ends[0]) / reach * limit
    centre[0] += step
    centre[-1] -= step
    centre = np.concatenate([ends[:1], centre, ends[1:]])
    half = np.concatenate([half[:1] - limit, half, half[-1:] - limit])
    bevels = np.full(len(half), limit)
    bevels[[0, -1]] = 0.3 * limit
    rectangle = _rectangle(np.maximum(half, 1e-5), bevels, sides)
    return centre[:, None] + rectangle[..., :1] * frame[0] + rectangle[..., 1:] * frame[1]


def box(
    centre: tuple[float, float, float] | np.ndarray, size: tuple[float, float, float] | np.ndarray,
        bevel: float = 0.01,
    *, axis: str = "z", sides: int = 5, rings: int = 4,
) -> np.ndarray:  # fmt: skip
    """A box of full `size` (x, y, z) about `centre`; `axis` runs between the two faces with least detail."""
    centre, half = np.asarray(centre, dtype=np.float64), 0.5 * np.asarray(size, dtype=np.float64)
    frame = AXES[axis]
    reach = (half @ frame[2]) * frame[2]
    halves = np.array([half @ frame[0], half @ frame[1]])
    return prism(np.stack([centre - reach, centre + reach]), np.stack([halves, halves]), bevel, axis=axis,
                 sides=sides, rings=rings)  # fmt: skip


def column(
    stations: list[tuple[float, float]], x: float, z: float, *, sides: int = 12, power: float = 2.0
) -> np.ndarray:
    """A turned or square post from stations (height, radius), upwards or downwards: [2 K - 2, sides, 3] at
    least.

    Every station is a ring of its own and so may make a sharp step.
    """
    table = np.asarray(stations, dtype=np.float64)
    centre = np.stack([np.full(len(table), x), table[:, 0], np.full(len(table), z)], -1)
    return loft(centre, AXES["y"], np.repeat(table[:, 1:2], 2, 1), section(sides, power))


def disc(
    centre: tuple[float, float, float] | np.ndarray, radius: float, width: float, *, axis: str = "x",
        sides: int = 20,
    hub: float = 0.55,
) -> np.ndarray:  # fmt: skip
    """A wheel about `axis`: rounded tread, side walls and hubs, [8, sides, 3]."""
    half = 0.5 * width
    profile = np.array([
        (-0.8 * half, 0.02 * radius), (-0.8 * half, hub * radius), (-half, (hub + 0.08) * radius),
        (-half, 0.93 * radius), (-0.7 * half, radius), (0.7 * half, radius), (half, 0.93 * radius),
        (half, (hub + 0.08) * radius), (0.8 * half, hub * radius), (0.8 * half, 0.02 * radius),
    ])  # fmt: skip
    frame = AXES[axis]
    centres = np.asarray(centre) + profile[:, :1] * frame[2]
    return loft(centres, frame, np.repeat(profile[:, 1:], 2, 1), sides)
