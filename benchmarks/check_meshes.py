"""Checks GLB files: watertight and consistently wound after merging seam vertices; texture and uvs reload.

    python benchmarks/check_meshes.py out/photos/*.glb

Prints one line a failure and a summary; exit status 1 when a file fails. `tests/export/validate_glb.mjs` runs
the Khronos validator over the same files.
"""

from __future__ import annotations

import sys

import numpy as np
import trimesh

from unrender.topology import is_consistently_wound, is_watertight, merge_vertices


def problems(path: str) -> list[str]:
    """What is wrong with a file, as words; empty when nothing is. Read by trimesh, not by our reader."""
    scene = trimesh.load(path, force="mesh", process=False)
    found = []
    merged = merge_vertices(np.asarray(scene.vertices, np.float32), np.asarray(scene.faces, np.int32))
    faces = merged[1]
    if not is_watertight(faces):
        found.append("not watertight")
    if not is_consistently_wound(faces):
        found.append("not consistently wound")
    if scene.volume <= 0:
        found.append(f"inside out (volume {scene.volume:.4f})")
    material = getattr(scene.visual, "material", None)
    image = getattr(material, "baseColorTexture", None)
    uv = getattr(scene.visual, "uv", None)
    if image is None or min(image.size) < 8:
        found.append("no texture")
    if uv is None or not np.isfinite(uv).all() or uv.min() < 0 or uv.max() > 1:
        found.append("no usable uvs")
    return found


if __name__ == "__main__":
    failed = 0
    for name in sys.argv[1:]:
        for problem in problems(name):
            failed += 1
            print(f"{name}: {problem}")
    print(f"{len(sys.argv) - 1} files, {failed} problems")
    sys.exit(1 if failed else 0)
