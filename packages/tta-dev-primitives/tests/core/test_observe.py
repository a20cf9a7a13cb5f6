"""Watching: what observers are told, in which order, and what it costs when nobody watches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from tta_dev_primitives import LambdaPrimitive, WorkflowContext, WorkflowPrimitive
from tta_dev_primitives import TimeoutError as OurTimeoutError
from tta_dev_primitives.core import observe as hook
from tta_dev_primitives.core.base import FRESH
from tta_dev_primitives.core.observe import ObservabilityPrimitive, Outcome, observe


class Says(WorkflowPrimitive[Any, Any]):
    """Reports what it is given and returns or raises the next thing."""

    def __init__(
        self, *records: object, outcome: Outcome | None = None, error: BaseException | None = None
    ) -> None:
        self.records, self.error = records, error
        self.outcome: Outcome | None = outcome

    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        self._report()
        return input_data

    async def stream(
        self, input_data: Any, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:
        self._report()
        yield input_data

    def _report(self) -> None:
        for record in self.records:
            hook.report(record, outcome=self.outcome)
        if self.error is not None:
            raise self.error


async def test_call_is_told_from_start_to_end(recorder: Any) -> None:
    """Start, what the step reported, end; with the very context of the call."""
    context = WorkflowContext()
    assert await Says("one", "two").execute("x", context) == "x"
    assert recorder.log == ["start 0", "event 0 one", "event 0 two", "end 0 ok"]
    assert recorder.contexts == [context]
    assert recorder.errors == [None]


async def test_observer_gets_the_context_the_step_gets(recorder: Any) -> None:
    """A context made for the call is made before the observer hears of it."""
    seen: list[WorkflowContext] = []
    await LambdaPrimitive(lambda x, context: seen.append(context)).execute("x")
    assert recorder.contexts == seen


async def test_inner_calls_are_told_inside_outer_ones(recorder: Any) -> None:
    """Paths name the place in the workflow."""
    await (Says("a") >> Says("b")).execute("x")
    assert recorder.log == [
        "start 0",
        "start 0/0",
        "event 0/0 a",
        "end 0/0 ok",
        "start 0/1",
        "event 0/1 b",
        "end 0/1 ok",
        "end 0 ok",
    ]


@pytest.mark.parametrize(
    ("reported", "error", "expected"),
    [
        (None, None, "ok"),
        ("hit", None, "hit"),
        ("stale", None, "stale"),
        ("fallback", None, "fallback"),
        ("rejected", None, "rejected"),
        (None, LookupError(), "error"),
        (None, OurTimeoutError("step", 1), "timeout"),
        (None, TimeoutError(), "timeout"),
        (None, asyncio.CancelledError(), "cancelled"),
        ("fallback", LookupError(), "error"),
        ("rejected", LookupError(), "rejected"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("streamed", [False, True], ids=["execute", "stream"])
async def test_outcome_says_how_the_call_ended(
    recorder: Any,
    reported: Outcome | None,
    error: BaseException | None,
    expected: str,
    streamed: bool,
) -> None:
    """What the step reported counts when it succeeded; a refusal counts when it failed, too."""
    step = Says("record", outcome=reported, error=error)
    with contextlib.nullcontext() if error is None else pytest.raises(type(error)):
        if streamed:
            await anext(stream := step.stream("x"))
            await anext(stream, None)
        else:
            await step.execute("x")
    assert recorder.log[-1] == f"end 0 {expected}"
    assert recorder.errors == [error]


async def test_records_reach_the_call_they_belong_to(recorder: Any) -> None:
    """Side by side, in tasks of their own, interleaved."""
    barrier = asyncio.Barrier(3)

    class Meets(WorkflowPrimitive[Any, Any]):
        async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
            for turn in range(3):
                await barrier.wait()
                hook.report(f"turn {turn}")

    await (Meets() | Meets() | Meets()).execute("x")
    for branch in range(3):
        assert [line for line in recorder.log if f" 0/{branch} " in f"{line} "] == [
            f"start 0/{branch}",
            *(f"event 0/{branch} turn {turn}" for turn in range(3)),
            f"end 0/{branch} ok",
        ]


async def test_record_after_an_inner_call_belongs_to_the_outer_one(recorder: Any) -> None:
    """The frame of the inner call is gone with it, even when it failed."""

    class Outer(WorkflowPrimitive[Any, Any]):
        async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
            with contextlib.suppress(LookupError):
                await Says(error=LookupError()).execute(input_data, context)
            hook.report("after")

    await Outer().execute("x")
    assert recorder.log == [
        "start 0", "start 0/Says", "end 0/Says error", "event 0 after", "end 0 ok",
    ]  # fmt: skip


async def test_report_outside_any_call_is_dropped(recorder: Any) -> None:
    """There is nobody to tell."""
    hook.report("nothing")
    assert recorder.log == []


async def test_nothing_is_called_while_nobody_watches(new_recorder: Any) -> None:
    """A removed observer hears nothing."""
    watching = new_recorder()
    observe(watching).remove()
    assert hook.active is None
    await Says("record").execute("x")
    assert [chunk async for chunk in Says("record").stream("x")] == ["x"]
    assert watching.log == []


async def test_all_observers_are_told_in_the_order_they_were_installed(new_recorder: Any) -> None:
    """Each gets its own token back."""
    log: list[str] = []
    with observe(new_recorder(log, "a ")), observe(new_recorder(log, "b ")):
        await Says("record").execute("x")
    assert log == [
        "a start 0", "b start 0", "a event 0 record", "b event 0 record", "a end 0 ok", "b end 0 ok"
    ]  # fmt: skip


async def test_observer_installed_twice_is_told_once(new_recorder: Any) -> None:
    """The last handle to remove it does nothing more."""
    watching = new_recorder()
    first, second = observe(watching), observe(watching)
    await Says().execute("x")
    first.remove()
    first.remove()
    second.remove()
    assert watching.log == ["start 0", "end 0 ok"]
    assert hook.active is None


async def test_removing_one_observer_leaves_the_others(new_recorder: Any) -> None:
    """Handles remove what they installed."""
    kept, gone = new_recorder(), new_recorder()
    with observe(kept):
        observe(gone).remove()
        await Says().execute("x")
    assert kept.log == ["start 0", "end 0 ok"]
    assert gone.log == []


async def test_observer_removed_during_a_call_still_hears_its_end(new_recorder: Any) -> None:
    """And nothing of calls that begin later, nor of records."""
    watching, staying = new_recorder(), new_recorder()
    handle = observe(watching)

    class Removes(WorkflowPrimitive[Any, Any]):
        async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
            handle.remove()
            await Says().execute(input_data, context)

    with observe(staying):
        await Removes().execute("x")
    assert watching.log == ["start 0", "end 0 ok"]
    assert staying.log == ["start 0", "start 0/Says", "end 0/Says ok", "end 0 ok"]


async def test_observer_installed_during_a_call_hears_of_later_ones(new_recorder: Any) -> None:
    """It is not told the end of what it did not see begin."""
    watching, first = new_recorder(), new_recorder()
    handles: list[hook.ObserverHandle] = []

    class Installs(WorkflowPrimitive[Any, Any]):
        async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
            handles.append(observe(watching))
            await Says("record").execute(input_data, context)

    with observe(first):
        await Installs().execute("x")
        handles[0].remove()
    assert watching.log == ["start 0/Says", "event 0/Says record", "end 0/Says ok"]


async def test_first_observer_installed_during_a_call_starts_at_the_next_step(
    new_recorder: Any,
) -> None:
    """The call under way began unseen; its inner calls are roots."""
    watching = new_recorder()
    handles: list[hook.ObserverHandle] = []
    workflow = LambdaPrimitive(lambda x: handles.append(observe(watching))) >> Says()
    await workflow.execute("x")
    handles[0].remove()
    assert watching.log == ["start 0", "end 0 ok"]


class Broken(ObservabilityPrimitive):
    """Raises whatever it is told."""

    def start(self, primitive: Any, path: str, context: WorkflowContext) -> object:
        raise RuntimeError("start")

    def end(self, token: object, outcome: Outcome, error: BaseException | None) -> None:
        raise RuntimeError("end")

    def event(self, token: object, record: object) -> None:
        raise RuntimeError("event")

    def resume(self, token: object) -> object:
        raise RuntimeError("resume")


class BrokenPause(ObservabilityPrimitive):
    def resume(self, token: object) -> object:
        return None

    def pause(self, token: object, resumed: object) -> None:
        raise RuntimeError("pause")


async def test_observer_that_raises_harms_nobody_and_is_logged_once(
    new_recorder: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The workflow and the other observers go on; the log does not fill up."""
    healthy = new_recorder()
    caplog.set_level(logging.WARNING, "tta_dev_primitives.observe")
    with observe(Broken()), observe(BrokenPause()), observe(healthy):
        for _ in range(3):
            assert await Says("record").execute("x") == "x"
            assert [chunk async for chunk in Says("record").stream("x")] == ["x"]
    assert healthy.log == ["start 0", "event 0 record", "end 0 ok"] * 6
    assert sorted(record.getMessage().split(" ")[0] for record in caplog.records) == [
        "Broken.end", "Broken.event", "Broken.resume", "Broken.start", "BrokenPause.pause",
    ]  # fmt: skip
    assert all(record.exc_info for record in caplog.records)


