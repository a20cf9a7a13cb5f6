"""Plain functions keep their types as steps."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, assert_type

from tta_dev_primitives import LambdaPrimitive, WorkflowContext, WorkflowPrimitive
from tta_dev_primitives.core.base import as_primitive


def plain(x: int) -> str:
    return str(x)


def plain_with(x: int, context: WorkflowContext) -> str:
    return str(x)


def plain_optional(x: int, context: WorkflowContext | None = None) -> str:
    return str(x)


async def later(x: int) -> str:
    return str(x)


async def later_with(x: int, context: WorkflowContext) -> str:
    return str(x)


async def words(x: int) -> AsyncIterator[str]:
    yield str(x)


async def words_with(x: int, context: WorkflowContext) -> AsyncGenerator[str, None]:
    yield str(x)


class Renders:
    async def __call__(self, x: int) -> str:
        return str(x)

    def method(self, x: int, context: WorkflowContext) -> str:
        return str(x)


# A sync function gives its return type, an async one what is awaited, a generator the whole.
assert_type(LambdaPrimitive(plain), LambdaPrimitive[int, str])
assert_type(LambdaPrimitive(plain_with), LambdaPrimitive[int, str])
assert_type(LambdaPrimitive(plain_optional), LambdaPrimitive[int, str])
assert_type(LambdaPrimitive(later), LambdaPrimitive[int, str])
assert_type(LambdaPrimitive(later_with), LambdaPrimitive[int, str])
assert_type(LambdaPrimitive(words), LambdaPrimitive[int, str])
assert_type(LambdaPrimitive(words_with), LambdaPrimitive[int, str])
assert_type(LambdaPrimitive(Renders()), LambdaPrimitive[int, str])
assert_type(LambdaPrimitive(Renders().method), LambdaPrimitive[int, str])
assert_type(LambdaPrimitive(str.upper), LambdaPrimitive[str, str])
assert_type(LambdaPrimitive(functools.partial(later)), LambdaPrimitive[int, str])
assert_type(LambdaPrimitive(later, name="later"), LambdaPrimitive[int, str])

# A lambda that says nothing of its input takes anything.
assert_type(LambdaPrimitive(lambda x: 3), LambdaPrimitive[Any, int])
assert_type(LambdaPrimitive(lambda x: x["key"] * 2), LambdaPrimitive[Any, Any])
assert_type(LambdaPrimitive(lambda x, context: x.upper()), LambdaPrimitive[Any, Any])
typed: LambdaPrimitive[int, int] = LambdaPrimitive(lambda x: x * 2)
also_typed = LambdaPrimitive[int, str](lambda x: x.to_bytes().hex())

assert_type(as_primitive(plain), WorkflowPrimitive[int, str])
assert_type(as_primitive(later), WorkflowPrimitive[int, str])
assert_type(as_primitive(LambdaPrimitive(later)), WorkflowPrimitive[int, str])


async def calls(context: WorkflowContext) -> None:
    step = LambdaPrimitive(later)
    assert_type(await step.execute(1), str)
    assert_type(await step.execute(1, context), str)
    assert_type(step.run(1), str)
    await step.execute("one")  # expect-error
    await step.execute(1, "context")  # expect-error
    step.run("one")  # expect-error


def two_inputs(x: int, y: int) -> str:
    return str(x + y)


def no_input() -> str:
    return ""


LambdaPrimitive(two_inputs)  # expect-error
LambdaPrimitive(no_input)  # expect-error
LambdaPrimitive(3)  # expect-error
LambdaPrimitive(later, "later")  # expect-error
as_primitive(no_input)  # expect-error
wrong_input: LambdaPrimitive[str, str] = LambdaPrimitive(later)  # expect-error
wrong_output: WorkflowPrimitive[int, int] = LambdaPrimitive(later)  # expect-error
LambdaPrimitive[int, str](lambda x: x.upper())  # expect-error
