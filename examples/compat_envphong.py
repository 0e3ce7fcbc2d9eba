"""A reflected environment (cube map) and a Phong highlight from pictures of a known mesh: nvdiffrast script.

Only the import and the device are not nvdiffrast's. Run `python examples/compat_envphong.py`; the picture is
docs/pictures/compat_envphong.png.
"""

from __future__ import annotations

from pathlib import Path

import torch
from compat_stage import globe, main, moved, projection, psnr, random_rotations, save_sheet, to_clip
from torch.nn.functional import normalize

import unrender.compat.nvdiffrast.torch as dr

DEVICE = "cpu"
ITERATIONS = 300
RESOLUTION = 80
VIEWS = 2
SIZE = 32


def cube_directions(size):
    """Where the texels of OpenGL's cube map faces look: [6, n, n, 3]."""
    s = (torch.arange(size) + 0.5) * 2 / size - 1
    t, s = torch.meshgrid(s, s, indexing="ij")
    one = torch.ones_like(s)
    faces = [(one, -t, -s), (-one, -t, s), (s, one, t), (s, -one, -t), (s, -t, one), (-s, -t, -one)]
    return normalize(torch.stack([torch.stack(face, dim=-1) for face in faces]), dim=-1)


def environment(directions):
    """A made-up surrounding: sky, ground with tiles, a window and two coloured lamps."""
    x, y, z = directions.unbind(-1)
    sky = torch.stack([0.25 + 0.2 * y, 0.4 + 0.2 * y, 0.65 + 0.2 * y], dim=-1)
    tiles = ((x / (y.abs() + 0.3) * 3).floor() + (z / (y.abs() + 0.3) * 3).floor()) % 2
    color = torch.where(
        y[..., None] < -0.1, (0.15 + 0.3 * tiles)[..., None] * torch.tensor([1, 0.8, 0.6]), sky
    )
    window = (x > 0.6) & (y.abs() < 0.45) & (z.abs() < 0.45) & ((z.abs() > 0.05) & ((y - 0.05).abs() > 0.05))
    color = torch.where(window[..., None], torch.tensor([0.95, 0.95, 0.9]), color)
    for place, lamp in (((-0.7, 0.5, 0.5), (0.9, 0.3, 0.2)), ((0.1, 0.4, -0.9), (0.2, 0.8, 0.3))):
        near = (directions @ normalize(torch.tensor(place), dim=0)) > 0.93
        color = torch.where(near[..., None], torch.tensor(lamp), color)
    return color.clamp(0, 1)


def render(glctx, turn, pos, normals, tri, env, phong_rgb, phong_exp, light_dir, resolution):
    away = moved(0, 0, -4.2)
    pos_clip = to_clip(projection() @ away @ turn, pos).contiguous()
    rast_out, _ = dr.rasterize(glctx, pos_clip, tri, [resolution, resolution])
    eye = -(away @ turn)[:, :3, :3].transpose(1, 2) @ (away @ turn)[:, :3, 3:]
    view = normalize(pos[None] - eye.transpose(1, 2), dim=-1)
    facing = (view * normals).sum(-1, keepdim=True)
    reflect = view - 2 * normals * facing
    reflect, _ = dr.interpolate(reflect.contiguous(), rast_out, tri)
    reflect = normalize(reflect, dim=-1)
    color = dr.texture(env[None, ...], reflect, filter_mode="linear", boundary_mode="cube")
    shine = (reflect * light_dir).sum(-1, keepdim=True).clamp(min=1e-6)
    color = color + phong_rgb * shine**phong_exp
    return color * torch.clamp(rast_out[..., -1:], 0, 1)


def run(iterations: int, out: Path) -> dict[str, float]:
    """Optimise; returns the environment's PSNR in dB, and the highlight's parameters beside the true ones."""
    make = torch.Generator().manual_seed(9)
    glctx = dr.RasterizeCudaContext(device=DEVICE)
    sphere, _, tri = (x.to(DEVICE) for x in globe(32, 64))
    lumps = 1 + 0.06 * torch.sin(sphere[:, :1] * 7) * torch.sin(sphere[:, 1:2] * 6 + 1)
    pos = sphere * lumps
    a, b, c = pos[tri.long()].unbind(1)
    normals = torch.zeros_like(pos)
    for corner in range(3):
        normals.index_add_(0, tri[:, corner].long(), torch.linalg.cross(b - a, c - a))
    normals = normalize(normals, dim=-1)
    env = environment(cube_directions(SIZE)).to(DEVICE)
    true_rgb, true_exp = torch.tensor([1.0, 0.8, 0.6]), torch.tensor(25.0)
    env_opt = torch.full(env.shape, 0.5, requires_grad=True)
    phong = torch.tensor([0.3, 0.3, 0.3, 1.0], requires_grad=True)  # colour, exponent / 10
    optimizer = torch.optim.Adam([{"params": [env_opt], "lr": 3e-2}, {"params": [phong], "lr": 4e-2}])
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda it: 10 ** (-it / max(iterations, 1)))
    shape = (glctx, pos, normals, tri)

    def picture(turn, light_dir, resolution, env, rgb, exponent):
        return render(*shape[:1], turn, *shape[1:], env, rgb, exponent, light_dir, resolution)

    view = random_rotations(1, torch.Generator().manual_seed(1)), torch.tensor([0.6, 0.5, 0.6]) / 0.97**0.5
    tiles = [("target", picture(*view, 160, env, true_rgb, true_exp)[0].flip(0))]
    shown = {0, iterations // 10, iterations - 1}
    for it in range(iterations):
        # another light each time: else the environment could hold the highlight as well
        turn, light_dir = random_rotations(VIEWS, make), torch.randn(VIEWS, 1, 1, 3, generator=make)
        place = turn, normalize(light_dir, dim=-1)
        with torch.no_grad():
            color = picture(*place, RESOLUTION, env, true_rgb, true_exp)
        color_opt = picture(*place, RESOLUTION, env_opt, phong[:3], phong[3] * 10)
        loss = ((color - color_opt) ** 2).mean()
        if it in shown:
            with torch.no_grad():
                now = picture(*view, 160, env_opt, phong[:3], phong[3] * 10)
            tiles.append((f"iteration {it}", now[0].flip(0)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    for name, cube in (("environment", env), ("found", env_opt.detach())):
        strip = torch.cat([torch.cat(list(cube[:3]), dim=1), torch.cat(list(cube[3:]), dim=1)])
        tiles.append((name, strip))
    save_sheet(out / "compat_envphong.png", tiles, len(tiles))
    return {
        "environment PSNR": psnr(env, env_opt.detach()),
        "exponent (25)": float(phong.detach()[3]) * 10,
        "colour error": float((phong.detach()[:3] - true_rgb).abs().max()),
    }


if __name__ == "__main__":
    main(run, ITERATIONS)
