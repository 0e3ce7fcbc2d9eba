"""Anti-aliasing against the float64 reference, finite differences and supersampled coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import SCENES, icosphere

torch = pytest.importorskip("torch")

from unrender import render  # noqa: E402
from unrender.errors import InputError  # noqa: E402
from unrender.render.kernels.edges import edge_links  # noqa: E402
from unrender.render.reference_antialias import antialias_reference  # noqa: E402

SIZE = (14, 16)


def orthographic(points, size):
    """Points [V, 3] in pixels from the upper left corner, z in [-1, 1] -> clip [1, V, 4]."""
    height, width = size
    clip = np.ones((1, len(points), 4))
    clip[0, :, 0] = points[:, 0] / width * 2 - 1
    clip[0, :, 1] = 1 - points[:, 1] / height * 2
    clip[0, :, 2] = points[:, 2]
    return clip


def small_sphere():
    """Faces far smaller than a pixel: the silhouette is some faces away from the pixel's own."""
    points, faces = icosphere(3)
    a, b = np.deg2rad(20), np.deg2rad(35)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    points = points @ turn @ np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return orthographic(points * [4.3, 3.8, 0.5] + [7.7, 7.2, 0], SIZE), faces


def fan():
    """Three faces on one edge, two of them at the same side."""
    points = np.array([[5.2, 2.1, 0], [7.9, 11.7, 0], [12.3, 6.1, 0.2], [2.6, 8.2, 0.1], [13.9, 9.63, 0.5]])
    return orthographic(points, SIZE), np.array([[0, 1, 2], [0, 3, 1], [0, 1, 4]], np.int32)


CASES = {name: SCENES[name] for name in ("one triangle", "two overlapping", "cube")}
CASES |= {"small faces": small_sphere(), "three faces on an edge": fan()}


@pytest.mark.parametrize("name", CASES)
def test_picture_and_gradients(name):
    clip, faces = CASES[name]
    rng = np.random.default_rng(1)
    fragments = render.rasterize(torch.tensor(clip), torch.tensor(faces), SIZE)
    image = rng.uniform(size=(*fragments.face_index.shape, 2))
    weight = rng.normal(size=image.shape)

    def gradients(function, dtype):
        leaves = [torch.tensor(value, dtype=dtype, requires_grad=True) for value in (image, clip)]
        picture = function(*leaves, fragments)
        return picture.detach(), *torch.autograd.grad(
            (picture * torch.tensor(weight, dtype=dtype)).sum(), leaves
        )

    ours = gradients(render.antialias, torch.float64)
    theirs = gradients(antialias_reference, torch.float64)
    for mine, oracle in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, oracle, rtol=1e-6, atol=1e-9)
    assert not np.array_equal(ours[0], image) and ours[2].abs().max() > 0
    for mine, oracle in zip(gradients(render.antialias, torch.float32), theirs, strict=True):
        assert (mine.double() - oracle).norm() < 1e-3 * oracle.norm()
    numpy_way = render.antialias(image, clip, render.rasterize(clip, faces, SIZE))
    np.testing.assert_allclose(numpy_way, ours[0], atol=1e-12)
    # the oracle's own gradient, by differences
    step, direction = 1e-6, rng.normal(size=clip.shape)
    ends = []
    for sign in (1, -1):
        moved = torch.tensor(clip + sign * step * direction)
        picture = antialias_reference(torch.tensor(image), moved, fragments)
        ends.append(float((picture * torch.tensor(weight)).sum()))
    exact = float((ours[2].numpy() * direction).sum())
    assert abs((ends[0] - ends[1]) / (2 * step) - exact) < 1e-4 * max(abs(exact), float(ours[2].abs().max()))


