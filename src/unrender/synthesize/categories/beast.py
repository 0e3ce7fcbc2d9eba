"""Four-legged bodies, and two-legged ones with arms: the build shared by animals and dinosaurs.

Lengths are in body lengths (rump to chest = 1), angles in degrees. Along the spine u: -1 tip of the tail, 0
rump,
1 chest, 2 nape, 3 nose.
"""

from __future__ import annotations

import numpy as np

from unrender.synthesize.curves import pchip, smoothstep
from unrender.synthesize.parameters import Range, Values
from unrender.synthesize.parts import Piece, Spine, ball, integrate, loft, pair, plate

SPINE_U = np.concatenate([
    np.linspace(-1.0, -0.06, 15), np.linspace(0.0, 1.0, 27), np.linspace(1.0, 2.0, 14)[1:],
    2.0 + np.linspace(0.0, 1.0, 17)[1:] ** 0.92,
])  # fmt: skip
"""Where along the spine the rings of the trunk sit."""
TRUNK_SIDES = 28

RANGES: dict[str, Range] = {
    "body_pitch": (0, 3, -20, 85), "arch": (4, 4, -15, 60), "body_width": (0.17, -0.09, 0.06, 0.5),
    "back": (0.17, -0.09, 0.06, 0.5), "belly": (0.2, -0.1, 0.06, 0.55), "chest": (0.95, 0.07, 0.4, 1.4),
    "rump": (0.9, 0.07, 0.35, 1.4), "loin": (0.92, 0.06, 0.5, 1.2), "hump": (0, -0.25, 0, 0.4),
    "hump_at": (0.75, 0.03, 0.2, 1.0), "hump_two": (0, 0, 0, 1),
    "tail_length": (0.5, -0.15, 0.02, 3.0), "tail_root": (0.04, -0.15, 0.01, 0.4), "tail_tip": (0.02, -0.2,
        0.002, 0.15),
    "tail_tuft": (0, -0.2, 0, 0.2), "tail_drop": (60, 10, -70, 95), "tail_curl": (-10, 12, -80, 260),
    "neck_length": (0.42, -0.1, 0.05, 3.2), "neck_low": (42, 7, -60, 110), "neck_high": (42, 7, -80, 120),
    "neck_radius": (0.11, -0.09, 0.03, 0.5), "neck_width": (0.68, 0.06, 0.4, 1.4), "neck_base": (0.75, 0.08,
        0.2, 1.4),
    "head_pitch": (-28, 7, -85, 40), "head_yaw": (0, 0, -110, 110), "head_length": (0.44, -0.07, 0.08, 0.9),
    "skull": (0.1, -0.07, 0.02, 0.35), "skull_width": (0.8, 0.05, 0.4, 1.5), "muzzle": (0.055, -0.1, 0.008,
        0.25),
    "muzzle_width": (0.85, 0.07, 0.3, 2.0), "stop": (0.3, 0.1, 0, 1), "gape": (0, 0, 0, 40),
    "eye": (0.017, -0.1, 0.004, 0.06),
    "leg_length": (0.72, -0.08, 0.1, 2.2), "thigh": (0.13, -0.08, 0.03, 0.4), "upper_arm": (0.1, -0.08, 0.015,
        0.35),
    "shank": (0.034, -0.09, 0.01, 0.25), "knee": (0.1, 0.02, -0.05, 0.5), "hock": (0.1, 0.02, -0.05, 0.4),
    "elbow": (0.06, 0.015, -0.05, 0.4), "foot_length": (0.075, -0.09, 0.03, 0.7), "foot_width": (0.045, -0.08,
        0.015, 0.3),
    "foot_height": (0.05, -0.08, 0.01, 0.2), "stance": (0.62, 0.06, 0.2, 1.2), "hip": (0.16, 0.02, 0.05, 0.5),
    "shoulder": (0.84, 0.02, 0.5, 0.98), "biped": (0, 0, 0, 1), "arm_length": (0.3, -0.1, 0.03, 1.0),
    "arm_angle": (30, 12, -60, 110), "swing_fore_left": (0, 0, -60, 60), "swing_fore_right": (0, 0, -60, 60),
    "swing_hind_left": (0, 0, -60, 60), "swing_hind_right": (0, 0, -60, 60), "sit": (0, 0, 0, 1),
    "horn_length": (0, -0.2, 0, 0.9), "horn_radius": (0.024, -0.12, 0.005, 0.1), "horn_out": (40, 7, -10,
        100),
    "horn_back": (20, 8, -90, 90), "horn_curve": (50, 12, -200, 260),
    "nose_horn": (0, -0.2, 0, 0.5), "ridge": (0, -0.2, 0, 1.2), "ridge_from": (1.0, 0.05, -0.9, 2.3),
    "ridge_to": (2.3, 0.03, 0.0, 2.5),
}  # fmt: skip
"""Parameters that animals and dinosaurs have in common; the defaults are a horse-like animal."""


