"""compat.nvdiffrast against its documented definitions in plain torch."""

from __future__ import annotations

import nvdiffrast_oracle as oracle
import pytest
import torch
from torch.nn.functional import avg_pool2d, grid_sample, pad

import unrender.compat.nvdiffrast.torch as dr
from unrender.errors import InputError

double = torch.float64
CONTEXT = dr.RasterizeCudaContext()


def tetrahedra(seed, count=3, batch=2):
    """Closed meshes in front of the camera, in perspective; clip positions [B, V, 4] and triangles."""
    make = torch.Generator().manual_seed(seed)
    corners = torch.tensor([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=double)
    where = (torch.rand(batch, count, 1, 3, generator=make, dtype=double) - 0.5) * 1.5
    points = (
        where + corners * 0.6 + torch.rand(batch, count, 4, 3, generator=make, dtype=double) * 0.3
    ).flatten(1, 2)
    x, y, z = points.unbind(-1)
    w = 4 - z
    clip = torch.stack([1.8 * x, 1.8 * y, 1.2 * w - 2.2, w], dim=-1)
    faces = torch.tensor([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]], dtype=torch.int32)
    return clip, torch.cat([faces + 4 * number for number in range(count)])


def assert_near(a, b, tolerance=1e-9):
    assert a.shape == b.shape
    assert (a - b).abs().max() <= tolerance * max(1.0, float(b.detach().abs().max()))


def test_rasterize_is_the_definition():
    pos, tri = tetrahedra(1)
    exact, pos = pos.clone().requires_grad_(), pos.requires_grad_()
    rast, rast_db = dr.rasterize(CONTEXT, pos, tri, (24, 30))
    expected = [oracle.rasterize(one, tri, 24, 30) for one in exact]
    expected = [torch.stack(parts) for parts in zip(*expected, strict=True)]
    assert (rast[..., 3] > 0).double().mean() > 0.1
    assert_near(rast, expected[0])
    assert_near(rast_db, expected[1])
    pull = torch.randn(2, *rast.shape, dtype=double, generator=torch.Generator().manual_seed(2))
    pull[0, ..., 2:] = 0
    ((rast * pull[0]).sum() + (rast_db * pull[1]).sum()).backward()
    ((expected[0] * pull[0]).sum() + (expected[1] * pull[1]).sum()).backward()
    assert_near(pos.grad, exact.grad, 1e-8)


def test_options_of_rasterize():
    pos, tri = tetrahedra(3)
    leaf = pos.clone().requires_grad_()
    rast, rast_db = dr.rasterize(dr.RasterizeGLContext(output_db=False), pos, tri, [8, 9])
    assert rast.shape == (2, 8, 9, 4) and rast_db.shape == (2, 8, 9, 0)
    rast, rast_db = dr.rasterize(CONTEXT, leaf, tri.long(), (8, 9), grad_db=False)
    assert rast.requires_grad and not rast_db.requires_grad
    far = pos.clone()
    far[..., 2] = 1.5 * far[..., 3]
    assert not dr.rasterize(CONTEXT, far, tri, (8, 9))[0].any()


def test_row_0_is_the_bottom():
    pos = torch.tensor([[[-1, -1, 0, 1], [1, -1, 0, 1], [0, -0.5, 0, 1]]], dtype=double)
    rast, _ = dr.rasterize(CONTEXT, pos, torch.tensor([[0, 1, 2]], dtype=torch.int32), (8, 8))
    assert rast[0, 0, :, 3].any() and not rast[0, 4:, :, 3].any()
    assert rast[0, 0, 1, 0] > rast[0, 0, 5, 0] > 0  # the first vertex is at the left


def test_ranges_draw_parts_of_one_list():
    pos, tri = tetrahedra(5, batch=1)
    pos = pos[0].requires_grad_()
    ranges = torch.tensor([[0, 4], [4, 8], [8, 4]], dtype=torch.int32)
    rast, rast_db = dr.rasterize(CONTEXT, pos, tri, (20, 20), ranges)
    whole = pos.detach()[None]
    for image, (start, count) in enumerate(ranges.tolist()):
        one, one_db = dr.rasterize(CONTEXT, whole, tri[start : start + count], (20, 20))
        one[..., 3] += start * (one[..., 3] > 0)
        assert torch.equal(rast[image], one[0].detach()) and torch.equal(rast_db[image], one_db[0])
    attr, _ = dr.interpolate(pos[:, :2], rast, tri)
    (dr.antialias(attr, rast, pos, tri) ** 2).sum().backward()
    assert pos.grad.abs().sum() > 0 and pos.grad.shape == pos.shape


