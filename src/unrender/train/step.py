"""One training step: from a batch to the weighted sum of the losses, and a preview of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from unrender.errors import ConfigError
from unrender.losses import geodesic_angle, mask_head_loss, masked_colour_loss, soft_iou_loss, surface_loss
from unrender.network.model import NetworkConfig, Prediction, UnrenderNetwork
from unrender.placement import mask_extent, place
from unrender.shape_space import load_shape_space
from unrender.train.cameras import FOCAL
from unrender.train.config import TrainConfig
from unrender.train.objects import ObjectBatch, ObjectSampler
from unrender.train.photos import IGNORE_CATEGORY, PhotoBatch, PhotoSampler
from unrender.train.preview import preview_sheet
from unrender.train.shading import TemplateRenderer

PHOTO_HYPOTHESES = 2
"""Camera hypotheses rendered for a photo without camera."""


@dataclass(frozen=True)
class Batch:
    """Photos and synthetic objects of one step; either may be missing."""

    photos: PhotoBatch | None
    objects: ObjectBatch | None

    @property
    def images(self) -> Tensor:
        """[B, 3, S, S], objects first."""
        parts = [part.images for part in (self.objects, self.photos) if part is not None]
        return torch.from_numpy(np.concatenate(parts)).to(memory_format=torch.channels_last)


class Objective:
    """What is minimised. Shapes and textures are judged on 2D pictures alone."""

    def __init__(self, config: TrainConfig, network: NetworkConfig) -> None:
        self.config = config
        self.renderer = TemplateRenderer(config.render_size)
        self.photos = (
            PhotoSampler(config.photo_roots, network.categories, network.image_size)
            if config.photo_batch and config.photo_roots
            else None
        )
        self.objects = None
        if config.object_batch and config.object_roots:
            self.objects = ObjectSampler(
                config.object_roots, config.views, network.image_size, config.render_size, config.photo_roots
            )
        if self.photos is None and self.objects is None:
            raise ConfigError(
                "config: no data; set photo_roots and photo_batch, or object_roots and object_batch"
            )
        self.mean = self.basis = None
        if config.shape_space:
            space = load_shape_space(config.shape_space, "bird.")
            if space.size != network.coefficients:
                raise ConfigError(
                    f"shape_space: has {space.size} coefficients, the network predicts {network.coefficients}"
                )
            self.mean = torch.from_numpy(space.mean)
            self.basis = torch.from_numpy(space.basis)
        elif self.objects is not None:
            raise ConfigError("config: object_roots needs shape_space")

    def batch(self, rng: np.random.Generator) -> Batch:
        """The pictures of one step; depends on `rng` alone."""
        return Batch(
            self.photos.batch(self.config.photo_batch, rng) if self.photos else None,
            self.objects.batch(self.config.object_batch, rng) if self.objects else None,
        )

    def delta(self, step: int) -> float:
        """Width of the soft silhouette, falling geometrically over the run."""
        start, end = self.config.delta_start, self.config.delta_end
        return start * (end / start) ** min(1.0, step / max(1, self.config.steps))

    def loss(self, network: UnrenderNetwork, batch: Batch, step: int) -> tuple[Tensor, dict[str, float]]:
        """The weighted sum of the losses and their values by name."""
        clock = time.perf_counter()
        prediction = network(batch.images)
        scalars = {"seconds/forward": time.perf_counter() - clock}
        clock = time.perf_counter()
        terms: dict[str, Tensor] = {}
        first_photo = len(batch.objects.images) if batch.objects else 0
        if batch.objects is not None:
            terms.update(
                self.object_terms(network, prediction[:first_photo], batch.objects, self.delta(step))
            )
        if batch.photos is not None:
            for name, value in self.photo_terms(
                prediction[first_photo:], batch.photos, self.delta(step)
            ).items():
                terms[name] = terms[name] + value if name in terms else value
        weights = self.config.weights
        weighted = (getattr(weights, name) * value for name, value in terms.items() if hasattr(weights, name))
        total = sum(weighted, torch.zeros(()))
        scalars["seconds/renderer"] = time.perf_counter() - clock
        scalars.update({name: float(value.detach()) for name, value in terms.items()})
        return total, scalars

    def object_terms(
        self, network: UnrenderNetwork, prediction: Prediction, objects: ObjectBatch, delta: float
    ) -> dict[str, Tensor]:
        """Losses of synthetic objects: their cameras are exact and may be used."""
        assert self.mean is not None and self.basis is not None
        views = objects.masks.shape[1]
        coefficients = prediction.coefficients[:, 0]
        vertices = self.mean + torch.einsum("nk,kvc->nvc", coefficients, self.basis)
        cameras = torch.from_numpy(objects.cameras).flatten(0, 1)
        masks = torch.from_numpy(objects.masks).flatten(0, 1)
        rendered = self.renderer(
            vertices.repeat_interleave(views, 0), cameras, prediction.texture.repeat_interleave(views, 0),
            prediction.light.repeat_interleave(views, 0), delta,
        )  # fmt: skip
        both = masks * rendered.covered
        colours = torch.from_numpy(objects.colours).flatten(0, 1)
        truth = torch.from_numpy(objects.cameras[:, 0, :3, :3].copy())
        camera, error = camera_loss(prediction, network.anchors, truth)
        with torch.no_grad():
            covered = rendered.covered & (masks > 0.5)
            iou = covered.sum((1, 2)) / (rendered.covered | (masks > 0.5)).sum((1, 2)).clamp(min=1)
        return {
            "mask": mask_head_loss(prediction.mask_logits, torch.from_numpy(objects.visible)),
            "silhouette": soft_iou_loss(rendered.mask, masks).mean(),
            "colour": masked_colour_loss(rendered.colours, colours, both).mean(),
            "camera": camera,
            "surface": surface_loss(
                prediction.surface, torch.from_numpy(objects.canonical), torch.from_numpy(objects.labelled)
            ),
            "light": ((prediction.light - torch.from_numpy(objects.light)) ** 2).mean(),
            "prior": (coefficients**2).mean(),
            "rotation_degrees": error,
            "surface_error": surface_error(
                prediction.surface, torch.from_numpy(objects.canonical), torch.from_numpy(objects.labelled)
            ),
            "synthetic_iou": iou.mean(),
        }

    def photo_terms(self, prediction: Prediction, photos: PhotoBatch, delta: float) -> dict[str, Tensor]:
        """Losses of photos with masks and without cameras."""
        masks = torch.from_numpy(photos.masks)
        categories = torch.from_numpy(photos.categories)
        terms = {
            "mask": mask_head_loss(prediction.mask_logits, masks),
            "category": F.cross_entropy(prediction.category_logits, categories, ignore_index=IGNORE_CATEGORY),
        }
        with torch.no_grad():
            found, target = prediction.mask_logits > 0, masks > 0.5
            iou = (target & found).sum((1, 2)) / (target | found).sum((1, 2)).clamp(min=1)
            terms["mask_head_iou"] = iou.mean()
        chosen = np.flatnonzero((photos.categories == 0) & photos.whole)
        if self.mean is not None and len(chosen) and self.config.weights.photo_silhouette:
            terms.update(
                self.photo_silhouettes(prediction, photos.masks[chosen], torch.from_numpy(chosen), delta)
            )
        return terms

    def photo_silhouettes(
        self, prediction: Prediction, masks: np.ndarray, chosen: Tensor, delta: float
    ) -> dict[str, Tensor]:
        """Soft IoU of the likelier hypotheses, each placed by the mask; weighted by their probabilities.

        Cameras are taken as they are: let to follow the silhouettes, they drift to foreshortened views whose
        round outlines fit anything.
        """
        assert self.mean is not None and self.basis is not None
        coefficients = prediction.coefficients[chosen, 0]
        vertices = self.mean + torch.einsum("nk,kvc->nvc", coefficients, self.basis)
        logits, order = prediction.hypothesis_logits[chosen].detach().topk(PHOTO_HYPOTHESES, dim=1)
        rows = torch.arange(len(chosen))[:, None]
        turned = vertices[:, None] @ prediction.rotations[chosen][rows, order].detach().transpose(2, 3)
        size = masks.shape[-1]
        points = turned.detach().numpy().astype(np.float64)
        translations = np.stack([
            [place(shape, mask_extent(mask > 0.5), 0.5 * size * FOCAL, size) for shape in shapes]
            for shapes, mask in zip(points, masks, strict=True)
        ])  # fmt: skip
        local = turned + torch.from_numpy(translations).float()[:, :, None]
        silhouettes = self.renderer.mask(local.flatten(0, 1), delta)
        target = torch.from_numpy(masks).repeat_interleave(PHOTO_HYPOTHESES, 0)
        if target.shape[-1] != silhouettes.shape[-1]:
            target = F.interpolate(target[:, None], size=silhouettes.shape[-2:], mode="area")[:, 0]
        losses = soft_iou_loss(silhouettes, target).view(len(chosen), PHOTO_HYPOTHESES)
        return {
            "photo_silhouette": (torch.softmax(logits, 1) * losses).sum(1).mean(),
            "photo_prior": (coefficients**2).mean(),
        }

    def preview(self, network: UnrenderNetwork, batch: Batch) -> Image.Image:
        """A contact sheet: picture | mask | render | four turned views."""
        with torch.no_grad():
            images = batch.images
            kept = torch.cat(
                [images[:6], images[-6:] if batch.photos is None else images[self._photo_rows(batch)]]
            )
            return preview_sheet(network(kept), kept, self.mean, self.basis)

    def _photo_rows(self, batch: Batch) -> slice:
        first = len(batch.objects.images) if batch.objects else 0
        return slice(first, first + 6)


@torch.no_grad()
def surface_error(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean distance of predicted [B, 4, H, W] from true [B, 3, H, W] coordinates under a mask."""
    distance = (prediction[:, :3] - target).norm(dim=1)
    return (distance * mask).sum() / mask.sum().clamp(min=1)


def camera_loss(prediction: Prediction, anchors: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Which hypothesis is right (cross-entropy), and how far the two nearest are off (radians).

    Args:
        anchors: [H, 3, 3]; truth: [B, 3, 3] world-to-camera rotations.

    Returns:
        The loss and the mean error of the likeliest hypothesis in degrees.
    """
    distance = geodesic_angle(anchors[None], truth[:, None])
    soft = torch.softmax(-distance / 0.15, dim=1)
    likelihood = -(soft * torch.log_softmax(prediction.hypothesis_logits, 1)).sum(1).mean()
    nearest = distance.topk(2, dim=1, largest=False).indices
    rows = torch.arange(len(truth))
    angles = geodesic_angle(prediction.rotations[rows[:, None], nearest], truth[:, None])
    with torch.no_grad():
        best = prediction.hypothesis_logits.argmax(1)
        error = torch.rad2deg(geodesic_angle(prediction.rotations[rows, best], truth)).mean()
    return 0.5 * likelihood + angles.mean(), error
