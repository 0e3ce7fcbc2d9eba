"""Drawing in one pass: the pictures and gradients of the single operations, and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import SCENES, camera, icosphere

from unrender import render
from unrender.errors import InputError

torch = pytest.importorskip("torch")

SIZE = (23, 30)
DELTA = 0.004


def problem(batch: int = 2, textured: bool = False, shared: bool = False, dtype=torch.float64):
    """(clip, looks, surface of looks) of a ball, seen from several sides."""
    rng = np.random.default_rng(3)
    points, faces = icosphere(1)
    clip = np.stack([camera(25 + 50 * n).to_clip(points * [1, 0.8 + 0.1 * n, 1] * 0.9) for n in range(batch)])
    clip = torch.tensor(clip, dtype=dtype, requires_grad=True)
    count = 1 if shared else batch
    if textured:
        looks = rng.uniform(size=(count, 9, 7, 3))
        uvs = torch.tensor(rng.uniform(-0.3, 1.4, size=(1, 20, 2)), dtype=dtype, requires_grad=True)
        rows = rng.integers(0, 20, faces.shape)
    else:
        looks, uvs, rows = rng.uniform(size=(count, len(points), 3)), None, None
    looks = torch.tensor(looks, dtype=dtype, requires_grad=True)
    colors, texture = (None, looks) if textured else (looks, None)
    return clip, looks, uvs, render.Surface(faces, colors, texture, uvs, rows)


def single_operations(clip, surface, delta):
    """Image, mask and depth by one operation after the other."""
    fragments = render.rasterize(clip, surface.faces, SIZE)
    if surface.texture is None:
        image = render.interpolate(surface.colors, fragments)
    else:
        uv = render.interpolate(surface.uvs, fragments, surface.uv_faces)
        image = render.sample_texture(surface.texture, uv, wrap="repeat", fragments=fragments)
    mask = fragments.covered.to(clip.dtype) if delta is None else render.soft_mask(clip, fragments, delta)
    return image, mask, fragments.depth


def gradients(results, inputs):
    """Gradients of a sum with fixed random weights."""
    rng = np.random.default_rng(5)
    loss = sum((part * torch.tensor(rng.normal(size=part.shape))).sum() for part in results)
    return torch.autograd.grad(loss, [given for given in inputs if given is not None])


@pytest.mark.parametrize("delta", [None, DELTA])
@pytest.mark.parametrize("batch, shared", [(2, True), (5, False), (1, False)])
@pytest.mark.parametrize("textured", [False, True])
def test_one_pass_equals_single_operations(textured, batch, shared, delta):
    clip, looks, uvs, surface = problem(batch, textured, shared)
    drawn = render.render_surface(clip, surface, None, SIZE, delta)
    ours, theirs = (drawn.image, drawn.mask, drawn.depth), single_operations(clip, surface, delta)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
    inputs = (clip, looks, uvs)
    for a, b in zip(gradients(ours, inputs), gradients(theirs, inputs), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-9 * float(b.abs().max()))


@pytest.mark.parametrize("textured", [False, True])
def test_gradients_equal_finite_differences(textured):
    """Away from where a pixel changes its face or texel: the median of the relative deviations."""
    clip, looks, _, surface = problem(1, textured)

    def loss(positions, values):
        colors, texture = (None, values) if textured else (values, None)
        other = render.Surface(surface.faces, colors, texture, surface.uvs, surface.uv_faces)
        result = render.render_surface(positions, other, None, SIZE, DELTA)
        rows = torch.arange(SIZE[0], dtype=torch.float64)[:, None]
        return (result.image.sum(-1) * torch.sin(rows)).sum() + (result.mask * torch.cos(rows)).sum()

    value = loss(clip, looks)
    exact = torch.autograd.grad(value, [clip, looks])
    rng, step = np.random.default_rng(0), 1e-7
    for number, tensor in enumerate((clip, looks)):
        deviations = []
        for _ in range(40):
            place = tuple(int(rng.integers(length)) for length in tensor.shape)
            if tensor is clip and place[-1] == 2:
                continue
            moved = [[clip.detach().clone(), looks.detach().clone()] for _ in range(2)]
            moved[0][number][place] += step
            moved[1][number][place] -= step
            change = loss(*moved[0]) - loss(*moved[1])
            slope = float(change.detach()) / (2 * step)
            deviations.append(abs(slope - float(exact[number][place])) / max(1.0, abs(slope)))
        assert np.median(deviations) < 1e-6
        assert np.mean(np.array(deviations) < 1e-4) > 0.8


def test_kept_pairs_equal_computing_again():
    """A mask so soft that not all pairs of faces and pixels fit is computed again, with the same result."""
    from unrender.render.kernels import surface as kernel

    points, faces = icosphere(1)
    clip = camera().to_clip(points * 0.9)[None]
    looks = kernel.Looks(np.ones((1, len(points), 3)), faces)
    rng = np.random.default_rng(2)
    for delta, fits in ((0.002, True), (0.6, False)):
        drawn = kernel.forward(clip, faces, SIZE, looks, delta, keep=True)
        assert (drawn.kept.memory[2][..., 0] >= 0).all() == fits
        plain = kernel.forward(clip, faces, SIZE, looks, delta)
        np.testing.assert_allclose(drawn.mask, plain.mask, atol=1e-13)
        grads = kernel.Pictures(
            drawn.face_index, np.zeros_like(drawn.image), None, rng.normal(size=drawn.mask.shape)
        )
        ours, theirs = (
            kernel.vjp(clip, faces, looks, pictures, grads, delta, (False, False)).clip
            for pictures in (drawn, plain)
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9 * np.abs(theirs).max())


@pytest.mark.parametrize("name", SCENES)
def test_odd_scenes(name):
    """Clipped, degenerate and not finite faces, as the single operations draw them."""
    clip, faces = SCENES[name]
    clip = torch.tensor(clip, requires_grad=True)
    colors = torch.rand((1, clip.shape[1], 3), dtype=clip.dtype)
    surface = render.Surface(faces, colors)
    drawn = render.render_surface(clip, surface, None, SIZE, DELTA)
    theirs = single_operations(clip, surface, DELTA)
    for a, b in zip((drawn.image, drawn.mask, drawn.depth), theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize("batch", [1, 8])
def test_threads_do_not_change_results(batch):
    clip, looks, _, surface = problem(batch, dtype=torch.float32)
    found = []
    for threads in (1, 2, 3):
        render.set_num_threads(threads)
        try:
            drawn = render.render_surface(clip, surface, None, (140, 130), DELTA)
            loss = (drawn.image**2).sum() + (drawn.mask**2).sum() + drawn.depth.sum()
            found.append((drawn.image, drawn.mask, *torch.autograd.grad(loss, [clip, looks])))
        finally:
            render.set_num_threads(None)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_faces_on_each_other_show_the_first():
    """The same three vertices in another order are exactly as near: the lower index wins everywhere."""
    rng = np.random.default_rng(1)
    clip = rng.uniform(-1, 1, size=(1, 9, 4))
    clip[..., 3] = rng.uniform(1, 3, size=(1, 9))
    faces = np.arange(9).reshape(3, 3)
    twice = np.concatenate([faces, faces[:, [1, 2, 0]], faces[:, ::-1]])
    first = render.rasterize(clip, faces, (40, 40)).face_index
    np.testing.assert_array_equal(render.rasterize(clip, twice, (40, 40)).face_index, first)


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(colors=torch.ones(3, 42, 3)), "surface.colors"),
        (dict(faces=np.array([[0, 1, 99]])), "faces"),
        (dict(colors=None, texture=torch.ones(1, 2, 2, 3), uvs=torch.ones(1, 4, 3)), "uvs"),
    ],
)
def test_errors_name_the_argument(change, message):
    clip, _, _, surface = problem(2, dtype=torch.float32)
    given = {"faces": surface.faces, "colors": surface.colors, **change}
    with pytest.raises(InputError, match=message):
        render.render_surface(clip, render.Surface(**given), None, SIZE)
