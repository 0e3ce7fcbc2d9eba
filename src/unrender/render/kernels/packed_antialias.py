"""Anti-aliasing over a packed picture of visibility (`packed`), by pairs of neighbours that show two faces.

Source: Laine et al., "Modular Primitives for High-Performance Differentiable Rendering", ACM TOG 2020,
section 3.6. Of two neighbouring pixels with different faces the nearer (smaller z/w) has the face that is
looked at. Its silhouette edges are those without a neighbour, or whose neighbour folds back to the same side
on the picture. If the way to the other pixel's centre leaves the face across one, at a distance d in [0, 1]:

    d < 1/2: nearer pixel += (1/2 - d) (other - nearer);  d > 1/2: other pixel += (d - 1/2) (nearer - other)

Only steep edges (|dy| >= |dx|) count between neighbours of a row, flat ones between those of a column.
`antialias` is the package's own way: it walks on over small faces until it meets the silhouette; here, as in
nvdiffrast, only the face that is visible at the pixel is looked at. Faces with a vertex behind the camera
blend nothing. Gradients go to the picture and, through d, to the two vertices of the edge.
"""

from __future__ import annotations

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import inline, jit

SLACK = 1 / 16
"""A crossing this far behind the pixel's centre still counts: the centre is inside the snapped face only."""


def opposite_vertices(faces: np.ndarray) -> np.ndarray:
    """int32 [F, 3]: the third vertex of the face beyond the edge opposite corner k, -1 if there is none.

    Of several faces on one edge any other one is taken.
    """
    corners = np.repeat(np.arange(3)[None], faces.shape[0], axis=0)
    a = np.take_along_axis(faces, (corners + 1) % 3, axis=1).reshape(-1).astype(np.int64)
    b = np.take_along_axis(faces, (corners + 2) % 3, axis=1).reshape(-1).astype(np.int64)
    key = (np.minimum(a, b) << 32) | np.maximum(a, b)
    order = np.argsort(key, kind="stable")
    key, third = key[order], faces.reshape(-1)[order]
    same = key[1:] == key[:-1]
    beyond = np.full(key.shape, -1, np.int32)
    beyond[:-1][same] = third[1:][same]
    alone = np.concatenate([same, [False]]) if key.size else np.zeros(0, bool)
    before = np.concatenate([[False], same]) & ~alone if key.size else alone
    beyond[before] = np.roll(third, 1)[before]
    out = np.empty_like(beyond)
    out[order] = beyond
    return out.reshape(-1, 3)


def forward(
    color: np.ndarray,
    packed: np.ndarray,
    clip: np.ndarray,
    faces: np.ndarray,
    opposite: np.ndarray,
    threads: int = 1,
) -> np.ndarray:
    """Blend without checking arguments.

    Args:
        color: [B, H, W, C], row 0 at the bottom.
        packed: [B, H, W, 4] from `packed.forward`, the same dtype.
        clip: [B or 1, V, 4] what was rasterized, the same dtype.
        faces, opposite: int32 [F, 3].
        threads: how many threads to use.

    Returns:
        [B, H, W, C].
    """
    batch, height = color.shape[:2]
    out = color.copy()
    bands = pool.picture_bands(batch, height, threads)
    inputs = (color, packed, clip, faces, opposite)
    pool.run(lambda begin, end: _forward(begin, end, bands, *inputs, out), batch * bands, threads)
    return out


