"""Properties that must hold for any small scene: hypothesis draws meshes, views and picture sizes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from unrender.render.kernels import interpolate, memory, rasterize, soft_mask

DELTA = 0.003


@st.composite
def soups(draw, batch: int = 1):
    """(clip [B, V, 4] float64, faces [F, 3], height, width) of triangles, some behind the camera."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 12))
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    w = rng.uniform(0.4, 3.0, (batch, 3 * count))
    if draw(st.booleans()):
        w[:, ::7] *= -1
    centre = rng.uniform(-0.9, 0.9, (batch, count, 1, 2)).repeat(3, 2).reshape(batch, -1, 2)
    spread = draw(st.sampled_from([0.05, 0.4, 3.0]))
    xy = (centre + rng.normal(size=centre.shape) * spread) * np.abs(w)[..., None]
    z = rng.uniform(-0.9, 0.9, w.shape) * np.abs(w)
    clip = np.concatenate([xy, z[..., None], w[..., None]], -1)
    return clip, np.arange(3 * count, dtype=np.int32).reshape(-1, 3), height, width


def everything(clip, faces, height, width, threads=1):
    """All results and gradients of the kernels."""
    rng = np.random.default_rng(0)
    index, weights, depth = rasterize.forward(clip, faces, height, width, threads=threads)
    colours = rng.uniform(size=(1, clip.shape[1], 3))
    picture = interpolate.forward(colours, faces, index, weights, threads)
    mask = soft_mask.forward(clip, faces, index, DELTA, 0, threads)
    grad = rng.normal(size=picture.shape)
    flow = np.ascontiguousarray(grad[..., 0])
    results = [index, weights, depth, picture, mask]
    results += [x for x in interpolate.vjp(colours, faces, index, weights, grad, threads) if x is not None]
    results.append(rasterize.vjp(clip, faces, index, weights, grad, flow, threads))
    results.append(soft_mask.vjp(clip, faces, index, mask, flow, DELTA, 0, threads))
    return results


@settings(max_examples=25, deadline=None)
@given(soups(batch=2), st.integers(2, 5))
def test_any_number_of_threads(soup, threads):
    for one, many in zip(everything(*soup), everything(*soup, threads), strict=True):
        np.testing.assert_array_equal(one, many)


@settings(max_examples=25, deadline=None)
@given(soups(batch=3))
def test_batch_is_a_loop_over_singles(soup):
    clip, faces, height, width = soup
    together = rasterize.forward(clip, faces, height, width)
    mask = soft_mask.forward(clip, faces, together[0], DELTA)
    for image in range(3):
        alone = rasterize.forward(clip[image : image + 1], faces, height, width)
        for one, all_ in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one[0], all_[image])
        np.testing.assert_array_equal(
            soft_mask.forward(clip[image : image + 1], faces, alone[0], DELTA)[0], mask[image]
        )


@settings(max_examples=25, deadline=None)
@given(soups(), st.randoms(use_true_random=False))
def test_order_of_faces(soup, random):
    clip, faces, height, width = soup
    order = list(range(len(faces)))
    random.shuffle(order)
    index, weights, depth = rasterize.forward(clip, faces, height, width)
    shuffled = rasterize.forward(clip, faces[order], height, width)
    named = np.where(shuffled[0] >= 0, np.array(order)[shuffled[0]], -1)
    np.testing.assert_array_equal(named, index)  # unrelated triangles have no ties
    np.testing.assert_array_equal(shuffled[1], weights)
    np.testing.assert_array_equal(shuffled[2], depth)
    np.testing.assert_allclose(
        soft_mask.forward(clip, faces[order], index, DELTA),
        soft_mask.forward(clip, faces, index, DELTA),
        atol=1e-12,
    )


@settings(max_examples=25, deadline=None)
@given(soups(), st.integers(-6, 6), st.integers(-6, 6))
def test_shift_by_whole_pixels(soup, right, down):
    """The scene moved by whole pixels of a picture of 2^k pixels is the picture moved."""
    clip, faces, _, _ = soup
    height = width = 32
    clip = clip[:, :, :].copy()
    clip[..., 3] = np.abs(clip[..., 3])
    clip[..., :2] = np.round(clip[..., :2] / clip[..., 3:] * 4096) / 4096  # exact sums
    clip[..., 2] /= clip[..., 3]
    clip[..., 3] = 1.0
    moved = clip.copy()
    moved[..., 0] += 2 * right / width
    moved[..., 1] -= 2 * down / height
    index, weights, depth = rasterize.forward(clip, faces, height, width)
    other = rasterize.forward(moved, faces, height, width)
    rows, columns = np.arange(height), np.arange(width)
    rows, columns = (
        rows[(rows + down >= 0) & (rows + down < height)],
        columns[(columns + right >= 0) & (columns + right < width)],
    )
    here, there = np.ix_([0], rows, columns), np.ix_([0], rows + down, columns + right)
    np.testing.assert_array_equal(index[here], other[0][there])
    np.testing.assert_allclose(weights[here], other[1][there], atol=1e-9)
    np.testing.assert_allclose(depth[here], other[2][there], atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 1 << 18), max_size=30))
def test_memory_in_use_is_never_given_out_again(sizes):
    alive = []
    for number, size in enumerate(sizes):
        block = memory.empty((size,), np.uint8)
        block[:] = number % 251
        alive.append((block[: size // 2], number % 251))
        if number % 3 == 2:
            del alive[0]
    for view, value in alive:
        assert (view == value).all()
