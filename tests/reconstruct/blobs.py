"""A small smooth shape space, and pictures of its shapes with known camera, colours and light."""

from __future__ import annotations

import numpy as np

from unrender.camera import Camera, look_at
from unrender.mesh import Mesh
from unrender.network.runtime import Guess
from unrender.reconstruct.looks import mirrored
from unrender.render import render
from unrender.shape_space import ShapeSpace
from unrender.template import make_template
from unrender.texture import linear_to_bytes


def smooth_space(seed: int = 0, symmetric: int = 6, antisymmetric: int = 2) -> ShapeSpace:
    """An egg with a head; smooth mirror-symmetric bulges, and bends to the side."""
    template = make_template(3)
    rng = np.random.default_rng(seed)
    points = template.vertices.astype(np.float64)
    even = np.stack([points[:, 0] ** 2, points[:, 1], points[:, 2]], 1)
    head = np.exp(-((points - np.array([0, 0.5, 0.8])) ** 2).sum(1) / 0.15)[:, None]
    mean = points * np.array([0.33, 0.4, 0.75]) + head * np.array([0.0, 0.3, 0.12])
    basis = []
    for k in range(symmetric + antisymmetric):
        wave = np.cos(even @ (2.2 * rng.standard_normal(3)) + rng.uniform(0, 2 * np.pi))[:, None]
        if k < symmetric:
            basis.append(0.11 * wave * points * np.exp(0.3 * rng.standard_normal(3)))
        else:
            basis.append(0.08 * wave * np.array([1.0, 0, 0]))
    parity = np.arange(symmetric + antisymmetric) >= symmetric
    return ShapeSpace(mean.astype(np.float32), np.array(basis, np.float32), parity)


def view(
    azimuth: float, elevation: float, distance: float, aside: tuple[float, float] = (0, 0)
) -> np.ndarray:
    """[4, 4] world-to-camera from degrees; the origin is `aside` (right, up) of the picture's axis."""
    a, e = np.radians([azimuth, elevation])
    eye = distance * np.array([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)])
    matrix = look_at(eye)
    matrix[:2, 3] += aside
    return matrix


def textured(vertices: np.ndarray, texture: np.ndarray) -> Mesh:
    """A shape of the template with a texture."""
    template = make_template(3)
    return Mesh(vertices.astype(np.float32), template.faces, template.uvs, template.uv_faces, texture)


def coverage(vertices: np.ndarray, camera: Camera, samples: int = 4) -> np.ndarray:
    """Anti-aliased mask float32 [H, W]."""
    grey = np.full((8, 8, 3), 128, np.uint8)
    return render(textured(vertices, grey), camera, samples=samples).mask


def photograph(mesh: Mesh, camera: Camera, light: np.ndarray | None, background: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] sRGB; the background is linear, [H, W, 3] or one colour [3]."""
    shown = render(mesh, camera, light, samples=3)
    return linear_to_bytes(shown.image + (1 - shown.mask[..., None]) * background)


def iou(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two masks, true above a half."""
    first, second = np.asarray(first) > 0.5, np.asarray(second) > 0.5
    return float((first & second).sum() / (first | second).sum())


def turned(rotation: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """A rotation matrix [3, 3], off by so many degrees about a random axis (Rodrigues)."""
    axis = rng.standard_normal(3)
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    return (np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross) @ rotation


class Mirroring:
    """A made-up network that gives of a picture and its mirror image the guess and its mirror image.

    Derived classes give `look(image)`; `signs` as `unrender.reconstruct.looks.look_twice` takes them.
    """

    signs: np.ndarray

    def __call__(self, image: np.ndarray) -> Guess:
        return self.look(image)

    def mask(self, image: np.ndarray) -> np.ndarray:
        return self.look(image).mask

    def looks(self, image: np.ndarray) -> tuple[Guess, Guess]:
        guess = self.look(image)
        return guess, mirrored(guess, self.signs)

    def look(self, image: np.ndarray) -> Guess:
        raise NotImplementedError
