"""What every request passes: size, time and queue limits, security headers, counting."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unrender.viewer.metrics import Metrics
from unrender.viewer.refusals import Refusal, too_busy, too_large
from unrender.viewer.settings import Limits
from unrender.viewer.work_queue import WorkQueue

# The page asks for nothing from elsewhere, and browsers hold it to that. WebAssembly needs its own word.
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' blob: data:; connect-src 'self' blob: data:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
SECURITY = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}
MULTIPART_OVERHEAD = 16_384
"""Bytes of a form besides the photo."""

WORK = ("/reconstruct", "/refine")
ROUTES = (*WORK, "/health", "/metrics", "/config.json", "/openapi.json")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Guard:
    """ASGI middleware round the whole application.

    A body may have `max_bytes` and a little for the form, and must arrive within `max_seconds`. Refused
    uploads are read on for a while, so that the client gets to see the answer. A server that listens on
    loopback answers to loopback names only: a page elsewhere cannot reach it by a name of its own.
    """

    def __init__(self, app: ASGIApp, limits: Limits, queue: WorkQueue, metrics: Metrics, host: str) -> None:
        self.app = app
        self.limits = limits
        self.queue = queue
        self.metrics = metrics
        self.names = LOOPBACK if host in LOOPBACK else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        try:
            if refusal is None:
                await self.app(scope, self._limited(receive), send_on)
            else:
                await self._drain(receive)
                headers = {**(refusal.headers or {}), "connection": "close"}
                await JSONResponse(refusal.body(), refusal.status_code, headers)(scope, receive, send_on)
        finally:
            path = scope["path"]
            route = path if path in ROUTES else "/results" if path.startswith("/results/") else "other"
            self.metrics.requests.labels(route, str(status)).inc()
            self.metrics.seconds.labels(route).observe(time.perf_counter() - start)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        name = headers.get("host", "").rsplit(":", 1)[0].strip("[]") if "host" in headers else ""
        if self.names is not None and name not in self.names and headers.get("host", "") not in self.names:
            return Refusal(421, "unknown_host", "This server answers on this machine only.")
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self.limits.max_bytes + MULTIPART_OVERHEAD:
            return too_large(self.limits.max_bytes)
        if scope["method"] == "POST" and scope["path"] in WORK and self.queue.full:
            return too_busy()
        return None

    def _limited(self, receive: Receive) -> Receive:
        """`receive` that counts bytes and time of the body."""
        total = 0
        ended = False
        deadline = time.monotonic() + self.limits.max_seconds

        async def limited() -> Message:
            nonlocal total, ended
            if ended:
                return await receive()  # waits for the client to hang up
            try:
                left = max(deadline - time.monotonic(), 0.01)
                message: dict[str, Any] = dict(await asyncio.wait_for(receive(), left))
            except TimeoutError:
                raise Refusal(408, "slow_upload", "The upload took too long. Try again.") from None
            total += len(message.get("body", b""))
            ended = not message.get("more_body", False)
            if total > self.limits.max_bytes + MULTIPART_OVERHEAD:
                await self._drain(receive)
                raise too_large(self.limits.max_bytes)
            return message

        return limited

    async def _drain(self, receive: Receive) -> None:
        """Read and forget the rest of a body: at most eight times what is allowed, for ten seconds."""
        left = 8 * self.limits.max_bytes
        try:
            async with asyncio.timeout(10):
                while left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        return
        except TimeoutError:
            return
