"""One table that says it all: a line for each category with the figures that count, intervals beside them."""

from __future__ import annotations

from typing import Any

Column = tuple[str, str, str, str, str]
"""Heading, mask, variant (with " - other" for a paired difference), metric, and how it is written."""

_PHOTOS: tuple[Column, ...] = (
    ("own mask", "own", "default", "mask IoU", "interval"),
    ("given mask", "given", "default", "mask IoU", "interval"),
    ("own, refined", "own", "refined", "mask IoU", "mean"),
    ("given, refined", "given", "refined", "mask IoU", "mean"),
    ("own, feed-forward", "own", "feed-forward", "mask IoU", "mean"),
    ("own, mean shape", "own", "mean shape", "mask IoU", "mean"),
    ("own - mean shape", "own", "default - mean shape", "mask IoU", "difference"),
    ("texture L1", "own", "default", "texture L1", "mean"),
    ("mask head IoU", "own", "default", "mask head IoU", "interval"),
    ("category right", "own", "default", "category right", "interval"),
)
_MESHES: tuple[Column, ...] = (
    ("3D IoU", "own", "default", "3D IoU", "interval"),
    ("feed-forward", "own", "feed-forward", "3D IoU", "mean"),
    ("mean shape", "own", "mean shape", "3D IoU", "mean"),
    ("refined", "own", "refined", "3D IoU", "mean"),
    ("- mean shape", "own", "default - mean shape", "3D IoU", "difference"),
    ("- feed-forward", "own", "default - feed-forward", "3D IoU", "difference"),
    ("rotation, median", "own", "default", "rotation error", "median"),
    ("F-score 1%", "own", "default", "F-score 1%", "mean"),
    ("F-score 2%", "own", "default", "F-score 2%", "mean"),
    ("ratios of sides, median error", "own", "default", "sides error", "median"),
    ("texture L1", "own", "default", "texture L1", "mean"),
    ("other views L1", "own", "default", "other views L1", "mean"),
    ("category right", "own", "default", "category right", "mean"),
)


def overview(report: dict[str, Any]) -> tuple[str, list[str], list[list[str]]]:
    """Title, header and a line for each group of a report; columns without any figure are left out.

    Args:
        report: of `unrender.evaluate.report.build_report`.
    """
    columns = _PHOTOS if report["kind"] == "photos" else _MESHES
    known = {(e["group"], e["mask"], e["variant"]): e for e in report["summary"]}
    for entry in report["differences"]:
        known[entry["group"], entry["mask"], f"{entry['variant']} - {entry['minus']}"] = entry
    groups = list(dict.fromkeys(entry["group"] for entry in report["summary"]))
    lines = []
    for group in groups:
        count = max(e["n"] for e in report["summary"] if e["group"] == group)
        cells = [
            _cell(known.get((group, mask, variant), {}).get(metric), style)
            for _, mask, variant, metric, style in columns
        ]
        lines.append([group, str(count), *cells])
    filled = [k for k in range(len(lines[0])) if any(line[k] for line in lines)]
    header = ["group", "n", *(column[0] for column in columns)]
    return "Overview", [header[k] for k in filled], [[line[k] for k in filled] for line in lines]


def _cell(value: dict[str, float] | None, style: str) -> str:
    if value is None:
        return ""
    if style == "median":
        return f"{value['median']:.{1 if value['median'] > 2 else 3}f}"
    if style == "mean":
        return f"{value['mean']:.3f}"
    sign = "+" if style == "difference" else ""
    return f"{value['mean']:{sign}.3f} [{value['low']:{sign}.3f}, {value['high']:{sign}.3f}]"
