"""One line on standard error when kernels are compiled: the first call explains its seconds."""

from __future__ import annotations

import sys
from typing import Any

from numba.core import event

MESSAGE = (
    "unrender: compiling for this machine, once (some seconds for each operation); "
    "`unrender warm` does it ahead of time"
)


class _Notice(event.Listener):
    """Says so at the first kernel of this package that is not in the cache, once a process."""

    said = False

    def on_start(self, event: Any) -> None:
        function = getattr((event.data or {}).get("dispatcher"), "py_func", None)
        if not self.said and getattr(function, "__module__", "").startswith("unrender."):
            self.said = True
            print(MESSAGE, file=sys.stderr, flush=True)

    def on_end(self, event: Any) -> None:
        """Nothing to say: the call itself goes on."""


event.register("numba:compile", _Notice())
