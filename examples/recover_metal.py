"""Roughness, metallic and base colour of a surface under a known environment of spherical Gaussians.

The material part of DIB-R++ (Chen et al., NeurIPS 2021). Run `python examples/recover_metal.py`; the picture
is docs/pictures/recover_metal.png.
"""

from __future__ import annotations

from pathlib import Path

import torch
from course import Course, main
from stage import Surface, ball, bumpy, ring
from torch import Tensor

from unrender.render import shading

SIZE = 80


def environment() -> shading.SphericalGaussians:
    """A warm lamp, a cool window, and two soft fills."""
    return shading.SphericalGaussians(
        torch.tensor([[0.5, 0.8, 0.5], [-0.9, 0.2, 0.4], [0.0, -1.0, 0.2], [0.2, 0.4, -1.0]]),
        torch.tensor([30.0, 12.0, 2.0, 3.0]),
        torch.tensor([[5.0, 4.0, 2.5], [0.8, 1.4, 2.2], [0.25, 0.2, 0.15], [0.4, 0.4, 0.5]]),
    )


def run(steps: int, out: Path) -> dict[str, float]:
    """Optimise and draw the course; returns the errors of roughness and metallic, added."""
    _, sphere, faces = ball()
    surface = Surface(bumpy(sphere), faces, ring(2, start=20), SIZE)
    lights = environment()

    def picture(base: Tensor, metallic: Tensor, roughness: Tensor) -> Tensor:
        material = shading.Material(base, metallic, roughness)
        return surface.masked(shading.shade_gaussians(material, surface.normals, surface.view, lights))

    truth = (torch.tensor([0.8, 0.5, 0.25]), torch.tensor([0.85]), torch.tensor([0.35]))
    target = picture(*truth)
    # logits keep the three within (0, 1)
    logits = [torch.zeros(3).requires_grad_(), torch.tensor([-1.0]).requires_grad_(), torch.tensor([0.8])]
    logits[2].requires_grad_()
    optimizer = torch.optim.Adam(logits, lr=0.1)
    course = Course("recover_metal", target[0], steps)
    errors = []
    for step in range(steps):
        guess = [value.sigmoid() for value in logits]
        image = picture(*guess)
        # very bright highlights would count for everything
        loss = ((image + 0.05).log() - (target + 0.05).log()).square().mean()
        errors.append(sum(float((a - b).detach().abs()) for a, b in zip(guess[1:], truth[1:], strict=True)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        course.note(step, loss, image[0])
    course.save(out, f"metallic {float(guess[1]):.2f} (0.85), roughness {float(guess[2]):.2f} (0.35)")
    losses = course.losses
    return {"loss_first": losses[0], "loss_last": losses[-1], "first": errors[0], "last": errors[-1]}


if __name__ == "__main__":
    main(run, 150)
