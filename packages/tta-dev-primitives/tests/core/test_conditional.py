"""One of two steps, by a condition."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives import ConditionalPrimitive, LambdaPrimitive, WorkflowContext
from tta_dev_primitives.errors import ConfigurationError


def is_long(text: str, context: WorkflowContext) -> bool:
    return len(text) > 2


async def letters(text: str) -> AsyncIterator[str]:
    for letter in text:
        yield letter


WITH_ELSE = ConditionalPrimitive(
    condition=is_long, then_primitive=str.upper, else_primitive=lambda text: text * 2
)
WITHOUT_ELSE = ConditionalPrimitive(condition=is_long, then_primitive=str.upper)


@pytest.mark.parametrize(
    ("node", "text", "expected"),
    [
        (WITH_ELSE, "abc", "ABC"),
        (WITH_ELSE, "a", "aa"),
        (WITHOUT_ELSE, "abc", "ABC"),
        (WITHOUT_ELSE, "a", "a"),
    ],
    ids=["then", "else", "then without else", "no else: the input as it is"],
)
async def test_condition_chooses_the_step(
    node: ConditionalPrimitive[str, str], text: str, expected: str
) -> None:
    """Run or streamed, the result is that of the branch taken."""
    assert await node.execute(text) == expected
    assert [chunk async for chunk in node.stream(text)] == [expected]


async def test_branch_streams_its_chunks() -> None:
    """The branch's own chunks, one by one."""
    node = ConditionalPrimitive(is_long, letters, str.upper)
    assert [chunk async for chunk in node.stream("abc")] == ["a", "b", "c"]
    assert [chunk async for chunk in node.stream("a")] == ["A"]
    assert await node.execute("abc") == "abc"


async def test_closing_the_stream_closes_the_branch() -> None:
    """The branch has cleaned up when `aclose()` returns."""
    closed: list[bool] = []

    async def endless(text: str) -> AsyncIterator[str]:
        try:
            while True:
                yield text
        finally:
            closed.append(True)

    stream = ConditionalPrimitive(lambda text, context: True, endless).stream("a")
    assert await anext(stream) == "a"
    await stream.aclose()
    assert closed == [True]


async def test_condition_sees_the_context() -> None:
    """It may decide by the state of the run."""
    node: ConditionalPrimitive[str, str] = ConditionalPrimitive(
        lambda text, context: context.state.get("loud", False), str.upper
    )
    assert await node.execute("a", WorkflowContext(state={"loud": True})) == "A"
    assert await node.execute("a") == "a"


async def test_error_of_the_condition_ends_the_call() -> None:
    """Neither branch runs."""
    ran: list[str] = []

    def broken(text: str, context: WorkflowContext) -> bool:
        raise LookupError("broken")

    node = ConditionalPrimitive(broken, ran.append, ran.append)
    with pytest.raises(LookupError, match="broken"):
        await node.execute("a")
    with pytest.raises(LookupError, match="broken"):
        await anext(node.stream("a"))
    assert ran == []


async def decides_later(text: str, context: WorkflowContext) -> bool:
    return False


@pytest.mark.parametrize("condition", [decides_later, True, None], ids=["async", "value", "none"])
def test_condition_must_be_a_plain_function(condition: Any) -> None:
    """A coroutine would always count as true."""
    with pytest.raises(ConfigurationError, match="condition must be a plain function of"):
        ConditionalPrimitive(condition, str.upper)


def test_branches_are_labelled() -> None:
    """An absent branch is absent."""
    assert [label for label, _ in WITH_ELSE.children()] == ["then", "else"]
    assert [label for label, _ in WITHOUT_ELSE.children()] == ["then"]


async def test_primitives_are_branches_too() -> None:
    """Not only functions."""
    node = ConditionalPrimitive(is_long, LambdaPrimitive(str.upper), LambdaPrimitive(str.lower))
    assert await node.execute("Abc") == "ABC"
    assert await node.execute("A") == "a"
