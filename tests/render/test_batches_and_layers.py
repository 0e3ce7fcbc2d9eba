"""Batches of different meshes, depth peeling, screen derivatives: against single calls and the reference."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import SCENES, camera, cube_mesh, icosphere

from unrender import render
from unrender.errors import InputError

SIZE = (17, 23)


def meshes() -> tuple[list[np.ndarray], list[np.ndarray]]:
    ball, ball_faces = icosphere(1)
    cube, cube_faces = cube_mesh()
    none = np.zeros((0, 3), np.int32)
    return [camera(25).to_clip(ball), camera(70).to_clip(cube), camera(0).to_clip(cube)], [
        ball_faces, cube_faces, none,
    ]  # fmt: skip


def test_different_meshes_are_as_single_ones():
    clips, faces = meshes()
    rng = np.random.default_rng(0)
    colours = rng.uniform(size=(3, max(map(len, clips)), 2))
    together = render.rasterize(clips, faces, SIZE)
    mask, picture = render.soft_mask(clips, together, 0.01), render.interpolate(colours, together)
    for image, (clip, table) in enumerate(zip(clips, faces, strict=True)):
        alone = render.rasterize(clip[None], table, SIZE)
        first = together.spans[image][0]
        index = together.face_index[image]
        np.testing.assert_array_equal(np.where(index < 0, -1, index - first), alone.face_index[0])
        np.testing.assert_array_equal(together.barycentrics[image], alone.barycentrics[0])
        np.testing.assert_array_equal(mask[image], render.soft_mask(clip[None], alone, 0.01)[0])
        one = render.interpolate(colours[image : image + 1, : len(clip)], alone)
        np.testing.assert_array_equal(picture[image], one[0])


def test_gradients_of_different_meshes():
    torch = pytest.importorskip("torch")
    clips, faces = meshes()
    leaves = [torch.tensor(clip, requires_grad=True) for clip in clips]
    fragments = render.rasterize(leaves, [torch.tensor(table) for table in faces], SIZE)
    (render.soft_mask(leaves, fragments, 0.01).square().sum() + fragments.depth.square().sum()).backward()
    for leaf, table in zip(leaves, faces, strict=True):
        single = leaf.detach().clone().requires_grad_()
        alone = render.rasterize(single[None], torch.tensor(table), SIZE)
        loss = render.soft_mask(single[None], alone, 0.01).square().sum() + alone.depth.square().sum()
        loss.backward()
        torch.testing.assert_close(leaf.grad, single.grad, rtol=1e-12, atol=1e-12)


def test_wrong_lists():
    clips, faces = meshes()
    with pytest.raises(InputError, match="faces: expected one array for each of 3 meshes, got 2"):
        render.rasterize(clips, faces[:2], SIZE)
    with pytest.raises(InputError, match=r"faces\[1\]: expected indices from 0 to 7"):
        render.rasterize(clips, [faces[0], faces[0], faces[2]], SIZE)
    with pytest.raises(InputError, match=r"clip\[1\]: expected shape"):
        render.rasterize([clips[0], clips[1][:, :3]], faces[:2], SIZE)


@pytest.mark.parametrize("name", ["cube", "two overlapping", "sphere from inside", "crossing the near plane"])
def test_layers_hold_every_surface_once_and_in_order(name):
    """Peeled layers of all faces, beside each face drawn alone, sorted by depth."""
    clip, faces = SCENES[name]
    layers = [render.rasterize(clip, faces, SIZE)]
    while layers[-1].covered.any():
        assert len(layers) <= len(faces) + 1
        layers.append(render.rasterize(clip, faces, SIZE, behind=layers[-1]))
    seen = np.stack([layer.face_index for layer in layers])
    expected = np.full((len(faces), *seen.shape[1:]), np.inf)
    for face in range(len(faces)):
        alone = render.rasterize(clip, faces[face : face + 1], SIZE)
        corners = clip[:, faces[face]]
        z = np.einsum("bhwk,bk->bhw", alone.barycentrics, corners[..., 2]) / np.where(
            alone.covered, alone.depth, 1
        )
        expected[face] = np.where(alone.covered, z, np.inf)
    order = np.argsort(expected, axis=0, kind="stable")
    depth = np.take_along_axis(expected, order, 0)
    for number in range(len(layers)):
        want = (
            np.where(np.isfinite(depth[number]), order[number], -1)
            if number < len(faces)
            else np.full(seen.shape[1:], -1)
        )
        apart = np.ones(want.shape, bool)  # away from ties
        for a, b in ((number - 1, number), (number, number + 1)):
            if a >= 0 and b < len(faces):
                apart &= ~(np.abs(depth[b] - depth[a]) < 1e-9)
        np.testing.assert_array_equal(seen[number][apart], want[apart])


def test_layer_of_another_call():
    clip, faces = SCENES["cube"]
    with pytest.raises(InputError, match="behind"):
        render.rasterize(clip, faces, (9, 9), behind=render.rasterize(clip, faces, SIZE))


@pytest.mark.parametrize("name", ["one triangle", "cube", "crossing the near plane"])
def test_derivatives_are_those_of_the_reference(name):
    """Against central differences of the reference, sampled a little to the side of the pixel centres."""
    torch = pytest.importorskip("torch")
    from unrender.render import reference

    clip, faces = SCENES[name]
    colours = np.random.default_rng(0).uniform(size=(1, clip.shape[1], 2))
    fragments = render.rasterize(clip, faces, SIZE)
    slopes = render.barycentric_derivatives(clip, fragments)
    change = render.interpolate_derivatives(clip, colours, fragments)
    assert (slopes[~fragments.covered] == 0).all()
    step = 1e-5
    for axis, (row, size) in enumerate(((0, SIZE[1]), (1, SIZE[0]))):
        sides = []
        for sign in (1, -1):
            moved = clip.copy()  # the picture moves the other way than the sample
            moved[..., row] += (-1 if axis == 0 else 1) * sign * step * 2 / size * clip[..., 3]
            result = reference.rasterize_reference(torch.tensor(moved), torch.tensor(faces), SIZE)
            sides.append((result, reference.interpolate_reference(torch.tensor(colours), result).numpy()))
        (high, high_colour), (low, low_colour) = sides
        same = (high.face_index.numpy() == fragments.face_index) & (
            low.face_index.numpy() == fragments.face_index
        )
        numeric = (high.barycentrics - low.barycentrics).numpy() / (2 * step)
        np.testing.assert_allclose(slopes[..., axis][same], numeric[same], atol=1e-6)
        numeric = (high_colour - low_colour) / (2 * step)
        np.testing.assert_allclose(change[..., axis][same], numeric[same], atol=1e-6)


def test_gradients_of_derivatives():
    torch = pytest.importorskip("torch")
    clip, faces = SCENES["two overlapping"]
    positions = torch.tensor(clip, requires_grad=True)
    colours = torch.rand(1, 6, 2, dtype=torch.float64, requires_grad=True)

    fragments = render.rasterize(positions.detach(), torch.tensor(faces), (5, 6))

    def change(x, a):
        return render.interpolate_derivatives(x, a, fragments)

    assert torch.autograd.gradcheck(change, (positions, colours), atol=1e-5)
    ours = render.interpolate_derivatives(
        clip, colours.detach().numpy(), render.rasterize(clip, faces, (5, 6))
    )
    np.testing.assert_allclose(change(positions, colours).detach().numpy(), ours, atol=1e-12)
