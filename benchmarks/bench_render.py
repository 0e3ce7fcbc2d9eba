"""Times of training steps and of visibility alone, beside other renderers on the same arrays in the same run.

    python benchmarks/bench_render.py [--repeats 30] [--threads 2] [--scaling] [--plot]

A training step is rasterize, interpolate (W2: and texture), soft mask (not W3), mean squared errors to a
target, and the gradients of positions and colours (W2: texture): by `render_surface` in one pass and with
`losses.mean_squared_error`; the same with "torch's losses" (mse_loss); and with these as "single operations"
by rasterize, interpolate, sample_texture and soft_mask. Peers (`peers.py`) that cannot
run here are named with the reason. All take turns, so that other load hits all of them (Mitsuba comes last in
the same run, see `LONERS`); processor time (all threads of the process) is recorded beside wall time, and is
the figure to look at on a machine that is not idle. torch's threads wait actively after each operation unless
OMP_WAIT_POLICY=passive is set (docs/cost-model.md); what was set is recorded.
`--scaling` adds time against faces, pixels, batch, threads and softness (`scaling.py`).
Writes JSON with the machine and the commit, a table in Markdown, and with `--plot` pictures (matplotlib).
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from peers import PEERS, Missing, Steps
from scaling import curves, plot_curves
from timing import machine, measure
from unrender import losses, render
from unrender.render.kernels import rasterize, soft_mask
from workloads import Workload, load, make

DELTA = 1 / 7000  # softness of the mask
SINGLE, TORCH = "single operations", "torch's losses"
LONERS = ("mitsuba",)
"""Measured when all others are done: once loaded, its waiting threads keep the processors busy, and a call of
ours takes up to twice as long.
"""
RESULTS = Path(__file__).parent / "results"
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
PARTS = ("visibility only", "forward", "forward+backward")


def unrender_steps(work: Workload, one_pass: bool = True, loss_of: Loss = losses.mean_squared_error) -> Steps:
    """The numpy kernel for visibility, public functions on tensors for the rest: `render_surface`, or (not
    `one_pass`) the single operations it stands for.
    """
    clip = torch.tensor(work.clip, requires_grad=True)
    faces = torch.tensor(work.faces)
    target, target_mask = torch.tensor(work.target), torch.tensor(work.target_mask)
    looks = torch.tensor(work.colors if work.texture is None else work.texture, requires_grad=True)
    uvs = None if work.uvs is None else torch.tensor(work.uvs)[None]
    uv_faces = None if work.uv_faces is None else torch.tensor(work.uv_faces)

    def pictures() -> tuple[torch.Tensor, torch.Tensor | None]:
        if one_pass:
            surface = render.Surface(faces, uvs=uvs, uv_faces=uv_faces)
            surface = replace(surface, colors=looks) if uvs is None else replace(surface, texture=looks)
            drawn = render.render_surface(
                clip, surface, None, work.size, None if work.name == "W3" else DELTA
            )
            return drawn.image, None if work.name == "W3" else drawn.mask
        fragments = render.rasterize(clip, faces, work.size)
        if uvs is None:
            image = render.interpolate(looks, fragments)
        else:
            image = render.sample_texture(
                looks, render.interpolate(uvs, fragments, uv_faces), fragments=fragments
            )
        return image, None if work.name == "W3" else render.soft_mask(clip, fragments)

    def forward() -> None:
        with torch.no_grad():
            pictures()

    def step() -> None:
        clip.grad = looks.grad = None
        image, mask = pictures()
        loss = loss_of(image, target)
        if mask is not None:
            loss = loss + loss_of(mask, target_mask)
        loss.backward()

    positions, table, (height, width) = work.clip, work.faces, work.size
    threads = torch.get_num_threads()
    return {
        "visibility only": lambda: rasterize.forward(positions, table, height, width, 0, False, threads),
        "forward": forward,
        "forward+backward": step,
    }


def unrender_step(work: Workload) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """(forward and backward, visibility only)."""
    steps = unrender_steps(work)
    return steps["forward+backward"], steps["visibility only"]


def small_mask(work: Workload) -> Callable[[], Any]:
    """One 64 x 64 mask, forward and gradient, by the numpy kernels: the inner loop of a fit."""
    clip, faces = np.ascontiguousarray(work.clip[:1]), work.faces
    target = np.ascontiguousarray(work.target_mask[:1, ::2, ::2])

    def step() -> np.ndarray:
        index, _, _ = rasterize.forward(clip, faces, 64, 64, barycentrics=False)
        mask = soft_mask.forward(clip, faces, index, 1 / 1000)
        return soft_mask.vjp(clip, faces, index, mask, mask - target, 1 / 1000)

    return step


def bytes_of_a_step(work: Workload) -> int:
    """Bytes that the results of a step's operations and their gradients must at least be written and read."""
    batch, vertices = work.clip.shape[:2]
    pixels = batch * work.size[0] * work.size[1]
    per_pixel = 4 + 12 + 12 + 12  # faces; barycentrics and their gradient; image, gradient of the image
    per_pixel += 12 + (8 + 8 if work.uvs is not None else 0) + (8 if work.name != "W3" else 0)
    looks = work.colors.size if work.texture is None else work.texture.size
    return 2 * pixels * per_pixel + 2 * 4 * (4 * batch * vertices + looks) + work.faces.nbytes


def workload(name: str, options: argparse.Namespace) -> Workload:
    """One of the workloads, from `--data` where that is given."""
    return load(name, options.data) if options.data else make(name)


