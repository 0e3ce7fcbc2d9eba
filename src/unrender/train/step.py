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
from unrender.losses import (
    flatten_loss,
    laplacian_loss,
    mask_head_loss,
    masked_colour_loss,
    soft_iou_loss,
    surface_loss,
)
from unrender.network.efficientnet import Shallow
from unrender.network.model import NetworkConfig, Prediction, UnrenderNetwork
from unrender.placement import mask_extent, place
from unrender.synthesize.augment import roughened
from unrender.template import make_template
from unrender.topology import edge_faces, neighbour_table
from unrender.train.adversary import Adversary
from unrender.train.camera_loss import camera_loss, likeliest_rotations, surface_error
from unrender.train.cameras import FOCAL
from unrender.train.config import TrainConfig
from unrender.train.objects import ObjectBatch, ObjectSampler
from unrender.train.photos import IGNORE_CATEGORY, PhotoBatch, PhotoSampler
from unrender.train.preview import preview_sheet
from unrender.train.sampling import CategoryPlan
from unrender.train.shading import TemplateRenderer
from unrender.train.spaces import FreeShape, LinearShapes, Shapes
from unrender.train.symmetry import YawChoice


@dataclass(frozen=True)
class Batch:
    """Photos and synthetic objects of one step; either may be missing. `shallow` may be worked out ahead.

    `outlines`, float32 [B, S/2, S/2], objects first, are what the network describes in place of its own mask.
    """

    photos: PhotoBatch | None
    objects: ObjectBatch | None
    shallow: Shallow | None = None
    outlines: np.ndarray | None = None

    @property
    def images(self) -> Tensor:
        """[B, 3, S, S], objects first."""
        parts = [part.images for part in (self.objects, self.photos) if part is not None]
        return torch.from_numpy(np.concatenate(parts)).to(memory_format=torch.channels_last)


