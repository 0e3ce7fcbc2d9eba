"""Limbs along a path, thin plates, and balls."""

from __future__ import annotations

import numpy as np

from unrender.synthesize.curves import pchip
from unrender.synthesize.parts.loft import loft, ring_angles


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def limb(
    path: np.ndarray,
    radii: np.ndarray,
    *,
    rings: int,
    sides: int,
    reference: tuple[float, float, float] | np.ndarray = (0.0, 0.0, 1.0),
    knots: np.ndarray | None = None,
) -> np.ndarray:
    """A tube along a smooth path.

    Args:
        path: [K, 3] points it goes through.
        radii: [K] or [K, 2] half-width and half-depth (along `reference`) at these points.
        rings, sides: size of the grid.
        reference: a direction that is nowhere along the path; the second axis of the rings leans towards it.
        knots: [K] in [0, 1], where on the tube the points lie; None spaces them by length.

    Returns:
        float64 [rings, sides, 3].
    """
    path, radii = np.asarray(path, dtype=np.float64), np.asarray(radii, dtype=np.float64)
    radii = np.repeat(radii[:, None], 2, 1) if radii.ndim == 1 else radii
    if knots is None:
        steps = np.linalg.norm(np.diff(path, axis=0), axis=1) + 1e-6
        knots = np.concatenate([[0.0], np.cumsum(steps) / steps.sum()])
    t = np.linspace(0, 1, rings)
    centre, size = pchip(knots, path, t), pchip(knots, radii, t)
    forward = _unit(np.gradient(centre, axis=0))
    side = _unit(np.cross(np.asarray(reference), forward))
    up = np.cross(forward, side)
    return loft(centre, np.stack([side, up, forward], 1), size, sides)


def plate(
    leading: np.ndarray, trailing: np.ndarray, thickness: np.ndarray | float, *, rings: int, chord: int = 7
) -> np.ndarray:
    """A thin sheet between two edges: a wing, fin, ear, sail or feather, thickest a third behind its leading
    edge.

    Args:
        leading, trailing: [K, 3] points of the edges from root to tip.
        thickness: [K] or a number: half of it, as a length.
        rings, chord: rings along the sheet, and vertices of one face across it (2 * chord - 2 sides).

    Returns:
        float64 [rings, 2 * chord - 2, 3].
    """
    knots = np.linspace(0, 1, len(leading))
    t = np.linspace(0, 1, rings)
    front, back = pchip(knots, np.asarray(leading), t), pchip(knots, np.asarray(trailing), t)
    half = pchip(knots, np.broadcast_to(np.asarray(thickness, dtype=np.float64), knots.shape), t)
    middle = 0.5 * (front + back)
    normal = _unit(np.cross(np.gradient(middle, axis=0), front - back))
    across = 0.5 - 0.5 * np.cos(np.pi * np.arange(chord) / (chord - 1))
    position = np.concatenate([across, across[-2:0:-1]])
    profile = 2.6 * np.sqrt(position) * (1 - position)
    sign = np.where(np.arange(len(position)) < chord, 1.0, -1.0)
    grid = front[:, None] + (back - front)[:, None] * position[:, None]
    return grid + (half[:, None] * (profile * sign))[..., None] * normal[:, None]


def ball(
    centre: np.ndarray, radii: np.ndarray | float, axes: np.ndarray, *, rings: int = 5, sides: int = 10
) -> np.ndarray:
    """An ellipsoid [rings, sides, 3] whose poles lie along the third of `axes` [3, 3]; radii [3] or a
    number."""
    radii = np.broadcast_to(np.asarray(radii, dtype=np.float64), 3)
    polar = np.pi * (np.arange(rings) + 0.55) / (rings + 0.1)
    angle = ring_angles(sides)
    x = np.sin(polar)[:, None] * np.cos(angle) * radii[0]
    y = np.sin(polar)[:, None] * np.sin(angle) * radii[1]
    z = np.broadcast_to(-np.cos(polar)[:, None] * radii[2], x.shape)
    return np.asarray(centre) + x[..., None] * axes[0] + y[..., None] * axes[1] + z[..., None] * axes[2]