@pytest.mark.parametrize("degrees", [0.0, 10.0, 30.0, 45.0, 60.0, 83.0, 90.0, 135.0])
def test_straight_edges_move_the_mask_as_their_area(degrees):
    """The project's figure: d(sum of mask) / d(offset) over 256 sub-pixel shifts, within 2 % of the coverage.

    A half plane whose edge runs through a 96 x 96 picture; counted is a disc of 40 pixels' radius, so that
    the ends of the edge, 80 pixels of it, are not. The coverage is that of 32 x 32 samples a pixel.
    """
    size, radius = 96, 40.0
    angle = np.deg2rad(degrees)
    normal, along = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    shifts = np.linspace(-2, 2, 256) + 1 / 512
    corners = (
        np.array([along * 90, -along * 90, -along * 90 - normal * 90, along * 90 - normal * 90]) + size / 2
    )
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    centres = np.stack(np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5), -1) - size / 2
    # the window: a strip across the edge, ends excluded
    window = torch.tensor(np.abs(centres @ along) < radius)
    points = np.concatenate([corners, np.zeros((4, 1))], 1)
    scale = np.array([2 / size, -2 / size])
    slopes = []
    for shift in shifts:
        clip = torch.tensor(orthographic(points, (size, size)))
        offset = torch.tensor(shift, requires_grad=True)
        move = torch.tensor(np.concatenate([normal * scale, [0, 0]]))
        clip = clip + offset * move
        fragments = render.rasterize(clip, faces, (size, size))
        mask = fragments.covered.to(torch.float64)[..., None]
        smooth = render.antialias(mask, clip, fragments)[0, ..., 0]
        slopes.append(float(torch.autograd.grad((smooth * window).sum(), offset)[0]))
    fine = (np.arange(32 * size) + 0.5) / 32 - size / 2
    inside = np.repeat(np.repeat(window.numpy(), 32, 0), 32, 1)
    covered = fine[None] * normal[0] + fine[:, None] * normal[1]
    low, high = ((covered < shift)[inside].sum() / 1024 for shift in (shifts[0], shifts[-1]))
    expected = (high - low) / (shifts[-1] - shifts[0])
    assert abs(np.mean(slopes) / expected - 1) < 0.02, (np.mean(slopes), expected)


def test_values_are_the_coverage():
    """A steep edge's pixels get their exact coverage; the row next to the end is left out."""
    size = (12, 12)
    points = np.array([[-20.0, -20, 0], [7.3, -20, 0], [5.3, 30, 0], [-20, 30, 0]])
    clip, faces = orthographic(points, size), np.array([[0, 1, 2], [0, 2, 3]])
    fragments = render.rasterize(clip, faces, size)
    mask = render.antialias(fragments.covered[..., None].astype(np.float64), clip, fragments)[0, ..., 0]
    edge = 7.3 - 2 * (np.arange(12) + 0.5 + 20) / 50
    exact = np.clip(edge[:, None] - np.arange(12), 0, 1)
    np.testing.assert_allclose(mask, exact, atol=1e-9)


def test_inner_edges_are_left_alone():
    """Faces of one flat surface, and what lies before the same surface's other faces, do not blend."""
    clip, faces = SCENES["cube"]
    fragments = render.rasterize(clip, faces, SIZE)
    image = np.random.default_rng(2).uniform(size=(2, *SIZE, 3))
    changed = (render.antialias(image, clip, fragments) != image).any(-1)
    padded = np.pad(fragments.covered, ((0, 0), (1, 1), (1, 1)))
    around = [padded[:, 1:-1, :-2], padded[:, 1:-1, 2:], padded[:, :-2, 1:-1], padded[:, 2:, 1:-1]]
    rim = sum(other != fragments.covered for other in around) > 0
    assert changed.any() and not (changed & ~rim).any()


def test_links():
    """Against a dictionary of edges."""
    rng = np.random.default_rng(3)
    faces = rng.integers(0, 9, size=(40, 3)).astype(np.int32)
    faces = faces[[len(set(face)) == 3 for face in faces.tolist()]]
    groups: dict[tuple[int, int], set[int]] = {}
    for f, face in enumerate(faces.tolist()):
        for k in range(3):
            low, high = sorted((face[(k + 1) % 3], face[(k + 2) % 3]))
            groups.setdefault((low, high), set()).add(3 * f + k)
    links = edge_links(faces)
    for group in groups.values():
        for half in group:
            ring, at = {half}, int(links[half])
            while at != half:
                ring.add(at)
                at = int(links[at])
            assert ring == group
    assert len(edge_links(np.zeros((0, 3), np.int32))) == 0


