"""What spans of the policies that keep a workflow going say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from tta_dev_primitives import (
    BudgetPrimitive,
    BulkheadPrimitive,
    CircuitBreakerPrimitive,
    FallbackPrimitive,
    HedgePrimitive,
    LambdaPrimitive,
    Limit,
    RateLimitPrimitive,
    RetryPrimitive,
    RetryStrategy,
    TimeoutPrimitive,
    resilient,
)
from tta_dev_primitives.testing import FakeClock

from .golden_core import APP, LAMBDA, PLUS, app, broken, plus_one
from .golden_spans import call, workflow
from .golden_tracers import Case, Run, ignoring

FAILED_APP = workflow("app", "SequentialPrimitive", outcome="error", error="LookupError")


def fresh(make: Callable[[], Any], given: Any = 1) -> Run:
    """Run a workflow that is built for each run, since its policies remember."""
    return lambda: app(make()).execute(given)


def once_broken() -> Any:
    answers = iter([True, False])

    def flaky(x: int) -> int:
        if next(answers):
            raise LookupError(x)
        return x

    return flaky


async def forever(x: int) -> int:
    await asyncio.Event().wait()
    return x


def retried(step: Any) -> Any:
    strategy = RetryStrategy(max_retries=1)
    return RetryPrimitive(step, strategy=strategy, random=lambda: 0.0, name="r")


def breaking(fails: bool) -> Any:
    return CircuitBreakerPrimitive(
        broken if fails else plus_one,
        minimum_calls=1,
        counts=lambda error: True,
        name="b",
    )


async def rejected_by_breaker() -> None:
    breaker = breaking(fails=True)
    for _ in range(2):
        try:
            await app(breaker).execute(1)
        except Exception:
            continue


async def one_place() -> None:
    """Two calls for one place, and none in the queue."""
    bulkhead = BulkheadPrimitive(
        LambdaPrimitive(lambda x: asyncio.sleep(0.001), name="slow"),
        max_concurrent=1,
        max_queue=1,
        name="p",
    )
    await asyncio.gather(*(app(bulkhead).execute(x) for x in range(2)))


async def limited_twice() -> None:
    limit = RateLimitPrimitive(
        plus_one, limits=[Limit(1, per_seconds=60)], max_wait_seconds=0, clock=FakeClock(), name="l"
    )
    for _ in range(2):
        try:
            await app(limit).execute(1)
        except Exception:
            continue


async def priced(x: int) -> Any:
    return SimpleNamespace(cost=0.25)


RETRY = {"tta.retry.max_attempts": 2, "tta.retry.delay_total": 0.0}
SCHEDULED = (
    "tta.retry.scheduled",
    {"tta.retry.attempt": 1, "tta.retry.delay": 0.0, "error.type": "LookupError"},
)
TO_B = {"tta.fallback.used": "plus_one", "tta.fallback.index": 1}
OPENED = {
    "tta.breaker.name": "b",
    "tta.breaker.from": "closed",
    "tta.breaker.to": "open",
    "tta.breaker.reason": "1 of 1 calls failed",
}


def limited(result: str, remaining: float, **others: Any) -> dict[str, Any]:
    return call(
        1,
        "ratelimit l",
        "RateLimitPrimitive",
        "0.app/0.l",
        {
            "tta.ratelimit.wait": "(any)",
            "tta.ratelimit.limit": 1,
            "tta.ratelimit.remaining": remaining,
            "tta.ratelimit.result": result,
        },
        **others,
    )


def placed(result: str) -> list[dict[str, Any]]:
    told = {
        "tta.ratelimit.wait": "(any)",
        "tta.ratelimit.limit": 1.0,
        "tta.ratelimit.remaining": 0.0,
        "tta.ratelimit.result": result,
    }
    return [
        APP,
        call(1, "bulkhead p", "BulkheadPrimitive", "0.app/0.p", told),
        call(2, "lambda slow", LAMBDA, "0.app/0.p/0.slow"),
    ]


CASES = [
    Case(
        "retry",
        fresh(lambda: retried(LambdaPrimitive(once_broken(), name="flaky"))),
        [
            APP,
            call(
                1,
                "retry r",
                "RetryPrimitive",
                "0.app/0.r",
                {**RETRY, "tta.retry.attempts": 2, "tta.retry.exhausted": False},
                events=[SCHEDULED],
            ),
            call(
                2,
                "lambda flaky",
                LAMBDA,
                "0.app/0.r/0.flaky",
                {"tta.retry.attempt": 1, "tta.retry.delay_before": 0.0},
                outcome="error",
                error="LookupError",
            ),
            call(
                2,
                "lambda flaky",
                LAMBDA,
                "0.app/0.r/0.flaky",
                {"tta.retry.attempt": 2, "tta.retry.delay_before": 0.0},
            ),
        ],
    ),
    Case(
        "timeout",
        ignoring(TimeoutError)(fresh(lambda: TimeoutPrimitive(forever, 0.001, name="t"))),
        [
            workflow("app", "SequentialPrimitive", outcome="timeout", error="timeout"),
            call(
                1,
                "timeout t",
                "TimeoutPrimitive",
                "0.app/0.t",
                {"tta.timeout.limit": 0.001, "tta.timeout.elapsed": "(any)"},
                outcome="timeout",
                error="timeout",
            ),
            call(2, "lambda forever", LAMBDA, "0.app/0.t/0.forever", outcome="cancelled"),
        ],
    ),
    Case(
        "fallback",
        fresh(lambda: FallbackPrimitive(broken, plus_one, name="f")),
        [
            APP,
            call(
                1,
                "fallback f",
                "FallbackPrimitive",
                "0.app/0.f",
                {**TO_B, "tta.fallback.reason": "LookupError"},
                outcome="fallback",
                events=[("tta.fallback.activated", {**TO_B, "tta.fallback.reason": "LookupError"})],
            ),
            call(
                2,
                "lambda broken",
                LAMBDA,
                "0.app/0.f/0.broken",
                outcome="error",
                error="LookupError",
            ),
            call(2, *PLUS, "0.app/0.f/1.plus_one"),
        ],
    ),
    Case(
        "breaker",
        rejected_by_breaker,
        [
            FAILED_APP,
            call(
                1,
                "breaker b",
                "CircuitBreakerPrimitive",
                "0.app/0.b",
                {
                    **OPENED,
                    "tta.breaker.state": "closed",
                    "tta.breaker.failure_rate": 0.0,
                    "tta.breaker.result": "allowed",
                },
                outcome="error",
                error="LookupError",
                events=[("tta.breaker.transition", OPENED)],
            ),
            call(
                2,
                "lambda broken",
                LAMBDA,
                "0.app/0.b/0.broken",
                outcome="error",
                error="LookupError",
            ),
            workflow("app", "SequentialPrimitive", outcome="error", error="CircuitOpenError"),
            call(
                1,
                "breaker b",
                "CircuitBreakerPrimitive",
                "0.app/0.b",
                {
                    "tta.breaker.name": "b",
                    "tta.breaker.state": "open",
                    "tta.breaker.failure_rate": 1.0,
                    "tta.breaker.result": "rejected",
                },
                outcome="rejected",
                error="CircuitOpenError",
            ),
        ],
    ),
    Case(
        "rate limit",
        limited_twice,
        [
            APP,
            limited("allowed", 0.0),
            call(2, *PLUS, "0.app/0.l/0.plus_one"),
            workflow("app", "SequentialPrimitive", outcome="error", error="RateLimitExceededError"),
            limited("rejected", 0.0, outcome="rejected", error="RateLimitExceededError"),
        ],
    ),
    Case("bulkhead", one_place, [*placed("allowed"), *placed("waited")]),
    Case(
        "hedge",
        fresh(
            lambda: HedgePrimitive(
                LambdaPrimitive(forever), delay=0.001, alternatives=[plus_one], name="h"
            )
        ),
        [
            APP,
            call(
                1,
                "hedge h",
                "HedgePrimitive",
                "0.app/0.h",
                {"tta.hedge.launched": 2, "tta.hedge.winner": 1, "tta.hedge.delay": 0.001},
            ),
            call(2, "lambda forever", LAMBDA, "0.app/0.h/0.forever", outcome="cancelled"),
            call(2, *PLUS, "0.app/0.h/1.plus_one"),
        ],
    ),
    Case(
        "hedge in the shadow",
        fresh(
            lambda: HedgePrimitive(
                LambdaPrimitive(lambda x: asyncio.sleep(0.01), name="slow"),
                delay=0.001,
                shadow=True,
                name="h",
            )
        ),
        [
            APP,
            call(
                1,
                "hedge h",
                "HedgePrimitive",
                "0.app/0.h",
                {
                    "tta.hedge.launched": 2,
                    "tta.hedge.winner": 0,
                    "tta.hedge.delay": 0.001,
                    "tta.hedge.shadow": True,
                },
            ),
            call(2, "lambda slow", LAMBDA, "0.app/0.h/0.slow"),
        ],
    ),
    Case(
        "budget",
        fresh(
            lambda: BudgetPrimitive(
                priced, limit=1.0, estimate=lambda x, c: 0.5, scope=lambda x, c: "ada", name="day"
            )
        ),
        [
            APP,
            call(
                1,
                "budget day",
                "BudgetPrimitive",
                "0.app/0.day",
                {
                    "tta.budget.name": "day",
                    "tta.budget.unit": "usd",
                    "tta.budget.reserved": 0.5,
                    "tta.budget.remaining": 0.5,
                    "tta.budget.result": "allowed",
                },
            ),
            call(2, "lambda priced", LAMBDA, "0.app/0.day/0.priced"),
        ],
    ),
    Case(
        "resilient",
        fresh(lambda: resilient(plus_one, timeout=5, retry=1, name="safe")),
        [
            APP,
            call(1, "resilient safe", "ResilientPrimitive", "0.app/0.safe"),
            call(2, "timeout safe", "TimeoutPrimitive", "0.app/0.safe/0.safe"),
            call(
                3,
                "retry",
                "RetryPrimitive",
                "0.app/0.safe/0.safe/0",
                {**RETRY, "tta.retry.attempts": 1, "tta.retry.exhausted": False},
            ),
            call(
                4,
                *PLUS,
                "0.app/0.safe/0.safe/0/0.plus_one",
                {"tta.retry.attempt": 1, "tta.retry.delay_before": 0.0},
            ),
        ],
    ),
]
