"""Refusals of the HTTP API: a status and a JSON body {"code", "reason"}."""

from __future__ import annotations

from starlette.exceptions import HTTPException

from unrender.errors import ImageError, UnrenderError


class Refusal(HTTPException):
    """A request that is refused.

    Attributes:
        status_code: HTTP status.
        code: for programs. reason: one sentence for people.
    """

    def __init__(self, status: int, code: str, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, reason, headers)
        self.code = code
        self.reason = reason

    def body(self) -> dict[str, str]:
        """What is sent as JSON."""
        return {"code": self.code, "reason": self.reason}


def too_large(max_bytes: int) -> Refusal:
    """413 for an upload of too many bytes."""
    return Refusal(
        413, "upload_too_large", f"The file is larger than {max_bytes / 1e6:g} MB. Use a smaller picture."
    )


def too_busy() -> Refusal:
    """429 for a full queue."""
    return Refusal(
        429, "queue_full", "Many photos are waiting already. Try again in a moment.", {"Retry-After": "2"}
    )


def too_slow(seconds: float) -> Refusal:
    """503 for work that did not end in time."""
    return Refusal(
        503, "timeout", f"This took longer than {seconds:g} seconds. Try again.", {"Retry-After": "5"}
    )


def from_error(error: UnrenderError, file: str = "") -> Refusal:
    """The refusal for an error of the package; `file`, the photo's place on this machine, is not told.

    Pictures of too many pixels give 413, everything else 422.
    """
    message = " ".join(str(error).split())
    message = message.removeprefix(f"{file}: ") if file else message
    if "--" in message:  # advice for the command line
        message = f"{message.split(';')[0]}; click on it in the photo, or draw a box round it"
    if isinstance(error, ImageError) and file and str(error).startswith(file):
        message = f"The file {message}"
    reason = f"{message[:1].upper()}{message[1:]}."
    if isinstance(error, ImageError) and "is too large" in message:
        return Refusal(413, "too_many_pixels", reason)
    return Refusal(422, "bad_picture" if isinstance(error, ImageError) else "bad_argument", reason)
