"""`POST /refine`: a reconstruction that takes some seconds and tells how it goes."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import StreamingResponse

from unrender.errors import InputError
from unrender.reconstruct import Reconstruction
from unrender.refine import RefineProgress
from unrender.viewer.refusals import Refusal, from_error
from unrender.viewer.services import Services
from unrender.viewer.work import Refinement, Wish, parse_numbers, reconstruct_upload

router = APIRouter()


@router.post("/refine", response_class=StreamingResponse)
async def refine(
    request: Request,
    photo: Annotated[UploadFile, File(description="As for /reconstruct.")],
    seconds: Annotated[float, Form(description="How long to refine.", gt=0)] = 3.0,
    box: Annotated[str | None, Form()] = None,
    point: Annotated[str | None, Form()] = None,
    category: Annotated[str | None, Form()] = None,
    appearance: Annotated[Literal["albedo", "photo"], Form()] = "albedo",
) -> StreamingResponse:
    """Reconstruct a photo and refine the result against it.

    The answer is JSON lines: `{"share": 0..1, "iteration": n, "iou": 0..1}` while it goes on, and in the end
    `{"record": ...}` as from /reconstruct, or `{"code": ..., "reason": ...}`. Hanging up stops it.
    """
    services: Services = request.app.state.services
    limits = services.settings.limits
    if seconds > limits.max_refine_seconds:
        raise Refusal(
            422, "bad_argument", f"Seconds: expected at most {limits.max_refine_seconds:g}, got {seconds:g}."
        )
    try:
        wish = Wish(
            parse_numbers("box", box, 4), parse_numbers("point", point, 2), category or None, appearance
        )
    except InputError as error:
        raise from_error(error) from None
    data = await photo.read()
    await photo.close()

    loop = asyncio.get_running_loop()
    events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    gone = threading.Event()

    def report(progress: RefineProgress) -> None:
        event = {"share": progress.share, "iteration": progress.iteration, "iou": progress.iou}
        loop.call_soon_threadsafe(events.put_nowait, event)

    refinement = Refinement(seconds, report, gone.is_set)
    task = asyncio.ensure_future(
        services.queue.run(
            lambda: reconstruct_upload(services.reconstructor, data, wish, limits.max_pixels, refinement)
        )
    )
    task.add_done_callback(lambda done: events.put_nowait(None))
    first = await events.get()
    if first is None:
        task.result()  # what went wrong before anything was refined gets its own status
    return StreamingResponse(_lines(services, first, events, task, gone), media_type="application/x-ndjson")


async def _lines(
    services: Services,
    event: dict[str, Any] | None,
    events: asyncio.Queue[dict[str, Any] | None],
    task: asyncio.Future[Reconstruction],
    gone: threading.Event,
) -> AsyncIterator[str]:
    try:
        while event is not None:
            yield json.dumps(event) + "\n"
            event = await events.get()
        result = await task
        services.count_stages(result)
        yield json.dumps({"record": services.record(result)}) + "\n"
    except Refusal as refusal:
        yield json.dumps(refusal.body()) + "\n"
    finally:
        gone.set()