def test_layers_are_the_sorted_fragments():
    pos, tri = tetrahedra(7)
    with dr.DepthPeeler(CONTEXT, pos, tri, (24, 30)) as peeler:
        layers = [peeler.rasterize_next_layer() for _ in range(5)]
    assert_near(layers[0][0], dr.rasterize(CONTEXT, pos, tri, (24, 30))[0])
    assert (layers[2][0][..., 3] > 0).any()
    for number, (rast, rast_db) in enumerate(layers):
        expected = [oracle.rasterize(one, tri, 24, 30, number) for one in pos]
        assert_near(rast, torch.stack([first for first, _ in expected]))
        assert_near(rast_db, torch.stack([second for _, second in expected]))


def test_a_layer_through_the_near_plane():
    pos = torch.tensor([[-9, -1.03, 0.1, 1], [9.2, -1, 0.2, 1], [0.3, 2.1, -2.2, -1]], dtype=double)[None]
    tri = torch.tensor([[0, 1, 2]], dtype=torch.int32)
    first, _ = dr.DepthPeeler(CONTEXT, pos, tri, (30, 30)).rasterize_next_layer()
    assert_near(first, dr.rasterize(CONTEXT, pos, tri, (30, 30))[0])
    assert first[..., 3].any()


@pytest.mark.parametrize("shared", [True, False])
def test_interpolate(shared):
    pos, tri = tetrahedra(9)
    make = torch.Generator().manual_seed(1)
    attr = torch.rand(1 if shared else 2, pos.shape[1], 5, dtype=double, generator=make, requires_grad=True)
    rast, rast_db = (out.requires_grad_() for out in dr.rasterize(CONTEXT, pos, tri, (14, 15)))
    out, out_da = dr.interpolate(attr, rast, tri, rast_db, [3, 0])
    assert dr.interpolate(attr, rast, tri)[1].shape == (2, 14, 15, 0)
    assert dr.interpolate(attr, rast, tri, rast_db, "all")[1].shape == (2, 14, 15, 10)

    def definition(attr, rast, rast_db):
        seen = (rast[..., 3:] > 0).double()
        corners = tri.long()[(rast[..., 3].long() - 1).clamp(min=0)]
        a = attr.expand(2, -1, -1)[torch.arange(2)[:, None, None, None], corners]
        u, v = rast[..., :1], rast[..., 1:2]
        out = seen * (u * a[..., 0, :] + v * a[..., 1, :] + (1 - u - v) * a[..., 2, :])
        p, q = a[..., 0, :] - a[..., 2, :], a[..., 1, :] - a[..., 2, :]
        slopes = [
            seen[..., 0] * (rast_db[..., axis] * p[..., n] + rast_db[..., 2 + axis] * q[..., n])
            for n in (3, 0)
            for axis in (0, 1)
        ]
        return out, torch.stack(slopes, dim=-1)

    leaves = [x.detach().clone().requires_grad_() for x in (attr, rast, rast_db)]
    expected, expected_da = definition(*leaves)
    assert_near(out, expected)
    assert_near(out_da, expected_da)
    pull, pull_da = (torch.randn(x.shape, dtype=double, generator=make) for x in (out, out_da))
    ((out * pull).sum() + (out_da * pull_da).sum()).backward()
    ((expected * pull).sum() + (expected_da * pull_da).sum()).backward()
    for mine, right in zip((attr, rast, rast_db), leaves, strict=True):
        assert_near(mine.grad, right.grad)


@pytest.mark.parametrize("seed", [11, 12])
def test_antialias_is_the_definition(seed):
    pos, tri = tetrahedra(seed)
    make = torch.Generator().manual_seed(seed)
    rast, _ = dr.rasterize(CONTEXT, pos, tri, (16, 18))
    color = torch.rand(2, 16, 18, 3, dtype=double, generator=make)
    inputs = [color.clone().requires_grad_(), pos.clone().requires_grad_()]
    exact = [color.clone().requires_grad_(), pos.clone().requires_grad_()]
    out = dr.antialias(inputs[0], rast, inputs[1], tri)
    expected = torch.stack(
        [oracle.antialias(*each, tri) for each in zip(exact[0], rast, exact[1], strict=True)]
    )
    assert (out != color).double().mean() > 0.05
    assert_near(out, expected)
    pull = torch.randn(out.shape, dtype=double, generator=make)
    (out * pull).sum().backward()
    (expected * pull).sum().backward()
    assert_near(inputs[0].grad, exact[0].grad)
    assert_near(inputs[1].grad, exact[1].grad)
    again = [color.clone().requires_grad_(), pos.clone().requires_grad_()]
    hashed = dr.antialias_construct_topology_hash(tri)
    same = dr.antialias(again[0], rast, again[1], tri, topology_hash=hashed, pos_gradient_boost=3.0)
    (same * pull).sum().backward()
    assert torch.equal(same, out) and torch.allclose(again[1].grad, 3 * inputs[1].grad)


