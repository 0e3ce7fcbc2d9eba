"""Corners and colours of a cube from pictures of 16 x 16 pixels: an nvdiffrast script.

Only the import and the device are not nvdiffrast's. Run `python examples/compat_cube.py`; the picture is
docs/pictures/compat_cube.png.
"""

from __future__ import annotations

from pathlib import Path

import torch
from compat_stage import cube, main, moved, projection, random_rotations, save_sheet, to_clip

import unrender.compat.nvdiffrast.torch as dr

DEVICE = "cpu"
ITERATIONS = 700
RESOLUTION = 16
VIEWS = 4


def render(glctx, mtx, pos, col, tri, resolution):
    pos_clip = to_clip(mtx, pos).contiguous()
    rast_out, _ = dr.rasterize(glctx, pos_clip, tri, resolution=[resolution, resolution])
    color, _ = dr.interpolate(col[None, ...], rast_out, tri)
    return dr.antialias(color, rast_out, pos_clip, tri)


def run(iterations: int, out: Path) -> dict[str, float]:
    """Optimise; returns the mean distance of a corner to where it belongs, at the start and at the end."""
    make = torch.Generator().manual_seed(3)
    glctx = dr.RasterizeCudaContext(device=DEVICE)
    pos, tri = (x.to(DEVICE) for x in cube())
    col = ((pos + 1) / 2 * 0.8 + 0.1).clone()
    pos_opt = (pos + (torch.rand(pos.shape, generator=make) - 0.5)).requires_grad_()
    col_opt = torch.rand(col.shape, generator=make).requires_grad_()
    optimizer = torch.optim.Adam([pos_opt, col_opt], lr=1e-2)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda it: max(0.02, 10 ** (-it / max(iterations, 1) * 1.5))
    )
    camera = projection() @ moved(0, 0, -6.5)
    view = camera @ random_rotations(1, torch.Generator().manual_seed(11))

    def error() -> float:
        return float((pos_opt - pos).detach().norm(dim=1).mean())

    result = {"corner error at first": error()}
    tiles = [("target", render(glctx, view, pos, col, tri, 128)[0].flip(0))]
    tiles.append(("what it is fitted to", render(glctx, view, pos, col, tri, RESOLUTION)[0].flip(0)))
    shown = {0, iterations // 20, iterations // 5, iterations - 1}
    for it in range(iterations):
        mtx = camera @ random_rotations(VIEWS, make)
        with torch.no_grad():
            color = render(glctx, mtx, pos, col, tri, RESOLUTION)
        loss = ((color - render(glctx, mtx, pos_opt, col_opt, tri, RESOLUTION)) ** 2).mean()
        if it in shown:
            with torch.no_grad():
                picture = render(glctx, view, pos_opt, col_opt, tri, 128)
            tiles.append((f"iteration {it}", picture[0].flip(0)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    save_sheet(out / "compat_cube.png", tiles, len(tiles))
    return {**result, "corner error at last": error(), "loss": float(loss.detach())}


if __name__ == "__main__":
    main(run, ITERATIONS)
