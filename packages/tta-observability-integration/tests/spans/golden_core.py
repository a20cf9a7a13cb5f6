"""What spans of the core's primitives say."""

from __future__ import annotations

import asyncio
from typing import Any

from tta_dev_primitives import (
    BatchPrimitive,
    ConditionalPrimitive,
    LambdaPrimitive,
    LoopPrimitive,
    ParallelPrimitive,
    SequentialPrimitive,
    SwitchPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
)
from tta_dev_primitives.core.routing import RouterPrimitive
from tta_dev_primitives.testing import FaultPrimitive

from .golden_spans import call, workflow
from .golden_tracers import Case, ignoring


def plus_one(x: int) -> int:
    return x + 1


def broken(x: int) -> int:
    raise LookupError(x)


class Mine(WorkflowPrimitive[int, int]):
    """A primitive of a user's."""

    name = "mine"

    async def execute(self, input_data: int, context: WorkflowContext | None = None) -> int:
        return input_data


def app(*steps: Any) -> SequentialPrimitive[Any, Any]:
    return SequentialPrimitive(list(steps), name="app")


def within_app(step: Any, given: Any = 1) -> Any:
    return lambda: app(step).execute(given)


async def stream() -> None:
    async for _ in app(plus_one, LambdaPrimitive(plus_one, name="last")).stream(1):
        pass


async def batch() -> None:
    step = BatchPrimitive(lambda xs: list(xs), name="b")
    await asyncio.gather(*(app(step).execute(x) for x in range(2)))


async def map_roots() -> None:
    async for _ in LambdaPrimitive(plus_one, name="step").map([1, 2], concurrency=1):
        pass


async def fan_out(count: int) -> int:
    step = LambdaPrimitive(broken, name="step")
    return len([item async for item in step.map(range(count), concurrency=1)])


async def cancelled() -> None:
    async def forever(x: int) -> None:
        await asyncio.Event().wait()

    task = asyncio.ensure_future(app(LambdaPrimitive(forever, name="f")).execute(1))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])


APP = workflow("app", "SequentialPrimitive")
LAMBDA = "LambdaPrimitive"
PLUS = "lambda plus_one", LAMBDA
IDENTITY = WorkflowContext(
    workflow_id="w", session_id="s", player_id="p", causation_id="k", tags={"tier": "gold"}
)

