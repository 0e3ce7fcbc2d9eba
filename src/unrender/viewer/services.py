"""What the routes work with: model, queue, kept results, counters."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from unrender.export import FORMATS, ExportOptions, export_bytes
from unrender.reconstruct import Reconstruction, Reconstructor
from unrender.viewer.metrics import Metrics
from unrender.viewer.refusals import Refusal
from unrender.viewer.result_store import ResultStore, StoredResult
from unrender.viewer.settings import Settings
from unrender.viewer.work_queue import WorkQueue


class Services:
    """One server's state."""

    def __init__(self, reconstructor: Reconstructor, settings: Settings) -> None:
        limits = settings.limits
        self.reconstructor = reconstructor
        self.settings = settings
        self.queue = WorkQueue(settings.workers, limits.max_queue, limits.max_seconds)
        self.results = ResultStore(limits.max_results)
        self.metrics = Metrics(lambda: self.queue.inside, lambda: len(self.results))

    def count_stages(self, result: Reconstruction) -> None:
        """Count the time of a reconstruction's stages."""
        for stage, ms in result.timings_ms.items():
            self.metrics.stages.labels(stage).observe(ms / 1e3)

    def record(self, result: Reconstruction) -> dict[str, Any]:
        """Keep a result; returns its JSON record with its name and the addresses of its files."""
        name = self.results.add(stored(result))
        files = {key: f"results/{name}{FORMATS[key].download_suffix}" for key in available_formats()}
        return {**result.to_dict(), "appearance": result.appearance, "id": name, "files": files}

    async def file(self, result: StoredResult, format: str, name: str = "") -> Response:
        """The answer with a mesh file; without a name, the page that links to it may give one.

        Raises:
            Refusal: 422 for an unknown format.
        """
        check_format(format)
        entry = FORMATS[format]
        if format == "glb":
            data = result.glb
        else:
            options = ExportOptions(appearance=result.appearance)
            data = await self.queue.run(lambda: export_bytes(result.mesh, format, options))
        disposition = f'attachment; filename="{name}{entry.download_suffix}"' if name else "attachment"
        headers = {"content-disposition": disposition}
        return Response(data, media_type=entry.media_type, headers=headers)


def stored(result: Reconstruction) -> StoredResult:
    """What is kept of a result."""
    return StoredResult(result.mesh, result.glb, result.appearance)


def available_formats() -> list[str]:
    """Names of the mesh formats that can be written here."""
    return [key for key, entry in FORMATS.items() if entry.available()]


def check_format(format: str) -> None:
    """Refuse unknown formats with 422."""
    known = available_formats()
    if format not in known:
        raise Refusal(422, "bad_argument", f"Format: expected json, {', '.join(known)}, got {format!r}.")
