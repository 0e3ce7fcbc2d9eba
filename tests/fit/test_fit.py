"""A whole small fit against the object it shows, kill -9 in its middle, and what cannot be fitted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unrender.cli.main import main
from unrender.data.capture import load_capture
from unrender.errors import ConfigError, InputError
from unrender.fit import FitConfig, LossWeights, Progress, Stage, fit, score_views
from unrender.fit.hull import Grid, Silhouette, find_hull
from unrender.fit.surface import extract_surface
from unrender.mesh import load_mesh
from unrender.metrics import nearest_distances, sample_surface
from unrender.render import render
from unrender.synthesize.scan import ScanSettings, make_object
from unrender.topology import edges, is_consistently_wound, is_watertight

SETTINGS = ScanSettings(views=10, size=64)
"""Those of the fixture `scan`."""
TINY = FitConfig(grid=20, stages=(Stage(64, 30, blur=1.5),), texture_size=128, texture_steps=10)


def _mean_distance(mesh, other, side: float) -> float:
    """Mean distance of points of both surfaces to the other one, in sides (dense enough not to see it)."""
    dense = [sample_surface(m.vertices, m.faces, 60_000, seed=1) for m in (mesh, other)]
    sparse = [sample_surface(m.vertices, m.faces, 2_000, seed=2) for m in (mesh, other)]
    there, back = nearest_distances(sparse[0], dense[1]), nearest_distances(sparse[1], dense[0])
    return float(there.mean() + back.mean()) / 2 / side


def test_fit_finds_shape_scale_and_colours(scan: Path, tmp_path: Path) -> None:
    capture, held = load_capture(scan).hold_out(6)
    steps: list[Progress] = []
    result = fit(capture, TINY, on_progress=steps.append)
    true = make_object(SETTINGS)
    assert is_watertight(result.mesh.faces) and is_consistently_wound(result.mesh.faces)
    assert _mean_distance(result.mesh, true, SETTINGS.unit) < 0.02
    np.testing.assert_allclose(result.mesh.bounds(), true.bounds(), atol=0.03 * SETTINGS.unit)
    rows = score_views(result, held)
    assert np.mean([row["mask IoU"] for row in rows]) > 0.95
    assert np.mean([row["PSNR"] for row in rows]) > 26
    assert result.complete and [p.phase for p in steps].count("shape") == 30
    again = load_mesh(result.export(tmp_path / "scan.glb"))
    assert again.texture is not None and again.texture.shape[:2] == (128, 128)
    np.testing.assert_allclose(again.bounds(), result.mesh.bounds(), atol=1e-6)
    assert Image.open(result.write_timelapse(tmp_path / "fit.gif")).n_frames >= 2
    assert json.loads(result.to_json(tmp_path / "scan.json").read_text())["complete"]


def test_killed_fit_goes_on_and_ends_the_same(scan: Path, tmp_path: Path) -> None:
    """SIGKILL between two checkpoints; the second run ends bit for bit as one that was left alone."""
    script = (
        "import sys\n"
        "import unrender.fit.run as run\n"
        "from unrender.data.capture import load_capture\n"
        "from unrender.fit import FitConfig, Stage\n"
        "run.SAVE_SECONDS = 0.0\n"
        "config = FitConfig(grid=20, stages=(Stage(64, 30, blur=1.5),), texture_size=128, texture_steps=10)\n"
        "print('ready', flush=True)\n"
        "show = lambda p: print(p.phase, p.step, flush=True)\n"
        f"run.fit(load_capture({str(scan)!r}), config, checkpoint=sys.argv[1], on_progress=show)\n"
    )
    path = tmp_path / "state"
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("shape 12"):
            os.kill(process.pid, signal.SIGKILL)
            break
    assert process.wait(60) == -signal.SIGKILL
    assert path.is_file()
    steps: list[Progress] = []
    capture = load_capture(scan)
    resumed = fit(capture, TINY, checkpoint=path, on_progress=steps.append)
    assert resumed.resumed and steps[0].step > 5
    straight = fit(capture, TINY)
    np.testing.assert_array_equal(resumed.mesh.vertices, straight.mesh.vertices)
    np.testing.assert_array_equal(resumed.mesh.texture, straight.mesh.texture)
    other = fit(capture, FitConfig(**{**TINY.__dict__, "seed": 1}), checkpoint=path, cancel=lambda: True)
    assert not other.resumed, "a checkpoint of other settings is not used"


def test_cancel_keeps_what_there_is(scan: Path) -> None:
    begun = time.monotonic()
    result = fit(load_capture(scan), TINY, cancel=lambda: True)
    assert not result.complete and result.mesh.vertex_colors is not None
    assert time.monotonic() - begun < 60


def test_cameras_are_refined(scan: Path, tmp_path: Path) -> None:
    """Cameras turned by half a degree come nearer to the true ones, relative to each other."""
    shutil.copytree(scan, tmp_path / "scan")
    record = json.loads((scan / "cameras.json").read_text())
    rng = np.random.default_rng(0)
    for view in record["views"]:
        view["t"] = (np.array(view["t"]) + rng.normal(size=3) * [0.003, 0.003, 0]).tolist()
    (tmp_path / "scan" / "cameras.json").write_text(json.dumps(record))
    config = FitConfig(
        grid=20, stages=(Stage(64, 60, blur=2.0),), texture_size=64, texture_steps=0, cameras=True,
        weights=LossWeights(camera=0.05),
    )  # fmt: skip
    capture = load_capture(tmp_path / "scan")
    result = fit(capture, config)
    true = load_capture(scan)

    place = make_object(SETTINGS).bounds().mean(0)

    def error(cameras) -> float:
        offsets = [
            (camera.to_camera(place) - shot.camera.to_camera(place))[:2]
            for camera, shot in zip(cameras, true.shots, strict=True)
        ]
        return float(np.sqrt(np.mean(np.square(offsets))))

    before = error([shot.camera for shot in capture.shots])
    assert error([result.cameras[shot.name] for shot in capture.shots]) < 0.8 * before


def test_photos_of_different_sizes(scan: Path, tmp_path: Path) -> None:
    shutil.copytree(scan, tmp_path / "scan")
    for number in (1, 4):
        path = tmp_path / "scan" / "images" / f"view_{number:02}.png"
        Image.open(path).resize((96, 96)).save(path)
    config = FitConfig(grid=20, stages=(Stage(96, 4),), texture_size=64, texture_steps=1)
    assert fit(load_capture(tmp_path / "scan"), config).complete


def test_sphere_start_has_genus_0(scan: Path) -> None:
    config = FitConfig(start="sphere", stages=(Stage(64, 12, blur=3.0, step_size=0.01),), texture_steps=1)
    faces = fit(load_capture(scan), config).mesh.faces
    assert len(np.unique(faces)) - len(edges(faces)) + len(faces) == 2


def test_one_photo_and_contradicting_masks(scan: Path, tmp_path: Path) -> None:
    capture = load_capture(scan)
    with pytest.raises(InputError, match="at least 2"):
        fit(type(capture)(capture.folder, capture.shots[:1]), TINY)
    with pytest.raises(InputError, match="every"):
        capture.hold_out(1)
    shutil.copytree(scan, tmp_path / "scan")
    record = json.loads((scan / "cameras.json").read_text())
    record["views"][2]["t"][0] += 0.3
    (tmp_path / "scan" / "cameras.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="photo 3 of 10"):
        fit(load_capture(tmp_path / "scan"), TINY)


def test_a_photo_with_a_bad_mask_carves_nothing(scan: Path, tmp_path: Path) -> None:
    """Half of a mask is gone. Said to be bad, the photo stays in the fit and the object stays whole."""
    shutil.copytree(scan, tmp_path / "scan")
    record = json.loads((scan / "cameras.json").read_text())
    capture = load_capture(scan)
    true = capture.shots[3].read()[1] > 0.5
    cut = true.copy()
    cut[: int(np.flatnonzero(true.any(1)).mean())] = False
    path = tmp_path / "scan" / "images" / f"{Path(record['views'][3]['file']).stem}.cut.png"
    Image.fromarray((cut * 255).astype(np.uint8)).save(path)
    record["views"][3]["mask"] = f"images/{path.name}"
    shares = []
    for good in (False, True):
        record["views"][3]["good_silhouette"] = good
        (tmp_path / "scan" / "cameras.json").write_text(json.dumps(record))
        result = fit(load_capture(tmp_path / "scan"), TINY)
        assert set(result.cameras) == {shot.name for shot in capture.shots}
        shown = render(result.mesh, capture.shots[3].read()[2]).mask > 0.5
        shares.append((shown & true).sum() / true.sum())
    assert shares[0] > 0.93 and shares[1] < 0.8
    kept, held = load_capture(tmp_path / "scan").hold_out(3)
    assert len(kept) + len(held) == len(capture) and len(held) == 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: FitConfig(start="cube"), lambda: FitConfig(grid=4), lambda: FitConfig(stages=()),
        lambda: FitConfig(texture_size=3), lambda: Stage(8, 1), lambda: LossWeights(colour=-1),
    ],
)  # fmt: skip
def test_bad_settings(make) -> None:
    with pytest.raises(ConfigError):
        make()


def test_surface_of_a_ball_and_of_touching_corners() -> None:
    place = np.linspace(-1, 1, 24)
    x, y, z = np.meshgrid(place, place, place, indexing="ij")
    vertices, faces = extract_surface(
        Grid(np.full(3, -1.0), 2 / 23, (np.sqrt(x * x + y * y + z * z) - 0.7).astype(np.float32))
    )
    assert is_watertight(faces) and is_consistently_wound(faces)
    assert np.abs(np.linalg.norm(vertices, axis=1) - 0.7).max() < 0.02
    corners = vertices[faces]
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert volume == pytest.approx(4 / 3 * np.pi * 0.7**3, rel=0.02), "wound counter-clockwise from outside"
    rng = np.random.default_rng(0)
    for _ in range(5):  # random occupancy is full of edges and corners that touch
        _, faces = extract_surface(Grid(np.zeros(3), 1.0, rng.normal(size=(9, 9, 9)).astype(np.float32)))
        assert is_watertight(faces) and is_consistently_wound(faces)


def test_hull_holds_the_object(scan: Path) -> None:
    views = [shot.read() for shot in load_capture(scan).shots]
    grid = find_hull([Silhouette.from_mask(camera, mask) for _, mask, camera in views], None, 24)
    points = make_object(SETTINGS).vertices
    cells = np.round((points - grid.low) / grid.spacing).astype(int)
    assert (grid.values[tuple(cells.T)] < 1.5 * grid.spacing).all()


def test_command_and_its_errors(
    scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("unrender.cli.fit._config", lambda options: TINY)
    out = tmp_path / "scan.glb"
    assert main(["fit", str(scan), "-o", str(out), "--hold-out", "5"]) == 0
    assert "left out" in capsys.readouterr().out
    assert out.is_file() and out.with_suffix(".json").is_file() and len(list(tmp_path.iterdir())) == 2
    assert main(["fit", str(scan), "-o", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["fit", str(tmp_path / "none"), "-o", str(tmp_path / "b.glb")]) == 2
    assert main(["fit", str(scan), "-o", str(tmp_path / "b.obj")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
