"""Types flow through the steps of a saga and into their undos."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import assert_type

from tta_dev_primitives.core.base import LambdaPrimitive
from tta_dev_primitives.core.sequential import SequentialPrimitive
from tta_dev_primitives.recovery.compensation import Effect, SagaPrimitive
from tta_dev_primitives.recovery.retry import RetryPrimitive


def to_text(x: int) -> str:
    return str(x)


async def to_number(x: str) -> float:
    return float(x)


def is_big(x: float) -> bool:
    return x > 1


def drop_text(effect: Effect[int, str]) -> None:
    assert_type(effect.result, str)


async def drop_number(effect: Effect[str, float]) -> None:
    assert_type(effect.result, float)


def drop_anything(effect: Effect[object, object]) -> None: ...


async def test_what_pyright_says_of_the_types_holds_when_run() -> None:
    """Checked by pyright: an error that is marked as expected and does not come is an error too."""
    text = SagaPrimitive(to_text, undo=drop_text)
    number = text.then(to_number, RetryPrimitive(drop_number))
    assert_type(text, SagaPrimitive[int, str])
    assert_type(number, SagaPrimitive[int, float])
    assert_type(number >> is_big, SequentialPrimitive[int, bool])
    assert_type(text.then(SagaPrimitive(to_number, undo=None)), SagaPrimitive[int, float])
    assert_type(SagaPrimitive(LambdaPrimitive(to_text), undo=None), SagaPrimitive[int, str])
    assert_type(text.then(to_number, drop_anything, atomic=True), SagaPrimitive[int, float])
    assert_type(
        SagaPrimitive(to_text, undo=lambda one: one.result.upper()), SagaPrimitive[int, str]
    )
    assert_type(SagaPrimitive(to_text, lambda x: x + 1), SagaPrimitive[int, str])
    text.then(to_text, None)  # pyright: ignore[reportArgumentType]
    text.then(text)  # pyright: ignore[reportArgumentType]
    text.then(to_number, drop_text)  # pyright: ignore[reportArgumentType]
    SagaPrimitive(to_text, undo=drop_number)  # pyright: ignore[reportArgumentType]
    assert await (number >> is_big).execute(3) is True