def _radii(p: Values, u: np.ndarray) -> np.ndarray:
    """Half-width, upper and lower half-height [N, 3] of the trunk at u [N]."""
    full = np.array([p.body_width, p.back, p.belly])
    root = np.array([p.tail_root * 0.85, p.tail_root, p.tail_root])
    tip = np.full(3, p.tail_tip)
    tuft = tip + p.tail_tuft
    rump, chest = full * p.rump, full * p.chest
    neck = np.array([p.neck_radius * p.neck_width, p.neck_radius, p.neck_radius])
    base = neck + (chest - neck) * 0.75 * p.neck_base
    skull = p.skull * np.array([p.skull_width, 0.95, 1.05])
    muzzle = p.muzzle * np.array([p.muzzle_width, 0.95, 1.0])
    middle = muzzle + (skull - muzzle) * np.array([0.45, 0.62 - 0.5 * p.stop, 0.5])
    rows = [
        (-1.0, 0.25 * tip + 0.3 * tuft * (p.tail_tuft > 0)), (-0.92, tuft), (-0.72, tip + 0.45 * p.tail_tuft),
        (-0.5, tip + (root - tip) * 0.4), (-0.06, root), (-0.0, np.maximum(root, rump * 0.42)),
        (0.06, np.maximum(root, rump * 0.78)), (0.2, rump), (0.48, full * p.loin), (0.76, full),
        (0.9, chest * np.array([0.93, 0.97, 0.96])), (1.0, 0.4 * chest + 0.6 * base), (1.14, base),
        (1.45, neck + (base - neck) * 0.4), (1.85, neck), (2.06, 0.5 * neck + 0.5 * np.maximum(skull, neck)),
        (2.22, skull), (2.42, skull * np.array([0.96, 0.93, 0.98])), (2.62, middle), (2.8,
            0.25 * middle + 0.75 * muzzle),
        (2.93, muzzle), (2.985, 0.72 * muzzle), (3.0, 0.35 * muzzle),
    ]  # fmt: skip
    result = pchip(np.array([row[0] for row in rows]), np.stack([row[1] for row in rows]), u)
    bump = np.exp(-(((u - p.hump_at) / 0.13) ** 2)) + p.hump_two * np.exp(
        -(((u - p.hump_at + 0.42) / 0.12) ** 2)
    )
    result[:, 1] += p.hump * bump
    return result


def make_spine(p: Values) -> Spine:
    """The centre line from tail tip to nose; the middle of the body (u = 0.5) is at the origin."""
    u = np.linspace(-1.0, 3.0, 401)
    pitch_body = p.body_pitch + 42 * p.sit
    drop = p.tail_drop + 0.55 * pitch_body + 20 * p.sit
    knots = np.array([-1.0, -0.5, -0.1, 0.06, 0.5, 0.95, 1.3, 1.75, 2.15, 3.0])
    pitch = pchip(knots, np.array([
        drop - p.tail_curl, drop - 0.4 * p.tail_curl, drop, pitch_body + p.arch, pitch_body,
            pitch_body - 0.5 * p.arch,
        p.neck_low, p.neck_high, p.head_pitch, p.head_pitch,
    ]), u)  # fmt: skip
    yaw = p.head_yaw * smoothstep(1.15, 2.15, u)
    speed = pchip(np.array([-1.0, -0.06, 0.0, 0.95, 1.1, 1.9, 2.1, 3.0]), np.array([
        p.tail_length, p.tail_length, 1.0, 1.0, p.neck_length, p.neck_length, p.head_length, p.head_length,
    ]), u)  # fmt: skip
    return integrate(u, pitch, yaw, speed, _radii(p, u), 0.5)


def trunk(spine: Spine) -> Piece:
    """Tail, body, neck and head in one."""
    position, axes, radii = spine.at(SPINE_U)
    return Piece("trunk", "trunk", loft(position, axes, radii, TRUNK_SIDES), position[0], spine.at(3.0)[0])


