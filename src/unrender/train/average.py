"""The mean of the weights of several points of one training.

Where they lie in one basin of the loss the mean does better than each, and forgets less of what the first
knew (Wortsman et al., "Model soups", ICML 2022).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save

from unrender.errors import ConfigError, ModelError
from unrender.files import write_atomic
from unrender.train.checkpoint import read_tensors

_PREFIX = "average."


@dataclass(frozen=True)
class AverageConfig:
    """What is averaged.

    Attributes:
        checkpoints: safetensors files of one network's trainings; their running averages count. Of one alone
            it is what was averaged along the way.
        out: safetensors file to write: running averages alone, enough to export and to train on from.
        half: write float16, as the files in `weights/` are.
    """

    checkpoints: tuple[str, ...]
    out: str
    half: bool = False


def average_checkpoints(config: AverageConfig) -> None:
    """Write the mean of the running averages, with what the last checkpoint says of itself.

    Raises:
        ConfigError: no checkpoint.
        ModelError: one is missing, damaged, or of another network than the first.
    """
    if not config.checkpoints:
        raise ConfigError("checkpoints: expected at least one file, got none")
    total: dict[str, torch.Tensor] = {}
    meta: dict[str, object] = {}
    for path in config.checkpoints:
        tensors, meta = read_tensors(path)
        part = {key: value for key, value in tensors.items() if key.startswith(_PREFIX)}
        if total and {k: v.shape for k, v in part.items()} != {k: v.shape for k, v in total.items()}:
            raise ModelError(f"weights {path}: are not of the same network as {config.checkpoints[0]}")
        share = 1 / len(config.checkpoints)
        total = {key: total.get(key, 0) + value.float() * share for key, value in part.items()}
    if not total:
        raise ModelError(
            f"weights {config.checkpoints[0]}: hold no running average; name a checkpoint of a run"
        )
    if config.half:
        total = {key: value.half() for key, value in total.items()}
    out = Path(config.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(out, save(total, metadata={"meta": json.dumps(meta)}))


if __name__ == "__main__":
    import tyro

    average_checkpoints(tyro.cli(AverageConfig))
