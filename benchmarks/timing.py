"""Timing of calls that take turns, and what the figures depend on."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SLOW = 0.2
"""Calls that take longer, in seconds, do without a call before each that fills the caches."""
BUDGET = 10.0
"""Seconds a call may take in all its repeats; at least three are made."""


def measure(calls: dict[str, Callable[[], Any]], repeats: int) -> dict[str, dict[str, float]]:
    """Wall and processor times in ms of calls that take turns, so that other load hits all of them.

    A slow call is repeated as often as fits `BUDGET`, in the first rounds.
    """
    slow, rounds = set(), {}
    for name, call in calls.items():
        call()  # compiles
        start = time.perf_counter()
        call()
        took = time.perf_counter() - start
        if took > SLOW:
            slow.add(name)
        rounds[name] = min(repeats, max(3, int(BUDGET / took)))
    wall: dict[str, list[float]] = {name: [] for name in calls}
    used: dict[str, list[float]] = {name: [] for name in calls}
    for round_ in range(repeats):
        for name, call in calls.items():
            if round_ >= rounds[name]:
                continue
            if name not in slow:
                call()  # the caches belong to whoever is measured
            begin, start = time.process_time(), time.perf_counter()
            call()
            wall[name].append(1e3 * (time.perf_counter() - start))
            used[name].append(1e3 * (time.process_time() - begin))
    return {
        name: {
            "median": float(np.median(wall[name])), "min": min(wall[name]),
            "cpu_median": float(np.median(used[name])), "cpu_min": min(used[name]), "n": len(wall[name]),
        }
        for name in calls
    }  # fmt: skip


def copy_bandwidth() -> float:
    """Bytes a second that a plain copy of a large array reads and writes: the best of some tries."""
    source = np.zeros(1 << 26, np.uint8)
    target = np.zeros_like(source)
    best = 0.0
    for _ in range(8):
        start = time.perf_counter()
        np.copyto(target, source)
        best = max(best, 2 * source.nbytes / (time.perf_counter() - start))
    return best


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    root = Path(__file__).parent
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=root)
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [x.split(":")[1].strip() for x in cpuinfo.read_text().splitlines() if "model name" in x]
        name = models[0] if models else name
    return {
        "processor": name, "cpus": os.cpu_count(), "load": os.getloadavg(),
        "python": platform.python_version(), "numpy": np.__version__, "commit": commit.stdout.strip(),
        "copy_gb_per_s": round(copy_bandwidth() / 1e9, 1),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }  # fmt: skip
