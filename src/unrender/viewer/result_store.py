"""The last few results, kept in memory for download."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

from unrender.mesh import Mesh


@dataclass(frozen=True)
class StoredResult:
    """What downloads need: the mesh, its GLB file, and how its colours are meant. Not the photo."""

    mesh: Mesh
    glb: bytes
    appearance: str


class ResultStore:
    """At most `capacity` results by unguessable names; the one not used for longest goes first."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._results: OrderedDict[str, StoredResult] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, result: StoredResult) -> str:
        """Keep a result; returns its name."""
        name = secrets.token_hex(12)
        with self._lock:
            self._results[name] = result
            while len(self._results) > self.capacity:
                self._results.popitem(last=False)
        return name

    def get(self, name: str) -> StoredResult | None:
        """The result of that name, or None when it is gone."""
        with self._lock:
            if name in self._results:
                self._results.move_to_end(name)
            return self._results.get(name)

    def __len__(self) -> int:
        return len(self._results)
