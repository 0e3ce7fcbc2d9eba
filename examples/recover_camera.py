"""The camera of one picture of a known shape, beginning 35 degrees and a third of a radius off.

The soft mask starts wide, so that silhouettes feel each other from afar, and tightens. Run
`python examples/recover_camera.py`; the picture is docs/pictures/recover_camera.png.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from course import Course, main
from stage import ball, bumpy, colours, ring, to_clip
from torch import Tensor

from unrender import render

SIZE = 72


def rotation(vector: Tensor) -> Tensor:
    """The rotation matrix of an axis-angle vector [3]."""
    x, y, z = vector
    zero = torch.zeros_like(x)
    return torch.matrix_exp(torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(3, 3))


def run(steps: int, out: Path) -> dict[str, float]:
    """Optimise and draw the course; returns the rotation's error in degrees."""
    _, sphere, faces = ball()
    shape, paint = bumpy(sphere), colours(sphere)[None]
    matrices, _ = ring(1)
    links = render.make_edge_links(faces.numpy())

    def picture(turn: Tensor, move: Tensor, delta: float) -> tuple[Tensor, Tensor]:
        clip = to_clip(shape @ rotation(turn).T + move, matrices)
        fragments = render.rasterize(clip, faces, (SIZE, SIZE))
        image = render.antialias(render.interpolate(paint, fragments), clip, fragments, links)
        return image, render.soft_mask(clip, fragments, delta)

    none = torch.zeros(3)
    target, _ = picture(none, none, 1 / 7000)
    turn = torch.tensor([0.3, 0.45, -0.28]).requires_grad_()
    move = torch.tensor([0.2, -0.15, 0.2]).requires_grad_()
    optimizer = torch.optim.Adam([turn, move], lr=0.02)
    course = Course("recover_camera", target[0], steps)
    first = math.degrees(float(turn.detach().norm()))
    for step in range(steps):
        delta = 0.02 * (1 / 140) ** (step / steps)
        with torch.no_grad():
            _, wanted = picture(none, none, delta)
        image, mask = picture(turn, move, delta)
        loss = (image - target).square().mean() + (mask - wanted).square().mean()
        optimizer.param_groups[0]["lr"] = 0.02 * (1 - 0.9 * step / steps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        course.note(step, loss, image[0])
    last = math.degrees(float(turn.detach().norm()))
    course.save(out, f"rotation off by {first:.1f} to {last:.2f} degrees")
    return {"loss_first": course.losses[0], "loss_last": course.losses[-1], "first": first, "last": last}


if __name__ == "__main__":
    main(run, 150)
