from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import WorkflowPrimitive
from tta_dev_primitives.core.context import WorkflowContext
from tta_dev_primitives.testing.clock import FakeClock


class Watcher(observe.ObservabilityPrimitive):
    """Keeps the outcome of every call by its path, and every record with the path it is about."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}
        self.records: list[tuple[str, object]] = []

    def start(self, primitive: WorkflowPrimitive, path: str, context: WorkflowContext) -> object:
        return path

    def event(self, token: object, record: object) -> None:
        self.records.append((str(token), record))

    def end(self, token: object, outcome: observe.Outcome, error: BaseException | None) -> None:
        self.outcomes[str(token)] = outcome


class Source:
    """A stream: after each pause a chunk, or the error in its place; knows when it is closed."""

    def __init__(self, clock: FakeClock, *script: float | Exception) -> None:
        self.clock, self.script = clock, script
        self.begun = 0
        self.closed = 0

    async def __call__(self, x: str) -> AsyncIterator[str]:
        self.begun += 1
        try:
            for number, entry in enumerate(self.script):
                if isinstance(entry, Exception):
                    raise entry
                if entry:
                    await self.clock.sleep(entry)
                yield f"{x}{number}"
        finally:
            self.closed += 1


@pytest.fixture
def source(clock: FakeClock) -> Callable[..., Source]:
    """Makes a `Source` on the test's clock."""
    return lambda *script: Source(clock, *script)


@pytest.fixture
def collect() -> Callable[..., Awaitable[list[Any]]]:
    """Takes all chunks of a stream, into a list of the test's where it wants to see them."""

    async def collect(stream: AsyncIterator[Any], into: list[Any] | None = None) -> list[Any]:
        chunks = [] if into is None else into
        async for chunk in stream:
            chunks.append(chunk)
        return chunks

    return collect


@pytest.fixture
def after(clock: FakeClock) -> Callable[[float, Awaitable[Any]], Awaitable[Any]]:
    """Runs a call while the clock moves on; returns or raises what came of it."""

    async def after(seconds: float, call: Awaitable[Any]) -> Any:
        task = asyncio.ensure_future(call)
        await clock.sleep_through(seconds)
        assert task.done()
        return await task

    return after


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    found = Watcher()
    with observe.observe(found):
        yield found


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(autouse=True)
async def nothing_left_behind(clock: FakeClock) -> AsyncIterator[None]:
    """No task and no timer outlives its call."""
    yield
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left
    assert clock.pending == 0
