"""Anti-aliasing of silhouettes: neighbouring pixels are blended by where the edge between them lies.

After Laine et al., "Modular Primitives for High-Performance Differentiable Rendering", ACM TOG 2020,
section 3.6. For two neighbouring pixels that show different faces, take the nearer one (smaller z/w). From
its centre go straight to the other's, through the projected faces of its surface, until an edge is crossed
over which no face continues: the silhouette. With d in [0, 1] the distance of the crossing in pixels,

    d > 1/2: farther pixel += (d - 1/2) (nearer - farther)
    d < 1/2: nearer pixel  += (1/2 - d) (farther - nearer)

Only steep edges (|dy| >= |dx|) count between neighbours of a row, only flat ones between those of a column:
a straight edge is then counted once, and the sum of a mask over the pixels moves with the edge exactly as its
area does. With every crossing counted, a diagonal edge's gradient would be twice too large.

Gradients go to the picture and, through d, to the two vertices of the silhouette edge. A face with a vertex
behind the camera blends nothing.
"""

from __future__ import annotations

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import inline, jit

STEPS = 64
"""Faces visited between two pixels before the search is given up."""


def forward(
    image: np.ndarray,
    clip: np.ndarray,
    faces: np.ndarray,
    links: np.ndarray,
    face_index: np.ndarray,
    weights: np.ndarray,
    threads: int = 1,
) -> np.ndarray:
    """Blend without checking arguments.

    Args:
        image: [B, H, W, C].
        clip: [B, V, 4] what was rasterized, the same dtype.
        faces: int32 [F, 3]; links: int32 [3 F] of `edges.edge_links`.
        face_index, weights: [B, H, W] and [B, H, W, 3] of `rasterize`.
        threads: how many threads to use.

    Returns:
        [B, H, W, C].
    """
    batch, height = image.shape[:2]
    out = image.copy()
    bands = pool.picture_bands(batch, height, threads)
    inputs = (image, clip, faces, links, face_index, weights)
    pool.run(lambda begin, end: _forward(begin, end, bands, *inputs, out), batch * bands, threads)
    return out


