"""From bird parameters to vertices: a spine with cross-sections, and everything that is attached to it.

All lengths are in body lengths until `normalise`. Frame: +Y up, beak towards +Z, the bird's left side +X.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrender.synthesize import bird_limbs
from unrender.synthesize.bird_parameters import BirdParameters
from unrender.synthesize.bird_parts import (
    BEAK_ROWS,
    BEAK_SIDES,
    CREST_ROWS,
    CREST_SIDES,
    EYE_ROWS,
    EYE_SIDES,
    SPINE_U,
    TAIL_BOTTOM,
    TAIL_ROWS,
    TAIL_TOP,
    TRUNK_SIDES,
    WATTLE_ROWS,
    WATTLE_SIDES,
    close,
    ring_angles,
    sheet_chord,
    tubes,
)
from unrender.synthesize.curves import pchip, smoothstep


@dataclass(frozen=True)
class Spine:
    """Centre line of the trunk on a fine grid of u (0 rump, 1 shoulder, 2 nape, 3 beak).

    Attributes: u [N]; position [N, 3]; pitch and yaw [N] in radians, of the cross-sections' normals;
    radii [N, 3]: half-width, upper and lower half-height.
    """

    u: np.ndarray
    position: np.ndarray
    pitch: np.ndarray
    yaw: np.ndarray
    radii: np.ndarray

    def at(self, u: np.ndarray | float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Position [..., 3], axes [..., 3 (left, up, forward), 3] and radii [..., 3] at u; constant beyond
        the ends.
        """
        u = np.asarray(u, dtype=np.float64)
        position = np.stack([np.interp(u, self.u, self.position[:, k]) for k in range(3)], -1)
        radii = np.stack([np.interp(u, self.u, self.radii[:, k]) for k in range(3)], -1)
        axes = axes_of(np.interp(u, self.u, self.pitch), np.interp(u, self.u, self.yaw))
        return position, axes, radii


