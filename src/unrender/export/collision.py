"""Convex parts for physics engines."""

from __future__ import annotations

import numpy as np

from unrender.errors import MissingExtraError
from unrender.mesh import Mesh

CONCAVITY = 0.05
"""Largest concavity left in a part, in units of CoACD (its metric over a mesh of unit size)."""
MAX_VERTICES = 64
"""Most vertices of a part: what the strictest physics engines take."""


def convex_parts(mesh: Mesh, concavity: float = CONCAVITY) -> list[Mesh]:
    """Cut a mesh into nearly convex parts, each replaced by its convex hull.

    Approximate convex decomposition with collision-aware concavity (CoACD; Wei, Liu, Ling and Su,
    SIGGRAPH 2022), always with the same seed.

    Args:
        mesh: closed; open ones are closed by CoACD first. concavity: 0.01 (many parts) to 1 (few).

    Returns:
        Closed convex meshes in the frame and unit of `mesh`, without colours.

    Raises:
        MissingExtraError: coacd is not installed.
    """
    try:
        import coacd
    except ImportError:
        raise MissingExtraError("collision: needs coacd; pip install 'unrender[collision]'") from None
    coacd.set_log_level("error")
    parts = coacd.run_coacd(
        coacd.Mesh(mesh.vertices.astype(np.float64), mesh.faces), threshold=concavity, seed=0,
        decimate=True, max_ch_vertex=MAX_VERTICES,
    )  # fmt: skip
    return [Mesh(np.asarray(vertices), np.asarray(faces)) for vertices, faces in parts]


def collision_to_obj(mesh: Mesh) -> bytes:
    """The convex parts as an OBJ file with one object a part, as physics engines read them.

    Raises:
        MissingExtraError: coacd is not installed.
    """
    lines = ["# unrender, convex parts, +Y up, front +Z"]
    offset = 1
    for number, part in enumerate(convex_parts(mesh)):
        lines.append(f"o part_{number:03d}")
        lines += [f"v {x:.7g} {y:.7g} {z:.7g}" for x, y, z in part.vertices.tolist()]
        lines += [f"f {a} {b} {c}" for a, b, c in (part.faces + offset).tolist()]
        offset += len(part.vertices)
    return ("\n".join(lines) + "\n").encode()
