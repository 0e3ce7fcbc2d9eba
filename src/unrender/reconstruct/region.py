"""Where in the photo the object is: the largest connected part of a mask, and the square crop round it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from unrender.errors import ImageError
from unrender.placement import mask_extent
from unrender.render.kernels.jit import jit

FILL = 0.78
"""Share of the crop's side that the object's longer side takes."""


@jit
def _largest_component(mask):
    """Keep the largest 4-connected component of a bool mask [H, W]; flood fill with an explicit stack."""
    rows, columns = mask.shape
    label = np.zeros((rows, columns), np.int32)
    stack = np.empty(rows * columns, np.int64)
    best, best_size, current = 0, 0, 0
    for i in range(rows):
        for j in range(columns):
            if not mask[i, j] or label[i, j]:
                continue
            current += 1
            size, top = 0, 1
            stack[0] = i * columns + j
            label[i, j] = current
            while top:
                top -= 1
                y, x = stack[top] // columns, stack[top] % columns
                size += 1
                for k in range(4):
                    u = x + (1 if k == 0 else -1 if k == 1 else 0)
                    v = y + (1 if k == 2 else -1 if k == 3 else 0)
                    if 0 <= u < columns and 0 <= v < rows and mask[v, u] and label[v, u] == 0:
                        label[v, u] = current
                        stack[top] = v * columns + u
                        top += 1
            if size > best_size:
                best_size, best = size, current
    return label == best if best else np.zeros((rows, columns), np.bool_)


def main_object(probability: np.ndarray) -> np.ndarray:
    """A mask [H, W] in [0, 1] with everything below a half's largest connected part put to at most 0.49.

    Values outside the part that are already small are kept, so that its outline stays sub-pixel exact.
    """
    keep = _largest_component(probability > 0.5)
    return np.where(keep, probability, np.minimum(probability, 0.49)).astype(np.float32)


def crop_round(mask: np.ndarray, x: float, y: float, scale: float) -> tuple[float, float, float]:
    """Square (x, y, side) in photo pixels round an object.

    Args:
        mask: bool [h, w], the object on a grid of cells.
        x, y: photo position of the grid's top-left corner.
        scale: photo pixels per cell.

    Raises:
        ImageError: the mask is empty or a mere speck.
    """
    if mask.sum() < 0.001 * mask.size or mask.sum() < 4:
        raise ImageError(
            "no object was found; point at it with --box X,Y,W,H or give its mask with --mask FILE"
        )
    left, top, right, bottom = mask_extent(mask, trim=0.004)
    return square_round(x + left * scale, y + top * scale, (right - left) * scale, (bottom - top) * scale)


def square_round(left: float, top: float, width: float, height: float) -> tuple[float, float, float]:
    """Square (x, y, side) round a box, with the margin the network was trained with."""
    side = max(width, height, 1.0) / FILL
    return left + 0.5 * width - 0.5 * side, top + 0.5 * height - 0.5 * side, side


def cell_means(values: np.ndarray, cells: int) -> np.ndarray:
    """Means of [S, S] over squares, [cells, cells]; `cells` divides S."""
    block = len(values) // cells
    return np.asarray(values.reshape(cells, block, cells, block).mean((1, 3)))


def enlarge(values: np.ndarray, size: int) -> np.ndarray:
    """Bilinear enlargement of float32 [h, h] to `size`."""
    image = Image.fromarray(np.ascontiguousarray(values))
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))


def whole_mask(
    probability: np.ndarray, crop: tuple[float, float, float], width: int, height: int
) -> np.ndarray:
    """bool [height, width]: the mask [N, N] of a crop (x, y, side) in the whole photo."""
    x, y, side = crop
    cells = probability.shape[0]
    u = ((np.arange(width) + 0.5 - x) / side * cells).astype(int)
    v = ((np.arange(height) + 0.5 - y) / side * cells).astype(int)
    inside_u = (np.arange(width) + 0.5 >= x) & (u < cells)
    inside_v = (np.arange(height) + 0.5 >= y) & (v < cells)
    mask = np.zeros((height, width), bool)
    mask[np.ix_(inside_v, inside_u)] = probability[np.ix_(v[inside_v], u[inside_u])] > 0.5
    return mask
