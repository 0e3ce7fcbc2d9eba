"""Worker processes that reconstruct photos: a model each, one thread each."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from unrender.cli.outputs import Outputs
from unrender.cli.reconstruct import Done, Session
from unrender.errors import ModelError, UnrenderError

Task = tuple[Path, Outputs]


@dataclass(frozen=True)
class Report:
    """What became of a photo: `done`, or else `error`, a line for people."""

    photo: Path
    outputs: Outputs
    done: Done | None = None
    error: str | None = None


def attempt(session: Session, task: Task) -> Report:
    """Reconstruct one photo; whatever goes wrong with it becomes the report's error.

    Raises:
        ModelError: the model cannot be used, so that no photo can be done.
    """
    photo, outputs = task
    try:
        return Report(photo, outputs, done=session.reconstruct(photo, outputs))
    except ModelError:
        raise
    except (UnrenderError, OSError) as error:
        text = str(error)
    except Exception as error:  # a photo that finds a mistake of ours must not stop the others
        text = f"unexpected {type(error).__name__}: {error}; please report it with the photo"
    return Report(photo, outputs, error=text)


def reconstruct_in_processes(
    tasks: Iterable[Task],
    options: argparse.Namespace,
    workers: int,
    start: Callable[[argparse.Namespace], Session] | None = None,
) -> Iterator[Report]:
    """Reconstruct photos in `workers` processes; reports come as photos are done, in any order.

    When a process dies (out of memory, say), the photos that were being worked on are tried again one at a
    time, and the one that kills its process is reported as failed.

    Args:
        tasks: photos and their files. options: of the call. workers: number of processes.
        start: makes a process's session, a function that can be pickled; None for `open_session`.

    Raises:
        ModelError: the model cannot be used.
    """
    waiting, suspects = deque(tasks), deque[Task]()
    while waiting or suspects:
        alone = bool(suspects)
        queue, width = (suspects, 1) if alone else (waiting, workers)
        running: dict[Future[Report], tuple[Task, set[Path]]] = {}
        pool = ProcessPoolExecutor(
            width,
            multiprocessing.get_context("spawn"),
            initializer=_start,
            initargs=(start or open_session, options),
        )
        try:
            while queue or running:
                while queue and len(running) < (1 if alone else 2 * width):
                    existed = {path for path in queue[0][1].paths if path.exists()}
                    future = pool.submit(_work, queue[0])
                    running[future] = queue.popleft(), existed
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    report = future.result()
                    del running[future]
                    yield report
        except BrokenProcessPool:
            pool.shutdown(wait=True, cancel_futures=True)
            for future, (task, existed) in running.items():
                if future.done() and not future.cancelled() and future.exception() is None:
                    yield future.result()
                    continue
                for path in set(task[1].paths) - existed:  # written, but not reported any more
                    path.unlink(missing_ok=True)
                if alone:
                    yield Report(*task, error="its process died, perhaps for want of memory")
                else:
                    suspects.append(task)
            if alone and queue and not running:
                raise ModelError("worker processes die at their start; try --workers 1") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


_session: Session | None = None


def open_session(options: argparse.Namespace) -> Session:
    """A session that leaves the other cores to the other workers: one thread for network and renderer."""
    from unrender.render import set_num_threads

    set_num_threads(1)
    return Session(options, threads=1)


def _start(start: Callable[[argparse.Namespace], Session], options: argparse.Namespace) -> None:
    """Set up a worker: no Ctrl-C of its own, no life without its parent."""
    global _session
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["OMP_NUM_THREADS"] = "1"
    _session = start(options)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(task: Task) -> Report:
    if _session is None:
        raise RuntimeError("the worker was not started")
    return attempt(_session, task)
