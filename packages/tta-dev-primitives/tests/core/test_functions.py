"""Plain functions as steps: what they may take, and how they are called."""

from __future__ import annotations

import asyncio
import functools
import operator
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from unittest.mock import Mock

import pytest

from tta_dev_primitives import ConditionalPrimitive, LambdaPrimitive, WorkflowContext
from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import as_primitive
from tta_dev_primitives.errors import ConfigurationError


async def later(x: int) -> int:
    return x + 1


def at_once(x: int) -> int:
    return x + 1


async def later_with(x: int, context: WorkflowContext) -> int:
    context.state["seen"] = True
    return x + 1


def at_once_with(x: int, anything: WorkflowContext) -> int:
    anything.state["seen"] = True
    return x + 1


def with_optional_ctx(x: int, ctx: WorkflowContext | None = None) -> int:
    assert ctx is not None
    ctx.state["seen"] = True
    return x + 1


async def with_optional_context(x: int, context: WorkflowContext | None = None) -> int:
    return with_optional_ctx(x, context)


def with_another_default(x: int, step: int = 1) -> int:
    return x + step


def with_keyword_default(x: int, *, step: int = 1) -> int:
    return x + step


def with_rest(x: int, *rest: object) -> int:
    return x + 1 + len(rest)


def gives_a_coroutine(x: int) -> Awaitable[int]:
    return later(x)


def gives_a_future(x: int) -> asyncio.Future[int]:
    return asyncio.ensure_future(later(x))


def anything_goes(*args: Any, **kwargs: Any) -> int:
    args[1].state["seen"] = True
    return args[0] + 1


def add(x: int, y: int) -> int:
    return x + y


