"""Shape spaces with the smooth fields among their vectors: the same shapes, and the same loop."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from unrender.camera import Camera, orbit
from unrender.mesh import Mesh
from unrender.reconstruct.loop import Loop, LoopConfig
from unrender.reconstruct.proportions import Proportions
from unrender.render import render
from unrender.shape_space import load_shape_space
from unrender.smooth_fields import smooth_fields
from unrender.template import make_template
from unrender.train.widen import widen


@pytest.fixture(scope="module")
def spaces(tmp_path_factory):
    template = make_template(3)
    mean = (template.vertices * np.array([0.3, 0.4, 0.8])).astype(np.float32)
    basis = np.stack([template.vertices * axis for axis in 0.1 * np.eye(3)]).astype(np.float32)
    arrays = {
        "egg.mean": mean, "egg.basis": basis, "egg.antisymmetric": np.array([0, 0, 1], np.uint8),
        "egg.optional": np.array([0, 1, 0], np.uint8),
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("spaces")
    save_file(arrays, folder / "narrow.safetensors")
    save_file(widen(arrays), folder / "wide.safetensors")
    return tuple(load_shape_space(folder / f"{name}.safetensors", "egg.") for name in ("narrow", "wide"))


def test_the_fields_come_last(spaces):
    narrow, wide = spaces
    fields = smooth_fields(LoopConfig().field_degrees, LoopConfig().field_amplitude, lowest=2)
    assert narrow.fields is None and narrow.variation.all()
    assert wide.size == 3 + len(fields)
    np.testing.assert_array_equal(wide.fields, np.arange(wide.size) >= 3)
    np.testing.assert_array_equal(wide.basis[:3], narrow.basis)
    np.testing.assert_allclose(wide.basis[3:], fields, atol=1e-7)
    assert not wide.antisymmetric[3:].any() and not wide.optional[3:].any()
    narrow_ratios, wide_ratios = Proportions.of(narrow), Proportions.of(wide)
    assert wide_ratios.mean == pytest.approx(narrow_ratios.mean, abs=0.1)


def test_the_loop_finds_the_same_whichever_way_the_fields_are_told(spaces):
    narrow, wide = spaces
    camera = Camera.from_fov(64, orbit(70, 15, 5.2))
    shape = narrow.vertices(np.array([1.0, 0.0, -0.5])) * np.array([1.0, 1.25, 1.0], np.float32)
    mask = render(Mesh(shape.astype(np.float32), make_template(3).faces), camera, samples=4).mask
    rotation = camera.world_to_camera[None, :3, :3]
    first, second = Loop(narrow), Loop(wide)
    second.proportions = first.proportions  # drawn with other random numbers
    one = first.correct(mask, rotation, np.zeros(1), np.zeros(3))
    two = second.correct(mask, rotation, np.zeros(1), np.zeros(wide.size))
    assert two.offsets.size == 0 and two.iou > 0.9
    np.testing.assert_allclose(two.coefficients, np.concatenate([one.coefficients, one.offsets]), atol=1e-5)
    np.testing.assert_allclose(second.vertices(two), first.vertices(one), atol=1e-5)
