"""Gradients of depthwise convolutions against torch's in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from unrender.network.efficientnet import EfficientNetLite0
from unrender.train.depthwise import depthwise_conv2d, use_fast_gradients


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize(
    ("count", "channels", "side", "stride", "padding"),
    [(5, 7, 6, 1, 2), (3, 70, 9, 2, 0), (2, 130, 4, 1, 2), (1, 3, 8, 2, 2), (6, 64, 5, 1, 0)],
)
def test_gradients_are_those_of_torch(count, channels, side, stride, padding, channels_last, threads):
    generator = torch.Generator().manual_seed(0)
    x, weight, bias = (
        torch.randn(shape, generator=generator, requires_grad=True)
        for shape in ((count, channels, side, side), (channels, 1, 5, 5), (channels,))
    )
    given = x.to(memory_format=torch.channels_last) if channels_last else x
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = depthwise_conv2d(given, weight, bias, (stride, stride), padding, 1, channels)
        slope = torch.randn(found.shape, generator=generator)
        gradients = torch.autograd.grad(found, (x, weight, bias), slope)
    finally:
        torch.set_num_threads(before)
    exact = [value.detach().double().requires_grad_(True) for value in (x, weight, bias)]
    expected = F.conv2d(*exact, stride, padding, 1, channels)
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=1e-4)
    wanted = torch.autograd.grad(expected, exact, slope.double())
    for one, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(one.double(), other, atol=1e-4, rtol=1e-4)


def test_the_encoder_learns_the_same():
    torch.manual_seed(0)
    plain, fast = EfficientNetLite0(), EfficientNetLite0()
    fast.load_state_dict(plain.state_dict())
    use_fast_gradients(fast)
    image = torch.rand(2, 3, 64, 64)
    for encoder in (plain, fast):
        sum((feature**2).mean() for feature in encoder(image)).backward()
    for (name, one), other in zip(plain.named_parameters(), fast.parameters(), strict=True):
        if one.requires_grad:
            scale = one.grad.abs().max().item() + 1e-12
            assert (one.grad - other.grad).abs().max().item() < 1e-3 * scale, name
