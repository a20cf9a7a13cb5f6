"""Models that take money, and workflows of them whose waste is known."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tta_dev_primitives import (
    FallbackPrimitive,
    HedgePrimitive,
    ParallelPrimitive,
    RetryPrimitive,
    RetryStrategy,
    TimeoutPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
)
from tta_dev_primitives.core.observe import LLMRecord, LLMRequestRecord, report

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

CENT = 0.01


def answer(cost: float | None = CENT, model: str = "m") -> LLMRecord:
    return LLMRecord(
        operation="chat",
        provider="openai",
        request_model=model,
        response_model=f"{model}-2026",
        input_tokens=10,
        output_tokens=5,
        cache_read_input_tokens=0,
        cache_write_input_tokens=0,
        reasoning_output_tokens=0,
        finish_reason="stop",
        duration=0.1,
        time_to_first_chunk=None,
        cost=cost,
    )


class Answer(str):
    """A text that knows its price, as answers of models do."""

    __slots__ = ("cost",)

    cost: float | None


class Model(WorkflowPrimitive[Any, Any]):
    """Answers for money, and then does what the test says: once for each call, the last for ever.

    `ok` answers, `fail` fails for money, `refused` fails for nothing, `hang` waits for ever.
    """

    def __init__(
        self, *then: str, cost: float | None = CENT, model: str = "m", name: str = ""
    ) -> None:
        self.then, self.cost, self.model, self.name = [*then] or ["ok"], cost, model, name

    async def execute(self, input_data: Any, context: WorkflowContext | None = None) -> Any:
        then = self.then.pop(0) if len(self.then) > 1 else self.then[0]
        report(LLMRequestRecord("chat", "openai", self.model))
        if then == "refused":
            raise ConnectionError("refused")
        if then == "hang":
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        report(answer(self.cost, self.model))
        if then == "fail":
            raise ValueError("not what was wanted")
        text = Answer(f"{input_data}!")
        text.cost = self.cost
        return text

    async def stream(
        self, input_data: Any, context: WorkflowContext | None = None
    ) -> AsyncGenerator[Any, None]:
        yield "a"
        report(answer(self.cost, self.model))
        if self.then[0] == "fail":
            raise ValueError("broke off")
        yield "b"


class Hang(WorkflowPrimitive[Any, Any]):
    """Waits for ever, for nothing."""

    async def execute(self, input_data: Any, context: WorkflowContext | None = None) -> Any:
        await asyncio.Event().wait()


def retried(step: Any, times: int = 1) -> RetryPrimitive[Any, Any]:
    return RetryPrimitive(step, strategy=RetryStrategy(max_retries=times, initial_delay=0.0))


def fail(value: Any) -> Any:
    raise RuntimeError("no use")


def unwanted(value: Any) -> bool:
    return True


NOW = TimeoutPrimitive[Any, Any](timeout_seconds=0.01)
Cases = dict[str, tuple["Callable[[], WorkflowPrimitive[Any, Any]]", bool, tuple[int, int]]]
CASES: Cases = {
    "one-answer": (lambda: Model(), True, (1, 0)),
    "a-failed-run": (lambda: Model("fail"), False, (1, 1)),
    "refused": (lambda: Model("refused"), False, (0, 0)),
    "a-later-step-fails": (lambda: Model() >> fail, False, (1, 1)),
    "retry-then-ok": (lambda: retried(Model("fail", "ok")), True, (2, 1)),
    "retry-exhausted": (lambda: retried(Model("fail")), False, (2, 2)),
    "retry-of-steps": (lambda: retried(Model() >> Model("fail", "ok")), True, (4, 2)),
    "retry-in-retry": (
        lambda: retried(retried(Model("fail", "fail", "fail", "ok"))),
        True,
        (4, 3),
    ),
    "retry-in-retry-in-fallback": (
        lambda: FallbackPrimitive(retried(retried(Model("fail"))), Model()),
        True,
        (5, 4),
    ),
    "unwanted-and-again": (
        lambda: RetryPrimitive(
            Model(),
            strategy=RetryStrategy(max_retries=2, initial_delay=0.0),
            retry_result=unwanted,
        ),
        True,
        (3, 2),  # the last one is returned, wanted or not
    ),
    "fallback": (lambda: FallbackPrimitive(Model("fail"), Model()), True, (2, 1)),
    "fallback-not-needed": (lambda: FallbackPrimitive(Model(), Model()), True, (1, 0)),
    "fallback-fails-too": (
        lambda: FallbackPrimitive(Model("fail"), Model("fail")),
        False,
        (2, 2),
    ),
    "fallback-judges": (
        lambda: FallbackPrimitive(Model(), lambda x: "plain", accept=lambda x: x == "plain"),
        True,
        (1, 1),
    ),
    "timeout": (lambda: NOW.wrap(Model() >> Hang()), False, (1, 1)),
    "timeout-with-fallback": (
        lambda: TimeoutPrimitive(Model() >> Hang(), 0.01, fallback=Model()),
        True,
        (2, 1),
    ),
    "timeout-before-the-answer": (lambda: NOW.wrap(Model("hang")), False, (0, 0)),
    "parallel": (lambda: ParallelPrimitive([Model(), Model()]), True, (2, 0)),
    "a-branch-fails": (
        lambda: ParallelPrimitive([Model(), Model() >> Hang(), Model("fail") >> Hang()]),
        False,
        (3, 3),
    ),
    "a-hedge-wins": (
        lambda: HedgePrimitive(Model() >> Hang(), delay=0.005, alternatives=[Model()]),
        True,
        (2, 1),
    ),
    "a-hedge-loses": (
        lambda: HedgePrimitive(Model() >> wait, delay=0.0, alternatives=[Model() >> Hang()]),
        True,
        (2, 1),
    ),
    "a-hedge-is-not-needed": (lambda: HedgePrimitive(Model(), delay=5), True, (1, 0)),
    "a-hedge-after-an-error": (
        lambda: HedgePrimitive(Model("fail"), delay=5, alternatives=[Model()]),
        True,
        (2, 1),
    ),
    "all-hedges-fail": (
        lambda: HedgePrimitive(Model("fail"), delay=0.0, alternatives=[Model("fail")]),
        False,
        (2, 2),
    ),
    "the-winner-had-tried-twice": (
        lambda: HedgePrimitive(
            Model() >> Hang(), delay=0.0, alternatives=[retried(Model("fail", "ok"))]
        ),
        True,
        (3, 2),
    ),
    "a-hedge-without-a-price-of-its-own": (
        lambda: HedgePrimitive(
            Hang(), delay=0.0, max_hedges=2, alternatives=[Model() >> Hang(), wait_then(Model())]
        ),
        True,
        (2, 1),
    ),
}


async def wait(value: Any) -> Any:
    await asyncio.sleep(0.03)
    return "plain"


def wait_then(step: WorkflowPrimitive[Any, Any]) -> WorkflowPrimitive[Any, Any]:
    return wait >> step
