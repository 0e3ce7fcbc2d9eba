"""Phong's material (diffuse and specular colour, shininess) from two pictures under known lights.

A distant light, a point light and a little ambient light. Run `python examples/recover_phong.py`; the picture
is docs/pictures/recover_phong.png.
"""

from __future__ import annotations

from pathlib import Path

import torch
from course import Course, main
from stage import Surface, ball, bumpy, ring
from torch import Tensor
from torch.nn.functional import normalize

from unrender import light
from unrender.render import shading

SIZE = 80


def run(steps: int, out: Path) -> dict[str, float]:
    """Optimise and draw the course; returns the shininess's error as a ratio."""
    _, sphere, faces = ball()
    surface = Surface(bumpy(sphere), faces, ring(2), SIZE)
    sun = normalize(torch.tensor([0.4, 0.7, 0.6]), dim=0)
    lamp, lamp_strength = shading.point_light(
        surface.points, torch.tensor([-1.5, 0.8, 1.0]), torch.tensor([1.2, 1.0, 0.8])
    )
    lights = [(sun, torch.tensor([0.7, 0.7, 0.8])), (lamp, lamp_strength)]

    def picture(diffuse: Tensor, specular: Tensor, shininess: Tensor) -> Tensor:
        colour = light.ambient(diffuse, torch.tensor(0.08))
        for towards, radiance in lights:
            colour = colour + light.lambert(diffuse, surface.normals, towards, radiance)
            colour = colour + light.phong(
                specular, surface.normals, surface.view, towards, radiance, shininess
            )
        return surface.masked(colour)

    target = picture(torch.tensor([0.5, 0.15, 0.1]), torch.tensor([0.4, 0.4, 0.35]), torch.tensor(22.0))
    diffuse = torch.full((3,), 0.4).requires_grad_()
    specular = torch.full((3,), 0.1).requires_grad_()
    sharpness = torch.tensor(4.0).log().requires_grad_()
    optimizer = torch.optim.Adam([diffuse, specular, sharpness], lr=0.04)
    course = Course("recover_phong", target[0], steps)
    for step in range(steps):
        image = picture(diffuse, specular, sharpness.exp())
        loss = (image - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        course.note(step, loss, image[0])
    found = float(sharpness.exp())
    course.save(out, f"shininess 4.0 to {found:.1f}, true 22")
    last = abs(found / 22 - 1)
    return {"loss_first": course.losses[0], "loss_last": course.losses[-1], "first": 18 / 22, "last": last}


if __name__ == "__main__":
    main(run, 250)
