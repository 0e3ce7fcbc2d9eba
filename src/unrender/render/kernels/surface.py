"""Visibility, looks and soft mask of a mesh in one pass: every band of rows is finished while it is in cache.

The same results as `rasterize`, `interpolate`, `texture` and `soft_mask` one after the other, without their
pictures of barycentrics and of their gradients: those are computed again from the face where they are needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrender.render.kernels import rasterize, soft_mask
from unrender.render.kernels import threads as pool
from unrender.render.kernels.jit import contracted, inline
from unrender.render.kernels.memory import empty, zeros
from unrender.render.kernels.rasterize import inverse
from unrender.render.kernels.texture import add_texel, locate, slopes


@dataclass(frozen=True, eq=False)
class Looks:
    """What is seen on the faces. All C-contiguous and of one dtype.

    Attributes:
        values: [B or 1, N, 3] colours, or [B or 1, N, 2] UV if there is a texture.
        table: int32 [F, 3], rows of `values` at the corners of each face.
        texture: [B or 1, h, w, 3], sampled bilinearly, repeats; or None.
    """

    values: np.ndarray
    table: np.ndarray
    texture: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Kept:
    """What the soft mask's gradient uses again, as `soft_mask.draw` leaves it, and its bands."""

    pairs: np.ndarray  # [B, 4, H W]
    targets: np.ndarray  # int32 [B, H W]
    heads: np.ndarray  # int32 [B, bands, 1 + 2 F]
    rows: np.ndarray  # int32 [B, bands + 1]

    def of(self, image: int, band: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """pairs, targets and heads of one band."""
        return self.pairs[image], self.targets[image], self.heads[image, band]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Results, or gradients at them.

    Attributes:
        face_index: int32 [B, H, W]; empty in gradients.
        image: [B, H, W, 3].
        depth, mask: [B, H, W], or None.
        kept: what makes the gradient of the mask cheap, if that was asked for.
    """

    face_index: np.ndarray
    image: np.ndarray
    depth: np.ndarray | None
    mask: np.ndarray | None
    kept: Kept | None = None


@dataclass(frozen=True, eq=False)
class Gradients:
    """Gradients at clip, values and texture; None where not asked for."""

    clip: np.ndarray
    values: np.ndarray | None
    texture: np.ndarray | None


def forward(
    clip: np.ndarray, faces: np.ndarray, size: tuple[int, int], looks: Looks, delta: float | None,
    keep: bool = False, threads: int = 1,
) -> Pictures:  # fmt: skip
    """Draw without checking arguments.

    Args:
        clip: [B, V, 4] float32 or float64, C-contiguous.
        faces: int32 [F, 3], C-contiguous.
        size: (height, width) in pixels.
        looks: in clip's dtype.
        delta: softness of the mask as in `soft_mask.forward`, or None.
        keep: whether to keep what makes `vjp` faster, up to 20 bytes a pixel.
        threads: how many threads to use.
    """
    batch, (height, width) = clip.shape[0], size
    image, depth = empty((batch, height, width, 3), clip.dtype), empty((batch, height, width), clip.dtype)
    mask = None if delta is None else empty((batch, height, width), clip.dtype)
    span = np.array([0, faces.shape[0]], np.int32)
    bands, pairs, targets, heads = None, None, None, None
    if keep and delta is not None:
        bands = pool.accumulation_bands(batch, height, width)
        pairs = empty((batch, 4, height * width), clip.dtype)
        targets = empty((batch, height * width), np.int32)
        heads = empty((batch, bands, 1 + 2 * faces.shape[0]), np.int32)

    def finish(item: int, band: int, top: int, bottom: int, index: np.ndarray) -> None:
        _shade(
            clip[item], faces, index, _of(looks.values, item), looks.table, _of(looks.texture, item),
            top, bottom, image[item], depth[item],
        )  # fmt: skip
        if mask is not None:
            memory: tuple[np.ndarray | None, ...] = (None,) * 3
            if pairs is not None and targets is not None and heads is not None:
                memory = (pairs[item], targets[item], heads[item, band])
            soft_mask.draw(clip[item], faces, span, index, top, bottom, delta, 0, mask[item], *memory)

    index, rows = rasterize.visibility(rasterize.Drawing(clip, faces, size), threads, finish, bands)
    kept = None
    if pairs is not None and targets is not None and heads is not None:
        kept = Kept(pairs, targets, heads, rows)
    return Pictures(index, image, depth, mask, kept)


def vjp(
    clip: np.ndarray, faces: np.ndarray, looks: Looks, pictures: Pictures, grads: Pictures,
    delta: float | None, needs: tuple[bool, bool], threads: int = 1,
) -> Gradients:  # fmt: skip
    """Gradients of a loss at clip, and if `needs` says so at values and texture.

    Args:
        clip, faces, looks, delta: what `forward` got.
        pictures: what it returned (image and depth are not read).
        grads: gradients at its results; `face_index` is not read, depth and mask may be None.
        needs: whether values and texture need a gradient.
        threads: how many threads to use.
    """
    batch, height, width = pictures.face_index.shape
    kept = pictures.kept
    bands = pool.accumulation_bands(batch, height, width)
    items = batch * bands
    span = np.array([0, faces.shape[0]], np.int32)
    to_clip = zeros((items, *clip.shape[1:]), clip.dtype)
    to_values = zeros((items, *looks.values.shape[1:]), clip.dtype) if needs[0] else None
    texture = looks.texture if needs[1] else None
    to_texture = None if texture is None else zeros((items, *texture.shape[1:]), clip.dtype)

    def work(begin: int, end: int) -> None:
        for item in range(begin, end):
            image, top, bottom = pool.band(item, bands, height)
            if kept is not None:
                top, bottom = (int(row) for row in kept.rows[image, item % bands : item % bands + 2])
            _shade_vjp(
                clip[image], faces, pictures.face_index[image], _of(looks.values, image), looks.table,
                _of(looks.texture, image), top, bottom, grads.image[image], _of(grads.depth, image),
                to_clip[item], _of(to_values, item), _of(to_texture, item),
            )  # fmt: skip
            if grads.mask is not None and pictures.mask is not None:
                soft_mask.pull_back(
                    clip[image], faces, span, pictures.face_index[image], pictures.mask[image],
                    grads.mask[image], top, bottom, delta, 0, to_clip[item],
                    *((None,) * 3 if kept is None else kept.of(image, item % bands)),
                )  # fmt: skip

    pool.run(work, items, threads, items)
    return Gradients(
        _total(to_clip, batch, batch),
        None if to_values is None else _total(to_values, batch, looks.values.shape[0]),
        None if to_texture is None or texture is None else _total(to_texture, batch, texture.shape[0]),
    )


def _of(arrays: np.ndarray | None, image: int) -> np.ndarray | None:
    """The array of one image of [B or 1, ...]."""
    return None if arrays is None else arrays[image if arrays.shape[0] > 1 else 0]


def _total(parts: np.ndarray, batch: int, wanted: int) -> np.ndarray:
    """Sums over the bands of each image, and over the images where they share the array."""
    if parts.shape[0] == wanted:
        return parts
    if wanted == 1:
        return parts.sum(axis=0, keepdims=True)
    return parts.reshape(batch, -1, *parts.shape[1:]).sum(axis=1)


@inline
def _weights(e, px, py):
    """Barycentrics of the pixel centre (px, py), in [0, 1]; thirds on a face seen from its edge."""
    b0 = e[0] * px + e[1] * py + e[2]
    b1 = e[3] * px + e[4] * py + e[5]
    b2 = e[6] * px + e[7] * py + e[8]
    total = b0 + b1 + b2
    if total == 0.0:
        return 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0
    scale = 1.0 / total
    b0, b1, b2 = b0 * scale, b1 * scale, b2 * scale
    if min(b0, b1, b2) < 0.0:  # at most 2^-16 pixel outside the face, because of snapping
        b0, b1, b2 = max(b0, 0.0), max(b1, 0.0), max(b2, 0.0)
        scale = 1.0 / (b0 + b1 + b2)
        b0, b1, b2 = b0 * scale, b1 * scale, b2 * scale
    return b0, b1, b2


@inline
def _triple(rows, i, j, k, column):
    """One column of three rows, as float64."""
    return np.float64(rows[i, column]), np.float64(rows[j, column]), np.float64(rows[k, column])


@contracted
def _shade(clip, faces, index, values, table, texture, top, bottom, image, depth):
    height, width = index.shape
    step_x, step_y = 2.0 / width, 2.0 / height
    e = (0.0,) * 9
    w = c0 = c1 = c2 = (0.0, 0.0, 0.0)
    last = -1
    for row in range(top, bottom):
        py = 1.0 - (row + 0.5) * step_y
        for column in range(width):
            face = index[row, column]
            if face < 0:
                image[row, column, 0] = image[row, column, 1] = image[row, column, 2] = 0.0
                depth[row, column] = 0.0
                continue
            if face != last:
                i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
                e00, e01, e02, e10, e11, e12, e20, e21, e22, _ = inverse(clip, i, j, k)
                e = (e00, e01, e02, e10, e11, e12, e20, e21, e22)
                w = _triple(clip, i, j, k, 3)
                i, j, k = table[face, 0], table[face, 1], table[face, 2]
                c0, c1 = _triple(values, i, j, k, 0), _triple(values, i, j, k, 1)
                if texture is None:
                    c2 = _triple(values, i, j, k, 2)
                last = face
            b0, b1, b2 = _weights(e, (column + 0.5) * step_x - 1.0, py)
            depth[row, column] = b0 * w[0] + b1 * w[1] + b2 * w[2]
            u = b0 * c0[0] + b1 * c0[1] + b2 * c0[2]
            v = b0 * c1[0] + b1 * c1[1] + b2 * c1[2]
            if texture is None:
                image[row, column, 0] = u
                image[row, column, 1] = v
                image[row, column, 2] = b0 * c2[0] + b1 * c2[1] + b2 * c2[2]
            else:
                cast = texture.dtype.type
                r0, r1, s0, s1, fy, fx = locate(u, v, texture.shape[0], texture.shape[1], 1, 1)
                w11, w10, w01 = cast(fy * fx), cast(fy * (1.0 - fx)), cast((1.0 - fy) * fx)
                w00 = cast((1.0 - fy) * (1.0 - fx))
                for channel in range(3):
                    image[row, column, channel] = (
                        w00 * texture[r0, s0, channel] + w01 * texture[r0, s1, channel]
                        + w10 * texture[r1, s0, channel] + w11 * texture[r1, s1, channel]
                    )  # fmt: skip


@contracted
def _shade_vjp(
    clip, faces, index, values, table, texture, top, bottom, grad_image, grad_depth, to_clip, to_values,
    to_texture,
):  # fmt: skip
    """Add one band's gradients. Sums over a face's pixels in a row go to its vertices together."""
    height, width = index.shape
    step_x, step_y = 2.0 / width, 2.0 / height
    e = k = s = d = (0.0,) * 9
    w = c0 = c1 = c2 = (0.0, 0.0, 0.0)
    last = -1
    det = 0.0
    for row in range(top, bottom):
        py = 1.0 - (row + 0.5) * step_y
        for column in range(width):
            face = index[row, column]
            if face < 0:
                continue
            if face != last:
                if last >= 0:
                    _flush(faces, table, last, e, det, k, s, d, to_clip, to_values)
                n0, n1, n2 = faces[face, 0], faces[face, 1], faces[face, 2]
                e00, e01, e02, e10, e11, e12, e20, e21, e22, det = inverse(clip, n0, n1, n2)
                e = (e00, e01, e02, e10, e11, e12, e20, e21, e22)
                if grad_depth is not None:
                    w = _triple(clip, n0, n1, n2, 3)
                n0, n1, n2 = table[face, 0], table[face, 1], table[face, 2]
                c0, c1 = _triple(values, n0, n1, n2, 0), _triple(values, n0, n1, n2, 1)
                if texture is None:
                    c2 = _triple(values, n0, n1, n2, 2)
                k = s = d = (0.0,) * 9
                last = face
            b0, b1, b2 = _weights(e, (column + 0.5) * step_x - 1.0, py)
            p = np.float64(grad_image[row, column, 0])
            q = np.float64(grad_image[row, column, 1])
            r = np.float64(grad_image[row, column, 2])
            if texture is not None:
                u = b0 * c0[0] + b1 * c0[1] + b2 * c0[2]
                v = b0 * c1[0] + b1 * c1[1] + b2 * c1[2]
                p, q = _texel_vjp(texture, u, v, p, q, r, to_texture)
                r = np.float64(0.0)
            g0 = p * c0[0] + q * c1[0] + r * c2[0]
            g1 = p * c0[1] + q * c1[1] + r * c2[1]
            g2 = p * c0[2] + q * c1[2] + r * c2[2]
            if grad_depth is not None:
                g = np.float64(grad_depth[row, column])
                g0, g1, g2 = g0 + g * w[0], g1 + g * w[1], g2 + g * w[2]
                d = (d[0] + g * b0, d[1] + g * b1, d[2] + g * b2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
            mean = g0 * b0 + g1 * b1 + g2 * b2
            g0, g1, g2 = g0 - mean, g1 - mean, g2 - mean
            k = (
                k[0] + g0 * b0, k[1] + g0 * b1, k[2] + g0 * b2,
                k[3] + g1 * b0, k[4] + g1 * b1, k[5] + g1 * b2,
                k[6] + g2 * b0, k[7] + g2 * b1, k[8] + g2 * b2,
            )  # fmt: skip
            if to_values is not None:
                s = (
                    s[0] + b0 * p, s[1] + b0 * q, s[2] + b0 * r,
                    s[3] + b1 * p, s[4] + b1 * q, s[5] + b1 * r,
                    s[6] + b2 * p, s[7] + b2 * q, s[8] + b2 * r,
                )  # fmt: skip
    if last >= 0:
        _flush(faces, table, last, e, det, k, s, d, to_clip, to_values)


@inline
def _texel_vjp(texture, u, v, p, q, r, to_texture):
    """Add a pixel's gradient (p, q, r) to the texture's; returns what it makes at u and v."""
    cast = texture.dtype.type
    r0, r1, s0, s1, fy, fx = locate(u, v, texture.shape[0], texture.shape[1], 1, 1)
    x, y, p, q, r = cast(fx), cast(fy), cast(p), cast(q), cast(r)
    if to_texture is not None:
        one = cast(1)
        add_texel(to_texture, r0, s0, (one - y) * (one - x), p, q, r)
        add_texel(to_texture, r0, s1, (one - y) * x, p, q, r)
        add_texel(to_texture, r1, s0, y * (one - x), p, q, r)
        add_texel(to_texture, r1, s1, y * x, p, q, r)
    x0, y0 = slopes(texture, r0, r1, s0, s1, 0, x, y)
    x1, y1 = slopes(texture, r0, r1, s0, s1, 1, x, y)
    x2, y2 = slopes(texture, r0, r1, s0, s1, 2, x, y)
    return (
        np.float64(p * x0 + q * x1 + r * x2) * texture.shape[1],
        -np.float64(p * y0 + q * y1 + r * y2) * texture.shape[0],
    )


@inline
def _flush(faces, table, face, e, det, k, s, d, to_clip, to_values):
    """Add a face's sums to the gradients of its vertices: -M^-T K at x, y, w (see `rasterize`)."""
    i, j, n = faces[face, 0], faces[face, 1], faces[face, 2]
    if det != 0.0:
        scale = -1.0 / det
        to_clip[i, 0] += scale * (e[0] * k[0] + e[3] * k[3] + e[6] * k[6])
        to_clip[i, 1] += scale * (e[1] * k[0] + e[4] * k[3] + e[7] * k[6])
        to_clip[i, 3] += scale * (e[2] * k[0] + e[5] * k[3] + e[8] * k[6]) + d[0]
        to_clip[j, 0] += scale * (e[0] * k[1] + e[3] * k[4] + e[6] * k[7])
        to_clip[j, 1] += scale * (e[1] * k[1] + e[4] * k[4] + e[7] * k[7])
        to_clip[j, 3] += scale * (e[2] * k[1] + e[5] * k[4] + e[8] * k[7]) + d[1]
        to_clip[n, 0] += scale * (e[0] * k[2] + e[3] * k[5] + e[6] * k[8])
        to_clip[n, 1] += scale * (e[1] * k[2] + e[4] * k[5] + e[7] * k[8])
        to_clip[n, 3] += scale * (e[2] * k[2] + e[5] * k[5] + e[8] * k[8]) + d[2]
    if to_values is not None:
        i, j, n = table[face, 0], table[face, 1], table[face, 2]
        for channel in range(to_values.shape[1]):
            to_values[i, channel] += s[channel]
            to_values[j, channel] += s[3 + channel]
            to_values[n, channel] += s[6 + channel]
