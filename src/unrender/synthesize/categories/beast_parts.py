"""What grows on the heads and backs of beasts: ears, horns, antlers, trunks, tusks, plates, spikes and
frills."""

from __future__ import annotations

import numpy as np

from unrender.synthesize.categories.beast import mirrored_over, on_head
from unrender.synthesize.parameters import Values
from unrender.synthesize.parts import Piece, Spine, limb, pair, plate


def _rotated(vector: np.ndarray, about: np.ndarray, degrees: float) -> np.ndarray:
    """A vector turned about a unit axis (Rodrigues)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return vector * c + np.cross(about, vector) * s + about * (about @ vector) * (1 - c)


def ears(p: Values, spine: Spine) -> tuple[Piece, Piece]:
    """Leaf-shaped ears, from a rabbit's to an elephant's."""
    root, axes = on_head(spine, p.ear_at, 58 - 0.25 * p.ear_droop)
    left, up, forward = axes
    out = np.radians(p.ear_out + p.ear_droop)
    direction = np.cos(out) * up + np.sin(out) * left
    direction = _rotated(direction, left, -p.ear_back)
    chord = np.cos(np.radians(p.ear_face)) * forward - np.sin(np.radians(p.ear_face)) * left
    chord = chord - (chord @ direction) * direction
    chord /= np.linalg.norm(chord)
    s = np.array([0.0, 0.3, 0.65, 1.0])
    width = p.ear_width * np.array([0.5, 1.0, 0.85 - 0.25 * p.ear_point, 0.5 - 0.47 * p.ear_point])
    line = root + s[:, None] * p.ear_length * direction
    grid = plate(line + 0.5 * width[:, None] * chord, line - 0.5 * width[:, None] * chord,
                 np.array([0.16, 0.16, 0.12, 0.04]) * min(p.ear_width, 0.09) + 0.002, rings=8,
                     chord=5)  # fmt: skip
    piece = Piece("ear", "ear", grid)
    if p.ear_length < 0.012:
        piece = piece.collapsed(root)
    return mirrored_over(spine, piece)


def _curved(
    root: np.ndarray, start: np.ndarray, about: np.ndarray, length: float, curve: float, count: int = 6
) -> np.ndarray:
    """Points [count, 3] of an arc from `root` that turns by `curve` degrees about `about` on its way."""
    t = (np.arange(count - 1) + 0.5) / (count - 1)
    steps = np.stack([_rotated(start, about, curve * value) for value in t]) * length / (count - 1)
    return np.concatenate([root[None], root + np.cumsum(steps, axis=0)])


def horns(
    p: Values, spine: Spine, *, u: float = 2.3, angle: float = 66.0, antlers: float = 0.0
) -> list[Piece]:
    """A pair of curved horns on the brow; with `antlers` 1 each has two tines."""
    root, axes = on_head(spine, u, angle)
    left, up, forward = axes
    out = np.radians(p.horn_out)
    start = np.cos(out) * up + np.sin(out) * left
    start = _rotated(start, left, -p.horn_back)
    about = np.cross(start, -forward if p.horn_out < 25 else up)
    about /= max(np.linalg.norm(about), 1e-6)
    length = max(p.horn_length, 1e-3)
    path = _curved(root, start, about, length, p.horn_curve)
    taper = np.array([1.0, 0.95, 0.82, 0.62, 0.38, 0.06])
    size = p.horn_radius * taper * min(1.0, 12 * p.horn_length)
    pieces = list(mirrored_over(spine, _held(Piece("horn", "horn", _limb(path, size)), root, p.horn_length)))
    for index, (at, turn) in enumerate(((1, 55.0), (3, 60.0))):
        direction = _rotated(_unit(path[at + 1] - path[at]), left, turn)
        tine = _curved(path[at], direction, left, 0.42 * length, -25.0, 4)
        piece = Piece(
            f"tine{index}", "horn", _limb(tine, 0.75 * p.horn_radius * np.array([0.8, 0.7, 0.5, 0.08]), 5)
        )
        pieces += mirrored_over(spine, _held(piece, root, p.horn_length * antlers))
    return pieces


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _limb(path: np.ndarray, size: np.ndarray, rings: int = 9) -> np.ndarray:
    """A tube along any path: the reference is chosen off its directions."""
    steps = np.diff(path, axis=0)
    weakest = np.linalg.svd(steps)[2][-1]
    return limb(path, size, rings=rings, sides=8, reference=weakest)


def _held(piece: Piece, point: np.ndarray, size: float) -> Piece:
    return piece.only_if(size > 0.012, point)


def nose_horns(
    p: Values, spine: Spine, places: tuple[tuple[float, float], ...] = ((2.88, 1.0), (2.66, 0.55))
) -> list[Piece]:
    """Horns on the middle of the snout, each at (u, relative length)."""
    pieces = []
    for index, (u, share) in enumerate(places):
        position, axes, radii = spine.at(u)
        root = position + 0.6 * radii[1] * axes[1]
        start = np.cos(0.35) * axes[1] + np.sin(0.35) * axes[2]
        path = _curved(root, start, axes[0], max(p.nose_horn * share, 1e-3) + 0.4 * radii[1], -28.0)
        width = 0.24 * p.nose_horn * share * np.array([1.0, 0.85, 0.68, 0.48, 0.27, 0.04]) + 1e-4
        grid = limb(path, width, rings=8, sides=8, reference=axes[2])
        pieces.append(_held(Piece(f"nose_horn{index}", "nose_horn", grid), root, p.nose_horn))
    return pieces


def proboscis(p: Values, spine: Spine) -> Piece:
    """An elephant's trunk."""
    root, axes, radii = spine.at(2.9)
    path = _curved(
        root, _rotated(axes[2], axes[0], 15.0), axes[0], max(p.trunk_length, 1e-3), 55 - p.trunk_curl, 7
    )
    knots = np.array([1.0, 0.85, 0.7, 0.58, 0.5, 0.44, 0.36])
    grid = limb(path, 1.0 * float(radii[1]) * knots, rings=14, sides=12, reference=axes[1] + 0.3 * axes[2])
    return _held(Piece("proboscis", "proboscis", grid), root, p.trunk_length)


