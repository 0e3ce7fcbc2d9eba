"""Training batches from rendered multi-view sets: one view of each object is encoded, others are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unrender.data.multiview import MultiviewObject, MultiviewSet, decode_canonical
from unrender.data.photos import PhotoSet
from unrender.errors import ConfigError
from unrender.light import X_ODD
from unrender.render.kernels.jit import contracted
from unrender.synthesize.augment import composite, degrade, random_background
from unrender.train.sampling import CategoryPlan, draw_within, systematic


@dataclass(frozen=True)
class ObjectBatch:
    """One batch of B objects, V compared views each; the encoded view is the first of them.

    Attributes:
        images: [B, 3, S, S] float32 sRGB, the encoded view on some background, degraded.
        visible: [B, S/2, S/2] float32 coverage of the encoded view (without what an occluder hides).
        cameras: [B, V, 4, 4] float32 world to camera.
        masks: [B, V, R, R] float32 coverage.
        colours: [B, V, R, R, 3] float32 sRGB in [0, 1].
        light: [B, 9, 3] float32, shading coefficients in the object's frame.
        canonical: [B, 3, S/4, S/4] float32 canonical coordinates in the encoded view.
        labelled: [B, S/4, S/4] float32, the share of each cell where they are known.
        categories: [B] int64, number of the shape category.
        oriented: [B] bool, whether the front is known.
    """

    images: np.ndarray
    visible: np.ndarray
    cameras: np.ndarray
    masks: np.ndarray
    colours: np.ndarray
    light: np.ndarray
    canonical: np.ndarray
    labelled: np.ndarray
    categories: np.ndarray
    oriented: np.ndarray


class ObjectSampler:
    """Random objects and views of a multi-view set.

    Args:
        roots: the sets' folders; every object of a category is as likely as any other of it.
        views: compared views per object, the encoded one included.
        size: side of the encoded pictures; they are stored at this size.
        render_size: side of the compared pictures; divides `size`.
        backgrounds: folders of photos whose training rows serve as backgrounds.
        plan: the categories and how often each is drawn; None takes every object, as of one category.
        labels: whether canonical coordinates are wanted; without them `labelled` is zero.

    Raises:
        ConfigError: no object is of a category of the plan.
    """

    def __init__(
        self,
        roots: Sequence[str | Path],
        views: int,
        size: int,
        render_size: int,
        backgrounds: Sequence[str | Path] = (),
        plan: CategoryPlan | None = None,
        *,
        labels: bool = True,
    ) -> None:
        self.canonical = labels
        self.sets = [MultiviewSet(root, partial=True) for root in roots]
        self.ends = np.cumsum([len(item) for item in self.sets])
        names = np.concatenate([item.categories for item in self.sets])
        if plan is None:
            self.labels, count = np.zeros(len(names), np.int64), 1
        else:
            known = {name: plan.index(name) for name in np.unique(names).tolist()}
            self.labels, count = np.array([known[name] for name in names.tolist()]), len(plan.names)
        self.groups = [np.flatnonzero(self.labels == number) for number in range(count)]
        present = [number for number, group in enumerate(self.groups) if len(group)]
        if not present:
            found = ", ".join(sorted(set(names.tolist()) - {""})) or "none named"
            raise ConfigError(f"object_roots: no object of a shape category; categories there: {found}")
        self.shares = np.ones(1) if plan is None else plan.shares(present)
        self.views, self.size, self.render_size = views, size, render_size
        self.backgrounds: list[np.ndarray] = []
        for folder in backgrounds:
            photos = PhotoSet(folder).filter(split="train", permissive=True)
            self.backgrounds += [photos.read(record)[0] for record in photos]

    def __len__(self) -> int:
        return int(self.ends[-1])

    def item(self, index: int) -> MultiviewObject:
        """Object `index` over all sets."""
        number = int(np.searchsorted(self.ends, index, side="right"))
        return self.sets[number][index - (int(self.ends[number - 1]) if number else 0)]

    def batch(self, count: int, rng: np.random.Generator) -> ObjectBatch:
        """`count` random objects."""
        size, small, views = self.size, self.render_size, self.views
        images = np.empty((count, 3, size, size), np.float32)
        visible = np.empty((count, size // 2, size // 2), np.float32)
        cameras = np.empty((count, views, 4, 4), np.float32)
        masks = np.empty((count, views, small, small), np.float32)
        colours = np.empty((count, views, small, small, 3), np.float32)
        light = np.empty((count, 9, 3), np.float32)
        canonical = np.zeros((count, 3, size // 4, size // 4), np.float32)
        labelled = np.zeros((count, size // 4, size // 4), np.float32)
        oriented = np.ones(count, bool)
        picks = draw_within(self.groups, systematic(self.shares, count, rng), rng)
        for row, pick in enumerate(picks):
            item = self.item(int(pick))
            chosen = rng.choice(len(item.world_to_camera), views, replace=False)
            rgba = np.asarray(item.rgba[chosen])
            matrix = np.asarray(item.world_to_camera[chosen])
            light[row], oriented[row] = item.light, item.oriented
            if self.canonical and item.canonical is not None:
                canonical[row], labelled[row] = surface_labels(item.canonical[chosen[0]], size // 4)
            if rng.random() < 0.5:
                canonical[row] = canonical[row, :, :, ::-1] * np.array([-1, 1, 1], np.float32)[:, None, None]
                labelled[row] = labelled[row, :, ::-1]
                rgba = rgba[:, :, ::-1]
                flip = np.diag([-1.0, 1.0, 1.0, 1.0]).astype(np.float32)
                matrix = flip @ matrix @ flip
                light[row, X_ODD] *= -1
            picture, mask = composite(
                np.ascontiguousarray(rgba[0]), random_background(self.backgrounds, size, rng), rng
            )
            images[row] = degrade(picture, rng).transpose(2, 0, 1).astype(np.float32) / 255
            visible[row] = box_average(mask[None, :, :, None].astype(np.float32) / 255, size // 2)[0, ..., 0]
            cameras[row] = matrix
            shrink(np.ascontiguousarray(rgba), masks[row], colours[row])
            if self.canonical:
                labelled[row] *= box_average(mask[None, :, :, None].astype(np.float32) / 255, size // 4)[
                    0, ..., 0
                ]
        return ObjectBatch(
            images,
            visible,
            cameras,
            masks,
            colours,
            light,
            canonical,
            labelled,
            self.labels[picks],
            oriented,
        )


def surface_labels(picture: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Stored canonical coordinates uint8 [c, c, 3] to [3, size, size] and the share [size, size] known."""
    values, seen = decode_canonical(picture)
    known = seen[..., None].astype(np.float32)
    averaged = box_average(np.concatenate([values * known, known], axis=-1)[None], size)[0]
    share = averaged[..., 3]
    return (averaged[..., :3] / np.maximum(share, 1e-6)[..., None]).transpose(2, 0, 1), share


