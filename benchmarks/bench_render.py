"""Time of a training step and of visibility alone, beside DEODR on the same arrays in the same run.

    python benchmarks/bench_render.py [--repeats 30] [--workloads W1 W2 W3] [--threads 2] [--data FOLDER]

A training step is rasterize, interpolate (W2: and texture), soft mask (not W3), mean squared errors to a
target, and the gradients of positions and colours (W2: texture). DEODR works in float64, affinely, on one
thread, with its edge anti-aliasing in place of a soft mask (the mask is a fourth colour) and with back-face
culling, which its gradients need; its silhouette edges are found with numpy inside the step. The two take
turns, so that other load on the machine hits both; processor time (all threads of the process) is recorded
beside wall time, and is the figure to look at on a machine that is not idle.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unrender import render
from unrender.render.kernels import rasterize, soft_mask
from workloads import Workload, load, make


def unrender_step(work: Workload) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """(forward and backward, visibility only) by the torch operators and the numpy kernels."""
    clip = torch.tensor(work.clip, requires_grad=True)
    faces = torch.tensor(work.faces)
    target, target_mask = torch.tensor(work.target), torch.tensor(work.target_mask)
    looks = torch.tensor(work.colors if work.texture is None else work.texture, requires_grad=True)
    uvs = None if work.uvs is None else torch.tensor(work.uvs)[None]
    uv_faces = None if work.uv_faces is None else torch.tensor(work.uv_faces)

    def step() -> None:
        clip.grad = looks.grad = None
        fragments = render.rasterize(clip, faces, work.size)
        if uvs is None:
            image = render.interpolate(looks, fragments)
        else:
            image = render.sample_texture(
                looks, render.interpolate(uvs, fragments, uv_faces), fragments=fragments
            )
        loss = torch.nn.functional.mse_loss(image, target)
        if work.name != "W3":
            loss = loss + torch.nn.functional.mse_loss(render.soft_mask(clip, fragments), target_mask)
        loss.backward()

    positions, table, (height, width) = work.clip, work.faces, work.size
    threads = torch.get_num_threads()
    return step, lambda: rasterize.forward(positions, table, height, width, 0, False, threads)


def deodr_step(work: Workload) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The same by DEODR."""
    from deodr.differentiable_renderer import Scene2D

    height, width = work.size
    batch, count = work.clip.shape[:2]
    clip = work.clip.astype(np.float64)
    x, y = clip[..., 0] / clip[..., 3], clip[..., 1] / clip[..., 3]
    ij = np.stack([(x + 1) * width / 2 - 0.5, (1 - y) * height / 2 - 0.5], -1)
    faces = work.faces.astype(np.uint32)
    edges = np.sort(np.stack([work.faces, np.roll(work.faces, -1, 1)], -1), -1)
    key = edges[..., 0].astype(np.int64) * count + edges[..., 1]
    _, edge = np.unique(key, return_inverse=True)
    edge = edge.reshape(-1, 3)
    channels = 3 if work.name == "W3" else 4
    textured = work.texture is not None
    scenes, targets = [], []
    for image in range(batch):
        shown = np.concatenate([work.colors[image], np.ones((count, 1))], 1)[:, :channels].astype(np.float64)
        texture = np.zeros((0, 0, channels))
        uv, uv_faces = np.zeros((1, 2)), np.zeros_like(faces)
        if work.texture is not None and work.uvs is not None and work.uv_faces is not None:
            source = work.texture[image]
            texture = np.concatenate([source, np.ones((*source.shape[:2], 1))], 2).astype(np.float64)
            uv = np.stack([work.uvs[:, 0], 1 - work.uvs[:, 1]], 1) * (source.shape[1] - 2.0)
            uv_faces = work.uv_faces.astype(np.uint32)
        scenes.append(
            Scene2D(
                faces, uv_faces, ij[image], clip[image, :, 3].copy(), np.full(len(faces), textured), uv,
                np.ones(count), shown, np.full(len(faces), textured), np.zeros((len(faces), 3), bool),
                height, width, channels, texture, background_color=np.zeros(channels), clockwise=True,
                backface_culling=True,
            )
        )  # fmt: skip
        goal = np.concatenate([work.target[image], work.target_mask[image, ..., None]], -1)
        targets.append(np.ascontiguousarray(goal[..., :channels], dtype=np.float64))

    def silhouette(scene: Any) -> None:
        a, b, c = (scene.ij[scene.faces[:, k]] for k in range(3))
        front = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) < (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
        total = np.bincount(edge[front].reshape(-1), minlength=int(edge.max()) + 1)
        scene.edgeflags = (total[edge] == 1) & front[:, None]

    def step() -> None:
        for scene, goal in zip(scenes, targets, strict=True):
            silhouette(scene)
            scene.clear_gradients()
            image, _ = scene.render(1.0)
            scene.render_backward(2 * (image - goal) / goal.size, make_copies=False)

    def visibility() -> None:
        for scene in scenes:
            scene.edgeflags = np.zeros((len(faces), 3), bool)
            scene.render(0.0)

    first, _ = scenes[0].render(0.0)
    ours = rasterize.forward(work.clip[:1], work.faces, height, width)[0][0] >= 0
    drawn = first[..., 3] > 0.5 if channels == 4 else first.sum(-1) > 0
    assert (drawn != ours).mean() < 0.01, "DEODR draws something else"
    return step, visibility


def small_mask(work: Workload) -> Callable[[], Any]:
    """One 64 x 64 mask, forward and gradient, by the numpy kernels: the inner loop of a fit."""
    clip, faces = np.ascontiguousarray(work.clip[:1]), work.faces
    target = np.ascontiguousarray(work.target_mask[:1, ::2, ::2])

    def step() -> np.ndarray:
        index, _, _ = rasterize.forward(clip, faces, 64, 64, barycentrics=False)
        mask = soft_mask.forward(clip, faces, index, 1 / 1000)
        return soft_mask.vjp(clip, faces, index, mask, mask - target, 1 / 1000)

    return step


def measure(calls: dict[str, Callable[[], Any]], repeats: int) -> dict[str, dict[str, float]]:
    """Wall times in ms of calls that take turns."""
    for call in calls.values():
        call()
    wall: dict[str, list[float]] = {name: [] for name in calls}
    used: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            call()  # the caches belong to whoever is measured
            begin, start = time.process_time(), time.perf_counter()
            call()
            wall[name].append(1e3 * (time.perf_counter() - start))
            used[name].append(1e3 * (time.process_time() - begin))
    return {
        name: {
            "median": float(np.median(wall[name])), "min": min(wall[name]),
            "cpu_median": float(np.median(used[name])), "cpu_min": min(used[name]), "n": repeats,
        }
        for name in calls
    }  # fmt: skip


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    return {
        "processor": platform.processor() or platform.machine(), "cpus": os.cpu_count(),
        "load": os.getloadavg(), "python": platform.python_version(), "torch": torch.__version__,
        "numpy": np.__version__, "commit": commit,
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }  # fmt: skip


def cell(result: dict[str, float]) -> str:
    """Median (minimum) / median processor time."""
    return f"{result['median']:.2f} ({result['min']:.2f}) / {result['cpu_median']:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workloads", nargs="+", default=["W1", "W2", "W3"])
    parser.add_argument(
        "--data", type=Path, help="folder with .npz workloads to use instead of generated ones"
    )
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "render.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    record: dict[str, Any] = {"machine": machine(), "threads": options.threads, "ms": {}}
    print(f"{'':32}{'unrender':>26}{'DEODR':>26}   ratio of medians: wall, processor")
    for name in options.workloads:
        work = load(name, options.data) if options.data else make(name)
        ours, theirs = unrender_step(work), deodr_step(work)
        for what, which in (("forward+backward", 0), ("visibility only", 1)):
            result = measure({"unrender": ours[which], "deodr": theirs[which]}, options.repeats)
            record["ms"][f"{name} {what}"] = result
            a, b = result["unrender"], result["deodr"]
            ratios = f"{b['median'] / a['median']:10.1f}{b['cpu_median'] / a['cpu_median']:8.1f}"
            print(f"{name + ' ' + what:32}{cell(a):>26}{cell(b):>26}{ratios}")
        if name == "W1":
            result = measure({"unrender": small_mask(work)}, 5 * options.repeats)
            record["ms"]["64 x 64 mask, forward + vjp"] = result
            print(f"{'64 x 64 mask, numpy':32}{cell(result['unrender']):>26}")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(record, indent=1) + "\n")
    print(f"median (minimum) / median processor time, ms; written to {options.output}")


if __name__ == "__main__":
    main()
