"""Visibility: which face each pixel centre sees, at which barycentric coordinates and depth.

Coverage is exact. Vertices are snapped to 1/65536 pixel (coarser above 4096 pixels) and edge functions are
evaluated in 64-bit integers with the top-left rule, so of the faces round a shared edge or vertex exactly one
owns each pixel centre. Depth is compared as z/w, which is affine in screen space; the lower face index wins
ties. Faces that cross the near plane (z = -w), or reach so far beyond the picture that integers would
overflow, are clipped first; the intersection points are computed in an order that both neighbours share.

Barycentrics and depth come from the unsnapped positions. With M = [v0 v1 v2], v = (x, y, w) in clip space and
p the pixel centre (px, py, 1) in NDC: c = M^-1 p, b = c / sum(c), depth w = 1 / sum(c). Hence, for a gradient
g at b, dL/dM = -M^-T K with K = sum over the face's pixels of (g - g.b) b^T: nine sums a face.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.drawing import draw_faces, lay_floor
from unrender.render.kernels.fill import SERIAL, SKIP, project, project_all
from unrender.render.kernels.jit import inline, jit
from unrender.render.kernels.memory import empty, scratch

CULL = {"none": 0, "back": 1}


def subpixel_bits(height: int, width: int) -> int:
    """Bits of the fixed-point fraction of a pixel: 16 up to 4096 pixels, one less for each doubling."""
    bits, size = 16, 4096
    while size < max(height, width):
        bits, size = bits - 1, size * 2
    return bits


def forward(
    clip: np.ndarray,
    faces: np.ndarray,
    height: int,
    width: int,
    cull: int = 0,
    barycentrics: bool = True,
    threads: int = 1,
    spans: np.ndarray | None = None,
    behind: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rasterize without checking arguments.

    Args:
        clip: [B, V, 4] float32 or float64, C-contiguous, clip space.
        faces: [F, 3] int32, C-contiguous, indices in [0, V).
        height, width: picture size in pixels.
        cull: 0 draws both sides, 1 drops faces that are clockwise on the picture.
        barycentrics: False leaves the last two results empty ([0, 0, 0, 3] and [0, 0, 0]).
        threads: how many threads to use.
        spans: int32 [B, 2], image b shows the faces [spans[b, 0], spans[b, 1]); None: each shows all.
        behind: int32 [B, H, W], a result of the same faces: only what lies behind it is drawn, ordered by
            z/w and of equals by index (one layer of depth peeling); nothing where it is -1.

    Returns:
        face_index int32 [B, H, W] (-1 = nothing), barycentrics [B, H, W, 3] and depth [B, H, W] in clip's
        dtype (0 where nothing is).
    """
    index, _ = visibility(Drawing(clip, faces, (height, width), cull, spans, behind), threads)
    if barycentrics:
        return index, *resolve(clip, faces, index, threads)
    none = np.empty((0, 0, 0, 3), clip.dtype)
    return index, none, none[..., 0]


@dataclass(frozen=True, eq=False)
class Drawing:
    """Arguments of `visibility`, as `forward` describes them."""

    clip: np.ndarray
    faces: np.ndarray
    size: tuple[int, int]
    cull: int = 0
    spans: np.ndarray | None = None
    behind: np.ndarray | None = None


Finish = Callable[[int, int, np.ndarray, np.ndarray], None]
"""Called with (begin, end, rows, faces) when the bands begin..end-1 are drawn: band b of image i is number
i * bands + b and has the rows [rows[i, b], rows[i, b + 1]); faces is the whole result.
"""


