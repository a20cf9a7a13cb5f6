"""Run a small workflow under one of the tracers, and return its spans as plain dicts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from observability_integration import TracerPrimitive
from observability_integration.observer import LightObserver
from observability_integration.spans.light_span import LightSpan, Scope
from observability_integration.spans.light_tracer import LightTracerProvider
from observability_integration.spans.resolve import Resolver
from observability_integration.spans.sampling import Sampling
from tta_dev_primitives import observe

from .golden_spans import PlainSpan, plain_spans

Run = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Case:
    """A workflow that is run, and the spans that are expected of it.

    Attributes:
        name: What the test is called.
        run: Builds the workflow and runs it; raises nothing.
        expected: Parents first, in the order of their start.
    """

    name: str
    run: Run
    expected: list[PlainSpan]


async def run_case(case: Case, tracer_kind: str) -> list[PlainSpan]:
    """Run *case* under the tracer of that kind, and return its spans."""
    return await TRACERS[tracer_kind](case.run)


async def _with_sdk(run: Run) -> list[PlainSpan]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with observe(TracerPrimitive(provider.get_tracer("golden"))):
        await run()
    return plain_spans(exporter.get_finished_spans())


async def _with_own(run: Run) -> list[PlainSpan]:
    spans: list[LightSpan] = []
    provider = LightTracerProvider(spans.append, Sampling())
    with observe(LightObserver(provider, None, Scope("golden"))):
        await run()
    resolver = Resolver()
    for span in spans:
        resolver.resolve(span)
    return plain_spans(spans)


TRACERS: dict[str, Callable[[Run], Awaitable[list[PlainSpan]]]] = {
    "own": _with_own,
    "sdk": _with_sdk,
}
# What spans of one kind do not tell yet.
UNTOLD: dict[str, frozenset[str]] = {}


def ignoring(*errors: type[BaseException]) -> Callable[[Run], Run]:
    """Return what makes a run that ends with one of *errors* end well."""

    def wrap(run: Run) -> Run:
        async def quiet() -> None:
            try:
                await run()
            except errors:
                return
            msg = "the workflow was to fail"
            raise AssertionError(msg)

        return quiet

    return wrap
