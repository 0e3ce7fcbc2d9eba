"""A hundred GLB files over all procedural categories and many options through the Khronos validator."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from unrender.export import ExportOptions, write_mesh
from unrender.mesh import Mesh
from unrender.synthesize.bird import make_bird
from unrender.synthesize.catalogue import CATEGORIES, generator

ROOT = Path(__file__).resolve().parents[2]
TEXTURED = (
    ExportOptions(),
    ExportOptions("photo", "png", texture_size=48, height=0.25),
    ExportOptions(faces=400, texture_format="png"),
    ExportOptions("photo", texture_size=300),
)
COLORED = (
    ExportOptions(),
    ExportOptions("photo", height=1.8),
    ExportOptions(faces=300),
    ExportOptions(faces=64, height=100),
)


def write_hundred(folder: Path) -> list[Path]:
    """Every category, with colours and with a texture that covers it in a plane projection."""
    texture = np.random.default_rng(0).integers(0, 255, (96, 64, 3)).astype(np.uint8)
    paths = []
    for category in ("bird", *CATEGORIES):
        shape = make_bird(7) if category == "bird" else generator(category).make(7)
        low, high = shape.vertices.min(0), shape.vertices.max(0)
        uvs = ((shape.vertices - low) / (high - low))[:, [2, 1]].clip(0, 1)
        textured = Mesh(shape.vertices, shape.faces, uvs, shape.faces, texture)
        colored = Mesh(shape.vertices, shape.faces, vertex_colors=shape.colors)
        for name, mesh, variants in (("textured", textured, TEXTURED), ("colored", colored, COLORED)):
            for number, options in enumerate(variants):
                paths.append(folder / f"{category}_{name}_{number}.glb")
                write_mesh(paths[-1], mesh, options)
    return paths


@pytest.mark.node
def test_a_hundred_files_without_a_warning(tmp_path: Path) -> None:
    if shutil.which("node") is None or not (ROOT / "node_modules" / "gltf-validator").is_dir():
        pytest.skip("needs Node.js and `make validator`: the Khronos validator was not run")
    paths = write_hundred(tmp_path)
    assert len(paths) >= 100
    command = ["node", str(ROOT / "tests/export/validate_glb.mjs"), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    results = json.loads(done.stdout)
    assert len(results) == len(paths)
    bad = [result for result in results if result["errors"] or result["warnings"]]
    assert not bad, bad[:3]
    assert done.returncode == 0