def visibility(
    drawing: Drawing, threads: int = 1, finish: Finish | None = None, bands: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Draw in bands of rows, of which `finish` may make use while they are in cache.

    Args:
        drawing: what to draw.
        threads: how many threads to use.
        finish: called after each range of bands.
        bands: how many an image is cut into; None: as suits `threads`.

    Returns:
        The face of each pixel, int32 [B, H, W], and the rows at which bands begin, int32 [B, bands + 1].
    """
    clip, faces, (height, width) = drawing.clip, drawing.faces, drawing.size
    batch, count = clip.shape[:2]
    index = empty((batch, height, width), np.int32)
    bands = bands or drawing_bands(batch, height, faces.shape[0], threads)
    bits = subpixel_bits(height, width)
    with scratch((batch, count, 4), np.float64) as screen, scratch((batch, count), np.int32) as lines:
        grid = screen.view(np.int32)
        rows = even_rows(batch, bands, height)
        if bands > 1:
            project_all(clip, (height, width), bits, (screen, grid, lines), threads)
            _split(lines, height, rows)
        spans = every_face(batch, faces.shape[0]) if drawing.spans is None else drawing.spans
        room = width * (height if bands == 1 else int(np.diff(rows).max(initial=0)))
        behind, cull = drawing.behind, drawing.cull

        def work(begin: int, end: int) -> None:
            with ExitStack() as stack:
                depths = stack.enter_context(scratch((room,), np.float64))
                floors = stack.enter_context(scratch((room,), np.float64)) if behind is not None else None
                owners = stack.enter_context(scratch((room,), np.int32)) if behind is not None else None
                _forward(
                    begin, end, rows, clip, faces, spans, screen, grid, lines, bits, cull, behind, depths,
                    floors, owners, index,
                )  # fmt: skip
            if finish is not None:
                finish(begin, end, rows, index)

        alike = finish is None and drawing.spans is None  # pictures of the same faces take the same time
        pool.run(work, batch * bands, threads, None if alike or batch * bands <= threads else 2 * threads)
    return index, rows


def even_rows(batch: int, bands: int, height: int) -> np.ndarray:
    """Rows at which bands of equal height begin, int32 [batch, bands + 1]."""
    return np.array([[height * band // bands for band in range(bands + 1)]] * batch, np.int32).reshape(
        batch, bands + 1
    )


def drawing_bands(batch: int, height: int, count: int, threads: int) -> int:
    """Bands of rows each image is drawn in. Every band looks at all faces: few where these are many."""
    if threads <= 1 or batch == 0 or batch >= 2 * threads:
        return 1
    pieces = threads if count > SERIAL else 2 * threads
    return max(1, min(height // 16, -(-pieces // batch)))


@jit
def _split(lines, height, rows):
    """Cut each picture into bands of rows [rows[b], rows[b + 1]) with equally many vertices."""
    batch, bands = rows.shape[0], rows.shape[1] - 1
    here = np.zeros(height, np.int64)
    for image in range(batch):
        here[:] = 1  # every row has a cost of its own
        for vertex in range(lines.shape[1]):
            if lines[image, vertex] > SKIP:
                here[min(max(lines[image, vertex], 0), height - 1)] += 1
        total, sum_, band = here.sum(), 0, 1
        for row in range(height):
            sum_ += here[row]
            while band < bands and sum_ * bands >= total * band:
                rows[image, band] = row + 1
                band += 1


@jit
def _forward(
    begin, end, rows, clip, faces, spans, screen, grid, lines, bits, cull, behind, depths, floors,
    floor_owners, index,
):  # fmt: skip
    height, width = index.shape[1], index.shape[2]
    bands = rows.shape[1] - 1
    for item in range(begin, end):
        image, band = item // bands, item % bands
        top, bottom = np.int64(rows[image, band]), np.int64(rows[image, band + 1])
        if bands == 1:  # else all are on the grid already
            project(clip[image], height, width, bits, screen[image], grid[image], lines[image])
        depths[: (bottom - top) * width] = np.inf
        index[image, top:bottom] = -1
        if behind is not None:
            lay_floor(
                clip[image], faces, behind[image], screen[image], grid[image], top, bottom, floors,
                floor_owners,
            )  # fmt: skip
        draw_faces(
            clip[image], faces, spans[image], screen[image], grid[image], lines[image], top, bottom, bits,
            cull, height, width, depths, index[image].ravel(), floors, floor_owners,
        )  # fmt: skip


def every_face(batch: int, count: int) -> np.ndarray:
    """The `spans` of a batch whose images all show all of `count` faces."""
    spans = np.zeros((batch, 2), np.int32)
    spans[:, 1] = count
    return spans


def resolve(
    clip: np.ndarray, faces: np.ndarray, face_index: np.ndarray, threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Barycentrics [B, H, W, 3] and depth [B, H, W] of the visible faces, 0 where nothing is."""
    batch, height, width = face_index.shape
    weights = empty((batch, height, width, 3), clip.dtype)
    depth = empty((batch, height, width), clip.dtype)
    bands = pool.picture_bands(batch, height, threads)

    def work(begin: int, end: int) -> None:
        for item in range(begin, end):
            image, band = divmod(item, bands)
            top, bottom = height * band // bands, height * (band + 1) // bands
            _resolve(clip[image], faces, top, bottom, face_index[image], weights[image], depth[image])

    pool.run(work, batch * bands, threads)
    return weights, depth


@inline
def inverse(clip, i, j, k):
    """Rows of adj(M) for the vertices i, j, k and det(M), in float64 (M^-1 = adj / det)."""
    ax, ay, aw = np.float64(clip[i, 0]), np.float64(clip[i, 1]), np.float64(clip[i, 3])
    bx, by, bw = np.float64(clip[j, 0]), np.float64(clip[j, 1]), np.float64(clip[j, 3])
    cx, cy, cw = np.float64(clip[k, 0]), np.float64(clip[k, 1]), np.float64(clip[k, 3])
    e00, e01, e02 = by * cw - bw * cy, bw * cx - bx * cw, bx * cy - by * cx
    e10, e11, e12 = cy * aw - cw * ay, cw * ax - cx * aw, cx * ay - cy * ax
    e20, e21, e22 = ay * bw - aw * by, aw * bx - ax * bw, ax * by - ay * bx
    det = ax * e00 + ay * e01 + aw * e02
    return e00, e01, e02, e10, e11, e12, e20, e21, e22, det


@jit
def _resolve(clip, faces, top, bottom, index, weights, depth):
    height, width = index.shape
    step_x, step_y = 2.0 / width, 2.0 / height
    e00 = e01 = e02 = e10 = e11 = e12 = e20 = e21 = e22 = 0.0
    last = -1
    for row in range(top, bottom):
        py = 1.0 - (row + 0.5) * step_y
        for column in range(width):
            face = index[row, column]
            if face < 0:
                weights[row, column, 0] = 0.0
                weights[row, column, 1] = 0.0
                weights[row, column, 2] = 0.0
                depth[row, column] = 0.0
                continue
            if face != last:
                e00, e01, e02, e10, e11, e12, e20, e21, e22, _ = inverse(
                    clip, faces[face, 0], faces[face, 1], faces[face, 2]
                )
                last = face
            px = (column + 0.5) * step_x - 1.0
            b0 = e00 * px + e01 * py + e02
            b1 = e10 * px + e11 * py + e12
            b2 = e20 * px + e21 * py + e22
            total = b0 + b1 + b2
            if total == 0.0:  # degenerate: visible only because of snapping
                weights[row, column, 0] = 1.0 / 3.0
                weights[row, column, 1] = 1.0 / 3.0
                weights[row, column, 2] = 1.0 / 3.0
                depth[row, column] = clip[faces[face, 0], 3]
                continue
            scale = 1.0 / total
            b0, b1, b2 = b0 * scale, b1 * scale, b2 * scale
            lowest = min(b0, b1, b2)
            if (
                lowest < 0.0
            ):  # the centre is inside the snapped face, at most 2^-16 pixel outside the true one
                b0, b1, b2 = max(b0, 0.0), max(b1, 0.0), max(b2, 0.0)
                scale = 1.0 / (b0 + b1 + b2)
                b0, b1, b2 = b0 * scale, b1 * scale, b2 * scale
            weights[row, column, 0] = b0
            weights[row, column, 1] = b1
            weights[row, column, 2] = b2
            depth[row, column] = (
                b0 * clip[faces[face, 0], 3] + b1 * clip[faces[face, 1], 3] + b2 * clip[faces[face, 2], 3]
            )


def vjp(
    clip: np.ndarray,
    faces: np.ndarray,
    face_index: np.ndarray,
    barycentrics: np.ndarray,
    grad_barycentrics: np.ndarray,
    grad_depth: np.ndarray | None = None,
    threads: int = 1,
) -> np.ndarray:
    """Gradient of a loss with respect to `clip`, given its gradients at barycentrics and depth.

    All arrays as `forward` takes and returns them, C-contiguous, one dtype. z receives no gradient.

    Returns:
        [B, V, 4] in clip's dtype.
    """
    batch, height, width = face_index.shape
    bands = pool.accumulation_bands(batch, height, width)
    grad = np.zeros((batch * bands, clip.shape[1], 4), clip.dtype)
    has_depth = grad_depth is not None
    depth = grad_depth if grad_depth is not None else np.empty((0, 0, 0), clip.dtype)

    def work(begin: int, end: int) -> None:
        _vjp(
            begin,
            end,
            bands,
            clip,
            faces,
            face_index,
            barycentrics,
            grad_barycentrics,
            depth,
            has_depth,
            grad,
        )

    pool.run(work, batch * bands, threads)
    return grad if bands == 1 else grad.reshape(batch, bands, -1, 4).sum(axis=1)


@jit
def _vjp(begin, end, bands, clip, faces, index, weights, grad_weights, grad_depth, has_depth, grad):
    height, width = index.shape[1], index.shape[2]
    for item in range(begin, end):
        image, band = item // bands, item % bands
        top, bottom = height * band // bands, height * (band + 1) // bands
        points, out = clip[image], grad[item]
        face = -1
        k00 = k01 = k02 = k10 = k11 = k12 = k20 = k21 = k22 = d0 = d1 = d2 = w0 = w1 = w2 = 0.0
        for row in range(top, bottom):
            for column in range(width):
                here = index[image, row, column]
                if here < 0:
                    continue
                g0 = np.float64(grad_weights[image, row, column, 0])
                g1 = np.float64(grad_weights[image, row, column, 1])
                g2 = np.float64(grad_weights[image, row, column, 2])
                b0 = np.float64(weights[image, row, column, 0])
                b1 = np.float64(weights[image, row, column, 1])
                b2 = np.float64(weights[image, row, column, 2])
                if here != face:
                    if face >= 0:
                        _flush(
                            points, faces, face, out,
                            k00, k01, k02, k10, k11, k12, k20, k21, k22, d0, d1, d2,
                        )  # fmt: skip
                    face = here
                    k00 = k01 = k02 = k10 = k11 = k12 = k20 = k21 = k22 = d0 = d1 = d2 = 0.0
                    if has_depth:
                        w0, w1, w2 = (
                            points[faces[face, 0], 3],
                            points[faces[face, 1], 3],
                            points[faces[face, 2], 3],
                        )
                if has_depth:
                    gd = np.float64(grad_depth[image, row, column])
                    g0, g1, g2 = g0 + gd * w0, g1 + gd * w1, g2 + gd * w2
                    d0, d1, d2 = d0 + gd * b0, d1 + gd * b1, d2 + gd * b2
                mean = g0 * b0 + g1 * b1 + g2 * b2
                g0, g1, g2 = g0 - mean, g1 - mean, g2 - mean
                k00, k01, k02 = k00 + g0 * b0, k01 + g0 * b1, k02 + g0 * b2
                k10, k11, k12 = k10 + g1 * b0, k11 + g1 * b1, k12 + g1 * b2
                k20, k21, k22 = k20 + g2 * b0, k21 + g2 * b1, k22 + g2 * b2
        if face >= 0:
            _flush(points, faces, face, out, k00, k01, k02, k10, k11, k12, k20, k21, k22, d0, d1, d2)


@inline
def _flush(points, faces, face, out, k00, k01, k02, k10, k11, k12, k20, k21, k22, d0, d1, d2):
    i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
    e00, e01, e02, e10, e11, e12, e20, e21, e22, det = inverse(points, i, j, k)
    if det == 0.0:
        return
    scale = -1.0 / det
    out[i, 0] += scale * (e00 * k00 + e10 * k10 + e20 * k20)
    out[i, 1] += scale * (e01 * k00 + e11 * k10 + e21 * k20)
    out[i, 3] += scale * (e02 * k00 + e12 * k10 + e22 * k20) + d0
    out[j, 0] += scale * (e00 * k01 + e10 * k11 + e20 * k21)
    out[j, 1] += scale * (e01 * k01 + e11 * k11 + e21 * k21)
    out[j, 3] += scale * (e02 * k01 + e12 * k11 + e22 * k21) + d1
    out[k, 0] += scale * (e00 * k02 + e10 * k12 + e20 * k22)
    out[k, 1] += scale * (e01 * k02 + e11 * k12 + e21 * k22)
    out[k, 3] += scale * (e02 * k02 + e12 * k12 + e22 * k22) + d2
