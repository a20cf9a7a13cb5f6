"""Programs that do what programs do seldom: traces and metrics stay right, memory stays bounded."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import signal
import threading
import tracemalloc
from collections import Counter
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import metrics, trace
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from observability_integration import (
    InMemoryExporter,
    get_tracer,
    is_observability_enabled,
    shutdown_observability,
)
from tta_dev_primitives import LambdaPrimitive

from .collector import Collector
from .watched import call, initialise, step

pytestmark = pytest.mark.usefixtures("quiet_environment")


@pytest.fixture
def memory() -> InMemoryExporter:
    """What ended, in a process that is observed."""
    memory = InMemoryExporter()
    assert initialise(exporters=[memory])
    return memory


def parents(memory: InMemoryExporter) -> dict[str, str | None]:
    """Return the name of the span above each span, after all ended."""
    shutdown_observability()
    known = {span.span_id: span.name for span in memory.spans}
    return {span.name: known.get(span.parent_id) for span in memory.spans}


def test_a_tracer_and_a_meter_from_before_the_start_work_after_it(collector: Collector) -> None:
    """Libraries that ask for theirs when they are imported are never seen."""
    tracer, meter = trace.get_tracer("early"), metrics.get_meter("early")
    orders = meter.create_counter("early.orders")
    assert initialise(collector)
    tracer.start_span("early").end()
    orders.add(1)
    shutdown_observability()
    assert collector.names == Counter(["early"])
    assert "early.orders" in collector.metric_names


def test_a_loop_within_a_loop_keeps_its_place(memory: InMemoryExporter) -> None:
    """What a loop of its own does, in a thread of a step, is a trace of its own."""

    async def outer(x: int) -> int:
        return await asyncio.to_thread(lambda: asyncio.run(step("inner").execute(x)))

    call("outer", outer)
    assert parents(memory) == {
        "lambda inner": "invoke_workflow outer",
        "invoke_workflow outer": None,
    }


def test_a_copied_context_keeps_its_place(memory: InMemoryExporter) -> None:
    """What runs later in a copy of the context of a step is not below the step."""
    copies: list[contextvars.Context] = []
    tracer = get_tracer("app")
    assert tracer is not None

    def keep(x: int) -> int:
        copies.append(contextvars.copy_context())
        return x

    call("keeps", keep)
    copies[0].run(lambda: tracer.start_span("late").end())
    assert parents(memory) == {"invoke_workflow keeps": None, "late": "invoke_workflow keeps"}


def test_a_span_that_a_program_leaves_current_does_no_harm(memory: InMemoryExporter) -> None:
    """A token that is never given back hides all later parents."""

    def attach(x: int) -> int:
        tracer = get_tracer("app")
        assert tracer is not None
        otel_context.attach(trace.set_span_in_context(tracer.start_span("never ended")))
        return x

    context = contextvars.copy_context()
    context.run(lambda: asyncio.run((step("a", attach) >> step("b")).execute(1)))
    found = parents(memory)
    assert found["lambda b"] == "invoke_workflow Sequential"


async def test_primitives_may_go_away_while_they_work(memory: InMemoryExporter) -> None:
    """A call under way is mistaken for one of another primitive, which got the same memory."""
    entered, release = asyncio.Event(), asyncio.Event()

    async def wait(x: int) -> int:
        entered.set()
        await release.wait()
        return x

    running = asyncio.ensure_future(LambdaPrimitive(wait, name="slow").execute(1))
    await entered.wait()
    for number in range(200):
        await step(f"quick {number}").execute(1)
        if not number % 50:
            gc.collect()
    release.set()
    assert await running == 1
    shutdown_observability()
    names = [span.name for span in memory.spans]
    assert names.count("invoke_workflow slow") == 1
    assert len(names) == len(set(names)) == 201


@pytest.mark.slow
async def test_primitives_without_end_fill_no_memory(memory: InMemoryExporter) -> None:
    """A server that builds a workflow for every request grows until it is killed."""
    shutdown_observability()
    small = InMemoryExporter(max_spans=10)
    assert initialise(exporters=[small], enable_prometheus=True, prometheus_port=0)

    async def some(first: int, count: int) -> None:
        for number in range(first, first + count):
            await (step(f"a {number}") >> step(f"b {number}")).execute(1)

    await some(0, 1_100)  # beyond the most series that an instrument has
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        await some(1_100, 1_500)
        provider: Any = trace.get_tracer_provider()
        assert provider.force_flush()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    shutdown_observability()
    assert after - before < 1_500 * 40, f"{(after - before) / 1_500:.0f} bytes for each workflow"


async def test_labels_without_end_share_one_series(memory: InMemoryExporter) -> None:
    """Prometheus is flooded by names that somebody made of ids."""
    shutdown_observability()
    assert initialise(enable_prometheus=True, prometheus_port=0)
    for number in range(1_200):
        await step(f"user {number}").execute(1)
    families = list(text_string_to_metric_families(generate_latest(REGISTRY).decode()))
    shutdown_observability()
    (durations,) = [f for f in families if f.name == "tta_primitive_duration_seconds"]
    counts = [sample for sample in durations.samples if sample.name.endswith("_count")]
    assert len(counts) == 1_001
    (overflow,) = [s for s in counts if s.labels.get("otel_metric_overflow") == "true"]
    assert overflow.value == 200
    assert sum(sample.value for sample in counts) == 1_200


def test_threads_may_start_and_stop_at_once() -> None:
    """Two workers that start at once observe every call twice, or shut down half of it."""
    exporters = [InMemoryExporter() for _ in range(12)]
    results: list[bool] = []
    barrier = threading.Barrier(12)

    def start(memory: InMemoryExporter) -> None:
        barrier.wait(10)
        results.append(initialise(exporters=[memory]))

    def run_all(target: Any, arguments: list[tuple[Any, ...]]) -> None:
        threads = [threading.Thread(target=target, args=given) for given in arguments]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    run_all(start, [(memory,) for memory in exporters])
    call()
    run_all(shutdown_observability, [()] * 12)
    assert results == [True] * 12
    assert sorted(len(memory.spans) for memory in exporters) == [0] * 11 + [1]
    assert not is_observability_enabled()


def test_starts_and_stops_among_calls_harm_no_call() -> None:
    """A call that is under way while observability goes off fails."""
    over = threading.Event()
    errors: list[BaseException] = []

    def toggle() -> None:
        for _ in range(60):
            initialise(exporters=[InMemoryExporter()])
            shutdown_observability()
        over.set()

    def calls() -> None:
        try:
            while not over.is_set():
                assert asyncio.run((step("a") >> step("b")).execute(5)) == 5
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=target) for target in (toggle, calls, calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_signal_may_end_a_start() -> None:
    """A handler that shuts down while the app starts waits for itself for ever."""

    def last_words(*_: object) -> None:
        finished.append(True)
        shutdown_observability()

    finished: list[bool] = []

    def exporters() -> Any:
        signal.raise_signal(signal.SIGUSR1)
        yield InMemoryExporter()

    before = signal.signal(signal.SIGUSR1, last_words)
    watchdog = signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, 3)
    try:
        initialise(exporters=exporters())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGUSR1, before)
        signal.signal(signal.SIGALRM, watchdog)
    assert finished == [True]
    shutdown_observability()


def _give_up(*_: object) -> None:
    msg = "the handler hangs"
    raise AssertionError(msg)
