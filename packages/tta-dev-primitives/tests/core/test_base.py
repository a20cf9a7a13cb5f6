"""The protocol every primitive follows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tta_dev_primitives import LambdaPrimitive, WorkflowContext, WorkflowPrimitive
from tta_dev_primitives.core.base import FRESH
from tta_dev_primitives.core.observe import ObservabilityPrimitive, observe
from tta_dev_primitives.errors import ConfigurationError


class OldStyle(WorkflowPrimitive[int, int]):
    """A step as written for 0.1: the context is required."""

    async def execute(self, input_data: int, context: WorkflowContext) -> int:
        context.state["calls"] = context.state.get("calls", 0) + 1
        return input_data + 1


class NewStyle(WorkflowPrimitive[int, int]):
    async def execute(self, input_data: int, context: WorkflowContext = FRESH) -> int:
        context.state["calls"] = context.state.get("calls", 0) + 1
        return input_data + 1


class Streaming(WorkflowPrimitive[str, str]):
    async def stream(
        self, input_data: str, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[str, None]:
        context.state["calls"] = context.state.get("calls", 0) + 1
        for letter in input_data:
            yield letter


class Neither(WorkflowPrimitive[int, int]):
    pass


class Calls(ObservabilityPrimitive):
    """Counts calls by path."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def start(
        self, primitive: WorkflowPrimitive[Any, Any], path: str, context: WorkflowContext
    ) -> object:
        self.paths.append(path)
        return None


@pytest.mark.parametrize("step", [OldStyle(), NewStyle()], ids=["required", "default"])
async def test_context_may_be_left_out_or_given(step: Any) -> None:
    """Callers write `execute(x)`, `execute(x, ctx)` or name the context, as they like."""
    context = WorkflowContext()
    assert await step.execute(1) == 2
    assert await step.execute(1, None) == 2
    assert await step.execute(1, context) == 2
    assert await step.execute(1, context=context) == 2
    assert await step.execute(input_data=1, context=context) == 2
    assert context.state == {"calls": 3}


async def test_each_call_without_a_context_gets_a_new_one() -> None:
    """State does not leak from one call into the next."""
    seen: list[WorkflowContext] = []
    step = LambdaPrimitive(lambda x, context: seen.append(context))
    await step.execute(1)
    await step.execute(1)
    assert seen[0] is not seen[1]


async def test_step_without_a_stream_yields_its_result_once() -> None:
    """`stream` works on every step."""
    context = WorkflowContext()
    assert [chunk async for chunk in OldStyle().stream(1, context)] == [2]
    assert [chunk async for chunk in OldStyle().stream(1)] == [2]
    assert context.state == {"calls": 1}


async def test_step_with_only_a_stream_joins_its_chunks() -> None:
    """`execute` works on every step."""
    context = WorkflowContext()
    assert await Streaming().execute("abc", context) == "abc"
    assert await Streaming().execute("abc") == "abc"
    assert [chunk async for chunk in Streaming().stream("ab", context)] == ["a", "b"]
    assert context.state == {"calls": 2}


async def test_step_that_defines_nothing_says_so() -> None:
    """The message names the class and what to define."""
    with pytest.raises(ConfigurationError, match="Neither defines neither execute nor stream"):
        await Neither().execute(1)
    with pytest.raises(ConfigurationError, match="define one"):
        await anext(Neither().stream(1))


def test_plain_execute_is_refused_when_the_class_is_made() -> None:
    """A forgotten `async` is found at once."""
    with pytest.raises(ConfigurationError, match=r"Plain\.execute must be an async def"):

        class Plain(WorkflowPrimitive[int, int]):  # pyright: ignore[reportUnusedClass]
            def execute(self, input_data: int, context: WorkflowContext) -> Any:
                return input_data


def test_execute_that_yields_is_refused_when_the_class_is_made() -> None:
    """An async generator belongs into `stream`."""
    with pytest.raises(ConfigurationError, match="that returns its result"):

        class Yields(WorkflowPrimitive[int, int]):  # pyright: ignore[reportUnusedClass]
            async def execute(self, input_data: int, context: WorkflowContext) -> Any:
                yield input_data


def test_stream_that_returns_is_refused_when_the_class_is_made() -> None:
    """A coroutine cannot be iterated over."""
    with pytest.raises(ConfigurationError, match="stream must be an async def that yields"):

        class Returns(WorkflowPrimitive[int, int]):  # pyright: ignore[reportUnusedClass]
            async def stream(  # pyright: ignore[reportIncompatibleMethodOverride]
                self, input_data: int, context: WorkflowContext
            ) -> Any:
                return input_data


