"""Learning a shape space: parities, whitening, and that a few steps through the renderer help."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrender.data.multiview import MultiviewSet
from unrender.errors import ConfigError
from unrender.shape_space import load_shape_space
from unrender.synthesize.multiview import MultiviewConfig, render_set
from unrender.template import make_template
from unrender.train import prior
from unrender.train.prior import PriorConfig, learn_prior
from unrender.train.shading import TemplateRenderer

FLIP = np.array([-1, 1, 1], np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A linear model with random basis and codes, and the file that is written of it."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("prior") / "space.safetensors"
    config = PriorConfig("", str(path), symmetric=5, antisymmetric=3)
    model = prior._LinearModel(config, 60)
    with torch.no_grad():
        model.raw_basis.normal_(0, 0.05)
        mixing = torch.randn(8, 8)
        mixing[:5, 5:] = mixing[5:, :5] = 0
        model.codes.copy_(torch.randn(60, 8) @ mixing + torch.tensor([0.7] * 5 + [0.0] * 3))
    return model, load_shape_space(prior._write(model, config), "bird.")


def test_parities(model):
    space, mirror = model[1], make_template(3).mirror
    np.testing.assert_allclose(space.mean[mirror] * FLIP, space.mean, atol=1e-6)
    assert space.antisymmetric.tolist() == [False] * 5 + [True] * 3
    for vector, odd in zip(space.basis, space.antisymmetric, strict=True):
        np.testing.assert_allclose(vector[mirror] * FLIP, -vector if odd else vector, atol=1e-6)


def test_coefficients_have_unit_variance_and_do_not_correlate(model):
    linear, space = model
    with torch.no_grad():
        shapes = linear.mean() + torch.einsum("nk,kvc->nvc", linear.codes, linear.basis())
    offsets = (shapes.numpy() - space.mean).reshape(60, -1)
    flat = space.basis.reshape(8, -1)
    codes = np.linalg.lstsq(flat.T, offsets.T, rcond=None)[0].T
    np.testing.assert_allclose(codes @ flat, offsets, atol=1e-4)  # nothing is lost
    even, odd = codes[:, :5], codes[:, 5:]
    np.testing.assert_allclose(even.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(even.T @ even / 60, np.eye(5), atol=2e-3)
    np.testing.assert_allclose(odd.T @ odd / 60, np.eye(3), atol=2e-3)


def fit(vertices, data):
    """Mean mask IoU of one shape [V, 3] over all views of a set, at 64 pixels."""
    renderer, values = TemplateRenderer(64), []
    for item in (data[k] for k in range(len(data))):
        cameras = torch.from_numpy(np.array(item.world_to_camera))
        local = torch.from_numpy(vertices) @ cameras[:, :3, :3].mT + cameras[:, None, :3, 3]
        shown = renderer.mask(local, 1e-5).numpy() > 0.5
        mask = item.rgba[..., 3].reshape(-1, 64, 2, 64, 2).mean((2, 4)) > 127
        values.append((shown & mask).sum((1, 2)) / (shown | mask).sum((1, 2)))
    return float(np.mean(values))


def test_a_few_steps_fit_the_views_better(birds, tmp_path):
    data = MultiviewSet(birds)
    config = PriorConfig(
        str(birds), str(tmp_path / "space.safetensors"), symmetric=4, antisymmetric=2,
        mean_steps=60, steps=40, shapes=4, views=2,
    )  # fmt: skip
    start = prior._LinearModel(config, len(data)).mean().detach().numpy()
    learnt = load_shape_space(learn_prior(config), "bird.")
    assert learnt.size == 6
    assert fit(learnt.mean, data) > fit(start, data) + 0.05
    assert not list(tmp_path.glob("*.tmp*"))


def test_sets_without_canonical_pictures_are_refused(tmp_path):
    render_set(MultiviewConfig(1, 1, 0, 32), tmp_path / "plain", quiet=True)
    with pytest.raises(ConfigError, match="--canonical"):
        learn_prior(PriorConfig(str(tmp_path / "plain"), str(tmp_path / "x")))
