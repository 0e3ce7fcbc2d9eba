"""Threads: the same bits whatever their number, concurrent callers, fork after use."""

from __future__ import annotations

import importlib
import os
import threading

import numpy as np
import pytest
from scenes import camera, icosphere

from unrender import render
from unrender.render.kernels import interpolate, openmp, rasterize, soft_mask, texture, threads
from unrender.render.kernels.threads import Shared


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


@pytest.fixture
def team():
    """torch's threads, which are found when its bridge is imported."""
    pytest.importorskip("torch")
    importlib.import_module("unrender.render.torch_bridge")
    if not openmp.available():
        pytest.skip("no OpenMP library to be seen")


def test_torchs_team_gives_the_same_bits(team):
    for one, other in zip(everything(1, 5), everything(Shared(2), 5), strict=True):
        np.testing.assert_array_equal(one, other)


def test_tensors_are_drawn_by_torchs_team(team, monkeypatch):
    import torch

    from unrender.render import torch_bridge

    calls = []
    parallel = openmp.parallel
    monkeypatch.setattr(openmp, "parallel", lambda body, count: (calls.append(count), parallel(body, count)))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        vertices, faces = icosphere(2)
        clip = torch.tensor(np.stack([camera(30 * b).to_clip(vertices) for b in range(4)]))
        render.rasterize(clip, faces, (64, 64))
        assert calls and set(calls) == {2}
        render.set_num_threads(3)  # another number: the pool's
        assert not isinstance(torch_bridge.threads(), Shared)
    finally:
        render.set_num_threads(None)
        torch.set_num_threads(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("count", [2, Shared(2)])
def test_fork_after_use(count, request):
    if isinstance(count, Shared):
        request.getfixturevalue("team")
    expected = everything(count, 2, 64)
    child = os.fork()
    if child == 0:
        try:
            same = all(np.array_equal(a, b) for a, b in zip(expected, everything(count, 2, 64), strict=True))
            same = same and not openmp.available()
            os._exit(0 if same else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("count", [2, Shared(2)])
def test_errors_in_a_thread_reach_the_caller(count):
    def work(begin: int, end: int) -> None:
        if begin <= 5 < end:
            raise ValueError("piece")

    with pytest.raises(ValueError, match="piece"):
        threads.run(work, 8, count, 8)


@pytest.mark.parametrize("count", [3, Shared(3)])
def test_every_item_is_done_once(count):
    done: list[int] = []
    threads.run(lambda begin, end: done.extend(range(begin, end)), 37, count, 11)
    assert sorted(done) == list(range(37))


def test_number_of_threads():
    try:
        render.set_num_threads(3)
        assert threads.num_threads() == threads.num_threads(7) == 3
    finally:
        render.set_num_threads(None)
    assert threads.num_threads(7) == 7
