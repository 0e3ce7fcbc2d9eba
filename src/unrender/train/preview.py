"""The contact sheet of a training run: picture | predicted mask | render | four turned views."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from unrender.camera import orbit
from unrender.network.model import Prediction
from unrender.placement import mask_extent, place
from unrender.train.cameras import FOCAL
from unrender.train.shading import TemplateRenderer
from unrender.train.spaces import Shapes

TURNED_AZIMUTHS = (90, 0, 180, 35)


def preview_sheet(
    prediction: Prediction, images: Tensor, shapes: Shapes | None, category: Tensor
) -> Image.Image:
    """One row a picture, of shape categories int64 [B]; without shapes only picture and mask are shown."""
    size = images.shape[-1]
    pictures = images.permute(0, 2, 3, 1).contiguous()
    masks = torch.sigmoid(prediction.mask_logits).repeat_interleave(2, 1).repeat_interleave(2, 2)
    columns = [pictures, masks[..., None].expand(-1, -1, -1, 3)]
    if shapes is not None:
        vertices = shapes.vertices(shapes.select(prediction.coefficients, category), category)
        renderer = TemplateRenderer(size)
        rows = torch.arange(len(images))
        rotations = prediction.rotations[rows, prediction.hypothesis_logits.argmax(1)]
        views = [_placed(vertices, rotations, masks)]
        views += [
            torch.from_numpy(orbit(azimuth, 10, 4.6).astype(np.float32)).expand(len(images), -1, -1)
            for azimuth in TURNED_AZIMUTHS
        ]
        for camera in views:
            shown = renderer(vertices, camera, prediction.texture, prediction.light, 1e-4)
            columns.append(torch.where(shown.covered[..., None], shown.colours, torch.ones(())))
    sheet = torch.cat([torch.cat(list(column), 0) for column in columns], 1)
    return Image.fromarray((sheet.clamp(0, 1) * 255).byte().numpy())


def _placed(vertices: Tensor, rotations: Tensor, masks: Tensor) -> Tensor:
    """Cameras [B, 4, 4] that put the shapes where the masks are."""
    cameras = torch.eye(4).repeat(len(vertices), 1, 1)
    cameras[:, :3, :3] = rotations
    size = masks.shape[-1]
    for row, mask in enumerate(masks):
        found = mask.numpy() > 0.5
        extent = mask_extent(found) if found.any() else (0.1 * size, 0.1 * size, 0.9 * size, 0.9 * size)
        turned = (vertices[row] @ rotations[row].T).numpy().astype(np.float64)
        cameras[row, :3, 3] = torch.from_numpy(place(turned, extent, 0.5 * size * FOCAL, size)).float()
    return cameras
