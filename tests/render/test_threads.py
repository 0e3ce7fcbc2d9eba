"""Threads: the same bits whatever their number, concurrent callers, fork after use."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from scenes import camera, icosphere

from unrender import render
from unrender.render.kernels import interpolate, rasterize, soft_mask, texture, threads


def everything(count: int, batch: int, size: int = 160) -> list[np.ndarray]:
    """All results and gradients of a small scene, on `count` threads."""
    rng = np.random.default_rng(0)
    vertices, faces = icosphere(2)
    clip = np.stack([camera(30 * b).to_clip(vertices * [1, 0.8, 0.6]) for b in range(batch)]).astype(
        np.float32
    )
    index, weights, depth = rasterize.forward(clip, faces, size, size, threads=count)
    colours = rng.uniform(size=(1, len(vertices), 3)).astype(np.float32)
    picture = interpolate.forward(colours, faces, index, weights, count)
    grad = rng.normal(size=picture.shape).astype(np.float32)
    mask = soft_mask.forward(clip, faces, index, 1e-3, 0, count)
    image = rng.uniform(size=(1, 16, 16, 3)).astype(np.float32)
    uv = np.ascontiguousarray(picture[..., :2])
    results = [index, weights, depth, picture, mask, texture.forward(image, uv, 1, 0, index, count)]
    results += [g for g in interpolate.vjp(colours, faces, index, weights, grad, count) if g is not None]
    results += [g for g in texture.vjp(image, uv, grad, 1, 0, None, count) if g is not None]
    results.append(
        rasterize.vjp(clip, faces, index, weights, grad, np.ascontiguousarray(grad[..., 0]), count)
    )
    for combine in (0, 1):
        kind = soft_mask.forward(clip, faces, index, 1e-3, combine, count)
        flow = np.ascontiguousarray(grad[..., 1])
        results.append(soft_mask.vjp(clip, faces, index, kind, flow, 1e-3, combine, count))
    return results


@pytest.mark.parametrize("batch", [1, 3, 5])
def test_results_do_not_depend_on_threads(batch):
    single = everything(1, batch)
    for count in (2, 3):
        for one, many in zip(single, everything(count, batch), strict=True):
            np.testing.assert_array_equal(one, many)


def test_concurrent_callers():
    expected = everything(2, 2, 64)
    failures: list[BaseException] = []

    def call() -> None:
        try:
            for _ in range(5):
                for one, other in zip(expected, everything(3, 2, 64), strict=True):
                    np.testing.assert_array_equal(one, other)
        except BaseException as error:
            failures.append(error)

    callers = [threading.Thread(target=call) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not failures


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_fork_after_use():
    expected = everything(2, 2, 64)
    child = os.fork()
    if child == 0:
        try:
            same = all(np.array_equal(a, b) for a, b in zip(expected, everything(2, 2, 64), strict=True))
            os._exit(0 if same else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_errors_in_a_thread_reach_the_caller():
    def work(begin: int, end: int) -> None:
        if begin <= 5 < end:
            raise ValueError("piece")

    with pytest.raises(ValueError, match="piece"):
        threads.run(work, 8, 2, 8)


def test_every_item_is_done_once():
    done: list[int] = []
    threads.run(lambda begin, end: done.extend(range(begin, end)), 37, 3, 11)
    assert sorted(done) == list(range(37))


def test_number_of_threads():
    try:
        render.set_num_threads(3)
        assert threads.num_threads() == threads.num_threads(7) == 3
    finally:
        render.set_num_threads(None)
    assert threads.num_threads(7) == 7
