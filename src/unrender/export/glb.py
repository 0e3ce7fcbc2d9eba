"""Writing meshes as binary glTF 2.0 (GLB).

The file is put together directly: a JSON chunk and a binary chunk with positions, normals, texture
coordinates or colours, indices and the encoded texture. glTF has one index for each vertex and its UV origin
at the top left, so seam vertices are written twice and v becomes 1 - v, here and nowhere else.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from unrender import __version__
from unrender.errors import InputError, MeshError
from unrender.export.options import APPEARANCES, TEXTURE_FORMATS
from unrender.export.single_index import single_index
from unrender.export.texture_file import encode_texture
from unrender.mesh import Mesh, vertex_normals

_FLOAT, _UINT16, _UINT32 = 5126, 5123, 5125
_ARRAY_BUFFER, _ELEMENT_ARRAY_BUFFER = 34962, 34963
_LINEAR, _LINEAR_MIPMAP_LINEAR, _CLAMP, _REPEAT = 9729, 9987, 33071, 10497


def mesh_to_glb(mesh: Mesh, *, appearance: str = "albedo", texture_format: str = "jpeg") -> bytes:
    """The mesh as one GLB file (glTF 2.0, +Y up, front +Z) with normals and its embedded texture or colours.

    Args:
        mesh: at least one face. With a texture, its colours are the base colour and `vertex_colors` is left
            out.
        appearance: "albedo" for a colour that viewers light (metallic 0, roughness 0.9), "photo" for a
            colour that contains its light already (KHR_materials_unlit).
        texture_format: "jpeg" (quality 92, full chroma, about ten times faster) or "png" (lossless).

    Returns:
        The bytes of the file.

    Raises:
        InputError: unknown appearance or texture_format.
        MeshError: the mesh has no faces.
    """
    if appearance not in APPEARANCES:
        raise InputError(f"appearance: expected 'albedo' or 'photo', got {appearance!r}")
    if texture_format not in TEXTURE_FORMATS:
        raise InputError(f"texture_format: expected 'jpeg' or 'png', got {texture_format!r}")
    if not len(mesh.faces):
        raise MeshError("mesh: has no faces; a GLB file needs at least one triangle")
    position_of, uv_of, indices = single_index(mesh)
    buffer = _Buffer()
    normals = vertex_normals(mesh.vertices, mesh.faces)
    attributes = {
        "POSITION": buffer.accessor(mesh.vertices[position_of], bounds=True),
        "NORMAL": buffer.accessor(normals[position_of]),
    }
    if mesh.texture is not None and mesh.uvs is not None and uv_of is not None:
        uvs = mesh.uvs[uv_of].copy()
        uvs[:, 1] = 1 - uvs[:, 1]
        attributes["TEXCOORD_0"] = buffer.accessor(uvs)
    elif mesh.vertex_colors is not None:
        attributes["COLOR_0"] = buffer.accessor(np.clip(mesh.vertex_colors[position_of], 0, 1))
    # 65535 is no index: with 16 bits it means primitive restart.
    index_type = np.uint16 if len(position_of) <= 65535 else np.uint32
    index = buffer.accessor(indices.astype(index_type).reshape(-1))
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": f"unrender {__version__}"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "object"}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": index, "material": 0, "mode": 4}]}],
    }
    surface: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 0.9}
    if "TEXCOORD_0" in attributes and mesh.texture is not None and mesh.uvs is not None:
        surface["baseColorTexture"] = {"index": 0}
        view = buffer.add(encode_texture(mesh.texture, texture_format))
        inside = bool(mesh.uvs.min() >= 0 and mesh.uvs.max() <= 1)
        wrap = _CLAMP if inside else _REPEAT
        document["textures"] = [{"source": 0, "sampler": 0}]
        document["images"] = [{"bufferView": view, "mimeType": f"image/{texture_format}", "name": "color"}]
        document["samplers"] = [
            {"magFilter": _LINEAR, "minFilter": _LINEAR_MIPMAP_LINEAR, "wrapS": wrap, "wrapT": wrap}
        ]
    material: dict[str, Any] = {"name": appearance, "pbrMetallicRoughness": surface}
    if appearance == "photo":
        material["extensions"] = {"KHR_materials_unlit": {}}
        document["extensionsUsed"] = ["KHR_materials_unlit"]
    document["materials"] = [material]
    return buffer.file(document)


class _Buffer:
    """The binary chunk and the accessors into it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, int]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, data: bytes, target: int | None = None) -> int:
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        self.views.append(view)
        self.data += data
        self.data += bytes(-len(self.data) % 4)
        return len(self.views) - 1

    def accessor(self, array: np.ndarray, bounds: bool = False) -> int:
        """Floats [N, C] as vertex attributes, or unsigned integers [N] as indices."""
        scalar = array.ndim == 1
        if scalar:
            component = _UINT16 if array.dtype == np.uint16 else _UINT32
        else:
            array, component = array.astype("<f4", copy=False), _FLOAT
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        entry: dict[str, Any] = {
            "bufferView": self.add(little.tobytes(), _ELEMENT_ARRAY_BUFFER if scalar else _ARRAY_BUFFER),
            "componentType": component,
            "count": len(array),
            "type": "SCALAR" if scalar else f"VEC{array.shape[1]}",
        }
        if bounds:
            entry["min"], entry["max"] = array.min(0).tolist(), array.max(0).tolist()
        self.accessors.append(entry)
        return len(self.accessors) - 1

    def file(self, document: dict[str, Any]) -> bytes:
        document["accessors"] = self.accessors
        document["bufferViews"] = self.views
        document["buffers"] = [{"byteLength": len(self.data)}]
        text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + len(self.data)
        return b"".join([
            struct.pack("<4sII", b"glTF", 2, total),
            struct.pack("<I4s", len(text), b"JSON"), text,
            struct.pack("<I4s", len(self.data), b"BIN\0"), bytes(self.data),
        ])  # fmt: skip
