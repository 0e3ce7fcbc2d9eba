"""Reading a model while numba is imported: both take a good part of a new process's time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import numpy as np

from unrender.network.runtime import NetworkRuntime


def load_runtime(folder: Path, threads: int) -> NetworkRuntime:
    """The model in `folder`, read by a thread of its own while this one wakes numba.

    Raises:
        ModelError: a file is missing or damaged.
    """
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(NetworkRuntime, folder, threads)
        wake_numba()
        return loading.result()


def wake_numba() -> None:
    """Import numba and everything that uses it, and let it get ready, as it does at a kernel's first call."""
    import_module("unrender.reconstruct.pipeline")
    from unrender.reconstruct.region import main_object

    main_object(np.zeros((2, 2), np.float32))
