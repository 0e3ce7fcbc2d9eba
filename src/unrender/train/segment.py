"""Training of the segmenter: photos with masks, nothing rendered. Used by `unrender.train.run`."""

from __future__ import annotations

import time

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from unrender.errors import ConfigError
from unrender.network.segmenter import SegmenterConfig, SegmenterNetwork
from unrender.train.config import TrainConfig
from unrender.train.step import PREVIEW_ROWS, Batch, masked_photo_terms, photo_sampler


class SegmentObjective:
    """What a segmenter minimises: its mask's loss, its category's, how far that departs from ImageNet's."""

    scalar_names: tuple[str, ...] = ()

    def __init__(self, config: TrainConfig, network: SegmenterConfig) -> None:
        photos = photo_sampler(config, network.categories, network.image_size)
        if photos is None:
            raise ConfigError("config: a segmenter needs photo_roots and photo_batch")
        self.config, self.photos = config, photos

    def batch(self, rng: np.random.Generator) -> Batch:
        """The pictures of one step; depends on `rng` alone."""
        return Batch(self.photos.batch(self.config.photo_batch, rng), None)

    def loss(self, network: SegmenterNetwork, batch: Batch, step: int) -> tuple[Tensor, dict[str, float]]:
        """The weighted sum of the losses and their values by name."""
        assert batch.photos is not None
        clock = time.perf_counter()
        found = network(batch.images, batch.shallow)
        scalars = {"seconds/forward": time.perf_counter() - clock}
        masks, labels = torch.from_numpy(batch.photos.masks), torch.from_numpy(batch.photos.categories)
        terms = masked_photo_terms(found.mask_logits, found.category_logits, masks, labels)
        terms["category_prior"] = 0.5 * (network.category.correction.weight**2).sum()
        weights = self.config.weights
        total = (
            weights.mask * terms["mask"]
            + weights.category * (terms["category"] + weights.category_prior * terms["category_prior"])
        )  # fmt: skip
        return total, scalars | {name: float(value.detach()) for name, value in terms.items()}

    def preview(self, network: SegmenterNetwork, batch: Batch) -> Image.Image:
        """A contact sheet: picture | mask | the object cut out."""
        images = batch.images[:PREVIEW_ROWS]
        with torch.no_grad():
            masks = torch.sigmoid(network(images).mask_logits)
        masks = masks.repeat_interleave(2, 1).repeat_interleave(2, 2)[..., None]
        pictures = images.permute(0, 2, 3, 1)
        columns = [pictures, masks.expand(-1, -1, -1, 3), pictures * masks + 1 - masks]
        sheet = torch.cat([torch.cat(list(column), 0) for column in columns], 1)
        return Image.fromarray((sheet.clamp(0, 1) * 255).byte().numpy())
