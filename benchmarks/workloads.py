"""The three fixed workloads of the renderer benchmarks, from a seed.

- W1 train step: 8 images of 128 x 128, a dented ball of 642 vertices and 1280 faces, colours, soft mask.
- W2 bird: 4 images of 256 x 256, the same mesh size, a 256 x 256 texture and soft mask.
- W3 scan: one image of 512 x 512, 81,920 faces, vertex colours, hard rasterization.

Positions are given in clip space (OpenGL conventions, row 0 of a picture is the top). An .npz file with the
arrays clip, faces, colors, target, target_mask and for W2 uvs, uv_faces, texture can be loaded instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unrender.camera import Camera, orbit
from unrender.template import make_template


@dataclass(frozen=True)
class Workload:
    """Arrays of one workload: float32, faces int32."""

    name: str
    clip: np.ndarray  # [B, V, 4]
    faces: np.ndarray  # [F, 3]
    colors: np.ndarray  # [B, V, 3]
    target: np.ndarray  # [B, H, W, 3]
    target_mask: np.ndarray  # [B, H, W]
    uvs: np.ndarray | None = None  # [Vt, 2]
    uv_faces: np.ndarray | None = None  # [F, 3]
    texture: np.ndarray | None = None  # [B, h, w, 3]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.target.shape[1], self.target.shape[2]


def _sphere(level: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors float64 [V, 3] and faces [F, 3] of a subdivided icosahedron."""
    template = make_template(min(level, 4))
    points, faces = np.asarray(template.vertices, dtype=np.float64), np.asarray(template.faces)
    for _ in range(level - min(level, 4)):
        corner = faces.reshape(-1, 3)
        edges = np.sort(np.concatenate([corner[:, [0, 1]], corner[:, [1, 2]], corner[:, [2, 0]]]), axis=1)
        unique, inverse = np.unique(edges, axis=0, return_inverse=True)
        a, b, c = len(points) + inverse.reshape(3, -1)
        points = np.concatenate([points, points[unique].mean(axis=1)])
        faces = np.concatenate([
            np.stack([corner[:, 0], a, c], 1), np.stack([corner[:, 1], b, a], 1),
            np.stack([corner[:, 2], c, b], 1), np.stack([a, b, c], 1),
        ])  # fmt: skip
    return points / np.linalg.norm(points, axis=1, keepdims=True), faces.astype(np.int32)


def _waves(points: np.ndarray, rng: np.random.Generator, count: int, frequency: float) -> np.ndarray:
    """A smooth random field on the sphere of about unit variance."""
    directions, phases = rng.normal(size=(count, 3)) * frequency, rng.uniform(0, 2 * np.pi, count)
    return np.sin(points @ directions.T + phases).sum(axis=1) * np.sqrt(2 / count)


def dented_ball(level: int, batch: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Clip positions float32 [batch, V, 4] and faces of a ball of 20 * 4^level faces, seen from all sides."""
    rng = np.random.default_rng([seed, level])
    sphere, faces = _sphere(level)
    vertices = sphere * (1 + 0.08 * _waves(sphere, rng, 6, 2.5))[:, None] * [1.0, 0.8, 1.1]
    views = [orbit(17 + 360 * image / batch, 12 + 20 * np.sin(1.7 * image), 3.3) for image in range(batch)]
    clips = [Camera.from_fov(64, view, 45.0).to_clip(vertices, near=0.5, far=10.0) for view in views]
    return np.stack(clips).astype(np.float32), faces


def make(name: str, seed: int = 0) -> Workload:
    """The workload "W1", "W2" or "W3"."""
    level, batch, size, texels = {"W1": (3, 8, 128, 0), "W2": (3, 4, 256, 256), "W3": (6, 1, 512, 0)}[name]
    rng = np.random.default_rng([seed, ord(name[1])])
    sphere, faces = _sphere(level)
    clips, colors = [], []
    for image in range(batch):
        radius = 1 + 0.08 * _waves(sphere, rng, 6, 2.5)
        if name == "W3":
            radius += 0.007 * _waves(sphere, rng, 12, 25.0)
        vertices = sphere * radius[:, None] * [1.0, 0.8, 1.1]
        pose = orbit(17 + 360 * image / batch, 12 + 20 * np.sin(1.7 * image), 3.3)
        clips.append(Camera.from_fov(size, pose, 45.0).to_clip(vertices, near=0.5, far=10.0))
        colors.append(np.stack([0.5 + 0.2 * _waves(sphere, rng, 4, 3.0) for _ in range(3)], 1).clip(0, 1))
    y, x = np.mgrid[0:size, 0:size] / (size - 1) * 2 - 1
    mask = 1 / (1 + np.exp(40 * (np.hypot(x, 1.1 * y) - 0.7)))
    picture = np.stack([0.5 + 0.4 * np.sin(3 * x + k) * np.cos(2 * y - k) for k in range(3)], -1)
    single = np.float32
    extra: dict[str, np.ndarray] = {}
    if texels:
        uv = np.stack([np.arctan2(sphere[:, 0], sphere[:, 2]) / 2 / np.pi + 0.5, sphere[:, 1] / 2 + 0.5], 1)
        corners = uv[faces]
        split = np.ptp(corners[..., 0], axis=1) > 0.5
        corners[split, :, 0] += corners[split, :, 0] < 0.5
        flat, index = np.unique(np.round(corners.reshape(-1, 2) / [1.5, 1], 7), axis=0, return_inverse=True)
        extra = {
            "uvs": flat.astype(single),
            "uv_faces": index.reshape(-1, 3).astype(np.int32),
            "texture": rng.uniform(size=(batch, texels, texels, 3)).astype(single),
        }
    return Workload(
        name, np.stack(clips).astype(single), faces, np.stack(colors).astype(single),
        np.tile((picture * mask[..., None]).astype(single), (batch, 1, 1, 1)),  # C-contiguous
        np.tile(mask.astype(single), (batch, 1, 1)), **extra,
    )  # fmt: skip


def load(name: str, folder: Path) -> Workload:
    """A workload from `folder`, whose file names begin with the workload's name."""
    path = next(iter(sorted(folder.glob(f"{name}*.npz"))))
    data = np.load(path)
    faces = {key: data[key].astype(np.int32) for key in ("faces", "uv_faces") if key in data}
    extra = (
        {"uvs": data["uvs"], "uv_faces": faces["uv_faces"], "texture": data["texture"]}
        if "texture" in data
        else {}
    )
    return Workload(
        name, data["clip"], faces["faces"], data["colors"], data["target"], data["target_mask"], **extra
    )  # fmt: skip
