"""Shapes from outlines of unknown cameras, against the shapes that were rendered."""

import numpy as np
import pytest
from made import made_silhouettes

from unrender.camera import orbit
from unrender.metrics import iou_3d, normalize_box, voxelize
from unrender.own.learn import LearnConfig, Stage, State, learn
from unrender.own.pose import Poser
from unrender.own.shapes import finish, load_learnt, save_learnt, turn_round
from unrender.own.starts import rank, side_starts
from unrender.own.views import elevation_of, looking, upright
from unrender.smooth_fields import smooth_fields
from unrender.template import make_template

SHORT = LearnConfig(
    stages=(
        Stage(3, 3, 3, 0.05, 8.0, 0.03), Stage(4, 3, 3, 0.1, 6.0, 0.02), Stage(5, 3, 2, 0.4, 5.0, 0.015,
        spread=True)
    ),
    steps=2,
)  # fmt: skip


def _grid(vertices):
    faces = make_template(3).faces
    return voxelize(normalize_box(np.asarray(vertices, np.float64), faces), faces)


@pytest.fixture(scope="module")
def learnt():
    outlines, truth, rotations = made_silhouettes(30)
    start = rank(side_starts(outlines, 4), outlines)[0]
    return outlines, truth, rotations, start, learn(outlines, start.mean, SHORT)


def test_mean_shape_beats_the_best_ellipsoid(learnt):
    """The ellipsoid knows the truth's box; the learnt mean knows outlines alone (and not which end is the
    front)."""
    _, truth, _, _, state = learnt
    mean = np.mean(truth, axis=0)
    target = _grid(mean)
    ellipsoid = iou_3d(_grid(make_template(3).vertices * np.ptp(mean, axis=0)), target)
    turned = [state.mean * np.array([sign, 1, sign]) for sign in (1, -1)]
    assert max(iou_3d(_grid(vertices), target) for vertices in turned) > ellipsoid + 0.05


def test_cameras_are_found_up_to_which_end_is_the_front(learnt):
    _, _, rotations, _, state = learnt
    turn = np.diag([-1.0, 1.0, -1.0])
    medians = []
    for matrix in (np.eye(3), turn):
        traces = [
            np.trace(poses[0].rotation @ matrix @ r.T)
            for poses, r in zip(state.poses, rotations, strict=True)
        ]
        medians.append(np.median(np.degrees(np.arccos(np.clip((np.array(traces) - 1) / 2, -1, 1)))))
    assert min(medians) < 25


def test_everything_is_mirror_symmetric(learnt):
    mirror = make_template(3).mirror
    flip = np.array([-1.0, 1.0, 1.0])
    space = finish(learnt[4], "x").space
    for vertices in (space.mean, space.mean + space.basis[0]):
        np.testing.assert_allclose(vertices[mirror] * flip, vertices, atol=2e-3)


def test_same_outlines_give_the_same_shape(learnt):
    outlines, _, _, start, _ = learnt
    few = LearnConfig(stages=(Stage(2, 1, 2, 0.1, 6.0, 0.02, spread=True),), steps=1)
    first, second = (learn(outlines[:8], start.mean, few) for _ in range(2))
    assert np.array_equal(first.mean, second.mean)
    assert np.array_equal(first.covariance, second.covariance)


def test_coefficients_give_the_fitted_shapes(learnt):
    """With all components, mean + basis c is mean + fields d."""
    state = learnt[4]
    full = finish(state, "x")
    shape = state.mean + (
        state.poses[3][0].deformation @ state.fields.reshape(len(state.fields), -1)
    ).reshape(-1, 3)
    near = full.space.vertices(full.coefficients[3])
    error = np.linalg.norm(near - shape, axis=1).mean()
    assert error < 0.4 * np.linalg.norm(shape - state.mean, axis=1).mean() + 0.01


def test_learnt_shapes_are_kept_and_can_be_turned(learnt, tmp_path):
    kept = finish(learnt[4], "photo 1")
    save_learnt(tmp_path / "shapes.safetensors", turn_round(kept), "mug")
    back = load_learnt(tmp_path / "shapes.safetensors", "mug")
    assert back.turned and back.start == "photo 1"
    again = turn_round(back)
    np.testing.assert_allclose(again.space.mean, kept.space.mean, atol=1e-6)
    np.testing.assert_allclose(again.poses[2].rotation, kept.poses[2].rotation, atol=1e-12)
    # turned shape and turned camera show the same points
    shown = back.space.mean @ back.poses[2].rotation.T
    np.testing.assert_allclose(shown, kept.space.mean @ kept.poses[2].rotation.T, atol=1e-5)


def test_upright_cameras_are_those_of_an_orbit():
    np.testing.assert_allclose(
        looking(0.7, 0.3), orbit(np.degrees(0.7), np.degrees(0.3), 3.0)[:3, :3], atol=1e-12
    )
    rolled = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]]) @ looking(1.0, 0.2)
    np.testing.assert_allclose(upright(rolled), looking(1.0, 0.2), atol=1e-12)
    assert elevation_of(looking(2.0, 0.25)) == pytest.approx(np.degrees(0.25))


def test_steps_lower_the_residuals():
    outlines, truth, rotations = made_silhouettes(1)
    fields = smooth_fields(3, 0.1, lowest=1)
    poser = Poser(truth[0] * np.array([1.0, 1.15, 0.9]), fields, np.eye(len(fields)))
    start = poser.start(rotations[0], outlines[0])
    before = poser.normal(start, outlines[0], 5.0)[1]
    assert poser.correct(start, outlines[0], 6, 5.0).iou > before + 0.02


def test_state_reports_its_overlap(learnt):
    state: State = learnt[4]
    assert state.overlap == pytest.approx(np.mean([poses[0].iou for poses in state.poses]))
    assert state.overlap > 0.85
