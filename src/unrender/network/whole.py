"""Segmenter and network of shapes as one: the graph that is exported.

The segmenter gets the picture as it is; the network of shapes gets it smaller, and the segmenter's mask in
place of its own. It may look at the mirror image too, whose mask is the mirrored mask: the segmenter's work
is done once.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from unrender.network.model import UnrenderNetwork
from unrender.network.segmenter import SegmenterNetwork


class WholeNetwork(nn.Module):
    """Input [B, 3, S, S] float32 in [0, 1] (sRGB), S the segmenter's `image_size`, and looks, int64 [L].

    Look i < B is at picture i, look B + i at its mirror image; none at all gives masks and categories alone.
    The segmenter's category was taught by photos, that of the network of shapes by rendered objects: where
    `category_share` is not 0, their logits are added, the latter's (the mean over the looks) times the share.
    """

    def __init__(
        self, segmenter: SegmenterNetwork, shapes: UnrenderNetwork, category_share: float = 0.0
    ) -> None:
        super().__init__()
        self.segmenter, self.shapes, self.category_share = segmenter, shapes, category_share
        wide, small = segmenter.config.image_size, shapes.config.image_size
        self.reduce_picture: Tensor
        self.reduce_mask: Tensor
        self.register_buffer("reduce_picture", torch.from_numpy(box_matrix(wide, small)))
        self.register_buffer("reduce_mask", torch.from_numpy(box_matrix(wide // 2, small // 2)))

    def forward(self, image: Tensor, looks: Tensor) -> dict[str, Tensor]:
        """Fields of `Prediction` by name, but `surface`: mask and category of each picture, the others of
        each look."""
        found = self.segmenter(image)
        small = self.reduce_picture @ image @ self.reduce_picture.T
        mask = self.reduce_mask @ torch.sigmoid(found.mask_logits) @ self.reduce_mask.T
        small = torch.cat([small, small.flip(-1)])[looks]
        mask = torch.cat([mask, mask.flip(-1)])[looks]
        features = self.shapes.encoder(small)
        _, outputs = self.shapes.describe(features, small, mask)
        category = found.category_logits
        if self.category_share:
            numbers = torch.arange(image.shape[0], device=image.device)
            seen = (torch.cat([numbers, numbers])[looks] == numbers[:, None]).to(category.dtype)  # [B, L]
            each = self.shapes.category(features[-1].mean((2, 3)))
            mean = (seen @ each) / seen.sum(1, keepdim=True).clamp(min=1)
            category = category + self.category_share * mean
        return {"mask_logits": found.mask_logits, "category_logits": category, **outputs}


def box_matrix(cells: int, fewer: int) -> np.ndarray:
    """float32 [fewer, cells] that averages `cells` values over `fewer` equal intervals."""
    edges = np.arange(fewer + 1) * cells / fewer
    low, high = np.arange(cells), np.arange(cells) + 1
    overlap = np.minimum(high, edges[1:, None]) - np.maximum(low, edges[:-1, None])
    return (np.clip(overlap, 0, None) * fewer / cells).astype(np.float32)
