"""Times of the compat layers on the fixed workloads: `python benchmarks/bench_compat.py [--threads N]`.

kaolin: rasterization, colours and DIB-R's soft mask, as a training step. nvdiffrast: rasterize, interpolate,
antialias. Milliseconds, median and minimum of forward and of forward and backward.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

import unrender.compat.kaolin as kal
import unrender.compat.nvdiffrast.torch as dr
from workloads import Workload, make

CONTEXT = dr.RasterizeCudaContext()


def kaolin_step(
    work: Workload, clip: torch.Tensor, colors: torch.Tensor, faces: torch.Tensor
) -> torch.Tensor:
    """Loss of colours and soft mask."""
    image = kal.ops.mesh.index_vertices_by_faces(clip[..., :2] / clip[..., 3:], faces)
    depth = kal.ops.mesh.index_vertices_by_faces(-clip[..., 3:], faces)[..., 0]
    features = kal.ops.mesh.index_vertices_by_faces(colors, faces)
    a, b, c = image.unbind(2)
    facing = (b - a)[..., 0] * (c - a)[..., 1] - (b - a)[..., 1] * (c - a)[..., 0]
    picture, mask, _ = kal.render.mesh.dibr_rasterization(*work.size, depth, image, features, facing)
    return ((picture - torch.from_numpy(work.target)) ** 2).mean() + (
        (mask - torch.from_numpy(work.target_mask)) ** 2
    ).mean()


def nvdiffrast_step(
    work: Workload, clip: torch.Tensor, colors: torch.Tensor, faces: torch.Tensor
) -> torch.Tensor:
    """Loss of anti-aliased colours."""
    faces = faces.int()
    rast, _ = dr.rasterize(CONTEXT, clip, faces, work.size)
    picture, _ = dr.interpolate(colors, rast, faces)
    picture = dr.antialias(picture, rast, clip, faces).flip(1)
    return ((picture - torch.from_numpy(work.target)) ** 2).mean()


def measure(step, work: Workload, seconds: float) -> tuple[list[float], list[float]]:
    """Milliseconds of the forward pass and of forward and backward."""
    clip, colors = (torch.from_numpy(x).clone().requires_grad_() for x in (work.clip, work.colors))
    faces = torch.from_numpy(work.faces).long()
    times: tuple[list[float], list[float]] = ([], [])
    step(work, clip, colors, faces).backward()
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop:
        begin = time.perf_counter()
        loss = step(work, clip, colors, faces)
        middle = time.perf_counter()
        loss.backward()
        times[0].append(1e3 * (middle - begin))
        times[1].append(1e3 * (time.perf_counter() - begin))
    return times


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each workload and library")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(f"{'':22} forward: median, minimum   forward + backward: median, minimum [ms]")
    for name in ("W1", "W2", "W3"):
        work = make(name)
        for label, step in (("kaolin", kaolin_step), ("nvdiffrast", nvdiffrast_step)):
            figures = measure(step, work, given.seconds)
            text = "   ".join(f"{np.median(part):10.2f} {min(part):10.2f}" for part in figures)
            print(f"{name} {label:18} {text}", flush=True)
