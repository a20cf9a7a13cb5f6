"""Where spans go that nobody reads: encoded to OTLP like all others, and thrown away."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from observability_integration.spans.light_span import LightSpan

# Enough for all spans of a measurement: what is lost would cost nothing, and look cheap.
ENOUGH = 1 << 18


class EncodingExporter:
    """Encode spans of ours."""

    name = "encoding"

    def __init__(self) -> None:
        from observability_integration.encoding.traces import encode_traces

        self.exported = self.dropped = 0
        self._encode = encode_traces

    def export(self, spans: Sequence[LightSpan]) -> None:
        self._encode(spans, {"service.name": "tta"})
        self.exported += len(spans)

    def flush(self, timeout_seconds: float) -> bool:
        return True

    def shutdown(self, timeout_seconds: float) -> None:
        return


def collector_processor(endpoint: str) -> BatchSpanProcessor:
    """Return the SDK's processor and exporter to a collector, as they come.

    Args:
        endpoint: Base address of the collector.
    """
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(OTLPSpanExporter(endpoint + "/v1/traces"))


def encoding_processor() -> tuple[BatchSpanProcessor, Callable[[], int]]:
    """Return the SDK's processor with an exporter that encodes, and what counts its spans."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk.trace.export import (
        BatchSpanProcessor,
        SpanExporter,
        SpanExportResult,
    )

    class Encoding(SpanExporter):
        """Encode spans of the SDK."""

        exported = 0

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            encode_spans(spans).SerializeToString()
            self.exported += len(spans)
            return SpanExportResult.SUCCESS

    exporter = Encoding()
    return BatchSpanProcessor(exporter, max_queue_size=ENOUGH), lambda: exporter.exported
