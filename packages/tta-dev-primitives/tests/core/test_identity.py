"""A text that tells steps apart, in every process alike."""

from __future__ import annotations

import functools
import math
import operator
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tta_dev_primitives import (
    ConditionalPrimitive,
    LambdaPrimitive,
    ParallelPrimitive,
    SequentialPrimitive,
    TransformPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
)
from tta_dev_primitives.core.identity import identity

MODULE = """
import functools, operator
from dataclasses import dataclass
from tta_dev_primitives import ConditionalPrimitive, LambdaPrimitive, TransformPrimitive
from tta_dev_primitives.core.identity import identity

@dataclass
class Scale:
    factor: int
    def __call__(self, x):
        return x * self.factor

class Plain:
    def method(self, x):
        return x

def named(x):
    return x

def outer(k):
    def inner(x):
        return [y for y in x if y in {"a", "b", "c"} or y == k]
    return inner

steps = [
    named,
    outer(1),
    lambda x: x + 1,
    lambda x: (lambda y: y + 2)(x),
    functools.partial(named, 1),
    operator.itemgetter("a"),
    Scale(2),
    Plain().method,
    len,
    {"a": 1}.get,
    LambdaPrimitive(named) >> (lambda x: {1, 2, 3}) >> ConditionalPrimitive(
        lambda x, c: x in ("a", "b"), named
    ) >> TransformPrimitive(lambda chunks: chunks, name="t") | named,
]
print("\\n".join(identity(step) for step in steps))
"""


def test_identity_is_the_same_in_every_process() -> None:
    """Hash seeds and addresses do not show."""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", MODULE],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    lines = outputs.pop().splitlines()
    assert len(set(lines)) == len(lines) == 11
    assert not any("0x" in line for line in lines)


def inner(number: int) -> Callable[[Any], Any]:
    def step(x: Any) -> Any:
        return x * number

    return step


def captures(a: int, b: int, *, first: bool) -> Callable[[Any], Any]:
    return (lambda x: a) if first else (lambda x: b)


@dataclass
class Scale:
    factor: int

    def __call__(self, x: int) -> int:
        return x * self.factor

    def method(self, x: int) -> int:
        return x

    @classmethod
    def of_class(cls, x: int) -> int:
        return x


class Wider(Scale):
    pass


class Plain:
    def __call__(self, x: int) -> int:
        return x

    def method(self, x: int) -> int:
        return x


class Model(WorkflowPrimitive[Any, Any]):
    def __init__(self, model: str, name: str = "") -> None:
        self.model, self.name = model, name

    def identity_parts(self) -> Sequence[object]:
        return (self.model,)

    async def execute(self, input_data: Any, context: WorkflowContext) -> Any:
        return self.model


def model_of_another_module() -> Model:
    class Other(Model):
        pass

    Other.__module__, Other.__qualname__ = "elsewhere", "Model"
    return Other("a")


def always(x: Any, context: WorkflowContext) -> bool:
    return True


def never(x: Any, context: WorkflowContext) -> bool:
    return False


DIFFERENT: dict[str, tuple[object, object]] = {
    "functions": (inner, always),
    "lambdas": (lambda x: x + 1, lambda x: x + 2),
    "lambdas by a tuple": (lambda x: x in (1, 2), lambda x: x in (1, 3)),
    "lambdas by a set": (lambda x: x in {1, 2}, lambda x: x in {1, 3}),
    "lambdas by bytes": (lambda x: x + b"a", lambda x: x + b"b"),
    "lambdas by a comprehension": (lambda x: [y * 2 for y in x], lambda x: [y * 3 for y in x]),
    "lambdas by an inner one": (lambda x: lambda: x + 1, lambda x: lambda: x + 2),
    "lambdas by an attribute": (lambda x: x.a, lambda x: x.b),
    "lambdas by a default": (lambda x, n=1: x + n, lambda x, n=2: x + n),
    "closures over other names": (captures(1, 2, first=True), captures(1, 2, first=False)),
    "partials": (functools.partial(operator.add, 1), functools.partial(operator.add, 2)),
    "itemgetters": (operator.itemgetter("a"), operator.itemgetter("b")),
    "bound builtins": ({"a": 1}.get, {"a": 2}.get),
    "module functions": (math.sin, math.cos),
    "objects": (Scale(1), Scale(2)),
    "methods of objects": (Scale(1).method, Scale(2).method),
    "methods of classes": (Scale.of_class, Wider.of_class),
    "models": (Model("a"), Model("b")),
    "names": (Model("a", "x"), Model("a", "y")),
    "classes of one name": (Model("a"), model_of_another_module()),
    "order": (Model("a") >> Model("b"), Model("b") >> Model("a")),
    "arrangement": (Model("a") >> Model("b"), Model("a") | Model("b")),
    "keys": (ParallelPrimitive({"a": Model("a")}), ParallelPrimitive({"b": Model("a")})),
    "conditions": (
        ConditionalPrimitive(always, Model("a")),
        ConditionalPrimitive(never, Model("a")),
    ),
    "transforms": (
        TransformPrimitive(lambda chunks: (c + 1 async for c in chunks), name="t"),
        TransformPrimitive(lambda chunks: (c + 2 async for c in chunks), name="t"),
    ),
    "values": (1, 2),
}


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_different_steps_have_different_identities(one: object, other: object) -> None:
    """Sharing a cache between them would give wrong answers."""
    assert identity(one) != identity(other)


def same_lambda() -> Callable[[Any], Any]:
    return lambda x: x + 1 if x in {"a", "b"} else (None, ..., 1.5, [y * 2 for y in x])


SAME: dict[str, tuple[object, object]] = {
    "function and step of it": (always, LambdaPrimitive(always)),
    "names of function steps": (LambdaPrimitive(always, name="a"), LambdaPrimitive(always)),
    "lambdas of one place": (same_lambda(), same_lambda()),
    "captured values": (inner(1), inner(2)),
    "objects without a repr": (Plain(), Plain()),
    "methods of objects without a repr": (Plain().method, Plain().method),
    "equal objects": (Scale(1), Scale(1)),
    "equal models": (Model("a", "x"), Model("a", "x")),
    "equal workflows": (
        Model("a") >> always,
        SequentialPrimitive([Model("a"), LambdaPrimitive(always)]),
    ),
    "values": ("a", "a"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_same_steps_have_the_same_identity(one: object, other: object) -> None:
    """What cannot be seen from outside, such as captured values, does not count."""
    assert identity(one) == identity(other)
    assert "0x" not in identity(one)


def test_identity_names_where_a_function_is() -> None:
    """People can read it."""
    assert identity(math.sin) == "math.sin"
    assert identity(always) == f"{__name__}.always"
    assert identity(Model("gpt", "x")) == f"{__name__}.Model(x,'gpt')"


def test_moving_a_lambda_keeps_its_identity() -> None:
    """Line numbers do not count."""
    source = "step = lambda x: [y for y in x if y in {1, 2}]"
    one: dict[str, Any] = {"__name__": "m"}
    other: dict[str, Any] = {"__name__": "m"}
    exec(source, one)
    exec(f"\n\n\n{source}", other)
    assert one["step"].__code__.co_firstlineno != other["step"].__code__.co_firstlineno
    assert identity(one["step"]) == identity(other["step"])
