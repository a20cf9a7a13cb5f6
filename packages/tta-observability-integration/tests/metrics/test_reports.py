"""What each record counts: one row for each decision that a primitive can report."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from observability_integration.metrics.breakers import BreakerStates
from observability_integration.metrics.recorder import Recorder
from observability_integration.metrics.reports import COUNTED, MEASURED
from tta_dev_primitives import LambdaPrimitive
from tta_dev_primitives.core import observe, records
from tta_dev_primitives.core.observe import (
    BatchRecord,
    BranchRecord,
    BreakerRecord,
    BreakerTransitionRecord,
    BudgetRecord,
    CacheRecord,
    FallbackRecord,
    FaultRecord,
    HedgeRecord,
    LoopRecord,
    MapRecord,
    RateLimitRecord,
    RetryRecord,
    RetryScheduledRecord,
    RouteRecord,
    SagaRecord,
    TimeoutRecord,
)

from .counted import MeterCounted, RegistryCounted, everything, told

CLOSED = {("b", "closed"): 1, ("b", "open"): 0, ("b", "half_open"): 0}
OPEN = {("b", "closed"): 0, ("b", "open"): 1, ("b", "half_open"): 0}

# Labels are in the order of their names; a histogram shows (sum, count).
TABLE: dict[str, tuple[list[object], dict[str, dict[tuple[Any, ...], Any]]]] = {
    "cache-miss": ([CacheRecord("c", "miss")], {"tta.cache.requests": {("miss", "p"): 1}}),
    "cache-bypass": ([CacheRecord("c", "bypass")], {"tta.cache.requests": {("bypass", "p"): 1}}),
    "cache-hits": (
        [
            CacheRecord("c", "hit", 1.0, 0.25, 100, 10, 1.0),
            CacheRecord("c", "hit", 1.0),
            CacheRecord("c", "stale", 9.0, 0.5, 50, None),
            CacheRecord("c", "coalesced", None, 0.0, 0, 5),
        ],
        {
            "tta.cache.requests": {("hit", "p"): 2, ("stale", "p"): 1, ("coalesced", "p"): 1},
            "tta.cache.saved.cost": {("p",): 0.75},
            "tta.cache.saved.input_tokens": {("p",): 150},
            "tta.cache.saved.output_tokens": {("p",): 15},
        },
    ),
    "route": (
        [RouteRecord("small", ("small", "big"), "cheapest", "cost")],
        {"tta.route.decisions": {("p", "cheapest", "small"): 1}},
    ),
    "retry-in-the-end": (
        [
            RetryScheduledRecord(1, 0.5, "TimeoutError"),
            RetryScheduledRecord(2, 1.0, "TimeoutError"),
            RetryRecord(3, 3, 1.5, False),
        ],
        {
            "tta.retry.attempts": {("error", "p"): 2, ("ok", "p"): 1},
            "tta.retry.delay": {("p",): (1.5, 2)},
        },
    ),
    "retry-exhausted": (
        [RetryScheduledRecord(1, 0.5, "E"), RetryRecord(2, 2, 0.5, True)],
        {"tta.retry.attempts": {("error", "p"): 2}, "tta.retry.delay": {("p",): (0.5, 1)}},
    ),
    "timeout": ([TimeoutRecord(1.0, 1.1)], {"tta.timeout.expirations": {("p",): 1}}),
    "fallback": (
        [FallbackRecord("spare", 1, "ValueError")],
        {"tta.fallback.activations": {("ValueError", "p", "spare"): 1}},
    ),
    "breaker-first-seen": ([BreakerRecord("b", "closed", 0.0)], {"tta.breaker.state": CLOSED}),
    "breaker-opens-and-refuses": (
        [
            BreakerRecord("b", "closed", 0.0),
            BreakerTransitionRecord("b", "closed", "open", "failures"),
            BreakerRecord("b", "open", 1.0, "rejected"),
            BreakerRecord("b", "open", 1.0, "rejected"),
        ],
        {
            "tta.breaker.state": OPEN,
            "tta.breaker.transitions": {("closed", "b", "open"): 1},
            "tta.breaker.rejections": {("b",): 2},
        },
    ),
    "breaker-opens-at-the-end-of-a-call": (
        [
            BreakerRecord("b", "closed", 0.0),
            BreakerTransitionRecord("b", "closed", "open", "failures"),
        ],
        {"tta.breaker.state": OPEN, "tta.breaker.transitions": {("closed", "b", "open"): 1}},
    ),
    "breaker-in-the-shadow": (
        [BreakerRecord("b", "open", 1.0, "shadow")],
        {"tta.breaker.state": OPEN},
    ),
    "breaker-changed-unseen": (
        [BreakerRecord("b", "open", 1.0), BreakerRecord("b", "closed", 0.0)],
        {"tta.breaker.state": CLOSED},
    ),
    "ratelimit": (
        [
            RateLimitRecord(0.0, 10, 9, "allowed"),
            RateLimitRecord(0.25, 10, 0, "waited"),
            RateLimitRecord(0.5, 10, 0, "rejected"),
            RateLimitRecord(0.0, 10, 0, "shadow"),
        ],
        {"tta.ratelimit.wait": {("p",): (0.75, 3)}, "tta.ratelimit.rejections": {("p",): 1}},
    ),
    "hedge-wins": (
        [HedgeRecord(3, 2, 0.1, 0.5)],
        {
            "tta.hedge.launched": {("p",): 2},
            "tta.hedge.wins": {("p",): 1},
            "tta.hedge.wasted.cost": {("p",): 0.5},
        },
    ),
    "hedge-loses": ([HedgeRecord(2, 0, 0.1)], {"tta.hedge.launched": {("p",): 1}}),
    "hedge-all-failed": ([HedgeRecord(2, None, 0.1)], {"tta.hedge.launched": {("p",): 1}}),
    "hedge-not-needed": ([HedgeRecord(1, 0, 0.1)], {}),
    "hedge-in-the-shadow": ([HedgeRecord(2, 0, 0.1, 0.5, True)], {}),
    "budget": (
        [
            BudgetRecord("monthly", "alice", "usd", 1.0, 4.0, "allowed"),
            BudgetRecord("monthly", "alice", "usd", 5.0, 3.0, "rejected"),
            BudgetRecord("monthly", "alice", "usd", 5.0, 2.5, "shadow"),
        ],
        {
            "tta.budget.remaining": {("monthly", "usd"): 2.5},
            "tta.budget.rejections": {("monthly",): 1},
        },
    ),
    "saga": (
        [SagaRecord("pay", "ok", 3, 2), SagaRecord("pay", "error", 3, 2)],
        {"tta.saga.compensations": {("p", "ok"): 1, ("p", "error"): 1}},
    ),
    "batch": ([BatchRecord(4, 8, "tick")], {"tta.batch.size": {("tick", "p"): (4, 1)}}),
    "loop": ([LoopRecord(3, 3, True)], {"tta.loop.iterations": {(True, "p"): (3, 1)}}),
    "fault": (
        [FaultRecord(("latency", "error"))],
        {"tta.fault.injections": {("latency", "p"): 1, ("error", "p"): 1}},
    ),
    "map": (
        [MapRecord("m", 10, 3, True), MapRecord("m", 2, 0, False)],
        {"tta.map.items": {("ok", "m"): 9, ("error", "m"): 3}},
    ),
    "branch": ([BranchRecord("then")], {}),
    "unknown": ([object()], {}),
}


@pytest.mark.parametrize("case", list(TABLE))
def test_a_record_counts_what_it_tells(counted: RegistryCounted | MeterCounted, case: str) -> None:
    reported, expected = TABLE[case]
    place = Recorder(counted.source).place(LambdaPrimitive(lambda x: x, name="p"), "0.p")
    for record in reported:
        place.record(record)
    found = everything(counted.data())
    found.pop("tta.primitive.active", None)  # of every place
    assert found == expected


def test_every_record_there_is_has_been_thought_of() -> None:
    """A new record must not go uncounted because nobody noticed it."""
    without = {"BranchRecord", "LLMContentRecord", "MapItemRecord", "SagaStepRecord"}
    without |= {"SagaUndoRecord"}
    there = {name for name in vars(records) if name.endswith("Record")}
    assert {kind.__name__ for kind in (*COUNTED, *MEASURED)} == there - without


def test_every_state_of_a_breaker_has_a_series(counted: RegistryCounted | MeterCounted) -> None:
    place = Recorder(counted.source).place(LambdaPrimitive(lambda x: x), "0")
    place.record(BreakerRecord("b", "closed", 0.0))
    states = {state for _, state in told(counted.data(), "tta.breaker.state")}
    assert states == set(get_args(observe.BreakerState))


def test_breakers_without_end_are_not_all_remembered() -> None:
    """Their series are bounded; so must be what is known of them."""
    counted = RegistryCounted()
    states = BreakerStates(counted.source)
    for number in range(2_500):
        states.tell(f"b{number}", "open")
    assert len(states._known) <= 1_000
    states.tell("b0", "closed")
    assert told(counted.data(), "tta.breaker.state")["b0", "closed"] == 1


def test_wasted_money_is_counted(counted: RegistryCounted | MeterCounted) -> None:
    place = Recorder(counted.source).place(LambdaPrimitive(lambda x: x, name="r"), "0.r")
    place.wasted(0.25)
    place.wasted(0.5)
    assert told(counted.data(), "tta.retry.wasted.cost") == {("r",): 0.75}


def test_users_and_tenants_are_no_labels(counted: RegistryCounted | MeterCounted) -> None:
    """The scope of a budget names one."""
    place = Recorder(counted.source).place(LambdaPrimitive(lambda x: x), "0")
    place.record(BudgetRecord("monthly", "alice", "usd", 5.0, 3.0, "rejected"))
    assert "alice" not in str(counted.data())
