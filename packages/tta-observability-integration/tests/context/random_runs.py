"""Workflows made at random, of steps that wait, stream, fail, and hold spans while they do."""

from __future__ import annotations

import asyncio
import contextvars
import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from tta_dev_primitives import (
    FallbackPrimitive,
    LambdaPrimitive,
    ParallelPrimitive,
    RetryPrimitive,
    RetryStrategy,
    SequentialPrimitive,
    TimeoutPrimitive,
    WorkflowPrimitive,
)
from tta_dev_primitives.recovery.hedge import HedgePrimitive

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from contextlib import AbstractContextManager

    from ..instrumentations.tracers import Traced  # noqa: TID252 - as in conftest.py

Action: TypeAlias = Literal[
    "turn",
    "sleep",
    "request",
    "chunk",
    "block",
    "inner",
    "stream",
    "drop",
    "thread",
    "fail",
    "hang",
]
_OFTEN: tuple[Action, ...] = ("turn", "request", "chunk", "chunk", "block")
_SELDOM: tuple[Action, ...] = ("sleep", "inner", "stream", "drop", "thread", "fail", "hang")
_QUICK_RETRY = RetryStrategy(max_retries=1, initial_delay=0.0005, jitter=False)


class RandomRun:
    """One workflow and all that it did.

    Steps are called `s1`, `s2` and so on; a request that a step makes is called after it, and so is
    a block of its own, so that a span which hangs below the wrong one is seen by its name.

    Args:
        seed: Of the workflow, and of how it will be ended.
        traced: Where users' own spans come from.
    """

    def __init__(self, seed: int, traced: Traced) -> None:
        self.draw = random.Random(seed)
        self.traced = traced
        self.users_spans = 0
        """How many spans of users began."""
        self._steps = 0
        self._threads: ThreadPoolExecutor | None = None
        self.workflow = self._wrapped(3)

    def wait_for_threads(self) -> None:
        """Let threads end, which nothing can cancel."""
        if self._threads is not None:
            self._threads.shutdown()

    def _wrapped(self, depth: int) -> WorkflowPrimitive[Any, Any]:
        kind = self.draw.randrange(8) if depth else 0
        if kind <= 1:
            return self._step()
        if kind == 2:
            return ParallelPrimitive([self._wrapped(depth - 1), self._wrapped(depth - 1)])
        if kind == 3:
            return RetryPrimitive(self._wrapped(depth - 1), _QUICK_RETRY)
        if kind == 4:
            return TimeoutPrimitive(self._wrapped(depth - 1), timeout_seconds=0.003)
        if kind == 5:
            return FallbackPrimitive(self._wrapped(depth - 1), self._wrapped(depth - 1))
        if kind == 6:
            return HedgePrimitive(self._wrapped(depth - 1), delay=0.001)
        return SequentialPrimitive([self._wrapped(depth - 1), self._wrapped(depth - 1)])

    def _step(self, depth: int = 1) -> WorkflowPrimitive[Any, Any]:
        self._steps += 1
        name = f"s{self._steps}"
        actions: list[Action] = [
            self.draw.choice(_OFTEN if self.draw.random() < 0.7 else _SELDOM)
            for _ in range(self.draw.randrange(1, 5))
        ]
        inner = self._step(depth - 1) if depth else LambdaPrimitive(str, name=f"{name}.inner")

        async def chunks(value: object) -> AsyncGenerator[str, None]:
            for action in actions:
                if action == "block":
                    with self._block(name):
                        await self._request(name)
                        yield "within"
                        await asyncio.sleep(0)
                elif action == "chunk":
                    yield "chunk"
                elif action == "stream":
                    async for chunk in inner.stream(value):
                        yield str(chunk)
                elif action == "drop":
                    # Nobody closes what is left: the event loop does when it is collected.
                    async for chunk in inner.stream(value):
                        yield str(chunk)
                        break
                else:
                    await self._act(action, name, inner)

        async def whole(value: object) -> str:
            return "".join([chunk async for chunk in chunks(value)])

        return LambdaPrimitive(chunks if self.draw.random() < 0.7 else whole, name=name)

    async def _act(self, action: Action, name: str, inner: WorkflowPrimitive[Any, Any]) -> None:
        if action == "turn":
            await asyncio.sleep(0)
        elif action == "sleep":
            await asyncio.sleep(0.001)
        elif action == "request":
            await self._request(name)
        elif action == "inner":
            await inner.execute("inner")
        elif action == "thread":
            await self._in_thread(inner)
        elif action == "fail":
            raise ValueError(name)
        elif action == "hang":
            await asyncio.sleep(0.02)

    def _block(self, name: str) -> AbstractContextManager[object]:
        """Make a span that a generator holds across a `yield`, whatever OpenTelemetry advises.

        That goes well with our observer, and with a tracer of our own.
        """
        self.users_spans += 1
        if self.traced.kind == "own" and self.draw.random() < 0.5:
            return self.traced.tracer.start_as_current_span(f"block {name}")
        return self.traced.span(f"block {name}")

    async def _request(self, name: str) -> None:
        """Do what an instrumented HTTP client does."""
        self.users_spans += 1
        with self.traced.tracer.start_as_current_span(f"GET {name}"):
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def _in_thread(self, inner: WorkflowPrimitive[Any, Any]) -> None:
        """Run *inner* in an event loop of another thread, as `asyncio.to_thread` would."""
        if self._threads is None:
            # Enough for all at once: one that waits for a place of another would wait for ever.
            self._threads = ThreadPoolExecutor(256)
        within = contextvars.copy_context()

        def work() -> None:
            within.run(inner.run, "thread")

        await asyncio.get_running_loop().run_in_executor(self._threads, work)
