"""What an exporter of spans promises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observability_integration.spans.light_span import LightSpan


class SpanExporter(Protocol):
    """Take ended spans somewhere, and count what became of them.

    All three methods are called by the pipeline's thread alone. `export` gets spans that nobody
    changes any more; it does not wait for a network, and raises nothing. In a process that is
    forked off, the pipeline first calls `after_fork()`, where an exporter has that; else it sets
    both counts to zero.

    Attributes:
        name: What metrics call it, such as `otlp` or `file`.
        exported: Spans that arrived.
        dropped: Spans that never will.
    """

    name: str
    exported: int
    dropped: int

    def export(self, spans: Sequence[LightSpan]) -> None:
        """Take *spans*; each is counted as exported or as dropped, now or later."""
        ...

    def flush(self, timeout_seconds: float) -> bool:
        """Deliver what waits, and return False when the time was up before all of it was."""
        ...

    def shutdown(self, timeout_seconds: float) -> None:
        """Deliver what waits and stop; what is left when the time is up counts as dropped."""
        ...
