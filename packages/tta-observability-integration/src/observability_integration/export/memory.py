"""Keep spans in memory, for tests and notebooks."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observability_integration.spans.light_span import LightSpan


class InMemoryExporter:
    """Keep the spans that ended. Threads may read while spans come in.

    Args:
        max_spans: Most spans that are kept; the oldest go. None keeps all, without a bound.

    Attributes:
        name: What metrics call it.
        exported: Spans that came, also those that are not kept any more.
        dropped: Spans that came after `shutdown`.

    Raises:
        ValueError: `max_spans` is less than 1.
    """

    def __init__(self, max_spans: int | None = None) -> None:
        if max_spans is not None and max_spans < 1:
            msg = f"max_spans must be at least 1 or None, got {max_spans!r}"
            raise ValueError(msg)
        self.name = "memory"
        self._kept: deque[LightSpan] = deque(maxlen=max_spans)
        self._is_open = True
        self.after_fork()

    @property
    def spans(self) -> list[LightSpan]:
        """A copy of what is kept, in the order in which the spans ended."""
        with self._lock:
            return list(self._kept)

    def clear(self) -> None:
        """Forget the spans; the counts stay."""
        with self._lock:
            self._kept.clear()

    def export(self, spans: Sequence[LightSpan]) -> None:
        """Keep *spans*."""
        with self._lock:
            if self._is_open:
                self._kept.extend(spans)
                self.exported += len(spans)
            else:
                self.dropped += len(spans)

    def flush(self, timeout_seconds: float) -> bool:
        """Return True: nothing waits."""
        return True

    def shutdown(self, timeout_seconds: float) -> None:
        """Take no more spans; what is kept can still be read."""
        self._is_open = False

    def after_fork(self) -> None:
        """Begin empty in a process that was forked off: the spans are the parent's."""
        self._lock = threading.Lock()
        self._kept.clear()
        self.exported = self.dropped = 0