def test_a_moving_edge_is_seen_in_the_sum():
    # the slope of the coverage's sum with the offset of a square's side is the side's length in pixels
    def total(offset, angle):
        square = torch.tensor([[-0.55, -0.55], [0.55, -0.55], [0.55, 0.55], [-0.55, 0.55]], dtype=double)
        square = square + torch.stack([offset, 0 * offset]) * torch.tensor(
            [[0.0], [1], [1], [0]], dtype=double
        )
        turn = torch.tensor([[angle.cos(), angle.sin()], [-angle.sin(), angle.cos()]], dtype=double)
        pos = pad(square @ turn, (0, 2), value=1.0)[None] * torch.tensor([1, 1, 0, 1.0], dtype=double)
        tri = torch.tensor([[0, 1, 2], [0, 2, 3]], dtype=torch.int32)
        rast, _ = dr.rasterize(CONTEXT, pos, tri, (96, 96))
        return dr.antialias((rast[..., 3:] > 0).double(), rast, pos, tri).sum()

    for angle in (0.0, 0.3, 0.78):
        slopes = []
        for step in range(32):
            offset = torch.tensor(step / 32 * 2 / 96, dtype=double, requires_grad=True)
            slopes.append(torch.autograd.grad(total(offset, torch.tensor(angle, dtype=double)), offset)[0])
        assert torch.stack(slopes).mean() == pytest.approx(1.1 / 4 * 96 * 96, rel=0.03)


def sampled(tex, uv, mode, boundary):
    """The same through torch's grid_sample: a texture whose row 0 is v = 0 has grid y = 2 v - 1."""
    tex = tex.permute(0, 3, 1, 2).expand(uv.shape[0], -1, -1, -1)
    if boundary == "wrap":
        height, width = tex.shape[2:]
        tex = tex.repeat(1, 1, 3, 3)
        uv = (uv - uv.floor() + 1) / 3
        assert tex.shape[2:] == (3 * height, 3 * width)
    padding = "zeros" if boundary == "zero" else "border"
    found = grid_sample(tex, 2 * uv - 1, mode="bilinear" if mode == "linear" else "nearest",
                        padding_mode=padding, align_corners=False)  # fmt: skip
    return found.permute(0, 2, 3, 1)


@pytest.mark.parametrize("boundary", ["wrap", "clamp", "zero"])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_texture_in_one_level(mode, boundary):
    make = torch.Generator().manual_seed(4)
    tex = torch.rand(1, 6, 8, 3, dtype=double, generator=make).requires_grad_()
    uv = (torch.rand(2, 9, 7, 2, dtype=double, generator=make) * 3 - 1).requires_grad_()
    out = dr.texture(tex, uv, filter_mode=mode, boundary_mode=boundary)
    leaves = [x.detach().clone().requires_grad_() for x in (tex, uv)]
    expected = sampled(*leaves, mode, boundary)
    assert_near(out, expected)
    pull = torch.randn(out.shape, dtype=double, generator=make)
    (out * pull).sum().backward()
    (expected * pull).sum().backward()
    assert_near(tex.grad, leaves[0].grad)
    if mode == "linear":
        assert_near(uv.grad, leaves[1].grad)


def levels_of(tex, count):
    levels = [tex]
    for _ in range(count):
        levels.append(avg_pool2d(levels[-1].permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1))
    return levels


@pytest.mark.parametrize("given", ["made", "constructed", "own"])
def test_texture_between_levels(given):
    make = torch.Generator().manual_seed(6)
    tex = torch.rand(1, 16, 16, 2, dtype=double, generator=make)
    uv = torch.rand(2, 5, 6, 2, dtype=double, generator=make)
    uv_da = torch.randn(2, 5, 6, 4, dtype=double, generator=make) * 0.15
    bias = torch.rand(2, 5, 6, dtype=double, generator=make)
    own = [torch.rand_like(level) for level in levels_of(tex, 3)[1:]]
    leaves = [x.clone().requires_grad_() for x in (tex, uv, uv_da, bias)]
    mip = {"made": None, "constructed": dr.texture_construct_mip(leaves[0], 3), "own": own}[given]
    limit = 3 if given == "made" else None
    out = dr.texture(*leaves, mip=mip, max_mip_level=limit)
    exact = [x.clone().requires_grad_() for x in (tex, uv, uv_da, bias)]
    slopes = exact[2].unflatten(-1, (2, 2)) * 16
    level = torch.linalg.svdvals(slopes)[..., 0].log2() + exact[3]
    level = level.clamp(0, 3)
    levels = [exact[0], *own] if given == "own" else levels_of(exact[0], 3)
    expected = sum(
        sampled(one, exact[1], "linear", "wrap") * (1 - (level - n).abs()).clamp(min=0)[..., None]
        for n, one in enumerate(levels)
    )
    assert ((level > 0.1) & (level < 2.9)).any()
    assert_near(out, expected)
    pull = torch.randn(out.shape, dtype=double, generator=make)
    (out * pull).sum().backward()
    (expected * pull).sum().backward()
    for mine, right in zip(leaves, exact, strict=True):
        assert_near(mine.grad, right.grad, 1e-8)


