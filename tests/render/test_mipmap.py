"""Mip pyramids, levels of detail, boundaries and cube maps against the float64 reference."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from unrender import render  # noqa: E402
from unrender.errors import InputError  # noqa: E402
from unrender.render import reference_texture as oracle  # noqa: E402

WRAPS = ("clamp", "repeat", "mirror", "zero")


def tensor(array):
    return torch.tensor(array, dtype=torch.float64, requires_grad=True)


def check(function, inputs, seed=0, count=6, step=1e-6, tolerance=1e-4):
    """The product's gradients in float64 and float32 against central differences of the oracle.

    `function(reference, *tensors)` gives the picture, by the product or by the oracle.
    """
    rng = np.random.default_rng(seed)
    leaves = [tensor(value) for value in inputs]
    picture = function(False, *leaves)
    weight = torch.tensor(rng.normal(size=picture.shape))
    (picture * weight).sum().backward()
    expected = function(True, *[tensor(value) for value in inputs])
    torch.testing.assert_close(picture, expected, atol=1e-9, rtol=1e-9)
    singles = [torch.tensor(value, dtype=torch.float32, requires_grad=True) for value in inputs]
    (function(False, *singles) * weight.float()).sum().backward()
    for number, (leaf, single) in enumerate(zip(leaves, singles, strict=True)):
        scale = float(leaf.grad.abs().max())
        assert (single.grad.double() - leaf.grad).norm() < 1e-3 * leaf.grad.norm() + 1e-6
        for _ in range(count):
            direction = torch.tensor(rng.normal(size=leaf.shape))
            ends = []
            for sign in (1, -1):
                moved = [value.detach() for value in leaves]
                moved[number] = moved[number] + sign * step * direction
                ends.append(float((function(True, *moved) * weight).sum()))
            numeric, exact = (ends[0] - ends[1]) / (2 * step), float((leaf.grad * direction).sum())
            assert abs(numeric - exact) <= tolerance * max(abs(numeric), abs(exact), scale)


@pytest.mark.parametrize("size", [(8, 8), (5, 7), (1, 6), (1, 1), (9, 2)])
def test_pyramid(size):
    rng = np.random.default_rng(0)
    texture = rng.uniform(size=(2, *size, 3))

    def flat(reference, texture):
        if reference:
            levels = oracle.pyramid_reference(texture)
            return torch.cat([level.reshape(2, -1, 3) for level in levels], 1)
        return render.make_pyramid(texture).texels

    check(flat, [texture])
    pyramid = render.make_pyramid(texture)
    np.testing.assert_allclose(pyramid.texels, flat(True, torch.tensor(texture)).numpy(), atol=1e-12)
    np.testing.assert_allclose(pyramid.texels[:, -1], texture.mean((1, 2)), atol=1e-12)


def test_level_of_known_footprints():
    """A texel a pixel is level 0; twice as coarse in one direction is level 1, however it is turned."""
    height, width = 32, 64
    c, s = np.cos(0.7), np.sin(0.7)
    turn = np.array([[c, -s], [s, c]])
    steps = np.stack(
        [np.eye(2), np.diag([2.0, 1.0]), turn @ np.diag([4.0, 3.0]), np.diag([0.25, 0.5]) @ turn]
    )
    derivatives = steps / np.array([width, height])[:, None]
    texture = np.zeros((1, height, width, 1))
    ramp = np.concatenate(
        [np.full(level.shape[1] * level.shape[2], number, float)
         for number, level in enumerate(oracle.pyramid_reference(torch.tensor(texture)))]
    )  # fmt: skip
    pyramid = render.Pyramid(ramp[None, :, None], height, width, 7)
    seen = render.sample_texture(
        pyramid, np.full((1, 1, 4, 2), 0.5), "mipmap", uv_derivatives=derivatives[None, None]
    )
    np.testing.assert_allclose(seen[0, 0, :, 0], [0, 1, 2, 0], atol=1e-12)


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("filter", ["mipmap", "mipmap-nearest"])
def test_mipmap(filter, wrap):
    rng = np.random.default_rng(3)
    texture = rng.uniform(size=(2, 12, 7, 3))
    uv = rng.uniform(-0.4, 1.4, size=(2, 5, 6, 2))
    slopes = rng.normal(size=(2, 5, 6, 2, 2)) * 0.25
    bias = rng.normal(size=(2, 5, 6)) * 0.3

    def picture(reference, texture, uv, slopes, bias):
        if reference:
            levels = oracle.pyramid_reference(texture)
            level = oracle.level_reference(slopes, 12, 7) + bias
            return oracle.sample_levels_reference(levels, uv, level, filter, wrap)
        return render.sample_texture(texture, uv, filter, wrap, None, slopes, bias)

    check(picture, [texture, uv, slopes, bias])
    same = render.sample_texture(texture, uv, filter, wrap, None, slopes, bias)
    by_torch = picture(False, *map(torch.tensor, (texture, uv, slopes, bias)))
    np.testing.assert_array_equal(same, by_torch.numpy())


def test_levels_are_clamped_and_derivatives_may_vanish():
    rng = np.random.default_rng(4)
    texture, uv = rng.uniform(size=(1, 8, 8, 2)), rng.uniform(size=(1, 1, 3, 2))
    level = np.array([[[-3.0, 50.0, np.nan]]])
    seen = render.sample_texture(texture, uv, "mipmap", level_bias=level, max_level=2)
    fine, coarse = render.sample_texture(texture, uv), oracle.pyramid_reference(torch.tensor(texture))[2]
    np.testing.assert_allclose(seen[0, 0, 0], fine[0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(seen[0, 0, 2], fine[0, 0, 2], atol=1e-12)
    expected = oracle.bilinear_reference(coarse, torch.tensor(uv))[0, 0, 1]
    np.testing.assert_allclose(seen[0, 0, 1], expected, atol=1e-12)
    slopes = torch.zeros((1, 1, 3, 2, 2), dtype=torch.float64, requires_grad=True)
    picture = render.sample_texture(torch.tensor(texture), torch.tensor(uv), "mipmap", uv_derivatives=slopes)
    picture.sum().backward()
    np.testing.assert_allclose(picture.detach(), fine, atol=1e-12)
    assert (slopes.grad == 0).all()


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("filter", ["linear", "nearest"])
def test_boundaries(filter, wrap):
    rng = np.random.default_rng(5)
    texture, uv = rng.uniform(size=(2, 5, 4, 3)), rng.uniform(-2.5, 3.5, size=(2, 6, 6, 2))

    def picture(reference, texture, uv):
        if reference:
            return oracle.bilinear_reference(texture.expand(2, -1, -1, -1), uv, wrap, filter == "linear")
        return render.sample_texture(texture, uv, filter, wrap)

    check(picture, [texture, uv])
    check(picture, [texture[:1], uv])


def test_one_level_of_the_pyramid_is_the_plain_look_up():
    rng = np.random.default_rng(6)
    texture, uv = rng.uniform(size=(1, 5, 4, 3)), rng.uniform(-1, 2, size=(3, 6, 6, 2))
    index = rng.integers(-1, 1, size=(3, 6, 6)).astype(np.int32)
    fragments = render.Fragments(index, None, None, None, (6, 6))
    one = render.make_pyramid(texture, max_level=0)
    for wrap in ("clamp", "repeat"):
        for filter in ("linear", "nearest"):
            plain = render.sample_texture(texture, uv, filter, wrap, fragments)
            general = render.sample_texture(one, uv, filter, wrap, fragments)
            np.testing.assert_allclose(general, plain, atol=1e-12)
            assert (general[index < 0] == 0).all()


def directions(count, seed):
    rng = np.random.default_rng(seed)
    free = rng.normal(size=(count, 3))
    edges = np.sign(rng.normal(size=(count, 3))) * np.array([1.0, 1.0, 0.3]) + 1e-3 * free
    corners = np.sign(rng.normal(size=(count, 3))) + 1e-2 * free
    for block in (edges, corners):
        for row in block:
            rng.shuffle(row)
    return np.concatenate([free, edges, corners])


@pytest.mark.parametrize("size", [1, 2, 5])
def test_cube_map(size):
    rng = np.random.default_rng(7)
    texture, towards = rng.uniform(size=(6, size, size, 2)), directions(20, 8)

    def picture(reference, texture, towards):
        if reference:
            return oracle.cube_reference(texture, towards)
        return render.sample_cube_map(texture, towards[None, None])[0, 0]

    check(picture, [texture, towards])


def test_cube_map_is_seamless():
    """Across edges and corners of the cube the value does not jump."""
    rng = np.random.default_rng(9)
    texture = rng.uniform(size=(6, 4, 4, 1))
    start = directions(200, 10)
    near = start + 1e-9 * rng.normal(size=start.shape)
    exact = np.sign(start) * (np.abs(start) > 0.5)
    exact = exact[(exact != 0).any(-1)]
    for first, second in ((start, near), (exact, exact + 1e-9 * rng.normal(size=exact.shape))):
        a, b = (render.sample_cube_map(texture, d[None, None]) for d in (first, second))
        assert np.abs(a - b).max() < 1e-7


def test_cube_map_orientation():
    """Each face's own colour, and the directions that its image's right and top stand for."""
    texture = np.zeros((6, 3, 3, 6))
    for face in range(6):
        texture[face, :, :, face] = 1
    axes = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1.0]])
    np.testing.assert_allclose(render.sample_cube_map(texture, axes[None, None])[0, 0], np.eye(6))
    ramp = np.zeros((6, 2, 2, 2))
    ramp[:, :, 1, 0] = 1  # right
    ramp[:, 0, :, 1] = 1  # top
    right = np.array([[0, 0, -1], [0, 0, 1], [1, 0, 0], [1, 0, 0], [1, 0, 0], [-1, 0, 0]])
    top = np.array([[0, 1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1], [0, 1, 0], [0, 1, 0]])
    towards = axes + 0.4 * right + 0.4 * top
    assert (render.sample_cube_map(ramp, towards[None, None])[0, 0] > 0.8).all()


def test_cube_map_with_levels():
    rng = np.random.default_rng(11)
    texture = rng.uniform(size=(2, 6, 4, 4, 2))
    towards = rng.normal(size=(2, 3, 4, 3))
    slopes = rng.normal(size=(2, 3, 4, 3, 2)) * 0.3

    def picture(reference, texture, towards, slopes):
        if not reference:
            return render.sample_cube_map(
                texture, towards, "mipmap", direction_derivatives=slopes, level_bias=0.2
            )
        step = 1e-5
        moved = [  # the Jacobian by differences along the two axes of the picture, on the same face
            (oracle.cube_places_reference(towards + step * slopes[..., k])[1]
             - oracle.cube_places_reference(towards - step * slopes[..., k])[1]) / (2 * step)
            for k in range(2)
        ]  # fmt: skip
        level = (oracle.level_reference(torch.stack(moved, -1), 4, 4) + 0.2).clamp(0, 2)
        levels = [
            torch.stack([t.squeeze(0) for t in image]) for image in
            zip(*(oracle.pyramid_reference(texture[b]) for b in range(2)), strict=True)
        ]  # fmt: skip
        total = 0
        for number, one in enumerate(levels):
            seen = torch.stack([oracle.cube_reference(one[b], towards[b].reshape(-1, 3)) for b in range(2)])
            total = total + (1 - (level - number).abs()).clamp(min=0)[..., None] * seen.reshape(2, 3, 4, 2)
        return total

    check(picture, [texture, towards, slopes])


@pytest.mark.filterwarnings("ignore")
def test_opcheck():
    tests = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")
    ops, check_op = torch.ops.unrender, torch.library.opcheck
    render.make_pyramid(torch.zeros(1, 2, 2, 1))  # registers

    def leaf(*shape):
        return torch.rand(*shape, dtype=torch.float64, requires_grad=True)

    uv, index = leaf(1, 3, 4, 2), torch.zeros(1, 3, 4, dtype=torch.int32)
    faces = torch.randint(0, 6, (1, 3, 4), dtype=torch.int32)
    level = leaf(1, 3, 4)
    check_op(ops.build_pyramid.default, (leaf(2, 5, 4, 3), 3), test_utils=tests)
    check_op(ops.texture_level.default, (leaf(1, 3, 4, 2, 2), 8, 8), test_utils=tests)
    for arguments in (
        (leaf(1, 21, 3), uv, level, None, index, 4, 4, 3, 2, 1),
        (leaf(6, 21, 3), uv, level, faces, None, 4, 4, 3, 2, 4),
        (leaf(1, 16, 3), uv, None, None, None, 4, 4, 1, 1, 3),
    ):
        check_op(ops.sample_pyramid.default, arguments, test_utils=tests)
    check_op(ops.cube_places.default, (leaf(1, 3, 4, 3), leaf(1, 3, 4, 3, 2)), test_utils=tests)
    check_op(ops.cube_places.default, (leaf(1, 3, 4, 3), None), test_utils=tests)


def test_same_for_any_number_of_threads():
    rng = np.random.default_rng(12)
    texture = torch.tensor(rng.uniform(size=(1, 64, 64, 3)), requires_grad=True)
    uv = torch.tensor(rng.uniform(size=(2, 160, 160, 2)), requires_grad=True)
    results = []
    try:
        for threads in (1, 2):
            render.set_num_threads(threads)
            picture = render.sample_texture(
                texture, uv, "mipmap", level_bias=torch.full((2, 160, 160), 1.3, dtype=torch.float64)
            )
            results.append((picture, *torch.autograd.grad(picture.sin().sum(), (texture, uv))))
    finally:
        render.set_num_threads(None)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize(
    ("message", "call"),
    [
        ("uv_derivatives: needed", lambda t, uv: render.sample_texture(t, uv, "mipmap")),
        ("wrap: exp", lambda t, uv: render.sample_texture(t, uv, "mipmap", "edge", level_bias=uv[..., 0])),
        ("max_level: expected", lambda t, uv: render.make_pyramid(t, -1)),
        ("texture: exp", lambda t, uv: render.sample_texture(render.Pyramid(t, 4, 4, 1, True), uv)),
        ("texture: expected shape", lambda t, uv: render.sample_cube_map(t, np.ones((1, 2, 2, 3)))),
        ("directions: expected shape", lambda t, uv: render.sample_cube_map(t, uv)),
        ("uv_derivatives: exp", lambda t, uv: render.sample_texture(t, uv, "mipmap", uv_derivatives=uv)),
    ],
)  # fmt: skip
def test_errors(message, call):
    with pytest.raises(InputError, match=message):
        call(np.ones((1, 4, 4, 3)), np.ones((1, 2, 2, 2)))


def test_inside_torch_func():
    def loss(texture, uv, slopes):
        return render.sample_texture(texture, uv, "mipmap", "mirror", None, slopes).square().sum()

    inputs = [
        torch.rand(*shape, dtype=torch.float64) for shape in ((1, 4, 4, 2), (1, 3, 3, 2), (1, 3, 3, 2, 2))
    ]
    leaves = [value.clone().requires_grad_() for value in inputs]
    expected = torch.autograd.grad(loss(*leaves), leaves)
    for ours, theirs in zip(torch.func.grad(loss, argnums=(0, 1, 2))(*inputs), expected, strict=True):
        torch.testing.assert_close(ours, theirs)
