"""Vertices and colours of a shape from eight pictures of it, beginning with a grey ball.

Positions get gradients from the colours inside, from the silhouette anti-aliasing, and, further away, from
the soft mask. Run `python examples/recover_shape.py`; the picture is docs/pictures/recover_shape.png.
"""

from __future__ import annotations

from pathlib import Path

import torch
from course import Course, main
from stage import ball, bumpy, colours, ring, to_clip
from torch import Tensor

from unrender import render
from unrender.topology import uniform_laplacian

SIZE = 64


def run(steps: int, out: Path) -> dict[str, float]:
    """Optimise and draw the course; returns the mean errors of positions at the start and at the end."""
    _, start, faces = ball()
    matrices, _ = ring(8)
    links = render.make_edge_links(faces.numpy())

    def pictures(vertices: Tensor, paint: Tensor) -> tuple[Tensor, Tensor]:
        clip = to_clip(vertices, matrices)
        fragments = render.rasterize(clip, faces, (SIZE, SIZE))
        image = render.interpolate(paint[None], fragments)
        return render.antialias(image, clip, fragments, links), render.soft_mask(clip, fragments, 1 / 2000)

    truth, paint = bumpy(start), colours(start)
    target, target_mask = pictures(truth, paint)
    rows, columns, values = (
        torch.as_tensor(part.copy()) for part in uniform_laplacian(faces.numpy(), len(start))
    )
    laplacian = torch.zeros(len(start), len(start)).index_put(
        (rows.long(), columns.long()), values.float(), accumulate=True
    )

    vertices = (0.6 * start).requires_grad_()
    grey = torch.full_like(paint, 0.5).requires_grad_()
    optimizer = torch.optim.Adam([{"params": [vertices], "lr": 0.01}, {"params": [grey], "lr": 0.03}])
    course = Course("recover_shape", target[0], steps)
    first = float((0.6 * start - truth).norm(dim=-1).mean())
    for step in range(steps):
        image, mask = pictures(vertices, grey)
        match = (image - target).square().mean() + (mask - target_mask).square().mean()
        loss = match + 0.3 * (laplacian @ vertices).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        course.note(step, match, image[0])
    last = float((vertices.detach() - truth).norm(dim=-1).mean())
    course.save(out, f"mean distance of vertices {first:.3f} to {last:.3f}")
    return {"loss_first": course.losses[0], "loss_last": course.losses[-1], "first": first, "last": last}


if __name__ == "__main__":
    main(run, 250)
