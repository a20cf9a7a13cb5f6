from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import AsyncStore, StoreBusyError, StoredEntry
from tta_dev_primitives.performance.stores.encoded_memory import EncodedMemoryStore
from tta_dev_primitives.performance.stores.threaded import ThreadedStore

ENTRY = StoredEntry(b"data", 1.0, 2e9, 2e9, tags=("tag",))


class Slow(EncodedMemoryStore):
    """A store that would have to wait whenever it is asked inline, and notes who asks."""

    never_waits = False  # type: ignore[misc]

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.begun, self.written = threading.Event(), threading.Event()
        self.scans_closed = 0

    def read(self, key: bytes, *, wait: bool = False) -> StoredEntry | None:
        self._ask(wait=wait)
        return super().read(key)

    def write(self, key: bytes, entry: StoredEntry, *, wait: bool = False) -> None:
        self._ask(wait=wait)
        super().write(key, entry)
        self.written.set()

    def delete(self, keys: Sequence[bytes]) -> int:
        self._ask(wait=True)
        return super().delete(keys)

    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, StoredEntry]]:
        try:
            for found in super().scan(prefix):
                self._ask(wait=True)
                yield found
        finally:
            self.scans_closed += 1

    def _ask(self, *, wait: bool) -> None:
        if not wait:
            raise StoreBusyError
        self.threads.append(threading.get_ident())
        self.begun.set()
        assert self.gate.wait(10)


@pytest.fixture
def slow() -> Slow:
    return Slow()


async def test_a_ready_store_is_asked_in_the_callers_thread() -> None:
    """A hit on a file costs microseconds, and a hop to a thread several times that."""
    seen: list[tuple[str, bool]] = []

    class Ready(EncodedMemoryStore):
        def read(self, key: bytes, *, wait: bool = False) -> StoredEntry | None:
            seen.append((threading.current_thread().name, wait))
            return super().read(key)

    store = ThreadedStore(Ready())
    await store.write(b"k", ENTRY)
    assert await store.read(b"k") is ENTRY
    assert seen == [(threading.current_thread().name, False)]


async def test_a_busy_store_is_asked_again_in_a_thread(slow: Slow) -> None:
    store = ThreadedStore(slow)
    await store.write(b"k", ENTRY)
    assert await store.read(b"k") is ENTRY
    assert threading.get_ident() not in slow.threads
    assert len(slow.threads) == 2


async def test_the_loop_goes_on_while_the_store_waits(slow: Slow) -> None:
    slow.gate.clear()
    reading = asyncio.create_task(ThreadedStore(slow).read(b"k"))
    await asyncio.to_thread(slow.begun.wait, 10)
    assert not reading.done()
    slow.gate.set()
    assert await reading is None


async def test_failures_reach_the_caller_without_a_trace_of_the_first_try(slow: Slow) -> None:
    def fail(key: bytes, *, wait: bool = False) -> None:
        if not wait:
            raise StoreBusyError
        msg = "broken"
        raise StoreError(msg)

    slow.read = fail  # type: ignore[method-assign]
    with pytest.raises(StoreError, match="broken") as caught:
        await ThreadedStore(slow).read(b"k")
    assert caught.value.__context__ is None


async def test_a_cancelled_write_still_happens(slow: Slow) -> None:
    """The thread cannot be stopped, and half an entry is nobody's wish."""
    slow.gate.clear()
    writing = asyncio.create_task(ThreadedStore(slow).write(b"k", ENTRY))
    await asyncio.to_thread(slow.begun.wait, 10)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert len(slow) == 0
    slow.gate.set()
    assert await asyncio.to_thread(slow.written.wait, 10)
    assert len(slow) == 1


async def test_deletions_and_counts_are_those_of_the_store() -> None:
    store = ThreadedStore(EncodedMemoryStore())
    for key in (b"a1", b"a2", b"b1", b"b2"):
        await store.write(key, StoredEntry(b"", 1.0, 2.0, 2.0, tags=(key.decode()[1],)))
    assert await store.size() == 4
    assert await store.delete([b"a1", b"none"]) == 1
    assert await store.delete_tags(["2"]) == 2
    assert await store.delete_prefix(b"a") == 0
    assert await store.delete_expired(2.0) == 1
    assert await store.size() == 0
    await store.aclose()


async def test_deletions_of_a_store_that_may_wait_run_in_a_thread(slow: Slow) -> None:
    await ThreadedStore(slow).delete([b"k"])
    assert threading.get_ident() not in slow.threads


@pytest.mark.parametrize("count", [0, 1, 64, 65, 200])
async def test_scan_yields_everything_across_hops(slow: Slow, count: int) -> None:
    for number in range(count):
        slow.write(b"%d" % number, ENTRY, wait=True)
    found = [key async for key, _ in ThreadedStore(slow).scan()]
    assert found == [b"%d" % number for number in range(count)]
    assert slow.scans_closed == 1


async def test_scan_fetches_no_more_than_a_little_ahead(slow: Slow) -> None:
    """Large values are not all held at once."""
    large = StoredEntry(bytes(600_000), 1.0, 2e9, 2e9)
    for number in range(10):
        slow.write(b"%d" % number, large, wait=True)
    slow.threads.clear()
    scan = ThreadedStore(slow).scan()
    await anext(scan)
    assert len(slow.threads) == 2
    await scan.aclose()  # type: ignore[attr-defined]


async def test_scan_that_ends_early_lets_go_of_the_store(slow: Slow) -> None:
    for number in range(100):
        slow.write(b"%d" % number, ENTRY, wait=True)
    scan = ThreadedStore(slow).scan()
    await anext(scan)
    await scan.aclose()  # type: ignore[attr-defined]
    assert slow.scans_closed == 1


async def test_scan_cancelled_while_the_thread_works_lets_go_afterwards(slow: Slow) -> None:
    """A generator cannot be closed while another thread is inside it."""
    slow.write(b"k", ENTRY, wait=True)
    slow.gate.clear()
    slow.begun.clear()

    async def first() -> None:
        async for _ in ThreadedStore(slow).scan():
            break

    scanning = asyncio.create_task(first())
    await asyncio.to_thread(slow.begun.wait, 10)
    scanning.cancel()
    await asyncio.sleep(0)
    slow.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await scanning
    assert slow.scans_closed == 1


def test_it_is_an_async_store_and_a_plain_store_is_none() -> None:
    store = EncodedMemoryStore()
    assert isinstance(ThreadedStore(store), AsyncStore)
    assert not isinstance(store, AsyncStore)
    assert ThreadedStore(store).local is store
