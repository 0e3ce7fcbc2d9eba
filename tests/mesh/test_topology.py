"""Connectivity against hand-made cases, trimesh and brute force."""

import numpy as np
import pytest
import trimesh

from unrender import topology
from unrender.errors import MeshError

TETRAHEDRON = np.array([[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]])
SQUARE = np.array([[0, 1, 2], [0, 2, 3]])


def _dense(sparse, count):
    rows, columns, values = sparse
    matrix = np.zeros((count, count))
    np.add.at(matrix, (rows, columns), values)
    return matrix


def _random_sphere(seed=0):
    generator = np.random.default_rng(seed)
    hull = trimesh.Trimesh(generator.standard_normal((60, 3))).convex_hull
    return np.asarray(hull.vertices), np.asarray(hull.faces)


def test_edges_of_square():
    np.testing.assert_array_equal(topology.edges(SQUARE), [[0, 1], [0, 2], [0, 3], [1, 2], [2, 3]])
    table = topology.edge_faces(SQUARE)
    np.testing.assert_array_equal(table.vertices, topology.edges(SQUARE))
    np.testing.assert_array_equal(table.faces, [[0, -1], [0, 1], [1, -1], [0, -1], [1, -1]])
    np.testing.assert_array_equal(table.opposite, [[2, -1], [1, 3], [2, -1], [0, -1], [0, -1]])
    np.testing.assert_array_equal(table.is_boundary, [True, False, True, True, True])


def test_edges_match_trimesh():
    vertices, faces = _random_sphere()
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    mine = topology.edges(faces)
    oracle = np.sort(mesh.edges_unique, axis=1)
    np.testing.assert_array_equal(mine, oracle[np.lexsort((oracle[:, 1], oracle[:, 0]))])
    table = topology.edge_faces(faces)
    for (a, b), owners, corners in zip(table.vertices, table.faces, table.opposite, strict=True):
        for face, corner in zip(owners, corners, strict=True):
            assert {a, b, corner} == set(faces[face])


def test_edges_of_nothing():
    empty = np.zeros((0, 3), int)
    assert topology.edges(empty).shape == (0, 2)
    assert topology.edge_faces(empty).faces.shape == (0, 2)
    assert not topology.is_watertight(empty) and topology.is_consistently_wound(empty)


def test_adjacency_and_neighbour_table():
    vertices, faces = _random_sphere(1)
    count = len(vertices) + 1  # the last vertex is alone
    offsets, neighbours = topology.adjacency(faces, count)
    index, weight = topology.neighbour_table(faces, count)
    expected = [set() for _ in range(count)]
    for face in faces:
        for corner in face:
            expected[corner] |= set(face.tolist()) - {corner}
    values = np.random.default_rng(0).standard_normal((count, 3))
    gathered = (weight[..., None] * values[index]).sum(1)
    for i in range(count):
        row = neighbours[offsets[i] : offsets[i + 1]].tolist()
        assert row == sorted(expected[i])
        mean = values[sorted(expected[i])].mean(0) if expected[i] else np.zeros(3)
        np.testing.assert_allclose(gathered[i], mean, atol=1e-6)
    laplacian = _dense(topology.uniform_laplacian(faces, count), count)
    np.testing.assert_allclose((laplacian @ values)[:-1], (gathered - values)[:-1], atol=1e-6)
    assert not laplacian[-1].any()


def test_cotangent_weights():
    # Right isosceles triangles in a unit square: the diagonal sees two right angles (cot 0), the sides 45
    # degrees.
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]])
    pairs, weights = topology.cotangent_weights(points, SQUARE)
    np.testing.assert_allclose(weights, [0.5, 0, 0.5, 0.5, 0.5], atol=1e-12)
    np.testing.assert_array_equal(pairs, topology.edges(SQUARE))
    # The Dirichlet energy of a linear function over triangles of total area A with gradient g is |g|^2 A.
    vertices, faces = _random_sphere(2)
    laplacian = _dense(topology.cotangent_laplacian(vertices, faces), len(vertices))
    np.testing.assert_allclose(laplacian, laplacian.T)
    np.testing.assert_allclose(laplacian.sum(1), 0, atol=1e-9)
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normal, axis=1) / 2
    unit = normal / (2 * area[:, None])
    for axis in range(3):
        energy = -vertices[:, axis] @ laplacian @ vertices[:, axis]
        assert energy == pytest.approx((area * (1 - unit[:, axis] ** 2)).sum())
    degenerate = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 1, 0.0]])
    assert np.isfinite(topology.cotangent_weights(degenerate, SQUARE)[1]).all()


