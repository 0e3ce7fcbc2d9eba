"""The server under load: `python benchmarks/bench_serve.py [--clients 8] [--seconds 60]`.

Starts `unrender serve` on a free port, lets clients post pictures one after the other, and prints requests,
failures, latencies and the server's resident memory after warm-up and at the end. In the end the server gets
SIGTERM while all clients are busy; what runs then has to be answered. `--json FILE` writes the figures.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image

import unrender

WARM_UP = 10.0
"""Seconds of load before the memory is first read."""


def pictures() -> list[bytes]:
    """The package's sample picture at several sizes, as JPEG files."""
    sample = Image.open(Path(unrender.__file__).parent / "models" / "sample.jpg").convert("RGB")
    files = []
    for size in (256, 420, 800, 1600):
        stream = io.BytesIO()
        sample.resize((size, size)).save(stream, "JPEG", quality=90)
        files.append(stream.getvalue())
    return files


class Load:
    """Clients that post until told to stop."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.stop = threading.Event()
        self.seconds: list[float] = []
        self.failures: list[str] = []
        self.lock = threading.Lock()
        self.leaving = False
        self.turned_away = 0

    def client(self, number: int) -> None:
        files = pictures()
        turn = number
        with httpx.Client(timeout=120) as client:
            while not self.stop.is_set():
                turn += 1
                start = time.perf_counter()
                try:
                    answer = client.post(
                        f"{self.address}reconstruct", files={"photo": files[turn % len(files)]}
                    )
                    problem = "" if answer.status_code == 200 else f"{answer.status_code} {answer.text[:80]}"
                except httpx.HTTPError as error:
                    if self.leaving:  # refused, or a connection kept open that the server has just closed
                        self.turned_away += 1
                        return
                    problem = repr(error)
                with self.lock:
                    if problem:
                        self.failures.append(problem)
                    else:
                        self.seconds.append(time.perf_counter() - start)


def main() -> int:
    """Run and print; exit status 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    command = [sys.executable, "-m", "unrender.cli.main", "serve", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.search(r"http://\S+/", line)
    if match is None:
        print(f"the server did not start: {line}", file=sys.stderr)
        return 1
    load = Load(match[0])
    threads = [threading.Thread(target=load.client, args=(i,)) for i in range(options.clients)]
    for thread in threads:
        thread.start()
    server = psutil.Process(process.pid)
    time.sleep(WARM_UP)
    warm = server.memory_info().rss
    with load.lock:
        load.seconds.clear()
    start, peak = time.perf_counter(), warm
    while time.perf_counter() - start < options.seconds:
        time.sleep(0.5)
        peak = max(peak, server.memory_info().rss)
    elapsed = time.perf_counter() - start
    with load.lock:
        seconds = np.array(load.seconds)
    end = server.memory_info().rss
    load.leaving = True
    before = len(load.seconds)
    process.send_signal(signal.SIGTERM)
    status = process.wait(300)
    load.stop.set()
    for thread in threads:
        thread.join()
    figures = {
        "clients": options.clients,
        "seconds": round(elapsed, 1),
        "requests": len(seconds),
        "per_second": round(len(seconds) / elapsed, 2),
        "failures": len(load.failures),
        "p50_ms": round(1e3 * float(np.quantile(seconds, 0.5))),
        "p95_ms": round(1e3 * float(np.quantile(seconds, 0.95))),
        "max_ms": round(1e3 * float(seconds.max())),
        "rss_warm_mb": round(warm / 1e6),
        "rss_end_mb": round(end / 1e6),
        "rss_peak_mb": round(peak / 1e6),
        "rss_ratio": round(end / warm, 3),
        "answered_after_sigterm": len(load.seconds) - before,
        "turned_away_after_sigterm": load.turned_away,
        "exit_status": status,
    }
    for name, value in figures.items():
        print(f"{name:<24} {value}")
    for problem in sorted(set(load.failures)):
        print(f"failure: {problem}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if load.failures or status or end > 1.2 * warm else 0


if __name__ == "__main__":
    sys.exit(main())
