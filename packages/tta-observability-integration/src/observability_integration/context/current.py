"""The current span, asked for without loading OpenTelemetry."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from opentelemetry.trace import Span, SpanContext


class _Tracing(Protocol):
    def get_current_span(self) -> Span: ...


def current_span() -> SpanContext | None:
    """Return the identity of the current span, or None where there is none.

    A process that never loaded OpenTelemetry has none, and does not load it for the question.
    """
    tracing = sys.modules.get("opentelemetry.trace")
    # Another thread may be loading it at this moment.
    if tracing is None or not hasattr(tracing, "get_current_span"):
        return None
    found = cast("_Tracing", tracing).get_current_span().get_span_context()
    return found if found.is_valid else None
