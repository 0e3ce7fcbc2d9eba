"""From a click to the mesh in the page: `python benchmarks/bench_page.py [--static] [--repeats 5]`.

Opens the page in headless Chromium, clicks an example picture and reads the page's own clock: until the mesh
file is there (decoding, upload, reconstruction, download), and until <model-viewer> has drawn it. Without a
GPU the drawing is done by the processor and dominates. Needs playwright and Chromium (`CHROMIUM=path` if it
is elsewhere).
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

FLAGS = (
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)  # fmt: skip


def start(static: bool, folder: Path) -> tuple[subprocess.Popen[str], str]:
    """The process that serves the page, and its address."""
    unrender = [sys.executable, "-m", "unrender.cli.main"]
    if static:
        page = str(folder / "page")
        subprocess.run([*unrender, "serve", "--static", page], check=True)
        command = [
            sys.executable,
            "-u",
            "-m",
            "http.server",
            "0",
            "-b",
            "127.0.0.1",
            "-d",
            str(folder / "page"),
        ]
    else:
        command = [*unrender, "serve", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    match = re.search(r"http://[^\s)]+/", process.stdout.readline())
    assert match is not None, "the server did not start"
    return process, match[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--static", action="store_true", help="the page without a server")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        process, address = start(options.static, Path(folder))
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
            page = browser.new_page(viewport={"width": 900, "height": 700})
            page.set_default_timeout(300_000)
            begun = time.perf_counter()
            page.goto(address)
            page.wait_for_selector("html[data-ready]")
            print(f"page ready            {time.perf_counter() - begun:8.2f} s")
            received, shown = [], []
            for number in range(options.repeats + 1):
                before = page.evaluate("document.documentElement.dataset.shownMs ?? ''")
                page.locator(".examples button").nth(number % 6).click()
                page.wait_for_function(
                    "before => (document.documentElement.dataset.shownMs ?? '') !== before", arg=before
                )
                data = page.evaluate("({...document.documentElement.dataset})")
                received.append(float(data["receivedMs"]))
                shown.append(float(data["shownMs"]))
            print(
                f"first click           {received[0]:8.0f} ms to the mesh file, {shown[0]:.0f} to the picture"
            )
            for name, values in (("mesh file", received[1:]), ("picture", shown[1:])):
                middle, least = statistics.median(values), min(values)
                print(f"click to {name:<12} {middle:8.0f} ms median, {least:.0f} ms least of {len(values)}")
            browser.close()
        finally:
            process.terminate()
            process.wait(60)


if __name__ == "__main__":
    main()
