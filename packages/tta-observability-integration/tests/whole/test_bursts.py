"""exported + dropped == ended, whatever the workflows and the collector do; seen by the door."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from typing import Any

import pytest
from opentelemetry import trace

from observability_integration import shutdown_observability
from tta_dev_primitives import (
    FallbackPrimitive,
    LambdaPrimitive,
    ObservabilityPrimitive,
    ParallelPrimitive,
    RetryPrimitive,
    RetryStrategy,
    TimeoutPrimitive,
    observe,
)

from .collector import Collector, Request, collecting
from .programs import IS_LONG, eventually
from .watched import Counts, call, initialise, step

pytestmark = pytest.mark.usefixtures("quiet_environment")

SEEDS = range(40 if IS_LONG else 1)
CALLS = 400


class Ended(ObservabilityPrimitive):
    """Counts on its own how many calls ended."""

    def __init__(self) -> None:
        self.calls = 0
        self._lock = threading.Lock()

    def start(self, primitive: Any, path: str, context: Any) -> object:
        return self

    def end(self, token: object, outcome: Any, error: BaseException | None) -> None:
        with self._lock:
            self.calls += 1


def random_workflow(draw: random.Random) -> Any:
    """Return a workflow of a few steps that wait, fail, are tried again and time out."""

    async def work(x: int) -> int:
        await asyncio.sleep(draw.random() * 0.003)
        if draw.random() < 0.2:
            raise LookupError(x)
        return x

    retried = RetryPrimitive(
        LambdaPrimitive(work), strategy=RetryStrategy(max_retries=1, backoff_base=0.0)
    )
    either = FallbackPrimitive(primary=retried, fallback=step("spare"))
    limited = TimeoutPrimitive(LambdaPrimitive(work), timeout_seconds=0.002, fallback=step("late"))
    return step("first") >> ParallelPrimitive([either, limited, LambdaPrimitive(work)])


async def burst(draw: random.Random) -> None:
    """Run many workflows at once, and cancel some of them at any moment."""
    workflow = random_workflow(draw)

    async def one(number: int) -> None:
        await asyncio.sleep(draw.random() * 0.05)
        await workflow.execute(number)

    tasks = [asyncio.ensure_future(one(number)) for number in range(CALLS)]
    for task in tasks:
        if draw.random() < 0.3:
            await asyncio.sleep(draw.random() * 0.001)
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_collector_in_trouble_and_a_burst_with_cancellation_lose_nothing_silently(
    seed: int, collector: Collector
) -> None:
    """Spans are gone, and no number says so; or the numbers count what never arrived."""
    draw, answers = random.Random(seed), random.Random(-seed)
    collector.answer = lambda _: answers.choice([200, 200, 200, 429, 500, 503, 400, 0])
    ended = Ended()
    with observe(ended):
        assert initialise(collector, metrics=False)
        counts = Counts()
        asyncio.run(burst(draw))
        shutdown_observability()
    counts.hold(ended.calls)
    ids = Counter((span.trace_id, span.span_id) for span in collector.spans)
    assert set(ids.values()) <= {1}
    assert len(ids) == counts.exported
    assert ended.calls > CALLS


def test_a_burst_loses_nothing_where_the_collector_is_well(collector: Collector) -> None:
    """A plain burst of calls is more than the queue takes."""
    assert initialise(collector, metrics=False)
    counts = Counts()

    async def many() -> None:
        workflow = step("a")
        for _ in range(8_000):
            await workflow.execute(1)

    asyncio.run(many())
    provider: Any = trace.get_tracer_provider()
    assert provider.force_flush(30_000)  # the end alone has two seconds, and this machine is busy
    shutdown_observability()
    counts.hold(8_000)
    assert len(collector.spans) == counts.exported == 8_000


def test_spans_of_threads_with_a_loop_each_all_arrive(collector: Collector) -> None:
    assert initialise(collector, metrics=False)
    counts = Counts()
    threads = [
        threading.Thread(target=lambda: [call() for _ in range(20)], name=f"loop {number}")
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shutdown_observability()
    counts.hold(160)
    assert len({span.trace_id for span in collector.spans}) == 160


def test_spans_wait_for_a_collector_that_comes_later() -> None:
    """What ended before the collector was there is lost."""
    with collecting() as gone:
        pass
    assert initialise(gone, metrics=False)
    counts = Counts()
    call("early")
    assert not counts.pipeline.flush(0.2)
    with collecting(gone) as collector:
        assert eventually(lambda: len(collector.spans) == 1)
        shutdown_observability()
    counts.hold(1)
    assert counts.exported == 1


def test_a_slow_collector_holds_up_no_call(collector: Collector) -> None:
    """Every call waits for the collector."""
    collector.hold = threading.Event()
    assert initialise(collector, metrics=False)
    counts = Counts()
    for _ in range(600):
        call()
    assert eventually(lambda: len(collector.requests) == 1)
    assert counts.exported == 0
    collector.hold.set()
    shutdown_observability()
    counts.hold(600)
    assert counts.exported == 600


def test_drops_are_metrics(collector: Collector) -> None:
    """A dashboard cannot show that spans were lost."""

    def refuse_traces(request: Request) -> int:
        return 400 if request.spans else 200

    collector.answer = refuse_traces
    with pytest.MonkeyPatch.context() as variables:
        variables.setenv("OTEL_METRIC_EXPORT_INTERVAL", "50")
        assert initialise(collector)
        call()
        call()
        assert eventually(lambda: told_of(collector) == {("otlp", "dropped"): 2}, 5), told_of(
            collector
        )
        shutdown_observability()


def told_of(collector: Collector) -> dict[tuple[str, str], int]:
    """Return what the newest metrics say became of spans, without what is 0."""
    found: dict[tuple[str, str], int] = {}
    for request in collector.taken:
        for metric in request.metrics:
            if metric.name == "tta.telemetry.spans":
                found = {}
                for point in metric.sum.data_points:
                    labels = {pair.key: pair.value.string_value for pair in point.attributes}
                    key = labels["tta.telemetry.exporter"], labels["tta.telemetry.result"]
                    number = point.as_int or int(point.as_double)
                    if number:
                        found[key] = number
    return found
