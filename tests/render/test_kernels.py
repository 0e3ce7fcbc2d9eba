"""Forward results against the reference, ownership of pixels, invariances, and odd inputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import SCENES, camera, icosphere

from unrender import render
from unrender.errors import InputError

SIZE = (18, 24)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cull", ["none", "back"])
@pytest.mark.parametrize("name", SCENES)
def test_forward_equals_reference(name, cull, dtype):
    torch = pytest.importorskip("torch")
    from unrender.render import reference

    clip, faces = SCENES[name]
    clip = clip.astype(dtype)
    rng = np.random.default_rng(0)
    ours = render.rasterize(clip, faces, SIZE, cull)
    theirs = reference.rasterize_reference(torch.tensor(clip), torch.tensor(faces), SIZE, cull)
    np.testing.assert_array_equal(ours.face_index, theirs.face_index.numpy())
    tolerance = 1e-9 if dtype == np.float64 else 2e-6
    assert ours.barycentrics.dtype == ours.depth.dtype == dtype
    np.testing.assert_allclose(ours.barycentrics, theirs.barycentrics.numpy(), atol=tolerance)
    np.testing.assert_allclose(ours.depth, theirs.depth.numpy(), rtol=10 * tolerance)
    colours = rng.uniform(size=(1, clip.shape[1], 3)).astype(dtype)
    picture = reference.interpolate_reference(torch.tensor(colours), theirs)
    np.testing.assert_allclose(render.interpolate(colours, ours), picture.numpy(), atol=tolerance)
    for combine in ("product", "nearest"):
        mask = reference.soft_mask_reference(torch.tensor(clip), theirs, 0.01, combine)
        np.testing.assert_allclose(
            render.soft_mask(clip, ours, 0.01, combine), mask.numpy(), atol=10 * tolerance
        )


@pytest.mark.parametrize("wrap", ["clamp", "repeat"])
@pytest.mark.parametrize("filter", ["linear", "nearest"])
def test_texture_equals_reference(filter, wrap):
    torch = pytest.importorskip("torch")
    from unrender.render import reference

    rng = np.random.default_rng(1)
    texture, uv = rng.uniform(size=(2, 5, 8, 3)), rng.uniform(-2, 3, size=(2, 9, 9, 2))
    uv[0, 0] = [[0, 0], [1, 1], [0.5, 0.5], [0, 1], [1, 0], [0.125, 0.2], [2, -1], [0.25, 0.4], [1, 0.5]]
    ours = render.sample_texture(texture, uv, filter, wrap)
    theirs = reference.sample_texture_reference(torch.tensor(texture), torch.tensor(uv), filter, wrap)
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-12)


def test_texture_orientation():
    texture = np.zeros((1, 2, 2, 1), np.float32)
    texture[0, 0, 0] = 1.0  # top-left: u = 0, v = 1
    uv = np.array([[[[0.25, 0.75], [0.25, 0.25], [0.75, 0.75]]]], np.float32)
    assert render.sample_texture(texture, uv).ravel().tolist() == [1.0, 0.0, 0.0]


def coverage(points: np.ndarray, faces: np.ndarray, height: int, width: int) -> np.ndarray:
    """How many faces, drawn each on its own, cover each pixel; points [V, 2] in pixels from the corner."""
    clip = np.ones((1, len(points), 4))
    clip[0, :, 0] = points[:, 0] / width * 2 - 1
    clip[0, :, 1] = 1 - points[:, 1] / height * 2
    clip[0, :, 2] = 0
    total = np.zeros((height, width), int)
    for face in faces:
        total += render.rasterize(clip, face[None], (height, width)).face_index[0] >= 0
    return total


grid = st.one_of(st.integers(0, 32).map(lambda k: k / 2), st.floats(0, 16, allow_nan=False))


@settings(max_examples=60, deadline=None)
@given(st.tuples(grid, grid), st.lists(st.booleans(), min_size=4, max_size=4))
def test_fan_owns_each_pixel_once(centre, flips):
    """A square cut at any inner point into four triangles covers each of its pixels exactly once."""
    points = np.array([[0, 0], [16, 0], [16, 16], [0, 16], centre], dtype=np.float64)
    faces = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]])
    faces = np.array([f[::-1] if flip else f for f, flip in zip(faces, flips, strict=True)])
    assert (coverage(points, faces, 16, 16) == 1).all()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0.05, 1.0), min_size=3, max_size=9),
    st.tuples(grid, grid),
    st.floats(2, 8),
    st.floats(0, 6),
)
def test_polygon_fan_equals_another_triangulation(steps, centre, radius, start):
    """Two triangulations of one convex polygon cover the same pixels, each once."""
    angles = start + np.cumsum(steps) / (sum(steps) + 0.05) * 2 * np.pi
    ring = np.stack([centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles)], 1)
    ring = np.round(ring * 64) / 64  # convexity must survive snapping: stay on the grid
    n = len(ring)
    middle = np.array([[centre[0], centre[1]]])
    ends = np.array([[i, (i + 1) % n, n] for i in range(n)])
    outer = np.array([[0, i, i + 1] for i in range(1, n - 1)])
    spokes = coverage(np.concatenate([ring, middle]), ends, 16, 16)
    fan = coverage(ring, outer, 16, 16)
    assert fan.max() <= 1
    gap = angles[-1] - angles[0] < np.pi or np.diff(np.append(angles, angles[0] + 2 * np.pi)).max() >= np.pi
    if not gap:
        np.testing.assert_array_equal(spokes, fan)


@pytest.mark.parametrize("seed", range(4))
def test_clipped_faces_are_watertight(seed):
    """Faces that cross the near plane or leave the integer range share edges without gap or overlap."""
    rng = np.random.default_rng(seed)
    far = 3e4 if seed % 2 else 4.0
    corners = np.array([[-far, -1, 5.0], [far, -1, 5.0], [far, -1, -50.0], [-far, -1, -50.0]])
    middle = np.array([[rng.uniform(-2, 2), -1, rng.uniform(-6, 1.5)]])
    from unrender.camera import Camera, look_at

    view = Camera.from_fov(40, look_at(np.array([0.0, 0.5, 2.0])), 60.0)
    clip = view.to_clip(np.concatenate([corners, middle]))[None]
    faces = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]], dtype=np.int32)
    alone = sum(
        (render.rasterize(clip, face[None], (40, 40)).face_index[0] >= 0).astype(int) for face in faces
    )
    below = alone[24:]
    assert (below == 1).all() and (alone[:11] == 0).all() and alone.max() == 1
    whole = render.rasterize(clip, faces, (40, 40))
    plane = render.interpolate(np.concatenate([corners, middle])[None], whole)[0]
    np.testing.assert_allclose(plane[24:, :, 1], -1, atol=1e-6)


def sphere_clip(batch: int = 3, level: int = 2, dtype=np.float32) -> tuple[np.ndarray, np.ndarray]:
    vertices, faces = icosphere(level)
    clips = [camera(40 * b, 10 * b, size=48).to_clip(vertices * [1, 0.8, 0.6]) for b in range(batch)]
    return np.stack(clips).astype(dtype), faces


def test_face_order_does_not_matter():
    clip, faces = sphere_clip()
    order = np.random.default_rng(0).permutation(len(faces))
    first, second = render.rasterize(clip, faces, (48, 48)), render.rasterize(clip, faces[order], (48, 48))
    back = np.append(order, -1)
    np.testing.assert_array_equal(first.face_index, back[second.face_index])
    np.testing.assert_array_equal(first.barycentrics, second.barycentrics)
    one, two = render.soft_mask(clip, first, 1e-3), render.soft_mask(clip, second, 1e-3)
    np.testing.assert_allclose(one, two, atol=2e-6)


def test_first_face_wins_ties():
    clip, faces = SCENES["one triangle"]
    double = np.concatenate([faces, faces])
    assert set(np.unique(render.rasterize(clip, double, SIZE).face_index)) == {-1, 0}


def test_batch_equals_singles():
    clip, faces = sphere_clip()
    whole = render.rasterize(clip, faces, (48, 40))
    mask = render.soft_mask(clip, whole, 1e-3)
    for image in range(len(clip)):
        single = render.rasterize(clip[image : image + 1], faces, (48, 40))
        np.testing.assert_array_equal(whole.face_index[image], single.face_index[0])
        np.testing.assert_array_equal(whole.barycentrics[image], single.barycentrics[0])
        np.testing.assert_array_equal(mask[image], render.soft_mask(clip[image : image + 1], single, 1e-3)[0])


def test_depth_and_coverage_of_a_sphere():
    clip, faces = sphere_clip(1, 3, np.float64)
    fragments = render.rasterize(clip, faces, (48, 48))
    culled = render.rasterize(clip, faces, (48, 48), cull="back")
    np.testing.assert_array_equal(fragments.face_index, culled.face_index)
    assert 1.9 < fragments.depth[fragments.covered].min() < 2.5
    np.testing.assert_allclose(fragments.barycentrics[fragments.covered].sum(-1), 1, atol=1e-12)
    assert (fragments.barycentrics[~fragments.covered] == 0).all()


def test_soft_mask_ends_at_its_radius():
    """Exactly 1 on the face, exactly 0 from sqrt(8 delta) on, and no step anywhere on the way."""
    height = width = 400
    edge = 0.25
    clip = np.array([[[-9, -9, 0, 1], [edge, -9, 0, 1], [edge, 9, 0, 1], [-9, 9, 0, 1]]], dtype=np.float64)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    fragments = render.rasterize(clip, faces, (height, width))
    delta = 0.01
    row = render.soft_mask(clip, fragments, delta, "nearest")[0, 200]
    x = (np.arange(width) + 0.5) * 2 / width - 1
    assert (row[x < edge] == 1).all() and (row[x >= edge + (8 * delta) ** 0.5] == 0).all()
    middle = (x > edge) & (x < edge + 2 * delta**0.5)
    np.testing.assert_allclose(row[middle], np.exp(-((x[middle] - edge) ** 2) / delta), atol=1e-12)
    assert np.abs(np.diff(row)).max() < 0.05


def test_not_finite_vertices_drop_their_faces():
    clip, faces = SCENES["two overlapping"]
    for bad in (np.nan, np.inf, -np.inf):
        broken = clip.copy()
        broken[0, 1, 2] = bad
        fragments = render.rasterize(broken, faces, SIZE)
        assert set(np.unique(fragments.face_index)) == {-1, 1}
        assert np.isfinite(render.soft_mask(broken, fragments, 0.01)).all()


def test_degenerate_faces_are_harmless():
    clip, _ = SCENES["one triangle"]
    faces = np.array([[0, 0, 1], [1, 1, 1], [0, 1, 2]], dtype=np.int32)
    fragments = render.rasterize(clip, faces, SIZE)
    assert set(np.unique(fragments.face_index)) == {-1, 2}
    assert np.isfinite(render.soft_mask(clip, fragments, 0.01)).all()


def test_nothing_to_draw():
    clip, faces = SCENES["one triangle"]
    none = render.rasterize(clip, np.zeros((0, 3), np.int32), SIZE)
    assert (none.face_index == -1).all() and (render.soft_mask(clip, none) == 0).all()
    assert (render.interpolate(np.ones((1, 3, 2)), none) == 0).all()
    empty = render.rasterize(clip[:0], faces, SIZE)
    assert empty.face_index.shape == (0, *SIZE)
    assert render.soft_mask(clip[:0], empty).shape == (0, *SIZE)
    assert render.interpolate(np.ones((1, 3, 2)), empty).shape == (0, *SIZE, 2)
    assert render.sample_texture(np.ones((1, 2, 2, 3)), np.zeros((0, 4, 4, 2))).shape == (0, 4, 4, 3)


def test_layouts_and_integer_types():
    clip, faces = sphere_clip(2)
    expected = render.rasterize(clip, faces, (30, 30))
    strided = np.zeros((2, clip.shape[1], 8), np.float32)[..., ::2]
    strided[...] = clip
    read_only = clip.copy()
    read_only.flags.writeable = False
    columns = np.asfortranarray(faces.astype(np.int64))
    for positions in (strided, read_only, np.asfortranarray(clip)):
        got = render.rasterize(positions, columns, (30, 30))
        np.testing.assert_array_equal(got.face_index, expected.face_index)
        np.testing.assert_array_equal(got.barycentrics, expected.barycentrics)


def test_wrong_arguments_are_named():
    clip, faces = SCENES["one triangle"]
    fragments = render.rasterize(clip, faces, SIZE)
    for message, call in {
        "clip": lambda: render.rasterize(clip[0], faces, SIZE),
        "faces: expected indices from 0 to 2": lambda: render.rasterize(clip, faces + 1, SIZE),
        "faces: expected indices": lambda: render.rasterize(clip, faces - 1, SIZE),
        "faces: expected an integer": lambda: render.rasterize(clip, faces.astype(float), SIZE),
        "faces: expected shape": lambda: render.rasterize(clip, faces[:, :2], SIZE),
        "size": lambda: render.rasterize(clip, faces, (0, 4)),
        "size: expected": lambda: render.rasterize(clip, faces, 4),  # type: ignore[arg-type]
        "cull": lambda: render.rasterize(clip, faces, SIZE, cull="front"),
        "delta": lambda: render.soft_mask(clip, fragments, delta=0),
        "combine": lambda: render.soft_mask(clip, fragments, combine="sum"),
        "attributes": lambda: render.interpolate(np.ones((2, 3, 1)), fragments),
        "faces: expected 1 rows": lambda: render.interpolate(
            np.ones((1, 3, 1)), fragments, np.zeros((2, 3), int)
        ),
        "faces: expected indices from 0 to 1": lambda: render.interpolate(np.ones((1, 2, 1)), fragments),
        "uv": lambda: render.sample_texture(np.ones((1, 2, 2, 3)), np.ones((4, 2))),
        "texture": lambda: render.sample_texture(np.ones((1, 0, 2, 3)), np.ones((1, 4, 4, 2))),
        "filter": lambda: render.sample_texture(np.ones((1, 2, 2, 3)), np.ones((1, 4, 4, 2)), "cubic"),
        "wrap": lambda: render.sample_texture(np.ones((1, 2, 2, 3)), np.ones((1, 4, 4, 2)), wrap="border"),
        "count": lambda: render.set_num_threads(0),
    }.items():
        with pytest.raises(InputError, match=message):
            call()
