"""Checkpoints as safetensors, written to a temporary file and renamed: never half a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from unrender.errors import ModelError


def save_checkpoint(
    path: Path,
    model: nn.Module,
    average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    meta: dict[str, Any],
) -> None:
    """Write model, running average and optimizer; `meta` must be JSON-serialisable."""
    tensors: dict[str, Tensor] = {}
    for key, value in model.state_dict().items():
        tensors[f"model.{key}"] = value.contiguous()
    for key, value in average.items():
        tensors[f"average.{key}"] = value.contiguous()
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            tensors[f"optimizer.{index}.{key}"] = torch.as_tensor(value).contiguous()
    temporary = path.with_name(path.name + f".tmp{os.getpid()}")
    save_file(tensors, str(temporary), metadata={"meta": json.dumps(meta)})
    os.replace(temporary, path)


def load_checkpoint(
    path: Path, model: nn.Module, average: dict[str, Tensor], optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Restore in place what `save_checkpoint` wrote and return its `meta`.

    Raises:
        ModelError: the file is damaged or belongs to another network.
    """
    tensors, meta = read_tensors(path)
    try:
        model.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")})
    except RuntimeError as error:
        raise ModelError(f"checkpoint {path}: does not fit this network ({error})") from None
    for key in average:
        average[key].copy_(tensors[f"average.{key}"])
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return meta


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """All tensors of a safetensors file and its JSON metadata.

    Raises:
        ModelError: the file is missing or damaged.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            meta = json.loads((file.metadata() or {}).get("meta", "{}"))
            return {key: file.get_tensor(key) for key in file.keys()}, meta  # noqa: SIM118
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(
            f"weights {path}: cannot be read ({error}); train again or fetch the file again"
        ) from None


def load_weights(path: str | Path, model: nn.Module) -> None:
    """Load the running average of a checkpoint into a network; tensors of another shape are left as they are.

    Raises:
        ModelError: the file is missing or damaged, or nothing in it fits.
    """
    tensors, _ = read_tensors(path)
    source = {k[8:]: v for k, v in tensors.items() if k.startswith("average.")}
    own = model.state_dict()
    fitting = {k: v for k, v in source.items() if k in own and own[k].shape == v.shape}
    if not fitting:
        raise ModelError(f"weights {path}: no tensor fits this network; was it trained with another one?")
    model.load_state_dict(fitting, strict=False)
