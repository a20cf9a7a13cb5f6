"""Where spans go that nobody reads: encoded to OTLP like all others, and thrown away."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult

    from observability_integration.export.exporter import SpanExporter
    from observability_integration.spans.light_span import LightSpan

# Enough for all spans of a measurement: what is lost would cost nothing, and look cheap.
ENOUGH = 1 << 18


class EncodingExporter:
    """Encode spans of ours."""

    name = "encoding"

    def __init__(self) -> None:
        from observability_integration.encoding.traces import encode_traces

        self.exported = self.dropped = self.encoded_bytes = 0
        self._encode = encode_traces

    def export(self, spans: Sequence[LightSpan]) -> None:
        self.encoded_bytes += len(self._encode(spans, {"service.name": "tta"}))
        self.exported += len(spans)

    def flush(self, timeout_seconds: float) -> bool:
        return True

    def shutdown(self, timeout_seconds: float) -> None:
        return


def encoding_exporter() -> SpanExporter:
    """Return an exporter that encodes."""
    return EncodingExporter()


def sdk_processor(endpoint: str) -> BatchSpanProcessor:
    """Return the SDK's processor: to a collector as it comes, or to an exporter that encodes.

    Args:
        endpoint: Base address of the collector; empty for none.
    """
    from opentelemetry.sdk.trace.export import (
        BatchSpanProcessor,
        SpanExporter,
        SpanExportResult,
    )

    if endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return BatchSpanProcessor(OTLPSpanExporter(endpoint + "/v1/traces"))
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    class Encoding(SpanExporter):
        """Encode spans of the SDK."""

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            encode_spans(spans).SerializeToString()
            return SpanExportResult.SUCCESS

    return BatchSpanProcessor(Encoding(), max_queue_size=ENOUGH)
