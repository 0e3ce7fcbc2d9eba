"""torch.func's transforms and torch.compile on the public functions, against plain autograd."""

from __future__ import annotations

import pytest
from scenes import SCENES

torch = pytest.importorskip("torch")

from unrender import render  # noqa: E402

SIZE = (7, 9)


def scene():
    clip, faces = SCENES["two overlapping"]
    generator = torch.Generator().manual_seed(0)
    uv = torch.rand(1, 6, 2, dtype=torch.float64, generator=generator)
    texture = torch.rand(1, 4, 5, 3, dtype=torch.float64, generator=generator)
    return torch.tensor(clip), torch.tensor(faces), uv, texture


SCENE = scene()


def picture(clip):
    """Every operation of the renderer at once, [B, H, W, 5]."""
    _, faces, uv, texture = SCENE
    fragments = render.rasterize(clip, faces, SIZE)
    colours = render.sample_texture(texture, render.interpolate(uv, fragments), fragments=fragments)
    mask = render.soft_mask(clip, fragments, 0.02)
    return torch.cat([colours, fragments.depth[..., None], mask[..., None]], -1)


def loss(clip):
    return picture(clip).square().sum()


def plain_gradient(clip):
    leaf = clip.clone().requires_grad_()
    return torch.autograd.grad(loss(leaf), leaf)[0]


def test_grad_and_vjp():
    clip = SCENE[0]
    assert torch.equal(torch.func.grad(loss)(clip), plain_gradient(clip))
    value, pull = torch.func.vjp(loss, clip)
    assert value == loss(clip) and torch.equal(pull(torch.ones_like(value))[0], plain_gradient(clip))


def test_vmap():
    clip = SCENE[0]
    several = torch.stack([clip, 1.02 * clip, clip + 0.01])
    assert torch.equal(torch.func.vmap(picture)(several), torch.stack([picture(x) for x in several]))
    gradients = torch.func.vmap(torch.func.grad(loss))(several)
    assert torch.equal(gradients, torch.stack([plain_gradient(x) for x in several]))


def test_jacrev():
    clip = SCENE[0]

    def row(x):
        return picture(x)[0, 3, 2:6].reshape(-1)

    torch.testing.assert_close(
        torch.func.jacrev(row)(clip), torch.autograd.functional.jacobian(row, clip), rtol=1e-12, atol=1e-12
    )


def test_functional_call():
    clip = SCENE[0]
    layer = torch.nn.Linear(4, 4, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(4))
    parameters = dict(layer.named_parameters())

    def of(values):
        return loss(torch.func.functional_call(layer, values, (clip,)))

    gradients = torch.func.grad(of)(parameters)
    loss(layer(clip)).backward()
    for name, parameter in parameters.items():
        torch.testing.assert_close(gradients[name], parameter.grad)


def test_second_derivatives_say_so():
    with pytest.raises(Exception, match=r"second derivatives|once_differentiable"):
        torch.func.grad(lambda x: torch.func.grad(loss)(x).sum())(SCENE[0])


@pytest.mark.filterwarnings("ignore")
def test_compile():
    clip = SCENE[0]
    compiled = torch.compile(loss, backend="aot_eager")
    leaf = clip.clone().requires_grad_()
    compiled(leaf).backward()
    torch.testing.assert_close(leaf.grad, plain_gradient(clip))
