"""Categories in an evaluation, and the table of one line each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from known_world import SETTINGS, KnowingReconstructor, World

from unrender.cli.main import main
from unrender.evaluate.meshes import METRICS as MESH_METRICS
from unrender.evaluate.meshes import MeshSet, evaluate_meshes
from unrender.evaluate.overview import overview
from unrender.evaluate.photos import METRICS, evaluate_photos, select_photos
from unrender.evaluate.report import build_report
from unrender.evaluate.runs import VARIANTS, expected_category


class Choosing(KnowingReconstructor):
    """Knows two categories; takes everything for a car unless it is told."""

    categories = ("bird", "car", "object")

    def __init__(self, known: KnowingReconstructor) -> None:
        super().__init__()
        self.answers = known.answers

    def __call__(self, photo: Any, *, category: str | None = None, **settings: Any) -> Any:
        answer = super().__call__(photo, **settings)
        answer.category = category or "car"
        return answer


def test_what_a_model_should_say() -> None:
    class Model:
        categories = ("bird", "lamp", "object")

    expected = [
        expected_category(Model(), *names)  # type: ignore[arg-type]
        for names in (("bird", "ibis"), ("object", "lamp"), ("object", "cup"), ("motorbike", "motorbikes"))
    ]
    assert expected == ["bird", "lamp", "object", "object"]
    Model.categories = ("bird", "lamp")
    assert expected_category(Model(), "motorbike") is None  # type: ignore[arg-type]
    Model.categories = ("bird",)
    assert expected_category(Model(), "bird") is None, "no choice"  # type: ignore[arg-type]


def test_wrong_categories_are_counted_and_may_be_told(world: World) -> None:
    photos = select_photos(world.photos, category="bird,car")
    model: Any = Choosing(world.reconstructor)
    rows = evaluate_photos(model, photos, variants=VARIANTS[:1])
    assert {row["category right"] for row in rows} == {0.0}
    told = evaluate_photos(model, photos, variants=VARIANTS[:1], known_category=True)
    assert {row["category right"] for row in told} == {1.0}
    assert all(row["mask head IoU"] > 0.97 for row in rows if row["mask"] == "own")
    assert all("mask head IoU" not in row for row in rows if row["mask"] == "given")


def test_sides_of_the_truth_are_right(world: World) -> None:
    model: Any = world.reconstructor
    rows = evaluate_meshes(model, MeshSet(world.meshes), SETTINGS, masks=("own",))
    errors = {
        name: [r["sides error"] for r in rows if r["variant"] == name] for name in ("default", "mean shape")
    }
    assert max(errors["default"]) < 0.06 and min(errors["mean shape"]) > 0.5  # eggs and a ball


def test_a_line_for_each_category() -> None:
    """Two categories of known figures: the table shows their means, margins and accuracies."""
    rows = []
    for name, iou, right in (("bird", 0.8, 1.0), ("car", 0.6, 0.0)):
        for index in range(8):
            common = {"id": f"{name}{index}", "category": name, "mask": "own", "mask head IoU": 0.9}
            value = iou + 0.01 * index
            rows.append(common | {"variant": "default", "mask IoU": value, "category right": right})
            rows.append(common | {"variant": "mean shape", "mask IoU": value - 0.1, "category right": right})
    report = build_report("photos", rows, METRICS, group="category", settings={})
    title, header, lines = overview(report)
    table = {line[0]: dict(zip(header, line, strict=True)) for line in lines}
    assert title == "Overview" and list(table) == ["all", "bird", "car"]
    assert table["car"]["n"] == "8" and table["all"]["n"] == "16"
    low, high = (float(v) for v in table["bird"]["own mask"].split("[")[1].rstrip("]").split(","))
    assert table["bird"]["own mask"].startswith("0.835") and 0.8 < low < 0.835 < high < 0.87
    assert table["car"]["own - mean shape"] == "+0.100 [+0.100, +0.100]"
    assert table["bird"]["category right"] == "1.000 [1.000, 1.000]"
    assert table["all"]["category right"].startswith("0.500 [0.2")
    assert "given mask" not in header and "texture L1" not in header


def test_meshes_by_category(world: World) -> None:
    rows = [
        {"id": f"m{k // 3}", "category": "car", "view": k % 3, "mask": "own", "variant": v,
         "3D IoU": 0.5 + 0.1 * (v == "default"), "rotation error": e, "sides error": 0.1}
        for k, e in enumerate([1.0, 2.0, 30.0, 4.0, 5.0, 60.0])
        for v in ("default", "mean shape", "feed-forward")
    ]  # fmt: skip
    report = build_report("meshes", rows, MESH_METRICS, group="category", settings={})
    _, header, (line,) = overview(report)
    shown = dict(zip(header, line, strict=True))
    assert shown["group"] == "car" and shown["rotation, median"] == str(np.median([1, 2, 30, 4, 5, 60]))
    assert shown["- mean shape"].startswith("+0.100") and shown["ratios of sides, median error"] == "0.100"


def test_command_line_knows_the_switch(world: World, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    model = Choosing(world.reconstructor)
    monkeypatch.setattr("unrender.cli.reconstruct.load_reconstructor", lambda path: model)
    data = ["evaluate", "photos", "--data", str(world.photos), "--limit", "1", "--masks", "own"]
    assert main([*data, "--known-category", "--category", "bird"]) == 0
    assert "Overview" in capsys.readouterr().out