def jaw(p: Values, spine: Spine) -> Piece:
    """The lower jaw: inside the head while the mouth is closed."""
    root, axes, radii = spine.at(2.35)
    t = np.linspace(0, 1, 9)
    pitch = np.radians(-p.gape)
    forward = np.cos(pitch) * axes[2] + np.sin(pitch) * axes[1]
    up = np.cos(pitch) * axes[1] - np.sin(pitch) * axes[2]
    start = root - 0.5 * radii[2] * axes[1]
    centre = start + t[:, None] * 0.62 * p.head_length * forward
    size = pchip(np.array([0, 0.2, 0.8, 1.0]), np.array([0.3, 0.8, 0.85, 0.3]), t)[:, None] * np.array(
        [p.muzzle * p.muzzle_width * 0.95, 0.4 * p.muzzle, 0.55 * p.muzzle]
    )
    return Piece("jaw", "jaw", loft(centre, np.stack([axes[0], up, forward]), size, 10), start)


def eyes(p: Values, spine: Spine, u: float = 2.47, angle: float = 32.0) -> tuple[Piece, Piece]:
    """Eyeballs, half sunk into the head."""
    halves = []
    for side in (1, -1):
        point, normal, forward = spine.surface(u, angle if side > 0 else 180 - angle)
        up = np.cross(normal, forward)
        up /= np.linalg.norm(up)
        axes = np.stack([np.cross(up, normal), up, normal])
        grid = ball(point - 0.35 * p.eye * normal, p.eye, axes)
        halves.append(Piece("eye" + ("_left" if side > 0 else "_right"), "eye", grid))
    return halves[0], halves[1]


