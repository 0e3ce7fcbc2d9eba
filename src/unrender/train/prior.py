"""Learning a category's shape space through the renderer: from many views of many shapes to mean and basis.

Nothing three-dimensional is compared. The views show each shape painted with its canonical coordinates (where
on the body of the average bird a point lies), so that a colour says which part is seen; the template carries
such colours too, the same for all shapes, and is moved until pictures and silhouettes agree. One linear model
for all shapes,

    vertices_n = mean + sum_k z_nk basis_k,

is fitted jointly, so that correspondence comes from the low rank rather than from a separate registration.
Where the set says that an optional part of some shapes is out (a bird's open wings), some basis vectors are
kept for that part: the other shapes' coefficients of them are zero, so that zero means folded, not half open.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from safetensors.numpy import save_file
from torch import Tensor

from unrender import render
from unrender.data.multiview import MultiviewSet, decode_canonical
from unrender.errors import ConfigError
from unrender.losses import laplacian_loss, soft_iou_loss, uniform_laplacian
from unrender.template import make_template
from unrender.topology import neighbour_table
from unrender.train.cameras import clip_from_cameras
from unrender.train.objects import box_average


@dataclass(frozen=True)
class PriorConfig:
    """How a shape space is learnt.

    Attributes:
        objects: multi-view set with canonical pictures.
        out: safetensors file to write.
        symmetric, antisymmetric: number of basis vectors of each parity.
        optional: number of symmetric basis vectors of an optional part.
        mean_steps: steps for the mean shape alone, from the sphere.
        steps: further steps for mean, basis and coefficients together.
        fine_steps: the last of them, with pictures of full size.
        shapes, views: per step.
        size: side of the compared pictures before `fine_steps`.
        smooth: weight of the Laplacian of the shapes; of that of the basis.
    """

    objects: str
    out: str
    symmetric: int = 26
    antisymmetric: int = 6
    optional: int = 8
    mean_steps: int = 400
    steps: int = 6000
    fine_steps: int = 1500
    shapes: int = 8
    views: int = 3
    size: int = 64
    smooth: float = 0.4
    seed: int = 0
    learning_rate: float = 0.004
    category: str = "bird"


class _LinearModel(torch.nn.Module):
    """Mean, basis, codes and template colours, with the parities enforced."""

    def __init__(self, config: PriorConfig, states: np.ndarray) -> None:
        super().__init__()
        template = make_template(3)
        self.mirror = torch.from_numpy(template.mirror.astype(np.int64))
        generator = torch.Generator().manual_seed(config.seed)
        rank = config.symmetric + config.antisymmetric + config.optional
        sphere = torch.from_numpy(template.vertices.copy())
        self.raw_mean = torch.nn.Parameter(sphere * torch.tensor([0.25, 0.4, 0.6]))
        self.raw_basis = torch.nn.Parameter(0.002 * torch.randn(rank, len(sphere), 3, generator=generator))
        self.codes = torch.nn.Parameter(0.5 * torch.randn(len(states), rank, generator=generator))
        self.colours = torch.nn.Parameter(self.raw_mean.detach() * 0.5 + 0.5)
        self.sign = torch.ones(rank)
        self.sign[config.symmetric : config.symmetric + config.antisymmetric] = -1
        self.group = np.repeat([0, 1, 2], [config.symmetric, config.antisymmetric, config.optional])
        free = (self.group < 2)[None] | (states > 0)[:, None]
        self.free = torch.from_numpy(free.astype(np.float32))
        self.flip = torch.tensor([-1.0, 1.0, 1.0])

    def coefficients(self) -> Tensor:
        """[N, K]; those of an optional part are zero for shapes without it."""
        return self.codes * self.free

    def mean(self) -> Tensor:
        return 0.5 * (self.raw_mean + self.raw_mean[self.mirror] * self.flip)

    def basis(self) -> Tensor:
        mirrored = self.raw_basis[:, self.mirror] * self.flip
        return 0.5 * (self.raw_basis + self.sign[:, None, None] * mirrored)

    def symmetric_colours(self) -> Tensor:
        mirrored = self.colours[self.mirror]
        mirrored = torch.cat([1 - mirrored[:, :1], mirrored[:, 1:]], 1)
        return 0.5 * (self.colours + mirrored)


def learn_prior(config: PriorConfig) -> Path:
    """Learn a shape space and write it; returns the file's path.

    Raises:
        ConfigError: the multi-view set is missing or has no canonical pictures.
    """
    torch.set_num_threads(1)  # the tensors are small: a second thread costs more than it brings
    torch.set_flush_denormal(True)
    data = MultiviewSet(config.objects, partial=True)
    if data[0].canonical is None:
        raise ConfigError(f"objects: {config.objects} has no canonical pictures; render it with --canonical")
    template = make_template(3)
    faces = torch.from_numpy(template.faces.astype(np.int64))
    index, weight = neighbour_table(template.faces, len(template.vertices))
    neighbours, weights = torch.from_numpy(index.astype(np.int64)), torch.from_numpy(weight)
    states = np.array([data[i].state for i in range(len(data))])
    model = _LinearModel(config, states)
    optimizer = torch.optim.Adam(
        [
            {"params": [model.raw_mean, model.colours], "scale": 1.0},
            {"params": [model.raw_basis], "scale": 0.5},
            {"params": [model.codes], "scale": 8.0},
        ],
        lr=config.learning_rate,
        betas=(0.9, 0.98),
    )
    rng = np.random.default_rng(config.seed)
    total = config.mean_steps + config.steps
    for step in track(range(total), description=f"shape space of {config.category}"):
        alone = step < config.mean_steps
        progress = step / total
        rate = config.learning_rate * 0.5 * (1 + math.cos(math.pi * progress)) + 1e-5
        for group in optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        smooth = config.smooth * (
            1 + 40 * max(0.0, 1 - step / config.mean_steps) + 6 * max(0.0, 1 - 2 * progress)
        )
        picks = rng.choice(len(data), config.shapes, replace=False)
        size = config.size if step < total - config.fine_steps else data.size
        targets, masks, cameras = _views(data, picks, config.views, size, rng)
        codes = model.coefficients()[torch.from_numpy(picks)]
        mean, basis = model.mean(), model.basis()
        shapes = mean.expand(config.shapes, -1, -1)
        if not alone:
            shapes = shapes + torch.einsum("nk,kvc->nvc", codes, basis)
        delta = 1 / 700 * (1 - progress) + 1 / 4000 * progress
        clip = clip_from_cameras(shapes.repeat_interleave(config.views, 0), cameras)
        fragments = render.rasterize(clip, faces, (size, size))
        colours = render.interpolate(model.symmetric_colours()[None], fragments)
        silhouette = render.soft_mask(clip, fragments, delta=delta)
        both = (fragments.face_index >= 0) & (masks > 0.5)
        colour = ((colours - targets).abs().sum(-1) * both).sum() / both.sum().clamp(min=1)
        loss = soft_iou_loss(silhouette, masks).mean() + 4.0 * colour
        loss = loss + smooth * 10 * laplacian_loss(shapes, neighbours, weights)
        if not alone:
            loss = loss + 50 * smooth * (uniform_laplacian(basis, neighbours, weights) ** 2).mean()
            loss = loss + 0.002 * (codes**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 200 == 0:
            hard = (fragments.face_index >= 0) & (masks > 0.5)
            either = (fragments.face_index >= 0) | (masks > 0.5)
            iou = (hard.sum((1, 2)) / either.sum((1, 2))).mean()
            print(
                f"step {step} loss {loss.item():.4f} iou {iou.item():.4f} colour {colour.item():.4f}",
                flush=True,
            )
    return _write(model, config)


def _views(
    data: MultiviewSet, picks: np.ndarray, views: int, size: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Canonical pictures [N, size, size, 3], coverage and cameras [N, 4, 4] of random views."""
    pictures, masks, cameras = [], [], []
    for pick in picks:
        item = data[int(pick)]
        assert item.canonical is not None
        for view in rng.choice(len(item.world_to_camera), views, replace=False):
            values, seen = decode_canonical(item.canonical[view])
            weighted = (
                np.concatenate([values * 0.5 + 0.5, np.ones_like(values[..., :1])], -1) * seen[..., None]
            )
            pooled = _pool(weighted, size)
            pictures.append(pooled[..., :3] / np.maximum(pooled[..., 3:], 1e-6))
            masks.append(_pool(item.rgba[view, :, :, 3:].astype(np.float32), size)[..., 0])
            cameras.append(item.world_to_camera[view])
    return (
        torch.from_numpy(np.stack(pictures).astype(np.float32)),
        torch.from_numpy(np.stack(masks).astype(np.float32) / 255),
        torch.from_numpy(np.stack(cameras).astype(np.float32)),
    )