def tusks(p: Values, spine: Spine) -> tuple[Piece, Piece]:
    """A pair of tusks beside the mouth."""
    root, axes = on_head(spine, 2.82, -30)
    start = _unit(0.75 * axes[2] - 0.5 * axes[1] + 0.22 * axes[0])
    path = _curved(root, start, axes[0], max(p.tusk_length, 1e-3), -45.0)
    size = 0.1 * p.tusk_length * np.array([1.0, 0.95, 0.85, 0.7, 0.5, 0.1])
    return mirrored_over(spine, _held(Piece("tusk", "tusk", _limb(path, size, 7)), root, p.tusk_length))


def back_plates(p: Values, spine: Spine, count: int = 9) -> list[Piece]:
    """Two rows of upright plates along the back, as a stegosaurus has them, and two pairs of spikes at the
    tail."""
    pieces: list[Piece] = []
    for index in range(count):
        s = (index + 0.5) / count
        u = -0.62 + 2.3 * s
        position, axes, radii = spine.at(u)
        size = p.plates * (0.18 + 0.82 * np.sin(np.pi * min(1.0, 0.12 + 0.8 * s)) ** 1.4)
        root = position + 0.75 * radii[1] * axes[1] + 0.22 * radii[0] * axes[0]
        rise = _unit(axes[1] + 0.22 * axes[0])
        line = root + np.array([0.0, 0.4, 0.75, 1.0])[:, None] * (size + 0.25 * radii[1]) * rise
        half = 0.42 * size * np.array([0.7, 1.0, 0.62, 0.06])
        shift = (0.11 * 2.3 / count) * axes[2]
        grid = plate(line + half[:, None] * axes[2] + shift, line - half[:, None] * axes[2] + shift,
                     np.array([0.08, 0.06, 0.05, 0.02]) * size + 1e-4, rings=6, chord=4)  # fmt: skip
        pieces += pair(_held(Piece(f"plate{index}", "plate", grid), root, p.plates))
    for index, u in enumerate((-0.93, -0.8)):
        position, axes, radii = spine.at(u)
        start = _unit(0.9 * axes[0] + 0.55 * axes[1] - 0.5 * axes[2])
        path = _curved(position, start, axes[1], max(p.spikes, 1e-3), 0.0, 4)
        grid = _limb_free(path, 0.13 * p.spikes * np.array([1.0, 0.8, 0.5, 0.05]) + 1e-4, axes[2])
        pieces += pair(_held(Piece(f"spike{index}", "spike", grid), position, p.spikes))
    return pieces


def _limb_free(path: np.ndarray, size: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return limb(path, size, rings=5, sides=6, reference=reference)


def frill(p: Values, spine: Spine) -> Piece:
    """A bony shield behind the skull: a fan from cheek over nape to cheek."""
    position, axes, radii = spine.at(2.25)
    angle = np.radians(np.linspace(-38, 218, 15))
    around = np.cos(angle)[:, None] * axes[0] + np.sin(angle)[:, None] * axes[1]
    inner = (
        position
        + 0.75 * radii[0] * np.cos(angle)[:, None] * axes[0]
        + 0.75 * radii[1] * np.sin(angle)[:, None] * axes[1]
    )
    edge = 1 + 0.04 * np.cos(14 * angle)
    outer = inner + p.frill * edge[:, None] * (0.85 * around - 0.45 * axes[2])
    grid = plate(outer, inner, 0.05 * p.frill + 1e-4, rings=29, chord=5)
    return _held(Piece("frill", "frill", grid), position, p.frill)