async def test_observer_that_raises_hears_the_rest_with_an_empty_token(new_recorder: Any) -> None:
    """A failed `start` gives no token."""

    class Forgetful(new_recorder):
        def start(self, primitive: Any, path: str, context: WorkflowContext) -> object:
            raise LookupError

    watching = Forgetful()
    with observe(watching):
        await Says().execute("x")
    assert watching.log == ["end None ok"]


async def test_base_observer_listens_to_nothing() -> None:
    """Every method has a default, so an observer overrides what it needs."""
    watching = ObservabilityPrimitive()
    with observe(watching):
        assert await Says("record").execute("x") == "x"
        assert [chunk async for chunk in Says().stream("x")] == ["x"]
    with watching.span("work"):
        pass
    assert watching.resume(None) is None
    watching.pause(None, None)


async def test_call_works_from_resume_to_pause(new_recorder: Any, new_resuming: Any) -> None:
    """Once for `execute`; the later observer is inside the earlier one."""
    log: list[str] = []
    with (
        observe(new_resuming(log, "a ")),
        observe(new_recorder(log, "b ")),
        observe(new_resuming(log, "c ")),
    ):
        await Says().execute("x")
        with pytest.raises(LookupError):
            await Says(error=LookupError()).execute("x")
    told = [
        "a start 0", "b start 0", "c start 0", "a resume 0", "c resume 0",
        "c pause 0", "a pause 0",
    ]  # fmt: skip
    assert log == [
        *told, "a end 0 ok", "b end 0 ok", "c end 0 ok",
        *told, "a end 0 error", "b end 0 error", "c end 0 error",
    ]  # fmt: skip


