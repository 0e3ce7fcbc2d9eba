"""Rows of an evaluation to a summary: JSON, a Markdown table, and a table on the terminal."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import unrender
from unrender.evaluate.overview import overview
from unrender.evaluate.runs import variants_with
from unrender.files import write_atomic
from unrender.metrics import Interval, paired_bootstrap

POOLED = "all"
"""Name of the group that holds every row."""
_SAME = ("ms", "mask head IoU", "category right")
"""Metrics without a column of differences: what no variant changes, and times."""
_DIGITS = {"ms": 0, "rotation error": 1, "other views PSNR": 1, "Chamfer-L1": 4}


def build_report(
    kind: str, rows: list[dict[str, Any]], metrics: Sequence[str], *, group: str, settings: dict[str, Any]
) -> dict[str, Any]:
    """Summary of an evaluation.

    Args:
        kind: "photos" or "meshes". rows: of `evaluate_photos` or `evaluate_meshes`. metrics: their columns.
        group: key of the rows by which they are also shown one by one ("category" or "id").
        settings: what was evaluated and how, kept in the report.

    Returns:
        {"schema": 1, "kind", "unrender", "machine", "settings", "summary": [...], "differences": [...],
        "rows"}. Each entry of "summary" has "group", "mask", "variant", "n", "failed" and, for each metric,
        mean, median and 95 % interval; each of "differences" the same of the paired difference of two
        variants. Intervals are bootstraps over photos or, for meshes, over whole meshes (of a single one,
        over its views).
    """
    groups = [POOLED, *sorted({str(row[group]) for row in rows})]
    if len(groups) == 2:
        groups = groups[1:]
    summary, differences = [], []
    for name in groups:
        members = [row for row in rows if name == POOLED or str(row[group]) == name]
        for mask in dict.fromkeys(row["mask"] for row in members):
            tables = _by_variant([row for row in members if row["mask"] == mask])
            for variant, table in tables.items():
                entry = {"group": name, "mask": mask, "variant": variant, "n": len(table)}
                entry["failed"] = sum("error" in row for row in table.values())
                summary.append(entry | _intervals(table, None, metrics))
            for first, second in _pairs(tables):
                entry = {"group": name, "mask": mask, "variant": first, "minus": second}
                differences.append(entry | _intervals(tables[first], tables[second], metrics))
    return {
        "schema": 1, "kind": kind, "unrender": unrender.__version__, "machine": machine(),
        "settings": settings, "summary": summary, "differences": differences, "rows": rows,
    }  # fmt: skip


def machine() -> dict[str, Any]:
    """Where a figure was measured: processor, usable cores, platform, Python, and the commit if known."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(), "cores": cores, "platform": platform.platform(),
        "python": platform.python_version(), "commit": _commit(),
    }  # fmt: skip


def write_report(report: dict[str, Any], stem: Path) -> tuple[Path, Path]:
    """Write `<stem>.json` and `<stem>.md`; returns their paths.

    Raises:
        OutputError: a file cannot be written.
    """
    paths = stem.with_suffix(".json"), stem.with_suffix(".md")
    write_atomic(paths[0], (json.dumps(_without_nan(report), indent=1) + "\n").encode())
    write_atomic(paths[1], markdown(report).encode())
    return paths


