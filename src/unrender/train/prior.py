"""Learning a category's shape space through the renderer: from many views of many shapes to mean and basis.

Nothing three-dimensional is compared. The views show each shape painted with its canonical coordinates (where
on the category's default object a point lies), so that a colour says which part is seen. In three stages:

1. The labels that all pictures show are points of the default object; the template is wrapped round them
   (`train.wrap`).
2. The template is laid over every shape by triangulation (`train.register`); principal components give
mean and
   basis, apart for what keeps and what breaks mirror symmetry.
3. Mean, basis and the shapes' coefficients,

       vertices_n = mean + sum_k z_nk basis_k,

   are moved together until silhouettes and coordinates agree with the pictures of the soft renderer.
   Shapes without labels (gathered meshes) take part from here on, by their silhouettes.

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
from unrender.data.multiview import MultiviewSet
from unrender.errors import ConfigError
from unrender.losses import soft_iou_loss, uniform_laplacian
from unrender.template import make_template
from unrender.topology import neighbour_table
from unrender.train.cameras import clip_from_cameras
from unrender.train.prior_views import LabelledViews
from unrender.train.register import Registrar, Surface, cloud, parities
from unrender.train.wrap import solid_of_points, wrap


@dataclass(frozen=True)
class PriorConfig:
    """How a shape space is learnt.

    Attributes:
        objects: multi-view set with canonical pictures.
        out: safetensors file to write.
        category: its name, the prefix of the tensors. For "object" the labels are places in a bounding
            box, whose directions from the centre are looked up on the sphere.
        symmetric, antisymmetric: number of basis vectors of each parity.
        optional: number of symmetric basis vectors of an optional part.
        limit: so many of the set's first objects at most; None for all.
        steps: of the third stage.
        shapes, views: per step.
        size: side of the compared pictures.
        pixels: rays of a shape in the second stage.
        smooth: weight of the Laplacian of what the third stage changes.
        learning_rate: of mean and basis in the third stage.
    """

    objects: str
    out: str
    category: str = "bird"
    symmetric: int = 24
    antisymmetric: int = 4
    optional: int = 0
    limit: int | None = None
    steps: int = 600
    shapes: int = 8
    views: int = 3
    size: int = 64
    pixels: int = 5000
    smooth: float = 30.0
    learning_rate: float = 0.002
    seed: int = 0


@dataclass(frozen=True)
class _Start:
    """What the first two stages found: arrays of numpy, float64."""

    mean: np.ndarray
    basis: np.ndarray
    codes: np.ndarray
    canonical: np.ndarray


class _LinearModel(torch.nn.Module):
    """Mean, basis and codes, with the parities enforced."""

    def __init__(self, config: PriorConfig, start: _Start, states: np.ndarray) -> None:
        super().__init__()
        template = make_template(3)
        self.mirror = torch.from_numpy(template.mirror.astype(np.int64))
        self.raw_mean = torch.nn.Parameter(torch.from_numpy(start.mean.astype(np.float32)))
        self.raw_basis = torch.nn.Parameter(torch.from_numpy(start.basis.astype(np.float32)))
        self.codes = torch.nn.Parameter(torch.from_numpy(start.codes.astype(np.float32)))
        counts = (
            config.symmetric,
            config.antisymmetric,
            len(start.basis) - config.symmetric - config.antisymmetric,
        )
        self.group = np.repeat([0, 1, 2], counts)
        self.sign = torch.from_numpy(np.where(self.group == 1, -1.0, 1.0).astype(np.float32))
        free = (self.group < 2)[None] | (states > 0)[:, None]
        self.free = torch.from_numpy(free.astype(np.float32))
        self.flip = torch.tensor([-1.0, 1.0, 1.0])
        self.canonical = torch.from_numpy(start.canonical.astype(np.float32))

    def coefficients(self) -> Tensor:
        """[N, K]; those of an optional part are zero for shapes without it."""
        return self.codes * self.free

    def mean(self) -> Tensor:
        return 0.5 * (self.raw_mean + self.raw_mean[self.mirror] * self.flip)

    def basis(self) -> Tensor:
        mirrored = self.raw_basis[:, self.mirror] * self.flip
        return 0.5 * (self.raw_basis + self.sign[:, None, None] * mirrored)


def learn_prior(config: PriorConfig) -> Path:
    """Learn a shape space and write it; returns the file's path.

    Raises:
        ConfigError: the multi-view set is missing or has no canonical pictures.
    """
    torch.set_num_threads(1)  # the tensors are small: a second thread costs more than it brings
    torch.set_flush_denormal(True)
    data = MultiviewSet(config.objects, partial=True)
    if not len(data) or data[0].canonical is None:
        raise ConfigError(f"objects: {config.objects} has no canonical pictures; render it with --canonical")
    views = LabelledViews(data, whole_box=config.category == "object", limit=config.limit)
    if len(views.labelled) < 2:
        raise ConfigError(f"objects: {config.objects} has fewer than two objects with canonical coordinates")
    states = np.array([data[int(i)].state for i in views.indices])
    model = _LinearModel(config, _register(config, views, states), states)
    if config.steps:
        _polish(config, model, views)
    return _write(model, config)


def _register(config: PriorConfig, views: LabelledViews, states: np.ndarray) -> _Start:
    """The first two stages."""
    rng = np.random.default_rng(config.seed)
    template = make_template(3)
    shapes = views.labelled
    if views.whole_box:
        canonical = template.vertices
    else:
        canonical = wrap(solid_of_points(cloud(views.data, views.indices[shapes], 8000, rng)))
    views.mark_known(canonical)
    registrar = Registrar(Surface(template, canonical, views.whole_box), canonical)
    laid = np.stack(
        [
            registrar.fit(views.data[int(views.indices[i])], config.pixels, rng)
            for i in track(shapes, description=f"registration of {config.category}")
        ]
    )
    rest = states[shapes] == 0
    if rest.sum() < 2:
        rest[:] = True
    space = parities(laid[rest], template.mirror, config.symmetric, config.antisymmetric)
    codes = np.zeros((len(views.indices), len(space.basis)))
    codes[shapes[rest]] = space.codes
    basis = space.basis
    if config.optional and not rest.all():
        flat = basis.reshape(len(basis), -1)
        offsets = (laid[~rest] - space.mean).reshape((~rest).sum(), -1)
        ridge = flat @ flat.T + 1e-2 * np.trace(flat @ flat.T) / len(flat) * np.eye(len(flat))
        inner = np.linalg.solve(ridge, flat @ offsets.T).T
        codes[shapes[~rest]] = inner
        left, scale, right = np.linalg.svd(offsets - inner @ flat, full_matrices=False)
        kept, root = min(config.optional, len(scale)), np.sqrt(len(left))
        part = (scale[:kept, None] * right[:kept] / root).reshape(kept, *space.mean.shape)
        further = np.zeros((len(codes), kept))
        further[shapes[~rest]] = left[:, :kept] * root
        basis, codes = np.concatenate([basis, part]), np.concatenate([codes, further], 1)
    return _Start(space.mean, basis, codes, canonical.astype(np.float64))


def _polish(config: PriorConfig, model: _LinearModel, views: LabelledViews) -> None:
    """The third stage: mean, basis and codes through the renderer."""
    template = make_template(3)
    faces = torch.from_numpy(template.faces.astype(np.int64))
    index, weight = neighbour_table(template.faces, len(template.vertices))
    neighbours, weights = torch.from_numpy(index.astype(np.int64)), torch.from_numpy(weight)
    first_mean, first_basis = model.mean().detach().clone(), model.basis().detach().clone()
    optimizer = torch.optim.Adam(
        [
            {"params": [model.raw_mean], "scale": 1.0},
            {"params": [model.raw_basis], "scale": 0.5},
            {"params": [model.codes], "scale": 12.0},
        ],
        lr=config.learning_rate,
        betas=(0.9, 0.98),
    )
    rng = np.random.default_rng([config.seed, 1])
    for step in track(range(config.steps), description=f"shape space of {config.category}"):
        progress = step / config.steps
        for group in optimizer.param_groups:
            group["lr"] = (
                config.learning_rate * (0.5 * (1 + math.cos(math.pi * progress)) + 0.02) * group["scale"]
            )
        picks = rng.choice(len(views.indices), min(config.shapes, len(views.indices)), replace=False)
        batch = views.batch(picks, config.views, config.size, rng)
        codes = model.coefficients()[torch.from_numpy(picks)]
        mean, basis = model.mean(), model.basis()
        shapes = mean + torch.einsum("nk,kvc->nvc", codes, basis)
        delta = 1 / 1500 * (1 - progress) + 1 / 6000 * progress
        clip = clip_from_cameras(shapes.repeat_interleave(config.views, 0), batch.cameras)
        fragments = render.rasterize(clip, faces, (config.size, config.size))
        labels = render.interpolate(model.canonical[None], fragments)
        silhouette = render.soft_mask(clip, fragments, delta=delta)
        both = (fragments.face_index >= 0) & (batch.known > 0.99)
        colour = ((labels - batch.labels).abs().sum(-1) * both).sum() / both.sum().clamp(min=1)
        loss = soft_iou_loss(silhouette, batch.masks).mean() + 2.0 * colour
        bent = uniform_laplacian(mean - first_mean, neighbours, weights)
        twisted = uniform_laplacian(basis - first_basis, neighbours, weights)
        loss = loss + config.smooth * ((bent**2).sum(-1).mean() + (twisted**2).sum(-1).mean(1).sum())
        loss = loss + 0.002 * (codes**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 0 or step == config.steps - 1:
            hard, truth = fragments.face_index >= 0, batch.masks > 0.5
            iou = ((hard & truth).sum((1, 2)) / (hard | truth).sum((1, 2))).mean()
            print(
                f"step {step} loss {loss.item():.4f} iou {iou.item():.4f} colour {colour.item():.4f}",
                flush=True,
            )


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
            f"{prefix}canonical": model.canonical.numpy(),
        },
        str(temporary),
    )
    os.replace(temporary, out)
    return out


if __name__ == "__main__":
    import tyro

    print(learn_prior(tyro.cli(PriorConfig)))
