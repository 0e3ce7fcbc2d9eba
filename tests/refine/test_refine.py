"""Refinement of known shapes: it finds a bump that the space lacks, and leaves the rest alone."""

from __future__ import annotations

import numpy as np
import pytest

from unrender.camera import Camera, orbit
from unrender.cli.main import main
from unrender.errors import InputError
from unrender.reconstruct.proportions import Proportions
from unrender.refine import FinishConfig, RefineConfig, Refiner, parse_budget
from unrender.refine.deformation import Deformation, smooth_in_space
from unrender.refine.finish import Finish
from unrender.refine.region import voted_mask
from unrender.refine.solver import Solver, State
from unrender.render import rasterize
from unrender.shape_space import ShapeSpace
from unrender.template import make_template

SIZE = 128


@pytest.fixture(scope="module")
def space() -> ShapeSpace:
    """An ellipsoid that can grow longer."""
    vertices = make_template(3).vertices
    mean = vertices * np.float32([0.5, 0.6, 1.0])
    basis = np.zeros((1, *mean.shape), np.float32)
    basis[0, :, 2] = 0.15 * vertices[:, 2]
    return ShapeSpace(mean, basis, np.zeros(1, bool))


def _mask(vertices: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    camera = Camera.from_fov(4 * SIZE, matrix, 30.0)
    clip = camera.to_clip(vertices).astype(np.float32)[None]
    hit = rasterize(clip, make_template(3).faces, (4 * SIZE, 4 * SIZE)).face_index[0] >= 0
    return hit.reshape(SIZE, 4, SIZE, 4).mean((1, 3)).astype(np.float32)


def _solver(space: ShapeSpace, mask: np.ndarray, matrix: np.ndarray) -> Solver:
    focal = Camera.from_fov(SIZE, matrix, 30.0).fx
    start = State(np.ascontiguousarray(matrix[:3, :3]), matrix[:3, 3].copy(), np.zeros(space.size), 0.0)
    return Solver(Deformation(space, RefineConfig()), mask, focal, RefineConfig(), start)


def test_a_bump_outside_the_space_is_found_and_mirrored(space: ShapeSpace) -> None:
    """Seen from its left, the bump on top is fitted; the width, which the photo does not show, stays."""
    matrix = orbit(90, 0, 4.6)
    vertices = space.mean.astype(np.float64).copy()
    vertices[:, 1] += 0.25 * np.exp(-((vertices[:, 2] - 0.4) ** 2) / 0.05) * (vertices[:, 1] > 0)
    mask = _mask(vertices, matrix)
    solver = _solver(space, mask, matrix)
    before = solver.state.iou
    for step in range(40):
        solver.step(step / 40)
    assert before < 0.955 and solver.best.iou > 0.975
    found = solver.vertices(solver.best)
    mirror = make_template(3).mirror
    assert np.abs(found[mirror] * [-1, 1, 1] - found).max() < 0.06
    assert np.ptp(found[:, 0]) == pytest.approx(np.ptp(space.mean[:, 0]), rel=0.12)


def test_a_mask_that_fits_changes_nothing(space: ShapeSpace) -> None:
    matrix = orbit(60, 10, 4.6)
    solver = _solver(space, _mask(space.mean, matrix), matrix)
    for step in range(15):
        solver.step(step / 15)
    assert solver.best.iou > 0.985
    assert np.abs(solver.vertices(solver.state) - space.mean).max() < 0.04


def test_a_longer_shape_is_found_from_the_side(space: ShapeSpace) -> None:
    matrix = orbit(90, 0, 4.6)
    solver = _solver(space, _mask(space.vertices(np.array([1.0])), matrix), matrix)
    for step in range(30):
        solver.step(step / 30)
    assert solver.best.iou > 0.97 and solver.best.unknowns[0] > 0


def test_vertices_find_a_notch_and_keep_depths(space: ShapeSpace) -> None:
    """Seen from its left, a narrow notch in the back; smooth fields stop short of it, vertices do not."""
    matrix = orbit(90, 0, 4.6)
    vertices = space.mean.astype(np.float64).copy()
    top = np.clip(vertices[:, 1] / 0.6, 0, None)
    vertices[:, 1] -= 0.5 * np.exp(-(vertices[:, 2] ** 2) / 0.015) * top
    solver = _solver(space, _mask(vertices, matrix), matrix)
    for step in range(40):
        solver.step(step / 40)
    finish = Finish(solver, FinishConfig())
    for step in range(60):
        finish.step(step / 60)
    assert finish.iou > solver.best.iou + 0.004 and finish.iou > 0.975
    smooth = solver.vertices(solver.best)
    mirror = make_template(3).mirror
    assert np.abs(finish.vertices[mirror] * [-1, 1, 1] - finish.vertices).max() < 0.1
    assert np.ptp(finish.vertices[:, 0]) == pytest.approx(np.ptp(smooth[:, 0]), rel=0.05)
    away = np.abs(smooth[:, 2]) > 0.6
    assert np.abs(finish.vertices - smooth)[away].max() < 0.05


def test_an_optional_part_stays_put_away(space: ShapeSpace) -> None:
    """A wide outline does not open the wings of a bird that has them folded; open ones go on."""
    wings = np.zeros((1, *space.mean.shape), np.float32)
    wings[0, :, 0] = 0.3 * make_template(3).vertices[:, 0]
    birds = ShapeSpace(
        space.mean, np.concatenate([space.basis, wings]), np.zeros(2, bool), np.array([False, True])
    )
    matrix = orbit(0, 0, 4.6)
    mask = _mask(birds.vertices(np.array([0.0, 1.0])), matrix)
    focal = Camera.from_fov(SIZE, matrix, 30.0).fx

    def opened(out: float, precision: float) -> float:
        start = State(np.ascontiguousarray(matrix[:3, :3]), matrix[:3, 3].copy(), np.array([0.0, out]), 0.0)
        config = RefineConfig(part_precision=precision, offsets=1e3)  # no fields to say it with
        solver = Solver(Deformation(birds, config), mask, focal, config, start)
        for step in range(30):
            solver.step(step / 30)
        return float(solver.state.unknowns[1])

    assert opened(0.0, 1000.0) < 0.15 < 0.6 < opened(0.0, 0.0)
    assert opened(0.6, 1000.0) > 0.6


def test_smoothing_in_space_is_the_kernel_written_out() -> None:
    points, values = np.random.default_rng(0).normal(size=(2, 40, 3))
    squared = ((points[:, None] - points) ** 2).sum(-1)
    kernel = sum(np.exp(-squared / 2 / (0.8 / shrink) ** 2) for shrink in (1, 2, 4)) / 3
    np.testing.assert_allclose(smooth_in_space(points, values, 0.8), kernel @ values, rtol=1e-9)


def test_the_pull_towards_usual_proportions_is_a_gradient(space: ShapeSpace) -> None:
    """Against differences of half the squared deviation, for the three scalings and for a shift."""
    matrix = orbit(60, 10, 4.6)
    solver = _solver(space, _mask(space.mean, matrix), matrix)
    finish = Finish(solver, FinishConfig())
    finish.present = space.mean * np.array([1.5, 1.3, 0.8])
    pull = finish._out_of_proportion()
    usual = solver.deformation.proportions

    def energy(vertices: np.ndarray) -> float:
        extent = np.log(np.ptp(vertices, axis=0))
        return 0.5 * float(((usual.scale @ (extent[:2] - extent[2] - usual.mean)) ** 2).sum())

    away = finish.present - finish.present.mean(0)
    for axis in range(3):
        scaling = away * np.eye(3)[axis]
        change = energy(finish.present + 1e-5 * scaling) - energy(finish.present - 1e-5 * scaling)
        assert (pull * scaling).sum() == pytest.approx(change / 2e-5, rel=1e-4)
    np.testing.assert_allclose(pull.sum(0), 0, atol=1e-9)


def test_a_width_the_photo_does_not_show_becomes_usual(space: ShapeSpace) -> None:
    """Seen from its left the start is twice as wide as the category; its outline fits already."""
    wide = ShapeSpace(
        space.mean, np.concatenate([space.basis, space.mean[None] * np.float32([1, 0, 0])]), np.zeros(2, bool)
    )
    matrix = orbit(90, 0, 4.6)
    focal = Camera.from_fov(SIZE, matrix, 30.0).fx
    mask = _mask(space.mean, matrix)

    def width(proportions: float) -> float:
        config = RefineConfig(proportions=proportions, near_mean=0.0)
        deformation = Deformation(wide, config)
        deformation.proportions = Proportions(np.log([0.5, 0.6]), np.diag([1 / 0.2, 1 / 0.05]))
        start = State(np.ascontiguousarray(matrix[:3, :3]), matrix[:3, 3].copy(), np.array([0.0, 1.0]), 0.0)
        solver = Solver(deformation, mask, focal, config, start)
        for step in range(40):
            solver.step(step / 40)
        assert solver.best.iou > 0.97
        found = np.ptp(solver.vertices(solver.state), axis=0)
        return float(found[0] / found[2])

    assert width(0.0) > 0.85 and width(1.0) < 0.62


def test_the_flow_does_not_turn_a_thin_part_inside_out(space: ShapeSpace) -> None:
    """A flat tail that has to come down by many times its thickness stays the right way out."""
    matrix = orbit(90, 0, 4.6)
    mean = space.mean.copy()
    mean[:, 1] *= np.where(mean[:, 2] < -0.3, 0.12, 1.0)
    bent = mean.astype(np.float64)
    bent[:, 1] -= 0.8 * np.clip(-0.3 - bent[:, 2], 0, None)
    flat = ShapeSpace(mean, space.basis, space.antisymmetric)
    finish = Finish(_solver(flat, _mask(bent, matrix), matrix), FinishConfig(proportions=0.0))
    before = finish.iou
    for step in range(80):
        finish.step(step / 80)
    assert finish.iou > before + 0.02
    corners = finish.vertices[make_template(3).faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    started = mean[make_template(3).faces]
    upright = np.cross(started[:, 1] - started[:, 0], started[:, 2] - started[:, 0])
    turned = (normals * upright).sum(1) < 0
    assert turned.mean() < 0.01


def test_it_starts_from_the_mesh_of_the_reconstruction(space: ShapeSpace) -> None:
    """Offsets that the coefficients do not hold are taken over as far as smooth fields can say them."""
    matrix = orbit(90, 0, 4.6)
    focal = Camera.from_fov(SIZE, matrix, 30.0).fx
    vertices = space.mean + 0.05 * space.mean[:, [1, 1, 1]] ** 2
    start = State(np.ascontiguousarray(matrix[:3, :3]), matrix[:3, 3].copy(), np.zeros(1), 0.0)
    deformation = Deformation(space, RefineConfig())
    solver = Solver(deformation, _mask(space.mean, matrix), focal, RefineConfig(), start, vertices)
    np.testing.assert_allclose(solver.vertices(solver.best), vertices, atol=2e-3)


@pytest.mark.parametrize(
    ("text", "seconds", "iterations"), [("3s", 3.0, None), ("0.5s", 0.5, None), ("200it", None, 200)]
)
def test_budgets(text: str, seconds: float | None, iterations: int | None) -> None:
    budget = parse_budget(text)
    assert (budget.seconds, budget.iterations) == (seconds, iterations)


@pytest.mark.parametrize("text", ["3", "s", "-1s", "0it", "1.5it", "99999s", "3 s x", ""])
def test_bad_budgets(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="3s or a number"):
        parse_budget(text)
    assert main(["photo.jpg", f"--refine={text}"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_looks_of_the_network_agree_on_one_place() -> None:
    """A network that marks what is bright: its looks, cropped and mirrored, meet on the bright square."""

    class Bright:
        image_size = 64

        def mask(self, picture: np.ndarray) -> np.ndarray:
            return (picture[..., 0] > 128).astype(np.float32)

    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[70:120, 90:180] = 255
    mask = voted_mask(Bright(), pixels, (75.0, 35.0, 120.0), SIZE, 4) > 0.5  # type: ignore[arg-type]
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    scale = SIZE / 120
    np.testing.assert_allclose([rows[0], rows[-1] + 1], [35 * scale, 85 * scale], atol=2)
    np.testing.assert_allclose([columns[0], columns[-1] + 1], [15 * scale, 105 * scale], atol=2)


def test_the_whole_way_with_the_shipped_model(capsys: pytest.CaptureFixture[str]) -> None:
    """The sample photo: the refined mesh fits its mask no worse, progress is told, cancel stops."""
    from pathlib import Path

    import unrender
    from unrender import Reconstructor, load_photo

    models = Path(unrender.__file__).parent / "models"
    if not (models / "sample.jpg").is_file() or not list(models.glob("*.onnx")):
        pytest.skip("needs the model inside the package")
    reconstructor, photo = Reconstructor.from_pretrained(), load_photo(models / "sample.jpg")
    result = reconstructor(photo)
    mask = result.mask
    given = reconstructor(photo, mask=mask)
    seen: list[float] = []
    refiner = Refiner(reconstructor)
    refined = refiner.refine(photo, given, "25it", mask=mask, on_progress=lambda p: seen.append(p.iou))
    assert 5 <= len(seen) <= 25 and seen[-1] >= seen[0]

    def overlap(entry) -> float:
        clip = entry.camera.to_clip(entry.mesh.vertices).astype(np.float32)[None]
        hit = rasterize(clip, entry.mesh.faces, mask.shape).face_index[0] >= 0
        return (hit & mask).sum() / (hit | mask).sum()

    assert overlap(refined) >= overlap(given) - 0.005
    assert refined.texture.shape == given.texture.shape and "refine" in refined.timings_ms
    stopped = refiner.refine(photo, given, "500it", mask=mask, cancel=lambda: True)
    assert np.isfinite(stopped.mesh.vertices).all()
    with pytest.raises(InputError, match="photo's size"):
        refiner.refine(photo, given, "5it", mask=mask[:-1])
