"""Losses against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unrender import losses
from unrender.render.kernels import squared_error
from unrender.template import make_template
from unrender.topology import neighbour_table


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (0.0, 1.0), (0.5, 0.5), (0.3, 0.8)])
def test_soft_iou_of_constants(a, b):
    found = losses.soft_iou_loss(torch.full((2, 8, 8), a), torch.full((2, 8, 8), b))
    assert found.shape == (2,)
    assert found[0].item() == pytest.approx(1 - a * b / (a + b - a * b), abs=1e-5)


def test_soft_iou_of_hard_masks_is_the_iou():
    first, second = torch.zeros(1, 10, 10), torch.zeros(1, 10, 10)
    first[0, :6, :5], second[0, 3:9, 2:7] = 1, 1  # 30 and 30 pixels, 9 in both
    assert losses.soft_iou_loss(first, second).item() == pytest.approx(1 - 9 / 51, abs=1e-5)
    assert losses.soft_iou_loss(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)).isfinite().all()


def test_mask_head_loss_of_no_opinion():
    target = torch.zeros(1, 8, 8)
    target[:, :4] = 1
    found = losses.mask_head_loss(torch.zeros(1, 8, 8), target)  # probability 1/2 everywhere
    assert found.item() == pytest.approx(math.log(2) + 1 - 16 / (32 + 32 - 16), abs=1e-5)
    assert losses.mask_head_loss((target - 0.5) * 60, target).item() < 1e-4


def test_colours_count_inside_the_mask_alone():
    prediction, target = torch.zeros(2, 4, 4, 3), torch.ones(2, 4, 4, 3)
    target[0, 0, 0] = 0.25
    mask = torch.zeros(2, 4, 4)
    mask[0, 0, 0], mask[0, 1, 1] = 1, 0.5
    found = losses.masked_colour_loss(prediction, target, mask)
    assert found[0].item() == pytest.approx((0.25 + 0.5) / 1.5, abs=1e-5)
    assert found[1].item() == 0, "nothing in the mask"


def test_laplacian_of_a_tetrahedron():
    vertices = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=torch.float64)
    faces = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]], np.int32)
    index, weight = neighbour_table(faces, 4)
    tables = torch.from_numpy(index.astype(np.int64)), torch.from_numpy(weight).double()
    # the mean of the three others of four points that sum to zero is -v / 3
    found = losses.uniform_laplacian(vertices + 5, *tables)
    torch.testing.assert_close(found, -4 / 3 * vertices, atol=1e-6, rtol=0)
    assert losses.laplacian_loss(vertices, *tables).item() == pytest.approx(16 / 9 * 3, rel=1e-6)


def test_laplacian_of_a_linear_map_of_the_sphere():
    """Smooth where the sphere is: about constant, unlike noise of the same size."""
    template = make_template(3)
    index, weight = neighbour_table(template.faces, 642)
    tables = torch.from_numpy(index.astype(np.int64)), torch.from_numpy(weight)
    sphere = torch.from_numpy(template.vertices.copy())
    noise = torch.randn(642, 3, generator=torch.Generator().manual_seed(0)) / 3**0.5
    smooth, rough = (losses.laplacian_loss(x, *tables).item() for x in (sphere, noise))
    assert smooth < 0.001 * rough


@pytest.mark.parametrize("degrees", [0.0, 0.01, 5, 90, 150, 179])
def test_geodesic_angle_is_the_rotations(degrees):
    angle = math.radians(degrees)
    axis = torch.tensor([0.36, 0.48, 0.8], dtype=torch.float64)
    x, y, z = axis.tolist()
    generator = torch.tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float64)
    base = torch.linalg.matrix_exp(
        torch.tensor([[0, 1.0, 0.3], [-1, 0, 2], [-0.3, -2, 0]], dtype=torch.float64)
    )
    turned = (base @ torch.linalg.matrix_exp(angle * generator)).requires_grad_(True)
    found = losses.geodesic_angle(base, turned)
    assert found.item() == pytest.approx(angle, abs=1e-5)
    found.backward()
    assert turned.grad.isfinite().all()


def test_geodesic_angle_of_batches():
    rotations = torch.linalg.qr(torch.randn(4, 5, 3, 3, generator=torch.Generator().manual_seed(0)))[0]
    rotations = rotations * torch.linalg.det(rotations)[..., None, None]
    found = losses.geodesic_angle(rotations[:, :1], rotations)
    cosine = (torch.einsum("abij,abij->ab", rotations[:, :1].expand_as(rotations), rotations) - 1) / 2
    torch.testing.assert_close(found, torch.acos(cosine.clamp(-1, 1)), atol=2e-3, rtol=0)


def test_cameras_count_as_far_as_they_are_trusted():
    """Half the loss of the first picture alone, as there are two; no gradient to the second, not trusted."""
    from unrender.network.model import NetworkConfig, UnrenderNetwork, anchor_rotations
    from unrender.train.camera_loss import camera_loss

    torch.manual_seed(0)
    network = UnrenderNetwork(NetworkConfig(hypotheses=4))
    images = torch.rand(2, 3, 128, 128)
    truth = anchor_rotations(6)[[1, 4]]
    both = network(images)
    loss, errors = camera_loss(both, network.anchors, truth, torch.tensor([1.0, 0.0]))
    alone, error = camera_loss(both[:1], network.anchors, truth[:1])
    assert loss.item() == pytest.approx(alone.item() / 2, rel=1e-5)
    assert errors[0].item() == pytest.approx(error[0].item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(loss, both.hypothesis_logits)
    assert gradient[0].abs().max() > 0 and (gradient[1] == 0).all()


def _pictures(dtype):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(3, 90, 70, 3, generator=generator, dtype=dtype), torch.rand(
        3, 90, 70, 3, generator=generator, dtype=dtype
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-13)])
def test_mean_squared_error_is_torchs(dtype, tolerance):
    prediction, target = _pictures(dtype)
    results = []
    for loss in (losses.mean_squared_error, torch.nn.functional.mse_loss):
        leaf = prediction.clone().requires_grad_()
        value = loss(leaf, target)
        (3 * value).backward()
        results.append((value.detach(), leaf.grad))
    for ours, torchs in zip(*results, strict=True):
        torch.testing.assert_close(ours, torchs, rtol=tolerance, atol=0)


def test_mean_squared_error_does_not_depend_on_threads(monkeypatch):
    monkeypatch.setattr(squared_error, "SERIAL", 0)
    prediction, target = (picture.numpy().reshape(-1) for picture in _pictures(torch.float32))
    for count in (2, 3):
        assert squared_error.forward(prediction, target, count) == squared_error.forward(prediction, target)
        ours, single = (squared_error.vjp(prediction, target, 0.5, n) for n in (count, 1))
        assert (ours == single).all()
        value, gradient = squared_error.forward_and_gradient(prediction, target, count)
        assert value == squared_error.forward(prediction, target)
        assert (gradient == squared_error.vjp(prediction, target, 1.0)).all()


def test_mean_squared_error_of_a_graph_that_is_kept():
    prediction, target = _pictures(torch.float64)
    leaf = prediction.clone().requires_grad_()
    value = losses.mean_squared_error(leaf, target)
    once = 2 * (prediction - target) / target.numel()
    for times, keep in ((1, True), (2, True), (3, False)):  # the first one becomes leaf.grad and is added to
        value.backward(retain_graph=keep)
        torch.testing.assert_close(leaf.grad, times * once)
    with torch.no_grad():
        assert not losses.mean_squared_error(leaf, target).requires_grad


def test_mean_squared_error_of_what_only_torch_can_do():
    prediction, target = _pictures(torch.float32)
    target.requires_grad_()
    losses.mean_squared_error(prediction, target).backward()
    torch.testing.assert_close(target.grad, 2 * (target.detach() - prediction) / target.numel())
    leaf = prediction.transpose(1, 2).requires_grad_()  # not contiguous
    losses.mean_squared_error(leaf, target.detach().transpose(1, 2)).backward()
    torch.testing.assert_close(leaf.grad, 2 * (prediction - target.detach()).transpose(1, 2) / target.numel())
    moved = torch.func.grad(losses.mean_squared_error)(prediction, target.detach())
    torch.testing.assert_close(moved, 2 * (prediction - target.detach()) / target.numel())
