"""Triangle meshes with an optional texture, and reading them from files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from unrender.errors import MeshError
from unrender.texture import linear_to_bytes, srgb_to_linear
from unrender.topology import check_faces, merge_vertices

_FORMATS = ("glb", "gltf", "obj", "ply", "stl", "off", "3mf", "dae")


@dataclass(frozen=True, eq=False)
class Mesh:
    """A triangle mesh. Arrays are converted to the dtypes below and checked.

    Attributes:
        vertices: float32 [V, 3], right-handed, +Y up, front +Z, in the unit of the object.
        faces: int32 [F, 3], counter-clockwise seen from outside.
        uvs: float32 [Vt, 2] or None; origin bottom-left, outside [0, 1] the texture repeats.
        uv_faces: int32 [F, 3] or None, indices into `uvs`; present exactly if `uvs` is.
        texture: uint8 [h, w, 3] sRGB or None, row 0 is v = 1.
        vertex_colors: float32 [V, 3] linear light in [0, 1] or None.

    Raises:
        MeshError: a wrong shape or dtype, an index out of range, NaN or infinity, uvs without uv_faces, or a
            texture without uvs.
    """

    vertices: np.ndarray
    faces: np.ndarray
    uvs: np.ndarray | None = None
    uv_faces: np.ndarray | None = None
    texture: np.ndarray | None = None
    vertex_colors: np.ndarray | None = None

    def __post_init__(self) -> None:
        vertices = _floats("vertices", self.vertices, 3)
        object.__setattr__(self, "vertices", vertices)
        object.__setattr__(self, "faces", check_faces(self.faces, len(vertices)).astype(np.int32))
        if (self.uvs is None) != (self.uv_faces is None):
            raise MeshError("uvs, uv_faces: give both or neither")
        if self.uvs is not None and self.uv_faces is not None:
            uvs = _floats("uvs", self.uvs, 2)
            uv_faces = check_faces(self.uv_faces, len(uvs)).astype(np.int32)
            if uv_faces.shape != self.faces.shape:
                raise MeshError(f"uv_faces: expected shape {self.faces.shape} as faces, got {uv_faces.shape}")
            object.__setattr__(self, "uvs", uvs)
            object.__setattr__(self, "uv_faces", uv_faces)
        if self.texture is not None:
            texture = np.asarray(self.texture)
            if texture.ndim != 3 or texture.shape[2] != 3 or texture.dtype != np.uint8 or 0 in texture.shape:
                raise MeshError(
                    f"texture: expected uint8 [h, w, 3] sRGB, got {texture.dtype} of shape {texture.shape}"
                )
            if self.uvs is None:
                raise MeshError("texture: needs uvs and uv_faces")
            object.__setattr__(self, "texture", texture)
        if self.vertex_colors is not None:
            colors = _floats("vertex_colors", self.vertex_colors, 3)
            if len(colors) != len(vertices):
                raise MeshError(
                    f"vertex_colors: expected {len(vertices)} rows as vertices, got {len(colors)}"
                )
            object.__setattr__(self, "vertex_colors", colors)

    def bounds(self) -> np.ndarray:
        """float32 [2, 3]: smallest and largest coordinates.

        Raises:
            MeshError: the mesh has no vertices.
        """
        if not len(self.vertices):
            raise MeshError("vertices: the mesh is empty and has no bounds")
        return np.stack([self.vertices.min(0), self.vertices.max(0)])


def _floats(name: str, values: np.ndarray, columns: int) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 2 or array.shape[1] != columns:
        raise MeshError(f"{name}: expected float32 [N, {columns}], got shape {array.shape}")
    if not np.issubdtype(array.dtype, np.floating):
        raise MeshError(f"{name}: expected floats, got {array.dtype}")
    array = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array).all(1))[0])
        raise MeshError(f"{name}: row {row} contains NaN or infinity")
    return array


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals at the vertices: the sum of the normals of adjoining faces, weighted by area.

    Args:
        vertices: float [V, 3].
        faces: int [F, 3], counter-clockwise from outside.

    Returns:
        float32 [V, 3], unit length; (0, 0, 1) for vertices without a face of positive area.
    """
    points = np.asarray(vertices, dtype=np.float64)
    a, b, c = (points[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    corner = np.asarray(faces).T.reshape(-1)
    total = np.stack(
        [np.bincount(corner, np.tile(normal[:, axis], 3), minlength=len(points)) for axis in range(3)], axis=1
    )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    tiny = 1e-30 + 1e-14 * np.abs(normal).max(initial=0)
    unit = np.where(length > tiny, total / np.maximum(length, tiny), [0.0, 0.0, 1.0])
    return unit.astype(np.float32)


def load_mesh(path: str | os.PathLike[str]) -> Mesh:
    """Read a mesh file: GLB, glTF, OBJ, PLY, STL, OFF, 3MF or DAE.

    The parts of a scene are put in their places and joined (several textures go into one atlas). Vertices
    that the file repeats for texture seams are merged; `uv_faces` keeps the seams. Nothing is rescaled or
    turned.

    Returns:
        The mesh with its base colour texture, or else its colours as linear vertex colours.

    Raises:
        MeshError: missing or unreadable file, unknown format, no triangles, or coordinates that are not
        finite.
    """
    name = os.fspath(path)
    extension = os.path.splitext(name)[1].lower().lstrip(".")
    if extension not in _FORMATS:
        known = ", ".join("." + entry for entry in _FORMATS)
        raise MeshError(f"{name}: unknown mesh format '.{extension}'; use one of {known}")
    if not os.path.isfile(name):
        raise MeshError(f"{name}: no such file; check the path")
    if os.path.getsize(name) == 0:
        raise MeshError(f"{name}: is an empty file; copy or download it again")
    import trimesh

    try:
        scene = trimesh.load_scene(name, process=False)
        parts = [part for part in scene.dump(concatenate=False) if isinstance(part, trimesh.Trimesh)]
    except Exception as error:  # each reader raises its own kind
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise MeshError(f"{name}: cannot be read as .{extension} ({reason})") from None
    parts = [part for part in parts if len(part.faces)]
    if not parts:
        raise MeshError(f"{name}: contains no triangles; export the object as a triangle mesh")
    try:
        return _from_trimesh(parts, linear_colors=extension in ("glb", "gltf"))
    except MeshError as error:
        raise MeshError(f"{name}: {error}") from None


def _from_trimesh(parts: list[Any], linear_colors: bool) -> Mesh:
    if any(_image(part) is not None for part in parts):
        import trimesh

        whole = parts[0] if len(parts) == 1 else trimesh.util.concatenate(parts)
        image = _image(whole)
        if image is not None:
            return _textured(whole, image)
    vertices = np.concatenate([part.vertices for part in parts])
    offsets = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
    faces = np.concatenate([part.faces + offset for part, offset in zip(parts, offsets, strict=True)])
    colors = [_colors(part, linear_colors) for part in parts]
    joined = None
    if any(entry is not None for entry in colors):
        filled = [
            np.full((len(part.vertices), 3), 0.8, np.float32) if entry is None else entry
            for part, entry in zip(parts, colors, strict=True)
        ]
        joined = np.concatenate(filled)
    return Mesh(vertices, faces, vertex_colors=joined)


def _image(part: Any) -> Any:
    """The base colour picture (Pillow) of a trimesh mesh with texture coordinates, or None."""
    visual = part.visual
    if getattr(visual, "uv", None) is None or len(visual.uv) != len(part.vertices):
        return None
    material = getattr(visual, "material", None)
    image = getattr(material, "baseColorTexture", None)
    return image if image is not None else getattr(material, "image", None)


def _textured(whole: Any, image: Any) -> Mesh:
    texture = np.array(image.convert("RGB"))
    factor = getattr(whole.visual.material, "baseColorFactor", None)
    if factor is not None:
        tint = _unit(factor)[:3]
        if (tint != 1).any():
            texture = linear_to_bytes(srgb_to_linear(texture) * tint.astype(np.float32))
    uv_faces = np.asarray(whole.faces)
    points = np.asarray(whole.vertices, dtype=np.float32)
    merged, _, old_to_new = merge_vertices(points, uv_faces)
    faces = old_to_new[uv_faces]
    a, b, c = faces.T
    keep = (a != b) & (b != c) & (c != a)
    return Mesh(merged, faces[keep], np.asarray(whole.visual.uv, float), uv_faces[keep], texture)


def _unit(color: Any) -> np.ndarray:
    """A colour of trimesh, uint8 or float, as float64 in [0, 1]."""
    color = np.asarray(color)
    return color / 255.0 if np.issubdtype(color.dtype, np.integer) else color.astype(np.float64)


def _colors(part: Any, linear: bool) -> np.ndarray | None:
    """float32 [V, 3] linear, or None if the part has neither colours nor a coloured material."""
    visual = part.visual
    if getattr(visual, "kind", None) in ("vertex", "face"):
        values = np.asarray(visual.vertex_colors)[:, :3]
        return (values / 255).astype(np.float32) if linear else srgb_to_linear(values.astype(np.uint8))
    material = getattr(visual, "material", None)
    color = getattr(material, "baseColorFactor", None)
    if color is None and not linear:
        color = getattr(material, "diffuse", None)
    if color is None:
        return None
    value = _unit(color)[:3]
    value = value if linear else srgb_to_linear(value)
    return np.tile(value.astype(np.float32), (len(part.vertices), 1))
