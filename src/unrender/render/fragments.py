"""What rasterization found at each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Fragments:
    """The visible face of each pixel. Arrays are numpy arrays or torch tensors, as the call's arguments were.

    Attributes:
        face_index: int32 [B, H, W]; row of `faces`, -1 where nothing is.
        barycentrics: [B, H, W, 3], perspective-correct weights of the face's vertices, in [0, 1], sum 1; 0
            where nothing is. Differentiable with respect to the clip positions.
        depth: [B, H, W], distance along the camera's -Z in world units (clip w); 0 where nothing is.
            Differentiable.
        faces: int32 [F, 3]; of a batch of different meshes, the faces of all of them one after the other.
        size: (height, width) in pixels.
        spans: None if all images show all faces; else int32 [B, 2], numpy: image b shows the rows
            [spans[b, 0], spans[b, 1]) of `faces`, whose indices are rows of that image's own vertices.
    """

    face_index: Any
    barycentrics: Any
    depth: Any
    faces: Any
    size: tuple[int, int]
    spans: Any = None

    @property
    def covered(self) -> Any:
        """bool [B, H, W]: True where a face is visible."""
        return self.face_index >= 0
