"""What the pixels of a picture show, and its gradient: the inner loops of `surface`.

Pixels near each other mostly see the same few faces. What a pixel needs of its face (the inverse of its
vertices, its values) stands in one of `SLOTS` rows of a small table that stays in the cache: which one, a
hash of the face's number says, and a face takes over the row of another one. The gradient sums of a face
stand beside it and go to its vertices when it leaves.

With weights b and values C[k, c] at the corners, a gradient g_c at channel c is, at corner k's weight,
g . C[k]. The sums of `rasterize`, K = sum (C g - g . v) b^T with v = b C what the pixel shows, are then
C S^T - m with S = sum b g^T, which the values' gradient needs too, and m = sum (g . v) b.
"""

from __future__ import annotations

import numpy as np

from unrender.render.kernels.jit import contracted, inline
from unrender.render.kernels.rasterize import inverse
from unrender.render.kernels.texture import locate

_SLOT_BITS = 9
SLOTS = 1 << _SLOT_BITS
CELLS, SUMS = 24, 16
"""Numbers in a row of the table: adj(M) by rows (9), its determinant, w (3), two unused, values by corners
(9); and sums: S and m by corners (3 x 4), depth's gradient by corners (3).
"""

_W, _VALUES, _DEPTH = 10, 15, 12


@inline
def _slot(face):
    """Row of the table for a face: numbers of neighbours may differ by multiples of a power of two, so by
    Fibonacci hashing (Knuth, The Art of Computer Programming, vol. 3, 6.4).
    """
    return (np.uint64(face) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - _SLOT_BITS)


@inline
def _enter(clip, faces, values, table, texture, face, cells, base):
    """Write the table's row of a face."""
    i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
    found = inverse(clip, i, j, k)
    for number in range(10):
        cells[base + np.uint64(number)] = found[number]
    cells[base + np.uint64(_W)] = clip[i, 3]
    cells[base + np.uint64(_W + 1)] = clip[j, 3]
    cells[base + np.uint64(_W + 2)] = clip[k, 3]
    i, j, k = table[face, 0], table[face, 1], table[face, 2]
    for channel in range(3 if texture is None else 2):
        here = base + np.uint64(_VALUES + channel)
        cells[here], cells[here + np.uint64(3)] = values[i, channel], values[j, channel]
        cells[here + np.uint64(6)] = values[k, channel]


@inline
def _weights(cells, base, px, py):
    """Barycentrics of the pixel centre (px, py), in [0, 1]; thirds on a face seen from its edge."""
    b0 = cells[base] * px + cells[base + np.uint64(1)] * py + cells[base + np.uint64(2)]
    b1 = cells[base + np.uint64(3)] * px + cells[base + np.uint64(4)] * py + cells[base + np.uint64(5)]
    b2 = cells[base + np.uint64(6)] * px + cells[base + np.uint64(7)] * py + cells[base + np.uint64(8)]
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
def _mix(cells, at, b0, b1, b2, step):
    """b0 x + b1 y + b2 z of three numbers of the table."""
    return b0 * cells[at] + b1 * cells[at + np.uint64(step)] + b2 * cells[at + np.uint64(2 * step)]


