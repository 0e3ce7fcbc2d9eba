"""The sRGB curve against exact values, and resizing in linear light."""

import numpy as np
import pytest

from unrender.errors import InputError
from unrender.texture import linear_to_bytes, linear_to_srgb, resize, srgb_to_linear


def test_known_values():
    # IEC 61966-2-1: the knee, middle grey, white.
    codes, light = np.array([0, 0.04045, 0.5, 1.0]), np.array([0, 0.0031308, 0.2140411, 1.0])
    np.testing.assert_allclose(srgb_to_linear(codes), light, atol=1e-7)
    np.testing.assert_allclose(linear_to_srgb(light), codes, atol=1e-6)


def test_round_trip_and_dtypes():
    codes = np.arange(256, dtype=np.uint8)
    linear = srgb_to_linear(codes)
    assert linear.dtype == np.float32 and (np.diff(linear) > 0).all()
    np.testing.assert_array_equal(linear_to_bytes(linear), codes)
    np.testing.assert_allclose(linear, srgb_to_linear(codes / 255.0), atol=1e-7)
    values = np.linspace(-0.5, 2, 1001)
    np.testing.assert_allclose(srgb_to_linear(linear_to_srgb(values)), values, atol=1e-6)
    assert srgb_to_linear(values).dtype == np.float64
    assert linear_to_srgb(values.astype(np.float32)).dtype == np.float32
    np.testing.assert_array_equal(linear_to_bytes(np.array([-1.0, 2.0])), [0, 255])


def test_resize_averages_light():
    board = ((np.indices((64, 64)).sum(0) % 2) * 255).astype(np.uint8)[..., None].repeat(3, 2)
    small = resize(board, 16, 16)
    # Half the light of white is sRGB 188, not 128.
    assert small.shape == (16, 16, 3) and np.abs(small.astype(int) - 188).max() <= 2
    assert resize(board.astype(np.float32), 32, 8).shape == (32, 8, 3)
    same = resize(board, 64, 64)
    np.testing.assert_array_equal(same, board)
    assert same is not board
    big = resize(np.float32([[[0.0], [1.0]]]), 1, 4)
    np.testing.assert_allclose(big[0, :, 0], [0, 0.25, 0.75, 1], atol=1e-6)
    for bad in ((board[..., 0], 4, 4), (board, 0, 4)):
        with pytest.raises(InputError):
            resize(*bad)
