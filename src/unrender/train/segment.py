"""Training of the segmenter: photos with masks, and rendered objects. Used by `unrender.train.run`."""

from __future__ import annotations

import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from unrender.errors import ConfigError
from unrender.network.efficientnet import EfficientNetLite0, Shallow
from unrender.network.segmenter import SegmenterConfig, SegmenterNetwork
from unrender.train.config import TrainConfig
from unrender.train.objects import ObjectBatch, ObjectSampler
from unrender.train.photos import PhotoBatch
from unrender.train.sampling import CategoryPlan
from unrender.train.step import PREVIEW_ROWS, Batch, masked_photo_terms, photo_sampler

RENDERED_SIZE = 128
"""Side of the rendered pictures of a multi-view set, in pixels; they are enlarged to the segmenter's."""


class SegmentObjective:
    """What a segmenter minimises: its mask's loss, its category's, how far that departs from ImageNet's.

    An encoder in training forgets what it knew of ImageNet, and with it categories that photos teach poorly.
    The weight `pretrained` holds its thousand classes to what ImageNet's own encoder says (Li and Hoiem,
    "Learning without Forgetting", ECCV 2016).
    """

    scalar_names: tuple[str, ...] = ()
    adversary = None

    def __init__(self, config: TrainConfig, network: SegmenterConfig) -> None:
        photos = photo_sampler(config, network.categories, network.image_size)
        if photos is None:
            raise ConfigError("config: a segmenter needs photo_roots and photo_batch")
        self.config, self.photos = config, photos
        self.objects = None
        if config.object_batch and config.object_roots:
            plan = CategoryPlan(
                network.categories, config.default_category, config.aliases, config.category_weights
            )
            self.objects = ObjectSampler(
                config.object_roots, 1, RENDERED_SIZE, RENDERED_SIZE // 2, config.photo_roots, plan
            )
        self.teacher: EfficientNetLite0 | None = None
        if config.weights.pretrained:
            self.teacher = EfficientNetLite0(config.frozen_blocks).requires_grad_(False)
            self.teacher.load_imagenet()

    def batch(self, rng: np.random.Generator) -> Batch:
        """The pictures of one step; depends on `rng` alone."""
        photos = self.photos.batch(self.config.photo_batch, rng)
        if self.objects is None:
            return Batch(photos, None)
        return Batch(with_rendered(photos, self.objects.batch(self.config.object_batch, rng)), None)

    def loss(self, network: SegmenterNetwork, batch: Batch, step: int) -> tuple[Tensor, dict[str, float]]:
        """The weighted sum of the losses and their values by name."""
        assert batch.photos is not None
        clock = time.perf_counter()
        found = network(batch.images, batch.shallow)
        scalars = {"seconds/forward": time.perf_counter() - clock}
        masks, labels = torch.from_numpy(batch.photos.masks), torch.from_numpy(batch.photos.categories)
        terms = masked_photo_terms(found.mask_logits, found.category_logits, masks, labels)
        terms["category_prior"] = 0.5 * (network.category.correction.weight**2).sum()
        terms["pretrained"] = self.forgotten(network, batch.shallow, found.imagenet_logits)
        weights = self.config.weights
        total = (
            weights.mask * terms["mask"]
            + weights.category * (terms["category"] + weights.category_prior * terms["category_prior"])
            + weights.pretrained * terms["pretrained"]
        )  # fmt: skip
        return total, scalars | {name: float(value.detach()) for name, value in terms.items()}

    def forgotten(self, network: SegmenterNetwork, shallow: Shallow | None, logits: Tensor) -> Tensor:
        """Mean divergence of the classes' shares from those of ImageNet's own encoder; a scalar."""
        if self.teacher is None or shallow is None:
            return torch.zeros(())
        with torch.no_grad():
            last = self.teacher.through(shallow, len(self.teacher.blocks)).features[-1]
            _, wanted = network.category(last)
        return F.kl_div(
            F.log_softmax(logits, 1), F.log_softmax(wanted, 1), reduction="batchmean", log_target=True
        )

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


def with_rendered(photos: PhotoBatch, objects: ObjectBatch) -> PhotoBatch:
    """Photos and, after them, rendered objects enlarged to the photos' size, without their cameras."""
    size, count = photos.images.shape[-1], len(objects.images)
    images = _enlarge(objects.images, size)
    masks = _enlarge(objects.visible[:, None], size // 2)[:, 0]
    return PhotoBatch(
        np.concatenate([photos.images, images]),
        np.concatenate([photos.masks, masks]),
        np.concatenate([photos.categories, objects.categories]),
        np.concatenate([photos.whole, np.ones(count, bool)]),
        np.concatenate([photos.rotations, np.broadcast_to(np.eye(3, dtype=np.float32), (count, 3, 3))]),
        np.concatenate([photos.trust, np.zeros(count, np.float32)]),
    )


def _enlarge(pictures: np.ndarray, size: int) -> np.ndarray:
    """[B, C, s, s] to [B, C, size, size], bilinear."""
    enlarged = F.interpolate(torch.from_numpy(pictures), size=(size, size), mode="bilinear")
    return np.asarray(enlarged.numpy())
