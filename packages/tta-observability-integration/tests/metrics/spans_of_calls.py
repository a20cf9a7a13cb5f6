"""Light spans for these tests."""

from __future__ import annotations

from opentelemetry.trace import SpanKind

from observability_integration.spans.light_span import LightSpan, Scope, SpanSite

SITE = SpanSite("call", SpanKind.INTERNAL, {}, Scope("tests"))


def ended_span(span_id: int = 7, *, sampled: bool = True) -> LightSpan:
    """Return a span of trace 9 that ended at 2 s after 1970."""
    deliver = (lambda span: None) if sampled else None
    span = LightSpan(SITE, 9, span_id, 0, 1_000_000_000, deliver)
    span.end(2_000_000_000)
    return span
