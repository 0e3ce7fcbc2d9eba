"""What the segmenter learns from beside photos: rendered objects, and what ImageNet's encoder knew."""

from __future__ import annotations

import numpy as np
import torch

from unrender.network.segmenter import SegmenterConfig, SegmenterNetwork
from unrender.train.objects import ObjectBatch
from unrender.train.photos import PhotoBatch
from unrender.train.segment import SegmentObjective, with_rendered


def _photos(count: int, size: int) -> PhotoBatch:
    rng = np.random.default_rng(0)
    return PhotoBatch(
        rng.random((count, 3, size, size), dtype=np.float32),
        np.zeros((count, size // 2, size // 2), np.float32),
        np.full(count, 3),
        np.zeros(count, bool),
        np.tile(np.eye(3, dtype=np.float32), (count, 1, 1)),
        np.ones(count, np.float32),
    )


def _objects(size: int) -> ObjectBatch:
    """A picture whose left half is red and belongs to the object."""
    images = np.zeros((1, 3, size, size), np.float32)
    images[:, 0, :, : size // 2] = 1.0
    return ObjectBatch(
        images=images,
        visible=np.ascontiguousarray(images[:, 0, ::2, ::2]),
        cameras=np.eye(4, dtype=np.float32)[None, None],
        masks=np.zeros((1, 1, 8, 8), np.float32),
        colours=np.zeros((1, 1, 8, 8, 3), np.float32),
        light=np.zeros((1, 9, 3), np.float32),
        canonical=np.zeros((1, 3, size // 4, size // 4), np.float32),
        labelled=np.zeros((1, size // 4, size // 4), np.float32),
        categories=np.array([5]),
        oriented=np.ones(1, bool),
    )


def test_rendered_objects_follow_the_photos_at_their_size():
    photos = _photos(2, 48)
    joined = with_rendered(photos, _objects(32))
    np.testing.assert_array_equal(joined.images[:2], photos.images)
    np.testing.assert_array_equal(joined.categories, [3, 3, 5])
    assert joined.images.shape == (3, 3, 48, 48) and joined.masks.shape == (3, 24, 24)
    red = joined.images[2, 0]
    np.testing.assert_allclose(red[:, :22], 1.0, atol=1e-6)
    np.testing.assert_allclose(red[:, 26:], 0.0, atol=1e-6)
    np.testing.assert_allclose(joined.masks[2, :, :11], 1.0, atol=1e-6)
    np.testing.assert_allclose(joined.masks[2, :, 13:], 0.0, atol=1e-6)
    assert joined.whole[2] and joined.trust[2] == 0.0  # the outline counts, its camera does not


def test_what_was_forgotten_is_the_divergence_of_the_classes():
    """The network's own encoder as its teacher has forgotten nothing; of other logits, by the formula."""
    torch.manual_seed(0)
    network = SegmenterNetwork(SegmenterConfig(64, ("bird", "car")))
    network.eval()
    objective = object.__new__(SegmentObjective)
    objective.teacher = network.encoder
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        shallow = network.encoder.shallow(images)
        logits = network(images).imagenet_logits
        assert abs(float(objective.forgotten(network, shallow, logits))) < 1e-6
        other = torch.randn_like(logits)
        found = float(objective.forgotten(network, shallow, other))
    wanted, here = (torch.softmax(x.double(), 1) for x in (logits, other))
    expected = float((wanted * (wanted.log() - here.log())).sum(1).mean())
    assert found > 0.0 and abs(found - expected) < 1e-4 * expected
    objective.teacher = None
    assert float(objective.forgotten(network, shallow, other)) == 0.0
