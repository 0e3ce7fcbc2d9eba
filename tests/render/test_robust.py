"""Large and odd inputs, whole pictures of nothing, worker processes, and folders that nobody may write to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from scenes import camera, icosphere

from unrender import render
from unrender.errors import InputError
from unrender.render.kernels import jit, rasterize

torch = pytest.importorskip("torch")

SIZE = (20, 24)


def ball(batch: int = 1, dtype=torch.float32):
    """(clip with a gradient, faces, colours with a gradient)."""
    points, faces = icosphere(1)
    clip = np.stack([camera(30 * n).to_clip(points * 0.9) for n in range(batch)])
    colors = np.random.default_rng(0).uniform(size=(batch, len(points), 3))
    return (
        torch.tensor(clip, dtype=dtype, requires_grad=True), torch.tensor(faces),
        torch.tensor(colors, dtype=dtype, requires_grad=True),
    )  # fmt: skip


def test_a_million_faces():
    """A sheet of 708 x 708 squares, cut along one diagonal: a pixel's place says which face it sees."""
    count, size = 708, 256
    lines = np.linspace(-1, 1, count + 1)
    x, y = np.meshgrid(lines, -lines)
    clip = np.stack([x, y, 0 * x, 0 * x + 1], -1).reshape(1, -1, 4).astype(np.float32)
    row, column = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
    a = row * (count + 1) + column
    b, c, d = a + 1, a + count + 1, a + count + 2
    faces = np.stack([a, c, b, b, c, d], -1).reshape(-1, 3).astype(np.int32)
    assert len(faces) > 1_000_000
    centre = (np.arange(size) + 0.5) / size * count
    square, rest = np.floor(centre).astype(int), centre % 1
    beyond = rest[:, None] + rest[None, :] - 1
    expected = 2 * (square[:, None] * count + square[None, :]) + (beyond > 0)
    index = rasterize.forward(clip, faces, size, size, barycentrics=False, threads=2)[0][0]
    clear = np.abs(beyond) > 1e-3
    np.testing.assert_array_equal(index[clear], expected[clear])
    assert (index >= 0).all()


def test_a_picture_of_4096_pixels_a_side():
    """Two faces fill it; where their edge runs decides which of them a pixel sees."""
    corners = np.array([[[-1, -1, 0, 1], [1, -1, 0, 1], [1, 1, 0, 1], [-1, 1, 0, 1]]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    index = rasterize.forward(corners, faces, 4096, 4096, barycentrics=False, threads=2)[0][0]
    row, column = np.mgrid[:4096, :4096]
    off = row + column != 4095
    np.testing.assert_array_equal(index[off], (row + column < 4095)[off])
    assert index.min() == 0


@pytest.mark.parametrize("delta", [None, 0.01])
def test_pictures_of_nothing(delta):
    """No image, and no face: zeros of the right shapes, with gradients of zero."""
    clip, faces, colors = ball(2)
    empty = render.render_surface(clip[:0], render.Surface(faces, colors[:1]), None, SIZE, delta)
    assert empty.image.shape == (0, *SIZE, 3) and empty.mask.shape == empty.depth.shape == (0, *SIZE)
    blank = render.render_surface(clip, render.Surface(faces[:0], colors), None, SIZE, delta)
    assert not blank.image.any() and not blank.mask.any() and not blank.depth.any()
    loss = blank.image.sum() + blank.depth.sum() + (blank.mask.sum() if delta else 0)
    for grad in torch.autograd.grad(loss, [clip, colors]):
        assert not grad.any()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_faces_of_a_vertex_that_is_not_finite_are_left_out(bad):
    clip, faces, colors = ball()
    moved = clip.detach().clone()
    moved[0, 5, 1] = bad
    moved.requires_grad_()
    drawn = render.render_surface(moved, render.Surface(faces, colors), None, SIZE, 0.01)
    without = render.render_surface(
        clip, render.Surface(faces[(faces != 5).all(1)], colors), None, SIZE, 0.01
    )  # fmt: skip
    torch.testing.assert_close(drawn.image, without.image)
    torch.testing.assert_close(drawn.mask, without.mask)
    (drawn.image.sum() + drawn.mask.sum()).backward()
    assert torch.isfinite(moved.grad).all() and not moved.grad[0, 5].any()


@pytest.mark.parametrize("index", [-1, 42, 2**31 - 1, 2**40])
def test_indices_out_of_range_are_errors(index):
    clip, faces, colors = ball()
    wrong = faces.long().clone()
    wrong[3, 1] = index
    with pytest.raises(InputError, match="faces"):
        render.render_surface(clip, render.Surface(wrong, colors), None, SIZE, 0.01)
    with pytest.raises(InputError, match="faces"):
        render.rasterize(clip.detach().numpy(), wrong.numpy(), SIZE)


def step() -> list:
    """A picture, a mask and the gradients of both."""
    clip, faces, colors = ball(3)
    drawn = render.render_surface(clip, render.Surface(faces, colors), None, SIZE, 0.01)
    loss = (drawn.image**2).sum() + (drawn.mask**2).sum()
    return [drawn.image, drawn.mask, *torch.autograd.grad(loss, [clip, colors])]


def test_gradients_in_several_threads_at_once():
    expected, failures = step(), []

    def call() -> None:
        try:
            for _ in range(4):
                assert all(torch.equal(a, b) for a, b in zip(step(), expected, strict=True))
        except BaseException as error:
            failures.append(error)

    callers = [threading.Thread(target=call) for _ in range(5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not failures


class Pictures(torch.utils.data.Dataset):
    """Renders in the process that asks."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, item: int):
        return step()[0].detach()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_workers_forked_after_first_use():
    expected = step()[0].detach()
    loader = torch.utils.data.DataLoader(
        Pictures(), batch_size=2, num_workers=2, multiprocessing_context="fork", timeout=60
    )
    for batch in loader:
        assert all(torch.equal(picture, expected) for picture in batch)


def test_stale_kernels_are_those_of_changed_sources():
    folder = Path(jit.__file__).parent
    used = jit._kernels_used(folder / "shade.py")
    assert {"shade", "rasterize", "drawing", "fill", "texture", "jit", "threads"} <= used
    assert not {"soft_mask", "falloff", "surface", "antialias"} & used


CHECK = "import numpy as np; from unrender.render import validate; "
CHECK += "validate.face_range('faces', np.zeros((1, 3), np.int32), 1, 'clip')"
READ_ONLY = """
set -e
mount --bind "$PACKAGE" "$PACKAGE"; mount -o remount,ro,bind "$PACKAGE"
mount --bind "$HOME" "$HOME"; mount -o remount,ro,bind "$HOME"
! touch "$PACKAGE/written" 2>/dev/null; ! touch "$HOME/written" 2>/dev/null
exec "$@"
"""


@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0,
    reason="needs the right to mount",
)
def test_read_only_package_and_home(tmp_path):
    """Mounted read-only, which binds root too: one notice, then the cache in the temporary folder serves."""
    package, home, temporary = Path(jit.__file__).parents[2], tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    environment = {k: v for k, v in os.environ.items() if k not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    environment |= {
        "PACKAGE": str(package), "HOME": str(home), "TMPDIR": str(temporary),
        "PYTHONPATH": str(package.parent),
    }  # fmt: skip
    command = ["unshare", "-m", "sh", "-c", READ_ONLY, "sh", sys.executable, "-c", CHECK]
    notices = [
        subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stderr
        for _ in range(2)
    ]
    assert notices[0].count("unrender: compiling") == 1 and notices[1] == ""
    assert list(temporary.glob("unrender-numba-*/**/*.nbi")) and not list(home.iterdir())
