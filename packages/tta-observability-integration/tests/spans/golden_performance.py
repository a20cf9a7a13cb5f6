"""What spans of caches say."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from tta_dev_primitives import LambdaPrimitive, WorkflowContext
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.testing import FakeClock

from .golden_core import APP, LAMBDA, app
from .golden_spans import PlainSpan, call
from .golden_tracers import Case


@dataclass(frozen=True)
class Bought:
    """An answer that says what it cost."""

    cost: float = 0.25


def bought(question: object) -> Bought:
    return Bought()


async def miss_then_hit() -> None:
    workflow = app(CachePrimitive(bought, clock=FakeClock(), name="answers"))
    for _ in range(2):
        await workflow.execute("q")


async def bypassed() -> None:
    context = WorkflowContext()
    context.cache_mode = "bypass"
    await app(CachePrimitive(bought, name="answers")).execute("q", context)


async def stale() -> None:
    clock, answers = FakeClock(), iter([Bought()])

    def answer(question: object) -> Bought:
        try:
            return next(answers)
        except StopIteration:
            raise ConnectionError from None

    step = LambdaPrimitive(answer, name="bought")
    workflow = app(
        CachePrimitive(step, ttl_seconds=10, stale_if_error=60, clock=clock, name="answers")
    )
    await workflow.execute("q")
    clock.advance(20)
    await workflow.execute("q")


async def coalesced() -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(question: object) -> Bought:
        asked.set()
        await go_on.wait()
        return Bought()

    cache = CachePrimitive(LambdaPrimitive(slow, name="bought"), clock=FakeClock(), name="answers")
    first = asyncio.ensure_future(app(cache).execute("q"))
    await asyncio.wait_for(asked.wait(), 5)
    second = asyncio.ensure_future(app(cache).execute("q"))
    await asyncio.sleep(0.01)
    go_on.set()
    await asyncio.gather(first, second)


SAVED = {"tta.cache.saved.cost": 0.25}
AGED = {"tta.cache.age": "(any)", "tta.cache.saved.duration": "(any)", **SAVED}


def cached(result: str, told: dict[str, Any] | None = None, **others: Any) -> PlainSpan:
    attributes = {"tta.cache.name": "answers", "tta.cache.result": result, **(told or {})}
    return call(1, "cache answers", "CachePrimitive", "0.app/0.answers", attributes, **others)


ASKED = call(2, "lambda bought", LAMBDA, "0.app/0.answers/0.bought")

CASES = [
    Case(
        "cache",
        miss_then_hit,
        [APP, cached("miss"), ASKED, APP, cached("hit", AGED, outcome="hit")],
    ),
    Case("cache passed by", bypassed, [APP, cached("bypass"), ASKED]),
    Case(
        "stale answer",
        stale,
        [
            APP,
            cached("miss"),
            ASKED,
            APP,
            cached("stale", AGED, outcome="stale"),
            call(
                2,
                "lambda bought",
                LAMBDA,
                "0.app/0.answers/0.bought",
                outcome="error",
                error="ConnectionError",
            ),
        ],
    ),
    Case("shared call", coalesced, [APP, cached("miss"), ASKED, APP, cached("coalesced", SAVED)]),
]