def _pool(picture: np.ndarray, size: int) -> np.ndarray:
    """[S, S, C] averaged over blocks, or repeated, to [size, size, C]."""
    side = picture.shape[0]
    if side < size:
        return picture.repeat(size // side, 0).repeat(size // side, 1)
    return box_average(picture[None], size)[0]


def _write(model: _LinearModel, config: PriorConfig) -> Path:
    """Whiten the coefficients (each group by itself) and write mean and basis."""
    with torch.no_grad():
        mean, basis, codes = (
            model.mean().numpy(),
            model.basis().numpy(),
            model.coefficients().numpy().astype(np.float64),
        )
    mean = mean + np.einsum("k,kvc->vc", codes.mean(0) * (model.group == 0), basis).astype(np.float32)
    with_part = model.free.numpy().all(1)
    bases: list[np.ndarray] = []
    groups: list[int] = []
    for group in range(3):
        chosen = model.group == group
        if not chosen.any() or (group == 2 and not with_part.any()):
            continue
        used = codes[:, chosen] if group < 2 else codes[with_part][:, chosen]
        centred = used - used.mean(0) * (group == 0)
        offsets = basis[chosen].reshape(chosen.sum(), -1).astype(np.float64)
        values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
        root = vectors * np.sqrt(np.maximum(values, 0))
        _, scale, directions = np.linalg.svd(root.T @ offsets, full_matrices=False)
        if group == 2 and (centred.mean(0) @ offsets @ directions[0]) < 0:
            directions[0] *= -1  # the first coefficient says how far the part is out
        bases.append((scale[:, None] * directions).reshape(-1, *mean.shape))
        groups += [group] * len(scale)
    out = Path(config.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(out.name + f".tmp{os.getpid()}")
    prefix = f"{config.category}."
    save_file(
        {
            f"{prefix}mean": np.ascontiguousarray(mean, np.float32),
            f"{prefix}basis": np.ascontiguousarray(np.concatenate(bases), np.float32),
            f"{prefix}antisymmetric": np.equal(groups, 1).astype(np.uint8),
            f"{prefix}optional": np.equal(groups, 2).astype(np.uint8),
            f"{prefix}canonical": 2 * model.symmetric_colours().detach().numpy() - 1,
        },
        str(temporary),
    )
    os.replace(temporary, out)
    return out


if __name__ == "__main__":
    import tyro

    print(learn_prior(tyro.cli(PriorConfig)))
