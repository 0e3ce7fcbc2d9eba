"""The network: one square picture to mask, camera hypotheses, shape, texture, light and category.

Everything is predicted in one pass. Scale and translation of the camera are not: they follow from the mask
and the projected shape (`unrender.placement`), which is exact where a regression would be noisy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrender.network.efficientnet import PYRAMID_CHANNELS, EfficientNetLite0, Shallow


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the network.

    Attributes:
        image_size: side of the input picture in pixels (a multiple of 32).
        coefficients: number of shape coefficients, per category.
        hypotheses: number of camera hypotheses, anchored at equally spaced azimuths.
        texture_size: side of the predicted texture in texels (its halves mirror each other).
        shape_categories: categories that have a shape space.
        categories: categories the picture is classified into.
    """

    image_size: int = 128
    coefficients: int = 32
    hypotheses: int = 8
    texture_size: int = 64
    shape_categories: tuple[str, ...] = ("bird",)
    categories: tuple[str, ...] = ("bird", "airplane", "car", "chair", "dinosaur", "animal", "object")


@dataclass(frozen=True)
class Prediction:
    """What the network says about a batch of B pictures.

    Attributes:
        mask_logits: [B, S/2, S/2].
        rotations: [B, H, 3, 3] world-to-camera rotation of each hypothesis.
        hypothesis_logits: [B, H].
        coefficients: [B, C, K] whitened shape coefficients for each shape category.
        light: [B, 9, 3] spherical-harmonic coefficients in the object's frame, linear RGB radiance.
        texture: [B, 3, T, T] albedo, sRGB in [0, 1], row 0 is v = 1, mirror-symmetric in u.
        category_logits: [B, number of categories].
        surface: [B, 4, S/4, S/4] for every pixel the canonical coordinates of what is seen there (where on
            the category's default object it lies, in [-1, 1]), and the logarithm of their expected error.
            It teaches the features in training and is left out of the exported graph.
    """

    mask_logits: Tensor
    rotations: Tensor
    hypothesis_logits: Tensor
    coefficients: Tensor
    light: Tensor
    texture: Tensor
    category_logits: Tensor
    surface: Tensor

    def __getitem__(self, index: slice) -> Prediction:
        return Prediction(*(getattr(self, item.name)[index] for item in fields(self)))


OUTPUT_NAMES = (
    "mask_logits", "rotations", "hypothesis_logits", "coefficients", "light", "texture", "category_logits",
)  # fmt: skip


def rotation_from_6d(values: Tensor) -> Tensor:
    """[..., 6] to rotation matrices [..., 3, 3] by Gram-Schmidt (Zhou et al., CVPR 2019)."""
    first, second = values[..., :3], values[..., 3:]
    x = F.normalize(first, dim=-1, eps=1e-6)
    y = F.normalize(second - (x * second).sum(-1, keepdim=True) * x, dim=-1, eps=1e-6)
    return torch.stack([x, y, torch.linalg.cross(x, y, dim=-1)], dim=-2)


def anchor_rotations(count: int, elevation_degrees: float = 12.0) -> Tensor:
    """[count, 3, 3] world-to-camera rotations at equally spaced azimuths and one elevation."""
    elevation = math.radians(elevation_degrees)
    anchors = []
    for index in range(count):
        azimuth = 2 * math.pi * index / count
        back = torch.tensor([
            math.cos(elevation) * math.sin(azimuth),
            math.sin(elevation),
            math.cos(elevation) * math.cos(azimuth),
        ])  # fmt: skip
        right = torch.tensor([math.cos(azimuth), 0.0, -math.sin(azimuth)])
        anchors.append(torch.stack([right, torch.linalg.cross(back, right), back]))
    return torch.stack(anchors)


