"""Tiny data of the tests of training, made once: rendered birds, photos of them, a shape space, weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from unrender.network.model import NetworkConfig, UnrenderNetwork
from unrender.synthesize.multiview import tiny_set
from unrender.template import make_template
from unrender.train.checkpoint import save_checkpoint
from unrender.train.demo import write_photos


@pytest.fixture(scope="session")
def birds(tmp_path_factory) -> Path:
    """A multi-view set: 6 birds from 3 sides, 128 pixels; canonical pictures of 64."""
    folder = tmp_path_factory.mktemp("data") / "birds"
    tiny_set(folder, objects=6, views=3, size=128, seed=5)
    return folder


@pytest.fixture(scope="session")
def photos(birds) -> Path:
    return write_photos(birds, birds.parent / "photos", 10)


@pytest.fixture(scope="session")
def space_file(tmp_path_factory) -> Path:
    """An egg with 32 smooth bulges."""
    template = make_template(3)
    rng = np.random.default_rng(0)
    points = template.vertices
    even = np.stack([points[:, 0] ** 2, points[:, 1], points[:, 2]], 1)
    waves = [np.cos(even @ (2 * rng.standard_normal(3)) + rng.uniform(0, 6)) for _ in range(32)]
    path = tmp_path_factory.mktemp("space") / "space.safetensors"
    save_file(
        {
            "bird.mean": points * np.array([0.3, 0.4, 0.8], np.float32),
            "bird.basis": np.stack([0.04 * w[:, None] * points for w in waves]).astype(np.float32),
            "bird.antisymmetric": np.zeros(32, np.uint8),
        },
        str(path),
    )
    return path


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """A checkpoint of a network with random weights: no package of ImageNet weights is needed."""
    torch.manual_seed(7)
    network = UnrenderNetwork(NetworkConfig())
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    optimizer = torch.optim.AdamW(network.parameters())
    average = {key: value.clone() for key, value in network.state_dict().items()}
    save_checkpoint(path, network, average, optimizer, {"step": 0})
    return path
