"""Who gets a place, who waits, who is refused, and what becomes of the places."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives import (
    TimeoutError,  # noqa: A004 - rooted in the stdlib's
    TimeoutPrimitive,
    WorkflowContext,
)
from tta_dev_primitives.errors import BulkheadFullError, ConfigurationError
from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive, BulkheadStats
from tta_dev_primitives.testing import FakeClock, MockPrimitive, settle

from .bulkhead_desk import Desk, People, counts


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def people() -> AsyncIterator[People]:
    async with People() as found:
        yield found


async def test_calls_beyond_the_limit_wait_for_a_place(desk: Desk, people: People) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=2)
    await people.call(bulkhead, "a", "b", "c")
    assert desk.running == ["a", "b"]
    await desk.finish("b")
    assert desk.running == ["a", "c"]
    assert await people["b"] == "b"


async def test_places_go_to_those_who_wait_in_the_order_they_came(
    desk: Desk, people: People
) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1)
    await people.call(bulkhead, "a", "b", "c", "d")
    await desk.finish("a", "b", "c", "d")
    assert desk.begun == ["a", "b", "c", "d"]


async def test_higher_priority_comes_first_and_equals_in_their_order(
    desk: Desk, people: People
) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, priority=lambda x, _: int(x[0]))
    await people.call(bulkhead, "0a", "1b", "5c", "1d", "5e")
    await desk.finish("0a", "5c", "5e", "1b", "1d")
    assert desk.begun == ["0a", "5c", "5e", "1b", "1d"]


async def test_priority_sees_the_context(desk: Desk, people: People) -> None:
    """Urgency often comes with the user, not with the input."""
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, priority=lambda _, c: c.metadata["tier"])
    for name, tier in (("a", 0), ("free", 1), ("paying", 2)):
        await people.call(bulkhead, name, context=WorkflowContext(metadata={"tier": tier}))
    await desk.finish("a")
    assert desk.running == ["paying"]


async def test_call_that_comes_in_the_moment_of_release_passes_nobody(
    desk: Desk, people: People
) -> None:
    """Between the release and the first step of who waited, no place is free."""
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1)
    await people.call(bulkhead, "a", "b")
    people["a"].cancel()
    people.tasks["late"] = asyncio.ensure_future(bulkhead.execute("late"))
    await settle()
    assert desk.running == ["b"]
    assert counts(bulkhead) == (1, 1)


@pytest.mark.parametrize("max_queue", [0, 1, 3], ids=["no-queue", "one", "three"])
async def test_call_is_refused_at_once_when_the_queue_is_full(
    desk: Desk, people: People, max_queue: int
) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, max_queue=max_queue, name="desk")
    await people.call(bulkhead, *range(1 + max_queue))
    with pytest.raises(BulkheadFullError) as caught:
        await bulkhead.execute("too many")
    assert str(caught.value) == (
        f"the bulkhead 'desk' is full and the queue is, too (1 running, {max_queue} waiting); "
        "try later, or raise max_concurrent, max_queue or max_wait_seconds"
    )
    assert desk.begun == [0]
    assert bulkhead.stats().rejected == 1


async def test_call_is_refused_when_no_place_comes_free_in_time(
    clock: FakeClock, desk: Desk, people: People
) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, max_wait_seconds=2, clock=clock)
    await people.call(bulkhead, "a", "b")
    await clock.sleep_through(1.75)
    assert not people["b"].done()
    await clock.sleep_through(0.25)
    with pytest.raises(BulkheadFullError, match="no place came free within 2 s"):
        await people["b"]
    assert counts(bulkhead) == (1, 0)


async def test_place_in_time_stops_the_timer(clock: FakeClock, desk: Desk, people: People) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, max_wait_seconds=2, clock=clock)
    await people.call(bulkhead, "a", "b")
    await desk.finish("a")
    assert clock.pending == 0
    await clock.sleep_through(60)
    assert desk.running == ["b"]


@pytest.mark.parametrize(
    ("max_wait", "deadline", "refused_after"),
    [(None, 3, 3), (5, 3, 3), (2, 3, 2)],
    ids=["deadline-alone", "deadline-first", "limit-first"],
)
async def test_wait_ends_at_the_deadline_or_the_longest_wait(
    clock: FakeClock, desk: Desk, people: People, max_wait: Any, deadline: int, refused_after: int
) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, max_wait_seconds=max_wait, clock=clock)
    await people.call(bulkhead, "a")
    await people.call(bulkhead, "b", context=WorkflowContext(deadline=deadline))
    await clock.sleep_through(refused_after - 0.25)
    assert not people["b"].done()
    await clock.sleep_through(0.25)
    assert isinstance(people["b"].exception(), BulkheadFullError)


@pytest.mark.parametrize("deadline", [9, 10], ids=["past", "now"])
@pytest.mark.parametrize("enforced", [False, True])
async def test_call_that_cannot_be_in_time_is_refused_at_once(
    clock: FakeClock, desk: Desk, people: People, deadline: float, enforced: bool
) -> None:
    clock.advance(10)
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, clock=clock)
    await people.call(bulkhead, "a")
    context = WorkflowContext().with_deadline(deadline, enforced=enforced)
    with pytest.raises(BulkheadFullError, match="there is no time to wait"):
        await bulkhead.execute("b", context)


async def test_longest_wait_of_zero_refuses_whoever_would_wait(desk: Desk, people: People) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, max_wait_seconds=0)
    await people.call(bulkhead, "a")
    with pytest.raises(BulkheadFullError, match="there is no time to wait"):
        await bulkhead.execute("b")


async def test_limit_further_out_ends_the_wait_without_a_second_timer(
    clock: FakeClock, desk: Desk, people: People
) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, max_wait_seconds=60, clock=clock)
    await people.call(bulkhead, "a")
    await people.call(TimeoutPrimitive(bulkhead, 5, clock=clock), "b")
    assert clock.pending == 1
    await clock.sleep_through(5)
    assert isinstance(people["b"].exception(), TimeoutError)
    assert counts(bulkhead) == (1, 0)


async def test_who_is_cancelled_while_waiting_leaves_room_in_the_queue(
    desk: Desk, people: People
) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, max_queue=2)
    await people.call(bulkhead, "a", "b", "c")
    await people.leave("b")
    await people.call(bulkhead, "d")
    assert counts(bulkhead) == (1, 2)
    await desk.finish("a", "c", "d")
    assert desk.begun == ["a", "c", "d"]
    assert counts(bulkhead) == (0, 0)


@pytest.mark.parametrize("first", ["release", "cancel"])
async def test_place_given_to_who_is_cancelled_in_the_same_moment_is_passed_on(
    desk: Desk, people: People, first: str
) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1)
    await people.call(bulkhead, "a", "b", "c")
    for name in ("a", "b") if first == "release" else ("b", "a"):
        people[name].cancel()
    await settle()
    assert desk.begun == ["a", "c"]
    assert counts(bulkhead) == (1, 0)


async def test_place_given_and_cancelled_one_turn_later_is_passed_on(
    desk: Desk, people: People
) -> None:
    """The place is given already, but who waited has not run since."""
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1)
    await people.call(bulkhead, "a", "b", "c")
    people["a"].add_done_callback(lambda _: people["b"].cancel())
    people["a"].cancel()
    asyncio.get_running_loop().call_soon(people["b"].cancel)
    await settle()
    assert desk.begun == ["a", "c"]
    assert people["b"].cancelled()


async def test_who_runs_out_of_time_and_is_cancelled_in_the_same_moment_is_counted_once(
    clock: FakeClock, desk: Desk, people: People
) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, max_wait_seconds=1, clock=clock)
    await people.call(bulkhead, "a", "b")
    clock.advance(1)
    people["b"].cancel()
    await settle()
    assert people["b"].cancelled()
    assert counts(bulkhead) == (1, 0)


async def test_queue_forgets_those_who_left_while_nothing_comes_free(
    desk: Desk, people: People
) -> None:
    """A call that never ends must not make the queue grow with each caller who gives up."""
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1)
    await people.call(bulkhead, "a")

    async def visit() -> weakref.ref[WorkflowContext]:
        call = asyncio.ensure_future(bulkhead.execute("x"))
        await asyncio.sleep(0)
        waited_on = weakref.ref(call._fut_waiter)  # pyright: ignore[reportAttributeAccessIssue]
        call.cancel()
        await asyncio.wait([call])
        return waited_on

    left = [await visit() for _ in range(200)]
    gc.collect()
    assert sum(waiter() is not None for waiter in left) < 40


@pytest.mark.parametrize("error", [ValueError("bad"), asyncio.CancelledError(), SystemError()])
async def test_place_is_returned_however_the_call_ends(error: BaseException) -> None:
    bulkhead = BulkheadPrimitive(MockPrimitive(raise_error=error), max_concurrent=1)
    for _ in range(3):
        with pytest.raises(type(error)):
            await bulkhead.execute("x")
    assert counts(bulkhead) == (0, 0)


def test_place_is_returned_when_the_call_is_closed_by_hand() -> None:
    """A coroutine that nobody awaits to its end is closed with a GeneratorExit."""

    async def run() -> None:
        for step in (lambda x: asyncio.sleep(1), lambda x, context: asyncio.sleep(1)):
            bulkhead = BulkheadPrimitive(step, max_concurrent=1)
            running, waiting = bulkhead.execute("a"), bulkhead.execute("b")
            running.send(None)
            waiting.send(None)
            assert counts(bulkhead) == (1, 1)
            waiting.close()
            assert counts(bulkhead) == (1, 0)
            running.close()
            assert counts(bulkhead) == (0, 0)

    asyncio.run(run())


@pytest.mark.parametrize("what", ["key", "priority"])
async def test_error_of_a_function_of_the_user_takes_no_place(what: str) -> None:
    def fail(x: str, context: WorkflowContext) -> int:
        raise LookupError(x)

    options: dict[str, Any] = {what: fail}
    bulkhead = BulkheadPrimitive(MockPrimitive(), max_concurrent=1, **options)
    with pytest.raises(LookupError):
        await bulkhead.execute("x")
    assert counts(bulkhead) == (0, 0)


async def test_policy_shares_its_places_between_the_steps_it_wraps(people: People) -> None:
    policy = BulkheadPrimitive[Any, Any](max_concurrent=1)
    first, second = Desk(), Desk()
    await people.call(policy.wrap(first), "a")
    await people.call(policy.wrap(MockPrimitive(side_effect=lambda x, _: second(x))), "b")
    assert second.begun == []
    await first.finish("a")
    assert second.running == ["b"]


async def test_decorated_function_is_limited(people: People, desk: Desk) -> None:
    @BulkheadPrimitive(max_concurrent=1)
    async def work(x: str) -> str:
        return await desk(x)

    await people.call(work, "a", "b")
    assert desk.running == ["a"]


async def test_policy_without_a_step_says_what_to_do_and_keeps_no_place() -> None:
    policy = BulkheadPrimitive[Any, Any]()
    with pytest.raises(ConfigurationError, match=r"use BulkheadPrimitive\(step, \.\.\.\)"):
        await policy.execute("x")
    assert counts(policy) == (0, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_concurrent": 0}, "max_concurrent must be 1 or more, got 0"),
        ({"max_queue": -1}, "max_queue must be 0 or more, got -1; with 0 nobody waits"),
        ({"max_wait_seconds": -0.5}, "max_wait_seconds must be 0 or more, or None, got -0.5"),
        ({"max_wait_seconds": float("nan")}, "max_wait_seconds must be 0 or more"),
    ],
    ids=["no-place", "queue", "wait", "nan"],
)
def test_number_out_of_range_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        BulkheadPrimitive(str, **options)


def test_figures_can_be_had_before_the_first_call() -> None:
    assert BulkheadPrimitive(str, max_concurrent=7).stats() == BulkheadStats(0, 0, 7, 0)


def test_step_is_its_child() -> None:
    step = MockPrimitive("step")
    assert BulkheadPrimitive(step).children() == [("", step)]