@contracted
def shade(begin, end, rows, clip, faces, index, values, table, texture, image, depth):
    """The bands begin..end-1 of all images' pictures [B, H, W, 3] and depths [B, H, W]; `rows` as in
    `rasterize.Finish`, `values` and `texture` (or None) as in `surface.Looks`.
    """
    height, width, bands = index.shape[1], index.shape[2], rows.shape[1] - 1
    step_x, step_y = 2.0 / width, 2.0 / height
    cast = image.dtype.type
    tags, cells = np.empty(SLOTS, np.int32), np.empty(SLOTS * CELLS)
    wide = 0 if texture is None else width
    places, us, vs = np.empty(wide, np.uint64), np.empty(wide), np.empty(wide)
    corners, shares = np.empty((4, wide), np.uint64), np.empty((2, wide), image.dtype)
    for item in range(begin, end):
        number, band = item // bands, item % bands
        points, rest, texels = clip[number], _of(values, number), _texels(texture, number)
        tags[:] = -1
        for row in range(rows[number, band], rows[number, band + 1]):
            py = 1.0 - (row + 0.5) * step_y
            owners, colors, depths = index[number, row], image[number, row].ravel(), depth[number, row]
            count = 0
            for column in range(width):
                here, pixel = np.uint64(column), np.uint64(3 * column)
                face = owners[here]
                if face < 0:
                    colors[pixel] = colors[pixel + np.uint64(1)] = colors[pixel + np.uint64(2)] = cast(0)
                    depths[here] = cast(0)
                    continue
                slot = _slot(face)
                base = slot * np.uint64(CELLS)
                if tags[slot] != face:
                    tags[slot] = face
                    _enter(points, faces, rest, table, texture, face, cells, base)
                b0, b1, b2 = _weights(cells, base, (column + 0.5) * step_x - 1.0, py)
                depths[here] = _mix(cells, base + np.uint64(_W), b0, b1, b2, 1)
                u = _mix(cells, base + np.uint64(_VALUES), b0, b1, b2, 3)
                v = _mix(cells, base + np.uint64(_VALUES + 1), b0, b1, b2, 3)
                if texture is None:
                    colors[pixel] = u
                    colors[pixel + np.uint64(1)] = v
                    colors[pixel + np.uint64(2)] = _mix(cells, base + np.uint64(_VALUES + 2), b0, b1, b2, 3)
                else:
                    places[np.uint64(count)], us[np.uint64(count)], vs[np.uint64(count)] = pixel, u, v
                    count += 1
            if texture is not None:
                _locate(us, vs, count, texture.shape[1], texture.shape[2], corners, shares)
                _sample(texels, corners, shares, places, count, colors)


@inline
def _locate(us, vs, count, rows, columns, corners, shares):
    """Where the four texels round each (u, v) begin in a flat texture [rows * columns * 3], and the fractions
    between them to the right and down. A loop of its own: a processor looks a few hundred instructions ahead,
    and what all of a pixel needs would leave it waiting for one pixel after the other.
    """
    cast = shares.dtype.type
    for n in range(count):
        here = np.uint64(n)
        r0, r1, s0, s1, y, x = locate(us[here], vs[here], rows, columns, 1, 1)
        corners[0, here], corners[1, here] = 3 * (r0 * columns + s0), 3 * (r0 * columns + s1)
        corners[2, here], corners[3, here] = 3 * (r1 * columns + s0), 3 * (r1 * columns + s1)
        shares[0, here], shares[1, here] = cast(x), cast(y)


@inline
def _sample(texels, corners, shares, places, count, colors):
    """Bilinear colours of the pixels whose numbers begin at `places`."""
    one = texels.dtype.type(1)
    for n in range(count):
        here = np.uint64(n)
        t00, t01, t10, t11 = corners[0, here], corners[1, here], corners[2, here], corners[3, here]
        x, y, place = shares[0, here], shares[1, here], places[here]
        w00, w01, w10, w11 = (one - y) * (one - x), (one - y) * x, y * (one - x), y * x
        for channel in range(3):
            c = np.uint64(channel)
            colors[place + c] = (
                w00 * texels[t00 + c] + w01 * texels[t01 + c] + w10 * texels[t10 + c] + w11 * texels[t11 + c]
            )


@inline
def _of(arrays, number):
    """The array of one image of [B or 1, ...], None of None."""
    if arrays is None:
        return None
    return arrays[number if arrays.shape[0] > 1 else 0]


@inline
def _texels(textures, number):
    """`_of`, flat."""
    if textures is None:
        return None
    return textures[number if textures.shape[0] > 1 else 0].ravel()