def passed_on(fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    def call(*args: Any) -> Any:
        return fn(*args)

    return call


def answered_at_once(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator that makes a plain function of an async one."""

    @functools.wraps(fn)
    def call(x: int) -> int:
        return x + 1

    return call


class Adder:
    def __init__(self, step: int = 1) -> None:
        self.step = step

    def method(self, x: int) -> int:
        return x + self.step

    async def method_with(self, x: int, context: WorkflowContext) -> int:
        context.state["seen"] = True
        return x + self.step

    @staticmethod
    def static(x: int) -> int:
        return x + 1

    @classmethod
    async def of_class(cls, x: int) -> int:
        return x + cls().step

    def __call__(self, x: int) -> int:
        return x + self.step


class AsyncAdder:
    async def __call__(self, x: int, ctx: WorkflowContext) -> int:
        ctx.state["seen"] = True
        return x + 1


WITHOUT_CONTEXT: dict[str, Callable[..., Any]] = {
    "async": later,
    "sync": at_once,
    "lambda": lambda x: x + 1,
    "other default": with_another_default,
    "keyword default": with_keyword_default,
    "rest": with_rest,
    "gives a coroutine": gives_a_coroutine,
    "gives a future": gives_a_future,
    "partial": functools.partial(add, 1),
    "partial of async": functools.partial(later),
    "partial of partial": functools.partial(functools.partial(add), 1),
    "partial of builtin": functools.partial(operator.add, 1),
    "decorated": passed_on(later),
    "async made sync": answered_at_once(later),
    "lru_cache": functools.lru_cache(at_once),
    "method": Adder().method,
    "static method": Adder.static,
    "class method": Adder.of_class,
    "callable object": Adder(),
    "bound builtin": (1).__add__,
    "mock with a result": Mock(return_value=2),
}
WITH_CONTEXT: dict[str, Callable[..., Any]] = {
    "async": later_with,
    "sync": at_once_with,
    "optional ctx": with_optional_ctx,
    "optional context": with_optional_context,
    "anything": anything_goes,
    "partial": functools.partial(at_once_with),
    "decorated": passed_on(later_with),
    "lru_cache": functools.lru_cache(at_once_with),
    "method": Adder().method_with,
    "callable object": AsyncAdder(),
}


@pytest.mark.parametrize("fn", WITHOUT_CONTEXT.values(), ids=WITHOUT_CONTEXT)
@pytest.mark.parametrize("watched", [False, True], ids=["unwatched", "watched"])
async def test_function_of_one_argument_is_a_step(fn: Callable[..., Any], watched: bool) -> None:
    """Whatever can be called with one value gives its result, awaited where it must be."""
    handle = observe.observe(observe.ObservabilityPrimitive()) if watched else None
    assert await LambdaPrimitive(fn).execute(1) == 2
    if handle is not None:
        handle.remove()


@pytest.mark.parametrize("fn", WITH_CONTEXT.values(), ids=WITH_CONTEXT)
@pytest.mark.parametrize("watched", [False, True], ids=["unwatched", "watched"])
async def test_function_that_wants_the_context_gets_it(
    fn: Callable[..., Any], watched: bool
) -> None:
    """The second argument is the context of the call, or a new one when there is none."""
    handle = observe.observe(observe.ObservabilityPrimitive()) if watched else None
    context = WorkflowContext()
    step = LambdaPrimitive(fn)
    assert await step.execute(1, context) == 2
    assert context.state == {"seen": True}
    assert await step.execute(1) == 2
    if handle is not None:
        handle.remove()


@pytest.mark.parametrize(
    ("fn", "value", "expected"),
    [
        (len, [1, 2], 2),
        (int, "7", 7),
        (str.upper, "a", "A"),
        (str.split, "a b", ["a", "b"]),
        (operator.itemgetter("a"), {"a": 1}, 1),
        (operator.attrgetter("real"), 3, 3),
        ({"a": 1}.get, "a", 1),
        (sum, [1, 2], 3),
        (print, "shown", None),
        (Adder, 3, None),
    ],
    ids=lambda case: getattr(case, "__name__", None) or type(case).__name__,
)
async def test_builtin_or_class_takes_the_value_alone(
    fn: Callable[..., Any], value: Any, expected: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is written in C is never handed a context, however many arguments it would take."""
    result = await LambdaPrimitive(fn).execute(value)
    assert getattr(result, "step", result) == (3 if fn is Adder else expected)
    assert "WorkflowContext" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "fn",
    [
        lambda: 1,
        lambda a, b, c: 1,
        lambda a, *, needed: 1,
        lambda **kwargs: 1,
        pow,
        functools.partial(lambda x: x, 1),
        type("Two", (), {"__call__": lambda self: 1})(),
    ],
    ids=["none", "three", "keyword", "keywords", "builtin of two", "all bound", "object of none"],
)
def test_function_of_the_wrong_arity_is_refused_at_once(fn: Callable[..., Any]) -> None:
    """The mistake is found where the step is made, and the message shows the signature."""
    with pytest.raises(ConfigurationError, match=r"must take \(x\) or \(x, context\), but its"):
        LambdaPrimitive(fn)


@pytest.mark.parametrize("fn", [None, 3, "name", [len]], ids=repr)
def test_what_cannot_be_called_is_refused_at_once(fn: Any) -> None:
    """A step is a primitive or a function, and nothing else."""
    with pytest.raises(ConfigurationError, match="expected a primitive or a function, got"):
        as_primitive(fn)


def test_class_of_a_primitive_is_not_taken_for_a_function() -> None:
    """Forgetting to make an instance is a mistake worth a message of its own."""
    made: Any = ConditionalPrimitive
    with pytest.raises(ConfigurationError, match="got the class ConditionalPrimitive; make an ins"):
        as_primitive(made)


def test_primitive_is_used_as_it_is() -> None:
    """A primitive is not wrapped again."""
    step = LambdaPrimitive(later)
    assert as_primitive(step) is step


@pytest.mark.parametrize(
    ("fn", "name", "expected"),
    [
        (later, None, "later"),
        (later, "other", "other"),
        (later, "", ""),
        (lambda x: x, None, ""),
        (functools.partial(add, 1), None, ""),
        (Adder(), None, ""),
        (len, None, "len"),
    ],
    ids=["own", "given", "emptied", "lambda", "partial", "object", "builtin"],
)
def test_step_is_named_after_its_function(
    fn: Callable[..., Any], name: str | None, expected: str
) -> None:
    """Lambdas and partials have no name that would say anything."""
    assert LambdaPrimitive(fn, name=name).name == expected


async def letters(text: str) -> AsyncIterator[str]:
    for letter in text:
        yield letter


async def letters_with(text: str, context: WorkflowContext) -> AsyncIterator[str]:
    context.state["seen"] = True
    for letter in text:
        yield letter


class Letters:
    async def __call__(self, text: str) -> AsyncIterator[str]:
        for letter in text:
            yield letter


@pytest.mark.parametrize(
    "fn",
    [letters, letters_with, Letters(), passed_on(letters), functools.partial(letters)],
    ids=["of x", "of x and context", "object", "decorated", "partial"],
)
async def test_async_generator_function_streams_and_joins(fn: Callable[..., Any]) -> None:
    """Its chunks come one by one from `stream` and together from `execute`."""
    step = LambdaPrimitive(fn)
    assert [chunk async for chunk in step.stream("abc")] == ["a", "b", "c"]
    assert await step.execute("abc") == "abc"


async def test_async_decorator_around_a_generator_function_does_not_stream() -> None:
    """An async wrapper has consumed the generator; its result is the result."""

    @functools.wraps(letters)
    async def collected(text: str) -> list[str]:
        return [letter async for letter in letters(text)]

    step = LambdaPrimitive(collected)
    assert await step.execute("ab") == ["a", "b"]
    assert [chunk async for chunk in step.stream("ab")] == [["a", "b"]]


async def test_closing_the_stream_closes_the_generator() -> None:
    """The function's `finally` has run when `aclose()` returns."""
    closed: list[bool] = []

    async def endless(x: int) -> AsyncIterator[int]:
        try:
            while True:
                yield x
        finally:
            closed.append(True)

    stream = LambdaPrimitive(endless).stream(1)
    assert await anext(stream) == 1
    await stream.aclose()
    assert closed == [True]


async def test_error_of_the_function_is_raised_as_it_is() -> None:
    """Nothing is wrapped around what the function raises."""
    error = KeyError("x")

    def fails(x: int) -> int:
        raise error

    with pytest.raises(KeyError) as caught:
        await LambdaPrimitive(fails).execute(1)
    assert caught.value is error