def compare(work: Workload, options: argparse.Namespace, skipped: dict[str, str]) -> dict[str, Any]:
    """Times of one workload: {part: {renderer: times}}."""
    mse_loss = torch.nn.functional.mse_loss
    single, slower = unrender_steps(work, False, mse_loss), unrender_steps(work, loss_of=mse_loss)
    del single["visibility only"]  # the same
    everybody: dict[str, Steps] = {
        "unrender": unrender_steps(work), TORCH: {PARTS[-1]: slower[PARTS[-1]]}, SINGLE: single,
    }  # fmt: skip
    for name in options.peers:
        if name not in LONERS:
            everybody |= peer_steps(name, work, options, skipped)
    return take_turns(everybody, options)


def peer_steps(
    name: str, work: Workload, options: argparse.Namespace, skipped: dict[str, str]
) -> dict[str, Steps]:
    """{name: its steps}, or nothing where it cannot run: `skipped` says why."""
    try:
        return {name: PEERS[name](work, options.threads)}
    except Missing as reason:
        skipped[f"{work.name} {name}"] = str(reason)
        print(f"not measured: {work.name} {reason}", flush=True)
    except Exception as error:  # a peer that fails must not take the others with it
        skipped[f"{work.name} {name}"] = f"{name}: {type(error).__name__}: {error}"
        print(f"failed: {work.name} {skipped[f'{work.name} {name}']}", flush=True)
    return {}


def take_turns(everybody: dict[str, Steps], options: argparse.Namespace) -> dict[str, Any]:
    """{part: {renderer: times}}."""
    found = {}
    for part in PARTS:
        calls = {who: steps[part] for who, steps in everybody.items() if part in steps}
        found[part] = measure(calls, options.repeats)
    return found


def table(record: dict[str, Any]) -> str:
    """Markdown: medians (minima) in ms and how many times as long as ours a peer takes."""
    names = ["unrender", TORCH, SINGLE, *record["peers"]]
    lines = ["| workload | " + " | ".join(names) + " |", "|" + "---|" * (len(names) + 1)]
    for work, parts in record["ms"].items():
        for part, times in parts.items():
            cells = []
            for name in names:
                if name not in times:
                    cells.append("-")
                    continue
                here, ours = times[name], times["unrender"]
                ratio = "" if name == "unrender" else f", x {here['median'] / ours['median']:.1f}"
                cells.append(f"{here['median']:.2f} ({here['min']:.2f}){ratio}")
            lines.append(f"| {work} {part} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(record: dict[str, Any], path: Path) -> None:
    """Bars of the medians, logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = ["unrender", TORCH, SINGLE, *record["peers"]]
    shown = {work: parts for work, parts in record["ms"].items() if PARTS[0] in parts}
    figure, panels = pyplot.subplots(1, len(shown), figsize=(4 * len(shown), 3.4), sharey=True)
    for panel, (work, parts) in zip(np.atleast_1d(panels), shown.items(), strict=True):
        for number, name in enumerate(names):
            places = [k + 0.8 * number / len(names) for k, part in enumerate(parts) if name in parts[part]]
            heights = [times[name]["median"] for times in parts.values() if name in times]
            panel.bar(places, heights, 0.8 / len(names), label=name, align="edge")
        panel.set(yscale="log", title=work, xticks=np.arange(len(parts)) + 0.4)
        panel.set_xticklabels(list(parts), fontsize=8)
    np.atleast_1d(panels)[0].set_ylabel("ms (median)")
    np.atleast_1d(panels)[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workloads", nargs="+", default=["W1", "W2", "W3"])
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--data", type=Path, help="folder with .npz workloads instead of generated ones")
    parser.add_argument("--scaling", action="store_true", help="also measure the scaling curves (minutes)")
    parser.add_argument("--plot", action="store_true", help="also draw pictures (needs matplotlib)")
    parser.add_argument("--output", type=Path, default=RESULTS / "render.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    info = machine()
    record: dict[str, Any] = {
        "machine": {**info, "torch": torch.__version__}, "threads": options.threads,
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY", "not set"),
        "peers": options.peers, "skipped": {}, "ms": {}, "yardstick": {},
    }  # fmt: skip
    for name in options.workloads:
        work = workload(name, options)
        record["ms"][name] = compare(work, options, record["skipped"])
        moved = bytes_of_a_step(work)
        record["yardstick"][name] = {
            "bytes": moved, "ms_at_copy_speed": round(moved / info["copy_gb_per_s"] / 1e6, 3),
        }  # fmt: skip
        if name == "W1":
            record["ms"]["64 x 64 mask"] = {
                "forward + vjp": measure({"unrender": small_mask(work)}, 5 * options.repeats)
            }
    for name in (name for name in options.peers if name in LONERS):
        for work in (workload(each, options) for each in options.workloads):
            alone = take_turns(peer_steps(name, work, options, record["skipped"]), options)
            for part, times in alone.items():
                record["ms"][work.name][part] |= times
    if options.scaling:
        record["scaling"] = curves(max(3, options.repeats // 4), options.threads)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(record, indent=1) + "\n")
    text = table(record)
    options.output.with_suffix(".md").write_text(text + "\n")
    print(text)
    for name, yard in record["yardstick"].items():
        print(f"{name}: {yard['bytes'] / 1e6:.1f} MB, {yard['ms_at_copy_speed']} ms at the speed of a copy")
    if options.plot:
        plot(record, options.output.with_suffix(".png"))
        if options.scaling:
            plot_curves(record["scaling"], options.output.with_name(options.output.stem + "-scaling.png"))
    print(options.output)


if __name__ == "__main__":
    main()
