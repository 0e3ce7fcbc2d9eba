"""compat.kaolin against DIB-R's definition in plain torch, and kaolin's recorded tensors where present."""

from __future__ import annotations

import os
from pathlib import Path

import dibr_oracle as oracle
import numpy as np
import pytest
import torch

import unrender.compat.kaolin as kal
from unrender.errors import InputError
from unrender.render import set_num_threads


def _recorded() -> Path | None:
    """Where kaolin's recorded tensors are: KAOLIN_DIBR_CONFORMANCE, else beside the checkout."""
    given = os.environ.get("KAOLIN_DIBR_CONFORMANCE")
    place = Path(given) if given else Path(__file__).parents[3] / "shared/conformance/kaolin_dibr/simple"
    return place if (place / "inputs.npz").is_file() else None


RECORDED = _recorded()


def scene(seed, batch=2, faces=40, size=0.4, dtype=torch.float64):
    """Random triangles, some of them beyond the border, some facing away."""
    make = torch.Generator().manual_seed(seed)
    centre = torch.rand(batch, faces, 1, 2, generator=make, dtype=dtype) * 2.4 - 1.2
    points = centre + (torch.rand(batch, faces, 3, 2, generator=make, dtype=dtype) - 0.5) * size
    z = -1 - torch.rand(batch, faces, 3, generator=make, dtype=dtype)
    features = torch.rand(batch, faces, 3, 3, generator=make, dtype=dtype)
    facing = torch.rand(batch, faces, generator=make, dtype=dtype) - 0.3
    return points, z, features, facing


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("height", "width", "size"), [(35, 31, 0.4), (24, 70, 1.5), (64, 64, 0.1)])
def test_rasterize_is_the_definition(dtype, height, width, size):
    points, z, features, facing = scene(1, size=size, dtype=dtype)
    exact = [x.double().requires_grad_() for x in (points, features)]
    expected, expected_index = oracle.rasterize(height, width, z.double(), *exact, facing >= 0)
    points.requires_grad_(), features.requires_grad_()
    image, index = kal.render.mesh.rasterize(height, width, z, points, features, facing >= 0)
    assert (index >= 0).float().mean() > 0.002
    assert index.dtype == torch.int64 and torch.equal(index, expected_index)
    assert torch.allclose(image.double(), expected, rtol=1e-5, atol=1e-5 if dtype == torch.float32 else 1e-12)
    pull = torch.rand(image.shape, dtype=dtype, generator=torch.Generator().manual_seed(2))
    (image * pull).sum().backward()
    (expected * pull).sum().backward()
    for mine, right in zip((points, features), exact, strict=True):
        scale = right.grad.abs().max()
        tolerance = 1e-5 if dtype == torch.float32 else 1e-11
        assert (mine.grad - right.grad).abs().max() <= tolerance * scale


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sigmainv", [7000, 700, 70])
@pytest.mark.parametrize("boxlen", [0.02, 0.2])
@pytest.mark.parametrize("knum", [30, 3, 1])
def test_soft_mask_is_the_definition(dtype, sigmainv, boxlen, knum):
    points, z, _, _ = scene(3, faces=60, size=0.3, dtype=dtype)
    _, index = oracle.rasterize(33, 40, z, points, z[..., None], torch.ones(z.shape[:2], dtype=torch.bool))
    exact = points.double().requires_grad_()
    expected = oracle.soft_mask(exact, index, sigmainv, boxlen, knum)
    points.requires_grad_()
    mask = kal.render.mesh.dibr_soft_mask(points, index, sigmainv, boxlen, knum)
    single = dtype == torch.float32
    assert torch.allclose(mask.double(), expected, rtol=1e-5, atol=1e-5 if single else 1e-12)
    assert torch.equal(mask[index >= 0], torch.ones_like(mask[index >= 0]))
    pull = torch.rand(mask.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    (mask * pull).sum().backward()
    (expected * pull).sum().backward()
    assert exact.grad.abs().max() > 0
    error = (points.grad - exact.grad).abs().max()
    assert error <= (2e-5 if single else 1e-11) * exact.grad.abs().max()


def test_soft_mask_gradient_is_the_slope():
    points, z, _, _ = scene(5, batch=1, faces=6, size=0.8)
    _, index = oracle.rasterize(12, 12, z, points, z[..., None], torch.ones(z.shape[:2], dtype=torch.bool))
    check = torch.autograd.gradcheck(
        lambda p: kal.render.mesh.dibr_soft_mask(p, index, 30.0, 0.3, 4), points.requires_grad_(), eps=1e-7
    )
    assert check


def test_ties_edges_and_boxes():
    # corners on pixel centres of a 4 x 4 picture, all numbers exact in binary
    square = torch.tensor([[-0.75, -0.75], [0.25, -0.75], [0.25, 0.25], [-0.75, 0.25]], dtype=torch.float64)
    points = square[torch.tensor([[0, 1, 2], [0, 2, 3], [0, 2, 3]])][None]
    z = torch.full((1, 3, 3), -2.0, dtype=torch.float64)
    features = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)[None, :, None, None].expand(1, 3, 3, 1)
    image, index = kal.render.mesh.rasterize(4, 4, z, points, features)
    # left and lower borders are drawn, right and upper ones are not; the diagonal is the first face's
    expected = [[-1, -1, -1, -1], [-1, -1, -1, -1], [1, 0, -1, -1], [0, 0, -1, -1]]
    assert index[0].tolist() == expected
    assert torch.equal(image[0, ..., 0], (index[0] + 1).double())
    nearer = z.clone()
    nearer[0, 2] = -1.5
    _, index = kal.render.mesh.rasterize(4, 4, nearer, points, features)
    assert index[0].tolist() == [[-1, -1, -1, -1], [-1, -1, -1, -1], [2, 2, -1, -1], [2, 0, -1, -1]]


