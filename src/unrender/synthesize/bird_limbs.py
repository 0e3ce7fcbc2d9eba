"""Wings and legs of a procedural bird, as tubes attached to its spine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unrender.synthesize.bird_parameters import BirdParameters
from unrender.synthesize.bird_parts import (
    LEG_ROWS,
    LEG_SIDES,
    TOE_ROWS,
    TOE_SIDES,
    WING_BOTTOM,
    WING_ROWS,
    WING_TOP,
    close,
    ring_angles,
    sheet_chord,
)
from unrender.synthesize.curves import pchip, smoothstep

if TYPE_CHECKING:
    from unrender.synthesize.bird_shape import Spine

_CHORD = sheet_chord(WING_TOP, WING_BOTTOM)
_UPPER = np.arange(WING_TOP + WING_BOTTOM) < WING_TOP
_SHOULDER = 0.98


def wing(p: BirdParameters, spine: Spine, side: int) -> np.ndarray:
    """One wing as tube vertices [n, 3]; `side` is 1 for the left, -1 for the right."""
    grid = _folded(p, spine)
    if p.wing_open > 0:
        spread = _spread(p, spine, p.dihedral_left if side > 0 else p.dihedral_right)
        grid = grid + (spread - grid) * p.wing_open
    grid = grid * np.array([side, 1.0, 1.0])
    return close(grid)


def _folded(p: BirdParameters, spine: Spine) -> np.ndarray:
    """The folded left wing: a shell that lies on the flank and ends in a point above the tail, [rows,
    sides, 3].
    """
    s = np.linspace(0, 1, WING_ROWS)
    u = _SHOULDER - p.wing_length * s
    position, axes, radii = spine.at(np.clip(u, 0.0, 1.0))
    radii = np.maximum(radii, np.array([0.3 * p.body_width, 0.36 * p.back, 0.3 * p.belly]))
    beyond = np.clip(-u, 0.0, None)
    shrink = np.exp(-1.6 * beyond)[:, None]
    tau = np.radians(p.body_pitch + p.arch - 0.6 * p.tail_cock)
    back = -np.array([0.0, np.sin(tau), np.cos(tau)])
    position = position + beyond[:, None] * back
    outline = np.where(s < 0.3, np.sin(0.5 * np.pi * np.clip(s / 0.3, 0.02, 1)) ** 0.6, 1.0)
    outline = outline * (1 - 0.9 * np.clip((s - 0.22) / 0.78, 0, 1) ** 1.7)
    angle = p.wing_centre + p.wing_rise * s**1.2
    phi = np.radians(angle[:, None] + 0.5 * p.wing_height * outline[:, None] * _CHORD)
    edge = 1 - _CHORD**2
    thick = np.where(_UPPER, 0.012 + 0.022 * edge, -0.012)[None] * (1 - 0.6 * s[:, None])
    radii = radii * shrink
    x = (radii[:, :1] + thick) * np.cos(phi)
    y = np.where(phi >= 0, radii[:, 1:2] + thick, radii[:, 2:3] + thick) * np.sin(phi)
    x = np.maximum(x, 0.012 + thick)
    x = x + np.sin(np.radians(p.wing_lift)) * p.wing_length * s[:, None]
    return position[:, None] + x[..., None] * np.array([1.0, 0.0, 0.0]) + y[..., None] * axes[:, None, 1]


def _spread(p: BirdParameters, spine: Spine, dihedral: float) -> np.ndarray:
    """The open left wing, [rows, sides, 3]."""
    s = np.linspace(0, 1, WING_ROWS)
    position, axes, radii = spine.at(0.84)
    forward = axes[2] * np.array([0.0, 1.0, 1.0])
    forward = forward / np.linalg.norm(forward)
    left, up = np.array([1.0, 0.0, 0.0]), np.cross(forward, np.array([1.0, 0.0, 0.0]))
    root = position + left * 0.55 * radii[0] + up * 0.45 * radii[1]
    delta = np.radians(dihedral + p.wing_bend * smoothstep(0.2, 0.65, s))
    sigma = np.radians(p.wing_sweep * (-0.9 + 2.3 * smoothstep(0.22, 0.5, s)))
    along = (
        (np.cos(delta) * np.cos(sigma))[:, None] * left + (np.sin(delta) * np.cos(sigma))[:, None] * up
        - np.sin(sigma)[:, None] * forward
    )  # fmt: skip
    steps = np.diff(s)[:, None] * p.wing_span * 0.5 * (along[1:] + along[:-1])
    leading = root + np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
    tip = 0.72 - 0.5 * p.wing_point
    chord = p.wing_chord * pchip(
        np.array([0.0, 0.15, 0.45, 0.75, 0.93, 1.0]),
        np.array([1.0, 0.98, 0.9, 0.5 * (0.85 + tip), 0.75 * tip, 0.22 * tip]), s,
    )  # fmt: skip
    backward = -forward + 0.25 * smoothstep(0.5, 1, s)[:, None] * along
    normal = np.cross(along, backward)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    across = 0.5 * (_CHORD + 1)
    camber = 0.09 * chord[:, None] * np.sin(np.pi * across**0.7)
    thick = np.where(_UPPER, 1.0, -1.0) * (
        0.004 + 0.035 * np.sin(np.pi * np.clip(across, 0, 1) ** 0.5) ** 0.8
    )
    height = camber + thick * (1 - 0.75 * s[:, None])
    feathers = 1 + 0.04 * np.sin(s * 60)[:, None] * across**4
    inset = (chord[:, None] * (across - 0.22) * feathers)[..., None]
    return leading[:, None] + inset * backward[:, None] + height[..., None] * normal[:, None]


def leg(p: BirdParameters, spine: Spine, side: int) -> dict[str, np.ndarray]:
    """One leg: {"leg": [n, 3], "toe0".."toe3": [m, 3]}; `side` is 1 for the left, -1 for the right."""
    position, axes, radii = spine.at(p.hip)
    swing = np.radians(p.swing_left if side > 0 else p.swing_right)
    lift = p.lift_left if side > 0 else p.lift_right
    hip = position + np.array([p.stance * radii[0], 0.0, 0.0]) - axes[1] * 0.25 * radii[2]
    ground = (
        position[1] - np.hypot(radii[2] * axes[1, 1], 0.5 * radii[2] * axes[2, 1]) - p.leg_length * (1 - lift)
    )
    foot = np.array([hip[0] + 0.06 * p.leg_length, ground, hip[2] + 0.05])
    tilt = np.radians(p.tarsus_tilt + 55 * lift)
    shank = p.tarsus * (p.leg_length + 0.1)
    ankle = foot + shank * np.array([0.0, np.cos(tilt), -np.sin(tilt)])
    ankle[1] = min(ankle[1], hip[1] - 0.02)
    t = np.linspace(0, 1, LEG_ROWS)
    knots = np.array([0.0, 0.42, 0.5, 0.56, 1.0])
    heel = ankle + np.array([0.0, 0.0, 0.02 * shank])
    path = np.stack([hip, hip + 0.86 * (ankle - hip), heel, ankle + 0.1 * (foot - ankle), foot])
    centre = pchip(knots, path, t)
    thin = p.tarsus_radius
    radius = pchip(
        np.array([0.0, 0.2, 0.4, 0.5, 0.6, 0.94, 1.0]),
        np.array([p.thigh, 0.8 * p.thigh, 0.25 * p.thigh + 0.75 * thin, 1.2 * thin, thin, thin, 1.15 * thin]),
        t,
    )
    angles = ring_angles(LEG_SIDES)
    ring = np.stack([np.cos(angles), np.zeros(LEG_SIDES), np.sin(angles)], -1)
    parts = {"leg": close(centre[:, None] + radius[:, None, None] * ring)}
    for index, (yaw, size) in enumerate(((28.0, 0.82), (0.0, 1.0), (-28.0, 0.82), (176.0, 0.55))):
        parts[f"toe{index}"] = _toe(foot, np.radians(yaw + 6), size * p.toe_length, 0.75 * thin)
    turn = _about_x(swing)
    flat = _about_x(swing if abs(swing) > 0.7 else 0.35 * swing)
    new_foot = hip + turn @ (foot - hip)
    for name, points in parts.items():
        moved = hip + (points - hip) @ turn.T if name == "leg" else new_foot + (points - foot) @ flat.T
        inside = position + (points - hip) * 0.04
        moved = moved + (inside - moved) * p.leg_tuck if p.leg_tuck > 0 else moved
        parts[name] = moved * np.array([side, 1.0, 1.0])
    return parts


def _toe(foot: np.ndarray, yaw: float, length: float, radius: float) -> np.ndarray:
    t = np.linspace(0, 1, TOE_ROWS)
    forward = np.array([np.sin(yaw), 0.0, np.cos(yaw)])
    left = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
    up = np.array([0.0, 1.0, 0.0])
    centre = foot + forward * (length * t)[:, None] - up * (0.25 * length * (t > 0.9))[:, None] * 0.12
    angles = ring_angles(TOE_SIDES)
    size = radius * (1 - 0.65 * t**2)
    ring = np.cos(angles)[:, None] * left + 0.8 * np.sin(angles)[:, None] * up
    return close(centre[:, None] + size[:, None, None] * ring)


def _about_x(angle: float) -> np.ndarray:
    """Rotation that swings something hanging down backwards (towards -Z) for positive angles."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
