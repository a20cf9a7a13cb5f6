"""Streams through a sequence, and the steps that transform them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives import LambdaPrimitive, SequentialPrimitive, TransformPrimitive
from tta_dev_primitives.core.streaming import StreamTransform, join_chunks, transforms
from tta_dev_primitives.errors import ConfigurationError


class Log:
    """Steps that note what happens to them."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def letters(self, text: str) -> AsyncIterator[str]:
        try:
            for letter in text:
                self.lines.append(f"made {letter}")
                yield letter
        finally:
            await asyncio.sleep(0)
            self.lines.append("source closed")

    def transform(self, name: str) -> TransformPrimitive:
        async def append(chunks: AsyncIterator[str]) -> AsyncGenerator[str, None]:
            try:
                async for chunk in chunks:
                    yield chunk + name
            finally:
                self.lines.append(f"{name} closed")

        return TransformPrimitive(append, name=name)


@pytest.fixture
def log() -> Log:
    return Log()


async def test_last_step_streams_and_those_before_it_run(log: Log) -> None:
    """Steps ahead of the last one give whole values."""
    workflow = LambdaPrimitive(str.upper) >> (lambda text: text + "!") >> log.letters
    assert [chunk async for chunk in workflow.stream("ab")] == ["A", "B", "!"]


async def test_chunks_flow_through_transforms_one_by_one(log: Log) -> None:
    """A chunk is out before the next one is made."""
    workflow = LambdaPrimitive(log.letters) >> log.transform("1") >> log.transform("2")
    stream = workflow.stream("ab")
    assert await anext(stream) == "a12"
    assert log.lines == ["made a"]
    assert [chunk async for chunk in stream] == ["b12"]
    assert log.lines[2:] == ["source closed", "1 closed", "2 closed"]


async def test_execute_joins_what_transforms_make_of_the_whole(log: Log) -> None:
    """Under `execute` a transform gets the value of the step before as one chunk."""
    workflow = LambdaPrimitive(log.letters) >> log.transform("1") >> str.upper
    assert await workflow.execute("ab") == "AB1"
    assert [chunk async for chunk in workflow.stream("ab")] == ["AB1"]


async def test_transform_at_the_head_is_the_source(log: Log) -> None:
    """With nothing but transforms, the first one gets the input as one chunk."""
    workflow = log.transform("1") >> log.transform("2")
    assert [chunk async for chunk in workflow.stream("x")] == ["x12"]
    assert await log.transform("1").execute("x") == "x1"


@pytest.mark.parametrize("count", [0, 1, 3], ids=["no transform", "one", "three"])
async def test_closing_early_closes_everything_before_aclose_returns(log: Log, count: int) -> None:
    """Each transform ends, and the source with them."""
    steps = [log.letters, *(log.transform(str(number)) for number in range(count))]
    stream = SequentialPrimitive(steps).stream("abc")
    await anext(stream)
    await stream.aclose()
    assert sorted(log.lines) == sorted(
        ["made a", "source closed", *(f"{number} closed" for number in range(count))]
    )


async def test_transform_that_ends_first_stops_the_source(log: Log) -> None:
    """Taking the first chunk only makes no further ones."""

    async def first(chunks: AsyncIterator[str]) -> AsyncGenerator[str, None]:
        yield await anext(chunks)

    workflow = LambdaPrimitive(log.letters) >> TransformPrimitive(first)
    assert [chunk async for chunk in workflow.stream("abc")] == ["a"]
    assert log.lines == ["made a", "source closed"]


async def test_cancelling_the_consumer_closes_everything(log: Log) -> None:
    """The cancellation reaches the source where it waits."""
    waiting = asyncio.Event()

    async def stuck(text: str) -> AsyncIterator[str]:
        try:
            yield text
            waiting.set()
            await asyncio.Event().wait()
        finally:
            log.lines.append("stuck closed")

    workflow = LambdaPrimitive(stuck) >> log.transform("1")

    async def consume() -> None:
        async with contextlib.aclosing(workflow.stream("a")) as chunks:
            async for _ in chunks:
                pass

    task = asyncio.ensure_future(consume())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log.lines == ["stuck closed", "1 closed"]


