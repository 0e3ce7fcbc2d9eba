"""Averaged weights: the mean of running averages, of one network only, and good to start from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from unrender.errors import ConfigError, ModelError
from unrender.train.average import AverageConfig, average_checkpoints
from unrender.train.checkpoint import read_tensors, save_checkpoint


def _checkpoint(path: Path, value: float, inputs: int = 3) -> str:
    model = nn.Linear(inputs, 2)
    average = {key: torch.full_like(tensor, value) for key, tensor in model.state_dict().items()}
    save_checkpoint(path, model, average, torch.optim.Adam(model.parameters()), {"step": int(value)})
    return str(path)


def test_it_is_the_mean_of_the_running_averages(tmp_path):
    paths = tuple(_checkpoint(tmp_path / f"{value}.safetensors", value) for value in (1.0, 2.0, 6.0))
    average_checkpoints(AverageConfig(paths, str(tmp_path / "new" / "mean.safetensors")))
    tensors, meta = read_tensors(tmp_path / "new" / "mean.safetensors")
    assert set(tensors) == {"average.weight", "average.bias"}
    torch.testing.assert_close(tensors["average.weight"], torch.full((2, 3), 3.0))
    assert meta == {"step": 6}


def test_one_alone_in_half_precision(tmp_path):
    path, out = _checkpoint(tmp_path / "one.safetensors", 1.5), tmp_path / "half.safetensors"
    average_checkpoints(AverageConfig((path,), str(out), half=True))
    tensors, _ = read_tensors(out)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    torch.testing.assert_close(tensors["average.bias"].float(), torch.full((2,), 1.5))


def test_what_does_not_fit_is_named(tmp_path):
    one = _checkpoint(tmp_path / "one.safetensors", 1.0)
    other = _checkpoint(tmp_path / "other.safetensors", 1.0, inputs=4)
    out = str(tmp_path / "out.safetensors")
    with pytest.raises(ConfigError, match="at least one"):
        average_checkpoints(AverageConfig((), out))
    with pytest.raises(ModelError, match=r"other\.safetensors: are not of the same network"):
        average_checkpoints(AverageConfig((one, other), out))
    with pytest.raises(ModelError, match="cannot be read"):
        average_checkpoints(AverageConfig((one, str(tmp_path / "missing.safetensors")), out))
    assert not Path(out).exists()