@contracted
def shade_vjp(
    begin, end, rows, clip, faces, index, values, table, texture, grad_image, grad_depth, to_clip, to_values,
    to_texture,
):  # fmt: skip
    """Add the gradients of the bands begin..end-1 of all images, those of band n to `to_clip[n]` [V, 4], and
    to `to_values[n]` and `to_texture[n]` where these are not None.
    """
    height, width, bands = index.shape[1], index.shape[2], rows.shape[1] - 1
    step_x, step_y = 2.0 / width, 2.0 / height
    tags, cells, sums = np.empty(SLOTS, np.int32), np.empty(SLOTS * CELLS), np.empty(SLOTS * SUMS)
    slots, columns, waiting = np.empty(width, np.uint64), np.empty(width, np.uint64), np.empty((6, width))
    wide = 0 if texture is None else width
    corners, shares = np.empty((4, wide), np.uint64), np.empty((2, wide), clip.dtype)
    for item in range(begin, end):
        number, band = item // bands, item % bands
        points, rest = clip[number], _of(values, number)
        texels, to_texels, target = _texels(texture, number), _texels(to_texture, item), _of(to_values, item)
        tags[:] = -1
        for row in range(rows[number, band], rows[number, band + 1]):
            py = 1.0 - (row + 0.5) * step_y
            owners, grads = index[number, row], grad_image[number, row].ravel()
            column = 0
            while column < width:
                count = np.uint64(0)
                while column < width:
                    face = owners[np.uint64(column)]
                    if face < 0:
                        column += 1
                        continue
                    slot = _slot(face)
                    base = slot * np.uint64(CELLS)
                    if tags[slot] != face:
                        if tags[slot] >= 0:
                            if count > np.uint64(0):
                                break  # pixels that wait need this row of the table
                            _leave(
                                faces, table, texture, tags[slot], cells, sums, slot, to_clip[item], target
                            )  # fmt: skip
                        tags[slot] = face
                        _enter(points, faces, rest, table, texture, face, cells, base)
                        sums[slot * np.uint64(SUMS) : (slot + np.uint64(1)) * np.uint64(SUMS)] = 0.0
                    b0, b1, b2 = _weights(cells, base, (column + 0.5) * step_x - 1.0, py)
                    slots[count], columns[count] = slot, np.uint64(column)
                    waiting[0, count], waiting[1, count], waiting[2, count] = b0, b1, b2
                    waiting[3, count] = _mix(cells, base + np.uint64(_VALUES), b0, b1, b2, 3)
                    waiting[4, count] = _mix(cells, base + np.uint64(_VALUES + 1), b0, b1, b2, 3)
                    if texture is None:
                        waiting[5, count] = _mix(cells, base + np.uint64(_VALUES + 2), b0, b1, b2, 3)
                    count += np.uint64(1)
                    column += 1
                if texture is not None:
                    _locate(
                        waiting[3], waiting[4], np.int64(count), texture.shape[1], texture.shape[2], corners,
                        shares,
                    )  # fmt: skip
                for n in range(np.int64(count)):
                    here = np.uint64(n)
                    slot, pixel = slots[here], np.uint64(3) * columns[here]
                    p, q, r = grads[pixel], grads[pixel + np.uint64(1)], grads[pixel + np.uint64(2)]
                    if texture is None:
                        s0, s1, s2 = np.float64(p), np.float64(q), np.float64(r)
                        mean = s0 * waiting[3, here] + s1 * waiting[4, here] + s2 * waiting[5, here]
                    else:
                        x, y = _texel_vjp(texels, corners, shares, here, p, q, r, to_texels)
                        s0, s1 = np.float64(x) * texture.shape[2], -np.float64(y) * texture.shape[1]
                        s2, mean = np.float64(0.0), s0 * waiting[3, here] + s1 * waiting[4, here]
                    at, b0, b1, b2 = (
                        slot * np.uint64(SUMS),
                        waiting[0, here],
                        waiting[1, here],
                        waiting[2, here],
                    )
                    if grad_depth is not None:
                        g, base = np.float64(grad_depth[number, row, columns[here]]), slot * np.uint64(CELLS)
                        mean += g * _mix(cells, base + np.uint64(_W), b0, b1, b2, 1)
                        sums[at + np.uint64(_DEPTH)] += g * b0
                        sums[at + np.uint64(_DEPTH + 1)] += g * b1
                        sums[at + np.uint64(_DEPTH + 2)] += g * b2
                    _add(sums, at, b0, s0, s1, s2, mean)
                    _add(sums, at + np.uint64(4), b1, s0, s1, s2, mean)
                    _add(sums, at + np.uint64(8), b2, s0, s1, s2, mean)
        for slot in range(SLOTS):
            if tags[slot] >= 0:
                _leave(
                    faces, table, texture, tags[slot], cells, sums, np.uint64(slot), to_clip[item], target
                )  # fmt: skip


