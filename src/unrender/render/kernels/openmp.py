"""The threads of the OpenMP library that this process has loaded already (torch's), to run kernels on.

Those threads do not sleep after an operation that torch has split: they wait actively for some milliseconds,
on the very cores that a pool of our own would wake threads for. On the same team nobody waits for a core, and
a thread that is awake begins at once. A team belongs to the thread that calls, as torch's does.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from typing import Any

Body = Callable[[], object]
"""What each thread of the team does, once. It must not raise."""

_Entry = ctypes.CFUNCTYPE(None, ctypes.py_object)


@_Entry
def _enter(body: Any) -> None:
    body()


_parallel: Any = None
_forked = False


def find() -> None:
    """Look for the library. Call this when it is loaded: after torch's import.

    A process that was started by `multiprocessing` goes without: it may be a fork of one that used the team.
    """
    global _parallel
    started_by = sys.modules.get("multiprocessing.process")  # torch has imported it, where it is of use
    if _forked or (started_by is not None and started_by.parent_process() is not None):
        return
    try:  # GNU's entry to a parallel region, which LLVM's and Intel's libraries have too
        _parallel = ctypes.CDLL(None).GOMP_parallel
    except (AttributeError, OSError, TypeError):  # there is none, or it is not to be seen; Windows
        return
    _parallel.argtypes = (_Entry, ctypes.py_object, ctypes.c_uint, ctypes.c_uint)
    _parallel.restype = None


def _forget() -> None:
    """No team survives a fork, and the library does not notice: who calls it there waits for ever."""
    global _parallel, _forked
    _parallel, _forked = None, True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def available() -> bool:
    """Whether `parallel` may be called."""
    return _parallel is not None


def parallel(body: Body, threads: int) -> None:
    """Call `body` on `threads` threads, the caller's among them, and wait for all of them."""
    _parallel(_enter, body, threads, 0)
