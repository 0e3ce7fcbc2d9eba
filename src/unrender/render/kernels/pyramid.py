"""Texture look-up in a mip pyramid: every filter and boundary, cube maps too.

The pyramid's layout is that of `mipmap`; a cube map's has six rows for each image. The place on a level of
h x w texels is x = u w - 1/2, y = (1 - v) h - 1/2, texel centres at whole numbers; between the four nearest
texels the value is bilinear, between the two nearest levels linear in the level of detail.

Beyond the edge of a cube map's face lies the neighbouring face's texel; at a corner of the cube, where there
is none, the mean of the other three. So the result is continuous over the whole sphere.
"""

from __future__ import annotations

import math

import numpy as np

from unrender.render.kernels import threads as pool
from unrender.render.kernels.cube import FACES, face_of
from unrender.render.kernels.jit import inline, relaxed
from unrender.render.kernels.mipmap import level_sizes

FILTERS = {"nearest": 0, "linear": 1, "mipmap": 2, "mipmap-nearest": 3}
WRAPS = {"clamp": 0, "repeat": 1, "mirror": 2, "zero": 3}
REPEAT, MIRROR, ZERO, CUBE = 1, 2, 3, 4
_NO_LEVEL = np.zeros((0, 0, 0))
_NO_INDEX = np.zeros((0, 0, 0), np.int32)


def forward(
    texels: np.ndarray,
    uv: np.ndarray,
    level: np.ndarray | None,
    faces: np.ndarray | None,
    face_index: np.ndarray | None,
    options: tuple[int, int, int, int, int],
    threads: int = 1,
) -> np.ndarray:
    """Sample without checking arguments.

    Args:
        texels: [B or 1, T, C] (times 6 for cube maps), C-contiguous: a pyramid as `mipmap.build` makes it.
        uv: [B, H, W, 2], the same dtype. What is not finite, or beyond a million, counts as 0.
        level: [B, H, W] level of detail, or None for level 0; clamped to the levels there are.
        faces: int32 [B, H, W], the cube map's face of each pixel; None for plain textures.
        face_index: int32 [B, H, W] or None; pixels below 0 become 0 and are skipped.
        options: height and width of level 0, number of levels, codes of filter and boundary.
        threads: how many threads to use.

    Returns:
        [B, H, W, C].
    """
    batch, height, width = uv.shape[:3]
    out = np.empty((batch, height, width, texels.shape[2]), texels.dtype)
    bands = pool.picture_bands(batch, height, threads)
    inputs = _inputs(texels, uv, level, faces, face_index, options)
    pool.run(lambda begin, end: _forward(begin, end, bands, *inputs, out), batch * bands, threads)
    return out


