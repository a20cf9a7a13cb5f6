"""What the telemetry tells of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from observability_integration.export.exporter import SpanExporter
from observability_integration.export.memory import InMemoryExporter
from observability_integration.metrics.telemetry import telemetry_instruments
from observability_integration.pipeline.pipeline import SpanPipeline

from .counted import MeterCounted, RegistryCounted, everything
from .spans_of_calls import ended_span


class FakePipeline:
    offered, dropped, waiting, cpu_seconds = 10, 2, 3, 0.5


class FakeExporter:
    def __init__(self, name: str, exported: int, dropped: int) -> None:
        self.name, self.exported, self.dropped = name, exported, dropped

    def export(self, spans: Sequence[Any]) -> None: ...

    def flush(self, timeout_seconds: float) -> bool:
        return True

    def shutdown(self, timeout_seconds: float) -> None: ...


class CostlyExporter(FakeExporter):
    cpu_seconds = 0.25


def test_the_ways_of_all_spans_are_told(counted: RegistryCounted | MeterCounted) -> None:
    """Exported, dropped by the exporter, dropped before it, and waiting make up what ended."""
    pipeline = FakePipeline()
    exporters: list[SpanExporter] = [
        CostlyExporter("otlp", 4, 1),
        FakeExporter("file", 5, 0),
    ]
    telemetry_instruments(counted.source, pipeline, exporters, path_seconds=lambda: 0.125)
    assert everything(counted.data()) == {
        "tta.telemetry.spans": {
            ("otlp", "exported"): 4,
            ("otlp", "dropped"): 1,
            ("file", "exported"): 5,
            ("file", "dropped"): 0,
            ("pipeline", "dropped"): 2,
        },
        "tta.telemetry.ended": {(): 10},
        "tta.telemetry.waiting": {(): 3},
        "tta.telemetry.cost": {("path",): 0.125, ("pipeline",): 0.5, ("export",): 0.25},
    }


def test_numbers_are_those_of_the_moment(counted: RegistryCounted | MeterCounted) -> None:
    pipeline = FakePipeline()
    telemetry_instruments(counted.source, pipeline, [])
    assert everything(counted.data())["tta.telemetry.waiting"] == {(): 3}
    pipeline.waiting = 0
    found = everything(counted.data())
    assert found["tta.telemetry.waiting"] == {(): 0}
    assert found["tta.telemetry.cost"] == {("pipeline",): 0.5}


def test_a_real_pipeline_accounts_for_every_span() -> None:
    counted = RegistryCounted()
    exporter = InMemoryExporter(max_spans=3)
    pipeline = SpanPipeline([exporter], interval_seconds=3600)
    telemetry_instruments(counted.source, pipeline, [exporter])
    for number in range(5):
        pipeline.offer(ended_span(number + 1))
    pipeline.shutdown(20)
    found = everything(counted.data())
    ended = found["tta.telemetry.ended"][()]
    assert ended == sum(found["tta.telemetry.spans"].values()) == 5
    assert found["tta.telemetry.cost"]["pipeline",] > 0


def test_a_pipeline_that_was_shut_down_is_told_no_more(
    counted: RegistryCounted | MeterCounted,
) -> None:
    """The user's meter lives on, and the next pipeline's numbers would be added to the last."""
    remove = telemetry_instruments(counted.source, FakePipeline(), [])
    assert everything(counted.data())["tta.telemetry.ended"] == {(): 10}
    remove()
    telemetry_instruments(counted.source, FakePipeline(), [])
    assert everything(counted.data())["tta.telemetry.ended"] == {(): 10}
