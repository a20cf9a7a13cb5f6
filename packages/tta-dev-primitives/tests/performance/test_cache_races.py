"""What is asked, written, refreshed and deleted at the same moment: the newest word counts."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives import CachePrimitive, DiskStore, WorkflowContext
from tta_dev_primitives.performance.stores.base import StoreBusyError, StoredEntry

from .cache_kinds import KINDS, MakeCache, cache_maker
from .waiting import until

TURNS = range(0, 40, 1 if os.environ.get("TTA_LONG") == "1" else 3)


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> MakeCache:
    return cache_maker(request.param, request, tmp_path)


class Counting:
    """Answers with the number of the call; a call ends when its gate is opened."""

    def __init__(self) -> None:
        self.gates: list[asyncio.Event] = []

    async def __call__(self, x: str) -> list[Any]:
        self.gates.append(asyncio.Event())
        number = len(self.gates)
        await self.gates[-1].wait()
        return [x, number]

    async def begun(self, count: int) -> None:
        await until(lambda: len(self.gates) >= count, f"{count} calls")

    def let_go(self) -> None:
        for gate in self.gates:
            gate.set()


Delete = Callable[[CachePrimitive[Any, Any]], Awaitable[object]]
DELETIONS: dict[str, Delete] = {
    "input": lambda cache: cache.delete("q"),
    "prefix": lambda cache: cache.delete_prefix("q"),
    "tag": lambda cache: cache.delete_tags("tag"),
    "clear": lambda cache: cache.clear(),
}


@pytest.mark.parametrize(
    ("deletion", "connected"),
    [*((name, True) for name in DELETIONS), ("input", False), ("tag", False)],
    ids=[*DELETIONS, "input-cold", "tag-cold"],
)
async def test_answer_that_is_deleted_while_it_is_written_does_not_come_back(
    make: MakeCache, deletion: str, connected: bool
) -> None:
    """At whichever turn of the loop: what the deletion found nothing of is not there later."""
    came_back: list[int] = []
    for turns in TURNS:
        service = Counting()
        async with make(service, tags=["tag"]) as cache:
            if connected:
                await cache.delete("other")
            caller = asyncio.create_task(cache.execute("q"))
            await service.begun(1)
            service.let_go()
            for _ in range(turns):
                await asyncio.sleep(0)
            await DELETIONS[deletion](cache)
            await caller
            later = asyncio.create_task(cache.execute("q"))
            await asyncio.wait((later,), timeout=0.001)
            service.let_go()
            while not later.done():
                await asyncio.wait((later,), timeout=0.001)
                service.let_go()
            if later.result() != ["q", 2]:
                came_back.append(turns)
    assert came_back == []


def lock_file_in(folder: Path) -> sqlite3.Connection:
    (file,) = folder.glob("*.sqlite3")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


async def test_answer_that_is_deleted_while_its_file_is_locked_does_not_come_back(
    tmp_path: Path,
) -> None:
    """Its writing waits in a thread, and the deletion in another one, which may be first."""
    came_back = 0
    for number in range(8):
        service = Counting()
        async with CachePrimitive(service, cache_dir=tmp_path) as cache:
            await cache.delete("other")
            key = f"q{number}"
            with contextlib.closing(lock_file_in(tmp_path)) as other:
                caller = asyncio.create_task(cache.execute(key))
                await service.begun(1)
                service.let_go()
                await asyncio.sleep(0.02)
                deletion = asyncio.create_task(cache.delete(key))
                await asyncio.sleep(0.02)
                other.execute("COMMIT")
            await deletion
            await caller
            later = asyncio.create_task(cache.execute(key))
            await asyncio.wait((later,), timeout=0.02)
            service.let_go()
            came_back += await later != [key, 2]
    assert came_back == 0


async def test_older_call_does_not_take_the_place_of_a_refreshed_answer(make: MakeCache) -> None:
    """Who refreshes knows that what was asked for before is out of date."""
    service = Counting()
    async with make(service) as cache:
        older = asyncio.create_task(cache.execute("q"))
        await service.begun(1)
        refresh = WorkflowContext(cache_mode="refresh")
        newer = asyncio.create_task(cache.execute("q", refresh))
        await service.begun(2)
        service.gates[1].set()
        assert await newer == ["q", 2]
        service.gates[0].set()
        assert await older == ["q", 1]
        assert await cache.execute("q") == ["q", 2]


class SlowDiskStore(DiskStore):
    """Reads in a thread while `slow`, and tells of what it found only when it is let go."""

    slow = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.found, self.gate = threading.Event(), threading.Event()

    def read(self, key: bytes, *, wait: bool = False) -> StoredEntry | None:
        if not self.slow:
            return super().read(key, wait=wait)
        if not wait:
            raise StoreBusyError
        entry = super().read(key, wait=wait)
        self.found.set()
        assert self.gate.wait(10)
        return entry


async def test_caller_whose_look_took_longer_than_the_call_makes_no_other(tmp_path: Path) -> None:
    """It asked while the call was under way, and the answer is there when it comes to miss it."""
    service = Counting()
    store = SlowDiskStore(tmp_path)
    async with CachePrimitive(service, backend=store) as cache:
        first = asyncio.create_task(cache.execute("q"))
        await service.begun(1)
        store.slow = True
        second = asyncio.create_task(cache.execute("q"))
        await until(store.found.is_set, "a look into the store")
        service.let_go()
        assert await first == ["q", 1]
        store.slow = False
        store.gate.set()
        await asyncio.wait((second,), timeout=0.05)
        service.let_go()
        assert await second == ["q", 1]
