"""A texture from pictures (with known texture coordinates), and texture coordinates (with the known texture).

The textures are sampled trilinearly from a mip pyramid. Run `python examples/recover_texture.py`; the picture
is docs/pictures/recover_texture.png: upper half the texture's run, lower half that of the coordinates.
"""

from __future__ import annotations

from pathlib import Path

import torch
from course import Course, main
from stage import ball, bumpy, ring, to_clip
from torch import Tensor

from unrender import render

SIZE, TEXELS = 80, 64


def pattern() -> Tensor:
    """A texture [1, 64, 64, 3] of rings and stripes."""
    row, column = torch.meshgrid(torch.arange(TEXELS), torch.arange(TEXELS), indexing="ij")
    rings = torch.sin(((row - 20.0) ** 2 + (column - 24.0) ** 2).sqrt() * 0.9)
    stripes = torch.sin(0.5 * row + 0.25 * column)
    return (0.5 + 0.4 * torch.stack([rings, stripes, rings * stripes], -1))[None]


def run(steps: int, out: Path) -> dict[str, float]:
    """Optimise and draw the course; returns errors of texture (shown texels) and coordinates."""
    template, sphere, faces = ball()
    clip = to_clip(bumpy(sphere), ring(6)[0])
    fragments = render.rasterize(clip, faces, (SIZE, SIZE))
    uv_true, uv_faces = torch.tensor(template.uvs)[None], torch.tensor(template.uv_faces).long()

    def picture(texture: Tensor, uv: Tensor) -> Tensor:
        places = render.interpolate(uv, fragments, uv_faces)
        slopes = render.interpolate_derivatives(clip, uv, fragments, uv_faces)
        return render.sample_texture(texture, places, "mipmap", "mirror", fragments, slopes)

    texture_true = pattern()
    target = picture(texture_true, uv_true)
    texture = torch.full_like(texture_true, 0.5).requires_grad_()
    generator = torch.Generator().manual_seed(0)
    moved = uv_true + 0.02 * torch.sin(9 * uv_true.flip(-1) + 3 * torch.rand(2, generator=generator))
    uv = moved.clone().requires_grad_()
    optimizer = torch.optim.Adam([{"params": [texture], "lr": 0.03}, {"params": [uv], "lr": 0.0008}])
    half = SIZE // 2
    course = Course("recover_texture", target[0], steps)
    for step in range(steps):
        painted, placed = picture(texture, uv_true), picture(texture_true, uv)
        loss = (painted - target).square().mean() + (placed - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        course.note(step, loss, torch.cat([painted[0, :half], placed[0, half:]]))
    errors = [float((value - uv_true).norm(dim=-1).mean()) * TEXELS for value in (moved, uv.detach())]
    course.save(out, f"coordinates off by {errors[0]:.2f} to {errors[1]:.2f} texels")
    return {
        "loss_first": course.losses[0], "loss_last": course.losses[-1], "first": errors[0], "last": errors[1],
    }  # fmt: skip


if __name__ == "__main__":
    main(run, 200)
