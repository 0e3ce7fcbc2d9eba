"""The loss of one photo, with its gradient at shape, albedo, light and camera: kernels only, no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrender.fit.config import LossWeights
from unrender.fit.shading import compare, raw_normals, raw_normals_vjp
from unrender.fit.targets import Target
from unrender.render.kernels import interpolate, rasterize, soft_mask
from unrender.render.kernels.threads import num_threads
from unrender.rotation import exp

_NEAREST = soft_mask.COMBINE["nearest"]


@dataclass(eq=False)
class Scene:
    """What is fitted. All float64, in the frame in which the object's box has side 1.

    Attributes:
        vertices: [V, 3]. faces: int32 [F, 3]. albedo: [V, 3] linear. light: [9, 3].
        poses: [N, 6] corrections of the N cameras: axis-angle and translation in the camera's frame.
    """

    vertices: np.ndarray
    faces: np.ndarray
    albedo: np.ndarray
    light: np.ndarray
    poses: np.ndarray

    def zeros(self) -> Scene:
        """Zero gradients of the same shapes."""
        return Scene(
            np.zeros_like(self.vertices), self.faces, np.zeros_like(self.albedo),
            np.zeros_like(self.light), np.zeros_like(self.poses),
        )  # fmt: skip


def corrected(matrix: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """World-to-camera [4, 4] after a correction [6]: exp(w) turns the camera's frame, then t moves it."""
    change = np.eye(4)
    change[:3, :3], change[:3, 3] = exp(pose[:3]), pose[3:]
    return change @ matrix


def normals_of(scene: Scene) -> np.ndarray:
    """float64 [V, 3], area-weighted, not normalised."""
    normals = np.empty_like(scene.vertices)
    raw_normals(scene.vertices, scene.faces, normals)
    return normals


def add_view(
    scene: Scene, normals: np.ndarray, index: int, target: Target, weights: LossWeights, total: Scene,
    grad_normals: np.ndarray,
) -> tuple[float, float]:  # fmt: skip
    """Render view `index` and add its gradients to `total` and, at the raw normals, to `grad_normals`.

    Returns:
        The silhouette and colour losses, not weighted.
    """
    threads = num_threads()
    camera = target.camera
    height, width = target.weight.shape
    pose = corrected(camera.world_to_camera, scene.poses[index])
    local = scene.vertices @ pose[:3, :3].T + pose[:3, 3]
    projection = camera.projection()
    clip = np.ascontiguousarray(local @ projection[:, :3].T + projection[:, 3], np.float32)[None]
    face_index, weight, _ = rasterize.forward(clip, scene.faces, height, width, threads=threads)

    silhouette = colour = 0.0
    grad_clip = np.zeros_like(clip)
    if target.soft is not None:
        soft = soft_mask.forward(clip, scene.faces, face_index, target.delta, _NEAREST, threads)
        difference = soft - target.soft
        silhouette = float((difference.astype(np.float64) ** 2).sum()) / target.area
        pull = (2 * weights.silhouette / target.area) * difference
        grad_clip = soft_mask.vjp(clip, scene.faces, face_index, soft, pull, target.delta, _NEAREST, threads)

    if weights.colour > 0:
        attributes = np.concatenate([scene.albedo, normals], axis=1).astype(np.float32)[None]
        shown = interpolate.forward(attributes, scene.faces, face_index, weight, threads)
        colour, grad_shown, grad_light = compare(shown, face_index, scene.light, target.image, target.weight)
        scale = weights.colour / target.area
        colour /= target.area
        grad_shown *= np.float32(scale)
        grad_attributes, grad_weight = interpolate.vjp(
            attributes, scene.faces, face_index, weight, grad_shown, threads
        )
        assert grad_attributes is not None and grad_weight is not None
        grad_clip = grad_clip + rasterize.vjp(
            clip, scene.faces, face_index, weight, grad_weight, threads=threads
        )
        total.albedo += grad_attributes[0, :, :3]
        grad_normals += grad_attributes[0, :, 3:]
        total.light += scale * grad_light
    grad_local = grad_clip[0].astype(np.float64) @ projection[:, :3]
    total.vertices += grad_local @ pose[:3, :3]
    total.poses[index, :3] += np.cross(local - scene.poses[index, 3:], grad_local).sum(0)
    total.poses[index, 3:] += grad_local.sum(0)
    return silhouette, colour


def finish_normals(scene: Scene, grad_normals: np.ndarray, total: Scene) -> None:
    """Carry the gradient at the raw normals on to the vertices."""
    raw_normals_vjp(scene.vertices, scene.faces, grad_normals, total.vertices)
