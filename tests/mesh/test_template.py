"""The icosphere template: exact symmetry, atlas layout, texel tables, subdivision."""

from dataclasses import fields

import numpy as np
import pytest
import trimesh
from safetensors.numpy import load_file

from unrender.errors import InputError
from unrender.reconstruct.pipeline import TEXTURE_SIZE
from unrender.template import (
    STORED,
    STORED_LEVEL,
    STORED_SIZE,
    compute_template,
    compute_texels,
    make_template,
    store,
)

LEVELS = [0, 1, 2, 3, 4]


@pytest.mark.parametrize("level", LEVELS)
def test_sphere_matches_trimesh(level):
    template = make_template(level)
    assert template.vertices.shape == (10 * 4**level + 2, 3)
    assert template.faces.shape == (20 * 4**level, 3)
    assert template.vertices.dtype == np.float32 and template.faces.dtype == np.int32
    mesh = trimesh.Trimesh(template.vertices, template.faces, process=False)
    assert mesh.is_watertight and mesh.is_winding_consistent and mesh.euler_number == 2
    assert mesh.volume > 0
    assert mesh.volume == pytest.approx(trimesh.creation.icosphere(level).volume, rel=1e-6)
    np.testing.assert_allclose(np.linalg.norm(template.vertices, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("level", LEVELS)
def test_mirror_is_exact(level):
    template = make_template(level)
    np.testing.assert_array_equal(
        template.vertices[template.mirror], template.vertices * np.float32([-1, 1, 1])
    )
    np.testing.assert_array_equal(template.mirror[template.mirror], np.arange(len(template.vertices)))
    np.testing.assert_array_equal(
        template.faces[template.mirror_faces], template.mirror[template.faces][:, [0, 2, 1]]
    )
    np.testing.assert_array_equal(
        template.mirror_faces[template.mirror_faces], np.arange(len(template.faces))
    )


def test_lower_levels_are_prefixes():
    for level in (1, 2, 3):
        coarse, fine = make_template(level), make_template(level + 1)
        np.testing.assert_array_equal(coarse.vertices, fine.vertices[: len(coarse.vertices)])


def _signed_areas(triangles):
    a, b, c = np.moveaxis(triangles.astype(np.float64), 1, 0)
    return 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])


@pytest.mark.parametrize("level", LEVELS)
def test_atlas(level):
    template = make_template(level)
    uvs = template.uvs
    margin = 2 / 256
    assert uvs.dtype == np.float32 and uvs.min() >= margin and uvs.max() <= 1 - margin
    np.testing.assert_array_equal(template.split_seam()[template.uv_faces], template.faces)
    triangles = uvs[template.uv_faces]
    areas = _signed_areas(triangles)
    assert (areas > 0).all()  # not mirrored seen from outside
    # Each face lies in one half, two texels of 256 from the middle line.
    plus = triangles[:, :, 0].max(1) < 0.5
    assert triangles[plus][:, :, 0].max() <= 0.5 - margin
    assert triangles[~plus][:, :, 0].min() >= 0.5 + margin
    # +x side left, -x side right, straddling faces left.
    x = template.vertices[template.faces][:, :, 0]
    assert (x[plus].max(1) > 0).all() and (x[~plus].max(1) < 1e-6).all()
    straddling = (x.min(1) < -1e-6) & (x.max(1) > 1e-6)
    assert plus[straddling].all() and straddling.sum() == 4 * 2**level
    # u -> 1 - u is exactly the mirror.
    other = template.mirror_faces
    pairs = ~straddling
    mirrored = triangles[other[pairs]][:, [0, 2, 1]]
    np.testing.assert_array_equal(mirrored[..., 0], np.float32(1) - triangles[pairs][..., 0])
    np.testing.assert_array_equal(mirrored[..., 1], triangles[pairs][..., 1])


def test_atlas_is_oriented_and_nearly_equal_area():
    template = make_template(3)
    position = template.vertices[template.split_seam()]
    side = template.uvs[:, 0] < 0.5
    # v grows with z within each chart; u grows with y left and against y right.
    for chosen, sign in ((side, 1), (~side, -1)):
        nose, tail = np.argmax(position[chosen, 2]), np.argmin(position[chosen, 2])
        assert template.uvs[chosen][nose, 1] > 0.9 and template.uvs[chosen][tail, 1] < 0.1
        pole = np.argmax(np.abs(position[chosen, 0]))
        top = np.argmax(position[chosen, 1])
        assert sign * (template.uvs[chosen][top, 0] - template.uvs[chosen][pole, 0]) > 0.2
    corners = template.vertices[template.faces].astype(np.float64)
    solid = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    ratio = _signed_areas(template.uvs[template.uv_faces]) / solid
    assert ratio.max() / ratio.min() < 1.15
    # Charts use most of the atlas.
    assert _signed_areas(template.uvs[template.uv_faces]).sum() > 0.66


def test_atlas_has_no_overlap():
    template = make_template(2)
    size = 200
    hits = np.zeros((size, size), int)
    centres = (np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1) + 0.5) / size
    for a, b, c in template.uvs[template.uv_faces].astype(np.float64):

        def side(p, q):
            return (q[0] - p[0]) * (centres[..., 1] - p[1]) - (q[1] - p[1]) * (centres[..., 0] - p[0])

        hits += (side(a, b) > 0) & (side(b, c) > 0) & (side(c, a) > 0)
    assert hits.max() == 1


