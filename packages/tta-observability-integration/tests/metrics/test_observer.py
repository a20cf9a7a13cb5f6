"""Metrics fed from calls and records."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint

from observability_integration import MetricsPrimitive
from observability_integration.metrics.registry import Registry
from tta_dev_primitives import (
    BatchPrimitive,
    FallbackPrimitive,
    LambdaPrimitive,
    LoopPrimitive,
    RetryPrimitive,
    RetryStrategy,
    TimeoutPrimitive,
    WorkflowContext,
    observe,
)
from tta_dev_primitives.core.observe import BranchRecord, FaultRecord
from tta_dev_primitives.core.routing import RouterPrimitive
from tta_dev_primitives.performance.cache import CachePrimitive

from .counted import MeterCounted, RegistryCounted, points, told

if TYPE_CHECKING:
    from collections.abc import Iterator


class Measured:
    """The observer over either source, under a clock that stands still."""

    def __init__(self, counted: RegistryCounted | MeterCounted) -> None:
        self.now = 100.0
        self.counted = counted
        chosen: dict[str, Any] = (
            {"meter": counted.meter}
            if isinstance(counted, MeterCounted)
            else {"registry": counted.source}
        )
        self.observer = MetricsPrimitive(**chosen, monotonic=lambda: self.now)

    def points(self, metric: str) -> list[Any]:
        return points(self.counted.data(), metric)

    def counts(self, metric: str) -> dict[tuple[Any, ...], Any]:
        """Return the values, or (sum, count), by labels in the order of their names."""
        return told(self.counted.data(), metric)


@pytest.fixture
def measured(counted: RegistryCounted | MeterCounted) -> Iterator[Measured]:
    measured = Measured(counted)
    with observe(measured.observer):
        yield measured


def echo(value: Any) -> Any:
    return value


def fail(value: Any) -> Any:
    raise ValueError("no")


async def test_the_duration_of_a_call_is_taken_with_its_outcome(measured: Measured) -> None:
    async def work(value: object) -> None:
        measured.now += 0.25

    await LambdaPrimitive(work).execute(1)
    (point,) = measured.points("tta.primitive.duration")
    assert isinstance(point, HistogramDataPoint)
    assert (point.sum, point.count) == (0.25, 1)
    assert dict(point.attributes or {}) == {
        "tta.primitive.type": "LambdaPrimitive",
        "tta.primitive.name": "work",
        "tta.outcome": "ok",
    }
    assert point.explicit_bounds[0] == 0.0001


async def test_a_failed_call_has_a_duration_too(measured: Measured) -> None:
    with pytest.raises(ValueError, match="no"):
        await LambdaPrimitive(fail).execute(1)
    (point,) = measured.points("tta.primitive.duration")
    assert (point.attributes or {})["tta.outcome"] == "error"


async def test_calls_under_way_are_counted_until_they_end(measured: Measured) -> None:
    go = asyncio.Event()

    async def waits(value: object) -> None:
        await go.wait()

    calls = [asyncio.create_task(LambdaPrimitive(waits).execute(i)) for i in range(3)]
    await asyncio.sleep(0)
    assert measured.counts("tta.primitive.active") == {("waits", "LambdaPrimitive"): 3}
    calls[0].cancel()
    go.set()
    await asyncio.wait(calls)
    assert measured.counts("tta.primitive.active") == {("waits", "LambdaPrimitive"): 0}


async def test_cache_answers_are_counted_by_result(measured: Measured) -> None:
    cache = CachePrimitive(echo, name="answers")
    for question in ("a", "a", "b"):
        await cache.execute(question)
    assert measured.counts("tta.cache.requests") == {
        ("miss", "answers"): 2,
        ("hit", "answers"): 1,
    }


@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        (0, {("r", "ok"): 1}),
        (1, {("r", "ok"): 1, ("r", "error"): 1}),
        (5, {("r", "error"): 3}),
    ],
    ids=["first", "second", "never"],
)
async def test_every_attempt_is_counted_once(
    measured: Measured, failures: int, expected: dict[tuple[str, str], int]
) -> None:
    left = failures

    def flaky(value: object) -> object:
        nonlocal left
        left -= 1
        if left >= 0:
            raise ValueError("no")
        return value

    retry = RetryPrimitive(flaky, strategy=RetryStrategy(2), random=lambda: 0, name="r")
    if failures < 3:
        await retry.execute(1)
    else:
        with pytest.raises(ValueError, match="no"):
            await retry.execute(1)
    counted = {
        (name, outcome): value
        for (outcome, name), value in measured.counts("tta.retry.attempts").items()
    }
    assert counted == expected


async def test_timeouts_and_fallbacks_are_counted(measured: Measured) -> None:
    async def forever(value: object) -> None:
        await asyncio.Event().wait()

    plain = LambdaPrimitive(echo, name="plain")
    await TimeoutPrimitive(forever, 0.001, fallback=plain, name="soon").execute(1)
    await FallbackPrimitive(fail, plain, name="safe").execute(1)
    assert measured.counts("tta.timeout.expirations") == {("soon",): 1}
    assert measured.counts("tta.fallback.activations") == {
        ("TimeoutError", "soon", "plain"): 1,
        ("ValueError", "safe", "plain"): 1,
    }


async def test_routes_are_counted_by_where_and_why(measured: Measured) -> None:
    router = RouterPrimitive({"a": echo, "b": echo}, lambda x, ctx: x, "b", name="models")
    for wanted in ("a", "b", "c"):
        await router.execute(wanted)
    assert measured.counts("tta.route.decisions") == {
        ("models", "router_fn", "a"): 1,
        ("models", "router_fn", "b"): 1,
        ("models", "default", "b"): 1,
    }


async def test_iterations_of_loops_are_measured(measured: Measured) -> None:
    loop = LoopPrimitive(
        lambda x: x + 1, until=lambda x, ctx: x >= 3, max_iterations=3, on_exhausted="return",
        name="l",
    )  # fmt: skip
    for start in (0, 1, -9):
        await loop.execute(start)
    assert measured.counts("tta.loop.iterations") == {(False, "l"): (5, 2), (True, "l"): (3, 1)}


async def test_sizes_of_batches_are_measured_by_call(measured: Measured) -> None:
    batch = BatchPrimitive(lambda xs: list(xs), max_size=2, name="b")
    await asyncio.gather(*(batch.execute(x) for x in range(3)))
    assert measured.counts("tta.batch.size") == {("full", "b"): (4, 2), ("tick", "b"): (1, 1)}


def test_injected_faults_are_counted_by_kind(measured: Measured) -> None:
    """Reported here as the testing room does, which this package does not import."""
    token = measured.observer.start(LambdaPrimitive(echo, name="f"), "0.f", WorkflowContext())
    measured.observer.event(token, FaultRecord(("latency", "abort")))
    measured.observer.event(token, FaultRecord(("latency",)))
    assert measured.counts("tta.fault.injections") == {("latency", "f"): 2, ("abort", "f"): 1}


def test_a_record_without_a_metric_counts_nothing(measured: Measured) -> None:
    token = measured.observer.start(LambdaPrimitive(echo), "0.echo", WorkflowContext())
    measured.observer.event(token, BranchRecord("then"))
    assert measured.counts("tta.primitive.active") == {("echo", "LambdaPrimitive"): 1}
    assert not any(
        measured.points(f"tta.{name}")
        for name in ("cache.requests", "retry.attempts", "route.decisions")
    )


async def test_without_a_provider_measuring_does_nothing(fresh: None) -> None:
    with observe(MetricsPrimitive()):
        assert await RetryPrimitive(echo).execute(3) == 3


def test_a_meter_and_a_registry_at_once_are_refused() -> None:
    meter = NoOpMeterProvider().get_meter("m")
    with pytest.raises(ValueError, match="got both; leave one out"):
        MetricsPrimitive(meter, registry=Registry())


async def test_a_workflow_is_timed_as_a_whole(measured: Measured) -> None:
    """Its steps are not workflows."""
    inner = LambdaPrimitive(echo, name="inner")
    await (inner >> LambdaPrimitive(echo, name="other")).execute(1)
    assert list(measured.counts("gen_ai.invoke_workflow.duration")) == [("Sequential",)]


async def test_a_failed_workflow_says_with_what(measured: Measured) -> None:
    with pytest.raises(ValueError, match="no"):
        await LambdaPrimitive(fail, name="f").execute(1)
    assert list(measured.counts("gen_ai.invoke_workflow.duration")) == [("ValueError", "f")]


async def test_a_cancelled_workflow_has_no_error(measured: Measured) -> None:
    task = asyncio.create_task(LambdaPrimitive(lambda x: asyncio.sleep(9), name="f").execute(1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert list(measured.counts("gen_ai.invoke_workflow.duration")) == [("f",)]


async def test_another_primitive_in_the_memory_of_a_dead_one_has_its_own_name(
    measured: Measured,
) -> None:
    """Places are known by the identity of their primitive, which may come again."""
    for number in range(50):
        await LambdaPrimitive(echo, name=f"n{number % 2}").execute(1)
        gc.collect(0)
    found = measured.counts("tta.primitive.duration")
    assert {name: count for (_, name, _), (_, count) in found.items()} == {"n0": 25, "n1": 25}


async def test_what_watched_does_not_keep_primitives_alive(measured: Measured) -> None:
    step = LambdaPrimitive(echo)
    await step.execute(1)
    gone = weakref.ref(step)
    del step
    gc.collect()
    assert gone() is None
    assert measured.observer._places == {}
