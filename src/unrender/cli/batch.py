"""Many photos at once: workers, progress, log and summary."""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from unrender.cli.joblog import JobLog
from unrender.cli.outputs import Outputs
from unrender.cli.pool import Report, Task, attempt, reconstruct_in_processes
from unrender.cli.reconstruct import Session
from unrender.errors import OutputError

LOG_NAME = "unrender.jsonl"
PHOTOS_A_WORKER = 4
"""A process more costs its start, which so many photos make up for."""


def run_batch(options: argparse.Namespace, photos: Sequence[Path], plans: Sequence[Outputs]) -> int:
    """Reconstruct photos, all that can be; skip those whose files are there already.

    Returns:
        0, or 2 when a photo failed.

    Raises:
        ModelError: the model cannot be used.
        OutputError: the log cannot be written.
    """
    from unrender.cli.main import print_error

    log = JobLog(Path(options.log) if options.log else plans[0].mesh.parent / LOG_NAME, options)
    start = time.perf_counter()
    reports: list[Report] = []
    tasks: list[Task] = []
    skipped = 0

    def note(report: Report) -> None:
        reports.append(report)
        if report.done is None:
            message = report.error or "failed"
            known = str(report.photo) in message or str(report.outputs.mesh) in message
            print_error(message if known else f"{report.photo}: {message}")
            log.write(report.photo, report.outputs, error=message)
            return
        done = report.done
        log.write(
            report.photo, report.outputs, category=done.category, confidence=round(done.confidence, 4),
            milliseconds=round(done.milliseconds, 1),
        )  # fmt: skip

    try:
        for photo, outputs in zip(photos, plans, strict=True):
            try:
                if not options.force and log.is_done(photo, outputs):
                    skipped += 1
                else:
                    tasks.append((photo, outputs))
            except OutputError as error:
                note(Report(photo, outputs, error=str(error)))
        workers = min(options.workers or _cores(), max(1, len(tasks) // PHOTOS_A_WORKER))
        with _progress(len(photos), skipped + len(reports)) as advance, _ends_cleanly():
            for report in _reports(tasks, options, workers):
                note(report)
                advance()
    finally:
        log.close()
    seconds = time.perf_counter() - start
    _print_summary(reports, skipped, seconds, workers, log.path)
    failed = sum(report.done is None for report in reports)
    done = len(reports) - failed
    already = f", {skipped} done before" if skipped else ""
    print(f"unrender: {done} of {len(photos)} photos reconstructed{already}", file=sys.stderr)
    return 2 if failed else 0


def _reports(tasks: list[Task], options: argparse.Namespace, workers: int) -> Iterator[Report]:
    if workers == 1:
        session = Session(options)
        return (attempt(session, task) for task in tasks)
    return reconstruct_in_processes(tasks, options, workers)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _progress(total: int, completed: int) -> Iterator:
    """A progress bar on stderr if that is a terminal; yields what to call after each photo."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("photos"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("photos", total=total, completed=completed)
        yield lambda: progress.advance(bar)


@contextmanager
def _ends_cleanly() -> Iterator[None]:
    """Lets SIGTERM end the call as Ctrl-C does, so that no worker and no half-written photo stays behind."""

    def stop(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _print_summary(reports: Sequence[Report], skipped: int, seconds: float, workers: int, log: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("photos", "number", "mean confidence", "median ms", box=None, pad_edge=False)
    done = [report.done for report in reports if report.done is not None]
    for category in sorted({entry.category for entry in done}):
        those = [entry for entry in done if entry.category == category]
        table.add_row(
            category, str(len(those)), f"{statistics.fmean(entry.confidence for entry in those):.2f}",
            f"{statistics.median(entry.milliseconds for entry in those):.0f}",
        )  # fmt: skip
    if skipped:
        table.add_row("done before", str(skipped))
    if len(done) < len(reports):
        table.add_row("failed", str(len(reports) - len(done)))
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    rate = f", {len(done) / seconds:.1f} photos/s" if done else ""
    processes = f"{workers} processes" if workers > 1 else "1 process"
    console.print(f"{seconds:.1f} s{rate}, {processes}; log: {log}", markup=False)