def test_threads_and_sharing_of_links():
    clip, faces = (torch.tensor(value) for value in small_sphere())
    clip = clip.repeat(3, 1, 1).requires_grad_()
    fragments = render.rasterize(clip, faces, (150, 170))
    image = torch.rand(3, 150, 170, 3, dtype=torch.float64)
    links = render.make_edge_links(faces)
    results = []
    try:
        for threads in (1, 2):
            render.set_num_threads(threads)
            picture = render.antialias(image, clip, fragments, links)
            results.append((picture, torch.autograd.grad(picture.square().sum(), clip)[0]))
    finally:
        render.set_num_threads(None)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
    with pytest.raises(InputError, match="edge_links: expected"):
        render.antialias(image, clip, fragments, links[1:])
    with pytest.raises(InputError, match="image: expected the size"):
        render.antialias(image[:, 1:], clip, fragments)


@pytest.mark.filterwarnings("ignore")
def test_opcheck_and_nothing_to_draw():
    clip, faces = (torch.tensor(value) for value in SCENES["two overlapping"])
    fragments = render.rasterize(clip.requires_grad_(), faces, SIZE)
    image = torch.rand(1, *SIZE, 2, dtype=torch.float64, requires_grad=True)
    arguments = (
        image, clip, faces, torch.from_numpy(render.make_edge_links(faces)), fragments.face_index,
        fragments.barycentrics.detach(),
    )  # fmt: skip
    render.antialias(image, clip, fragments)
    tests = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")
    torch.library.opcheck(torch.ops.unrender.antialias.default, arguments, test_utils=tests)
    empty = render.rasterize(clip, torch.zeros((0, 3), dtype=torch.int64), SIZE)
    assert torch.equal(render.antialias(image, clip, empty), image)


def test_through_the_camera_plane_nothing_breaks():
    clip, faces = SCENES["crossing the near plane"]
    fragments = render.rasterize(clip, faces, SIZE)
    image = np.random.default_rng(4).uniform(size=(1, *SIZE, 3))
    assert np.isfinite(render.antialias(image, clip, fragments)).all()


def test_batches_of_different_meshes():
    """Each picture is that of its mesh alone, although both meshes count their vertices from 0."""
    meshes = [(clip[0], faces) for clip, faces in (SCENES["cube"], SCENES["two overlapping"])]
    positions = [torch.tensor(clip, requires_grad=True) for clip, _ in meshes]
    together = render.rasterize(positions, [torch.tensor(faces) for _, faces in meshes], SIZE)
    image = torch.rand(2, *SIZE, 3, dtype=torch.float64)
    picture = render.antialias(image, positions, together)
    gradients = torch.autograd.grad(picture.square().sum(), positions)
    for number, (clip, faces) in enumerate(meshes):
        alone = torch.tensor(clip[None], requires_grad=True)
        fragments = render.rasterize(alone, torch.tensor(faces), SIZE)
        single = render.antialias(image[number : number + 1], alone, fragments)
        torch.testing.assert_close(picture[number], single[0], rtol=1e-12, atol=1e-12)
        expected = torch.autograd.grad(single.square().sum(), alone)[0][0]
        torch.testing.assert_close(gradients[number], expected, rtol=1e-9, atol=1e-12)


def test_inside_torch_func():
    clip, faces = (torch.tensor(value) for value in SCENES["one triangle"])
    fragments = render.rasterize(clip, faces, SIZE)
    image = torch.rand(1, *SIZE, 2, dtype=torch.float64)

    def loss(positions):
        return render.antialias(image, positions, fragments).square().sum()

    leaf = clip.clone().requires_grad_()
    expected = torch.autograd.grad(loss(leaf), leaf)[0]
    torch.testing.assert_close(torch.func.grad(loss)(clip), expected)
