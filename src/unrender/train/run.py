"""The training loop: batches, losses, optimiser, checkpoints, scalars, previews and a progress bar."""

from __future__ import annotations

import csv
import ctypes
import json
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor

from unrender.errors import ConfigError
from unrender.network.model import NetworkConfig, UnrenderNetwork
from unrender.network.segmenter import SegmenterConfig, SegmenterNetwork
from unrender.train.checkpoint import load_checkpoint, load_weights, save_checkpoint
from unrender.train.config import TrainConfig, load_config
from unrender.train.depthwise import use_fast_gradients
from unrender.train.segment import SegmentObjective
from unrender.train.step import Batch, Objective, make_shapes


def train_from_config(path: str | Path, *, resume: bool = False) -> Path:
    """Run `unrender train CONFIG.yaml`; returns the run's folder. See `train` for what is raised."""
    return train(load_config(path), resume=resume)


def train(
    config: TrainConfig,
    *,
    resume: bool = False,
    make_objective: Callable[[TrainConfig, NetworkConfig], Objective] = Objective,
) -> Path:
    """Train until `config.steps`; continues bit for bit from the last checkpoint with `resume`.

    `make_objective` makes what is minimised.

    Writes to `config.out/config.name`: `config.json`, `checkpoint.safetensors`, `log.csv`, tensorboard events
    and `preview/*.png`.

    Raises:
        ConfigError: the folder holds another run's checkpoint and `resume` is not set.
        ModelError: a weights file does not fit.
    """
    keep_memory()
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    folder = Path(config.out) / config.name
    checkpoint = folder / "checkpoint.safetensors"
    if checkpoint.exists() and not resume:
        raise ConfigError(
            f"{checkpoint}: a run is there already; continue it with --resume or choose another name"
        )
    (folder / "preview").mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(asdict(config), indent=2))

    network, objective = build(config, make_objective)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    use_fast_gradients(network)
    network.encoder.freeze(config.frozen_blocks)
    if config.initial_weights:
        load_weights(config.initial_weights, network)
    else:
        network.load_imagenet()
    optimizer = make_optimizer(network, config)
    average = {key: value.detach().clone() for key, value in network.state_dict().items()}
    start = 0
    if checkpoint.exists():
        start = int(load_checkpoint(checkpoint, network, average, optimizer, objective.adversary)["step"])
    _Loop(config, folder, network, average, optimizer, objective).run(start)
    return folder


def build(
    config: TrainConfig, make_objective: Callable[[TrainConfig, NetworkConfig], Objective] = Objective
) -> tuple[UnrenderNetwork | SegmenterNetwork, Objective | SegmentObjective]:
    """The network that a config names, untrained, and what it minimises.

    Raises:
        ConfigError: an unknown network.
    """
    if config.network == "segmenter":
        segmenter = SegmenterNetwork(SegmenterConfig(config.image_size, config.labels))
        return segmenter, SegmentObjective(config, segmenter.config)
    if config.network != "shapes":
        raise ConfigError(f"network: expected 'shapes' or 'segmenter', got {config.network!r}")
    network = UnrenderNetwork(network_config(config))
    return network, make_objective(config, network.config)


def network_config(config: TrainConfig) -> NetworkConfig:
    """Sizes of the network: as many coefficients as the largest shape space has."""
    shapes = make_shapes(config)
    return NetworkConfig(
        image_size=config.image_size,
        coefficients=NetworkConfig().coefficients if shapes is None else shapes.coefficients,
        shape_categories=config.shape_categories,
        categories=config.labels,
    )


def keep_memory() -> None:
    """Tell glibc to keep freed memory: faulting it in again costs a quarter of a training step."""
    try:
        library = ctypes.CDLL("libc.so.6")
    except OSError:
        return  # another C library; nothing to gain
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    library.mallopt(mmap_max, 0)
    library.mallopt(trim_threshold, 2**31 - 1)
    library.mallopt(top_pad, 64 * 2**20)