def vjp(
    color: np.ndarray,
    packed: np.ndarray,
    clip: np.ndarray,
    faces: np.ndarray,
    opposite: np.ndarray,
    grad_output: np.ndarray,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients at `color` and `clip`."""
    batch, height, width = color.shape[:3]
    bands = pool.accumulation_bands(batch, height, width)
    grad_color = grad_output.copy()
    grad = np.zeros((batch * bands, *clip.shape[1:]), clip.dtype)
    inputs = (color, packed, clip, faces, opposite, grad_output)
    pool.run(lambda begin, end: _vjp(begin, end, bands, *inputs, grad_color, grad), batch * bands, threads)
    if clip.shape[0] == 1 and batch != 1:
        return grad_color, grad.sum(axis=0, keepdims=True)
    return grad_color, grad if bands == 1 else grad.reshape(batch, bands, *clip.shape[1:]).sum(axis=1)


@inline
def _at(points, vertex, row, column, height, width, vertical):
    """A vertex in pixels from a pixel's centre: along the pair's axis, across it, and w."""
    w = np.float64(points[vertex, 3])
    x = (points[vertex, 0] / w + 1.0) * (0.5 * width) - (column + 0.5)
    y = (points[vertex, 1] / w + 1.0) * (0.5 * height) - (row + 0.5)
    return (y, x, w) if vertical else (x, y, w)


@inline
def _turn(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@jit
def _pair(points, faces, opposite, packed, image, row, column, vertical):
    """How a pixel and the next one of its row (or column, if `vertical`) blend.

    Returns the place of the crossing in [0, 1] from this pixel to the next, the edge's vertices (-1 if
    nothing blends), and the place on the edge. 1/2 minus the first goes from the next pixel into this one if
    that is positive; if not, minus it goes from this one into the next: whichever of them is nearer.
    """
    height, width = packed.shape[1], packed.shape[2]
    other_row, other_column = row + (1 if vertical else 0), column + (0 if vertical else 1)
    mine = np.int64(packed[image, row, column, 3]) - 1
    other = np.int64(packed[image, other_row, other_column, 3]) - 1
    front = other < 0 or (
        mine >= 0 and packed[image, row, column, 2] <= packed[image, other_row, other_column, 2]
    )
    face, sign = (mine, 1.0) if front else (other, -1.0)
    r, c = (row, column) if front else (other_row, other_column)
    distance, place, edge = -1e30, 0.0, -1
    for k in range(3):
        a = _at(points, faces[face, (k + 1) % 3], r, c, height, width, vertical)
        b = _at(points, faces[face, (k + 2) % 3], r, c, height, width, vertical)
        if not (a[2] > 0 and b[2] > 0):
            return 0.0, -1, -1, 0.0
        if (a[1] > 0) != (b[1] > 0):
            t = a[1] / (a[1] - b[1])
            d = sign * (a[0] + t * (b[0] - a[0]))
            if d > distance:
                distance, place, edge = d, t, k
    if edge < 0 or distance > 1.0 or distance < -SLACK:
        return 0.0, -1, -1, 0.0
    first, second = faces[face, (edge + 1) % 3], faces[face, (edge + 2) % 3]
    a = _at(points, first, r, c, height, width, vertical)
    b = _at(points, second, r, c, height, width, vertical)
    if abs(b[1] - a[1]) < abs(b[0] - a[0]):
        return 0.0, -1, -1, 0.0
    beyond = opposite[face, edge]
    if beyond >= 0:
        far = _at(points, beyond, r, c, height, width, vertical)
        own = _at(points, faces[face, edge], r, c, height, width, vertical)
        if not far[2] > 0 or _turn(a, b, far) * _turn(a, b, own) <= 0:
            return 0.0, -1, -1, 0.0
    distance = max(distance, 0.0)
    return (distance if front else 1.0 - distance), first, second, place


@jit
def _forward(begin, end, bands, color, packed, clip, faces, opposite, out):
    height, width, channels = color.shape[1], color.shape[2], color.shape[3]
    for item in range(begin, end):
        image, band = item // bands, item % bands
        points = clip[image if clip.shape[0] > 1 else 0]
        top, bottom = height * band // bands, height * (band + 1) // bands
        for row in range(top, bottom):
            for column in range(width):
                mine = packed[image, row, column, 3]
                for side in range(4):  # right, left, up, down
                    r = row + (1 if side == 2 else (-1 if side == 3 else 0))
                    c = column + (1 if side == 0 else (-1 if side == 1 else 0))
                    if r < 0 or c < 0 or r >= height or c >= width or packed[image, r, c, 3] == mine:
                        continue
                    where, first, _, _ = _pair(
                        points, faces, opposite, packed, image, min(row, r), min(column, c), side >= 2
                    )
                    share = 0.5 - where if side % 2 == 0 else where - 0.5
                    if first >= 0 and share > 0.0:
                        part = color.dtype.type(share)
                        for channel in range(channels):
                            out[image, row, column, channel] += part * (
                                color[image, r, c, channel] - color[image, row, column, channel]
                            )


@inline
def _push(grad, item, points, vertex, along, across, vertical, height, width):
    """Add a gradient at a vertex's place in pixels, along and across the pair, to that in clip space."""
    to_x, to_y = (across, along) if vertical else (along, across)
    inverse = 1.0 / np.float64(points[vertex, 3])
    to_x, to_y = to_x * 0.5 * width * inverse, to_y * 0.5 * height * inverse
    grad[item, vertex, 0] += to_x
    grad[item, vertex, 1] += to_y
    grad[item, vertex, 3] -= (to_x * points[vertex, 0] + to_y * points[vertex, 1]) * inverse


@jit
def _vjp(begin, end, bands, color, packed, clip, faces, opposite, grad_out, grad_color, grad):
    height, width, channels = color.shape[1], color.shape[2], color.shape[3]
    for item in range(begin, end):
        image, band = item // bands, item % bands
        points = clip[image if clip.shape[0] > 1 else 0]
        for row in range(height * band // bands, height * (band + 1) // bands):
            for column in range(width):
                mine = packed[image, row, column, 3]
                for side in range(4):
                    r = row + (1 if side == 2 else (-1 if side == 3 else 0))
                    c = column + (1 if side == 0 else (-1 if side == 1 else 0))
                    if r < 0 or c < 0 or r >= height or c >= width or packed[image, r, c, 3] == mine:
                        continue
                    where, first, second, place = _pair(
                        points, faces, opposite, packed, image, min(row, r), min(column, c), side >= 2
                    )
                    share = 0.5 - where if side % 2 == 0 else where - 0.5
                    if first < 0:
                        continue
                    part = color.dtype.type(abs(share))
                    if share <= 0.0:
                        for channel in range(channels):
                            grad_color[image, row, column, channel] += part * grad_out[image, r, c, channel]
                        continue
                    total = 0.0
                    for channel in range(channels):
                        g = grad_out[image, row, column, channel]
                        grad_color[image, row, column, channel] -= part * g
                        total += g * (color[image, r, c, channel] - color[image, row, column, channel])
                    toward = -total if side % 2 == 0 else total
                    vertical = side >= 2
                    a = _at(points, first, row, column, height, width, vertical)
                    b = _at(points, second, row, column, height, width, vertical)
                    slope = (b[0] - a[0]) / (b[1] - a[1])
                    _push(
                        grad, item, points, first, toward * (1.0 - place), -toward * (1.0 - place) * slope,
                        vertical, height, width,
                    )  # fmt: skip
                    _push(
                        grad, item, points, second, toward * place, -toward * place * slope,
                        vertical, height, width,
                    )  # fmt: skip