class SeparableConv(nn.Module):
    """Depthwise 3x3 and pointwise 1x1 convolution, each followed by ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.pointwise(F.relu(self.depthwise(x))))


class ResidualBlock(nn.Module):
    """An inverted residual whose last layer starts at zero, so that it can be added to a trained network."""

    def __init__(self, width: int, expansion: int = 3) -> None:
        super().__init__()
        hidden = width * expansion
        self.expand = nn.Conv2d(width, hidden, 1)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.project = nn.Conv2d(hidden, width, 1)
        nn.init.zeros_(self.project.weight)
        assert self.project.bias is not None
        nn.init.zeros_(self.project.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.project(F.relu(self.depthwise(F.relu(self.expand(x)))))


class MaskDecoder(nn.Module):
    """Top-down feature pyramid from stride 32 to logits at stride 2.

    All features but the finest pass through further residual blocks; the coarsest ones also see the whole
    picture's mean, for what stands out is a question of everything there is.
    """

    widths = (12, 24, 40, 64, 96)
    blocks = (0, 1, 2, 2, 2)

    def __init__(
        self, widths: tuple[int, ...] = widths, blocks: tuple[int, ...] = blocks, narrow: bool = False
    ) -> None:
        """`widths`: channels at strides 2 to 32. `blocks`: residual blocks there. `narrow`: fewer channels
        before a level is enlarged, not after it."""
        super().__init__()
        above = widths[:4] if narrow else widths[1:]
        self.narrow = nn.ModuleList(
            nn.Conv2d(widths[level + 1], widths[level], 1) if narrow else nn.Identity() for level in range(4)
        )
        self.lateral = nn.ModuleList(
            nn.Conv2d(channels, width, 1) for channels, width in zip(PYRAMID_CHANNELS, widths, strict=True)
        )
        self.merge = nn.ModuleList(
            SeparableConv(above[level] + widths[level], widths[level]) for level in range(4)
        )
        self.context = nn.Linear(PYRAMID_CHANNELS[4], widths[4])
        nn.init.zeros_(self.context.weight)
        nn.init.zeros_(self.context.bias)
        self.levels = nn.ModuleList(
            nn.Sequential(*(ResidualBlock(width) for _ in range(count)))
            for width, count in zip(widths, blocks, strict=True)
        )
        self.refine = SeparableConv(widths[0], widths[0])
        self.logits = nn.Conv2d(widths[0], 1, 3, padding=1)

    def forward(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits [B, S/2, S/2], and the features [B, widths[2], S/8, S/8] on the way to them."""
        whole = self.context(features[4].mean((2, 3)))[..., None, None]
        x = middle = self.levels[4](F.relu(self.lateral[4](features[4])) + whole)
        for level in (3, 2, 1, 0):
            x = F.interpolate(self.narrow[level](x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = self.levels[level](
                self.merge[level](torch.cat([x, self.lateral[level](features[level])], dim=1))
            )
            if level == 2:
                middle = x
        return self.logits(self.refine(x))[:, 0], middle


class SurfaceDecoder(nn.Module):
    """Canonical coordinates of every pixel and their uncertainty, at stride 4.

    Normalised object coordinates (Wang et al., CVPR 2019), with a Laplacian's scale (Kendall and Gal, 2017).
    """

    def __init__(self, latent: int) -> None:
        super().__init__()
        width = MaskDecoder.widths[2]
        self.context = nn.Linear(latent, width)
        self.lateral = nn.Conv2d(PYRAMID_CHANNELS[1], 16, 1)
        self.merge = SeparableConv(width, 64)
        self.refine = nn.ModuleList([SeparableConv(80, 64), SeparableConv(64, 64)])
        self.out = nn.Conv2d(64, 4, 1)

    def forward(self, middle: Tensor, shallow: Tensor, latent: Tensor) -> Tensor:
        x = self.merge(middle + self.context(latent)[..., None, None])
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        x = torch.cat([x, F.relu(self.lateral(shallow))], dim=1)
        for layer in self.refine:
            x = layer(x)
        return self.out(x)


COLOUR_CELLS = 4
"""Side of the grid on which the object's colours are handed to the texture decoder."""


def object_colours(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The object's colours: what a deep encoder forgets and a texture needs.

    Args:
        image: [B, 3, S, S] in [0, 1]; mask: [B, S/2, S/2] in [0, 1].

    Returns:
        [B, 3] mean colour under the mask, and [B, 67] the mean colour on a grid of 4 x 4 cells relative to
        it, the mask's share of each cell, and the standard deviation.
    """
    small = F.avg_pool2d(image, 2)
    weight = mask[:, None] + 1e-4
    total = weight.sum((2, 3))
    mean = (small * weight).sum((2, 3)) / total
    variance = ((small - mean[..., None, None]) ** 2 * weight).sum((2, 3)) / total
    cell = mask.shape[-1] // COLOUR_CELLS
    share = F.avg_pool2d(weight, cell)
    grid = F.avg_pool2d((small - mean[..., None, None]) * weight, cell) / (share + 1e-3)
    return mean, torch.cat([grid.flatten(1), share.flatten(1), (variance + 1e-6).sqrt()], dim=1)


class ObjectEncoder(nn.Module):
    """The object alone, cut out by the mask head, to a vector: outlines look alike in renders and photos."""

    def __init__(self, image_size: int, outputs: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList([
            nn.Conv2d(4, 24, 3, 2, 1), nn.Conv2d(24, 48, 3, 2, 1), nn.Conv2d(48, 64, 3, 2, 1)
        ])  # fmt: skip
        self.project = nn.Linear(64 * (image_size // 16) ** 2, outputs)

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        cut = mask[:, None]
        x = torch.cat([cut, F.avg_pool2d(image, 2) * cut], dim=1)
        for conv in self.convs:
            x = F.relu(conv(x))
        return self.project(x.flatten(1))


class TextureDecoder(nn.Module):
    """A latent vector and the object's colours to a mirror-symmetric texture around its mean colour."""

    def __init__(self, latent: int, size: int) -> None:
        super().__init__()
        self.rows = size // 8
        colours = COLOUR_CELLS**2 * 4 + 3
        self.start = nn.Linear(latent + colours, 64 * self.rows * (self.rows // 2))
        self.convs = nn.ModuleList([nn.Conv2d(64, 48, 3), nn.Conv2d(48, 32, 3), nn.Conv2d(32, 24, 3)])
        self.tint = nn.Conv2d(24, 3, 1)

    def forward(self, latent: Tensor, mean: Tensor, colours: Tensor) -> Tensor:
        x = F.relu(self.start(torch.cat([latent, colours], dim=1)))
        x = x.view(-1, 64, self.rows, self.rows // 2)
        for conv in self.convs:
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = F.relu(conv(F.pad(x, (1, 1, 1, 1), mode="replicate")))
        middle = mean.clamp(0.03, 0.97)
        half = torch.sigmoid(self.tint(x) + torch.log(middle / (1 - middle))[..., None, None])
        return torch.cat([half, half.flip(-1)], dim=-1)


class UnrenderNetwork(nn.Module):
    """Encoder and heads. Input [B, 3, S, S] float32 in [0, 1] (sRGB), S = `config.image_size`."""

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or NetworkConfig()
        self.encoder = EfficientNetLite0()
        self.mask = MaskDecoder()
        cells = (config.image_size // 32) ** 2
        self.squeeze = nn.Conv2d(PYRAMID_CHANNELS[-1] + PYRAMID_CHANNELS[-2], 96, 1)
        self.object = ObjectEncoder(config.image_size, 512)
        self.trunk = nn.Sequential(
            nn.Linear(96 * cells + PYRAMID_CHANNELS[-1], 512), nn.ReLU(), nn.Linear(512, 384), nn.ReLU()
        )
        self.camera = nn.Linear(384, config.hypotheses * 7)
        self.shape = nn.Linear(384, len(config.shape_categories) * config.coefficients)
        self.light = nn.Linear(384, 27)
        self.category = nn.Linear(PYRAMID_CHANNELS[-1], len(config.categories))
        self.texture = TextureDecoder(384, config.texture_size)
        self.surface = SurfaceDecoder(384)
        self.anchors: Tensor
        self.register_buffer("anchors", anchor_rotations(config.hypotheses), persistent=False)
        with torch.no_grad():
            self.object.project.weight.mul_(0.3)
            for layer in (self.camera, self.shape, self.light):
                layer.weight.mul_(0.2)
                layer.bias.zero_()
            self.light.bias.view(9, 3)[0] = 0.9 / 0.282095
            self.texture.tint.weight.mul_(0.2)
            assert self.texture.tint.bias is not None
            self.texture.tint.bias.zero_()

    def load_imagenet(self) -> None:
        """Start from ImageNet's encoder; raises as `EfficientNetLite0.load_imagenet`."""
        self.encoder.load_imagenet()

    def forward(
        self,
        image: Tensor,
        described: int | None = None,
        shallow: Shallow | None = None,
        outlines: Tensor | None = None,
    ) -> Prediction:
        """Predict; texture and surface only for the first `described` pictures (None: for all).

        Args:
            image: [B, 3, S, S]. shallow: what `self.encoder.shallow(image)` gave, if that was called before.
            outlines: [B, S/2, S/2] in [0, 1], the objects to describe. With them the network's own mask is
                not worked out, nor the surface, which takes a third of a training step.
        """
        features = self.encoder(image, shallow)
        some = slice(described)
        if outlines is None:
            mask_logits, middle = self.mask(features)
            latent, outputs = self.describe(features, image, torch.sigmoid(mask_logits.detach()), described)
            surface = self.surface(middle[some], features[1][some], latent[some])
        else:
            mask_logits = torch.logit(outlines, 1e-4)
            latent, outputs = self.describe(features, image, outlines, described)
            quarter = image.shape[-1] // 4
            surface = image.new_zeros(len(latent[some]), 4, quarter, quarter)
        return Prediction(
            mask_logits=mask_logits,
            category_logits=self.category(features[-1].mean((2, 3))),
            surface=surface,
            **outputs,
        )

    def describe(
        self, features: list[Tensor], image: Tensor, mask: Tensor, described: int | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Camera, shape, light and texture of the object under a mask [B, S/2, S/2] in [0, 1].

        Returns:
            the latent vectors [B, 384], and fields of `Prediction` by name; see `forward` for `described`.
        """
        last = features[-1]
        context = torch.cat([F.avg_pool2d(features[-2], 2), last], dim=1)
        scene, *rest = self.trunk
        latent = scene(torch.cat([F.relu(self.squeeze(context)).flatten(1), last.mean((2, 3))], dim=1))
        latent = latent + self.object(image, mask)
        for layer in rest:
            latent = layer(latent)
        config = self.config
        camera = self.camera(latent).view(-1, config.hypotheses, 7)
        identity = torch.tensor([1.0, 0, 0, 0, 1.0, 0], device=image.device)
        turns = rotation_from_6d(camera[..., :6] + identity)
        # a matrix product, written so that ONNX Runtime in a browser takes it for no pictures at all
        rotations = (turns[..., None] * self.anchors[:, None]).sum(-2)
        some = slice(described)
        mean, colours = object_colours(image[some], mask[some])
        return latent, {
            "rotations": rotations,
            "hypothesis_logits": camera[..., 6],
            "coefficients": self.shape(latent).view(-1, len(config.shape_categories), config.coefficients),
            "light": self.light(latent).view(-1, 9, 3),
            "texture": self.texture(latent[some], mean, colours),
        }
