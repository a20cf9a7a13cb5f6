"""Fixtures: recorded spans and metrics, and a process that never saw OpenTelemetry."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import opentelemetry.metrics._internal as metrics_internals
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once

from observability_integration import TracerPrimitive, running, setup, shutdown_observability
from tta_dev_primitives import observe
from tta_dev_primitives.core import observe as observing

if TYPE_CHECKING:
    from collections.abc import Iterator


class Recorded:
    """The spans that ended, in memory."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("tests")
        self.observer = TracerPrimitive(self.tracer)

    @property
    def spans(self) -> list[ReadableSpan]:
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def named(self, name: str) -> ReadableSpan:
        found = [span for span in self.spans if span.name == name]
        assert len(found) == 1, [span.name for span in self.spans]
        return found[0]

    def attributes(self, name: str) -> dict[str, Any]:
        return dict(self.named(name).attributes or {})

    def tree(self) -> list[str]:
        """Return the names of all spans, indented by their depth, in order of their start."""
        spans = self.spans
        known = {span.context.span_id for span in spans if span.context}

        def below(parent: int | None, depth: int) -> list[str]:
            lines: list[str] = []
            for span in spans:
                above = span.parent.span_id if span.parent else None
                if (above if above in known else None) == parent:
                    assert span.context is not None
                    lines += ["  " * depth + span.name, *below(span.context.span_id, depth + 1)]
            return lines

        return below(None, 0)


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    """Spans of the primitives that run in the test."""
    recorded = Recorded()
    with observe(recorded.observer):
        yield recorded


@pytest.fixture(autouse=True)
def nothing_left_behind(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No observer, thread or current span stays, and OpenTelemetry logged no error."""
    threads = set(threading.enumerate())
    yield
    assert observing.active is None
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert {thread for thread in threading.enumerate() if thread not in threads} == set()
    errors = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.name.startswith("opentelemetry") and record.levelname == "ERROR"
    ]
    assert errors == []


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, nothing_left_behind: None) -> Iterator[None]:
    """A process in which nobody has installed a provider or set a variable."""
    for name in ("ENDPOINT", "TRACES_ENDPOINT", "PROTOCOL", "TRACES_PROTOCOL"):
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_{name}", raising=False)
    for name in ("OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED", "OTEL_SERVICE_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(setup, "_process", running.Process())
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(metrics_internals, "_METER_PROVIDER", None)
    monkeypatch.setattr(metrics_internals, "_METER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(
        metrics_internals, "_PROXY_METER_PROVIDER", metrics_internals._ProxyMeterProvider()
    )
    yield
    shutdown_observability()
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()
