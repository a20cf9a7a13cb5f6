"""Stores that fail, wait and count as a test says, and news of other processes."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import (
    AsyncStore,
    StoreBusyError,
    StoredEntry,
)
from tta_dev_primitives.performance.stores.encoded_memory import EncodedMemoryStore
from tta_dev_primitives.performance.stores.tiered import TieredStore
from tta_dev_primitives.performance.tiers.deletion import Deletion
from tta_dev_primitives.testing import FakeClock

NOW = 1_700_000_000.0


class Far(AsyncStore):
    """A store behind a network: it may be away, slow, and counts how often it is asked."""

    def __init__(self) -> None:
        self.held = EncodedMemoryStore()
        self.away = self.reported = False
        self.asked: list[str] = []
        self.gate, self.write_gate = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.write_gate.set()
        self.closed = 0

    async def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.away:
            msg = "far is away"
            raise StoreError(msg, reported=self.reported)

    async def read(self, key: bytes) -> StoredEntry | None:
        await self._ask("read")
        found = self.held.read(key)
        await self.gate.wait()
        return found

    async def write(self, key: bytes, entry: StoredEntry) -> None:
        await self._ask("write")
        await self.write_gate.wait()
        self.held.write(key, entry)

    async def delete(self, keys: Sequence[bytes]) -> int:
        await self._ask("delete")
        return self.held.delete(keys)

    async def delete_prefix(self, prefix: bytes) -> int:
        await self._ask("delete_prefix")
        return self.held.delete_prefix(prefix)

    async def delete_tags(self, tags: Collection[str]) -> int:
        await self._ask("delete_tags")
        return self.held.delete_tags(tags)

    async def delete_expired(self, now: float) -> int:
        await self._ask("delete_expired")
        return self.held.delete_expired(now)

    async def scan(self, prefix: bytes = b"") -> AsyncIterator[tuple[bytes, StoredEntry]]:
        await self._ask("scan")
        for found in self.held.scan(prefix):
            yield found
            await self._ask("scan on")

    async def size(self) -> int:
        await self._ask("size")
        return len(self.held)

    async def aclose(self) -> None:
        self.closed += 1
        await self._ask("aclose")


class Cluster(Far):
    """A store that lets one do the work; here that is always the one who asks."""

    async def fill_once(
        self, key: bytes, fill: Callable[[], Awaitable[StoredEntry | None]]
    ) -> StoredEntry | None:
        self.asked.append("fill_once")
        entry = await fill()
        if entry is not None and not self.away:
            self.held.write(key, entry)
        return entry


class Near(EncodedMemoryStore):
    """A store on this machine that may fail, or be busy until it is let go."""

    never_waits = False  # type: ignore[misc]

    def __init__(self) -> None:
        super().__init__()
        self.broken = self.busy = False
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()
        self.closed = 0

    def _ask(self) -> None:
        if self.broken:
            msg = "near is broken"
            raise StoreError(msg)

    def read(self, key: bytes, *, wait: bool = False) -> StoredEntry | None:
        self._ask()
        return super().read(key)

    def write(self, key: bytes, entry: StoredEntry, *, wait: bool = False) -> None:
        self._ask()
        if self.busy and not wait:
            raise StoreBusyError
        if self.busy:
            self.begun.set()
            assert self.gate.wait(10)
        super().write(key, entry)

    def delete(self, keys: Sequence[bytes]) -> int:
        self._ask()
        return super().delete(keys)

    def delete_prefix(self, prefix: bytes) -> int:
        self._ask()
        return super().delete_prefix(prefix)

    def delete_tags(self, tags: Collection[str]) -> int:
        self._ask()
        return super().delete_tags(tags)

    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, StoredEntry]]:
        self._ask()
        return super().scan(prefix)

    def __len__(self) -> int:
        self._ask()
        return super().__len__()

    def close(self) -> None:
        self.closed += 1
        self._ask()


class Hearing:
    """An invalidation whose news the test makes up."""

    def __init__(self) -> None:
        self.hears = True
        self.told: list[Deletion] = []
        self.starts: list[Path | None] = []
        self.forget: Callable[[Deletion], Awaitable[None]]
        self.closed = 0

    def listening(self) -> bool:
        return bool(self.starts) and self.hears

    async def start(
        self, forget: Callable[[Deletion], Awaitable[None]], beside: Path | None
    ) -> None:
        self.forget = forget
        self.starts.append(beside)

    async def publish(self, deletion: Deletion) -> None:
        self.told.append(deletion)

    async def aclose(self) -> None:
        self.closed += 1


@pytest.fixture
def near() -> Near:
    return Near()


@pytest.fixture
async def far() -> Far:
    return Far()


@pytest.fixture
def make_tiers(near: Near, far: Far, clock: FakeClock) -> Callable[..., TieredStore]:
    """Makes stores of which `near` and `far` are the tiers."""

    def make(**options: Any) -> TieredStore:
        return TieredStore([near, far], clock=clock, **options)

    return make


def entry(
    data: bytes = b"data",
    *,
    age: float = 0,
    fresh: float = 60,
    life: float | None = None,
    tags: tuple[str, ...] = (),
) -> StoredEntry:
    """An entry that is *age* seconds old and fresh for *fresh* more."""
    return StoredEntry(
        data, NOW - age, NOW + fresh, NOW + (fresh if life is None else life), tags=tags
    )


DELETIONS: dict[str, Callable[[AsyncStore], Awaitable[int]]] = {
    "keys": lambda store: store.delete([b"a1", b"a2"]),
    "prefix": lambda store: store.delete_prefix(b"a"),
    "tags": lambda store: store.delete_tags(["a"]),
}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]
