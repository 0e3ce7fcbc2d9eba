"""A small thread pool for kernels that release the GIL.

The caller works too; helpers only take what is left. A forked child starts with an empty pool. Concurrent
callers share the helpers and cannot block each other: a caller waits only for pieces that somebody has
already begun. For torch's tensors the team of `openmp` takes the helpers' place (`Shared`).
Results never depend on the number of threads: how work is cut into pieces that accumulate is decided by
`accumulation_bands` from the problem's size alone.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

from unrender.errors import InputError
from unrender.render.kernels import openmp

MAX_THREADS = 256


def _affinity() -> int:
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:  # not on Linux
        return max(1, os.cpu_count() or 1)


class Shared(int):
    """A number of threads: those of `openmp`, which somebody else uses too."""


class _Job:
    """Pieces 0..pieces-1 of one call, handed out in order."""

    __slots__ = ("count", "done", "error", "finished", "pieces", "todo", "work")

    def __init__(self, work: Callable[[int, int], object], count: int, pieces: int) -> None:
        self.work = work
        self.count = count
        self.pieces = pieces
        self.todo = itertools.count()
        self.finished = itertools.count(1)
        self.done = threading.Lock()
        self.done.acquire()
        self.error: BaseException | None = None

    def help(self) -> None:
        """Take pieces until none is left; whoever finishes the last one wakes the caller."""
        while (piece := next(self.todo)) < self.pieces:
            try:
                self.work(self.count * piece // self.pieces, self.count * (piece + 1) // self.pieces)
            except BaseException as error:
                self.error = error
            if next(self.finished) == self.pieces:
                self.done.release()

    def help_quietly(self) -> None:
        """`help` where nobody could catch what is raised between two pieces, such as KeyboardInterrupt."""
        try:
            self.help()
        except BaseException as error:
            self.error = error


_lock = threading.Lock()
_queue: SimpleQueue[_Job] = SimpleQueue()
_workers = 0
_explicit: int | None = None
_default = _affinity()


def _reset_after_fork() -> None:
    global _lock, _queue, _workers
    _lock = threading.Lock()
    _queue = SimpleQueue()
    _workers = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)


def _worker(queue: SimpleQueue[_Job]) -> None:
    while True:
        queue.get().help()


def _ensure_workers(wanted: int) -> None:
    global _workers
    if _workers >= wanted:
        return
    with _lock:
        while _workers < wanted:
            threading.Thread(target=_worker, args=(_queue,), name="unrender", daemon=True).start()
            _workers += 1


def set_num_threads(count: int | None) -> None:
    """Set how many threads a renderer call may use; `None` goes back to the default.

    The default is the number of processors this process may run on for numpy arrays, and torch's own number
    of threads for torch tensors. Results do not depend on it.

    Raises:
        InputError: `count` is not an integer from 1 to 256.
    """
    global _explicit
    if count is not None and (
        not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MAX_THREADS
    ):
        raise InputError(f"count: expected an integer from 1 to {MAX_THREADS} or None, got {count!r}")
    _explicit = count


def num_threads(suggestion: int | None = None) -> int:
    """Threads to use: what `set_num_threads` asked for, else `suggestion`, else the CPU affinity."""
    if _explicit is not None:
        return _explicit
    return suggestion if suggestion is not None else _default


def run(work: Callable[[int, int], object], count: int, threads: int, pieces: int | None = None) -> None:
    """Call `work(begin, end)` so that [0, count) is covered once, on at most `threads` threads.

    `pieces` is the number of ranges (default one for each thread). With one thread `work(0, count)` is called
    directly. The first error raised by any piece is raised here.
    """
    if threads <= 1 or count <= 1:
        if count > 0:
            work(0, count)
        return
    pieces = min(count, pieces or threads)
    job = _Job(work, count, pieces)
    if isinstance(threads, Shared) and openmp.available():
        openmp.parallel(job.help_quietly, threads)
    else:
        helpers = min(threads, pieces) - 1
        _ensure_workers(helpers)
        for _ in range(helpers):
            _queue.put(job)
        job.help()
        job.done.acquire()
    if job.error is not None:
        raise job.error


def accumulation_bands(batch: int, height: int, width: int) -> int:
    """Bands of rows an image is cut into where results are summed; depends on the problem's size only."""
    if batch >= 4 or batch == 0 or height * width < 128 * 128:
        return 1
    return min(height, -(-4 // batch))


def picture_bands(batch: int, height: int, threads: int) -> int:
    """Bands of rows an image is cut into where nothing is summed: enough to keep `threads` busy."""
    if threads <= 1 or batch == 0 or batch >= 2 * threads:
        return 1
    return max(1, min(height // 16, -(-2 * threads // batch)))


def band(item: int, bands: int, height: int) -> tuple[int, int, int]:
    """(image, first row, row behind the last) of one of the bands of a batch."""
    image, part = divmod(item, bands)
    return image, height * part // bands, height * (part + 1) // bands