CASES = [
    Case(
        "sequence",
        within_app(LambdaPrimitive(plus_one)),
        [APP, call(1, *PLUS, "0.app/0.plus_one")],
    ),
    Case(
        "identity",
        lambda: LambdaPrimitive(plus_one, name="app").execute(1, IDENTITY),
        [
            workflow(
                "app",
                "LambdaPrimitive",
                {
                    "gen_ai.conversation.id": "s",
                    "workflow.id": "w",
                    "workflow.session_id": "s",
                    "workflow.causation_id": "k",
                    "workflow.tag.tier": "gold",
                },
            )
        ],
    ),
    Case(
        "a primitive of a user's",
        within_app(Mine()),
        [APP, call(1, "Mine mine", "Mine", "0.app/0.mine")],
    ),
    Case(
        "failure",
        ignoring(LookupError)(within_app(LambdaPrimitive(broken))),
        [
            workflow("app", "SequentialPrimitive", outcome="error", error="LookupError"),
            call(
                1,
                "lambda broken",
                "LambdaPrimitive",
                "0.app/0.broken",
                outcome="error",
                error="LookupError",
            ),
        ],
    ),
    Case(
        "cancellation",
        cancelled,
        [
            workflow("app", "SequentialPrimitive", outcome="cancelled"),
            call(1, "lambda f", "LambdaPrimitive", "0.app/0.f", outcome="cancelled"),
        ],
    ),
    Case(
        "stream",
        stream,
        [
            APP,
            call(1, *PLUS, "0.app/0.plus_one"),
            call(1, "lambda last", "LambdaPrimitive", "0.app/1.last"),
        ],
    ),
    Case(
        "parallel",
        within_app(ParallelPrimitive([LambdaPrimitive(plus_one), Mine()], name="both")),
        [
            APP,
            call(1, "parallel both", "ParallelPrimitive", "0.app/0.both", {"tta.branch.count": 2}),
            call(2, *PLUS, "0.app/0.both/0.plus_one", {"tta.branch.index": 0}),
            call(2, "Mine mine", "Mine", "0.app/0.both/1.mine", {"tta.branch.index": 1}),
        ],
    ),
    Case(
        "conditional",
        within_app(ConditionalPrimitive(lambda x, c: False, Mine(), plus_one, name="if")),
        [
            APP,
            call(
                1,
                "conditional if",
                "ConditionalPrimitive",
                "0.app/0.if",
                {"tta.branch.count": 2, "tta.branch.taken": "else"},
            ),
            call(2, *PLUS, "0.app/0.if/1.plus_one", {"tta.branch.index": 1}),
        ],
    ),
    Case(
        "conditional without an else",
        within_app(ConditionalPrimitive(lambda x, c: False, Mine(), name="if")),
        [
            APP,
            call(
                1,
                "conditional if",
                "ConditionalPrimitive",
                "0.app/0.if",
                {"tta.branch.count": 1, "tta.branch.taken": "else"},
            ),
        ],
    ),
    Case(
        "switch",
        within_app(SwitchPrimitive(lambda x, c: x, {1: plus_one}, Mine(), name="s")),
        [
            APP,
            call(
                1,
                "switch s",
                "SwitchPrimitive",
                "0.app/0.s",
                {"tta.branch.count": 2, "tta.branch.taken": "1"},
            ),
            call(2, *PLUS, "0.app/0.s/0.plus_one", {"tta.branch.index": 0}),
        ],
    ),
    Case(
        "route",
        within_app(RouterPrimitive({"a": Mine(), "b": plus_one}, lambda x, c: "b", name="r")),
        [
            APP,
            call(
                1,
                "route r",
                "RouterPrimitive",
                "0.app/0.r",
                {
                    "tta.route.selected": "b",
                    "tta.route.candidates": ("a", "b"),
                    "tta.route.reason": "router_fn",
                    "tta.route.strategy": "function",
                },
            ),
            call(2, *PLUS, "0.app/0.r/1.plus_one"),
        ],
    ),
    Case(
        "loop",
        within_app(LoopPrimitive(plus_one, until=lambda x, c: x > 2, name="l")),
        [
            APP,
            call(
                1,
                "loop l",
                "LoopPrimitive",
                "0.app/0.l",
                {
                    "tta.loop.iterations": 2,
                    "tta.loop.max_iterations": 10,
                    "tta.loop.exhausted": False,
                },
            ),
            call(2, *PLUS, "0.app/0.l/0.plus_one"),
            call(2, *PLUS, "0.app/0.l/0.plus_one"),
        ],
    ),
    Case(
        "batch",
        batch,
        [
            APP,
            call(
                1,
                "batch b",
                "BatchPrimitive",
                "0.app/0.b",
                {"tta.batch.size": 2, "tta.batch.max_size": 100, "tta.batch.reason": "tick"},
            ),
            call(2, "lambda", "LambdaPrimitive", "0.app/0.b/0"),
            APP,
            call(
                1,
                "batch b",
                "BatchPrimitive",
                "0.app/0.b",
                {"tta.batch.size": 2, "tta.batch.max_size": 100, "tta.batch.reason": "tick"},
            ),
        ],
    ),
    Case(
        "map of roots",
        map_roots,
        [
            workflow("step", "LambdaPrimitive", {"tta.map.index": 0}),
            workflow("step", "LambdaPrimitive", {"tta.map.index": 1}),
        ],
    ),
    Case(
        "map within a call",
        lambda: LambdaPrimitive(fan_out, name="app").execute(1),
        [
            workflow(
                "app",
                "LambdaPrimitive",
                {
                    "tta.map.name": "step",
                    "tta.map.items": 1,
                    "tta.map.failed": 1,
                    "tta.map.complete": True,
                },
                events=[
                    (
                        "tta.map.ended",
                        {
                            "tta.map.name": "step",
                            "tta.map.items": 1,
                            "tta.map.failed": 1,
                            "tta.map.complete": True,
                        },
                    )
                ],
            ),
            call(
                1,
                "lambda step",
                "LambdaPrimitive",
                "0.app/step",
                {"tta.primitive.name": "step", "tta.map.index": 0},
                outcome="error",
                error="LookupError",
            ),
        ],
    ),
    Case(
        "fault",
        within_app(FaultPrimitive(plus_one, latency=0.0001, rate=1, name="f")),
        [
            APP,
            call(
                1,
                "fault f",
                "FaultPrimitive",
                "0.app/0.f",
                {"tta.fault.injected": ("latency",)},
            ),
            call(2, *PLUS, "0.app/0.f/0.plus_one"),
        ],
    ),
]