def test_dibr_rasterization_puts_them_together():
    points, z, features, facing = scene(7)
    parts = [features[..., :1], features[..., 1:]]
    (one, two), mask, index = kal.render.mesh.dibr_rasterization(20, 30, z, points, parts, facing, boxlen=0.1)
    whole, index2 = kal.render.mesh.rasterize(20, 30, z, points, features, facing >= 0)
    assert one.shape == (2, 20, 30, 1) and two.shape == (2, 20, 30, 2)
    assert torch.equal(torch.cat([one, two], dim=-1), whole) and torch.equal(index, index2)
    assert torch.equal(mask, kal.render.mesh.dibr_soft_mask(points, index, boxlen=0.1))


def test_any_number_of_threads_and_a_batch_is_its_images():
    points, z, features, facing = scene(8, batch=3, faces=200, size=0.2, dtype=torch.float32)
    results = []
    try:
        for threads in (1, 3):
            set_num_threads(threads)
            leaves = points.clone().requires_grad_(), features.clone().requires_grad_()
            image, mask, _ = kal.render.mesh.dibr_rasterization(150, 140, z, *leaves, facing)
            ((image**2).sum() + (mask**2).sum()).backward()
            results.append((image.detach(), mask.detach(), leaves[0].grad, leaves[1].grad))
    finally:
        set_num_threads(None)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
    image, mask, _ = kal.render.mesh.dibr_rasterization(
        150, 140, z[1:2], points[1:2], features[1:2], facing[1:2]
    )
    assert torch.equal(image[0], results[0][0][1]) and torch.equal(mask[0], results[0][1][1])


def test_faces_that_are_not_numbers_are_not_drawn():
    points, z, features, facing = scene(9)
    points[0, 3, 1, 0], z[1, 4, 0] = torch.nan, torch.inf
    image, mask, index = kal.render.mesh.dibr_rasterization(30, 30, z, points, features, facing)
    assert not (index[0] == 3).any() and not (index[1] == 4).any()
    assert torch.isfinite(image).all() and torch.isfinite(mask).all()


def test_no_faces():
    empty = torch.zeros(2, 0, 3, 2)
    image, mask, index = kal.render.mesh.dibr_rasterization(
        5, 6, empty[..., 0], empty, empty, torch.zeros(2, 0)
    )
    assert image.shape == (2, 5, 6, 2) and not mask.any() and (index == -1).all()


def test_bad_arguments_are_named():
    points, z, features, facing = scene(10)
    with pytest.raises(InputError, match="face_vertices_z"):
        kal.render.mesh.rasterize(8, 8, z[:, :5], points, features)
    with pytest.raises(InputError, match="backend"):
        kal.render.mesh.rasterize(8, 8, z, points, features, backend="opengl")
    with pytest.raises(InputError, match="sigmainv"):
        kal.render.mesh.dibr_rasterization(8, 8, z, points, features, facing, sigmainv=0)
    with pytest.raises(InputError, match="lhs_mask"):
        kal.metrics.render.mask_iou(torch.zeros(1, 4, 4), torch.zeros(1, 4, 5))


@pytest.mark.skipif(RECORDED is None, reason="kaolin's recorded tensors: set KAOLIN_DIBR_CONFORMANCE")
@pytest.mark.parametrize("sigmainv", [7000, 70])
@pytest.mark.parametrize("boxlen", [0.02, 0.2])
@pytest.mark.parametrize("knum", [30, 20])
@pytest.mark.parametrize("multiplier", [1000.0, 100.0, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_recorded_tensors(sigmainv, boxlen, knum, multiplier, dtype):
    inputs = np.load(RECORDED / "inputs.npz")
    expected = np.load(RECORDED / f"expected_sigmainv{sigmainv}_boxlen{boxlen}.npz")
    points = torch.tensor(inputs["face_vertices_image"], dtype=dtype, requires_grad=True)
    index = torch.tensor(inputs["selected_face_idx"])
    mask = kal.render.mesh.dibr_soft_mask(points, index, sigmainv, boxlen, knum, multiplier)
    np.testing.assert_allclose(mask.detach(), expected["soft_mask"], rtol=1e-5, atol=1e-5)
    target = torch.nn.functional.pad((index != -1).to(dtype)[:, :, 5:], (0, 5))
    kal.metrics.render.mask_iou(mask, target).backward()
    np.testing.assert_allclose(points.grad, expected["grad_face_vertices_image"], rtol=1e-5, atol=1e-5)
    z = torch.tensor(inputs["face_vertices_z"], dtype=dtype)
    _, drawn = kal.render.mesh.rasterize(35, 31, z, points.detach(), z[..., None], None, multiplier)
    assert torch.equal(drawn >= 0, index >= 0)
