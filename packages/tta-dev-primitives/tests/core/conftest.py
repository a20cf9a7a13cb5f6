"""Sources, gates and observers that several test files of the core use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tta_dev_primitives import WorkflowContext, WorkflowPrimitive
from tta_dev_primitives.core.observe import ObservabilityPrimitive, Outcome, observe


class Source:
    """Inputs 0, 1, 2 and so on, with a count of how many were pulled."""

    def __init__(self, length: int = 1_000_000) -> None:
        self.length = length
        self.pulled = 0
        self.closed = False

    def __call__(self) -> Iterator[int]:
        try:
            while self.pulled < self.length:
                self.pulled += 1
                yield self.pulled - 1
        finally:
            self.closed = True

    async def slowly(self) -> AsyncIterator[int]:
        try:
            while self.pulled < self.length:
                await asyncio.sleep(0)
                self.pulled += 1
                yield self.pulled - 1
        finally:
            try:
                await asyncio.sleep(0)
            finally:
                self.closed = True

    def of(self, kind: str) -> Any:
        return self() if kind == "sync" else self.slowly()


class Gate:
    """A step that waits until the test lets an input through."""

    def __init__(self) -> None:
        self.events: dict[int, asyncio.Event] = {}
        self.ended: list[int] = []

    def open(self, *inputs: int) -> None:
        for x in inputs:
            self.events.setdefault(x, asyncio.Event()).set()

    async def __call__(self, x: int) -> int:
        try:
            await self.events.setdefault(x, asyncio.Event()).wait()
            return x * 10
        finally:
            await asyncio.sleep(0)
            self.ended.append(x)


class Recorder(ObservabilityPrimitive):
    """Writes down what it is told, as one line each."""

    def __init__(self, log: list[str] | None = None, mark: str = "") -> None:
        self.log = [] if log is None else log
        self.mark = mark
        self.errors: list[BaseException | None] = []
        self.contexts: list[WorkflowContext] = []

    def start(
        self, primitive: WorkflowPrimitive[Any, Any], path: str, context: WorkflowContext
    ) -> object:
        self.contexts.append(context)
        self.log.append(f"{self.mark}start {path}")
        return path

    def end(self, token: object, outcome: Outcome, error: BaseException | None) -> None:
        self.errors.append(error)
        self.log.append(f"{self.mark}end {token} {outcome}")

    def event(self, token: object, record: object) -> None:
        self.log.append(f"{self.mark}event {token} {record}")


class Resuming(Recorder):
    """Also writes down when calls work and when they pause."""

    def resume(self, token: object) -> object:
        self.log.append(f"{self.mark}resume {token}")
        return f"r{token}"

    def pause(self, token: object, resumed: object) -> None:
        assert resumed == f"r{token}"
        self.log.append(f"{self.mark}pause {token}")


@pytest.fixture(scope="session")
def new_source() -> type[Source]:
    """Makes sources of inputs."""
    return Source


@pytest.fixture
async def gate() -> Gate:
    return Gate()


@pytest.fixture(scope="session")
def new_recorder() -> type[Recorder]:
    """Makes observers that write down what they are told."""
    return Recorder


@pytest.fixture(scope="session")
def new_resuming() -> type[Resuming]:
    """Makes observers that write down when calls work, too."""
    return Resuming


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """An observer that is installed for the test."""
    watching = Recorder()
    with observe(watching):
        yield watching