async def test_error_in_the_source_reaches_the_consumer_after_the_chunks(log: Log) -> None:
    """What came before it is not lost, and everything is closed."""

    async def breaks(text: str) -> AsyncIterator[str]:
        yield text
        raise LookupError("mid-stream")

    workflow = LambdaPrimitive(breaks) >> log.transform("1")
    stream = workflow.stream("a")
    assert await anext(stream) == "a1"
    with pytest.raises(LookupError, match="mid-stream"):
        await anext(stream)
    assert log.lines == ["1 closed"]


async def test_error_in_a_transform_closes_the_source(log: Log) -> None:
    """The source does not go on for nobody."""

    async def breaks(chunks: AsyncIterator[str]) -> AsyncGenerator[str, None]:
        async for chunk in chunks:
            raise LookupError(chunk)
            yield chunk

    workflow = LambdaPrimitive(log.letters) >> TransformPrimitive(breaks)
    with pytest.raises(LookupError, match="a"):
        await anext(workflow.stream("abc"))
    assert log.lines == ["made a", "source closed"]


async def test_error_ahead_of_the_stream_is_raised_at_the_first_chunk(log: Log) -> None:
    """The stream never begins."""

    def fails(text: str) -> str:
        raise LookupError(text)

    with pytest.raises(LookupError, match="a"):
        await anext((LambdaPrimitive(fails) >> log.letters).stream("a"))
    assert log.lines == []


async def test_transform_closes_chunks_that_can_be_closed_only() -> None:
    """Any async iterator will do as a source."""

    class Bare:
        def __init__(self) -> None:
            self.left = ["a", "b"]

        def __aiter__(self) -> Bare:
            return self

        async def __anext__(self) -> str:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop(0)

    async def upper(chunks: AsyncIterator[str]) -> AsyncGenerator[str, None]:
        async for chunk in chunks:
            yield chunk.upper()

    step: Any = TransformPrimitive(upper)
    assert [chunk async for chunk in step.transform(Bare(), None)] == ["A", "B"]


def test_any_step_with_a_transform_method_stays_inside_a_stream(log: Log) -> None:
    """The class does not matter, the method does."""
    assert transforms(log.transform("1"))
    assert not transforms(LambdaPrimitive(log.letters))
    assert isinstance(log.transform("1"), StreamTransform)


async def not_a_generator(chunks: AsyncIterator[str]) -> list[str]:
    return [chunk async for chunk in chunks]


@pytest.mark.parametrize("fn", [not_a_generator, None], ids=["coroutine", "none"])
def test_transform_must_yield(fn: Any) -> None:
    """A function that returns instead is refused at construction."""
    with pytest.raises(ConfigurationError, match="expected an async generator function"):
        TransformPrimitive(fn)


def test_transform_is_named_after_its_function() -> None:
    """Lambdas have no name that would say anything."""

    async def upper(chunks: AsyncIterator[str]) -> AsyncGenerator[str, None]:
        async for chunk in chunks:
            yield chunk.upper()

    assert TransformPrimitive(upper).name == "upper"
    assert TransformPrimitive(upper, name="other").name == "other"
    assert TransformPrimitive(lambda chunks: upper(chunks)).name == ""


class Delta:
    """A chunk type that knows how to join."""

    def __init__(self, number: int) -> None:
        self.number = number

    @classmethod
    def join_chunks(cls, chunks: list[Delta]) -> int:
        return sum(chunk.number for chunk in chunks)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([], []),
        (["a"], "a"),
        (["a", "", "b"], "ab"),
        ([b"a", b"b"], b"ab"),
        (["a", b"b"], ["a", b"b"]),
        (["a", 1], ["a", 1]),
        ([1], 1),
        ([1, 2], [1, 2]),
        ([[1], [2]], [[1], [2]]),
        ([None], None),
        ([Delta(1)], 1),
        ([Delta(1), Delta(2)], 3),
    ],
    ids=repr,
)
def test_chunks_are_joined_by_their_type(chunks: list[Any], expected: object) -> None:
    """Text is text again; what cannot be joined stays a list."""
    assert join_chunks(chunks) == expected
