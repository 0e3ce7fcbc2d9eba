"""Whole pictures: a mesh, a camera and a light give colour, mask, depth and normals.

`render` is the simple numpy way; `render_surface` is the same composition for batches of numpy arrays or
torch tensors, differentiable for tensors in positions, colours, texture, normals and light.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unrender import light as lighting
from unrender.camera import Camera
from unrender.errors import InputError
from unrender.mesh import Mesh, vertex_normals
from unrender.render import operations, validate
from unrender.render.texturing import sample_texture
from unrender.texture import srgb_to_linear


@dataclass(frozen=True, eq=False)
class Surface:
    """What is drawn: faces with colours or a texture. numpy arrays or torch tensors.

    Attributes:
        faces: [F, 3] integers.
        colors: [B or 1, V, 3] linear albedo at the vertices, or None.
        texture: [B or 1, h, w, 3] linear albedo or None; wins over `colors`; repeats outside [0, 1].
        uvs, uv_faces: [B or 1, Vt, 2] and [F, 3], needed with `texture`.
        normals: [B or 1, V, 3] world-frame unit normals at the vertices; needed for light and normal output.
    """

    faces: Any
    colors: Any = None
    texture: Any = None
    uvs: Any = None
    uv_faces: Any = None
    normals: Any = None


@dataclass(frozen=True, eq=False)
class RenderResult:
    """Pictures of one call; without a batch axis if they come from `render`.

    Attributes:
        image: [B, H, W, 3] linear light, 0 where nothing is (premultiplied by the mask if supersampled).
        mask: [B, H, W] in [0, 1]: coverage, or the soft mask if one was asked for.
        depth: [B, H, W] along the camera's -Z in world units, 0 where nothing is.
        normals: [B, H, W, 3] unit vectors in the world frame, 0 where nothing is; None without vertex
            normals.
    """

    image: Any
    mask: Any
    depth: Any
    normals: Any


def _normalized(vectors: Any) -> Any:
    """Vectors of unit length; zero stays zero, with zero gradient."""
    squared = (vectors * vectors).sum(-1)[..., None]
    torch = sys.modules.get("torch")
    library = torch if torch is not None and isinstance(vectors, torch.Tensor) else np
    return vectors / library.where(squared > 0, squared, 0 * squared + 1) ** 0.5


def render_surface(
    clip: Any, surface: Surface, light: Any, size: tuple[int, int], delta: float | None = None
) -> RenderResult:
    """Rasterize, interpolate, texture, light and mask a batch.

    Without light and normals, and for tensors outside torch.compile and torch.func, all of it is one pass
    over the pictures: faster as the single operations, with the same results.

    Args:
        clip: [B, V, 4] clip-space positions.
        surface: faces and their looks; grey 0.8 where it has neither colours nor texture.
        light: [9, 3] or [B, 9, 3] spherical harmonics of irradiance over pi in the normals' frame
            (`unrender.light.shade_sh`), or None for plain albedo.
        size: (height, width) in pixels.
        delta: softness of the mask as in `soft_mask`; None gives the hard mask, without gradient.

    Returns:
        RenderResult with a batch axis.

    Raises:
        InputError: as `rasterize`, `interpolate`, `sample_texture` and `soft_mask`; or light without normals.
    """
    if light is None and surface.normals is None and validate.is_tensor(clip):
        from unrender.render import torch_surface

        drawn = torch_surface.draw(clip, surface, size, delta)
        if drawn is not None:
            image, mask, depth = drawn
            return RenderResult(image, mask, depth, None)
    fragments = operations.rasterize(clip, surface.faces, size)
    if surface.texture is not None:
        if surface.uvs is None:
            raise InputError("surface.uvs: needed with a texture; pass uvs and uv_faces")
        uv = operations.interpolate(surface.uvs, fragments, surface.uv_faces)
        albedo = sample_texture(surface.texture, uv, wrap="repeat", fragments=fragments)
    elif surface.colors is not None:
        albedo = operations.interpolate(surface.colors, fragments)
    else:
        albedo = 0.8 * fragments.barycentrics.sum(-1)[..., None] + 0 * fragments.barycentrics
    normals = None
    if surface.normals is not None:
        normals = _normalized(operations.interpolate(surface.normals, fragments))
    if light is None:
        image = albedo
    elif normals is None:
        raise InputError("surface.normals: needed to light the picture; pass vertex normals or light=None")
    else:
        image = lighting.shade_sh(albedo, normals, light)
    if delta is not None:
        mask = operations.soft_mask(clip, fragments, delta)
    elif validate.is_tensor(fragments.face_index):
        mask = fragments.covered.to(fragments.depth.dtype)
    else:
        mask = fragments.covered.astype(fragments.depth.dtype)
    return RenderResult(image, mask, fragments.depth, normals)


def mesh_surface(mesh: Mesh) -> Surface:
    """The numpy `Surface` of a mesh: texture decoded to linear light, smooth vertex normals."""
    surface = Surface(mesh.faces, normals=vertex_normals(mesh.vertices, mesh.faces)[None])
    if mesh.texture is not None and mesh.uvs is not None:
        texture = np.ascontiguousarray(srgb_to_linear(mesh.texture), dtype=np.float32)
        return replace(surface, texture=texture[None], uvs=mesh.uvs[None], uv_faces=mesh.uv_faces)
    if mesh.vertex_colors is not None:
        return replace(surface, colors=mesh.vertex_colors[None])
    return surface


def render(
    mesh: Mesh, camera: Camera, light: np.ndarray | None = None, size: tuple[int, int] | None = None,
    samples: int = 1,
) -> RenderResult:  # fmt: skip
    """Draw a mesh.

    Args:
        mesh: in the camera's world frame.
        camera: the view.
        light: [9, 3] spherical harmonics of irradiance over pi in the world frame, order of
            `unrender.light.sh_basis`; None shows the albedo.
        size: (height, width) in pixels; None takes the camera's. Another size samples the same view.
        samples: supersampling: every pixel is the mean of samples x samples.

    Returns:
        RenderResult of float32 arrays without a batch axis: image [H, W, 3] linear light (divide by the mask
        to undo the premultiplication), mask [H, W], depth [H, W], normals [H, W, 3].

    Raises:
        InputError: `light`, `size` or `samples` is not as described.
    """
    height, width = (camera.height, camera.width) if size is None else validate.picture_size(size)
    if not isinstance(samples, int) or not 1 <= samples <= 16:
        raise InputError(f"samples: expected an integer from 1 to 16, got {samples!r}")
    if light is not None:
        light = np.asarray(light, dtype=np.float32)
        validate.shape("light", light, (9, 3))
    fine = camera.resized(width * samples, height * samples)
    clip = np.ascontiguousarray(fine.to_clip(mesh.vertices)[None], dtype=np.float32)
    result = render_surface(clip, mesh_surface(mesh), light, (fine.height, fine.width))
    hit = result.mask[0] > 0
    if samples == 1:
        return RenderResult(result.image[0], result.mask[0], result.depth[0], result.normals[0])
    depth = _average(result.depth[0] * hit, samples) / np.maximum(_average(hit, samples), 1e-6)
    return RenderResult(
        _average(result.image[0], samples), _average(result.mask[0], samples), depth,
        _normalized(_average(result.normals[0], samples)),
    )  # fmt: skip


def _average(picture: np.ndarray, samples: int) -> np.ndarray:
    """Means over samples x samples blocks of [H, W, ...], float32."""
    height, width = picture.shape[0] // samples, picture.shape[1] // samples
    blocks = picture.reshape(height, samples, width, samples, *picture.shape[2:])
    return blocks.mean(axis=(1, 3), dtype=np.float32)
