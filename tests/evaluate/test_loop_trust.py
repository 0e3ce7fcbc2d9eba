"""Measuring what the loop may trust: errors of a made-up network with known errors."""

from __future__ import annotations

import json

import numpy as np
import pytest

from unrender.camera import Camera, orbit
from unrender.errors import ConfigError
from unrender.evaluate import loop_trust
from unrender.evaluate.loop_trust import LoopTrustConfig, Subject, measure_trust, source_of, trust_from
from unrender.mesh import Mesh
from unrender.reconstruct.loop import Loop
from unrender.reconstruct.many_views import Silhouettes
from unrender.reconstruct.trust import CARD_KEY, Trust
from unrender.render import render
from unrender.shape_space import ShapeSpace
from unrender.template import make_template


@pytest.fixture(scope="module")
def boxes():
    """Ellipsoids whose three half-axes are the coefficients."""
    sphere = make_template(3).vertices.astype(np.float32)
    axes = np.array([0.3, 0.35, 0.8], np.float32)
    basis = np.stack([np.where(np.arange(3) == k, sphere * axes * 0.25, 0) for k in range(3)])
    return ShapeSpace(sphere * axes, basis.astype(np.float32), np.zeros(3, bool))


def look(space, coefficients):
    template = make_template(3)
    matrices = np.stack([orbit(azimuth, 15, 5.0) for azimuth in (0, 45, 90, 200)])
    mesh = Mesh(space.vertices(coefficients), template.faces)
    masks = [render(mesh, Camera.from_fov(64, matrix), samples=4).mask for matrix in matrices]
    return Silhouettes.of(np.stack(masks), matrices)


def test_errors_of_the_network_are_measured(boxes):
    rng = np.random.default_rng(0)
    noise = np.array([1.0, 0.1, 0.5])
    found, drawn = [], []
    for _ in range(12):
        truth = rng.standard_normal(3)
        error = rng.standard_normal((3, 3)) * noise
        drawn.append(error)
        found.append(Subject(look(boxes, truth), truth + error))
    trust, overlap = trust_from(Loop(boxes), found)
    assert overlap > 0.95
    np.testing.assert_allclose(
        np.sqrt(trust.coefficients), np.sqrt(np.mean(np.concatenate(drawn) ** 2, axis=0)), atol=0.2
    )
    assert trust.coefficients[0] > trust.coefficients[2] > trust.coefficients[1]


def test_errors_that_come_together_are_known_to(boxes):
    rng = np.random.default_rng(1)
    found = []
    for _ in range(16):
        truth = rng.standard_normal(3)
        both = rng.standard_normal((3, 1)) * [1.0, -0.8, 0.0]
        found.append(Subject(look(boxes, truth), truth + both + 0.1 * rng.standard_normal((3, 3))))
    trust, _ = trust_from(Loop(boxes), found, hold_proportions=False)
    errors = trust.covariance[:3, :3]
    correlation = errors / np.sqrt(np.outer(errors.diagonal(), errors.diagonal()))
    assert correlation[0, 1] < -0.6 and np.abs(correlation[:2, 2]).max() < 0.35
    assert not trust.hold_proportions


def test_sources(tmp_path):
    assert source_of("bird", None) == "birds"
    assert source_of("lamp", None) == "lamp"
    assert source_of("object", None) is None and source_of("mug", None) is None
    header = "name,category,file,textured,licence,split,oriented\n"
    (tmp_path / "index.csv").write_text(header + "a,lamp,lamp/a.glb,true,CC0-1.0,train,yes\n")
    assert source_of("lamp", str(tmp_path)) == f"lamp=2.5,meshes/lamp:{tmp_path}=1"
    assert source_of("car", str(tmp_path)) == "car"


def test_the_card_gets_the_numbers_and_keeps_the_rest(tmp_path, monkeypatch, boxes):
    card = {"shape_categories": ["lamp", "object"], "coefficients": 3, "name": "x"}
    card[CARD_KEY] = {"object": {"coefficients": [1.0], "fields": [2.0]}}
    (tmp_path / "model.json").write_text(json.dumps(card))

    class Runtime:
        def __init__(self, folder, threads):
            self.card = dict(card)

    monkeypatch.setattr(loop_trust, "NetworkRuntime", Runtime)
    monkeypatch.setattr(loop_trust, "load_shape_space", lambda path, prefix: boxes)
    subject = Subject(look(boxes, np.zeros(3)), np.zeros((1, 3)))
    monkeypatch.setattr(loop_trust, "subjects", lambda *arguments: iter([subject, subject]))
    result = measure_trust(LoopTrustConfig(str(tmp_path)))
    assert list(result) == ["lamp"]
    written = json.loads((tmp_path / "model.json").read_text())
    assert written["name"] == "x" and written[CARD_KEY]["object"] == card[CARD_KEY]["object"]
    read = Trust.of_card(written, "lamp")
    np.testing.assert_allclose(read.covariance, result["lamp"].covariance, rtol=0.02, atol=1e-3)
    assert not read.hold_proportions, "lamps are not among those that hold them"
    Loop(boxes, trust=Trust.of_card(written, "lamp"))
    with pytest.raises(ConfigError, match="categories"):
        measure_trust(LoopTrustConfig(str(tmp_path), categories=("object",)))


def test_settings_that_measure_nothing_are_refused():
    with pytest.raises(ConfigError):
        LoopTrustConfig("model", objects=0)
    with pytest.raises(ConfigError):
        LoopTrustConfig("model", views=2, looks=3)
