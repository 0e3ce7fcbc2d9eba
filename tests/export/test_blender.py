"""Blender's own importer: the right way up, front to the front, texture where it belongs.

Needs `blender` on the path, or UNRENDER_BPY=python with the package bpy; skipped without.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from unrender.export import ExportOptions, write_mesh
from unrender.mesh import Mesh
from unrender.template import make_template

SCRIPT = Path(__file__).with_name("import_in_blender.py")


def blender_command() -> list[str]:
    if os.environ.get("UNRENDER_BPY"):
        return [os.environ["UNRENDER_BPY"], str(SCRIPT)]
    if shutil.which("blender") is None:
        pytest.skip("Blender is not installed and UNRENDER_BPY is not set: its importer was not run")
    return ["blender", "--background", "--factory-startup", "--python", str(SCRIPT), "--"]


def test_blender_imports_it_the_right_way_round(tmp_path: Path) -> None:
    command = blender_command()
    template = make_template(2)
    face, weight = template.texels(128)
    place = np.einsum("hwk,hwkc->hwc", weight, template.vertices[template.faces[np.maximum(face, 0)]])
    texture = np.round((place * 0.45 + 0.5) * 255).clip(0, 255).astype(np.uint8)
    size = np.array([0.3, 0.5, 1.0], np.float32)
    mesh = Mesh(template.vertices * size, template.faces, template.uvs, template.uv_faces, texture)
    write_mesh(tmp_path / "a.glb", mesh, ExportOptions(texture_format="png"))
    done = subprocess.run([*command, str(tmp_path / "a.glb")], capture_output=True, text=True, timeout=300)
    lines = [line for line in done.stdout.splitlines() if line.startswith("FACTS ")]
    assert lines, done.stdout + done.stderr
    facts = json.loads(lines[0].removeprefix("FACTS "))
    x, y, z = np.array([sample["centre"] for sample in facts["samples"]]).T
    where = np.stack([x, z, -y], axis=1) / size  # Blender: +Z up, front towards -Y
    colors = np.array([sample["color"] for sample in facts["samples"]])
    assert len(colors) == len(mesh.faces)
    assert np.abs(colors - (where * 0.45 + 0.5)).max() < 0.06
    assert facts["roughness"] == pytest.approx(0.9)
