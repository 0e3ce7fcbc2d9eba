"""The pose of a cube with coloured sides, first by trying, then by gradients: an nvdiffrast script.

Only the import and the device are not nvdiffrast's. Run `python examples/compat_pose.py`; the picture is
docs/pictures/compat_pose.png.
"""

from __future__ import annotations

from pathlib import Path

import torch
from compat_stage import cube, main, moved, projection, quaternion_matrix, save_sheet, to_clip

import unrender.compat.nvdiffrast.torch as dr

DEVICE = "cpu"
ITERATIONS = 500
RESOLUTION = 64
COLORS = torch.tensor(
    [[0.9, 0.2, 0.2], [0.2, 0.8, 0.3], [0.2, 0.3, 0.9], [0.9, 0.8, 0.2], [0.8, 0.3, 0.8], [0.2, 0.8, 0.8]]
)


def render(glctx, mtx, pos, pos_idx, col, col_idx, resolution):
    pos_clip = to_clip(mtx, pos).contiguous()
    rast_out, _ = dr.rasterize(glctx, pos_clip, pos_idx, resolution=[resolution, resolution])
    color, _ = dr.interpolate(col[None, ...], rast_out, col_idx)
    return dr.antialias(color, rast_out, pos_clip, pos_idx)


def angle(a, b):
    """Between two rotations given as quaternions, in degrees."""
    dot = (a / a.norm() * b / b.norm()).sum().abs().clamp(max=1)
    return float(2 * torch.rad2deg(torch.arccos(dot)))


def run(iterations: int, out: Path) -> dict[str, float]:
    """Search, then optimise; returns the errors in degrees."""
    make = torch.Generator().manual_seed(4)
    glctx = dr.RasterizeCudaContext(device=DEVICE)
    pos, pos_idx = (x.to(DEVICE) for x in cube())
    col, col_idx = COLORS.to(DEVICE), torch.arange(6, dtype=torch.int32).repeat_interleave(2)[:, None]
    col_idx = col_idx.expand(12, 3).contiguous()
    camera = projection() @ moved(0, 0, -7)

    def picture(pose, resolution=RESOLUTION):
        mtx = camera @ quaternion_matrix(pose.reshape(-1, 4))
        return render(glctx, mtx, pos, pos_idx, col, col_idx, resolution)

    pose_target = torch.randn(4, generator=make)
    start = torch.randn(4, generator=make)
    target = picture(pose_target).detach()
    tiles = [("target", picture(pose_target, 128)[0].flip(0)), ("start", picture(start, 128)[0].flip(0))]
    result = {"degrees at first": angle(start, pose_target)}

    # phase 1: try poses, and keep the best
    search = iterations // 2
    tried = torch.randn(search, 8, 4, generator=make)
    losses = torch.stack([((picture(some) - target) ** 2).mean(dim=(1, 2, 3)) for some in tried])
    best = tried.reshape(-1, 4)[losses.flatten().argsort()[:8]]
    result["degrees after the search"] = angle(best[0], pose_target)
    tiles.append(("after the search", picture(best[0], 128)[0].flip(0)))

    # phase 2: follow the gradient from each
    pose_opt = (best / best.norm(dim=1, keepdim=True)).clone().requires_grad_()
    optimizer = torch.optim.Adam([pose_opt], lr=2e-2)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda it: 10 ** (-2 * it / search))
    for _ in range(iterations - search):
        losses = ((picture(pose_opt) - target) ** 2).mean(dim=(1, 2, 3))
        optimizer.zero_grad()
        losses.sum().backward()
        optimizer.step()
        scheduler.step()
        with torch.no_grad():
            pose_opt /= pose_opt.norm(dim=1, keepdim=True)
    found = pose_opt.detach()[losses.argmin()]
    result["degrees at last"] = angle(found, pose_target)
    tiles.append(("found", picture(found, 128)[0].flip(0)))
    save_sheet(out / "compat_pose.png", tiles, len(tiles))
    return result


if __name__ == "__main__":
    main(run, ITERATIONS)