class Objective:
    """What is minimised. Shapes and textures are judged on 2D pictures alone."""

    def __init__(self, config: TrainConfig, network: NetworkConfig) -> None:
        self.config = config
        self.names, self.labels = network.shape_categories, network.categories
        self.renderer = TemplateRenderer(config.render_size)
        self.photos = photo_sampler(config, self.labels, network.image_size)
        self.objects = None
        if config.object_batch and config.object_roots:
            plan = CategoryPlan(self.names, config.default_category, config.aliases, config.category_weights)
            self.objects = ObjectSampler(
                config.object_roots, config.views, network.image_size, config.render_size, config.photo_roots,
                plan, labels=bool(config.weights.surface),
            )  # fmt: skip
        if self.photos is None and self.objects is None:
            raise ConfigError(
                "config: no data; set photo_roots and photo_batch, or object_roots and object_batch"
            )
        self.shapes = make_shapes(config)
        if self.shapes is None and self.objects is not None:
            raise ConfigError("config: object_roots needs shape_space")
        if self.shapes is not None and self.shapes.coefficients != network.coefficients:
            raise ConfigError(
                f"shape_space: has {self.shapes.coefficients} coefficients, "
                f"the network predicts {network.coefficients}"
            )
        self.adversary = None
        if config.weights.adversarial and self.photos is not None and self.shapes is not None:
            self.adversary = Adversary(len(self.names), config.seed)
        self.turn = YawChoice(self.names, config.yaw_symmetry)
        self.label_of_shape = torch.tensor([_index(self.labels, name) for name in self.names])
        self.shape_of_label = np.array([_index(self.names, name) for name in self.labels])
        template = make_template(3)
        index, weight = neighbour_table(template.faces, len(template.vertices))
        self.neighbours = torch.from_numpy(index.astype(np.int64)), torch.from_numpy(weight)
        table = edge_faces(template.faces)
        self.edge_pairs = torch.from_numpy(
            np.concatenate([table.vertices, table.opposite], 1).astype(np.int64)
        )

    @property
    def scalar_names(self) -> tuple[str, ...]:
        """Names of the scalars that not every step has: those of single categories."""
        if self.objects is None or len(self.names) < 2:
            return ()
        return tuple(f"{kind}/{name}" for kind in ("iou", "rotation") for name in self.names)

    def batch(self, rng: np.random.Generator) -> Batch:
        """The pictures of one step; depends on `rng` alone. Outlines where the mask head is not trained."""
        photos = self.photos.batch(self.config.photo_batch, rng) if self.photos else None
        objects = self.objects.batch(self.config.object_batch, rng) if self.objects else None
        if self.config.weights.mask:
            return Batch(photos, objects)
        known = ([objects.visible] if objects else []) + ([photos.masks] if photos else [])
        return Batch(photos, objects, outlines=roughened(np.concatenate(known), rng))

    def delta(self, step: int) -> float:
        """Width of the soft silhouette, falling geometrically over the run."""
        start, end = self.config.delta_start, self.config.delta_end
        return start * (end / start) ** min(1.0, step / max(1, self.config.steps))

    def loss(self, network: UnrenderNetwork, batch: Batch, step: int) -> tuple[Tensor, dict[str, float]]:
        """The weighted sum of the losses and their values by name."""
        clock = time.perf_counter()
        first_photo = len(batch.objects.images) if batch.objects else 0
        described = None if self.adversary else first_photo
        outlines = None if batch.outlines is None else torch.from_numpy(batch.outlines)
        prediction = network(batch.images, described, batch.shallow, outlines)
        scalars = {"seconds/forward": time.perf_counter() - clock}
        clock = time.perf_counter()
        terms: dict[str, Tensor] = {}
        if batch.objects is not None:
            terms.update(
                self.object_terms(network, prediction[:first_photo], batch.objects, self.delta(step))
            )
        if batch.photos is not None:
            for name, value in self.photo_terms(
                network, prediction[first_photo:], batch.photos, step
            ).items():
                terms[name] = terms[name] + value if name in terms else value
        weights = self.config.weights
        used = {name: getattr(weights, name, 0.0) for name in terms}
        weighted = (used[name] * value for name, value in terms.items() if used[name])
        total = sum(weighted, torch.zeros(()))
        scalars["seconds/renderer"] = time.perf_counter() - clock
        scalars.update({name: float(value.detach()) for name, value in terms.items()})
        return total, scalars

    def object_terms(
        self, network: UnrenderNetwork, prediction: Prediction, objects: ObjectBatch, delta: float
    ) -> dict[str, Tensor]:
        """Losses of synthetic objects: their cameras are exact and may be used."""
        assert self.shapes is not None
        objects = self.turn(objects, likeliest_rotations(prediction).numpy())
        views, category = objects.masks.shape[1], torch.from_numpy(objects.categories)
        coefficients = self.shapes.select(prediction.coefficients, category)
        vertices = self.shapes.vertices(coefficients, category)
        cameras = torch.from_numpy(objects.cameras).flatten(0, 1)
        masks = torch.from_numpy(objects.masks).flatten(0, 1)
        rendered = self.renderer(
            vertices.repeat_interleave(views, 0), cameras, prediction.texture.repeat_interleave(views, 0),
            prediction.light.repeat_interleave(views, 0), delta,
        )  # fmt: skip
        both = masks * rendered.covered
        colours = torch.from_numpy(objects.colours).flatten(0, 1)
        truth = torch.from_numpy(objects.cameras[:, 0, :3, :3].copy())
        canonical, labelled = torch.from_numpy(objects.canonical), torch.from_numpy(objects.labelled)
        camera, errors = camera_loss(prediction, network.anchors, truth)
        with torch.no_grad():
            covered = rendered.covered & (masks > 0.5)
            iou = covered.sum((1, 2)) / (rendered.covered | (masks > 0.5)).sum((1, 2)).clamp(min=1)
        terms = {
            "mask": mask_head_loss(prediction.mask_logits, torch.from_numpy(objects.visible)),
            "silhouette": soft_iou_loss(rendered.mask, masks).mean(),
            "colour": masked_colour_loss(rendered.colours, colours, both).mean(),
            "camera": camera,
            "surface": surface_loss(prediction.surface, canonical, labelled),
            "light": ((prediction.light - torch.from_numpy(objects.light)) ** 2).mean(),
            "prior": self.shapes.prior(coefficients, category),
            "category": category_loss(prediction.category_logits, self.label_of_shape[category]),
            "rotation_degrees": errors.mean(),
            "surface_error": surface_error(prediction.surface, canonical, labelled),
            "synthetic_iou": iou.mean(),
        }
        if isinstance(self.shapes, FreeShape):
            terms["laplacian"] = vertices.shape[1] * laplacian_loss(vertices, *self.neighbours)
            terms["flatten"] = flatten_loss(vertices, self.edge_pairs)
        if len(self.names) > 1:
            by_view = iou.view(-1, views).mean(1)
            for number in category.unique().tolist():
                terms[f"iou/{self.names[number]}"] = by_view[category == number].mean()
                terms[f"rotation/{self.names[number]}"] = errors[category == number].mean()
        return terms

    def photo_terms(
        self, network: UnrenderNetwork, prediction: Prediction, photos: PhotoBatch, step: int
    ) -> dict[str, Tensor]:
        """Losses of photos with masks and without cameras."""
        masks = torch.from_numpy(photos.masks)
        categories = torch.from_numpy(photos.categories)
        terms = masked_photo_terms(prediction.mask_logits, prediction.category_logits, masks, categories)
        trust = torch.from_numpy(photos.trust)
        if self.config.weights.photo_camera and photos.trust.any():
            found = torch.from_numpy(photos.rotations)
            terms["photo_camera"], errors = camera_loss(prediction, network.anchors, found, trust)
            terms["photo_rotation_degrees"] = (trust * errors).sum() / trust.sum()
        category = self.photo_shapes(photos)
        chosen = np.flatnonzero((category >= 0) & photos.whole)
        if self.shapes is not None and len(chosen) and self.config.weights.photo_silhouette:
            terms.update(self.photo_silhouettes(prediction, photos, chosen, category, self.delta(step)))
        if self.adversary is not None and self.shapes is not None and len(chosen):
            terms.update(
                self.adversary.loss(self.shapes, prediction, photos, chosen, category, self.delta(step), step)
            )
        return terms

    def photo_shapes(self, photos: PhotoBatch) -> np.ndarray:
        """Number of each photo's shape category, or -1, int64 [B]."""
        return np.where(photos.categories >= 0, self.shape_of_label[photos.categories], -1)

    def photo_silhouettes(
        self,
        prediction: Prediction,
        photos: PhotoBatch,
        rows_used: np.ndarray,
        shapes: np.ndarray,
        delta: float,
    ) -> dict[str, Tensor]:
        """Soft IoU of the likelier hypotheses, each placed by the mask; weighted by their probabilities.

        Args:
            photos: all of them. rows_used: which of them count. shapes: [B] shape categories.

        A trusted camera takes the place of the hypotheses. Cameras are taken as they are: let to follow the
        silhouettes, they drift to foreshortened views whose round outlines fit anything.
        """
        assert self.shapes is not None
        chosen, category = torch.from_numpy(rows_used), torch.from_numpy(shapes[rows_used])
        masks = photos.masks[rows_used]
        coefficients = self.shapes.select(prediction.coefficients[chosen], category)
        vertices = self.shapes.vertices(coefficients, category)
        hypotheses = self.config.photo_hypotheses
        logits, order = prediction.hypothesis_logits[chosen].detach().topk(hypotheses, dim=1)
        rows = torch.arange(len(chosen))[:, None]
        rotations = prediction.rotations[chosen][rows, order].detach()
        trusted = torch.from_numpy(photos.trust[rows_used] > 0.5)[:, None, None, None]
        rotations = torch.where(trusted, torch.from_numpy(photos.rotations[rows_used])[:, None], rotations)
        turned = vertices[:, None] @ rotations.transpose(2, 3)
        size = masks.shape[-1]
        points = turned.detach().numpy().astype(np.float64)
        translations = np.stack([
            [place(shape, mask_extent(mask > 0.5), 0.5 * size * FOCAL, size) for shape in shapes]
            for shapes, mask in zip(points, masks, strict=True)
        ])  # fmt: skip
        local = turned + torch.from_numpy(translations).float()[:, :, None]
        silhouettes = self.renderer.mask(local.flatten(0, 1), delta)
        target = torch.from_numpy(masks).repeat_interleave(hypotheses, 0)
        if target.shape[-1] != silhouettes.shape[-1]:
            target = F.interpolate(target[:, None], size=silhouettes.shape[-2:], mode="area")[:, 0]
        losses = soft_iou_loss(silhouettes, target).view(len(chosen), hypotheses)
        return {
            "photo_silhouette": (torch.softmax(logits, 1) * losses).sum(1).mean(),
            "photo_prior": self.shapes.prior(coefficients, category),
        }

    def preview(self, network: UnrenderNetwork, batch: Batch) -> Image.Image:
        """A contact sheet of objects, then photos: picture | mask | render | four turned views."""
        rows, category = [], []
        first = 0
        for part in (batch.objects, batch.photos):
            if part is None:
                continue
            some = np.unique(np.linspace(0, len(part.images) - 1, PREVIEW_ROWS).round().astype(int))
            rows += [first + row for row in some]
            shapes = self.photo_shapes(part) if isinstance(part, PhotoBatch) else part.categories
            category += [shapes[row] for row in some]
            first += len(part.images)
        with torch.no_grad():
            images = batch.images[rows]
            outlines = None if batch.outlines is None else torch.from_numpy(batch.outlines[rows])
            prediction = network(images, outlines=outlines)
            guessed = self.shape_of_label[prediction.category_logits.argmax(1).numpy()]
            known = np.array(category)
            known = np.maximum(np.where(known >= 0, known, guessed), 0)
            return preview_sheet(prediction, images, self.shapes, torch.from_numpy(known))


