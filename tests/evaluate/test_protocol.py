"""The protocol on a world whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from known_world import SETTINGS, World
from PIL import Image

from unrender.camera import Camera, orbit
from unrender.cli.main import main
from unrender.data.photos import PhotoSet
from unrender.errors import ConfigError
from unrender.evaluate.meshes import METRICS, MeshSet, evaluate_meshes, mesh_views, select_meshes
from unrender.evaluate.photos import evaluate_photos, median_extents, select_photos
from unrender.evaluate.report import build_report, markdown, write_report
from unrender.evaluate.views import crop_camera, crop_mask, sh_light
from unrender.light import sh_basis


@pytest.fixture(scope="session")
def mesh_rows(world: World) -> list[dict[str, Any]]:
    return evaluate_meshes(world.reconstructor, MeshSet(world.meshes), SETTINGS)  # type: ignore[arg-type]


def of(rows: list[dict[str, Any]], **wanted: Any) -> list[dict[str, Any]]:
    return [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]


def test_the_truth_scores_perfectly(mesh_rows: list[dict[str, Any]]) -> None:
    assert len(mesh_rows) == 2 * 3 * 2 * 4
    for row in of(mesh_rows, variant="default"):
        assert row["3D IoU"] > 0.95 and row["mask IoU"] > 0.97
        assert row["Chamfer-L1"] < 0.01 and row["F-score 2%"] > 0.99
        assert row["other views L1"] < 0.01 and row["other views PSNR"] > 30
        assert row["ms"] == 15
    assert all(row["rotation error"] < 1e-3 for row in of(mesh_rows, variant="default", oriented=True))
    assert all("rotation error" not in row for row in of(mesh_rows, oriented=False))


def test_the_mean_shape_scores_worse(mesh_rows: list[dict[str, Any]]) -> None:
    for row in of(mesh_rows, variant="mean shape"):
        assert row["3D IoU"] < 0.6 and row["F-score 2%"] < 0.6
    report = build_report("meshes", mesh_rows, METRICS, group="id", settings={"data": "world"})
    (pooled,) = of(report["differences"], group="all", mask="own", variant="default", minus="mean shape")
    assert pooled["3D IoU"]["low"] > 0.3
    (none,) = of(report["differences"], group="all", mask="own", variant="default", minus="feed-forward")
    assert none["3D IoU"] == {"mean": 0, "low": 0, "high": 0, "median": 0}


def test_every_variant_is_asked_for(world: World) -> None:
    world.reconstructor.calls.clear()
    evaluate_photos(world.reconstructor, select_photos(world.photos, limit=1))  # type: ignore[arg-type]
    expected = [
        {"mask": mask, "loop": loop, "shape": shape}
        for mask in (False, True)
        for shape in ("predicted", "mean")
        for loop in (True, False)
    ]
    assert world.reconstructor.calls == expected


def test_photos(world: World) -> None:
    photos = select_photos(world.photos)
    assert [record.id for record in photos] == ["long0", "long1", "wide0", "wide1"]  # view 2 is truncated
    assert [r.id for r in select_photos(world.photos, exclude_trained=True)] == ["long1", "wide1"]
    assert len(select_photos(world.photos, limit=3)) == 3
    with pytest.raises(ConfigError, match="no photo fits"):
        select_photos(world.photos, category="car")
    rows = evaluate_photos(world.reconstructor, photos)  # type: ignore[arg-type]
    for row in of(rows, variant="default"):
        assert row["mask IoU"] > 0.97 and row["texture L1"] < 0.2
    (row,) = of(rows, id="long0", variant="default", mask="own")
    extents = median_extents(world.meshes, "bird")  # the oriented one only
    assert extents is not None and row["width/length"] == pytest.approx(extents["width/length"], abs=0.01)
    assert median_extents(world.meshes, "car") is None


def test_refused_photos_count_as_failures(world: World) -> None:
    photos = select_photos(world.photos, limit=2)
    empty = type(world.reconstructor)()
    rows = evaluate_photos(empty, photos)  # type: ignore[arg-type]
    assert all(row["mask IoU"] == 0 and "no object" in row["error"] for row in rows)
    report = build_report("photos", rows, ("mask IoU", "ms"), group="category", settings={})
    assert all(entry["failed"] == entry["n"] == 2 for entry in report["summary"])


def test_pictures_do_not_depend_on_what_else_is_evaluated(world: World) -> None:
    together = {(r.name, v.index): v.pixels for r, _, v in mesh_views(MeshSet(world.meshes), SETTINGS)}
    for record, _, view in mesh_views(select_meshes(world.meshes, match="w*"), SETTINGS):
        assert np.array_equal(view.pixels, together[record.name, view.index])


def test_what_the_crop_cuts_off_is_missed() -> None:
    mask = np.zeros((40, 40), bool)
    mask[:, 10:30] = True
    inside, cut_off = crop_mask(mask, (0, 0, 20), 10)
    assert inside.sum() == 50 and cut_off == pytest.approx(150)
    whole, cut_off = crop_mask(mask, (-10, -10, 60), 60)
    assert whole.sum() == 800 and cut_off == 0


def test_crop_camera_projects_to_the_crop() -> None:
    camera = Camera(200, 100, 150, 150, 90, 60, orbit(30, 20, 3.0))
    point = np.array([[0.1, 0.2, -0.3]])
    (whole,), (small,) = camera.project(point)[0], crop_camera(camera, (50, -10, 80), 32).project(point)[0]
    assert small == pytest.approx((whole - [50, -10]) * 32 / 80)


def test_light_has_the_shading_asked_for() -> None:
    light = sh_light(np.array([0, 0, 2.0]), np.array([0.2, 0.3, 0.4]), np.array([1.0, 0.5, 0.0]))
    front, back = sh_basis(np.array([[0, 0, 1.0], [0, 0, -1.0]])) @ light
    assert front == pytest.approx([1.2, 0.8, 0.4], abs=0.1) and back == pytest.approx(
        [0.2, 0.3, 0.4], abs=0.1
    )


def test_report_files(mesh_rows: list[dict[str, Any]], tmp_path: Path) -> None:
    rows = [row | {"other views PSNR": float("inf")} for row in mesh_rows]
    report = build_report("meshes", rows, METRICS, group="id", settings={"data": "world", "split": None})
    paths = write_report(report, tmp_path / "deep" / "meshes")
    record = json.loads(paths[0].read_text(), parse_constant=lambda name: pytest.fail(name))
    assert record["schema"] == 1 and len(record["rows"]) == len(rows) and record["machine"]["cores"] >= 1
    text = paths[1].read_text()
    assert text == markdown(report) and "| all | own | default | 6 | 0 |" in text and "split" not in text


def test_command_line(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("unrender.cli.reconstruct.load_reconstructor", lambda path: world.reconstructor)
    data = ["--data", str(world.photos), "--limit", "2", "--exclude-trained"]
    assert main(["evaluate", "photos", *data, "--masks", "own", "-o", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "photos.json").read_text())
    assert "bird" in report["settings"]["median sides of the category's meshes"]
    assert "mask IoU" in capsys.readouterr().out
    assert main(["evaluate", "meshes", "--data", str(world.meshes), "--match", "none*"]) == 2
    assert "no mesh fits" in capsys.readouterr().err
    assert main(["evaluate", "sheets", *data, "-o", str(tmp_path / "sheets"), "--per-sheet", "1"]) == 0
    names = sorted(path.name for path in (tmp_path / "sheets").iterdir())
    assert names == ["sheet-01.png", "sheet-02.png"]
    each = ["--data", str(world.photos), "--each", "1", "-o", str(tmp_path / "each")]
    assert main(["evaluate", "sheets", *each]) == 0
    found = sorted(path.name for path in (tmp_path / "each").iterdir())
    assert found == [f"{name}-01.png" for name in sorted(PhotoSet(world.photos).categories)]


def test_sheet_shows_the_sides(world: World, tmp_path: Path) -> None:
    from unrender.evaluate.sheets import CELL, COLUMNS, Subject, write_sheets

    _, _, view = next(mesh_views(select_meshes(world.meshes, match="long"), SETTINGS))
    subjects = [Subject("long, view 0", view.pixels, view.mask), Subject("unknown", view.pixels, view.mask)]
    (path,) = write_sheets(world.reconstructor, subjects, tmp_path)  # type: ignore[arg-type]
    sheet = np.asarray(Image.open(path)).astype(int)
    width = CELL + 4
    assert sheet.shape[1] == 2 * len(COLUMNS) * width + 16
    cells = [sheet[14 : 14 + CELL, i * width : i * width + CELL] for i in range(len(COLUMNS))]
    drawn = [np.abs(cell - cell[0, 0]).sum(axis=-1) > 20 for cell in cells]
    across = [mask.any(axis=0).sum() for mask in drawn]
    assert across[3] > 1.7 * across[4]  # long from the left, narrow from the front
    assert across[5] == pytest.approx(across[4], abs=3)  # and from behind
    along = drawn[6].any(axis=1).sum()
    assert along > 1.7 * drawn[6].any(axis=0).sum()  # and from above its length runs up the picture


def test_from_above_the_front_points_down() -> None:
    camera = Camera.from_fov(100, orbit(0, 89, 5.0))
    (front,), _ = camera.project(np.array([[0, 0, 0.5]]))
    assert front[1] > 55  # row 0 is the top