@contracted
def shrink(rgba, masks, colours):
    """Pictures uint8 [V, S, S, 4] to the mean coverage `masks` [V, R, R] and colour `colours` [V, R, R, 3] of
    blocks, both float32 in [0, 1]; R divides S. Colours count by their coverage."""
    block = rgba.shape[1] // masks.shape[1]
    for view in range(masks.shape[0]):
        for i in range(masks.shape[1]):
            for j in range(masks.shape[2]):
                covered = red = green = blue = np.int64(0)
                for row in range(i * block, (i + 1) * block):
                    for column in range(j * block, (j + 1) * block):
                        pixel = rgba[view, row, column]
                        alpha = np.int64(pixel[3])
                        covered += alpha
                        red += alpha * pixel[0]
                        green += alpha * pixel[1]
                        blue += alpha * pixel[2]
                mean = covered / (255.0 * block * block)
                scale = 1.0 / (255.0 * 255.0 * block * block * max(mean, 1e-3))
                masks[view, i, j] = mean
                colours[view, i, j, 0] = red * scale
                colours[view, i, j, 1] = green * scale
                colours[view, i, j, 2] = blue * scale


def box_average(values: np.ndarray, size: int) -> np.ndarray:
    """Pictures [N, H, W, C] float32 averaged over blocks down to [N, size, size, C]."""
    block = values.shape[1] // size
    total = np.zeros((values.shape[0], size, size, values.shape[3]), np.float32)
    for row in range(block):
        for column in range(block):
            total += values[:, row::block, column::block]
    return total / block**2
