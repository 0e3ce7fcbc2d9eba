"""The HTTP application: the page, `POST /reconstruct`, downloads, health and metrics."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, File, Form, Query, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from unrender import __version__
from unrender.errors import InputError
from unrender.export import FORMATS
from unrender.reconstruct import Reconstructor
from unrender.viewer.guard import Guard
from unrender.viewer.page_files import page_folder
from unrender.viewer.refine_api import router as refine_router
from unrender.viewer.refusals import Refusal, from_error
from unrender.viewer.services import Services, available_formats, check_format, stored
from unrender.viewer.settings import Settings
from unrender.viewer.work import Wish, parse_numbers, reconstruct_upload

DESCRIPTION = "One photo in, one textured 3D mesh out. Pixels are those of the upright photo."


class Reason(BaseModel):
    """Why a request was refused: a code for programs, a sentence for people."""

    code: str
    reason: str


class Record(BaseModel):
    """The JSON record of a mesh (`unrender PHOTO --json`), its name and where to get its files."""

    model_config = ConfigDict(extra="allow")
    id: str
    files: dict[str, str]


REFUSALS: dict[int | str, dict[str, Any]] = {
    413: {"model": Reason, "description": "Too many bytes or pixels."},
    422: {"model": Reason, "description": "No usable picture, no object in it, or a wrong argument."},
    429: {"model": Reason, "description": "Too many photos are waiting; see Retry-After."},
    503: {"model": Reason, "description": "It took too long."},
}
router = APIRouter()


def create_app(reconstructor: Reconstructor, settings: Settings | None = None) -> FastAPI:
    """The application, for `unrender serve` or any ASGI server.

    Args:
        reconstructor: the model to use. settings: None for the defaults.

    Raises:
        MissingExtraError: the page's libraries are missing.
    """
    settings = settings or Settings()
    services = Services(reconstructor, settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        services.queue.close()

    app = FastAPI(
        title="unrender", version=__version__, description=DESCRIPTION, lifespan=lifespan,
        docs_url=None, redoc_url=None,
    )  # fmt: skip
    app.state.services = services
    app.include_router(router)
    app.include_router(refine_router, responses=REFUSALS)
    app.mount("/", StaticFiles(directory=page_folder(), html=True))
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _failed)
    app.add_middleware(
        Guard, limits=settings.limits, queue=services.queue, metrics=services.metrics, host=settings.host
    )
    return app


@router.post("/reconstruct", response_model=Record, responses=REFUSALS)
async def reconstruct(
    request: Request,
    photo: Annotated[UploadFile, File(description="JPEG, PNG, WebP, TIFF, BMP, GIF or AVIF.")],
    box: Annotated[str | None, Form(description="x,y,width,height of the object in pixels.")] = None,
    point: Annotated[str | None, Form(description="x,y of a pixel on the object.")] = None,
    category: Annotated[str | None, Form(description="What the photo shows, where known.")] = None,
    appearance: Annotated[
        Literal["albedo", "photo"], Form(description="Colours without or with light.")
    ] = "albedo",
    loop: Annotated[bool, Form(description="Correct the first guess by rendering.")] = True,
    format: Annotated[
        str, Query(description="json for the record, or a mesh format to get that file at once.")
    ] = "json",
) -> Response:
    """Reconstruct a photo. The record names the files of the result; they are kept for a while."""
    services: Services = request.app.state.services
    if format != "json":
        check_format(format)
    try:
        wish = Wish(
            parse_numbers("box", box, 4), parse_numbers("point", point, 2), category or None, appearance, loop
        )
    except InputError as error:
        raise from_error(error) from None
    data = await photo.read()
    await photo.close()
    limit = services.settings.limits.max_pixels
    result = await services.queue.run(lambda: reconstruct_upload(services.reconstructor, data, wish, limit))
    services.count_stages(result)
    if format != "json":
        return await services.file(stored(result), format, "object")
    return JSONResponse(services.record(result))


@router.get("/results/{name}", response_class=Response, responses={404: {"model": Reason}})
async def download(request: Request, name: str) -> Response:
    """A file of a result: its name and the ending of a format."""
    services: Services = request.app.state.services
    for format, entry in FORMATS.items():
        if name.endswith(entry.download_suffix) and "." not in name.removesuffix(entry.download_suffix):
            found = services.results.get(name.removesuffix(entry.download_suffix))
            if found is not None:
                return await services.file(found, format)
    raise Refusal(404, "result_gone", "This result is not kept any more. Reconstruct the photo again.")


@router.get("/config.json", include_in_schema=False)
async def config(request: Request) -> dict[str, Any]:
    """What the page needs to know."""
    services: Services = request.app.state.services
    limits = services.settings.limits
    return {
        "mode": "server",
        "max_bytes": limits.max_bytes,
        "max_pixels": limits.max_pixels,
        "formats": available_formats(),
        "categories": list(services.reconstructor.runtime.card.get("shape_categories", ())),
        "refine": min(3.0, limits.max_refine_seconds),
    }


@router.get("/health")
async def health(request: Request) -> dict[str, Any]:
    """Whether the server is up, with the versions of package and model."""
    card = request.app.state.services.reconstructor.runtime.card
    return {"status": "ok", "version": __version__, "model": {k: card.get(k) for k in ("name", "version")}}


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Counters in the text format of Prometheus."""
    text = request.app.state.services.metrics.text()
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    body = {"code": f"http_{error.status_code}", "reason": f"{error.detail}."}
    if isinstance(error, Refusal):
        body = error.body()
    return JSONResponse(body, error.status_code, error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or "request"
    return JSONResponse({"code": "bad_argument", "reason": f"{where}: {first['msg']}."}, 422)


async def _failed(request: Request, error: Exception) -> Response:
    reason = "Something went wrong on the server; its log says what."
    return JSONResponse({"code": "internal", "reason": reason}, 500)
