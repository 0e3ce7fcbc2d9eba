"""What the `compat_*.py` scripts share: meshes, camera matrices, a made-up earth, the picture of a run."""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from unrender.files import write_atomic

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
TILE = 128


def projection(x: float = 0.35, near: float = 1.0, far: float = 50.0) -> Tensor:
    """OpenGL's perspective projection; x is half the width of the near plane at distance `near`."""
    matrix = torch.zeros(4, 4)
    matrix[0, 0] = matrix[1, 1] = near / x
    matrix[2, 2], matrix[2, 3] = -(far + near) / (far - near), -2 * far * near / (far - near)
    matrix[3, 2] = -1
    return matrix


def moved(x: float, y: float, z: float) -> Tensor:
    """Translation."""
    matrix = torch.eye(4)
    matrix[:3, 3] = torch.tensor([x, y, z])
    return matrix


def random_rotations(count: int, make: torch.Generator) -> Tensor:
    """[count, 4, 4] uniformly distributed rotations."""
    return quaternion_matrix(torch.randn(count, 4, generator=make))


def quaternion_matrix(q: Tensor) -> Tensor:
    """Rotation matrices [..., 4, 4] of quaternions (w, x, y, z) of any length."""
    w, x, y, z = (q / q.norm(dim=-1, keepdim=True)).unbind(-1)
    one, none = torch.ones_like(w), torch.zeros_like(w)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y), none,
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x), none,
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y), none,
        none, none, none, one,
    ]  # fmt: skip
    return torch.stack(rows, dim=-1).reshape(*q.shape[:-1], 4, 4)


def to_clip(matrix: Tensor, points: Tensor) -> Tensor:
    """Points [V, 3] through matrices [B, 4, 4]: [B, V, 4]."""
    return torch.cat([points, torch.ones_like(points[:, :1])], dim=1) @ matrix.transpose(-1, -2)


def cube() -> tuple[Tensor, Tensor]:
    """The corners [8, 3] of [-1, 1]^3 and its triangles int32 [12, 3], counter-clockwise from outside."""
    corners = torch.tensor([[x, y, z] for x in (-1.0, 1) for y in (-1.0, 1) for z in (-1.0, 1)])
    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    return corners, torch.tensor(
        [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], dtype=torch.int32
    )


def globe(rows: int = 24, columns: int = 48) -> tuple[Tensor, Tensor, Tensor]:
    """A unit sphere with longitude and latitude as uv: points [V, 3], uv [V, 2], triangles int32 [F, 3]."""
    v, u = torch.meshgrid(torch.linspace(0, 1, rows + 1), torch.linspace(0, 1, columns + 1), indexing="ij")
    around, up = u * 2 * torch.pi, (v - 0.5) * torch.pi
    points = torch.stack([around.sin() * up.cos(), up.sin(), around.cos() * up.cos()], dim=-1)
    a = torch.arange(rows * (columns + 1)).reshape(rows, columns + 1)[:, :-1].flatten()
    b, c, d = a + 1, a + columns + 2, a + columns + 1
    faces = torch.cat([torch.stack([a, b, c], 1), torch.stack([a, c, d], 1)]).to(torch.int32)
    return points.reshape(-1, 3), torch.stack([u, v], dim=-1).reshape(-1, 2), faces


def earth(height: int = 256) -> Tensor:
    """A made-up planet [h, 2 h, 3], row 0 at the south pole: seas, forests, deserts, ice and a grid."""
    make = torch.Generator().manual_seed(7)
    width = 2 * height
    v = (torch.arange(height) + 0.5) / height - 0.5
    u = (torch.arange(width) + 0.5) / width * 2 * torch.pi
    up, around = torch.meshgrid(v * torch.pi, u, indexing="ij")
    place = torch.stack([around.sin() * up.cos(), up.sin(), around.cos() * up.cos()], dim=-1)
    land = torch.full((height, width), -0.12)
    for octave in range(6):
        for _ in range(6):
            way = torch.randn(3, generator=make) * 1.7 * 1.9**octave
            land += 0.28 * 0.62**octave * torch.sin(place @ way + 6.3 * torch.rand(1, generator=make))
    color = torch.stack([0.05 + 0.1 * land, 0.18 + 0.2 * land, 0.45 + 0.2 * land], dim=-1)
    dry = torch.exp(-(((up.abs() - 0.45) / 0.25) ** 2))[..., None]
    soil = dry * torch.tensor([0.75, 0.6, 0.35]) + (1 - dry) * torch.tensor([0.15, 0.42, 0.14])
    color = torch.where(land[..., None] > 0, soil * (0.8 + 0.4 * land[..., None]), color)
    color = torch.where((up.abs() + 0.15 * land > 1.22)[..., None], torch.tensor([0.93, 0.95, 0.97]), color)
    lines = ((u / torch.pi * 12) % 1 < 0.04)[None, :] | ((v * 12) % 1 < 0.04)[:, None]
    return torch.where(lines[..., None], color * 0.6, color).clamp(0, 1)


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio in dB, for values in [0, 1]."""
    return float(-10 * ((a - b) ** 2).mean().log10())


def save_sheet(path: Path, tiles: list[tuple[str, Tensor]], columns: int) -> None:
    """A contact sheet of labelled pictures [H, W, 3], row 0 at the top, drawn as they are."""
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * TILE, rows * (TILE + 16)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (label, picture) in enumerate(tiles):
        left, top = number % columns * TILE, number // columns * (TILE + 16)
        pixels = (picture.detach().clamp(0, 1) * 255 + 0.5).to(torch.uint8).numpy()
        image = Image.fromarray(np.ascontiguousarray(pixels))
        kind = Image.Resampling.NEAREST if image.height <= TILE else Image.Resampling.BILINEAR
        image.thumbnail((TILE, TILE)) if image.height > TILE or image.width > TILE else None
        scale = TILE / max(image.size)
        image = image.resize((round(image.width * scale), round(image.height * scale)), kind)
        sheet.paste(image, (left, top + 16))
        draw.text((left + 3, top + 2), label, fill="black")
    data = io.BytesIO()
    sheet.save(data, "PNG", optimize=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data.getvalue())


def main(run: Callable[[int, Path], dict[str, float]], iterations: int) -> None:
    """The command line of a script: `--iterations` and `--out`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--iterations", type=int, default=iterations)
    parser.add_argument("--out", type=Path, default=PICTURES, help="folder of the picture")
    given = parser.parse_args()
    for name, value in run(given.iterations, given.out).items():
        print(f"{name}: {value:.4g}")