def vjp(
    texels: np.ndarray,
    uv: np.ndarray,
    level: np.ndarray | None,
    faces: np.ndarray | None,
    face_index: np.ndarray | None,
    grad_output: np.ndarray,
    options: tuple[int, int, int, int, int],
    threads: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients at texels, uv and level (the last with a batch of 0 where `level` is None)."""
    batch, height, width = uv.shape[:3]
    layers = 6 if options[4] == CUBE else 1
    bands = pool.accumulation_bands(batch, height, width)
    grad = np.zeros((batch * bands * layers, *texels.shape[1:]), texels.dtype)
    grad_uv = np.zeros(uv.shape, uv.dtype)
    grad_level = np.zeros((0, height, width) if level is None else level.shape, uv.dtype)
    inputs = _inputs(texels, uv, level, faces, face_index, options)
    pool.run(
        lambda begin, end: _vjp(begin, end, bands, *inputs, grad_output, grad, grad_uv, grad_level),
        batch * bands, threads,
    )  # fmt: skip
    shared = texels.shape[0] == layers
    parts = grad.reshape(1 if shared else batch, -1, layers, *texels.shape[1:])
    return parts.sum(axis=1).reshape(texels.shape), grad_uv, grad_level


def _inputs(texels, uv, level, faces, face_index, options):
    height, width, levels, filter, wrap = options
    level = _NO_LEVEL.astype(uv.dtype) if level is None else level
    index = _NO_INDEX if face_index is None else face_index
    return (
        texels,
        uv,
        level,
        _NO_INDEX if faces is None else faces,
        index,
        level_sizes(height, width, levels),
        filter,
        wrap,
    )


@inline
def _fold(place, wrap):
    """A coordinate brought near [0, 1], and the sign of its slope."""
    if wrap == REPEAT:
        return place - math.floor(place), 1.0
    if wrap == MIRROR:
        place -= 2 * math.floor(0.5 * place)
        return (place, 1.0) if place <= 1 else (2 - place, -1.0)
    if wrap == ZERO:
        return min(max(place, -1.0), 2.0), 1.0
    return min(max(place, 0.0), 1.0), 1.0


@inline
def _texel(row, column, rows, columns, face, wrap):
    """Layer and number of a texel that may lie one outside; number -1 where there is none."""
    if 0 <= row < rows and 0 <= column < columns:
        return face, row * columns + column
    if wrap == ZERO:
        return face, -1
    if wrap == CUBE:
        if not (0 <= row < rows or 0 <= column < columns):
            return face, -1
        right, up = (2 * column + 1) / columns - 1, 1 - (2 * row + 1) / rows
        m = FACES[face]
        x = m[0, 0] * right + m[1, 0] * up + m[2, 0]
        y = m[0, 1] * right + m[1, 1] * up + m[2, 1]
        z = m[0, 2] * right + m[1, 2] * up + m[2, 2]
        other = max(face_of(x, y, z), 0)
        n = FACES[other]
        towards = n[2, 0] * x + n[2, 1] * y + n[2, 2] * z
        s = (n[0, 0] * x + n[0, 1] * y + n[0, 2] * z) / towards
        t = (n[1, 0] * x + n[1, 1] * y + n[1, 2] * z) / towards
        column = min(np.int64((s + 1) * 0.5 * columns), columns - 1)
        row = min(np.int64((1 - t) * 0.5 * rows), rows - 1)
        return other, row * columns + column
    if wrap == REPEAT:
        return face, (row % rows) * columns + column % columns
    return face, min(max(row, 0), rows - 1) * columns + min(max(column, 0), columns - 1)


@inline
def _corners(u, v, face, rows, columns, start, smooth, wrap):
    """Layers and numbers of four texels (upper left, upper right, lower left, lower right), two fractions."""
    x, y = u * columns, (1.0 - v) * rows
    if smooth:
        x, y = x - 0.5, y - 0.5
    c, r = math.floor(x), math.floor(y)
    if not smooth:
        if wrap != ZERO:
            c, r = min(max(c, 0), columns - 1), min(max(r, 0), rows - 1)
        layer, number = _texel(r, c, rows, columns, face, wrap)
        number = number + start if number >= 0 else number
        return (layer, layer, layer, layer), (number, number, number, number), 0.0, 0.0
    l0, n0 = _texel(r, c, rows, columns, face, wrap)
    l1, n1 = _texel(r, c + 1, rows, columns, face, wrap)
    l2, n2 = _texel(r + 1, c, rows, columns, face, wrap)
    l3, n3 = _texel(r + 1, c + 1, rows, columns, face, wrap)
    n0, n1 = (n0 + start if n0 >= 0 else n0), (n1 + start if n1 >= 0 else n1)
    n2, n3 = (n2 + start if n2 >= 0 else n2), (n3 + start if n3 >= 0 else n3)
    return (l0, l1, l2, l3), (n0, n1, n2, n3), x - c, y - r


@inline
def _weights(x, y, numbers, wrap):
    """Bilinear weights; a cube's missing corner gives its weight to the other three."""
    w0, w1, w2, w3 = (1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y
    if wrap == CUBE:
        spare = 0.0
        if numbers[0] < 0:
            spare, w0 = w0, 0.0
        elif numbers[1] < 0:
            spare, w1 = w1, 0.0
        elif numbers[2] < 0:
            spare, w2 = w2, 0.0
        elif numbers[3] < 0:
            spare, w3 = w3, 0.0
        if spare != 0:
            spare /= 3
            w0 = w0 + spare if numbers[0] >= 0 else w0
            w1 = w1 + spare if numbers[1] >= 0 else w1
            w2 = w2 + spare if numbers[2] >= 0 else w2
            w3 = w3 + spare if numbers[3] >= 0 else w3
    return w0, w1, w2, w3


@inline
def _values(texels, base, layers, numbers, channel, wrap):
    """The four texels of a channel: 0 for one that is missing, at a cube's corner the others' mean."""
    a = texels[base + layers[0], numbers[0], channel] if numbers[0] >= 0 else texels.dtype.type(0)
    b = texels[base + layers[1], numbers[1], channel] if numbers[1] >= 0 else texels.dtype.type(0)
    c = texels[base + layers[2], numbers[2], channel] if numbers[2] >= 0 else texels.dtype.type(0)
    d = texels[base + layers[3], numbers[3], channel] if numbers[3] >= 0 else texels.dtype.type(0)
    if wrap == CUBE:
        mean = (a + b + c + d) / texels.dtype.type(3)
        a, b = (a if numbers[0] >= 0 else mean), (b if numbers[1] >= 0 else mean)
        c, d = (c if numbers[2] >= 0 else mean), (d if numbers[3] >= 0 else mean)
    return a, b, c, d


@inline
def _choose(wanted, levels, filter):
    """The finer level, the weight of the next one, and whether the level has a gradient."""
    wanted = wanted if wanted == wanted else 0.0
    top = levels - 1
    if filter == 3:
        return (
            min(max(np.int64(math.floor(min(max(wanted, 0.0), np.float64(top)) + 0.5)), 0), top),
            0.0,
            False,
        )
    if wanted <= 0:
        return np.int64(0), 0.0, False
    if wanted >= top:
        return np.int64(top), 0.0, False
    first = np.int64(wanted)
    return first, wanted - first, True


@inline
def _place(uv, image, row, column, wrap):
    """Folded u and v with the signs of their slopes."""
    u, v = float(uv[image, row, column, 0]), float(uv[image, row, column, 1])
    if not (math.isfinite(u) and math.isfinite(v)):
        u, v = 0.0, 0.0
    if wrap in (REPEAT, MIRROR) and not (abs(u) < 1e6 and abs(v) < 1e6):
        u, v = 0.0, 0.0
    fold_u, sign_u = _fold(u, wrap)
    fold_v, sign_v = _fold(v, wrap)
    return fold_u, fold_v, sign_u, sign_v


@relaxed
def _forward(begin, end, bands, texels, uv, level, faces, index, sizes, filter, wrap, out):
    height, width, channels = uv.shape[1], uv.shape[2], texels.shape[2]
    cast = texels.dtype.type
    layers_each = 6 if wrap == CUBE else 1
    shared = texels.shape[0] == layers_each
    for item in range(begin, end):
        image, band = item // bands, item % bands
        base = 0 if shared else image * layers_each
        for row in range(height * band // bands, height * (band + 1) // bands):
            for column in range(width):
                for channel in range(channels):
                    out[image, row, column, channel] = cast(0)
                if index.shape[0] > 0 and index[image, row, column] < 0:
                    continue
                u, v, _, _ = _place(uv, image, row, column, wrap)
                face = np.int64(faces[image, row, column]) if wrap == CUBE else np.int64(0)
                first, share, blend = np.int64(0), 0.0, False
                if level.shape[0] > 0:
                    first, share, blend = _choose(np.float64(level[image, row, column]), len(sizes), filter)
                for step in range(2 if blend else 1):
                    rows, columns, start = sizes[first + step]
                    layers, numbers, x, y = _corners(u, v, face, rows, columns, start, filter != 0, wrap)
                    w0, w1, w2, w3 = _weights(x, y, numbers, wrap)
                    part = share if step == 1 else 1.0 - share
                    p0, p1, p2, p3 = cast(part * w0), cast(part * w1), cast(part * w2), cast(part * w3)
                    for channel in range(channels):
                        a, b, c, d = _values(texels, base, layers, numbers, channel, wrap)
                        if wrap == CUBE:  # the weights already hold a missing corner's share
                            a, b = (a if numbers[0] >= 0 else cast(0)), (b if numbers[1] >= 0 else cast(0))
                            c, d = (c if numbers[2] >= 0 else cast(0)), (d if numbers[3] >= 0 else cast(0))
                        out[image, row, column, channel] += p0 * a + p1 * b + p2 * c + p3 * d


@inline
def _add(grad, row, number, channel, value):
    if number >= 0:
        grad[row, number, channel] += value


@relaxed
def _vjp(
    begin, end, bands, texels, uv, level, faces, index, sizes, filter, wrap, grad_out, grad, grad_uv,
    grad_level,
):  # fmt: skip
    height, width, channels = uv.shape[1], uv.shape[2], texels.shape[2]
    cast = texels.dtype.type
    layers_each = 6 if wrap == CUBE else 1
    shared = texels.shape[0] == layers_each
    for item in range(begin, end):
        image, band = item // bands, item % bands
        base, target = 0 if shared else image * layers_each, item * layers_each
        for row in range(height * band // bands, height * (band + 1) // bands):
            for column in range(width):
                if index.shape[0] > 0 and index[image, row, column] < 0:
                    continue
                u, v, sign_u, sign_v = _place(uv, image, row, column, wrap)
                face = np.int64(faces[image, row, column]) if wrap == CUBE else np.int64(0)
                first, share, blend = np.int64(0), 0.0, False
                if level.shape[0] > 0:
                    first, share, blend = _choose(np.float64(level[image, row, column]), len(sizes), filter)
                to_u, to_v, to_level = 0.0, 0.0, 0.0
                for step in range(2 if blend else 1):
                    rows, columns, start = sizes[first + step]
                    layers, numbers, x, y = _corners(u, v, face, rows, columns, start, filter != 0, wrap)
                    w0, w1, w2, w3 = _weights(x, y, numbers, wrap)
                    part = share if step == 1 else 1.0 - share
                    p0, p1, p2, p3 = cast(part * w0), cast(part * w1), cast(part * w2), cast(part * w3)
                    along, down, value = 0.0, 0.0, 0.0
                    for channel in range(channels):
                        g = grad_out[image, row, column, channel]
                        _add(grad, target + layers[0], numbers[0], channel, g * p0)
                        if filter != 0:
                            _add(grad, target + layers[1], numbers[1], channel, g * p1)
                            _add(grad, target + layers[2], numbers[2], channel, g * p2)
                            _add(grad, target + layers[3], numbers[3], channel, g * p3)
                            a, b, c, d = _values(texels, base, layers, numbers, channel, wrap)
                            twist = (d - c) - (b - a)
                            along += g * ((b - a) + y * twist)
                            down += g * ((c - a) + x * twist)
                            value += g * (a + x * (b - a) + y * ((c - a) + x * twist))
                    to_u += part * along * columns * sign_u
                    to_v -= part * down * rows * sign_v
                    to_level += value if step == 1 else -value
                grad_uv[image, row, column, 0] = cast(to_u)
                grad_uv[image, row, column, 1] = cast(to_v)
                if blend:
                    grad_level[image, row, column] = cast(to_level)