def photo_sampler(config: TrainConfig, labels: tuple[str, ...], size: int) -> PhotoSampler | None:
    """The photos of a run at `size` pixels a side; None where it has none."""
    if not (config.photo_batch and config.photo_roots):
        return None
    return PhotoSampler(
        config.photo_roots, labels, size, leave_out=config.leave_out, shares=config.photo_shares,
        aliases=config.aliases, paste=config.photo_paste, cameras=config.photo_cameras,
    )  # fmt: skip


def masked_photo_terms(
    mask_logits: Tensor, category_logits: Tensor, masks: Tensor, labels: Tensor
) -> dict[str, Tensor]:
    """Losses "mask" and "category" of photos with masks [B, H, W], and how many are right."""
    terms = {"mask": mask_head_loss(mask_logits, masks), "category": category_loss(category_logits, labels)}
    known = labels != IGNORE_CATEGORY
    if known.any():
        terms["photo_category_accuracy"] = (category_logits.argmax(1) == labels)[known].float().mean()
    return terms | {"mask_head_iou": mask_head_iou(mask_logits, masks)}


def category_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of logits [B, C] over the pictures with a label; 0 if there is none."""
    if not (labels != IGNORE_CATEGORY).any():
        return logits.sum() * 0
    return F.cross_entropy(logits, labels, ignore_index=IGNORE_CATEGORY)


@torch.no_grad()
def mask_head_iou(logits: Tensor, masks: Tensor) -> Tensor:
    """Mean intersection over union of what the mask head finds with masks [B, H, W] in [0, 1]; a scalar."""
    found, target = logits > 0, masks > 0.5
    union = (target | found).sum((1, 2)).clamp(min=1)
    return ((target & found).sum((1, 2)) / union).mean()


PREVIEW_ROWS = 8
"""Rows of objects, and of photos, in a preview."""


def make_shapes(config: TrainConfig) -> Shapes | None:
    """The shapes of a run; None for one of photos alone.

    Raises:
        ConfigError: an unknown kind of shape. ModelError: the file lacks a category.
    """
    if config.shape not in ("linear", "free"):
        raise ConfigError(f"shape: expected 'linear' or 'free', got {config.shape!r}")
    if config.shape == "free":
        return FreeShape(config.shape_categories)
    return LinearShapes.load(config.shape_space, config.shape_categories) if config.shape_space else None


def _index(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else IGNORE_CATEGORY
