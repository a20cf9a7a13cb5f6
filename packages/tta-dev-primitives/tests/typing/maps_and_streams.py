"""Items of a map have the type of the step; chunks need not."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, assert_type

from tta_dev_primitives import Item, LambdaPrimitive, TransformPrimitive, WorkflowContext


async def to_text(x: int) -> str:
    return str(x)


async def numbers() -> AsyncIterator[int]:
    yield 1


async def upper(chunks: AsyncIterator[str]) -> AsyncGenerator[str, None]:
    async for chunk in chunks:
        yield chunk.upper()


async def not_a_generator(chunks: AsyncIterator[str]) -> str:
    return "".join([chunk async for chunk in chunks])


text = LambdaPrimitive(to_text)


async def maps(context: WorkflowContext) -> None:
    async for item in text.map([1, 2]):
        assert_type(item, Item[str])
        assert_type(item.value, str | None)
        assert_type(item.error, Exception | None)
        item.value = "other"  # expect-error
    async for item in text.map(numbers(), context, concurrency=2, ordered=False, on_error="raise"):
        assert_type(item, Item[str])
    async for item in (text >> len).map(range(3)):
        assert_type(item.value, int | None)
    text.map(["one"])  # expect-error
    text.map(1)  # expect-error
    text.map([1], on_error="ignore")  # expect-error
    text.map([1], concurrency="2")  # expect-error


async def streams() -> None:
    async for chunk in text.stream(1):
        assert_type(chunk, Any)
    workflow = text >> TransformPrimitive(upper)
    async for chunk in workflow.stream(1):
        assert_type(chunk, Any)
    stream = text.stream(1)
    await stream.aclose()
    text.stream("one")  # expect-error
    TransformPrimitive(not_a_generator)  # expect-error
