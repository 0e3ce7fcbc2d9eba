"""Calibrating an exported model on photos."""

from __future__ import annotations

import json

import numpy as np
import pytest

from unrender.errors import ConfigError
from unrender.network.calibration import log_likelihood
from unrender.network.runtime import CARD_FILE
from unrender.train import calibrate
from unrender.train.calibrate import calibrate_model


class Runtime:
    """Says "bird" of every picture, far too sure; right of what it is asked half of the time."""

    image_size, temperature = 128, 1.0

    def __init__(self, folder, threads):
        self.card = json.loads((folder / CARD_FILE).read_text())
        self.seen = []

    def __call__(self, picture):
        assert picture.shape == (128, 128, 3) and picture.dtype == np.uint8
        self.seen.append(picture)
        logits = np.array([9.0, 0.0, 0.0])
        if len(self.seen) == 2:
            logits = np.array([0.0, 9.0, 0.0])
        weights = np.exp(logits)
        guess = type("Guess", (), {})()
        guess.categories = weights / weights.sum()
        return guess


def test_the_card_gets_the_likeliest_temperature(photos, tmp_path, monkeypatch):
    """Two val photos of birds, one taken for a car: as likely right as wrong, so nothing is known."""
    (tmp_path / CARD_FILE).write_text(json.dumps({"name": "x", "categories": ["bird", "car", "object"]}))
    monkeypatch.setattr(calibrate, "NetworkRuntime", Runtime)
    found = calibrate_model(tmp_path, photos, {})
    card = json.loads((tmp_path / CARD_FILE).read_text())
    assert card["name"] == "x" and card["temperature"] == found.temperature
    assert (found.photos, found.accuracy) == (2, 0.5)
    assert found.error_after < found.error_before - 0.05
    scores = np.array([[9.0, 0, 0], [0.0, 9, 0]])
    grid = np.geomspace(0.1, 20, 200)
    best = grid[np.argmax([log_likelihood(scores / t, np.array([0, 0])) for t in grid])]
    assert found.temperature == pytest.approx(best, rel=0.05)
    with pytest.raises(ConfigError, match="bird, car"):
        calibrate_model(tmp_path, photos, {"bird": ""})
