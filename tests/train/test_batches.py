"""Training batches: pictures, masks, cameras and light of one sample belong together."""

from __future__ import annotations

import numpy as np
import pytest

from unrender.data.multiview import MultiviewSet
from unrender.data.photos import PhotoSet, photo_key
from unrender.errors import ConfigError
from unrender.light import X_ODD, sh_basis
from unrender.synthesize.bird import make_bird
from unrender.synthesize.multiview import tiny_set
from unrender.train.objects import ObjectSampler, box_average, shrink
from unrender.train.photos import PhotoSampler, before, random_crop, resample


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


def test_the_object_stays_where_it_is_before_another_background(photos):
    plain, pasted = (PhotoSampler([photos], ("bird",), size=64, paste=share) for share in (0.0, 1.0))
    assert (plain.trust == 0).all()
    picture = np.full((64, 64, 3), 90, np.uint8)
    cover = np.zeros((64, 64), np.uint8)
    cover[20:40, 20:40] = 255
    cover[40, 20:40] = 51  # a fifth
    background = np.full((64, 64, 3), 190, np.uint8)
    put = before(picture, cover, background)
    assert (put[20:40, 20:40] == 90).all() and (put[:20] == 190).all() and (put[40, 20:40] == 170).all()
    batch = pasted.batch(6, np.random.default_rng(3))
    assert batch.masks.shape == (6, 32, 32) and 0.05 < batch.masks.mean() < 0.7
    with pytest.raises(ConfigError, match="photo_paste"):
        PhotoSampler([photos], ("bird",), paste=1.5)


def test_backgrounds_show_little_of_another_object(photos, monkeypatch):
    """Of eight random crops the one with the least object, though the object is in the middle."""
    monkeypatch.setattr("unrender.train.photos.noise_background", lambda size, rng: np.zeros((size, size, 3)))
    sampler = PhotoSampler([photos], ("bird",), size=32, paste=1.0)
    grey = [
        (np.where(mask[..., None], 255, 0).astype(np.uint8).repeat(3, 2), mask) for _, mask in sampler.items
    ]
    sampler.items = grey
    rng = np.random.default_rng(0)
    shown = [(crop > 127).mean() for crop in (sampler._background(rng) for _ in range(60))]
    whole = np.mean([mask.mean() for _, mask in grey])
    assert whole > 0.1 and np.median(shown) < 0.6 * whole


def test_cameras_of_photos_turn_with_the_mirrored_photo(photos, tmp_path):
    records = PhotoSet(photos).filter(split="train", permissive=True)
    turn = np.array([[0.8, 0, 0.6], [0, 1, 0], [-0.6, 0, 0.8]], np.float32)
    keys = [photo_key(photos, record) for record in records]
    file = tmp_path / "cameras.npz"
    trust = np.linspace(0.5, 1, len(keys)).astype(np.float32)
    np.savez(file, key=np.array(keys), rotation=np.repeat(turn[None], len(keys), 0), trust=trust)
    sampler = PhotoSampler([photos], ("bird",), size=64, cameras=file)
    np.testing.assert_allclose(np.sort(sampler.trust), trust)
    seen = set()
    for seed in range(12):
        batch = sampler.batch(4, np.random.default_rng(seed))
        assert ((batch.trust > 0) == batch.whole).all()
        for rotation in batch.rotations:
            assert np.linalg.det(rotation) == pytest.approx(1, abs=1e-5)
            mirrored = not np.allclose(rotation, turn)
            if mirrored:  # what is seen from the left is seen from the right: the azimuth changes its sign
                np.testing.assert_allclose(rotation, turn.T, atol=1e-6)
            seen.add(mirrored)
    assert seen == {True, False}
    with pytest.raises(ConfigError, match="photo_cameras"):
        PhotoSampler([photos], ("bird",), cameras=tmp_path / "missing.npz")


def test_shrunk_pictures_are_means_of_blocks():
    rng = np.random.default_rng(2)
    rgba = rng.integers(0, 256, (3, 24, 24, 4), dtype=np.uint8)
    rgba[0, :12, :, 3] = 0
    masks, colours = np.empty((3, 8, 8), np.float32), np.empty((3, 8, 8, 3), np.float32)
    shrink(rgba, masks, colours)
    values = rgba.astype(np.float64).reshape(3, 8, 3, 8, 3, 4) / 255
    coverage = values[..., 3].mean((2, 4))
    light = (values[..., :3] * values[..., 3:]).mean((2, 4))
    np.testing.assert_allclose(masks, coverage, atol=1e-6)
    np.testing.assert_allclose(colours, light / np.maximum(coverage, 1e-3)[..., None], atol=1e-6)
    assert not colours[0, :4].any()


def test_labels_are_made_where_they_are_wanted(tmp_path):
    tiny_set(tmp_path / "set", objects=2, views=2, size=64, seed=1)
    with_labels = ObjectSampler([tmp_path / "set"], 2, 64, 32).batch(2, np.random.default_rng(0))
    without = ObjectSampler([tmp_path / "set"], 2, 64, 32, labels=False).batch(2, np.random.default_rng(0))
    assert with_labels.labelled.any() and not without.labelled.any()
    assert np.array_equal(with_labels.images, without.images), "the same chance"