def axes_of(pitch: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """Left, up and forward axes [..., 3, 3] (rows) for pitch and yaw [...] in radians."""
    sp, cp, sy, cy = np.sin(pitch), np.cos(pitch), np.sin(yaw), np.cos(yaw)
    zero = np.zeros_like(sp)
    left = np.stack([cy, zero, -sy], -1)
    up = np.stack([-sy * sp, cp, -cy * sp], -1)
    forward = np.stack([sy * cp, sp, cy * cp], -1)
    return np.stack([left, up, forward], -2)


def _mix(a: float, b: float, t: float) -> float:
    return a + (b - a) * t


def _radii(p: BirdParameters, u: np.ndarray) -> np.ndarray:
    """Half-width, upper and lower half-height [N, 3] of the trunk at u [N]."""
    height = p.head_radius * p.head_height
    neck = np.array([p.neck_radius, p.neck_radius * 1.02, p.neck_radius * 1.05])
    head = np.array([p.head_radius, height, height * 0.95])
    full = np.array([p.body_width, p.back, p.belly])
    end = np.array([p.tail_base, p.tail_base * 0.55, p.tail_base * 0.6])
    swell = np.array([0.5 * (p.rump + p.vent), p.rump, p.vent])
    chest = full * p.chest
    base = neck + (chest - neck) * p.neck_base
    tip = np.array([p.beak_width, 0.62 * p.beak_height, 0.5 * p.beak_height])
    brow = np.array([0.0, 0.2 * (p.forehead - 0.5), 0.0])
    rows = [
        (0.0, end),
        (0.10, end + (full - end) * (0.14 + 0.36 * swell)),
        (0.28, end + (full - end) * (0.48 + 0.4 * swell)),
        (p.girth, full),
        (0.5 * (p.girth + 0.95), full + (chest - full) * 0.35),
        (0.95, chest + (base - chest) * 0.35),
        (1.05, base),
        (1.38, neck + (base - neck) * 0.38),
        (1.75, neck),
        (2.02, neck + (head - neck) * 0.55),
        (2.22, neck * 0.06 + head * 0.92),
        (2.42, head),
        (2.6, head * (0.95 + 0.5 * brow)),
        (2.78, np.maximum(head * (0.76 + brow), tip)),
        (2.9, np.maximum(head * (0.52 + 0.8 * brow), tip)),
        (3.0, np.maximum(head * 0.16, tip * 0.95)),
    ]
    return pchip(np.array([row[0] for row in rows]), np.stack([row[1] for row in rows]), u)


def make_spine(p: BirdParameters) -> Spine:
    """The trunk's centre line, integrated from its angles; the middle of the body (u = 0.5) is at the
    origin.
    """
    u = np.linspace(0.0, 3.0, 301)
    knots = np.array([0.0, 0.5, 0.95, 1.32, 1.74, 2.16, 3.0])
    angles = np.array([
        p.body_pitch + p.arch, p.body_pitch, p.body_pitch - 0.4 * p.arch,
        p.neck_low, p.neck_high, p.head_pitch, p.head_pitch,
    ])  # fmt: skip
    pitch = np.radians(pchip(knots, angles, u))
    yaw = np.radians(p.head_yaw) * smoothstep(1.15, 2.15, u)
    head = 2 * p.head_radius * p.head_length
    speed = pchip(
        np.array([0.0, 0.95, 1.1, 1.9, 2.1, 3.0]),
        np.array([1.0, 1.0, p.neck_length, p.neck_length, head, head]), u,
    )  # fmt: skip
    radii = _radii(p, u)
    forward = axes_of(pitch, yaw)[:, 2]
    step = u[1] - u[0]
    length = np.concatenate([[0.0], np.cumsum(0.5 * (speed[1:] + speed[:-1]) * step)])
    velocity = forward * speed[:, None]
    position = np.concatenate(
        [np.zeros((1, 3)), np.cumsum(0.5 * (velocity[1:] + velocity[:-1]) * step, axis=0)]
    )
    position -= position[50]
    # Cross-sections turn more slowly than the centre line, so that thick rings do not run into each other.
    width = np.maximum(0.75 * radii[:, 1:].mean(1), 0.02)[:, None]
    weights = np.exp(-0.5 * ((length[:, None] - length[None]) / width) ** 2) * speed
    weights /= weights.sum(1, keepdims=True)
    return Spine(u, position, weights @ pitch, weights @ yaw, radii)


def _elliptic(spine: Spine, u: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Surface of the trunk [len(u), len(angles), 3]."""
    position, axes, radii = spine.at(u)
    c, s = np.cos(angles), np.sin(angles)
    vertical = np.where(s >= 0, radii[:, 1:2] * s, radii[:, 2:3] * s)
    return (
        position[:, None]
        + (radii[:, :1] * c)[..., None] * axes[:, None, 0]
        + vertical[..., None] * axes[:, None, 1]
    )


def _trunk(spine: Spine) -> np.ndarray:
    grid = _elliptic(spine, SPINE_U, ring_angles(TRUNK_SIDES))
    return close(grid, spine.at(0.0)[0], spine.at(3.0)[0])


def _beak(p: BirdParameters, spine: Spine, upper: bool) -> np.ndarray:
    root = spine.at(2.84)[0]
    t = np.linspace(0, 1, BEAK_ROWS) ** 0.9
    yaw = np.radians(p.head_yaw)
    length = p.beak_length * (1.0 if upper else 0.93) + 0.16 * 2 * p.head_radius * p.head_length
    hook = p.beak_hook * smoothstep(0.6, 1.0, t) if upper else 0.3 * p.beak_hook * smoothstep(0.6, 1.0, t)
    pitch = np.radians(p.head_pitch + p.beak_tilt - p.beak_curve * t - hook - (0.0 if upper else p.gape))
    forward = axes_of(pitch, np.full_like(pitch, yaw))
    steps = np.diff(t)[:, None] * length * 0.5 * (forward[1:, 2] + forward[:-1, 2])
    centre = root + np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
    taper = (1 - 0.97 * t) ** p.beak_taper
    half = p.beak_height * (0.62 if upper else 0.42) * taper
    offset = p.beak_height * (0.36 if upper else -0.34) * taper
    angles = ring_angles(BEAK_SIDES)
    ring = (p.beak_width * taper)[:, None, None] * np.cos(angles)[None, :, None] * forward[:, None, 0]
    ring = ring + (half[:, None] * np.sin(angles) + offset[:, None])[..., None] * forward[:, None, 1]
    return close(centre[:, None] + ring)


def _tail(p: BirdParameters, spine: Spine) -> np.ndarray:
    root, _, radii = spine.at(0.1)
    t = np.linspace(0, 1, TAIL_ROWS)
    lateral = sheet_chord(TAIL_TOP, TAIL_BOTTOM)
    across = np.abs(lateral)
    reach = 1 - p.tail_fork * (1 - across) if p.tail_fork > 0 else 1 + p.tail_fork * across**1.5
    reach = reach - 0.05 * across**6
    tau = np.radians(p.body_pitch + p.arch - p.tail_cock - p.tail_curl * t)
    back = -np.stack([np.zeros_like(tau), np.sin(tau), np.cos(tau)], -1)
    up = np.stack([np.zeros_like(tau), np.cos(tau), -np.sin(tau)], -1)
    length = p.tail_length + 0.1
    steps = np.diff(t)[:, None] * 0.5 * (back[1:] + back[:-1]) * length
    centre = np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
    along = np.array(
        [np.interp(t * r, t, np.arange(TAIL_ROWS)) for r in reach]
    ).T  # [rows, sides] in row numbers
    whole = np.clip(along.astype(int), 0, TAIL_ROWS - 2)
    part = (along - whole)[..., None]
    point = centre[whole] * (1 - part) + centre[whole + 1] * part
    normal = up[whole] * (1 - part) + up[whole + 1] * part
    width = p.tail_base + (p.tail_end - p.tail_base) * t**0.8
    fold = np.sqrt(1 + p.tail_keel**2)
    x = width[:, None] * lateral / fold
    drop = -p.tail_keel * width[:, None] * across / fold
    root_height = 0.8 * radii[1]
    thick = (0.006 + 0.018 * (1 - t) + root_height * (1 - t) ** 4)[:, None] * np.sqrt(1 - 0.92 * across**2)
    sign = np.where(np.arange(TAIL_TOP + TAIL_BOTTOM) < TAIL_TOP, 1.0, -1.0)
    grid = root + point + normal * (drop + sign * thick)[..., None]
    grid[..., 0] += x
    return close(grid)


def _crest(p: BirdParameters, spine: Spine) -> np.ndarray:
    t = np.linspace(0, 1, CREST_ROWS)
    v = 2.86 - 0.72 * t
    position, axes, radii = spine.at(v)
    tips = 0.75 + 0.45 * np.cos(2 * np.pi * (4.5 * t - 0.5)) if p.comb > 0 else np.ones_like(t)
    profile = np.sin(np.pi * np.clip(t, 0.02, 0.98) ** (0.8 + 0.5 * p.crest_back)) ** 0.8
    height = p.crest_height * profile * (1 + p.comb * (tips - 1))
    lean = np.radians(55 * p.crest_back)
    angles = ring_angles(CREST_SIDES)
    thick = p.head_radius * _mix(0.42, 0.13, p.comb) * np.sin(np.pi * np.clip(t, 0.06, 0.94)) ** 0.5
    lift = 0.5 * (1 + np.sin(angles)) ** 1.0
    side = np.cos(angles) * (1 - 0.55 * lift)
    base = 0.82 * radii[:, 1]
    grid = position[:, None] + axes[:, None, 1] * (base[:, None] + 0.12 * radii[:, 1:2] * lift)[..., None]
    tilt = np.cos(lean) * axes[:, 1] - np.sin(lean) * axes[:, 2]
    grid = grid + tilt[:, None] * (height[:, None] * lift)[..., None]
    grid = grid + axes[:, None, 0] * (thick[:, None] * side)[..., None]
    return close(grid[::-1])


def _wattle(p: BirdParameters, spine: Spine) -> np.ndarray:
    position, axes, radii = spine.at(2.74)
    t = np.linspace(0, 1, WATTLE_ROWS)
    angles = ring_angles(WATTLE_SIDES)
    swell = np.sin(np.pi * np.clip(0.12 + 0.83 * t, 0, 1)) ** 0.7
    size = 0.35 * p.head_radius * min(1.0, 8 * p.wattle)
    centre = position - axes[1] * (0.6 * radii[2]) - np.array([0.0, 1.0, 0.0]) * (t * p.wattle)[:, None]
    grid = centre[:, None] + axes[2] * (size * swell[:, None] * np.cos(angles))[..., None]
    grid = grid + axes[0] * (0.5 * size * swell[:, None] * np.sin(angles))[..., None]
    return close(grid[:, ::-1])


def _eye(p: BirdParameters, spine: Spine, side: int) -> np.ndarray:
    position, axes, radii = spine.at(2.56)
    angle = np.radians(20.0)
    normal = side * np.cos(angle) * axes[0] + np.sin(angle) * axes[1]
    centre = position + side * radii[0] * np.cos(angle) * axes[0] + radii[1] * np.sin(angle) * axes[1]
    centre = centre - 0.45 * p.eye * normal
    polar = np.pi * (np.arange(EYE_ROWS) + 0.7) / (EYE_ROWS + 0.4)
    angles = ring_angles(EYE_SIDES)
    first = axes[2]
    second = np.cross(normal, first) * side
    out = np.sin(polar)[:, None, None] * (np.cos(angles)[:, None] * first + np.sin(angles)[:, None] * second)
    grid = centre + p.eye * (out + np.cos(polar)[:, None, None] * normal)
    return close(grid[:, ::-1], centre + p.eye * normal, centre - p.eye * normal)


def build_vertices(p: BirdParameters) -> np.ndarray:
    """Vertices float64 [V, 3] of a bird in body lengths, the middle of its body at the origin."""
    spine = make_spine(p)
    blocks = {
        "trunk": _trunk(spine),
        "beak_upper": _beak(p, spine, True),
        "beak_lower": _beak(p, spine, False),
        "tail": _tail(p, spine),
        "crest": _crest(p, spine),
        "wattle": _wattle(p, spine),
    }
    for tag, side in (("_left", 1), ("_right", -1)):
        blocks[f"wing{tag}"] = bird_limbs.wing(p, spine, side)
        blocks[f"eye{tag}"] = _eye(p, spine, side)
        for name, points in bird_limbs.leg(p, spine, side).items():
            blocks[f"{name}{tag}"] = points
    return np.concatenate([blocks[name] for name in tubes()])


def normalise(vertices: np.ndarray) -> np.ndarray:
    """Bounding-box centre to the origin, farthest vertex to radius 1: float32 [V, 3]."""
    centred = vertices - 0.5 * (vertices.min(0) + vertices.max(0))
    return (centred / np.linalg.norm(centred, axis=1).max()).astype(np.float32)
