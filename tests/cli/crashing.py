"""Sessions for worker processes of the tests: they copy the photo instead of reconstructing it."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from unrender.cli.outputs import Outputs
from unrender.cli.reconstruct import Done, Session
from unrender.errors import ImageError, ModelError


class CopyingSession(Session):
    """Kills its process at "killer", is slow at "slow", finds "bad" bad; "broken" is a mistake of ours."""

    def reconstruct(self, path: Path, outputs: Outputs) -> Done:
        outputs.check(self.options.force)
        if path.stem == "model":
            raise ModelError("model x: is damaged")
        if path.stem == "bad":
            raise ImageError(f"{path}: is not a picture")
        if path.stem == "broken":
            raise ZeroDivisionError("division by zero")
        if path.stem == "slow":
            time.sleep(60)
        outputs.mesh.parent.mkdir(parents=True, exist_ok=True)
        outputs.mesh.write_bytes(path.read_bytes())
        if path.stem == "killer":
            os._exit(9)
        return Done(outputs.mesh, "bird", 0.5, float(os.getpid()))


def open_copying_session(options: argparse.Namespace) -> Session:
    return CopyingSession(options)
