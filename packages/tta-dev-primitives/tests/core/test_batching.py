"""One call of a step that takes many inputs, for many callers with one input each."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import pytest

from tta_dev_primitives import RetryPrimitive, RetryStrategy, TimeoutPrimitive, WorkflowContext
from tta_dev_primitives.core.batching import BatchPrimitive
from tta_dev_primitives.errors import BatchError, ConfigurationError, TimeoutError  # noqa: A004 - the package's own
from tta_dev_primitives.testing import FakeClock, settle


class Doubling:
    """A batch step that notes its inputs, and waits where the test holds it back."""

    def __init__(self, *, held: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.contexts: list[WorkflowContext] = []
        self.ended: list[str] = []
        self.gate = asyncio.Event()
        if not held:
            self.gate.set()

    async def __call__(self, xs: list[int], context: WorkflowContext) -> list[int]:
        self.batches.append(list(xs))
        self.contexts.append(context)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.ended.append("cancelled")
            raise
        self.ended.append("done")
        return [x * 2 for x in xs]


def ask(batch: BatchPrimitive[Any, Any], *xs: Any) -> list[asyncio.Task[Any]]:
    return [asyncio.ensure_future(batch.execute(x)) for x in xs]


async def test_calls_of_one_tick_become_one_call_in_their_order() -> None:
    """Each gets its own result."""
    step = Doubling()
    batch = BatchPrimitive(step)
    assert await asyncio.gather(*ask(batch, 3, 1, 2, 1)) == [6, 2, 4, 2]
    assert step.batches == [[3, 1, 2, 1]]
    assert batch.waiting == 0


async def test_call_that_comes_later_gets_a_batch_of_its_own() -> None:
    """A batch under way takes nobody in."""
    step = Doubling(held=True)
    batch = BatchPrimitive(step)
    first = ask(batch, 1)
    await settle()
    second = ask(batch, 2)
    await settle()
    assert step.batches == [[1], [2]]
    step.gate.set()
    assert await asyncio.gather(*first, *second) == [2, 4]


async def test_window_gathers_calls_of_many_ticks(clock: FakeClock) -> None:
    """It begins with its first call and is not drawn out by later ones."""
    step = Doubling()
    batch = BatchPrimitive(step, window_seconds=0.5, clock=clock)
    calls = ask(batch, 1)
    await clock.sleep_through(0.4)
    calls += ask(batch, 2)
    await settle()
    assert batch.waiting == 2
    await clock.sleep_through(0.1)
    assert step.batches == [[1, 2]]
    assert await asyncio.gather(*calls) == [2, 4]
    assert clock.pending == 0


async def test_full_batch_is_sent_at_once_and_the_rest_waits_for_its_own_window(
    clock: FakeClock,
) -> None:
    """No batch is larger than the bound."""
    step = Doubling()
    batch = BatchPrimitive(step, max_size=2, window_seconds=1, clock=clock)
    calls = ask(batch, 1, 2, 3, 4, 5)
    await settle()
    assert step.batches == [[1, 2], [3, 4]]
    await clock.sleep_through(1)
    assert step.batches == [[1, 2], [3, 4], [5]]
    assert await asyncio.gather(*calls) == [2, 4, 6, 8, 10]
    assert clock.pending == 0


async def test_different_keys_are_not_put_together() -> None:
    """One batch for each model, say."""
    step = Doubling()
    batch = BatchPrimitive(step, key=lambda x, context: x % 2)
    assert await asyncio.gather(*ask(batch, 1, 2, 3, 4)) == [2, 4, 6, 8]
    assert step.batches == [[1, 3], [2, 4]]


async def test_exception_among_the_results_is_raised_to_its_caller_alone() -> None:
    """The others have their results."""

    async def step(xs: list[int]) -> list[int | LookupError]:
        return [LookupError(f"no {x}") if x == 2 else x for x in xs]

    results = await asyncio.gather(*ask(BatchPrimitive(step), 1, 2, 3), return_exceptions=True)
    assert results[0::2] == [1, 3]
    assert isinstance(results[1], LookupError)


async def test_error_of_the_step_reaches_every_caller_and_is_not_remembered() -> None:
    """The next call is a new one."""
    outcomes: list[Any] = [OSError("down"), [7]]

    async def step(xs: list[int]) -> list[int]:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    batch = BatchPrimitive(step)
    results = await asyncio.gather(*ask(batch, 1, 2, 3), return_exceptions=True)
    assert [str(result) for result in results] == ["down"] * 3
    assert await batch.execute(1) == 7


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ([1], "sent 2 inputs to its batch step and got 1 results"),
        ([1, 2, 3], "sent 2 inputs to its batch step and got 3 results"),
        ([], "sent 2 inputs to its batch step and got 0 results"),
        (None, "got a NoneType from its batch step; return a list"),
        ("ab", "got a str from its batch step"),
        (b"ab", "got a bytes from its batch step"),
        ({1: 1, 2: 2}, "got a dict from its batch step"),
        ({1, 2}, "got a set from its batch step"),
        (iter([1, 2]), "got a list_iterator from its batch step"),
    ],
    ids=["few", "many", "none", "None", "str", "bytes", "dict", "set", "iterator"],
)
async def test_anything_but_one_result_each_is_an_error_for_all(
    returned: Any, message: str
) -> None:
    """Nobody gets what was meant for somebody else."""
    batch: BatchPrimitive[int, int] = BatchPrimitive(lambda xs: returned, name="embed")
    for result in await asyncio.gather(*ask(batch, 1, 2), return_exceptions=True):
        assert isinstance(result, BatchError)
        assert str(result).startswith(f"embed {message}")


class Vectors:
    """What numerical libraries return: sized and iterable, and no sequence."""

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Any:
        return iter([0.5, 1.5])


@pytest.mark.parametrize("returned", [(0.5, 1.5), Vectors()], ids=["tuple", "array"])
async def test_results_need_not_be_a_list(returned: Any) -> None:
    """An array has its rows in order as well."""
    assert await asyncio.gather(*ask(BatchPrimitive(lambda xs: returned), 1, 2)) == [0.5, 1.5]


async def test_step_may_change_the_list_it_got() -> None:
    """The results are still counted against what was sent."""

    def step(xs: list[int]) -> list[int]:
        results = [x * 2 for x in xs]
        xs.clear()
        return results

    assert await asyncio.gather(*ask(BatchPrimitive(step), 1, 2)) == [2, 4]


@pytest.mark.parametrize("leaver", [0, 1, 2], ids=["first", "middle", "last"])
async def test_caller_cancelled_while_gathering_takes_its_input_along(
    clock: FakeClock, leaver: int
) -> None:
    """Whoever opened the batch included."""
    step = Doubling()
    calls = ask(BatchPrimitive(step, window_seconds=1, clock=clock), 0, 1, 2)
    await settle()
    calls[leaver].cancel()
    await clock.sleep_through(1)
    stayed = [x for x in range(3) if x != leaver]
    assert step.batches == [stayed]
    assert [await calls[x] for x in stayed] == [x * 2 for x in stayed]
    assert calls[leaver].cancelled()


@pytest.mark.parametrize("leaver", [0, 1, 2], ids=["first", "middle", "last"])
async def test_caller_cancelled_under_way_harms_nobody(leaver: int) -> None:
    """The step goes on for the others."""
    step = Doubling(held=True)
    calls = ask(BatchPrimitive(step), 0, 1, 2)
    await settle()
    calls[leaver].cancel()
    await settle()
    assert calls[leaver].cancelled()
    step.gate.set()
    assert [await calls[x] for x in range(3) if x != leaver] == [
        x * 2 for x in range(3) if x != leaver
    ]
    assert step.ended == ["done"]


async def test_last_caller_to_leave_while_gathering_closes_the_batch(clock: FakeClock) -> None:
    """The step is never called, and no timer stays."""
    step = Doubling()
    batch = BatchPrimitive(step, window_seconds=1, clock=clock)
    calls = ask(batch, 1, 2)
    await settle()
    for call in calls:
        call.cancel()
    await settle()
    assert (batch.waiting, clock.pending) == (0, 0)
    await clock.sleep_through(2)
    assert step.batches == []


async def test_last_caller_to_leave_cancels_the_step_and_waits_for_its_end() -> None:
    """Nothing runs on that nobody wants; cleaning up is over when the caller goes on."""
    step = Doubling(held=True)
    calls = ask(BatchPrimitive(step), 1, 2)
    await settle()
    calls[0].cancel()
    await settle()
    assert step.ended == []
    calls[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await calls[1]
    assert step.ended == ["cancelled"]


async def test_impatient_last_caller_still_waits_for_the_end_of_the_step() -> None:
    """However often it is cancelled."""
    step = Doubling(held=True)
    (call,) = ask(BatchPrimitive(step), 1)
    await settle()
    call.cancel()
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    assert (call.cancelled(), step.ended) == (True, ["cancelled"])


@pytest.mark.parametrize("turns", range(4))
async def test_caller_cancelled_as_its_result_arrives_is_cancelled_or_has_it(turns: int) -> None:
    """The cancellation is not lost, and no error of the batch is logged as never retrieved."""
    logged: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, details: logged.append(details))
    step = Doubling(held=True)
    (call,) = ask(BatchPrimitive(step), 1)
    await settle()
    step.gate.set()
    await settle(turns)
    call.cancel()
    await asyncio.wait([call])
    assert call.cancelled() or call.result() == 2
    assert call.cancelled() or turns == 3
    assert logged == []


async def test_call_that_is_thrown_away_leaves_its_batch() -> None:
    """A coroutine closed by hand counts as gone; the step is told to end."""
    step = Doubling(held=True)
    batch = BatchPrimitive(step)
    call = batch.execute(1)
    call.send(None)
    await settle()
    assert step.batches == [[1]]
    call.close()
    await settle()
    assert step.ended == ["cancelled"]


async def test_cancellation_from_within_is_an_error_for_the_callers() -> None:
    """Raised as it is, it would end tasks that nobody told to end."""

    async def step(xs: list[int]) -> list[int]:
        raise asyncio.CancelledError

    for result in await asyncio.gather(*ask(BatchPrimitive(step), 1, 2), return_exceptions=True):
        assert isinstance(result, BatchError)
        assert "was cancelled from within" in str(result)


async def test_cancellation_among_the_results_is_an_error_for_its_caller() -> None:
    """As `gather(return_exceptions=True)` gives it for one of its calls."""
    batch: BatchPrimitive[int, int] = BatchPrimitive(lambda xs: [1, asyncio.CancelledError()])
    first, second = await asyncio.gather(*ask(batch, 1, 2), return_exceptions=True)
    assert first == 1
    assert isinstance(second, BatchError)


async def test_caller_leaves_at_its_own_deadline(clock: FakeClock) -> None:
    """The step has no deadline, and the others wait on."""
    step = Doubling(held=True)
    batch = BatchPrimitive(step, clock=clock)
    short = asyncio.ensure_future(batch.execute(1, WorkflowContext(deadline=5)))
    (patient,) = ask(batch, 2)
    await clock.sleep_through(5)
    with pytest.raises(TimeoutError, match="exceeded 5s timeout"):
        await short
    assert step.contexts[0].deadline is None
    step.gate.set()
    assert await patient == 4


async def test_limit_around_the_only_caller_stops_the_step(clock: FakeClock) -> None:
    """And arms one timer, not two."""
    step = Doubling(held=True)
    limited = TimeoutPrimitive(BatchPrimitive(step, clock=clock), 5, clock=clock)
    call = asyncio.ensure_future(limited.execute(1))
    await settle()
    assert clock.pending == 1
    await clock.sleep_through(5)
    with pytest.raises(TimeoutError):
        await call
    assert step.ended == ["cancelled"]


async def test_deadline_that_has_passed_is_refused_at_once(clock: FakeClock) -> None:
    """Nothing is gathered for an answer that nobody waits for."""
    batch = BatchPrimitive(step := Doubling(), clock=clock)
    with pytest.raises(TimeoutError):
        await batch.execute(1, WorkflowContext(deadline=0))
    await settle()
    assert (step.batches, batch.waiting) == ([], 0)


@pytest.mark.parametrize(
    ("deadline", "batches"), [(1.0, [[1, 2]]), (1.25, [])], ids=["at the end", "after the end"]
)
async def test_caller_who_cannot_wait_for_the_window_sends_the_batch_at_once(
    clock: FakeClock, deadline: float, batches: list[list[int]]
) -> None:
    """Rather than waiting in vain; those before it go along."""
    step = Doubling()
    batch = BatchPrimitive(step, window_seconds=1, clock=clock)
    calls = ask(batch, 1)
    await settle()
    calls.append(asyncio.ensure_future(batch.execute(2, WorkflowContext(deadline=deadline))))
    await settle()
    assert step.batches == batches
    await clock.sleep_through(1)
    assert await asyncio.gather(*calls) == [2, 4]


async def test_nothing_of_a_caller_is_used_for_another() -> None:
    """Identity and state stay with the callers."""
    step = Doubling()
    batch = BatchPrimitive(step)
    contexts = [WorkflowContext(session_id=name, state={"secret": name}) for name in "ab"]
    await asyncio.gather(*(batch.execute(1, context) for context in contexts))
    (seen,) = step.contexts
    assert (seen.session_id, seen.state) == (None, {})


async def test_callers_who_want_it_fresh_are_not_put_with_others() -> None:
    """A cache inside the step is told what they asked for."""
    step = Doubling()
    batch = BatchPrimitive(step)
    contexts = [WorkflowContext(cache_mode=mode) for mode in (None, "refresh", None)]
    await asyncio.gather(*(batch.execute(x, context) for x, context in enumerate(contexts)))
    assert step.batches == [[0, 2], [1]]
    assert [context.cache_mode for context in step.contexts] == [None, "refresh"]


async def test_step_may_ask_the_batch_it_serves() -> None:
    """That opens another batch; nobody waits for himself."""
    batches: list[list[int]] = []

    async def halve(xs: list[int]) -> Sequence[int]:
        batches.append(list(xs))
        return await asyncio.gather(
            *(batch.execute(x // 2) if x > 1 else asyncio.sleep(0, 1) for x in xs)
        )

    batch: BatchPrimitive[int, int] = BatchPrimitive(halve)
    assert await asyncio.gather(*ask(batch, 8, 1)) == [1, 1]
    assert batches == [[8, 1], [4], [2], [1]]


def test_each_event_loop_gathers_for_itself() -> None:
    """Results go to the loop that asked."""
    batches: list[list[int]] = []

    def step(xs: list[int]) -> list[int]:
        batches.append(xs)
        return xs

    batch = BatchPrimitive(step)

    async def use(x: int) -> list[int]:
        return await asyncio.gather(*ask(batch, x, x + 1))

    assert asyncio.run(use(1)) == [1, 2]
    assert asyncio.run(use(3)) == [3, 4]
    assert batches == [[1, 2], [3, 4]]


def test_loop_that_was_closed_with_a_batch_open_is_forgotten() -> None:
    """A program that runs loop after loop does not keep them all."""
    batch: BatchPrimitive[int, int] = BatchPrimitive(lambda xs: xs, max_size=2, window_seconds=60)
    left = batch.execute(99)

    async def leave_open() -> None:
        left.send(None)

    async def use() -> list[int]:
        return await asyncio.gather(*ask(batch, 1, 2))

    asyncio.run(leave_open())
    assert batch.waiting == 1
    assert asyncio.run(use()) == [1, 2]
    assert batch.waiting == 0
    left.close()


def test_batch_runs_under_uvloop_too() -> None:
    """A tick there is a tick."""
    uvloop = pytest.importorskip("uvloop", reason="uv sync --extra fast")
    batches: list[list[int]] = []

    async def step(xs: list[int]) -> list[int]:
        batches.append(xs)
        return xs

    batch = BatchPrimitive(step)

    async def use() -> list[int]:
        return await asyncio.gather(*ask(batch, *range(20)))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(use()) == list(range(20))
    assert batches == [list(range(20))]


async def test_step_is_seen_inside_the_first_callers_call(recorder: Any) -> None:
    """Even where another caller fills the batch and sends it off."""
    batch = BatchPrimitive(Doubling(), max_size=2, name="b")
    first: RetryPrimitive[int, int] = RetryPrimitive(batch, RetryStrategy(0), name="first")
    second: RetryPrimitive[int, int] = RetryPrimitive(batch, RetryStrategy(0), name="second")
    await asyncio.gather(first.execute(1), second.execute(2))
    starts = [line for line in recorder.log if line.startswith("start")]
    assert starts == [
        "start 0.first",
        "start 0.first/0.b",
        "start 0.second",
        "start 0.second/0.b",
        "start 0.first/0.b/0",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_size": 0}, "max_size must be 1 or more, got 0"),
        ({"max_size": math.nan}, "max_size must be 1 or more, got nan"),
        ({"window_seconds": -1}, "window_seconds must be 0 or more and finite, got -1"),
        ({"window_seconds": math.inf}, "window_seconds must be 0 or more and finite, got inf"),
        ({"window_seconds": math.nan}, "window_seconds must be 0 or more and finite, got nan"),
    ],
    ids=["no size", "nan size", "negative", "for ever", "nan"],
)
def test_batch_that_makes_no_sense_is_refused(arguments: dict[str, Any], message: str) -> None:
    """At construction."""
    with pytest.raises(ConfigurationError, match=message):
        BatchPrimitive(lambda xs: xs, **arguments)


async def test_batch_can_be_a_decorator() -> None:
    """For a function that takes the list."""

    @BatchPrimitive
    async def lengths(texts: list[str]) -> list[int]:
        return [len(text) for text in texts]

    assert await lengths.execute("abc") == 3
    assert [chunk async for chunk in lengths.stream("ab")] == [2]
    assert [label for label, _ in lengths.children()] == [""]


async def test_key_that_raises_spoils_no_batch() -> None:
    """The caller has the error; the others their results."""

    def key(x: int, context: WorkflowContext) -> int:
        return 1 // x

    batch: BatchPrimitive[int, int] = BatchPrimitive(Doubling(), key=key)
    results = await asyncio.gather(*ask(batch, 1, 0, 1), return_exceptions=True)
    assert results[0::2] == [2, 2]
    assert isinstance(results[1], ZeroDivisionError)
    assert batch.waiting == 0