def test_nearest_level_and_level_by_bias():
    tex = torch.rand(1, 8, 8, 1, dtype=double)
    uv = torch.rand(1, 4, 4, 2, dtype=double)
    for wanted, level in ((0.4, 0), (0.6, 1), (1.7, 2), (9.0, 3)):
        bias = torch.full((1, 4, 4), wanted, dtype=double)
        out = dr.texture(tex, uv, mip_level_bias=bias, filter_mode="linear-mipmap-nearest")
        assert_near(out, sampled(levels_of(tex, 3)[level], uv, "linear", "wrap"))


def directions(size):
    """Where OpenGL's cube map faces look, texel by texel: [6, n, n, 3]."""
    s = (torch.arange(size, dtype=double) + 0.5) * 2 / size - 1
    t, s = torch.meshgrid(s, s, indexing="ij")
    one = torch.ones_like(s)
    faces = [(one, -t, -s), (-one, -t, s), (s, one, t), (s, -one, -t), (s, -t, one), (-s, -t, -one)]
    return torch.stack([torch.stack(face, dim=-1) for face in faces])


def test_cube_map():
    cube = directions(32)
    tex = (cube / cube.norm(dim=-1, keepdim=True))[None].requires_grad_()
    make = torch.Generator().manual_seed(8)
    uv = torch.randn(2, 10, 10, 3, dtype=double, generator=make)
    out = dr.texture(tex, uv, boundary_mode="cube")
    assert (out - uv / uv.norm(dim=-1, keepdim=True)).abs().max() < 0.02
    exactly = dr.texture(
        tex, cube.reshape(1, 6 * 32, 32, 3) * 2.5, filter_mode="nearest", boundary_mode="cube"
    )
    assert_near(exactly.reshape(6, 32, 32, 3), tex[0])
    uv_da = torch.randn(2, 10, 10, 6, dtype=double, generator=make) * 0.2
    blurred = dr.texture(tex, uv, uv_da, boundary_mode="cube", max_mip_level=3)
    assert ((blurred * uv).sum(-1) > 0).all() and (blurred - out).abs().max() > 1e-3
    uv[0, 0, 0], uv[0, 0, 1] = 0.0, torch.nan
    leaf = uv.requires_grad_()
    out = dr.texture(tex, leaf, boundary_mode="cube")
    out.sum().backward()
    assert not out[0, 0, :2].any() and not leaf.grad[0, 0, :2].any() and leaf.grad.isfinite().all()
    assert tex.grad.sum() == pytest.approx(3 * (2 * 100 - 2))


def test_single_precision_agrees():
    pos, tri = tetrahedra(21)
    tex = torch.rand(1, 32, 32, 3)
    pictures = []
    for dtype in (torch.float32, double):
        clip = pos.to(dtype)
        rast, rast_db = dr.rasterize(CONTEXT, clip, tri, (32, 32))
        uv, uv_da = dr.interpolate(clip[..., :2].contiguous(), rast, tri, rast_db, "all")
        color = dr.texture(tex.to(dtype), uv, uv_da) * (rast[..., 3:] > 0)
        pictures.append(dr.antialias(color, rast, clip, tri).double())
    assert (pictures[0] - pictures[1]).abs().max() < 1e-3


def test_bad_arguments_are_named():
    pos, tri = tetrahedra(1)
    rast, _ = dr.rasterize(CONTEXT, pos, tri, (4, 4))
    with pytest.raises(InputError, match="glctx"):
        dr.rasterize(None, pos, tri, (4, 4))
    with pytest.raises(InputError, match="ranges"):
        dr.rasterize(CONTEXT, pos[0], tri, (4, 4))
    with pytest.raises(InputError, match="tri:"):
        dr.rasterize(CONTEXT, pos, tri + 1, (4, 4))
    with pytest.raises(InputError, match="rast"):
        dr.interpolate(pos, rast, tri[:1])
    with pytest.raises(InputError, match="rast_db"):
        dr.interpolate(pos, rast, tri, diff_attrs="all")
    with pytest.raises(InputError, match="uv_da"):
        dr.texture(torch.zeros(1, 4, 4, 3), rast[..., :2], filter_mode="linear-mipmap-linear")
    with pytest.raises(InputError, match="boundary_mode"):
        dr.texture(torch.zeros(1, 4, 4, 3), rast[..., :2], boundary_mode="mirror")
    with pytest.raises(InputError, match="topology_hash"):
        other = dr.antialias_construct_topology_hash(tri[:2])
        dr.antialias(rast, rast, pos, tri, topology_hash=other)
