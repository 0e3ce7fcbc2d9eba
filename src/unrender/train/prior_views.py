"""Views of a multi-view set for learning a shape space: silhouettes, cameras and canonical labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unrender.data.multiview import MultiviewObject, MultiviewSet, decode_canonical
from unrender.train.objects import box_average
from unrender.train.register import NEAR, crowded

CODES = 256
"""Steps of a stored label along each axis."""


@dataclass(frozen=True)
class ViewBatch:
    """M views at R pixels a side.

    Attributes:
        labels: [M, R, R, 3] float32 canonical coordinates.
        known: [M, R, R] float32, the share of each pixel with labels that the template has too.
        masks: [M, R, R] float32 coverage.
        cameras: [M, 4, 4] float32 world to camera.
    """

    labels: Tensor
    known: Tensor
    masks: Tensor
    cameras: Tensor


class LabelledViews:
    """The objects of a set that can be compared with one another: those whose front is known.

    Args:
        data: the set.
        whole_box: labels are places in bounding boxes, and count by their direction; all objects are taken.
        limit: so many of the set's first objects at most; None for all.

    Attributes:
        indices: int [N], the objects taken. labelled: int [L], those of them (by position) with labels.
    """

    def __init__(self, data: MultiviewSet, whole_box: bool = False, limit: int | None = None) -> None:
        self.data, self.whole_box = data, whole_box
        items = [data[i] for i in range(len(data) if limit is None else min(limit, len(data)))]
        self.indices = np.array([i for i, item in enumerate(items) if whole_box or item.oriented])
        self.labelled = np.array(
            [k for k, i in enumerate(self.indices) if np.asarray(items[i].canonical).any()], dtype=np.int64
        )
        self._known = np.ones((CODES,) * 3, dtype=bool)
        self._cache: dict[tuple[int, int, int], np.ndarray] = {}

    def mark_known(self, canonical: np.ndarray) -> None:
        """Count only labels near a template's vertices [V, 3], and none that mark a part the template
        lacks."""
        if self.whole_box:
            return
        from scipy.spatial import cKDTree

        grid = np.stack(np.meshgrid(*[np.arange(64)] * 3, indexing="ij"), -1).reshape(-1, 3)
        places = (grid * 4 + 1.5) / 127 - 1
        distance, _ = cKDTree(canonical).query(places)
        near = (distance < 2 * NEAR).reshape(64, 64, 64)
        self._known = near.repeat(4, 0).repeat(4, 1).repeat(4, 2)
        for i in self.indices[self.labelled]:
            stored = np.asarray(self.data[int(i)].canonical)
            values, seen = decode_canonical(stored)
            row = crowded(values[seen], len(stored))
            self._known[tuple(row.T)] = False

    def batch(self, picks: np.ndarray, views: int, size: int, rng: np.random.Generator) -> ViewBatch:
        """Random views of the objects at positions `picks` of `indices`, at `size` pixels."""
        pictures, cameras = [], []
        for pick in picks:
            item = self.data[int(self.indices[pick])]
            for view in rng.choice(len(item.world_to_camera), views, replace=False):
                key = (int(pick), int(view), size)
                if key not in self._cache:
                    self._cache[key] = self._picture(item, int(view), size)
                pictures.append(self._cache[key])
                cameras.append(item.world_to_camera[view])
        stacked = torch.from_numpy(np.stack(pictures)).float()
        return ViewBatch(
            stacked[..., :3],
            stacked[..., 3],
            stacked[..., 4],
            torch.from_numpy(np.stack(cameras).astype(np.float32)),
        )

    def _picture(self, item: MultiviewObject, view: int, size: int) -> np.ndarray:
        """Labels, known share and coverage of a view, float16 [size, size, 5]."""
        assert item.canonical is not None
        stored = np.asarray(item.canonical[view])
        values, seen = decode_canonical(stored)
        code = np.maximum(stored, 1).astype(np.int64) - 1
        weight = (seen & self._known[code[..., 0], code[..., 1], code[..., 2]]).astype(np.float32)[..., None]
        if self.whole_box:
            values = values / np.maximum(np.linalg.norm(values, axis=-1, keepdims=True), 1e-3)
        pooled = _pool(np.concatenate([values * weight, weight], -1), size)
        labels = pooled[..., :3] / np.maximum(pooled[..., 3:], 1e-6)
        mask = _pool(item.rgba[view, :, :, 3:].astype(np.float32), size) / 255
        return np.concatenate([labels, pooled[..., 3:], mask], -1).astype(np.float16)


def _pool(picture: np.ndarray, size: int) -> np.ndarray:
    """[S, S, C] averaged over blocks, or repeated, to [size, size, C]."""
    side = picture.shape[0]
    if side < size:
        return picture.repeat(size // side, 0).repeat(size // side, 1)
    return picture if side == size else box_average(picture[None], size)[0]
