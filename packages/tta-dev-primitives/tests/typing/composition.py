"""Types flow through `>>`, `|` and the composing primitives."""

from __future__ import annotations

from typing import Any, assert_type

from tta_dev_primitives import (
    ConditionalPrimitive,
    FallbackPrimitive,
    LambdaPrimitive,
    ParallelPrimitive,
    SagaPrimitive,
    SequentialPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
)
from tta_dev_primitives.core.routing import RouterPrimitive


async def to_text(x: int) -> str:
    return str(x)


def to_number(x: str) -> float:
    return float(x)


async def is_big(x: float, context: WorkflowContext) -> bool:
    return x > 1


def negated(x: int) -> int:
    return -x


text = LambdaPrimitive(to_text)
number = LambdaPrimitive(to_number)
big = LambdaPrimitive(is_big)

# One after the other.
assert_type(text >> number, SequentialPrimitive[int, float])
assert_type(text >> number >> big, SequentialPrimitive[int, bool])
assert_type(text >> (number >> big), SequentialPrimitive[int, bool])
assert_type(text >> to_number, SequentialPrimitive[int, float])
assert_type(to_text >> number, SequentialPrimitive[int, float])
assert_type(text >> to_number >> is_big, SequentialPrimitive[int, bool])
assert_type(negated >> text >> len, SequentialPrimitive[int, int])
assert_type(SequentialPrimitive([text, number]), SequentialPrimitive[Any, Any])
_ = text >> text  # expect-error
_ = text >> is_big  # expect-error
_ = to_number >> text  # expect-error
_ = text >> number >> to_number  # expect-error
_ = text >> 3  # expect-error
_ = 3 >> text  # expect-error

# Side by side.
assert_type(text | negated, ParallelPrimitive[int, list[str | int]])
assert_type(negated | text, ParallelPrimitive[int, list[int | str]])
assert_type(text | to_text, ParallelPrimitive[int, list[str]])
assert_type(text | negated | to_text, ParallelPrimitive[int, list[str | int]])
assert_type(text | (text | negated), ParallelPrimitive[int, list[str | int]])
assert_type((text | negated) | (text | text), ParallelPrimitive[int, list[str | int]])
assert_type(negated | (text | text), ParallelPrimitive[int, list[int | str]])
_ = text | number  # expect-error
_ = text | to_number  # expect-error
_ = to_number | text  # expect-error
_ = text | 3  # expect-error

# Lists and dicts of branches.
assert_type(ParallelPrimitive([text, text]), ParallelPrimitive[int, list[str]])
assert_type(ParallelPrimitive([to_text, negated]), ParallelPrimitive[int, list[int | str]])
keyed = ParallelPrimitive({"text": text, "negated": negated})
assert_type(keyed, ParallelPrimitive[int, dict[str, int | str]])
assert_type(keyed | text, ParallelPrimitive[int, list[dict[str, int | str] | str]])
assert_type(keyed >> len, SequentialPrimitive[int, int])
ParallelPrimitive({1: text})  # expect-error
ParallelPrimitive({"text": 3})  # expect-error
ParallelPrimitive([text, 3])  # expect-error
ParallelPrimitive([text, number])  # expect-error

# One or the other.
assert_type(
    ConditionalPrimitive(
        condition=lambda x, context: x > 1, then_primitive=text, else_primitive=to_text
    ),
    ConditionalPrimitive[int, str],
)
assert_type(
    ConditionalPrimitive(lambda x, context: True, text, negated),
    ConditionalPrimitive[int, str | int],
)
assert_type(FallbackPrimitive(primary=text, fallback=to_text), FallbackPrimitive[int, str])
assert_type(FallbackPrimitive(to_text, negated), FallbackPrimitive[int, str | int])
assert_type(SagaPrimitive(forward=to_text, compensation=negated), SagaPrimitive[int, str])
assert_type(
    RouterPrimitive({"a": text, "b": text}, lambda x, context: "a" if x else "b"),
    RouterPrimitive[int, str],
)
FallbackPrimitive(primary=text, fallback=number)  # expect-error
ConditionalPrimitive(to_text, text)  # expect-error
RouterPrimitive({"a": text}, lambda x, context: 3)  # expect-error


async def calls() -> None:
    assert_type(await (text >> number).execute(1), float)
    assert_type((text | negated).run(1), list[str | int])
    assert_type(await keyed.execute(1), dict[str, int | str])
    await (text >> number).execute("one")  # expect-error
    await keyed.execute("one")  # expect-error


def takes(step: WorkflowPrimitive[int, float]) -> None:
    takes(text >> number)
    takes(text)  # expect-error
