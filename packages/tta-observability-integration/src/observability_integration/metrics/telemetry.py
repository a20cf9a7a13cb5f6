"""What the telemetry itself does and costs, as metrics beside the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .instruments import TELEMETRY_COST, TELEMETRY_ENDED, TELEMETRY_SPANS, TELEMETRY_WAITING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from observability_integration.export.exporter import SpanExporter

    from .instrument import CellSource, Values


class Pipeline(Protocol):
    """What a pipeline tells of itself."""

    @property
    def offered(self) -> int:
        """Spans that it was given."""
        ...

    @property
    def dropped(self) -> int:
        """Spans that it had no room for."""
        ...

    @property
    def waiting(self) -> int:
        """Spans that it still has."""
        ...

    @property
    def cpu_seconds(self) -> float:
        """Processor time of its thread."""
        ...


def telemetry_instruments(
    source: CellSource,
    pipeline: Pipeline,
    exporters: Sequence[SpanExporter],
    *,
    path_seconds: Callable[[], float] | None = None,
) -> Callable[[], None]:
    """Tell what *pipeline* and *exporters* count whenever the metrics of *source* are collected.

    For every exporter, what it exported, what it dropped, and what was dropped under the name
    `pipeline` are together what ended, once nothing waits any more. Calling what is returned ends
    it, which a meter that outlives them needs.

    Args:
        source: Where it is told.
        pipeline: What spans go through.
        exporters: Where they go; one with `cpu_seconds` tells what it cost too.
        path_seconds: Gives what watching costs the path of the calls, in seconds.
    """

    def spans() -> Iterable[tuple[Values, float]]:
        for exporter in exporters:
            yield (exporter.name, "exported"), exporter.exported
            yield (exporter.name, "dropped"), exporter.dropped
        yield ("pipeline", "dropped"), pipeline.dropped

    def cost() -> Iterable[tuple[Values, float]]:
        if path_seconds is not None:
            yield ("path",), path_seconds()
        yield ("pipeline",), pipeline.cpu_seconds
        for exporter in exporters:
            spent: object = getattr(exporter, "cpu_seconds", None)
            if isinstance(spent, int | float):
                yield ("export",), spent

    removers = [
        source.observe(TELEMETRY_SPANS, spans),
        source.observe(TELEMETRY_ENDED, lambda: [((), pipeline.offered)]),
        source.observe(TELEMETRY_WAITING, lambda: [((), pipeline.waiting)]),
        source.observe(TELEMETRY_COST, cost),
    ]

    def remove() -> None:
        for each in removers:
            each()

    return remove
