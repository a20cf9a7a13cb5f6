"""Branches side by side: order, failure, cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tta_dev_primitives import LambdaPrimitive, ParallelPrimitive, WorkflowContext
from tta_dev_primitives.core.parallel import gather_all


class Branches:
    """Makes branches that wait, and remembers how they ended."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.running = asyncio.Event()

    def waiting(self, name: str = "waiting", cleanup_turns: int = 3) -> Callable[[Any], Any]:
        async def wait(x: Any) -> None:
            self.events.append(f"{name} began")
            self.running.set()
            try:
                await asyncio.Event().wait()
            finally:
                for _ in range(cleanup_turns):
                    await asyncio.sleep(0)
                self.events.append(f"{name} ended")

        return wait

    def failing(self, error: BaseException) -> Callable[[Any], Any]:
        async def fail(x: Any) -> None:
            await self.running.wait()
            raise error

        return fail


@pytest.fixture
async def branches() -> Branches:
    return Branches()


async def test_results_come_in_the_order_of_the_branches() -> None:
    """Not in the order in which they finish."""
    last = asyncio.Event()

    async def slow(x: int) -> str:
        await last.wait()
        return "slow"

    def fast(x: int) -> str:
        last.set()
        return "fast"

    assert await (LambdaPrimitive(slow) | fast).execute(1) == ["slow", "fast"]


async def test_branches_run_side_by_side() -> None:
    """Each may wait for the other."""
    barrier = asyncio.Barrier(3)

    async def meet(x: int) -> int:
        return await barrier.wait()

    meeting = LambdaPrimitive(meet) | meet | meet
    assert sorted(await meeting.execute(1)) == [0, 1, 2]


async def test_mapping_of_branches_gives_a_dict_with_the_same_keys() -> None:
    """Keys keep their order."""
    node = ParallelPrimitive({"b": lambda x: x + 1, "a": lambda x: x + 2})
    result = await node.execute(1)
    assert list(result.items()) == [("b", 2), ("a", 3)]
    assert [label for label, _ in node.children()] == ["b", "a"]


async def test_branches_share_the_context() -> None:
    """What one writes is there for all."""
    context = WorkflowContext()
    node = ParallelPrimitive(
        [lambda x, ctx: ctx.state.update(a=x), lambda x, ctx: ctx.state.update(b=x)]
    )
    await node.execute(1, context)
    assert context.state == {"a": 1, "b": 1}


async def test_one_failure_is_raised_as_itself(branches: Branches) -> None:
    """The very error, with the cause and the context it was raised with."""
    cause, error = KeyError("cause"), LookupError("error")
    error.__cause__ = cause
    error.__suppress_context__ = False
    node = ParallelPrimitive([branches.waiting(), branches.failing(error)])
    with pytest.raises(LookupError) as caught:
        await node.execute(1)
    assert caught.value is error
    assert error.__cause__ is cause
    assert not error.__suppress_context__
    assert error.__context__ is None


async def test_siblings_have_ended_before_the_error_is_raised(branches: Branches) -> None:
    """Cancelled, and waited for, however long their cleanup takes."""
    node = ParallelPrimitive(
        [branches.waiting("a"), branches.failing(LookupError()), branches.waiting("b", 20)]
    )
    with pytest.raises(LookupError):
        await node.execute(1)
    assert branches.events == ["a began", "b began", "a ended", "b ended"]


async def test_several_failures_are_raised_as_a_group(branches: Branches) -> None:
    """None is lost, and they stand in the order in which they happened."""
    errors = [LookupError("1"), KeyError("2")]
    branches.running.set()
    node = ParallelPrimitive([branches.failing(error) for error in errors])
    with pytest.raises(ExceptionGroup) as caught:
        await node.execute(1)
    assert list(caught.value.exceptions) == errors


async def test_group_raised_by_one_branch_stays_as_it_is(branches: Branches) -> None:
    """A failure that is a group already is not unpacked and not wrapped."""
    group = ExceptionGroup("two", [KeyError(1), KeyError(2)])
    branches.running.set()
    with pytest.raises(ExceptionGroup) as caught:
        await ParallelPrimitive([branches.failing(group), branches.waiting()]).execute(1)
    assert caught.value is group


async def test_failing_cleanup_of_a_sibling_is_raised_too(branches: Branches) -> None:
    """What goes wrong while siblings are cancelled is not hidden."""

    async def fails_late(x: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise KeyError("cleanup")

    node = ParallelPrimitive([fails_late, branches.waiting(), branches.failing(LookupError())])
    with pytest.raises(ExceptionGroup) as caught:
        await node.execute(1)
    assert {type(error) for error in caught.value.exceptions} == {LookupError, KeyError}


async def test_cancelling_the_call_cancels_every_branch(branches: Branches) -> None:
    """The cancellation is raised when all of them have ended."""
    node = ParallelPrimitive([branches.waiting("a"), branches.waiting("b")])
    call = asyncio.ensure_future(node.execute(1))
    await branches.running.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert branches.events[:2] == ["a began", "b began"]
    assert sorted(branches.events[2:]) == ["a ended", "b ended"]


async def test_branch_that_cancels_itself_cancels_the_call(branches: Branches) -> None:
    """A cancellation from within is neither swallowed nor taken for a result."""
    branches.running.set()
    node = ParallelPrimitive([branches.failing(asyncio.CancelledError()), lambda x: x])
    with pytest.raises(asyncio.CancelledError):
        await node.execute(1)


@pytest.mark.parametrize("place", [0, 1, 2], ids=["first", "middle", "last"])
async def test_branch_that_cannot_be_called_cancels_the_others(
    branches: Branches, place: int
) -> None:
    """An error before there is a coroutine counts like any other."""

    class Broken(LambdaPrimitive[Any, Any]):
        def execute(self, input_data: Any, *args: Any, **kwargs: Any) -> Any:
            raise LookupError("no call")

        vars(execute)["_tta_entry"] = True

    steps: list[Any] = [branches.waiting("a"), branches.waiting("b")]
    steps.insert(place, Broken(lambda x: x))
    with pytest.raises(LookupError, match="no call"):
        await ParallelPrimitive(steps).execute(1)
    begun = [event for event in branches.events if "began" in event]
    ended = [event for event in branches.events if "ended" in event]
    assert sorted(ended) == [event.replace("began", "ended") for event in begun]


async def test_gather_all_awaits_nothing_for_no_calls() -> None:
    """No calls, no results."""
    assert await gather_all(()) == []
