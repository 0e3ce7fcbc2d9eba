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
    config = PriorConfig("", str(path), symmetric=5, antisymmetric=3, optional=2)
    sphere = make_template(3).vertices
    bumps = 0.05 * np.random.default_rng(0).standard_normal((10, *sphere.shape))
    start = prior._Start(sphere, bumps, np.zeros((60, 10)), sphere)
    model = prior._LinearModel(config, start, np.arange(60) % 3 == 0)
    with torch.no_grad():
        mixing = torch.zeros(10, 10)
        for group in (slice(0, 5), slice(5, 8), slice(8, 10)):
            mixing[group, group] = torch.randn(group.stop - group.start, group.stop - group.start)
        means = torch.tensor([0.7] * 5 + [0.0] * 3 + [-4.0, 0.0])
        model.codes.copy_(torch.randn(60, 10) @ mixing + means)
    return model, load_shape_space(prior._write(model, config), "bird.")


def test_parities(model):
    space, mirror = model[1], make_template(3).mirror
    np.testing.assert_allclose(space.mean[mirror] * FLIP, space.mean, atol=1e-6)
    assert space.antisymmetric.tolist() == [False] * 5 + [True] * 3 + [False] * 2
    assert space.optional.tolist() == [False] * 8 + [True] * 2
    for vector, odd in zip(space.basis, space.antisymmetric, strict=True):
        np.testing.assert_allclose(vector[mirror] * FLIP, -vector if odd else vector, atol=1e-6)


def test_coefficients_have_unit_variance_and_do_not_correlate(model):
    linear, space = model
    with torch.no_grad():
        shapes = linear.mean() + torch.einsum("nk,kvc->nvc", linear.coefficients(), linear.basis())
    offsets = (shapes.numpy() - space.mean).reshape(60, -1)
    flat = space.basis.reshape(10, -1)
    codes = np.linalg.lstsq(flat.T, offsets.T, rcond=None)[0].T
    np.testing.assert_allclose(codes @ flat, offsets, atol=1e-4)  # nothing is lost
    even, odd, part = codes[:, :5], codes[:, 5:8], codes[:, 8:]
    np.testing.assert_allclose(even.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(even.T @ even / 60, np.eye(5), atol=2e-3)
    np.testing.assert_allclose(odd.T @ odd / 60, np.eye(3), atol=2e-3)
    out = np.arange(60) % 3 == 0
    np.testing.assert_allclose(part[~out], 0, atol=1e-3)
    np.testing.assert_allclose(part[out].T @ part[out] / 20, np.eye(2), atol=2e-3)
    assert part[out, 0].mean() > 0.8  # the first says how far the part is out


def test_a_part_that_is_hardly_out_is_put_away(model):
    space = model[1]
    coefficients = np.arange(1, 11, dtype=np.float32)
    np.testing.assert_array_equal(space.settle(coefficients), coefficients)
    coefficients[8] = 0.3
    np.testing.assert_array_equal(space.settle(coefficients), [1, 2, 3, 4, 5, 6, 7, 8, 0, 0])


def fit(vertices, item):
    """Mean mask IoU of a shape [V, 3] over the views of an object, at 64 pixels."""
    renderer = TemplateRenderer(64)
    cameras = torch.from_numpy(np.array(item.world_to_camera))
    local = torch.from_numpy(vertices).float() @ cameras[:, :3, :3].mT + cameras[:, None, :3, 3]
    shown = renderer.mask(local, 1e-5).numpy() > 0.5
    mask = item.rgba[..., 3].reshape(-1, 64, 2, 64, 2).mean((2, 4)) > 127
    return float(((shown & mask).sum((1, 2)) / (shown | mask).sum((1, 2))).mean())


def test_registered_shapes_fit_their_views_and_further_steps_better(birds, tmp_path, monkeypatch):
    data = MultiviewSet(birds)
    config = PriorConfig(
        str(birds), str(tmp_path / "space.safetensors"), symmetric=4, antisymmetric=2, optional=2,
        steps=12, shapes=4, views=2, pixels=1500,
    )  # fmt: skip
    kept = []
    write = prior._write
    monkeypatch.setattr(prior, "_write", lambda model, config: (kept.append(model), write(model, config))[1])
    monkeypatch.setattr(prior, "_polish", watched(prior._polish, kept))
    learnt = load_shape_space(learn_prior(config), "bird.")
    states = np.array([data[k].state for k in range(len(data))])
    assert learnt.size == (8 if 0 < states.sum() < len(states) else 6)
    assert learnt.canonical is not None and np.abs(learnt.canonical).max() <= 1.2
    assert not list(tmp_path.glob("*.tmp*"))
    registered, polished = (
        np.mean([fit(shape, data[k]) for k, shape in enumerate(shapes)])
        for shapes in (kept[0], shapes_of(kept[1]))
    )
    mean = np.mean([fit(learnt.mean, data[k]) for k in range(len(data))])
    assert registered > mean + 0.1
    assert polished > registered


def shapes_of(model):
    """Shapes [N, V, 3] of a linear model."""
    with torch.no_grad():
        return (model.mean() + torch.einsum("nk,kvc->nvc", model.coefficients(), model.basis())).numpy()


def watched(polish, kept):
    """The third stage, with the shapes before it noted."""

    def run(config, model, views):
        kept.append(shapes_of(model))
        polish(config, model, views)

    return run


def test_sets_without_canonical_pictures_are_refused(tmp_path):
    render_set(MultiviewConfig(1, 1, 0, 32), tmp_path / "plain", quiet=True)
    with pytest.raises(ConfigError, match="--canonical"):
        learn_prior(PriorConfig(str(tmp_path / "plain"), str(tmp_path / "x")))