def markdown(report: dict[str, Any]) -> str:
    """The report's tables as Markdown."""
    parts = [f"# unrender evaluate {report['kind']}", ""]
    parts += [f"- {key}: {value}" for key, value in report["settings"].items() if value is not None]
    parts += [f"- machine: {', '.join(str(value) for value in report['machine'].values())}", ""]
    for title, header, body in tables(report):
        parts += [f"## {title}", "", "| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
        parts += ["| " + " | ".join(line) + " |" for line in body] + [""]
    return "\n".join(parts)


def print_tables(report: dict[str, Any]) -> None:
    """Print the report's tables to the terminal; of many groups only all together."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if os.isatty(1) else 200)
    for title, header, body in tables(report, pooled=True):
        table = Table(title=title, title_justify="left")
        for position, name in enumerate(header):
            table.add_column(name, justify="left" if position < 3 else "right")
        for line in body:
            table.add_row(*line)
        console.print(table)


def tables(report: dict[str, Any], pooled: bool = False) -> list[tuple[str, list[str], list[list[str]]]]:
    """Title, header and lines of the overview, of the means and of the paired differences.

    The differences are those of all rows together; with `pooled` the means as well.
    """
    summary, differences = report["summary"], report["differences"]
    if any(entry["group"] == POOLED for entry in summary):
        differences = [entry for entry in differences if entry["group"] == POOLED]
        summary = [entry for entry in summary if not pooled or entry["group"] == POOLED]
    names = _metric_names(summary)
    means = [
        [e["group"], e["mask"], e["variant"], str(e["n"]), str(e["failed"]), *(_mean(e, m) for m in names)]
        for e in summary
    ]
    result = [overview(report), ("Means", ["group", "mask", "variant", "n", "failed", *names], means)]
    names = [name for name in _metric_names(differences) if name not in _SAME]
    paired = [
        [e["group"], e["mask"], f"{e['variant']} - {e['minus']}", *(_difference(e, m) for m in names)]
        for e in differences
    ]
    if paired:
        result.append(("Paired differences, 95 % interval", ["group", "mask", "difference", *names], paired))
    return result


def _by_variant(rows: list[dict[str, Any]]) -> dict[str, dict[tuple[Any, ...], dict[str, Any]]]:
    """Rows of each variant by what they were made from."""
    result: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {}
    for row in rows:
        result.setdefault(row["variant"], {})[(row["id"], row.get("view"))] = row
    return result


def _pairs(variants: dict[str, Any]) -> list[tuple[str, str]]:
    """Each variant with its baseline, and the loop with what it started from."""
    pairs = [(v.name, v.baseline) for v in variants_with("1s") if v.baseline is not None]
    pairs.append(("default", "feed-forward"))
    return [(first, second) for first, second in pairs if first in variants and second in variants]


def _intervals(
    table: dict[tuple[Any, ...], dict[str, Any]],
    baseline: dict[tuple[Any, ...], dict[str, Any]] | None,
    metrics: Sequence[str],
) -> dict[str, dict[str, float]]:
    keys = [key for key in table if baseline is None or key in baseline]
    groups = np.array([str(key[0]) for key in keys])
    if len(np.unique(groups)) == 1:  # one mesh by itself: its views are all there is to draw from
        groups = np.arange(len(keys))
    result = {}
    for metric in metrics:
        values = np.array([_number(table[key], metric) for key in keys])
        others = None if baseline is None else np.array([_number(baseline[key], metric) for key in keys])
        interval: Interval = paired_bootstrap(values, others, groups=groups)
        if not math.isnan(interval.mean):
            median = float(np.nanmedian(values if others is None else values - others))
            result[metric] = interval.to_json() | {"median": median}
    return result


def _number(row: dict[str, Any], metric: str) -> float:
    value = float(row.get(metric, math.nan))
    return value if math.isfinite(value) else math.nan


def _metric_names(entries: list[dict[str, Any]]) -> list[str]:
    names: dict[str, None] = {}
    for entry in entries:
        names |= {key: None for key, value in entry.items() if isinstance(value, dict)}
    return list(names)


def _mean(entry: dict[str, Any], metric: str) -> str:
    if metric not in entry:
        return ""
    # Times and ratios have long tails: their medians say more than their means.
    value = entry[metric]["median" if metric == "ms" or "/" in metric else "mean"]
    return f"{value:.{_DIGITS.get(metric, 3)}f}"


def _difference(entry: dict[str, Any], metric: str) -> str:
    if metric not in entry:
        return ""
    digits = _DIGITS.get(metric, 3)
    value = entry[metric]
    return f"{value['mean']:+.{digits}f} [{value['low']:+.{digits}f}, {value['high']:+.{digits}f}]"


def _without_nan(value: Any) -> Any:
    """JSON has no NaN or infinity: they become null."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _commit() -> str | None:
    folder = Path(__file__).parent
    try:
        command = ["git", "-C", str(folder), "describe", "--always", "--dirty"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