def test_watertight_and_winding():
    assert topology.is_watertight(TETRAHEDRON) and topology.is_consistently_wound(TETRAHEDRON)
    assert not topology.is_watertight(TETRAHEDRON[:3])
    flipped = TETRAHEDRON.copy()
    flipped[0] = flipped[0, ::-1]
    assert topology.is_watertight(flipped) and not topology.is_consistently_wound(flipped)
    assert not topology.is_watertight(SQUARE) and topology.is_consistently_wound(SQUARE)


def test_merge_vertices():
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, -0.0], [0, 1, 0], [1, 1, 0]], np.float32)
    faces = np.array([[0, 1, 2], [3, 5, 4]])
    merged, joined, old_to_new = topology.merge_vertices(points, faces)
    np.testing.assert_array_equal(merged, points[[0, 1, 2, 5]])
    np.testing.assert_array_equal(joined, [[0, 1, 2], [1, 3, 2]])
    np.testing.assert_array_equal(old_to_new, [0, 1, 2, 1, 2, 3])
    shaken = points + np.float32(1e-5) * np.arange(6)[:, None]
    assert len(topology.merge_vertices(shaken, faces)[0]) == 6
    assert len(topology.merge_vertices(shaken, faces, tolerance=1e-2)[0]) == 4
    # A face that collapses disappears.
    assert len(topology.merge_vertices(points, np.array([[1, 3, 5]]))[1]) == 0
    with pytest.raises(MeshError, match="tolerance"):
        topology.merge_vertices(points, faces, tolerance=-1)


def test_loop_subdivision_matches_trimesh():
    vertices, faces = _random_sphere(3)
    for part in (faces, faces[:40]):
        used, inverse = np.unique(part, return_inverse=True)
        points, part = vertices[used], inverse.reshape(-1, 3)
        if (np.bincount(topology.edges(part)[topology.edge_faces(part).is_boundary].ravel()) > 2).any():
            part = faces
            points = vertices
        fine, index, weight = topology.loop_subdivision(part, len(points))
        mine = (weight[..., None].astype(np.float64) * points[index]).sum(1)
        oracle = trimesh.Trimesh(points, part, process=False).subdivide_loop(1)
        a, b = np.sort(np.round(mine, 4), axis=0), np.sort(np.round(np.asarray(oracle.vertices), 4), axis=0)
        np.testing.assert_allclose(a, b, atol=2e-4)
        assert len(fine) == 4 * len(part)
        assert topology.is_watertight(fine) == topology.is_watertight(part)
        assert topology.is_consistently_wound(fine)


def test_loop_subdivision_keeps_a_flat_square_flat_and_inside():
    points = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1.0]])
    fine, index, weight = topology.loop_subdivision(SQUARE, 4)
    new = (weight[..., None] * points[index]).sum(1)
    np.testing.assert_allclose(new[:, 2], 1, atol=1e-6)
    middle = {tuple(p) for p in np.round(new[4:, :2], 6).tolist()}
    assert {(0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5), (0.5, 0.5)} == middle
    area = np.cross(new[fine[:, 1]] - new[fine[:, 0]], new[fine[:, 2]] - new[fine[:, 0]])[:, 2]
    assert (area > 0).all()


@pytest.mark.parametrize(
    ("faces", "message"),
    [
        (np.zeros((2, 4), int), "shape"),
        (np.zeros((2, 3)), "integers"),
        (np.array([[0, 1, -2]]), "negative"),
        (np.array([[0, 1, 9]]), "out of range"),
    ],
)
def test_bad_faces(faces, message):
    with pytest.raises(MeshError, match=message):
        topology.adjacency(faces, 4)


def test_non_manifold_edge():
    with pytest.raises(MeshError, match=r"edge \(0, 1\) belongs to 3 faces"):
        topology.edge_faces(np.array([[0, 1, 2], [1, 0, 3], [0, 1, 4]]))