async def test_mixin_may_bring_execute_and_stream() -> None:
    """What a class inherits from elsewhere is filled in and observed like its own."""

    class Doubles:
        async def execute(self, input_data: int, context: WorkflowContext) -> int:
            context.state["calls"] = 1
            return input_data * 2

        async def stream(self, input_data: int, context: WorkflowContext) -> Any:
            context.state["calls"] = 1
            yield input_data

    class Mixed(Doubles, WorkflowPrimitive[int, int]):  # pyright: ignore[reportIncompatibleMethodOverride]
        pass

    calls = Calls()
    with observe(calls):
        step: Any = Mixed()
        assert await step.execute(2) == 4
        assert [chunk async for chunk in step.stream(2)] == [2]
    assert calls.paths == ["0", "0"]


async def test_step_that_calls_the_observers_itself_is_not_wrapped() -> None:
    """On the hottest paths a step may fill in the context and report itself."""

    class Own(WorkflowPrimitive[int, int]):
        async def execute(self, input_data: int, context: WorkflowContext = FRESH) -> int:
            assert context is FRESH
            return input_data

        vars(execute)["_tta_entry"] = True

    calls = Calls()
    with observe(calls):
        assert await Own().execute(1) == 1
    assert calls.paths == []


class Counted(OldStyle):
    async def execute(self, input_data: int, context: WorkflowContext) -> int:
        return await super().execute(input_data, context) * 10


class Twice(Counted):
    async def execute(self, input_data: int, context: WorkflowContext) -> int:
        return await super().execute(await super().execute(input_data, context), context)


@pytest.mark.parametrize(("step", "expected"), [(Counted(), 20), (Twice(), 210)], ids=["1", "2"])
async def test_super_execute_is_part_of_the_same_call(step: Counted, expected: int) -> None:
    """Observers see one call, however many classes take part in it."""
    calls = Calls()
    with observe(calls):
        assert await step.execute(1, WorkflowContext()) == expected
    assert calls.paths == ["0"]


async def test_super_stream_is_part_of_the_same_call() -> None:
    """A stream that builds on its base class is one call, and closes it."""
    closed: list[bool] = []

    class Base(WorkflowPrimitive[str, str]):
        async def stream(
            self, input_data: str, context: WorkflowContext = FRESH
        ) -> AsyncGenerator[str, None]:
            try:
                for letter in input_data:
                    yield letter
            finally:
                closed.append(True)

    class Upper(Base):
        async def stream(
            self, input_data: str, context: WorkflowContext = FRESH
        ) -> AsyncGenerator[str, None]:
            chunks = super().stream(input_data, context)
            try:
                async for chunk in chunks:
                    yield chunk.upper()
            finally:
                await chunks.aclose()

    calls = Calls()
    with observe(calls):
        assert await Upper().execute("ab") == "AB"
        early = Upper().stream("ab")
        await anext(early)
        await early.aclose()
    assert calls.paths == ["0", "0"]
    assert closed == [True, True]


async def test_call_of_itself_is_a_call_of_its_own() -> None:
    """A step that recurses is seen once per call."""

    class Countdown(WorkflowPrimitive[int, int]):
        async def execute(self, input_data: int, context: WorkflowContext = FRESH) -> int:
            return await self.execute(input_data - 1, context) if input_data else 0

    calls = Calls()
    with observe(calls):
        assert await Countdown().execute(2) == 0
    assert calls.paths == ["0", "0/Countdown", "0/Countdown/Countdown"]


def test_run_works_without_an_event_loop() -> None:
    """Code that is not async gets the result in one call."""
    context = WorkflowContext()
    assert OldStyle().run(1) == 2
    assert OldStyle().run(1, context) == 2
    assert LambdaPrimitive(lambda x: x * 2).run(4) == 8
    assert context.state == {"calls": 1}


async def test_run_inside_a_loop_says_what_to_do() -> None:
    """`run` would block the loop, so it refuses and no coroutine is left unawaited."""
    with pytest.raises(RuntimeError, match=r"use `await primitive\.execute"):
        OldStyle().run(1)


def test_names_and_labels_are_for_people() -> None:
    """Without a name the class speaks, without its `Primitive`."""
    unnamed = LambdaPrimitive(lambda x: x)
    named = LambdaPrimitive(lambda x: x, name="double")
    assert (unnamed.label, named.label, Neither().label) == ("Lambda", "double", "Neither")
    assert repr(unnamed) == "<LambdaPrimitive>"
    assert repr(named) == "<LambdaPrimitive 'double'>"


def test_step_has_no_children_and_no_further_identity() -> None:
    """A leaf is a leaf."""
    assert list(Neither().children()) == []
    assert list(Neither().identity_parts()) == []
    assert Neither.upstream is False


async def test_cancelling_a_call_cancels_the_step() -> None:
    """Cancellation reaches the step and is not swallowed."""
    started, ended = asyncio.Event(), asyncio.Event()

    async def waits(x: int) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.ensure_future(LambdaPrimitive(waits).execute(1))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
