from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

import pytest

from tta_dev_primitives.core.base import WorkflowPrimitive
from tta_dev_primitives.errors import (
    AuthenticationError,
    ConfigurationError,
    RateLimitedError,
    ServerError,
)
from tta_dev_primitives.recovery.hedge import HedgePrimitive
from tta_dev_primitives.testing.clock import FakeClock

from .hedge_calls import Calls


@pytest.fixture
def calls(clock: FakeClock) -> Callable[..., Calls]:
    """Makes a `Calls` on the test's clock."""
    return lambda *script: Calls(clock, *script)


async def test_quick_answer_makes_one_call_in_the_callers_task(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    step = calls((1, "a"))
    caller = asyncio.ensure_future(HedgePrimitive(step, delay=2, clock=clock).execute("x"))
    await clock.sleep_through(1)
    assert caller.result() == "a"
    assert step.tasks == [caller]
    assert clock.pending == 0


async def test_hedge_begins_after_the_delay_and_wins(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    step = calls((60, "slow"), (1, "quick"))
    assert await after(3, HedgePrimitive(step, delay=2, clock=clock).execute("x")) == "quick"
    assert step.began == [0, 2]
    assert step.ended == [3, 3]


async def test_step_that_answers_after_all_wins_over_its_hedge(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    step = calls((3, "slow"), (60, "slower"))
    assert await after(3, HedgePrimitive(step, delay=2, clock=clock).execute("x")) == "slow"
    assert step.ended == [3, 3]


async def test_each_hedge_waits_for_the_delay_again(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    step = calls((60, "a"), (60, "b"), (60, "c"), (1, "d"))
    hedged = HedgePrimitive(step, delay=2, max_hedges=3, clock=clock)
    assert await after(7, hedged.execute("x")) == "d"
    assert step.began == [0, 2, 4, 6]


async def test_no_more_hedges_than_allowed(clock: FakeClock, calls: Any, after: Any) -> None:
    step = calls((60, "a"), (60, "b"), (60, "c"))
    hedged = HedgePrimitive(step, delay=2, max_hedges=2, clock=clock)
    assert await after(60, hedged.execute("x")) == "a"
    assert step.began == [0, 2, 4]


async def test_hedges_go_to_the_alternatives_in_turn(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    first, second, third = calls((60, 1)), calls((60, 2), (1, 4)), calls((60, 3))
    hedged = HedgePrimitive(first, delay=2, max_hedges=3, alternatives=[second, third], clock=clock)
    assert await after(7, hedged.execute("x")) == 4
    assert (first.began, second.began, third.began) == ([0], [2, 6], [4])


async def test_failure_begins_the_next_hedge_at_once(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    step = calls((1, ServerError("busy")), (1, ServerError("busy")), (1, "answer"))
    hedged = HedgePrimitive(step, delay=5, max_hedges=2, clock=clock)
    assert await after(3, hedged.execute("x")) == "answer"
    assert step.began == [0, 1, 2]


async def test_delay_counts_anew_from_a_hedge_that_began_early(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    step = calls((1, ServerError("busy")), (60, "b"), (1, "c"))
    hedged = HedgePrimitive(step, delay=5, max_hedges=2, clock=clock)
    assert await after(7, hedged.execute("x")) == "c"
    assert step.began == [0, 1, 6]


@pytest.mark.parametrize(
    "error",
    [AuthenticationError("no key"), RateLimitedError("later", retry_after=9)],
    ids=["hopeless", "server-asked-for-a-pause"],
)
async def test_failure_that_the_same_step_would_repeat_is_raised_at_once(
    clock: FakeClock, calls: Any, after: Any, error: Exception
) -> None:
    step = calls((1, error))
    with pytest.raises(type(error)):
        await after(1, HedgePrimitive(step, delay=5, clock=clock).execute("x"))
    assert step.began == [0]


async def test_alternative_is_asked_after_any_failure(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    """The key of one provider says nothing about the other."""
    other = calls((1, "answer"))
    hedged = HedgePrimitive(
        calls((1, AuthenticationError("no key"))), alternatives=[other], delay=5, clock=clock
    )
    assert await after(2, hedged.execute("x")) == "answer"


async def test_failure_is_raised_at_once_where_errors_are_not_hedged(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    step = calls((1, ServerError("busy")))
    hedged = HedgePrimitive(step, delay=5, hedge_on_error=False, clock=clock)
    with pytest.raises(ServerError):
        await after(1, hedged.execute("x"))


async def test_hedge_under_way_is_waited_for_when_the_step_fails(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    step = calls((3, ServerError("busy")), (10, "answer"))
    hedged = HedgePrimitive(step, delay=2, hedge_on_error=False, clock=clock)
    assert await after(12, hedged.execute("x")) == "answer"


async def test_step_goes_on_when_its_hedge_fails(clock: FakeClock, calls: Any, after: Any) -> None:
    step = calls((9, "answer"), (1, ValueError("hedge")))
    assert await after(9, HedgePrimitive(step, delay=2, clock=clock).execute("x")) == "answer"


async def test_when_all_fail_the_error_of_the_step_is_raised(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    """Callers handle the same errors with hedging as without, whichever call failed last."""
    error = ServerError("busy")
    error.__cause__ = OSError("cable")
    step = calls((3, error), (9, KeyError("one")), (1, ValueError("two")))
    hedged = HedgePrimitive(step, delay=2, max_hedges=2, clock=clock)
    with pytest.raises(ServerError) as caught:
        await after(11, hedged.execute("x"))
    assert caught.value is error
    assert error.__notes__ == [
        "hedge 2 failed with ValueError: two",
        "hedge 1 failed with KeyError: 'one'",
    ]
    assert isinstance(error.__cause__, OSError)
    assert error.__context__ is None


async def test_one_error_raised_by_all_gets_no_notes(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    same = ValueError("same")
    step = calls((1, same), (1, same))
    with pytest.raises(ValueError, match="same"):
        await after(2, HedgePrimitive(step, clock=clock).execute("x"))
    assert not hasattr(same, "__notes__")


async def test_hedge_that_was_cancelled_by_others_is_a_failure(
    clock: FakeClock, calls: Any
) -> None:
    step = calls((5, "answer"), (60, "hedge"))
    task = asyncio.ensure_future(HedgePrimitive(step, delay=2, clock=clock).execute("x"))
    await clock.sleep_through(3)
    step.tasks[1].cancel()
    await clock.sleep_through(2)
    assert task.result() == "answer"


async def test_hedge_that_cannot_even_be_called_is_a_failure(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    class Broken(WorkflowPrimitive):
        def execute(self, *_: Any) -> Any:
            raise TypeError("cannot be called")

        vars(execute)["_tta_entry"] = True

    step = calls((5, "answer"))
    hedged = HedgePrimitive(step, alternatives=[Broken()], delay=2, clock=clock)
    assert await after(5, hedged.execute("x")) == "answer"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"delay": -1}, "delay must be a Quantile or 0 to 86400 seconds, got -1"),
        ({"delay": math.nan}, "delay must be a Quantile or 0 to 86400 seconds, got nan"),
        ({"delay": math.inf}, "delay must be a Quantile or 0 to 86400 seconds, got inf"),
        ({"max_hedges": 0}, "max_hedges must be 1 or more, got 0; to hedge nothing use the step"),
        (
            {"alternatives": [len, len]},
            "2 alternatives cannot all be used with max_hedges=1; set max_hedges=2",
        ),
    ],
    ids=["negative", "nan", "never", "no-hedges", "too-many-alternatives"],
)
def test_arguments_that_make_no_sense_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        HedgePrimitive(len, **arguments)


async def test_decorator_keeps_the_function_callable(clock: FakeClock, after: Any) -> None:
    @HedgePrimitive(delay=1, clock=clock)
    async def double(x: int) -> int:
        return 2 * x

    assert await double.execute(2) == 4


async def test_hedge_on_the_real_clock() -> None:
    calls = 0

    async def step(x: str) -> str:
        nonlocal calls
        calls += 1
        await asyncio.sleep(60 if calls == 1 else 0)
        return x

    assert await HedgePrimitive(step, delay=0.001).execute("x") == "x"
    assert calls == 2


def test_children_are_the_step_and_the_alternatives() -> None:
    hedged = HedgePrimitive(len, alternatives=[str, repr], max_hedges=2)
    assert [label for label, _ in hedged.children()] == ["", "hedge 1", "hedge 2"]
