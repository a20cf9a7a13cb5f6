"""What stands around each call of a model."""

from __future__ import annotations

import pytest

from .wrapped_calls import HEAD, read


def around(source: str) -> tuple[tuple[str, ...], str]:
    (site,) = read({"app.py": HEAD + source})[0]
    return site.wrapped_by, site.wrapping


ALONE = ((), "known")
AROUND = {
    "alone": ("", ALONE),
    "constructor": ("step = CachePrimitive(ask)", (("CachePrimitive",), "known")),
    "order": (
        "step = CachePrimitive(RetryPrimitive(ask))",
        (("CachePrimitive", "RetryPrimitive"), "known"),
    ),
    "resilient": ("step = resilient(ask)", (("TimeoutPrimitive", "RetryPrimitive"), "known")),
    "sequence": (
        "step = RetryPrimitive(LambdaPrimitive(ask) >> print)",
        (("RetryPrimitive",), "known"),
    ),
    "route": (
        'step = RouterPrimitive({"a": ask, "b": print}, pick)',
        (("RouterPrimitive",), "known"),
    ),
    "called-bare-as-well": (
        "step = CachePrimitive(ask)\nasync def main():\n    return await ask('x')",
        ALONE,
    ),
    "on-both-ways": (
        "one = CachePrimitive(RetryPrimitive(ask))\ntwo = RetryPrimitive(ask)",
        (("RetryPrimitive",), "known"),
    ),
    "caller-is-wrapped": (
        "async def both(x):\n    return await ask(x), await ask(x)\nstep = RetryPrimitive(both)",
        (("RetryPrimitive",), "known"),
    ),
    "caller-of-a-caller": (
        (
            "async def one(x):\n    return await ask(x)\n@CachePrimitive()\n@RetryPrimitive()\n"
            "async def two(x):\n    return await one(x)"
        ),
        (("CachePrimitive", "RetryPrimitive"), "known"),
    ),
    "lambda": ("step = RetryPrimitive(lambda x, c: ask(x))", (("RetryPrimitive",), "known")),
    "gathered": (
        "async def all_of(xs):\n    return await asyncio.gather(*map(ask, xs))",
        ALONE,
    ),
    "thread-of-a-wrapped-one": (
        "async def one(x):\n    await asyncio.create_task(ask(x))\nstep = RetryPrimitive(one)",
        (("RetryPrimitive",), "known"),
    ),
    "handed-to-somebody": ("step = magic(ask)", ((), "unknown")),
    "kept-in-a-table": ('TABLE = {"ask": ask}', ((), "unknown")),
    "in-a-table-of-routes": (
        'TABLE = {"a": ask}\nstep = RouterPrimitive(TABLE, pick)',
        (("RouterPrimitive",), "known"),
    ),
    "recursion": (
        (
            "async def one(x):\n    return await two(x)\nasync def two(x):\n"
            "    await one(x)\n    return await ask(x)"
        ),
        ALONE,
    ),
}


@pytest.mark.parametrize(("source", "expected"), AROUND.values(), ids=AROUND)
def test_what_stands_around_a_call(source: str, expected: tuple[tuple[str, ...], str]) -> None:
    """A call is said to be wrapped in what is not around it, or the other way round."""
    assert around(source) == expected


DECORATED = {
    "route": ("@app.post('/ask')", ((), "known")),
    "retry": ("@tenacity.retry(stop=stop)", ((), "known")),
    "somebody's": ("@careful", ((), "unknown")),
    "policy": ("@CachePrimitive(ttl_seconds=9)", (("CachePrimitive",), "known")),
}


@pytest.mark.parametrize(("decorator", "expected"), DECORATED.values(), ids=DECORATED)
def test_what_decorators_put_around(decorator: str, expected: tuple[tuple[str, ...], str]) -> None:
    """A decorator is taken for a wrapper, or a wrapper for a mere mark."""
    source = HEAD.replace("async def ask", f"{decorator}\nasync def ask")
    (site,) = read({"app.py": "import tenacity\n" + source})[0]
    assert (site.wrapped_by, site.wrapping) == expected


def test_execute_of_a_primitive_is_under_what_its_object_is_under() -> None:
    """A primitive of one's own is wrapped and its call is not."""
    source = """
from openai import AsyncOpenAI
from tta_dev_primitives import CachePrimitive, WorkflowPrimitive
class Ask(WorkflowPrimitive):
    client = AsyncOpenAI()
    async def execute(self, input_data, context):
        return await self._ask(input_data)
    async def _ask(self, question):
        return await self.client.responses.create(model="gpt-5", input=question)
step = CachePrimitive(Ask())
"""
    (site,) = read({"app.py": source})[0]
    assert site.wrapped_by == ("CachePrimitive",)
