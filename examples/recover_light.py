"""The environment's light as spherical harmonics, from three pictures of a known white shape.

The truth is a panorama with a sun, a sky and a floor, projected to nine coefficients. Run
`python examples/recover_light.py`; the picture is docs/pictures/recover_light.png.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from course import Course, main
from stage import Surface, ball, bumpy, ring

from unrender.light import irradiance_coefficients, shade_sh
from unrender.render import shading

SIZE = 80


def panorama() -> torch.Tensor:
    """Linear radiance [64, 128, 3]."""
    towards = shading.panorama_directions(64, 128)
    sun = np.exp(25 * (towards @ np.array([0.48, 0.64, 0.6]) - 1))[..., None] * np.array([6.0, 5.0, 3.5])
    sky = np.clip(towards[..., 1:2], 0, 1) * np.array([0.3, 0.5, 0.9])
    floor = np.clip(-towards[..., 1:2], 0, 1) * np.array([0.35, 0.2, 0.1])
    return torch.tensor(sun + sky + floor + 0.05, dtype=torch.float32)


def run(steps: int, out: Path) -> dict[str, float]:
    """Optimise and draw the course; returns the coefficients' error."""
    _, sphere, faces = ball()
    surface = Surface(bumpy(sphere), faces, ring(3), SIZE)
    truth = irradiance_coefficients(shading.project_panorama(panorama(), 2))
    white = torch.tensor([0.8])
    target = surface.masked(shade_sh(white, surface.normals, truth))
    light = torch.zeros_like(truth)
    light[0] = 1.0
    first = float((light - truth).norm())
    light.requires_grad_()
    optimizer = torch.optim.Adam([light], lr=0.1)
    course = Course("recover_light", target[0], steps)
    for step in range(steps):
        image = surface.masked(shade_sh(white, surface.normals, light))
        loss = (image - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        course.note(step, loss, image[0])
    last = float((light - truth).norm())
    course.save(out, f"distance of coefficients {first:.2f} to {last:.3f}")
    return {"loss_first": course.losses[0], "loss_last": course.losses[-1], "first": first, "last": last}


if __name__ == "__main__":
    main(run, 200)
