"""The turning picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from unrender.cli.turntable import save_turntable
from unrender.export.views import turn_frames
from unrender.mesh import Mesh
from unrender.template import make_template


def marked_body() -> Mesh:
    """White, red at the front, green on its left."""
    template = make_template(3)
    colours = np.full((len(template.vertices), 3), 0.8, np.float32)
    colours[template.vertices[:, 2] > 0.8] = [0.8, 0, 0]
    colours[template.vertices[:, 0] > 0.8] = [0, 0.6, 0]
    return Mesh(template.vertices * np.array([1, 1, 1.2], np.float32), template.faces, vertex_colors=colours)


def test_turn_starts_at_the_front_and_shows_the_left_next() -> None:
    frames = turn_frames(marked_body(), frames=4, size=48)
    assert frames.shape == (4, 48, 48, 3) and frames.dtype == np.uint8
    front, left, back, _ = frames[:, 22, 24].astype(int)
    assert front[0] > front[1] + 60 and left[1] > left[0] + 60 and back.max() - back.min() < 10
    assert (frames[:, 0, 0] > 240).all()


def test_gif(tmp_path: Path) -> None:
    path = tmp_path / "turn.gif"
    save_turntable(marked_body(), path)
    with Image.open(path) as picture:
        assert picture.format == "GIF" and picture.n_frames == 36 and picture.size == (256, 256)
