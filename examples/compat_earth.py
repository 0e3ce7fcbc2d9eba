"""The texture of a planet from pictures at many distances, with and without mipmaps: an nvdiffrast script.

Without prefiltering the texels get gradients only where pixel centres happen to fall, and the pictures seen
from afar pull them about; with it the texture converges. Only the import and the device are not nvdiffrast's.
Run `python examples/compat_earth.py`; the picture is docs/pictures/compat_earth.png.
"""

from __future__ import annotations

from pathlib import Path

import torch
from compat_stage import earth, globe, main, moved, projection, psnr, random_rotations, save_sheet, to_clip

import unrender.compat.nvdiffrast.torch as dr

DEVICE = "cpu"
ITERATIONS = 160
RESOLUTION = 64
FINER = 6
HEIGHT = 256


def render(glctx, mtx, pos, pos_idx, uv, tex, resolution, enable_mip):
    pos_clip = to_clip(mtx, pos).contiguous()
    rast_out, rast_out_db = dr.rasterize(glctx, pos_clip, pos_idx, resolution=[resolution, resolution])
    if enable_mip:
        texc, texd = dr.interpolate(uv[None, ...], rast_out, pos_idx, rast_db=rast_out_db, diff_attrs="all")
        color = dr.texture(tex[None, ...], texc, texd, filter_mode="linear-mipmap-linear", max_mip_level=5)
    else:
        texc, _ = dr.interpolate(uv[None, ...], rast_out, pos_idx)
        color = dr.texture(tex[None, ...], texc, filter_mode="linear")
    return color * torch.clamp(rast_out[..., -1:], 0, 1)


def fit(iterations, enable_mip):
    """Learn the texture; the same views for both ways."""
    make = torch.Generator().manual_seed(5)
    glctx = dr.RasterizeCudaContext(device=DEVICE)
    pos, uv, pos_idx = (x.to(DEVICE) for x in globe())
    tex = earth(HEIGHT).to(DEVICE)
    tex_opt = torch.full(tex.shape, 0.2, device=DEVICE, requires_grad=True)
    optimizer = torch.optim.Adam([tex_opt], lr=3e-2)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda it: 10 ** (-it / max(iterations, 1)))
    for _ in range(iterations):
        distance = 2.9 + 30 * torch.rand(2, generator=make) ** 2
        away = torch.stack([moved(0, 0, -float(d)) for d in distance])
        mtx = projection() @ away @ random_rotations(2, make)
        with torch.no_grad():
            fine = render(glctx, mtx, pos, pos_idx, uv, tex, RESOLUTION * FINER, enable_mip=False)
            size = (2, RESOLUTION, FINER, RESOLUTION, FINER, 3)
            color = fine.reshape(size).mean(dim=(2, 4))
        color_opt = render(glctx, mtx, pos, pos_idx, uv, tex_opt, RESOLUTION, enable_mip)
        loss = ((color - color_opt) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    view = projection() @ moved(0, 0, -3.3) @ random_rotations(1, torch.Generator().manual_seed(2))
    with torch.no_grad():
        pictures = [
            render(glctx, view, pos, pos_idx, uv, one, 192, enable_mip=True)[0].flip(0)
            for one in (tex, tex_opt)
        ]
    rows = slice(HEIGHT // 8, HEIGHT * 7 // 8)  # the poles are a few pixels of many texels
    return psnr(tex[rows], tex_opt.detach()[rows]), tex, tex_opt.detach(), pictures


def run(iterations: int, out: Path) -> dict[str, float]:
    """Optimise both ways; returns the textures' PSNR in dB, poles left out."""
    plain, tex, plain_tex, (target, plain_view) = fit(iterations, enable_mip=False)
    mipped, _, mip_tex, (_, mip_view) = fit(iterations, enable_mip=True)
    save_sheet(
        out / "compat_earth.png",
        [
            ("target", target), ("no mipmaps", plain_view), ("mipmaps", mip_view),
            ("texture", tex.flip(0)), (f"no mipmaps {plain:.1f} dB", plain_tex.flip(0)),
            (f"mipmaps {mipped:.1f} dB", mip_tex.flip(0)),
        ],
        3,
    )  # fmt: skip
    return {"texture PSNR without mipmaps": plain, "texture PSNR with mipmaps": mipped}


if __name__ == "__main__":
    main(run, ITERATIONS)
