"""What the server counts, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counters of one server."""

    def __init__(self, inside: Callable[[], float], kept: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "unrender_requests", "Requests by route and status.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "unrender_request_seconds",
            "From a request's first byte to the answer's last.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.stages = Histogram(
            "unrender_stage_seconds",
            "Stages of a reconstruction.",
            ["stage"],
            buckets=SECONDS,
            registry=self.registry,
        )
        queue = Gauge("unrender_queue_photos", "Photos that wait or are worked on.", registry=self.registry)
        queue.set_function(inside)
        results = Gauge("unrender_kept_results", "Results kept for download.", registry=self.registry)
        results.set_function(kept)

    def text(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self.registry)