@inline
def _add(sums, at, b, p, q, r, mean):
    """Add b times four numbers to four sums side by side."""
    sums[at] += b * p
    sums[at + np.uint64(1)] += b * q
    sums[at + np.uint64(2)] += b * r
    sums[at + np.uint64(3)] += b * mean


@inline
def _leave(faces, table, texture, face, cells, sums, slot, to_clip, to_values):
    """Add a face's sums to the gradients of its vertices: -M^-T K at x, y, w (see `rasterize`)."""
    base, at = slot * np.uint64(CELLS), slot * np.uint64(SUMS)
    det = cells[base + np.uint64(9)]
    for corner in range(3):
        here = at + np.uint64(4 * corner)
        s0, s1, s2 = sums[here], sums[here + np.uint64(1)], sums[here + np.uint64(2)]
        mean, d = sums[here + np.uint64(3)], sums[at + np.uint64(_DEPTH + corner)]
        row, vertex = table[face, corner], faces[face, corner]
        if to_values is not None:
            to_values[row, 0] += s0
            to_values[row, 1] += s1
            if texture is None:
                to_values[row, 2] += s2
        if det == 0.0:
            continue
        x = y = z = 0.0
        for other in range(3):
            cell = base + np.uint64(_VALUES + 3 * other)
            k = cells[cell] * s0 + cells[cell + np.uint64(1)] * s1 - mean
            if texture is None:
                k += cells[cell + np.uint64(2)] * s2
            k += cells[base + np.uint64(_W + other)] * d
            line = base + np.uint64(3 * other)
            x += cells[line] * k
            y += cells[line + np.uint64(1)] * k
            z += cells[line + np.uint64(2)] * k
        to_clip[vertex, 0] -= x / det
        to_clip[vertex, 1] -= y / det
        to_clip[vertex, 3] -= z / det - d


@inline
def _texel_vjp(texels, corners, shares, here, p, q, r, to_texels):
    """Add a pixel's gradient (p, q, r) to the texture's; returns what it makes at the place to the right and
    down, in texels.
    """
    cast = texels.dtype.type
    t00, t01, t10, t11 = corners[0, here], corners[1, here], corners[2, here], corners[3, here]
    x, y = shares[0, here], shares[1, here]
    gx = gy = cast(0)
    for channel in range(3):
        c, g = np.uint64(channel), p if channel == 0 else (q if channel == 1 else r)
        upper, lower = texels[t01 + c] - texels[t00 + c], texels[t11 + c] - texels[t10 + c]
        gx += g * (upper + y * (lower - upper))
        left, right = texels[t10 + c] - texels[t00 + c], texels[t11 + c] - texels[t01 + c]
        gy += g * (left + x * (right - left))
    if to_texels is not None:
        one = cast(1)
        if t01 == t00 + np.uint64(3):  # neighbours in memory
            _add_pair(to_texels, t00, (one - y) * (one - x), (one - y) * x, p, q, r)
            _add_pair(to_texels, t10, y * (one - x), y * x, p, q, r)
        else:
            _add_texel(to_texels, t00, (one - y) * (one - x), p, q, r)
            _add_texel(to_texels, t01, (one - y) * x, p, q, r)
            _add_texel(to_texels, t10, y * (one - x), p, q, r)
            _add_texel(to_texels, t11, y * x, p, q, r)
    return gx, gy


@inline
def _add_texel(to_texels, at, weight, p, q, r):
    """Add weight * (p, q, r) to three numbers side by side."""
    to_texels[at] += weight * p
    to_texels[at + np.uint64(1)] += weight * q
    to_texels[at + np.uint64(2)] += weight * r


@inline
def _add_pair(to_texels, at, first, second, p, q, r):
    """Add first * (p, q, r) and second * (p, q, r) to six numbers side by side."""
    a, b, c = to_texels[at], to_texels[at + np.uint64(1)], to_texels[at + np.uint64(2)]
    d, e, f = to_texels[at + np.uint64(3)], to_texels[at + np.uint64(4)], to_texels[at + np.uint64(5)]
    to_texels[at], to_texels[at + np.uint64(1)] = a + first * p, b + first * q
    to_texels[at + np.uint64(2)], to_texels[at + np.uint64(3)] = c + first * r, d + second * p
    to_texels[at + np.uint64(4)], to_texels[at + np.uint64(5)] = e + second * q, f + second * r
