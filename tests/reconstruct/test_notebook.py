"""What a notebook shows, taken apart with an HTML parser."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import trimesh
from PIL import Image

from unrender.camera import Camera, orbit
from unrender.export import mesh_to_glb
from unrender.export import views as export_views
from unrender.mesh import Mesh
from unrender.reconstruct import Reconstruction, notebook
from unrender.template import make_template


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag != "input":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "VIEWS", 3)
    monkeypatch.setattr(notebook, "SIZE", 32)
    assert notebook.turn_frames is export_views.turn_frames
    ball = make_template(1)
    mesh = Mesh(ball.vertices, ball.faces, vertex_colors=np.full((42, 3), 0.5, np.float32))
    result = Reconstruction(
        mesh=mesh, light=np.zeros((9, 3)), camera=Camera.from_fov(8, orbit(0, 0, 5)),
        mask=np.ones((8, 8), bool),
        category="<b>bird", confidence=0.5, crop=(0, 0, 8), coefficients=np.zeros(1), appearance="albedo",
        glb=mesh_to_glb(mesh), timings_ms={"a": 1.0}, model={},
    )  # fmt: skip
    text = result._repr_html_()
    assert "<b>" not in text and "http" not in text  # names are escaped, and nothing is fetched
    tags = Tags()
    tags.feed(text)
    assert not tags.open
    strip = re.search(r"url\(data:image/png;base64,([^)]*)\)", text)
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(strip[1]))))
    assert picture.shape == (32, 96, 3) and picture.std() > 10
    (slider,) = [values for tag, values in tags.found if tag == "input"]
    assert slider["max"] == "2" and "-32*this.value" in slider["oninput"]
    (link,) = [values["href"] for tag, values in tags.found if tag == "a"]
    glb = base64.b64decode(link.split(",")[1])
    assert len(trimesh.load(io.BytesIO(glb), file_type="glb", force="mesh").faces) == len(mesh.faces)
