"""`kaolin.render.mesh`: DIB-R rasterization, soft mask, texture and light.

Pixel (i, j) is at x = (2 j + 1 - W) / W, y = (H - 2 i - 1) / H; row 0 is the top. z is negative in front of
the camera, and the largest is nearest.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from unrender.compat.kaolin import autograd
from unrender.compat.kaolin.ops.mesh import face_normals, index_vertices_by_faces
from unrender.compat.kaolin.render.camera import perspective_camera, rotate_translate_points
from unrender.errors import InputError

BACKENDS = ("cuda", "nvdiffrast", "nvdiffrast_fwd")


def rasterize(
    height: int,
    width: int,
    face_vertices_z: Tensor,
    face_vertices_image: Tensor,
    face_features: Tensor | Sequence[Tensor],
    valid_faces: Tensor | None = None,
    multiplier: float | None = None,
    eps: float | None = None,
    backend: str = "cuda",
) -> tuple[Tensor | tuple[Tensor, ...], Tensor]:
    """Draw faces with features that are interpolated affinely on the picture (not perspective-correct).

    The nearest face wins, of equally near ones the first. Gradients go to `face_vertices_image` and
    `face_features`, none to z.

    Args:
        height, width: size of the picture in pixels.
        face_vertices_z: [B, F, 3] float32 or float64, z of the corners in the camera's frame.
        face_vertices_image: [B, F, 3, 2], projected corners in [-1, 1], y up.
        face_features: [B, F, 3, C], or several of them.
        valid_faces: [B, F] bool, the faces to draw; all if None.
        multiplier, eps: accepted and without influence: coverage and weights are computed in float64, for
            which neither is needed.
        backend: accepted; the result is that of kaolin's own "cuda" for each.

    Returns:
        Interpolated features [B, H, W, C], 0 where nothing is (a tuple if several were given), and the
        visible face int64 [B, H, W], -1 where nothing is.

    Raises:
        InputError: a shape or option is not as described.
    """
    if backend not in BACKENDS:
        raise InputError(f"backend: expected one of {', '.join(map(repr, BACKENDS))}, got {backend!r}")
    parts = [face_features] if isinstance(face_features, Tensor) else list(face_features)
    image, index = autograd.rasterize(
        (height, width), face_vertices_z, face_vertices_image, torch.cat(parts, dim=-1), valid_faces
    )
    if isinstance(face_features, Tensor):
        return image, index
    return image.split([part.shape[-1] for part in parts], dim=-1), index


def dibr_soft_mask(
    face_vertices_image: Tensor,
    selected_face_idx: Tensor,
    sigmainv: float = 7000,
    boxlen: float = 0.02,
    knum: int = 30,
    multiplier: float = 1000.0,
) -> Tensor:
    """Soft silhouette of DIB-R: 1 on covered pixels, elsewhere 1 - prod (1 - exp(-sigmainv d^2)).

    The product is over the first `knum` faces, in index order, in whose bounding box, enlarged by `boxlen`,
    the pixel's centre lies; d is its distance to the face's border. Source: arXiv 1908.01210, eq. 4-5.

    Args:
        face_vertices_image: [B, F, 3, 2] float32 or float64, projected corners in [-1, 1], y up.
        selected_face_idx: int64 [B, H, W], the visible face, -1 where nothing is.
        sigmainv: sharpness, inverse of a squared distance.
        boxlen: margin of the bounding boxes.
        knum: how many faces may count at a pixel.
        multiplier: accepted and without influence.

    Returns:
        [B, H, W] in [0, 1]. Gradients go to `face_vertices_image`, from the uncovered pixels.

    Raises:
        InputError: a shape or number is not as described.
    """
    return autograd.soft_mask(face_vertices_image, selected_face_idx, sigmainv, boxlen, knum)


def dibr_rasterization(
    height: int,
    width: int,
    face_vertices_z: Tensor,
    face_vertices_image: Tensor,
    face_features: Tensor | Sequence[Tensor],
    face_normals_z: Tensor,
    sigmainv: float = 7000,
    boxlen: float = 0.02,
    knum: int = 30,
    multiplier: float | None = None,
    eps: float | None = None,
    rast_backend: str = "cuda",
) -> tuple[Tensor | tuple[Tensor, ...], Tensor, Tensor]:
    """`rasterize` of the faces with `face_normals_z` [B, F] >= 0, then `dibr_soft_mask` over all faces.

    Returns:
        Interpolated features (a tuple if several were given), soft mask [B, H, W] and the visible face
        int64 [B, H, W].

    Raises:
        InputError: a shape, number or option is not as described.
    """
    image, index = rasterize(
        height, width, face_vertices_z, face_vertices_image, face_features, face_normals_z >= 0,
        multiplier, eps, rast_backend,
    )  # fmt: skip
    return image, dibr_soft_mask(face_vertices_image, index, sigmainv, boxlen, knum), index


def texture_mapping(texture_coordinates: Tensor, texture_maps: Tensor, mode: str = "nearest") -> Tensor:
    """Look up textures [B, C, h, w] at coordinates [B, H, W, 2] (or [B, N, 2]): [B, H, W, C] (or [B, N, C]).

    Coordinates are clamped to [0, 1]; (0, 0) is the texture's bottom-left corner, its row 0 is v = 1. `mode`
    is one of `torch.nn.functional.grid_sample`: "nearest", "bilinear" or "bicubic".
    """
    batch = texture_coordinates.shape[0]
    grid = texture_coordinates.reshape(batch, -1, 1, 2).clamp(0, 1) * 2 - 1
    grid = grid * grid.new_tensor([1.0, -1.0])
    found = grid_sample(texture_maps, grid, mode=mode, padding_mode="border", align_corners=False)
    return found.permute(0, 2, 3, 1).reshape(*texture_coordinates.shape[:-1], texture_maps.shape[1])


# What kaolin multiplies its second band with, as it stands there: the last two are 1 / sqrt(2) of the usual
# constants, and x and y of the first band have changed places.
_SH0, _SH1, _SH2, _SH2_ZZ = 0.28209479177, 0.4886025119, 1.09254843059, 0.94617469575
_SH2_0, _SH2_XZ, _SH2_XX = 0.31539156525, 0.77254840404, 0.38627420202


def spherical_harmonic_lighting(imnormal: Tensor, lights: Tensor) -> Tensor:
    """Shading [B, H, W] of normals [B, H, W, 3] by nine coefficients [B, 9] (no clamping, no cosine lobe).

    Order of the functions: 1; x, z, y; xy, yz, z^2, xz, x^2 - y^2. `lighting.sh9_irradiance` replaces it.
    """
    x, y, z = imnormal.unbind(dim=-1)
    basis = torch.stack(
        [
            torch.full_like(x, _SH0),
            _SH1 * x, _SH1 * z, _SH1 * y,
            _SH2 * x * y, _SH2 * y * z, _SH2_ZZ * z * z - _SH2_0, _SH2_XZ * x * z, _SH2_XX * (x * x - y * y),
        ],
        dim=-1,
    )  # fmt: skip
    return (basis * lights.reshape(-1, 1, 1, 9)).sum(dim=-1)


def prepare_vertices(
    vertices: Tensor,
    faces: Tensor,
    camera_proj: Tensor,
    camera_rot: Tensor | None = None,
    camera_trans: Tensor | None = None,
    camera_transform: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Move vertices into the cameras' frame, project them, and gather both by face.

    Args:
        vertices: [B, V, 3], world frame.
        faces: int64 [F, 3].
        camera_proj: [3, 1], from `camera.generate_perspective_projection`.
        camera_rot, camera_trans: [B, 3, 3] and [B, 3], from `generate_rotate_translate_matrices`, or
        camera_transform: [B, 4, 3], from `generate_transformation_matrix`.

    Returns:
        Corners in the camera's frame [B, F, 3, 3], projected [B, F, 3, 2], unit normals [B, F, 3].

    Raises:
        InputError: neither or both of the two ways of giving cameras were used.
    """
    if camera_transform is not None and camera_rot is None and camera_trans is None:
        moved = pad(vertices, (0, 1), value=1.0) @ camera_transform
    elif camera_transform is None and camera_rot is not None and camera_trans is not None:
        moved = rotate_translate_points(vertices, camera_rot, camera_trans)
    else:
        raise InputError("camera_transform: expected either it, or camera_rot and camera_trans, not both")
    corners = index_vertices_by_faces(moved, faces)
    projected = index_vertices_by_faces(perspective_camera(moved, camera_proj), faces)
    return corners, projected, face_normals(corners, unit=True)
