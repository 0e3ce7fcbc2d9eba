"""Bodies: cross-sections set along a centre line.

Axes are rows (side, up, forward) of a right-handed frame: side x up = forward, rings run from side to up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unrender.synthesize.curves import pchip


def ring_angles(sides: int) -> np.ndarray:
    """Angles of a ring's vertices in radians, [sides]: 0 is the side axis, pi/2 is up."""
    return 2 * np.pi * np.arange(sides) / sides


def axes_of(pitch: np.ndarray, yaw: np.ndarray | float = 0.0) -> np.ndarray:
    """Left, up and forward axes [..., 3, 3] (rows) for pitch (upwards) and yaw (to the left) in radians."""
    pitch = np.asarray(pitch, dtype=np.float64)
    yaw = np.broadcast_to(np.asarray(yaw, dtype=np.float64), pitch.shape)
    sp, cp, sy, cy = np.sin(pitch), np.cos(pitch), np.sin(yaw), np.cos(yaw)
    left = np.stack([cy, np.zeros_like(sp), -sy], -1)
    up = np.stack([-sy * sp, cp, -cy * sp], -1)
    forward = np.stack([sy * cp, sp, cy * cp], -1)
    return np.stack([left, up, forward], -2)


def section(sides: int, power: float = 2.0) -> np.ndarray:
    """A superellipse |x|^p + |y|^p = 1, [sides, 2]: 2 is a circle, large powers come near a square."""
    angle = ring_angles(sides)
    c, s = np.cos(angle), np.sin(angle)
    scale = (np.abs(c) ** power + np.abs(s) ** power) ** (-1 / power)
    return np.stack([c * scale, s * scale], -1)


def loft(centre: np.ndarray, axes: np.ndarray, radii: np.ndarray, shape: np.ndarray | int) -> np.ndarray:
    """Cross-sections along a line.

    Args:
        centre: [R, 3]. axes: [R, 3, 3] or [3, 3], rows side, up, forward.
        radii: [R, 2] half-width and half-height, or [R, 3] half-width, upper and lower half-height.
        shape: cross-section [S, 2] or [R, S, 2] in [-1, 1], or a number of sides for an ellipse.

    Returns:
        float64 [R, S, 3].
    """
    shape = section(shape) if isinstance(shape, int) else shape
    axes = np.broadcast_to(axes, (len(centre), 3, 3))
    shape = np.broadcast_to(shape, (len(centre), *shape.shape[-2:]))
    x = shape[..., 0] * radii[:, :1]
    y = np.where(shape[..., 1] >= 0, shape[..., 1] * radii[:, 1:2], shape[..., 1] * radii[:, -1:])
    return centre[:, None] + x[..., None] * axes[:, None, 0] + y[..., None] * axes[:, None, 1]


@dataclass(frozen=True)
class Spine:
    """A centre line with cross-sections on a fine grid of u.

    Attributes: u [N] increasing; position [N, 3]; pitch, yaw [N] in radians, of the cross-sections; radii
    [N, 3]
    half-width, upper and lower half-height.
    """

    u: np.ndarray
    position: np.ndarray
    pitch: np.ndarray
    yaw: np.ndarray
    radii: np.ndarray

    def at(self, u: np.ndarray | float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Position [..., 3], axes [..., 3, 3] and radii [..., 3] at u; constant beyond the ends."""
        u = np.asarray(u, dtype=np.float64)
        position = np.stack([np.interp(u, self.u, self.position[:, k]) for k in range(3)], -1)
        radii = np.stack([np.interp(u, self.u, self.radii[:, k]) for k in range(3)], -1)
        return position, axes_of(np.interp(u, self.u, self.pitch), np.interp(u, self.u, self.yaw)), radii

    def surface(self, u: float, angle: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Point [3] on the surface at u and `angle` (degrees, 0 left, 90 up), its normal [3] and forward
        [3]."""
        position, axes, radii = self.at(u)
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        height = radii[1] if s >= 0 else radii[2]
        normal = c / max(radii[0], 1e-6) * axes[0] + s / max(height, 1e-6) * axes[1]
        point = position + radii[0] * c * axes[0] + height * s * axes[1]
        return point, normal / np.linalg.norm(normal), axes[2]


def integrate(
    u: np.ndarray, pitch: np.ndarray, yaw: np.ndarray, speed: np.ndarray, radii: np.ndarray, zero: float
) -> Spine:
    """A spine from its angles: the point at u = `zero` is the origin.

    Args:
        u: [N] equally spaced. pitch, yaw: [N] degrees. speed: [N] length per unit of u. radii: [N, 3].

    Returns:
        The spine; its cross-sections turn more slowly than the line, so that thick rings do not run into one
        another.
    """
    pitch, yaw = np.radians(pitch), np.radians(yaw)
    step = u[1] - u[0]
    velocity = axes_of(pitch, yaw)[:, 2] * speed[:, None]
    position = np.concatenate(
        [np.zeros((1, 3)), np.cumsum(0.5 * (velocity[1:] + velocity[:-1]) * step, axis=0)]
    )
    position -= position[np.argmin(np.abs(u - zero))]
    length = np.concatenate([[0.0], np.cumsum(0.5 * (speed[1:] + speed[:-1]) * step)])
    width = np.maximum(0.75 * radii[:, 1:].mean(1), 0.02)[:, None]
    weights = np.exp(-0.5 * ((length[:, None] - length[None]) / width) ** 2) * speed
    weights /= weights.sum(1, keepdims=True)
    return Spine(u, position, weights @ pitch, weights @ yaw, radii)


def body(rows: Sequence[Sequence[float]], t: np.ndarray, shape: np.ndarray | int) -> np.ndarray:
    """A straight body along +Z from a table of stations.

    Args:
        rows: (z, height of the centre, half-width, upper and lower half-height) of each station, z
            increasing.
        t: [R] in [0, 1], where along the body the rings sit.
        shape: cross-section, as for `loft`.

    Returns:
        float64 [R, S, 3].
    """
    table = np.asarray(rows, dtype=np.float64)
    z = table[0, 0] + (table[-1, 0] - table[0, 0]) * t
    values = pchip(table[:, 0], table[:, 1:], z)
    centre = np.stack([np.zeros_like(z), values[:, 0], z], -1)
    return loft(centre, np.eye(3), np.maximum(values[:, 1:], 1e-4), shape)
