"""The texture: an atlas for the finished mesh, and texels refined against all photos.

Charts come from xatlas (`unrender[fit]`). Texels start from the albedo at the vertices; then Adam runs on
them through the renderer's texture sampling. Gradients are spread over neighbouring texels, so that those
between the photos' pixels move with the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from unrender.errors import MissingExtraError
from unrender.fit.objective import Scene, corrected, normals_of
from unrender.fit.optimizer import Adam
from unrender.fit.shading import compare
from unrender.fit.targets import Target
from unrender.render.kernels import interpolate, rasterize, texture
from unrender.render.kernels.threads import num_threads


def require_xatlas() -> None:
    """Make sure that charts can be made.

    Raises:
        MissingExtraError: xatlas is missing.
    """
    try:
        import xatlas  # noqa: F401
    except ImportError:
        raise MissingExtraError("textures of scans need xatlas: pip install 'unrender[fit]'") from None


def make_atlas(vertices: np.ndarray, faces: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Texture coordinates for a mesh.

    Args:
        vertices: [V, 3]. faces: [F, 3]. size: side of the texture that is wanted, in texels.

    Returns:
        uvs float32 [Vt, 2] in [0, 1] and uv_faces int32 [F, 3].

    Raises:
        MissingExtraError: xatlas is missing.
    """
    require_xatlas()
    import xatlas

    atlas = xatlas.Atlas()
    atlas.add_mesh(np.ascontiguousarray(vertices, np.float32), np.ascontiguousarray(faces, np.uint32))
    chart, pack = xatlas.ChartOptions(), xatlas.PackOptions()
    chart.max_iterations = 1
    pack.resolution, pack.padding = size, 3
    pack.bruteForce = False
    atlas.generate(chart, pack)
    _, uv_faces, uvs = atlas[0]
    return np.asarray(uvs, np.float32), np.asarray(uv_faces, np.int32)


def initial_texture(
    albedo: np.ndarray, faces: np.ndarray, uvs: np.ndarray, uv_faces: np.ndarray, size: int
) -> np.ndarray:
    """float32 [size, size, 3]: vertex colours drawn into the atlas, and spread into its gaps."""
    clip = np.zeros((1, len(uvs), 4), np.float32)
    clip[0, :, :2], clip[0, :, 3] = 2 * uvs - 1, 1
    index, weight, _ = rasterize.forward(clip, uv_faces, size, size, threads=num_threads())
    source = np.ascontiguousarray(albedo, np.float32)[None]
    picture = interpolate.forward(
        source, np.ascontiguousarray(faces, np.int32), index, weight, num_threads()
    )[0]
    return spread(picture, index[0] >= 0)


def spread(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill unknown texels of [T, T, 3] from coarser averages of the known ones (bool [T, T])."""
    size = picture.shape[0]
    if known.all() or size < 2:
        return picture
    even = size + size % 2
    weight = np.pad(known, ((0, even - size), (0, even - size))).astype(np.float32)[..., None]
    padded = np.pad(picture, ((0, even - size), (0, even - size), (0, 0))) * weight
    blocks = (even // 2, 2, even // 2, 2)
    total = weight.reshape(*blocks, 1).sum((1, 3))
    mean = padded.reshape(*blocks, 3).sum((1, 3)) / np.maximum(total, 1)
    coarse = spread(mean.astype(np.float32), total[..., 0] > 0)
    rows = np.arange(size) // 2
    return np.where(known[..., None], picture, coarse[rows[:, None], rows[None]]).astype(np.float32)


def refine_texture(
    scene: Scene,
    targets: Sequence[Target],
    atlas: tuple[np.ndarray, np.ndarray],
    start: np.ndarray,
    steps: int,
    picks: Callable[[int], np.ndarray],
    advance: Callable[[int, float], bool] = lambda step, loss: True,
) -> np.ndarray:
    """Texels that reproduce the photos.

    Args:
        scene: the finished shape, light and cameras. targets: of all views. atlas: uvs and uv_faces.
        start: float32 [T, T, 3] linear albedo. steps: of Adam. picks: step -> indices of the views it uses.
        advance: called after each step with the loss; False stops.

    Returns:
        float32 [T, T, 3], 0 or more.
    """
    uvs, uv_faces = atlas
    threads = num_threads()
    normals = normals_of(scene).astype(np.float32)[None]
    seen = [_seen(scene, index, target, normals, uvs, uv_faces) for index, target in enumerate(targets)]
    texels = start.copy()
    adam = Adam(texels.shape)
    for step in range(steps):
        total, loss = np.zeros_like(texels), 0.0
        chosen = picks(step)
        for index in chosen:
            face_index, uv, normal = seen[index]
            target = targets[index]
            albedo = texture.forward(texels[None], uv, 1, 0, face_index, threads)
            shown = np.concatenate([albedo, normal], axis=-1)
            value, grad, _ = compare(shown, face_index, scene.light, target.image, target.weight)
            loss += value / target.area / len(chosen)
            pull = np.ascontiguousarray(grad[..., :3])
            part = texture.vjp(texels[None], uv, pull, 1, 0, face_index, threads, (True, False))[0]
            total += part[0] if part is not None else 0
        pace = 0.03 * 0.1 ** (step / max(steps - 1, 1))
        texels = np.maximum(texels + adam.step(_blurred(total), pace), 0).astype(np.float32)
        if not advance(step + 1, loss):
            break
    return texels


def _seen(
    scene: Scene, index: int, target: Target, normals: np.ndarray, uvs: np.ndarray, uv_faces: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """face_index [1, H, W], uv [1, H, W, 2] and normal [1, H, W, 3] of a view, which stay as they are."""
    camera, threads = target.camera, num_threads()
    pose = corrected(camera.world_to_camera, scene.poses[index])
    local = scene.vertices @ pose[:3, :3].T + pose[:3, 3]
    projection = camera.projection()
    clip = np.ascontiguousarray(local @ projection[:, :3].T + projection[:, 3], np.float32)[None]
    face_index, weight, _ = rasterize.forward(clip, scene.faces, camera.height, camera.width, threads=threads)
    uv = interpolate.forward(np.ascontiguousarray(uvs[None]), uv_faces, face_index, weight, threads)
    normal = interpolate.forward(normals, scene.faces, face_index, weight, threads)
    return face_index, uv, normal


def _blurred(values: np.ndarray) -> np.ndarray:
    """Binomial blur over 3 x 3 texels of [T, T, C]."""
    for axis in (0, 1):
        values = 0.5 * values + 0.25 * (np.roll(values, 1, axis) + np.roll(values, -1, axis))
    return values


def suggested_size(targets: Sequence[Target]) -> int:
    """Side of a texture with about two texels for each pixel that the object takes, 256 to 4096.

    A closed surface is about four times its mean silhouette; charts fill about 60 % of an atlas.
    """
    texels = 2 * 4 / 0.6 * float(np.mean([target.area for target in targets]))
    return int(np.clip(2 ** round(math.log2(math.sqrt(texels))), 256, 4096))