def vjp(
    image: np.ndarray,
    clip: np.ndarray,
    faces: np.ndarray,
    links: np.ndarray,
    face_index: np.ndarray,
    weights: np.ndarray,
    grad_output: np.ndarray,
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients at `image` and `clip`."""
    batch, height, width = image.shape[:3]
    bands = pool.accumulation_bands(batch, height, width)
    grad_image = grad_output.copy()
    grad = np.zeros((batch * bands, *clip.shape[1:]), clip.dtype)
    inputs = (image, clip, faces, links, face_index, weights, grad_output)
    pool.run(lambda begin, end: _vjp(begin, end, bands, *inputs, grad_image, grad), batch * bands, threads)
    return grad_image, grad if bands == 1 else grad.reshape(batch, bands, *clip.shape[1:]).sum(axis=1)


@inline
def _at(clip, image, vertex, column, row, height, width):
    """A vertex relative to a pixel's centre: (columns w, rows w, w)."""
    w = np.float64(clip[image, vertex, 3])
    x = (np.float64(clip[image, vertex, 0]) + w) * (0.5 * width) - (column + 0.5) * w
    y = (w - np.float64(clip[image, vertex, 1])) * (0.5 * height) - (row + 0.5) * w
    return x, y, w


@inline
def _side(a, b, c):
    """Positive or negative: on which side of the line through a and b the face with corner c begins."""
    return (
        a[0] * (b[1] * c[2] - b[2] * c[1])
        - a[1] * (b[0] * c[2] - b[2] * c[0])
        + a[2] * (b[0] * c[1] - b[1] * c[0])
    )


@inline
def _nearness(clip, image, faces, index, weights, row, column):
    """z/w of the visible face at a pixel; infinity for the background."""
    face = index[image, row, column]
    if face < 0:
        return np.inf
    z, w = 0.0, 0.0
    for corner in range(3):
        weight = np.float64(weights[image, row, column, corner])
        z += weight * clip[image, faces[face, corner], 2]
        w += weight * clip[image, faces[face, corner], 3]
    return z / w


@jit
def _silhouette(clip, image, faces, links, start, goal, pixel, step, size):
    """Distance to the silhouette edge on the way from `pixel` by `step`, its vertices, and the place on it.

    Returns (-1, ...) where there is none. `pixel` and `step` are (row, column), `size` (height, width).
    """
    row, column = pixel
    height, width = size
    vertical = step[0] != 0
    sign = np.float64(step[0] + step[1])
    face = np.int64(start)
    for _ in range(STEPS):
        distance, place, edge = -1e30, 0.0, -1
        for k in range(3):
            a = _at(clip, image, faces[face, (k + 1) % 3], column, row, height, width)
            b = _at(clip, image, faces[face, (k + 2) % 3], column, row, height, width)
            if not (a[2] > 0 and b[2] > 0):
                return -1.0, -1, -1, 0.0
            along_a, across_a = (a[1] / a[2], a[0] / a[2]) if vertical else (a[0] / a[2], a[1] / a[2])
            along_b, across_b = (b[1] / b[2], b[0] / b[2]) if vertical else (b[0] / b[2], b[1] / b[2])
            if (across_a > 0) != (across_b > 0):
                t = across_a / (across_a - across_b)
                d = sign * (along_a + t * (along_b - along_a))
                if d > distance:
                    distance, place, edge = d, t, k
        if edge < 0 or distance > 1:
            return -1.0, -1, -1, 0.0
        first, second = faces[face, (edge + 1) % 3], faces[face, (edge + 2) % 3]
        a = _at(clip, image, first, column, row, height, width)
        b = _at(clip, image, second, column, row, height, width)
        own = _side(a, b, _at(clip, image, faces[face, edge], column, row, height, width))
        following = -1
        link = links[3 * face + edge]
        while link != 3 * face + edge:
            corner = faces[link // 3, link % 3]
            if _side(a, b, _at(clip, image, corner, column, row, height, width)) * own < 0:
                following = link // 3
                break
            link = links[link]
        if following < 0:
            run, rise = abs(b[0] / b[2] - a[0] / a[2]), abs(b[1] / b[2] - a[1] / a[2])
            if (rise >= run) == vertical:
                return -1.0, -1, -1, 0.0
            return max(distance, 0.0), first, second, place
        if following == goal:
            return -1.0, -1, -1, 0.0
        face = np.int64(following)
    return -1.0, -1, -1, 0.0


@jit
def _pair(clip, image, faces, links, index, weights, here, step):
    """How the pixel `here` and its neighbour by `step` blend.

    Returns the share 0 < share <= 1/2 of the other pixel that goes into this one, or minus the share of this
    one that goes into the other; then the edge: its vertices and the place on it.
    """
    size = (index.shape[1], index.shape[2])
    there = (here[0] + step[0], here[1] + step[1])
    mine, other = index[image, here[0], here[1]], index[image, there[0], there[1]]
    z_mine = _nearness(clip, image, faces, index, weights, here[0], here[1])
    z_other = _nearness(clip, image, faces, index, weights, there[0], there[1])
    front = z_mine < z_other or (z_mine == z_other and step[0] + step[1] > 0)
    if front:
        distance, first, second, place = _silhouette(clip, image, faces, links, mine, other, here, step, size)
    else:
        back = (-step[0], -step[1])
        distance, first, second, place = _silhouette(
            clip, image, faces, links, other, mine, there, back, size
        )
    if first < 0:
        return 0.0, -1, -1, 0.0
    excess = distance - 0.5
    return (-excess if front else excess), first, second, place


@jit
def _forward(begin, end, bands, image, clip, faces, links, index, weights, out):
    height, width, channels = image.shape[1], image.shape[2], image.shape[3]
    for item in range(begin, end):
        picture, band = item // bands, item % bands
        for row in range(height * band // bands, height * (band + 1) // bands):
            for column in range(width):
                mine = index[picture, row, column]
                for step in ((0, -1), (0, 1), (-1, 0), (1, 0)):
                    r, c = row + step[0], column + step[1]
                    if r < 0 or c < 0 or r >= height or c >= width or index[picture, r, c] == mine:
                        continue
                    share = _pair(clip, picture, faces, links, index, weights, (row, column), step)[0]
                    if share > 0:
                        part = image.dtype.type(share)
                        for channel in range(channels):
                            out[picture, row, column, channel] += part * (
                                image[picture, r, c, channel] - image[picture, row, column, channel]
                            )


@inline
def _pull(grad, item, clip, picture, vertex, toward, slope, vertical, height, width):
    """Add the gradient at a vertex's place along the step, and with the edge's slope across it, in pixels."""
    along, across = toward, -toward * slope
    to_x, to_y = (across, along) if vertical else (along, across)
    x, y = np.float64(clip[picture, vertex, 0]), np.float64(clip[picture, vertex, 1])
    w = np.float64(clip[picture, vertex, 3])
    to_x, to_y = to_x * 0.5 * width / w, -to_y * 0.5 * height / w
    grad[item, vertex, 0] += to_x
    grad[item, vertex, 1] += to_y
    grad[item, vertex, 3] -= (to_x * x + to_y * y) / w


@jit
def _vjp(
    begin, end, bands, image, clip, faces, links, index, weights, grad_out, grad_image, grad
):  # fmt: skip
    height, width, channels = image.shape[1], image.shape[2], image.shape[3]
    for item in range(begin, end):
        picture, band = item // bands, item % bands
        for row in range(height * band // bands, height * (band + 1) // bands):
            for column in range(width):
                mine = index[picture, row, column]
                for step in ((0, -1), (0, 1), (-1, 0), (1, 0)):
                    r, c = row + step[0], column + step[1]
                    if r < 0 or c < 0 or r >= height or c >= width or index[picture, r, c] == mine:
                        continue
                    share, first, second, place = _pair(
                        clip, picture, faces, links, index, weights, (row, column), step
                    )
                    part = image.dtype.type(abs(share))
                    if share < 0:
                        for channel in range(channels):
                            grad_image[picture, row, column, channel] += (
                                part * (grad_out[picture, r, c, channel])
                            )
                    if share <= 0:
                        continue
                    total = 0.0
                    for channel in range(channels):
                        g = grad_out[picture, row, column, channel]
                        grad_image[picture, row, column, channel] -= part * g
                        total += g * (image[picture, r, c, channel] - image[picture, row, column, channel])
                    # share = 1/2 - d if this is the nearer pixel, d - 1/2 if not; d counts along the step
                    # from the nearer one, so both change with the crossing's place by minus the step's sign
                    toward = -total * (step[0] + step[1])
                    vertical = step[0] != 0
                    a = _at(clip, picture, first, column, row, height, width)
                    b = _at(clip, picture, second, column, row, height, width)
                    run, rise = b[0] / b[2] - a[0] / a[2], b[1] / b[2] - a[1] / a[2]
                    slope = rise / run if vertical else run / rise
                    _pull(
                        grad, item, clip, picture, first, toward * (1 - place), slope, vertical, height, width
                    )
                    _pull(grad, item, clip, picture, second, toward * place, slope, vertical, height, width)