async def test_abandoned_call_closed_from_elsewhere_ends_as_cancelled(recorder: Any) -> None:
    """Whoever collects a call that was never finished may do so in another context."""

    async def waits(x: int) -> None:
        await asyncio.sleep(0)

    call: Any = LambdaPrimitive(waits, name="n").execute(1)

    async def begin() -> None:
        call.send(None)

    await asyncio.create_task(begin())
    call.close()
    assert recorder.log == ["start 0.n", "end 0.n cancelled"]
    hook.report("nobody's")
    assert len(recorder.log) == 2


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (asyncio.CancelledError(), "cancelled"),
        (GeneratorExit(), "cancelled"),
        (TimeoutError(), "timeout"),
        (OurTimeoutError("x", 1), "timeout"),
        (ValueError(), "error"),
        (KeyboardInterrupt(), "error"),
    ],
    ids=repr,
)
def test_every_error_has_an_outcome(error: BaseException, outcome: Outcome) -> None:
    """The words are a closed set."""
    assert hook.outcome_of(error) == outcome


RECORDS: list[Callable[[], object]] = [
    lambda: hook.CacheRecord("c", "hit"),
    lambda: hook.RouteRecord("a", ("a",), "why", "how"),
    lambda: hook.RetryScheduledRecord(1, 0.5, "LookupError"),
    lambda: hook.RetryRecord(2, 3, 0.5, exhausted=False),
    lambda: hook.TimeoutRecord(1.0, 1.1),
    lambda: hook.FallbackRecord("b", 1, "LookupError"),
    lambda: hook.BatchRecord(2, 100, "tick"),
    lambda: hook.LoopRecord(2, 10, exhausted=False),
    lambda: hook.FaultRecord(("latency",)),
    lambda: hook.BranchRecord("then"),
    lambda: hook.SagaRecord("s", "ok"),
    lambda: hook.SagaStepRecord("s", 1),
    lambda: hook.SagaUndoRecord("s", 1, hook.SagaStepRecord("s", 1)),
    lambda: hook.MapItemRecord(1),
    lambda: hook.MapRecord("m", 2, 1, complete=True),
    lambda: hook.LLMRequestRecord("chat", "p", "m"),
    lambda: hook.LLMContentRecord(({"role": "user", "content": "Hi"},)),
    lambda: hook.LLMRecord("chat", "p", "m", "m", 1, 2, 0, 0, 0, "stop", 0.1, None, None),
]


@pytest.mark.parametrize("make", RECORDS, ids=lambda make: type(make()).__name__)
def test_records_are_values_without_a_dict(make: Callable[[], object]) -> None:
    """Slotted and equal by their fields, so observers can copy and compare them."""
    assert make() == make()
    assert not hasattr(make(), "__dict__")
