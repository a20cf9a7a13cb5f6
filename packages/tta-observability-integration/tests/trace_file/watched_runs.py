"""Workflows that cost money, watched by the accounts and by spans at once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from observability_integration import TracerPrimitive
from observability_integration.cost.accounting import CostObserver
from observability_integration.export.console import tree_span_of
from observability_integration.export.sdk import light_span_of
from observability_integration.observer import LightObserver
from observability_integration.spans.light_span import LightSpan, Scope
from observability_integration.spans.light_tracer import LightTracerProvider
from observability_integration.spans.resolve import Resolver
from observability_integration.spans.sampling import Sampling
from observability_integration.terminal.totals import totals_of
from tta_dev_primitives import observe

if TYPE_CHECKING:
    from collections.abc import Generator


class Watched:
    """What the accounts tell of some runs, and the spans of the same runs.

    Args:
        sdk: Whether the spans come from OpenTelemetry's SDK.
    """

    def __init__(self, *, sdk: bool = False) -> None:
        self.costs = CostObserver()
        self.spans: list[LightSpan] = []
        self._sdk = sdk

    @contextmanager
    def watching(self) -> Generator[None]:
        exporter = InMemorySpanExporter()
        if self._sdk:
            users = TracerProvider(shutdown_on_exit=False)
            users.add_span_processor(SimpleSpanProcessor(exporter))
            observer = TracerPrimitive(users.get_tracer("tests"))
        else:
            provider = LightTracerProvider(self.spans.append, Sampling())
            observer = LightObserver(provider, None, Scope("tests"))
        with observe(self.costs), observe(observer):
            yield
        resolver = Resolver()
        for span in self.spans:
            resolver.resolve(span)
        self.spans += map(light_span_of, exporter.get_finished_spans())

    @property
    def wasted(self) -> float:
        """US dollars, as the accounts have it."""
        return self.costs.report().wasted

    @property
    def told(self) -> float:
        """The same, as the totals of all traces have it."""
        traces: dict[int, list[LightSpan]] = {}
        for span in self.spans:
            traces.setdefault(span.trace_id, []).append(span)
        return sum(totals_of([*map(tree_span_of, trace)]).wasted for trace in traces.values())
