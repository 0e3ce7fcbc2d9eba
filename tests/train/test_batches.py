"""Training batches: pictures, masks, cameras and light of one sample belong together."""

from __future__ import annotations

import numpy as np
import pytest

from unrender.data.multiview import MultiviewSet
from unrender.errors import ConfigError
from unrender.light import sh_basis
from unrender.synthesize.bird import make_bird
from unrender.synthesize.multiview import tiny_set
from unrender.train.objects import X_ODD, ObjectSampler, box_average
from unrender.train.photos import PhotoSampler, random_crop, resample


def test_box_average_is_the_mean_of_blocks():
    values = np.random.default_rng(0).random((3, 12, 12, 2)).astype(np.float32)
    expected = values.reshape(3, 4, 3, 4, 3, 2).mean((2, 4))
    np.testing.assert_allclose(box_average(values, 4), expected, atol=1e-6)


def test_odd_coefficients_are_those_that_change_sign_with_x():
    normals = np.random.default_rng(0).standard_normal((20, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    sign = np.ones(9)
    sign[list(X_ODD)] = -1
    np.testing.assert_allclose(sh_basis(normals * [-1, 1, 1]), sh_basis(normals) * sign, atol=1e-12)


def test_mirrored_or_not_the_cameras_fit_the_masks(tmp_path):
    tiny_set(tmp_path / "one", objects=1, views=3, size=128, seed=11)
    item = MultiviewSet(tmp_path / "one")[0]
    vertices = make_bird(item.seed).vertices
    sampler = ObjectSampler([tmp_path / "one"], views=3, size=128, render_size=64)
    focal = 32 / np.tan(np.radians(15))
    chosen = set()
    for seed in range(8):
        batch = sampler.batch(2, np.random.default_rng(seed))
        assert batch.images.shape == (2, 3, 128, 128) and batch.visible.shape == (2, 64, 64)
        assert batch.colours.shape == (2, 3, 64, 64, 3)
        for row in range(2):
            mirrored = not np.allclose(batch.light[row], item.light)
            chosen.add(mirrored)
            points = vertices * np.array([-1, 1, 1]) if mirrored else vertices
            for matrix, mask in zip(batch.cameras[row], batch.masks[row], strict=True):
                local = points @ matrix[:3, :3].T + matrix[:3, 3]
                u = 32 + focal * local[:, 0] / -local[:, 2]
                v = 32 - focal * local[:, 1] / -local[:, 2]
                rows, columns = np.nonzero(mask > 0.02)
                box = [columns.min(), columns.max() + 1, rows.min(), rows.max() + 1]
                np.testing.assert_allclose([u.min(), u.max(), v.min(), v.max()], box, atol=1.1)
                inside = mask[v.astype(int).clip(0, 63), u.astype(int).clip(0, 63)]
                assert (inside > 0).mean() > 0.97
                assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1, abs=1e-4)
    assert chosen == {True, False}


def test_a_batch_depends_on_its_seed_alone(birds, photos):
    sampler = ObjectSampler([birds], 2, 128, 32, [photos])
    first, again, other = (sampler.batch(3, np.random.default_rng(s)) for s in (1, 1, 2))
    assert (first.images == again.images).all() and (first.cameras == again.cameras).all()
    assert not (first.images == other.images).all()
    sampler = PhotoSampler([photos], ("bird", "car"))
    first, again = (sampler.batch(4, np.random.default_rng(5)) for _ in range(2))
    assert (first.images == again.images).all() and (first.masks == again.masks).all()


def test_photos_train_only(photos):
    sampler = PhotoSampler([photos], ("car", "bird"), size=64)
    assert len(sampler) == 8, "two of ten are of the split val"
    batch = sampler.batch(5, np.random.default_rng(0))
    assert batch.images.shape == (5, 3, 64, 64) and batch.masks.shape == (5, 32, 32)
    assert (batch.categories == 1).all()
    assert batch.images.min() >= 0 and batch.images.max() <= 1
    assert 0.05 < batch.masks.mean() < 0.7
    with pytest.raises(ConfigError, match="no permissively"):
        PhotoSampler([photos], ("bird",), leave_out=("bird",))


def test_crops_keep_the_object():
    mask = np.zeros((80, 120), bool)
    mask[20:60, 70:110] = True
    rng = np.random.default_rng(0)
    for _ in range(50):
        x, y, side = random_crop(mask, rng)
        assert 40 <= side <= 140
        assert x < 80 and x + side > 100 and y < 30 and y + side > 50


def test_resampling_pads():
    picture = np.zeros((20, 20, 3), np.uint8)
    picture[..., 0] = 200
    edge = resample(picture, -10, -10, 40, 40, "edge")
    zero = resample(picture, -10, -10, 40, 40, "zero")
    assert (edge[..., 0] == 200).all()
    assert (zero[12:28, 12:28, 0] == 200).all() and (zero[:9] == 0).all() and (zero[:, 31:] == 0).all()
    assert zero.astype(float)[..., 0].sum() == pytest.approx(200 * 400, rel=0.03)
