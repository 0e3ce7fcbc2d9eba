"""The segmenter: one square picture to the object's mask and category, finer than the network of shapes sees.

It keeps ImageNet's classifier: that tells birds of any kind from other animals, which a few thousand photos
cannot teach. A decoder of its own draws the mask from the encoder's features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrender.network.efficientnet import PYRAMID_CHANNELS, EfficientNetLite0, Shallow
from unrender.network.model import MaskDecoder
from unrender.network.pretrained import HEAD_CHANNELS, IMAGENET_CLASSES, class_groups, load_head

DECODER_WIDTHS = (16, 32, 56, 112, 160)
DECODER_BLOCKS = (0, 1, 2, 3, 3)
FEATURE_SPREAD = (6.0, 8.0, 7.0, 6.0, 2.7)
"""About the standard deviation of the encoder's features at strides 2 to 32; the decoder gets them divided
by it."""


@dataclass(frozen=True)
class SegmenterConfig:
    """Sizes of the segmenter.

    Attributes:
        image_size: side of the input picture in pixels (a multiple of 32).
        categories: categories the picture is classified into.
    """

    image_size: int = 192
    categories: tuple[str, ...] = ("bird", "object")


@dataclass(frozen=True)
class Segmentation:
    """What the segmenter says about B pictures.

    Attributes:
        mask_logits: [B, S/2, S/2]. category_logits: [B, number of categories].
        imagenet_logits: [B, 1000], of ImageNet's classes.
    """

    mask_logits: Tensor
    category_logits: Tensor
    imagenet_logits: Tensor


class CategoryHead(nn.Module):
    """ImageNet's classifier, its thousand classes gathered into ours, and what photos teach beyond it.

    The logarithm of a category's share of ImageNet's classes is where learning starts from; a linear layer
    that starts at zero corrects it. Categories without classes of their own have the share `FLOOR`.
    """

    FLOOR = 1e-4
    SCALE = 0.3
    """Typical spread of the head's features."""

    def __init__(self, categories: tuple[str, ...]) -> None:
        super().__init__()
        self.project = nn.Conv2d(PYRAMID_CHANNELS[-1], HEAD_CHANNELS, 1)
        self.classes = nn.Linear(HEAD_CHANNELS, IMAGENET_CLASSES)
        for layer in (self.project, self.classes):
            layer.requires_grad_(False)
        self.groups: Tensor
        self.register_buffer("groups", class_groups(categories), persistent=False)
        self.slope = nn.Parameter(torch.zeros(len(categories)))
        self.correction = nn.Linear(HEAD_CHANNELS, len(categories))
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)

    def forward(self, last: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, C] of our categories and [B, 1000] of ImageNet's classes, from the encoder's last
        features [B, 320, h, w]."""
        features = F.relu6(self.project(last)).mean((2, 3))
        classes = self.classes(features)
        known = torch.log(torch.softmax(classes, 1) @ self.groups + self.FLOOR)
        return known * (1 + self.slope) + self.correction(features / self.SCALE), classes


class SegmenterNetwork(nn.Module):
    """Encoder, mask decoder and category head. Input [B, 3, S, S] float32 in [0, 1] (sRGB)."""

    def __init__(self, config: SegmenterConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SegmenterConfig()
        self.encoder = EfficientNetLite0()
        self.mask = MaskDecoder(DECODER_WIDTHS, DECODER_BLOCKS, narrow=True)
        self.category = CategoryHead(config.categories)

    def load_imagenet(self) -> None:
        """Start from ImageNet's encoder and classifier; raises as `EfficientNetLite0.load_imagenet`."""
        self.encoder.load_imagenet()
        load_head(self.category.project, self.category.classes)

    def forward(self, image: Tensor, shallow: Shallow | None = None) -> Segmentation:
        """Segment; `shallow` is what `self.encoder.shallow(image)` gave, if that was called before."""
        features = self.encoder(image, shallow)
        mask_logits, _ = self.mask([x / spread for x, spread in zip(features, FEATURE_SPREAD, strict=True)])
        return Segmentation(mask_logits, *self.category(features[-1]))
