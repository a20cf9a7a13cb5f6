"""What a saga tells of its undoing: in the error it raises, and to those who watch."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import traceback
import weakref
from dataclasses import dataclass
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.errors import CompensationError
from tta_dev_primitives.recovery.compensation import (
    SagaPrimitive,
    SagaReport,
    StepReport,
    idempotency_key,
    undo_reports,
)
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy
from tta_dev_primitives.testing.clock import FakeClock
from tta_dev_primitives.testing.mocks import MockPrimitive


def step(name: str, error: BaseException | None = None) -> MockPrimitive:
    return MockPrimitive(name, raise_error=error)


def order(*, undo_error: Exception | None = None, error: Exception | None = None) -> Any:
    """A saga that reserves, checks, charges, fails to ship, and would send a mail."""
    return (
        SagaPrimitive(step("reserve"), undo=step("release"), name="order")
        .then(step("check"), None)
        .then(step("charge"), step("refund", undo_error))
        .then(step("ship", error or ValueError("no lorry")), step("recall"), atomic=True)
        .then(step("mail"), None)
    )


async def report_of(saga: Any, expected: type[BaseException] = ValueError) -> SagaReport:
    with pytest.raises(expected) as caught:
        await saga.execute("x")
    (report,) = undo_reports(caught.value)
    return report


async def test_error_tells_what_was_done_and_undone() -> None:
    report = await report_of(order())
    assert report.saga == "order"
    assert [(one.step, one.finished, one.undo) for one in report.steps] == [
        ("reserve", True, "ok"),
        ("check", True, None),
        ("charge", True, "ok"),
        ("ship", False, None),
    ]
    assert (report.undone, report.not_undone) == (("charge", "reserve"), ())
    assert (report.result, report.within) == ("ok", None)
    assert [one.key for one in report.steps] == [f"{report.run}-{n}" for n in (1, 2, 3, 4)]


async def test_error_tells_what_could_not_be_undone() -> None:
    worse = OSError("bank")
    with pytest.raises(CompensationError) as caught:
        await order(undo_error=worse).execute("x")
    report = caught.value.report
    assert report is not None
    assert (report.undone, report.not_undone, report.result) == (("reserve",), ("charge",), "error")
    assert report.steps[2] == StepReport("charge", f"{report.run}-3", True, "error", worse)
    assert undo_reports(caught.value) == (report,)


@pytest.mark.parametrize(
    ("undo_error", "note"),
    [(None, "order: undone: charge, reserve"),
     (OSError(), "order: undone: reserve; not undone: charge")],
    ids=["undone", "not-undone"],
)  # fmt: skip
async def test_traceback_tells_it_too(undo_error: Exception | None, note: str) -> None:
    with pytest.raises((ValueError, CompensationError)) as caught:
        await order(undo_error=undo_error).execute("x")
    assert caught.value.__notes__ == [note]
    assert note in "".join(traceback.format_exception(caught.value))


async def test_saga_with_nothing_to_undo_says_so() -> None:
    saga = SagaPrimitive(step("look", ValueError()), undo=None)
    with pytest.raises(ValueError) as caught:
        await saga.execute("x")
    assert caught.value.__notes__ == ["Saga: nothing to undo"]


async def test_report_holds_no_inputs_and_no_results() -> None:
    """Errors end up in logs."""
    saga = SagaPrimitive(MockPrimitive("pay", return_value="secret"), undo=step("refund"))
    report = await report_of(saga.then(step("ship", ValueError()), None))
    assert "secret" not in repr(report)


async def test_error_without_a_saga_has_no_reports() -> None:
    assert undo_reports(ValueError()) == ()


async def test_sagas_within_sagas_report_from_the_inside_out() -> None:
    inner = SagaPrimitive(step("pay", ValueError()), undo=step("refund"), name="inner")
    outer = SagaPrimitive(step("to") >> inner, undo=step("release"), name="outer")
    with pytest.raises(ValueError) as caught:
        await outer.execute("x")
    first, second = undo_reports(caught.value)
    assert (first.saga, second.saga) == ("inner", "outer")
    assert (first.within, second.within) == (second.steps[0].key, None)
    assert caught.value.__notes__ == ["inner: undone: pay", "outer: undone: Sequential"]


async def test_error_that_ends_many_runs_reports_the_last_one() -> None:
    """An error that is made once and raised for ever must not grow."""
    error = ValueError("always this one")
    saga = SagaPrimitive(step("pay", error), undo=step("refund"))
    retried = RetryPrimitive(saga, RetryStrategy(max_retries=3, initial_delay=0))
    outer = SagaPrimitive(retried, undo=None, name="outer")
    runs: set[str] = set()
    for _ in range(3):
        with pytest.raises(ValueError):
            await outer.execute("x")
        last, around = undo_reports(error)
        assert last.within == around.steps[0].key
        runs.add(last.run)
    assert len(runs) == 3
    assert len([note for note in error.__notes__ if "undone" in note]) == 1


async def test_error_that_refuses_attributes_is_reported_on() -> None:
    @dataclass(frozen=True)
    class FrozenError(Exception):
        code: int

    report = await report_of(
        SagaPrimitive(step("pay", FrozenError(4)), undo=step("u")), FrozenError
    )
    assert report.undone == ("pay",)


class WatchedError(Exception):
    """One that can be watched until it is gone."""

    def __init__(self, watched: list[weakref.ref[WatchedError]]) -> None:
        super().__init__()
        watched.append(weakref.ref(self))


@pytest.mark.parametrize("fails", [False, True], ids=["undone", "not-undone"])
async def test_nothing_keeps_the_errors_alive(fails: bool) -> None:
    """A server that fails often must not wait for the garbage collector to forget."""
    watched: list[weakref.ref[WatchedError]] = []

    def act(x: str) -> None:
        raise WatchedError(watched)

    def undo(effect: Any) -> None:
        if fails:
            raise WatchedError(watched)

    saga = SagaPrimitive(step("first"), undo=undo).then(act, undo)
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(WatchedError, CompensationError):
            await saga.execute("x")
        await asyncio.sleep(0)
        assert [kept() for kept in watched] == [None] * (3 if fails else 1)
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("undo_error", "result"), [(None, "ok"), (OSError(), "error")], ids=["undone", "not-undone"]
)
async def test_observer_hears_of_the_saga_once(
    watcher: Any, undo_error: Exception | None, result: Any
) -> None:
    with pytest.raises((ValueError, CompensationError)):
        await order(undo_error=undo_error).execute("x")
    told = [(path, record) for path, record in watcher.records if path == "0.order"]
    assert told == [("0.order", observe.SagaRecord("ship", result, 5, 2))]
    assert watcher.outcomes == {
        "0.order": "error",
        "0.order/0.reserve": "ok",
        "0.order/2.check": "ok",
        "0.order/3.charge": "ok",
        "0.order/5.ship": "error",
        "0.order/4.refund": result,
        "0.order/1.release": "ok",
    }


async def test_observer_hears_the_first_failure_of_several(
    watcher: Any, clock: FakeClock, after: Any
) -> None:
    slow = MockPrimitive("slow", side_effect=lambda x, context: clock.sleep(60))
    saga = SagaPrimitive(step("a"), undo=step("undo a", OSError()), clock=clock)
    with pytest.raises(CompensationError):
        await after(15, saga.then(step("b", ValueError()), slow).execute("x"))
    assert watcher.records[-1] == ("0", observe.SagaRecord("b", "timeout", 2, 2))


async def test_observer_hears_nothing_where_nothing_was_to_undo(watcher: Any) -> None:
    with pytest.raises(ValueError):
        await SagaPrimitive(step("look", ValueError()), undo=None).execute("x")
    assert watcher.records == [("0/0.look", observe.SagaStepRecord("look", 1))]


async def test_steps_and_undos_tell_which_step_they_are_about(watcher: Any) -> None:
    """Two steps may have one undo, so its place does not tell."""
    undo = step("undo")
    saga = SagaPrimitive(step("a"), undo=undo).then(step("b", ValueError()), undo)
    with pytest.raises(ValueError):
        await saga.execute("x")
    first, second = observe.SagaStepRecord("a", 1), observe.SagaStepRecord("b", 2)
    assert watcher.records[:4] == [
        ("0/0.a", first),
        ("0/2.b", second),
        ("0/1.undo", observe.SagaUndoRecord("b", 2, second)),
        ("0/1.undo", observe.SagaUndoRecord("a", 1, first)),
    ]


async def test_an_undo_leads_to_what_observers_noted_of_its_step(watcher: Any) -> None:
    """The record of the step is the same object, or an observer could not find the call again."""
    with pytest.raises(ValueError):
        await SagaPrimitive(step("a", ValueError()), undo=step("undo")).execute("x")
    (_, begun), (_, undone), _ = watcher.records
    begun.marks[watcher] = "the call"
    assert undone.undoes.marks == {watcher: "the call"}


async def test_who_begins_to_watch_within_a_saga_hears_of_its_undos(watcher: Any) -> None:
    """There is no record of a step that nobody watched."""
    handles = [observe.observe(watcher)]
    for handle in handles:
        handle.remove()

    async def watch(x: Any) -> None:
        handles.append(observe.observe(watcher))
        raise ValueError

    with pytest.raises(ValueError):
        await SagaPrimitive(watch, undo=step("undo")).execute("x")
    assert watcher.records == [("0.undo", observe.SagaUndoRecord("watch", 1, None))]
    handles[-1].remove()


async def test_observer_of_an_undo_knows_its_key(watcher: Any) -> None:
    """Spans of requests that an undo makes can carry it."""
    keys: list[str | None] = []
    watcher.start = lambda primitive, path, context: keys.append(idempotency_key())
    report = await report_of(SagaPrimitive(step("pay", ValueError()), undo=step("refund")))
    assert keys == [None, report.steps[0].key, report.steps[0].key]
