"""`unrender fit FOLDER -o scan.glb`: photos with masks and cameras to a textured mesh."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from unrender.cli.outputs import Outputs
from unrender.cli.parser import OneLineParser
from unrender.errors import OutputError

if TYPE_CHECKING:
    from unrender.fit import FitConfig, Progress


def run(arguments: Sequence[str]) -> int:
    """Fit one capture; exit status 130 when interrupted (the checkpoint stays)."""
    options = _parse(arguments)
    output = Path(options.output)
    if output.suffix.lower() != ".glb":
        raise OutputError(f"{output}: expected a name that ends in .glb")
    timelapse = Path(options.timelapse) if options.timelapse else None
    if timelapse is not None and timelapse.suffix.lower() != ".gif":
        raise OutputError(f"{timelapse}: expected a name that ends in .gif")
    pictures = {"timelapse": timelapse} if timelapse is not None else {}
    Outputs(output, output.with_suffix(".json"), pictures).check(options.force)

    from unrender.data.capture import load_capture
    from unrender.fit import fit, score_views

    capture = load_capture(options.folder)
    held = None
    if options.hold_out:
        capture, held = capture.hold_out(options.hold_out)
    checkpoint = output.with_name(f".{output.stem}.checkpoint")
    if options.fresh:
        checkpoint.unlink(missing_ok=True)
    config = _config(options)
    with _progress(config) as show:
        result = fit(capture, config, checkpoint=checkpoint, on_progress=show)
    result.export(output)
    result.to_json(output.with_suffix(".json"))
    if timelapse is not None:
        result.write_timelapse(timelapse)
    checkpoint.unlink(missing_ok=True)
    losses = ", ".join(f"{name} {value:.4f}" for name, value in result.losses.items())
    resumed = ", resumed" if result.resumed else ""
    print(f"{output}  {len(result.mesh.faces)} faces  {result.seconds:.0f} s{resumed}  {losses}")
    if held is not None:
        rows = score_views(result, held)
        for row in rows:
            print(
                f"  left out {row['name']}: mask IoU {row['mask IoU']:.4f}, PSNR {row['PSNR']:.2f} dB, "
                f"on the object {row['PSNR object']:.2f} dB"
            )
        means = [sum(row[name] for row in rows) / len(rows) for name in ("mask IoU", "PSNR", "PSNR object")]
        print(f"  mean: mask IoU {means[0]:.4f}, PSNR {means[1]:.2f} dB, on the object {means[2]:.2f} dB")
    return 0


def _config(options: argparse.Namespace) -> FitConfig:
    from unrender.fit import FitConfig

    return FitConfig(
        start=options.start, grid=options.grid, light=options.light, cameras=options.refine_cameras,
        texture_size=options.texture_size, faces=options.faces, seed=options.seed,
    )  # fmt: skip


@contextmanager
def _progress(config: FitConfig) -> Iterator[Callable[[Progress], None]]:
    """A progress bar on stderr; yields what is told about every step."""
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    total = sum(stage.steps for stage in config.schedule) + config.texture_steps
    with Bars(*columns, console=Console(file=sys.stderr)) as bars:
        task: TaskID = bars.add_task("start shape", total=total)
        before = [sum(stage.steps for stage in config.schedule[:n]) for n in range(len(config.schedule) + 1)]

        def show(progress: Progress) -> None:
            losses = " ".join(f"{name} {value:.4f}" for name, value in list(progress.losses.items())[:2])
            bars.update(
                task, completed=before[progress.stage] + progress.step,
                description=f"{progress.phase} {progress.stage + 1}, {progress.faces} faces, {losses}",
            )  # fmt: skip

        yield show


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OneLineParser(
        "unrender fit",
        "Fit a textured mesh to photos of one object with masks and cameras; see docs/fit.md. "
        "Started again after a kill, it goes on where it was.",
    )
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="photos with cameras.json, transforms.json or a COLMAP text model")
    add("-o", "--output", default="scan.glb", metavar="OUT.glb", help="the mesh; OUT.json goes beside it")
    add("--start", choices=("hull", "sphere"), default="hull", help="start shape: visual hull, or a sphere")
    add("--grid", type=int, default=72, metavar="N", help="samples along a side of the hull's grid (72)")
    add("--texture-size", type=int, default=0, metavar="N", help="side in texels (0: by the photos)")
    add("--faces", type=int, default=0, metavar="N", help="reduce the mesh to about N faces at the end")
    add("--no-light", dest="light", action="store_false", help="fit no light: it stays in the texture")
    add("--refine-cameras", action="store_true", help="correct the cameras too")
    add("--hold-out", type=int, default=0, metavar="N", help="leave out every Nth photo and score it")
    add("--timelapse", metavar="OUT.gif", help="write how the mesh came about")
    add("--seed", type=int, default=0, help="of the order of the photos (0)")
    add("--fresh", action="store_true", help="begin again, even if an interrupted fit could go on")
    add("--force", action="store_true", help="overwrite existing files")
    return parser.parse_args(list(arguments))
