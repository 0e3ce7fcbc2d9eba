"""Checkpoints as safetensors, written to a temporary file and renamed: never half a file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from unrender.errors import ModelError
from unrender.network.model import NetworkConfig, UnrenderNetwork

if TYPE_CHECKING:
    from unrender.train.adversary import Adversary


def save_checkpoint(
    path: Path,
    model: nn.Module,
    average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    meta: dict[str, Any],
    adversary: Mapping[str, Tensor] | None = None,
) -> None:
    """Write model, running average, optimizer and adversary's tensors; `meta` must be JSON-serialisable."""
    tensors: dict[str, Tensor] = {}
    for key, value in model.state_dict().items():
        tensors[f"model.{key}"] = value.contiguous()
    for key, value in average.items():
        tensors[f"average.{key}"] = value.contiguous()
    tensors |= optimizer_tensors(optimizer)
    for key, value in (adversary or {}).items():
        tensors[f"adversary.{key}"] = value.contiguous()
    temporary = path.with_name(path.name + f".tmp{os.getpid()}")
    save_file(tensors, str(temporary), metadata={"meta": json.dumps(meta)})
    os.replace(temporary, path)


def load_checkpoint(
    path: Path,
    model: nn.Module,
    average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    adversary: Adversary | None = None,
) -> dict[str, Any]:
    """Restore in place what `save_checkpoint` wrote and return its `meta`.

    Raises:
        ModelError: the file is damaged or belongs to another network.
    """
    tensors, meta = read_tensors(path)
    try:
        model.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")})
        if adversary is not None:
            adversary.restore({k[10:]: v for k, v in tensors.items() if k.startswith("adversary.")})
    except (RuntimeError, KeyError) as error:
        raise ModelError(f"checkpoint {path}: does not fit this network ({error})") from None
    for key in average:
        average[key].copy_(tensors[f"average.{key}"])
    restore_optimizer(optimizer, tensors)
    return meta


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimizer's state as tensors "optimizer.<parameter>.<name>"."""
    return {
        f"optimizer.{index}.{key}": torch.as_tensor(value).contiguous()
        for index, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Go back to what `optimizer_tensors` gave; other names are passed over."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if value.shape == parameter.shape:  # laid out in memory like the parameter, as the file is not
                values[name] = torch.empty_like(parameter).copy_(value)


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


def read_meta(path: str | Path) -> dict[str, Any]:
    """The JSON metadata of a checkpoint alone; empty where it has none.

    Raises:
        ModelError: the file is missing or damaged.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            return dict(json.loads((file.metadata() or {}).get("meta", "{}")))
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(f"weights {path}: cannot be read ({error}); train again") from None


def load_weights(path: str | Path, model: nn.Module, *, strict: bool = False) -> None:
    """Load the running average of a checkpoint into a network.

    Heads with a part for each category take over the parts of the categories that both networks know, so that
    a network of many categories starts from one of a single one. Other tensors of another shape are left as
    they are.

    Args:
        strict: every tensor of the network must be there, in its shape; nothing is rearranged.

    Raises:
        ModelError: the file is missing or damaged, or nothing in it fits (`strict`: something does not).
    """
    tensors, meta = read_tensors(path)
    source = {k[8:]: v for k, v in tensors.items() if k.startswith("average.")}
    own = model.state_dict()
    if isinstance(model, UnrenderNetwork) and not strict:
        _by_category(source, own, trained_categories(meta), model.config)
    fitting = {k: v for k, v in source.items() if k in own and own[k].shape == v.shape}
    if not fitting:
        raise ModelError(f"weights {path}: no tensor fits this network; was it trained with another one?")
    if strict and len(fitting) < len(own):
        first = next(key for key in own if key not in fitting)
        raise ModelError(f"weights {path}: the tensor {first} is missing or has another shape")
    model.load_state_dict(fitting, strict=False)


def trained_categories(meta: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Shape categories and labels of a checkpoint from its metadata; a file that names none is of birds."""
    config, default = meta.get("config", {}), NetworkConfig()
    return (
        tuple(config.get("shape_categories", default.shape_categories)),
        tuple(config.get("labels", default.categories)),
    )


def trained_image_size(meta: dict[str, Any]) -> int:
    """Side of the pictures that a checkpoint's network gets; a file that names none is of the usual one."""
    return int(meta.get("config", {}).get("image_size", NetworkConfig().image_size))


def _by_category(
    source: dict[str, Tensor],
    own: dict[str, Tensor],
    trained: tuple[tuple[str, ...], tuple[str, ...]],
    config: NetworkConfig,
) -> None:
    """Rearrange in place the source's shape and category heads for a network of other categories."""
    for head, old, new in (
        ("shape", trained[0], config.shape_categories), ("category", trained[1], config.categories)
    ):  # fmt: skip
        for key in (f"{head}.weight", f"{head}.bias"):
            if key not in source or len(source[key]) % len(old):
                continue
            before = source[key].unflatten(0, (len(old), -1))
            after = own[key].clone().unflatten(0, (len(new), -1))
            rows = min(before.shape[1], after.shape[1])
            for number, name in enumerate(new):
                if name in old:
                    after[number, :rows] = before[old.index(name), :rows]
            source[key] = after.flatten(0, 1)