def test_levels_share_one_atlas_scale():
    coarse, fine = make_template(3), make_template(4)
    # The corner shared by both levels has the same uv, so that a texture made on one fits the other.
    chart = {(int(p), bool(u < 0.5)): (u, v) for p, (u, v) in zip(fine.split_seam(), fine.uvs, strict=True)}
    seen = 0
    for position, (u, v) in zip(coarse.split_seam(), coarse.uvs, strict=True):
        match = chart.get((int(position), bool(u < 0.5)))
        if match is not None:
            assert match == pytest.approx((u, v), abs=1e-6)
            seen += 1
    assert seen > 600


@pytest.mark.parametrize(("level", "size"), [(3, 256), (3, 64), (4, 128), (2, 100), (1, 37)])
def test_texels(level, size):
    template = make_template(level)
    face, weights = template.texels(size)
    assert face.shape == (size, size) and face.dtype == np.int32
    assert weights.shape == (size, size, 3) and weights.dtype == np.float32
    filled = face >= 0
    assert (weights >= 0).all() and (weights[~filled] == 0).all()
    np.testing.assert_allclose(weights[filled].sum(-1), 1, atol=1e-5)
    uv = np.einsum("nk,nkc->nc", weights[filled], template.uvs[template.uv_faces[face[filled]]])
    row, column = np.nonzero(filled)
    centre = np.stack([(column + 0.5) / size, 1 - (row + 0.5) / size], axis=-1)
    distance = np.linalg.norm(uv - centre, axis=-1) * size
    gutter = max(3, size // 64)
    assert distance.max() <= gutter + 0.51
    # Oracle: a texel centre is inside some uv triangle exactly if it is filled with distance 0.
    inside = np.zeros((size, size), bool)
    y, x = np.mgrid[0:size, 0:size]
    px, py = (x + 0.5) / size, 1 - (y + 0.5) / size
    for a, b, c in template.uvs[template.uv_faces].astype(np.float64):
        s = [(q[0] - p[0]) * (py - p[1]) - (q[1] - p[1]) * (px - p[0]) for p, q in ((a, b), (b, c), (c, a))]
        inside |= (s[0] >= -1e-9) & (s[1] >= -1e-9) & (s[2] >= -1e-9)
    covered = np.zeros((size, size), bool)
    covered[row, column] = distance < 5e-5 * (size / 64)
    assert (covered == inside).mean() > 0.9999
    # The gutter is complete: whatever is near a covered texel is filled.
    reach = 2
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            if dx * dx + dy * dy <= reach * reach:
                shifted = np.zeros_like(covered)
                shifted[max(dy, 0) : size + min(dy, 0), max(dx, 0) : size + min(dx, 0)] = covered[
                    max(-dy, 0) : size + min(-dy, 0), max(-dx, 0) : size + min(-dx, 0)
                ]
                assert filled[shifted].all()


def test_texels_halves_mirror():
    template = make_template(3)
    face, weights = template.texels(128)
    centre = np.einsum("hwk,hwkc->hwc", weights, template.vertices[template.faces[np.maximum(face, 0)]])
    own = template.mirror_faces == np.arange(len(template.faces))
    interior = (face >= 0) & ~own[np.maximum(face, 0)]
    interior &= interior[:, ::-1]
    mirrored = centre[:, ::-1] * [-1, 1, 1]
    gap = np.abs(centre - mirrored).max(-1)[interior]
    assert interior.mean() > 0.6 and np.quantile(gap, 0.95) < 1e-6


def test_texels_are_cached_and_checked():
    template = make_template(3)
    assert make_template(3) is template
    assert template.texels(64)[0] is template.texels(64)[0]
    with pytest.raises(InputError, match="size"):
        template.texels(4)
    for bad in (-1, 7, 2.5):
        with pytest.raises(InputError, match="level"):
            make_template(bad)


def test_subdivision_to_next_level():
    coarse, fine = make_template(3), make_template(4)
    index, weight = coarse.subdivision()
    assert index.shape == weight.shape and len(index) == len(fine.vertices)
    np.testing.assert_allclose(weight.sum(1), 1, atol=1e-6)
    points = (weight[..., None] * coarse.vertices[index]).sum(1)
    # Oracle: trimesh's Loop subdivision gives the same set of points (its vertex order differs).
    oracle = trimesh.Trimesh(coarse.vertices, coarse.faces, process=False).subdivide_loop(1)
    order = np.lexsort(np.round(points, 5).T)
    other = np.lexsort(np.round(np.asarray(oracle.vertices), 5).T)
    np.testing.assert_allclose(points[order], np.asarray(oracle.vertices)[other], atol=3e-5)
    # Same places as the finer template, and mirror-symmetric.
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    assert np.linalg.norm(unit - fine.vertices, axis=1).max() < 0.01
    np.testing.assert_allclose(points[fine.mirror], points * [-1, 1, 1], atol=1e-6)


def test_what_is_stored_is_what_would_be_computed(tmp_path):
    """On another machine the last bit of a sine may differ; which face a texel shows may not."""
    assert STORED.exists()
    assert STORED_SIZE == TEXTURE_SIZE, "else every process computes what it needs"
    stored, computed = make_template(STORED_LEVEL), compute_template(STORED_LEVEL)
    for item in fields(stored):
        here, there = (np.asarray(getattr(x, item.name)) for x in (stored, computed))
        assert here.dtype == there.dtype
        np.testing.assert_allclose(here, there, atol=1e-6 if here.dtype.kind == "f" else 0)
    for here, there in zip(stored.texels(STORED_SIZE), compute_texels(computed, STORED_SIZE), strict=True):
        assert here.dtype == there.dtype
        np.testing.assert_allclose(here, there, atol=1e-5 if here.dtype.kind == "f" else 0)
    store(tmp_path / "again.safetensors")
    assert load_file(tmp_path / "again.safetensors").keys() == load_file(STORED).keys()
