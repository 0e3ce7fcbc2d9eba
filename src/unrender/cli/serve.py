"""`unrender serve`: the web page and the HTTP API, or the page as a folder without a server."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from unrender.cli.parser import OneLineParser
from unrender.errors import MissingExtraError

_MODULES = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")


def run(arguments: Sequence[str]) -> int:
    """Serve until interrupted, or write the static page."""
    parser = OneLineParser("unrender serve", "Serve the web page and the HTTP API.")
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    add("--port", type=int, default=8000, help="port to listen on; 0 takes a free one (default: 8000)")
    add("--workers", type=int, metavar="N", help="photos worked on at once (default: the cores, at most 4)")
    add("--model", metavar="PATH", help="a model of your own (default: the one inside the package)")
    add("--max-megabytes", type=float, default=20, metavar="MB", help="largest upload (default: 20)")
    add("--max-megapixels", type=float, default=50, metavar="MP", help="largest photo (default: 50)")
    add("--queue", type=int, default=16, metavar="N", help="photos that may wait (default: 16)")
    add(
        "--timeout",
        type=float,
        default=30,
        metavar="SECONDS",
        help="longest time for one photo (default: 30)",
    )
    add(
        "--static",
        metavar="OUT",
        help="write the page to this folder instead: it runs the model in the visitor's browser",
    )
    options = parser.parse_args(list(arguments))
    if options.static:
        from unrender.viewer.static_site import write_static_site

        folder = write_static_site(options.static, options.model)
        print(f"{folder}  the page; serve it from any web host, or try `python -m http.server -d {folder}`")
        return 0
    absent = [name for name in _MODULES if importlib.util.find_spec(name) is None]
    if absent:
        raise MissingExtraError(
            f"serve: needs {', '.join(absent)}; install them with `pip install 'unrender[web]'`"
        )
    from unrender.viewer.server import serve
    from unrender.viewer.settings import MEGABYTE, Limits, Settings

    limits = Limits(
        max_bytes=int(options.max_megabytes * MEGABYTE),
        max_pixels=int(options.max_megapixels * MEGABYTE),
        max_queue=options.queue,
        max_seconds=options.timeout,
    )
    settings = Settings(options.host, options.port, limits=limits)
    if options.workers is not None:
        settings = Settings(options.host, options.port, options.workers, limits)
    serve(settings, options.model)
    return 0