def make_optimizer(network: UnrenderNetwork | SegmenterNetwork, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW with a lower rate for the pretrained encoder."""
    encoder = [p for p in network.encoder.parameters() if p.requires_grad]
    known = {id(p) for p in network.encoder.parameters()}
    heads = [p for p in network.parameters() if id(p) not in known and p.requires_grad]
    return torch.optim.AdamW(
        [{"params": encoder, "scale": config.encoder_rate}, {"params": heads, "scale": 1.0}],
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=True,
    )


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up over 200 steps (or a twentieth of the run), then a cosine down to 2 % of the peak."""
    warm_up = max(1, min(200, config.steps // 20))
    if step < warm_up:
        return config.learning_rate * (step + 1) / warm_up
    progress = (step - warm_up) / max(1, config.steps - warm_up)
    return config.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


class _Loop:
    """State of one call of `train`."""

    def __init__(
        self,
        config: TrainConfig,
        folder: Path,
        network: UnrenderNetwork | SegmenterNetwork,
        average: dict[str, Tensor],
        optimizer: torch.optim.Optimizer,
        objective: Any,
    ) -> None:
        self.config, self.folder, self.network = config, folder, network
        self.average, self.optimizer, self.objective = average, optimizer, objective
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}

    def run(self, start: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        config = self.config
        writer = SummaryWriter(str(self.folder))
        columns = (
            TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("eta"), TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
        )  # fmt: skip
        with ThreadPoolExecutor(1) as pool, Progress(*columns, refresh_per_second=0.5) as progress:
            task = progress.add_task(config.name, total=config.steps, completed=start, note="")
            pending = pool.submit(self.prepare, start)
            clock = time.perf_counter()
            for step in range(start, config.steps):
                batch = pending.result()
                data_seconds = time.perf_counter() - clock
                if step + 1 < config.steps:
                    pending = pool.submit(self.prepare, step + 1)
                scalars = self.step(step, batch)
                scalars["seconds/data"] = data_seconds
                scalars["seconds/step"] = time.perf_counter() - clock
                clock = time.perf_counter()
                self.accumulate(scalars)
                done = step + 1
                if done % config.log_every == 0 or done == config.steps:
                    self.log(done, writer, progress, task)
                if done % config.preview_every == 0 or done == config.steps:
                    self.preview(done, batch)
                if done % config.checkpoint_every == 0 or done == config.steps:
                    save_checkpoint(
                        self.folder / "checkpoint.safetensors", self.network, self.average, self.optimizer,
                        {"step": done, "config": asdict(config)},
                        self.objective.adversary and self.objective.adversary.tensors(),
                    )  # fmt: skip
        writer.close()

    def prepare(self, step: int) -> Batch:
        """The pictures of a step, and what the frozen part of the encoder makes of them."""
        batch = self.objective.batch(self.rng(step))
        return replace(batch, shallow=self.network.encoder.shallow(batch.images))

    def rng(self, step: int) -> np.random.Generator:
        return np.random.default_rng([self.config.seed, step])

    def step(self, step: int, batch: Any) -> dict[str, float]:
        rate = learning_rate(self.config, step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["scale"]
        loss, scalars = self.objective.loss(self.network, batch, step)
        clock = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip_norm)
        if torch.isfinite(norm):
            self.optimizer.step()
        scalars["seconds/backward"] = time.perf_counter() - clock
        scalars["loss"] = float(loss.detach())
        scalars["gradient_norm"] = float(norm)
        decay = min(self.config.average, (1 + step) / (10 + step))
        state = self.network.state_dict()
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.values()), [state[key] for key in self.average], 1 - decay)
        return scalars

    def accumulate(self, scalars: dict[str, float]) -> None:
        for key, value in scalars.items():
            self.sums[key] = self.sums.get(key, 0.0) + value
            self.counts[key] = self.counts.get(key, 0) + 1

    def log(self, step: int, writer: Any, progress: Progress, task: Any) -> None:
        means = {key: value / self.counts[key] for key, value in self.sums.items()}
        images = self.config.photo_batch + self.config.object_batch
        means["images_per_second"] = images / max(means["seconds/step"], 1e-9)
        for key, value in means.items():
            writer.add_scalar(key, value, step)
        self.append_csv({"step": float(step), **means})
        note = f"loss {means['loss']:.3f}  {means['images_per_second']:.0f} images/s"
        progress.update(task, completed=step, note=note)
        self.sums, self.counts = {}, {}

    def append_csv(self, row: dict[str, float]) -> None:
        path = self.folder / "log.csv"
        extra = [name for name in self.objective.scalar_names if name not in row]
        header = [*row, *extra]
        is_new = not path.exists()
        if not is_new:
            with path.open() as file:
                header = next(csv.reader(file))
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, header, extrasaction="ignore", restval="")
            if is_new:
                writer.writeheader()
            writer.writerow({key: f"{value:.5g}" for key, value in row.items()})

    def preview(self, step: int, batch: Any) -> None:
        current = {key: value.clone() for key, value in self.network.state_dict().items()}
        self.network.load_state_dict(self.average)
        with torch.no_grad():
            sheet = self.objective.preview(self.network, batch)
        self.network.load_state_dict(current)
        sheet.save(self.folder / "preview" / f"{step:06d}.png")
