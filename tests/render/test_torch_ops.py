"""The torch operators: registration, gradients' plumbing, layouts, errors."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scenes import SCENES

torch = pytest.importorskip("torch")

from unrender import render  # noqa: E402
from unrender.errors import InputError  # noqa: E402
from unrender.render import torch_ops  # noqa: E402, F401

SIZE = (9, 11)
TESTS = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")


def leaves(dtype=torch.float64):
    clip, faces = SCENES["two overlapping"]
    return torch.tensor(clip, dtype=dtype, requires_grad=True), torch.tensor(faces)


@pytest.mark.filterwarnings("ignore")
def test_opcheck():
    clip, faces = leaves()
    weights, _, index = torch.ops.unrender.rasterize(clip, faces, *SIZE, 0)
    weights = weights.detach().requires_grad_()
    colours = torch.rand(1, 6, 3, dtype=torch.float64, requires_grad=True)
    texture = torch.rand(1, 4, 4, 3, dtype=torch.float64, requires_grad=True)
    uv = torch.rand(1, *SIZE, 2, dtype=torch.float64, requires_grad=True)
    check = torch.library.opcheck
    check(torch.ops.unrender.rasterize.default, (clip, faces, *SIZE, 0), test_utils=TESTS)
    check(torch.ops.unrender.interpolate.default, (colours, weights, faces, index), test_utils=TESTS)
    check(torch.ops.unrender.sample_texture.default, (texture, uv, None, 1, 0), test_utils=TESTS)
    check(torch.ops.unrender.sample_texture.default, (texture, uv, index, 1, 0), test_utils=TESTS)
    check(torch.ops.unrender.soft_mask.default, (clip, faces, index, 0.02, 0), test_utils=TESTS)


@pytest.mark.filterwarnings("ignore")
def test_operators_and_functions_agree():
    """The operators (used by torch.compile) and the autograd functions (used otherwise) are the same."""
    clip, faces = leaves()
    fragments = render.rasterize(clip, faces, SIZE)
    (direct,) = torch.autograd.grad(
        render.soft_mask(clip, fragments, 0.02).sum() + fragments.depth.sum(), clip
    )
    weights, depth, index = torch.ops.unrender.rasterize(clip, fragments.faces, *SIZE, 0)
    mask = torch.ops.unrender.soft_mask(clip, fragments.faces, index, 0.02, 0)
    (traced,) = torch.autograd.grad(mask.sum() + depth.sum(), clip)
    assert torch.equal(direct, traced) and torch.equal(weights, fragments.barycentrics)


def test_same_as_numpy():
    clip, faces = leaves(torch.float32)
    ours = render.rasterize(clip, faces, SIZE)
    theirs = render.rasterize(clip.detach().numpy(), faces.numpy(), SIZE)
    np.testing.assert_array_equal(ours.face_index.numpy(), theirs.face_index)
    np.testing.assert_array_equal(ours.barycentrics.detach().numpy(), theirs.barycentrics)
    mask = render.soft_mask(clip, ours, 0.02)
    np.testing.assert_array_equal(
        mask.detach().numpy(), render.soft_mask(clip.detach().numpy(), theirs, 0.02)
    )
    assert mask.requires_grad and ours.barycentrics.requires_grad and not ours.face_index.requires_grad


def test_not_contiguous():
    clip, faces = leaves()
    wide = torch.zeros(1, 6, 8, dtype=torch.float64)
    wide[..., ::2] = clip.detach()
    strided = wide[..., ::2].requires_grad_()
    for positions in (clip, strided):
        fragments = render.rasterize(positions, faces.T.contiguous().T, SIZE)
        picture = render.interpolate(torch.ones(1, 6, 2, dtype=torch.float64), fragments)
        (picture.permute(0, 3, 1, 2).sum() + render.soft_mask(positions, fragments, 0.02).mT.sum()).backward()
    torch.testing.assert_close(clip.grad, strided.grad)


def test_only_what_needs_gradients():
    clip, faces = leaves()
    fragments = render.rasterize(clip.detach(), faces, SIZE)
    colours = torch.rand(1, 6, 3, dtype=torch.float64, requires_grad=True)
    render.interpolate(colours, fragments).sum().backward()
    assert colours.grad is not None and not fragments.barycentrics.requires_grad
    live = render.rasterize(clip, faces, SIZE)
    live.depth.sum().backward()
    assert clip.grad is not None and (clip.grad[..., 2] == 0).all()


def test_mixed_dtypes_and_half():
    clip, faces = leaves(torch.float16)
    fragments = render.rasterize(clip, faces.int(), SIZE)
    assert fragments.barycentrics.dtype == torch.float32
    render.soft_mask(clip, fragments).sum().backward()
    assert clip.grad.dtype == torch.float16


def test_errors():
    clip, faces = leaves()
    with pytest.raises(InputError, match="faces: expected indices from 0 to 5"):
        render.rasterize(clip, faces + 6, SIZE)
    with pytest.raises(InputError, match="clip: expected a float32 or float64"):
        render.rasterize(torch.zeros(1, 3, 4, dtype=torch.int64), faces, SIZE)
    with pytest.raises(InputError, match="clip: expected shape"):
        render.rasterize(clip[0], faces, SIZE)


def test_numpy_way_imports_no_torch():
    code = (
        "import sys, numpy as np; from unrender import render, light; "
        "f = render.rasterize(np.zeros((1, 3, 4), np.float32), np.array([[0, 1, 2]]), (4, 4)); "
        "render.soft_mask(np.zeros((1, 3, 4), np.float32), f); light.sh_basis(np.ones((2, 3))); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
