"""`unrender::antialias` as a torch operator: the kernel, with its `vjp` registered as gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unrender.render import antialiasing
from unrender.render.fragments import Fragments
from unrender.render.kernels import antialias as antialias_kernel
from unrender.render.torch_bridge import (
    differentiable,
    float_tensor,
    numpy_of,
    plain_or_operator,
    threads,
)


def _plain(
    image: Tensor, clip: Tensor, faces: Tensor, links: Tensor, index: Tensor, weights: Tensor
) -> Tensor:
    return torch.from_numpy(
        antialias_kernel.forward(
            numpy_of(image), numpy_of(clip), numpy_of(faces), numpy_of(links), numpy_of(index),
            numpy_of(weights), threads(),
        )
    )  # fmt: skip


def _vjp_plain(
    image: Tensor, clip: Tensor, faces: Tensor, links: Tensor, index: Tensor, weights: Tensor, grad: Tensor
) -> tuple[Tensor, Tensor]:
    first, second = antialias_kernel.vjp(
        numpy_of(image), numpy_of(clip), numpy_of(faces), numpy_of(links), numpy_of(index), numpy_of(weights),
        numpy_of(grad), threads(),
    )  # fmt: skip
    return torch.from_numpy(first), torch.from_numpy(second)


_vjp = plain_or_operator(
    "antialias_vjp",
    _vjp_plain,
    lambda image, clip, *_: (image.new_empty(image.shape), clip.new_empty(clip.shape)),
)


def _setup(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def _backward(ctx, grad):
    return *_vjp(*ctx.saved_tensors, grad), None, None, None, None


_antialias = differentiable(
    "antialias", _plain, lambda image, *_: image.new_empty(image.shape), _setup, _backward
)


def antialias(image: Any, clip: Any, fragments: Fragments, edge_links: Any) -> Tensor:
    """`unrender.render.antialias` for tensors."""
    clip = float_tensor("clip", clip)
    image = float_tensor("image", image, clip)
    faces, links = antialiasing.check_antialias(image, clip, fragments, edge_links)
    weights = float_tensor("fragments.barycentrics", fragments.barycentrics, clip).detach()
    index = torch.as_tensor(fragments.face_index)
    return _antialias(image, clip, torch.from_numpy(faces), torch.from_numpy(links), index, weights)
