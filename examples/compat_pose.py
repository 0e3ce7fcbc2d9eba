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

    # phase 1: keep the best of what is tried anywhere and near the best
    best, best_loss = start, float(((picture(start) - target) ** 2).mean())
    search = iterations // 2
    for it in range(search):
        tried = torch.randn(8, 4, generator=make)
        tried[4:] = best / best.norm() + 0.5 * tried[4:] * (1 - it / search)
        losses = ((picture(tried) - target) ** 2).mean(dim=(1, 2, 3))
        if losses.min() < best_loss:
            best, best_loss = tried[losses.argmin()], float(losses.min())
    result["degrees after the search"] = angle(best, pose_target)
    tiles.append(("after the search", picture(best, 128)[0].flip(0)))

    # phase 2: follow the gradient
    pose_opt = (best / best.norm()).clone().requires_grad_()
    optimizer = torch.optim.Adam([pose_opt], lr=2e-2)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda it: 10 ** (-2 * it / max(search, 1)))
    for _ in range(iterations - search):
        loss = ((picture(pose_opt) - target) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        with torch.no_grad():
            pose_opt /= pose_opt.norm()
    found = pose_opt.detach()
    result["degrees at last"] = angle(found, pose_target)
    tiles.append(("found", picture(found, 128)[0].flip(0)))
    save_sheet(out / "compat_pose.png", tiles, len(tiles))
    return result


if __name__ == "__main__":
    main(run, ITERATIONS)
