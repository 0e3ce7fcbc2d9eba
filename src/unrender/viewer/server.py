"""Running the application: socket, signals, graceful end."""

from __future__ import annotations

import logging
import signal
import socket
from importlib.resources import as_file, files
from pathlib import Path

import uvicorn

from unrender.errors import InputError
from unrender.image import load_photo
from unrender.reconstruct import Reconstructor
from unrender.refine import Refiner
from unrender.render.kernels.threads import num_threads
from unrender.viewer.app import create_app
from unrender.viewer.settings import Settings


def serve(settings: Settings, model: str | Path | None = None) -> None:
    """Serve until SIGINT or SIGTERM; what runs then is finished, within `max_seconds`.

    Prints the address once the server is ready.

    Args:
        settings: where and how. model: a folder or hub id; None takes the model inside the package.

    Raises:
        InputError: the address cannot be used.
        ModelError, MissingExtraError: see `Reconstructor.from_pretrained` and `create_app`.
    """
    listening = _listen(settings.host, settings.port)
    with listening:
        reconstructor = Reconstructor.from_pretrained(
            model, threads=max(1, num_threads() // settings.workers)
        )
        app = create_app(reconstructor, settings)
        _warm(reconstructor)
        signal.signal(signal.SIGTERM, lambda number, frame: None)  # uvicorn has its own meanwhile
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        host, port = listening.getsockname()[:2]
        name = f"[{host}]" if ":" in host else host
        print(f"unrender: serving on http://{name}:{port}/  (Ctrl-C stops)", flush=True)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False,
            timeout_graceful_shutdown=int(settings.limits.max_seconds) + 1, timeout_keep_alive=5,
        )  # fmt: skip
        uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(
            f"--host, --port: {host}:{port} cannot be listened on ({reason}); choose another --port"
        ) from None


def _warm(reconstructor: Reconstructor) -> None:
    """Reconstruct and refine the sample picture once: then no visitor waits for compilation."""
    with as_file(files("unrender") / "models" / "sample.jpg") as path:
        if path.is_file():
            photo = load_photo(path)
            Refiner(reconstructor).refine(photo, reconstructor(photo), "1it")
