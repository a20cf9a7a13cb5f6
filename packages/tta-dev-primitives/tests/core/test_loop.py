"""One step over and over, until its result is good enough."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from tta_dev_primitives import LambdaPrimitive, RetryPrimitive, TimeoutPrimitive, WorkflowContext
from tta_dev_primitives.core.identity import identity
from tta_dev_primitives.core.loop import LoopPrimitive
from tta_dev_primitives.errors import ConfigurationError, LoopExhaustedError, TimeoutError  # noqa: A004 - the package's own
from tta_dev_primitives.testing import FakeClock


def never(x: object, context: WorkflowContext) -> bool:
    return False


def reaches(goal: int) -> Any:
    return lambda x, context: x >= goal


async def plus_one(x: int) -> int:
    return x + 1


@pytest.mark.parametrize(
    ("start", "goal", "expected"),
    [(0, 1, 1), (0, 3, 3), (0, 10, 10), (5, 3, 6)],
    ids=["first", "third", "last allowed", "done before, and yet run once"],
)
async def test_body_runs_on_its_own_result_until_the_condition_holds(
    start: int, goal: int, expected: int
) -> None:
    """The condition sees what the body returned, and the body runs at least once."""
    loop = LoopPrimitive(plus_one, until=reaches(goal))
    assert await loop.execute(start) == expected
    assert [chunk async for chunk in loop.stream(start)] == [expected]


async def test_exhausted_loop_raises_with_the_last_value() -> None:
    """The work is not lost, and not in the text either."""
    loop = LoopPrimitive(plus_one, until=never, max_iterations=3, name="improve")
    with pytest.raises(LoopExhaustedError) as caught:
        await loop.execute(1000)
    assert str(caught.value) == (
        "improve was not done after 3 iterations; raise max_iterations= or accept the last value "
        "with on_exhausted='return'"
    )
    assert (caught.value.iterations, caught.value.value) == (3, 1003)


async def test_exhausted_loop_is_not_retried_as_a_whole() -> None:
    """A bound of ten is a bound of ten, not of forty."""
    ran: list[int] = []

    def body(x: int) -> int:
        ran.append(x)
        return x

    with pytest.raises(LoopExhaustedError):
        await RetryPrimitive(LoopPrimitive(body, until=never)).execute(0)
    assert len(ran) == 10


async def test_exhausted_loop_returns_the_last_value_where_asked() -> None:
    """Good enough is what there is."""
    loop = LoopPrimitive(plus_one, until=never, max_iterations=3, on_exhausted="return")
    assert await loop.execute(0) == 3


async def test_error_of_the_body_ends_the_loop() -> None:
    """At once, as it is."""
    ran: list[int] = []

    def body(x: int) -> int:
        ran.append(x)
        if x == 2:
            raise LookupError("two")
        return x + 1

    with pytest.raises(LookupError, match="two"):
        await LoopPrimitive(body, until=never).execute(0)
    assert ran == [0, 1, 2]


async def test_cancellation_ends_the_loop() -> None:
    """No further iteration begins."""
    ran: list[int] = []

    async def hang(x: int) -> int:
        ran.append(x)
        await asyncio.Event().wait()
        return x

    task = asyncio.ensure_future(LoopPrimitive(hang, until=never).execute(0))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ran == [0]


@pytest.mark.parametrize(
    ("deadline", "iterations"), [(5.0, 3), (4.0, 2), (0.0, 0)], ids=["between", "at", "passed"]
)
async def test_no_iteration_begins_after_the_deadline(
    clock: FakeClock, deadline: float, iterations: int
) -> None:
    """Iterations take two seconds each."""
    ran: list[int] = []

    def body(x: int) -> int:
        ran.append(x)
        clock.advance(2)
        return x

    loop = LoopPrimitive(body, until=never, clock=clock, name="slow")
    with pytest.raises(TimeoutError, match=f"slow exceeded {deadline:g}s timeout"):
        await loop.execute(0, WorkflowContext(deadline=deadline))
    assert len(ran) == iterations


async def test_limit_around_a_body_that_never_waits_has_its_fallback(clock: FakeClock) -> None:
    """The limit rings between two iterations; the loop's own error does not go past it."""

    def body(x: int) -> int:
        clock.advance(2)
        return x + 1

    loop = LoopPrimitive(body, until=never, max_iterations=100, clock=clock)
    limited = TimeoutPrimitive(loop, 5, fallback=lambda x: "too slow", clock=clock)
    assert await limited.execute(0) == "too slow"
    assert (clock.monotonic(), clock.pending) == (6, 0)


async def test_real_limit_around_a_body_that_never_waits_has_its_fallback() -> None:
    """The same with timers of the event loop."""
    loop = LoopPrimitive(lambda x: sum(range(2000)), until=never, max_iterations=10**9)
    assert (
        await TimeoutPrimitive(loop, 0.02, fallback=lambda x: "too slow").execute(0) == "too slow"
    )


async def test_loop_can_be_a_decorator() -> None:
    """Like every wrapper."""

    @LoopPrimitive(until=lambda text, context: len(text) >= 4)
    def doubled(text: str) -> str:
        return text * 2

    assert await doubled.execute("a") == "aaaa"


async def test_condition_and_body_see_the_context() -> None:
    """State is how they tell each other what is not in the value."""

    def body(x: int, context: WorkflowContext) -> int:
        context.state["rounds"] = context.state.get("rounds", 0) + 1
        return x

    context = WorkflowContext()
    loop = LoopPrimitive(body, until=lambda x, context: context.state["rounds"] == 4)
    await loop.execute(0, context)
    assert context.state["rounds"] == 4


async def later(x: object, context: WorkflowContext) -> bool:
    return False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"until": later}, "until must be a plain function of"),
        ({"until": True}, "until must be a plain function of"),
        ({"until": never, "max_iterations": 0}, "max_iterations must be 1 or more, got 0"),
        ({"until": never, "max_iterations": math.nan}, "max_iterations must be 1 or more, got nan"),
        ({"until": never, "on_exhausted": "stop"}, "on_exhausted must be 'raise' or 'return'"),
    ],
    ids=["async", "value", "no iteration", "nan", "unknown end"],
)
def test_loop_that_makes_no_sense_is_refused(arguments: dict[str, Any], message: str) -> None:
    """At construction; an async condition would always count as true."""
    with pytest.raises(ConfigurationError, match=message):
        LoopPrimitive(plus_one, **arguments)


def test_body_is_the_child_and_the_bound_counts_for_the_identity() -> None:
    """A loop that runs longer gives another result."""
    body = LambdaPrimitive(plus_one)
    loops = [LoopPrimitive(body, until=never, max_iterations=n) for n in (1, 2)]
    assert loops[0].children() == [("", body)]
    assert identity(loops[0]) != identity(loops[1])
