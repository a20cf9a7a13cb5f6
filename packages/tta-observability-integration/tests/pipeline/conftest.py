"""Pipelines that are shut down after their test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from observability_integration.pipeline.pipeline import SpanPipeline

from .fake_exporters import FakeExporter, wait_for_end_of_thread


class MakePipeline(Protocol):
    def __call__(self, *exporters: FakeExporter, **options: Any) -> SpanPipeline: ...


@pytest.fixture
def make_pipeline(nothing_left_behind: None) -> Iterator[MakePipeline]:
    """Make a pipeline whose thread does not wake by itself within a test."""
    made: list[SpanPipeline] = []
    gated: list[FakeExporter] = []

    def make(*exporters: FakeExporter, **options: Any) -> SpanPipeline:
        gated.extend(exporters)
        options.setdefault("interval_seconds", 3600)
        made.append(SpanPipeline(exporters, **options))
        return made[-1]

    yield make
    for exporter in gated:
        exporter.gate.set()
    for pipeline in made:
        pipeline.shutdown()
    wait_for_end_of_thread()


@pytest.fixture
def exporter() -> FakeExporter:
    return FakeExporter()
