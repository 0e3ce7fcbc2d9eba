"""A bounded queue in front of a few worker threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from unrender.viewer.refusals import too_busy, too_slow

T = TypeVar("T")


class WorkQueue:
    """Runs functions on threads, at most `workers` at once; of the others at most `waiting` may wait.

    Attributes:
        inside: how many functions run or wait. Used on the event loop's thread only.
    """

    def __init__(self, workers: int, waiting: int, seconds: float) -> None:
        self.workers = workers
        self.capacity = workers + waiting
        self.seconds = seconds
        self.inside = 0
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="unrender")

    @property
    def full(self) -> bool:
        """Whether a further function would be refused."""
        return self.inside >= self.capacity

    async def run(self, work: Callable[[], T]) -> T:
        """The result of `work()` from a worker thread.

        Raises:
            Refusal: 429 where too many wait, 503 where the result takes too long. A function that runs
                already then runs to its end, and keeps its place until then.
        """
        if self.full:
            raise too_busy()
        loop = asyncio.get_running_loop()
        self.inside += 1
        future = self._pool.submit(work)
        future.add_done_callback(lambda done: self._leave(loop, done))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self.seconds)
        except TimeoutError:
            raise too_slow(self.seconds) from None

    def _leave(self, loop: asyncio.AbstractEventLoop, done: Future[T]) -> None:
        def leave() -> None:
            self.inside -= 1

        if not loop.is_closed():
            loop.call_soon_threadsafe(leave)

    def close(self) -> None:
        """Finish what runs, drop what waits."""
        self._pool.shutdown(wait=True, cancel_futures=True)