def on_head(spine: Spine, u: float, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """A point [3] on the left half of the head a little below its skin, and the axes [3, 3] there."""
    position, axes, _ = spine.at(u)
    point = spine.surface(u, angle)[0]
    return position + 0.8 * (point - position), axes


def mirrored_over(spine: Spine, piece: Piece) -> tuple[Piece, Piece]:
    """The left piece of the head and its image over the head's own middle plane, which the head's yaw
    turns."""
    position, axes, _ = spine.at(2.5)
    left = axes[0]
    other = piece.mapped(lambda p: p - 2 * ((p - position) @ left)[..., None] * left)
    return (
        Piece(f"{piece.name}_left", piece.label, piece.grid, piece.first, piece.last),
        Piece(f"{piece.name}_right", piece.label, other.grid, other.first, other.last, True),
    )


def ridge(p: Values, spine: Spine) -> Piece:
    """A thin crest along the back or neck: a mane, a sail, a comb."""
    s = np.linspace(0, 1, 9)
    u = p.ridge_from + (p.ridge_to - p.ridge_from) * s
    position, axes, radii = spine.at(u)
    low = position + axes[:, 1] * (0.7 * radii[:, 1:2])
    rise = p.ridge * np.maximum(np.sin(np.pi * (0.04 + 0.92 * s)), 0.02) ** 0.6
    high = position + axes[:, 1] * (0.98 * radii[:, 1:2] + rise[:, None] + 0.002)
    width = 0.012 + 0.1 * radii[:, 0] + 0.06 * rise
    return Piece("ridge", "ridge", plate(high, low, width, rings=18, chord=5))


def legs(p: Values, spine: Spine) -> list[Piece]:
    """Four legs, or two legs and two arms, with their feet on the ground."""
    position, _, radii = spine.at(p.hip)
    length = p.leg_length * (1 - 0.55 * p.sit)
    ground = position[1] - length
    pieces: list[Piece] = []
    built = [_hind(p, position, radii, ground, swing) for swing in (p.swing_hind_left, p.swing_hind_right)]
    front = [_fore(p, spine, ground, swing) for swing in (p.swing_fore_left, p.swing_fore_right)]
    for name, (left, right) in (("hind", built), ("fore", front)):
        pieces += pair(Piece(f"{name}_leg", f"{name}_leg", left[0]), Piece("", f"{name}_leg", right[0]))
        pieces += pair(Piece(f"{name}_foot", "foot", left[1]), Piece("", "foot", right[1]))
    return pieces


def _swing(points: np.ndarray, pivot: np.ndarray, degrees: float) -> np.ndarray:
    """Points turned about the x axis through `pivot`: positive angles bring what hangs down forwards."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return pivot + (points - pivot) @ np.array([[1.0, 0, 0], [0, c, s], [0, -s, c]])


def _leg(path: np.ndarray, radii: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Rings that stay nearly level near the body and follow the leg lower down."""
    t = np.linspace(0, 1, 15)
    centre, size = pchip(knots, path, t), pchip(knots, radii, t)
    down = np.gradient(centre, axis=0)
    down /= np.linalg.norm(down, axis=1, keepdims=True)
    side = np.cross(np.array([0.0, 0.0, 1.0]), down) + np.array([0.3, 0, 0])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    side -= (side * down).sum(1, keepdims=True) * down
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    return loft(centre, np.stack([side, np.cross(down, side), down], 1), size, 12)


def _foot(p: Values, ankle: np.ndarray, ground: float, length: float, width: float) -> np.ndarray:
    t = np.linspace(0, 1, 7)
    z = ankle[2] + length * (t - 0.36)
    high = p.foot_height * pchip(np.array([0, 0.25, 0.45, 0.8, 1]), np.array([0.45, 0.95, 1.0, 0.6, 0.3]), t)
    wide = width * pchip(np.array([0, 0.2, 0.7, 1]), np.array([0.6, 0.9, 1.0, 0.55]), t)
    centre = np.stack([np.full_like(z, ankle[0]), np.full_like(z, ground + 0.3 * p.foot_height), z], -1)
    return loft(centre, np.eye(3), np.stack([wide, high, np.full_like(wide, 0.3 * p.foot_height)], -1), 12)


def _hind(
    p: Values, position: np.ndarray, radii: np.ndarray, ground: float, swing: float
) -> tuple[np.ndarray, np.ndarray]:
    hip = position + np.array([p.stance * radii[0], 0.1 * radii[1], 0.0])
    long = hip[1] - ground
    foot_x = hip[0] * 0.95
    knee_at, hock_at = 0.44, 0.74
    knee = np.array([hip[0] * 1.04, hip[1] - knee_at * long, hip[2] + (p.knee + 0.3 * p.sit) * p.leg_length])
    hock = np.array([foot_x, ground + (1 - hock_at) * long, hip[2] - (p.hock - 0.12 * p.sit) * p.leg_length])
    ankle = np.array([foot_x, ground + 0.6 * p.foot_height, hip[2] + (0.02 + 0.1 * p.sit) * p.leg_length])
    top = hip + np.array([-0.25 * hip[0], 0.45 * radii[1], 0.01])
    path = np.stack([top, 0.6 * hip + 0.4 * knee, knee, hock, 0.3 * hock + 0.7 * ankle, ankle])
    path = _swing(path, hip, swing)
    thin = p.shank
    size = np.array([
        (0.1 * p.thigh, 0.45 * p.thigh), (0.66 * p.thigh, p.thigh),
        (0.42 * p.thigh + 0.3 * thin, 0.55 * p.thigh + 0.3 * thin),
        (1.05 * thin, 1.3 * thin), (0.92 * thin, thin), (1.05 * thin, 1.1 * thin),
    ])  # fmt: skip
    leg = _leg(path, size, np.array([0.0, 0.2, 0.42, 0.7, 0.9, 1.0]))
    low = path[-1][1] - 0.6 * p.foot_height
    return leg, _foot(p, path[-1], low, p.foot_length, p.foot_width)


def _fore(p: Values, spine: Spine, ground: float, swing: float) -> tuple[np.ndarray, np.ndarray]:
    position, _, radii = spine.at(p.shoulder)
    top = position + np.array([p.stance * radii[0], -0.05 * radii[2], 0.0])
    arm = p.biped > 0.5
    long = p.arm_length if arm else max(top[1] - ground, 0.05)
    low = top[1] - long
    x = top[0] * (1.05 if arm else 0.97)
    bend = p.elbow + (0.25 if arm else 0.0)
    elbow = np.array([x, top[1] - 0.42 * long, top[2] - bend * long])
    wrist = np.array([x, top[1] - 0.74 * long, top[2] + (0.25 if arm else 0.015) * long])
    ankle = np.array([x, low + 0.6 * p.foot_height * (not arm), top[2] + (0.3 if arm else 0.0) * long])
    inside = top + np.array([-0.3 * top[0], 0.5 * radii[1] * (not arm), -0.02])
    path = np.stack([inside, 0.6 * top + 0.4 * elbow, elbow, wrist, 0.3 * wrist + 0.7 * ankle, ankle])
    path = _swing(path, top, p.arm_angle if arm else swing)
    thin, up = p.shank * (0.8 if arm else 1.0), p.upper_arm
    size = np.array([
        (0.1 * up, 0.45 * up), (0.62 * up, 0.95 * up), (0.42 * up + 0.3 * thin, 0.5 * up + 0.35 * thin),
            (1.02 * thin, 1.15 * thin),
        (0.9 * thin, 0.95 * thin), (1.05 * thin, 1.1 * thin),
    ])  # fmt: skip
    leg = _leg(path, size, np.array([0.0, 0.2, 0.42, 0.7, 0.9, 1.0]))
    scale = 0.4 if arm and p.foot_length > 0.2 else 1.0
    floor = path[-1][1] - 0.6 * p.foot_height
    return leg, _foot(p, path[-1], floor, scale * p.foot_length, 0.8 * p.foot_width if arm else p.foot_width)
