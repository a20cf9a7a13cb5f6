from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tta_dev_primitives.performance.stores.base import (
    AsyncStore,
    StoredEntry,
)
from tta_dev_primitives.performance.stores.encoded_memory import EncodedMemoryStore
from tta_dev_primitives.performance.stores.tiered import TieredStore
from tta_dev_primitives.testing import FakeClock
from tta_dev_primitives.testing.clock import settle

from .tier_fakes import DELETIONS, Far, Near, entry


@pytest.fixture
def store(near: Near, far: Far, clock: FakeClock) -> TieredStore:
    return TieredStore([near, far], clock=clock)


@pytest.mark.parametrize("delete", DELETIONS.values(), ids=DELETIONS)
async def test_a_deletion_between_the_read_and_the_copy_wins(
    store: TieredStore, near: Near, far: Far, delete: Callable[[AsyncStore], Awaitable[int]]
) -> None:
    far.held.write(b"a1", entry(tags=("a",)))
    far.gate.clear()
    reader = asyncio.create_task(store.read(b"a1"))
    await settle()
    await delete(store)
    far.gate.set()
    await reader
    assert near.read(b"a1") is None


async def test_a_write_between_the_read_and_the_copy_wins(store: TieredStore, far: Far) -> None:
    far.held.write(b"k", entry(b"old"))
    far.gate.clear()
    reader = asyncio.create_task(store.read(b"k"))
    await settle()
    await store.write(b"k", entry(b"new"))
    far.gate.set()
    await reader
    assert await store.read(b"k") == entry(b"new")


async def test_a_deletion_waits_for_a_copy_that_a_thread_is_making(
    store: TieredStore, near: Near, far: Far
) -> None:
    """The copy was there again a moment after the deletion had returned."""
    far.held.write(b"k", entry())
    near.busy = True
    near.gate.clear()
    reader = asyncio.create_task(store.read(b"k"))
    await asyncio.to_thread(near.begun.wait, 10)
    deleting = asyncio.create_task(store.delete([b"k"]))
    await settle()
    assert not deleting.done()
    near.gate.set()
    await reader
    assert await deleting == 1
    assert near.read(b"k") is None


async def test_a_cancelled_readers_copy_still_gives_way_to_a_deletion(
    store: TieredStore, near: Near, far: Far
) -> None:
    """The thread goes on when the reader has left."""
    far.held.write(b"k", entry())
    near.busy = True
    near.gate.clear()
    reader = asyncio.create_task(store.read(b"k"))
    await asyncio.to_thread(near.begun.wait, 10)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    deleting = asyncio.create_task(store.delete([b"k"]))
    await settle()
    assert not deleting.done()
    near.gate.set()
    await deleting
    assert near.read(b"k") is None


async def test_a_copy_that_no_thread_had_time_for_holds_nobody_up(
    store: TieredStore, near: Near, far: Far
) -> None:
    """All threads were taken, the reader was cancelled, and the deletion waited for ever."""
    far.held.write(b"k", entry())
    near.busy = True
    single = ThreadPoolExecutor(1, thread_name_prefix="asyncio_single")
    asyncio.get_running_loop().set_default_executor(single)
    held = threading.Event()
    taken = asyncio.get_running_loop().run_in_executor(single, held.wait, 10)
    reader = asyncio.create_task(store.read(b"k"))
    await settle()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    deleting = asyncio.create_task(store.delete([b"k"]))
    await settle()
    held.set()
    await taken
    await asyncio.wait_for(deleting, 10)
    assert near.read(b"k") is None


async def test_a_deletion_while_a_write_is_under_way_leaves_no_copy(
    store: TieredStore, near: Near, far: Far
) -> None:
    """Which of the two came last behind is not known, so nothing may stand in front."""
    near.write(b"k", entry(b"old"))
    near.busy = True
    near.gate.clear()
    writer = asyncio.create_task(store.write(b"k", entry(b"new")))
    await asyncio.to_thread(near.begun.wait, 10)
    deleting = asyncio.create_task(store.delete([b"k"]))
    await settle()
    near.gate.set()
    await asyncio.gather(writer, deleting)
    assert (near.read(b"k"), far.held.read(b"k")) == (None, None)


async def test_a_write_that_others_disturbed_takes_the_old_copy_away(
    store: TieredStore, near: Near, far: Far
) -> None:
    near.write(b"k", entry(b"old"))
    write = far.write

    async def disturbed(key: bytes, given: StoredEntry) -> None:
        await write(key, given)
        await store.delete_tags(["whatever"])

    far.write = disturbed  # type: ignore[method-assign]
    await store.write(b"k", entry(b"new"))
    assert await store.read(b"k") == entry(b"new")


async def test_it_works_from_several_loops(near: Near, clock: FakeClock) -> None:
    """A service may run one loop per thread on one cache."""
    shared = EncodedMemoryStore()
    store = TieredStore([near, shared], clock=clock)
    near.busy = True

    async def work(name: int) -> None:
        for turn in range(50):
            key = b"%d" % (turn % 5)
            await store.write(key, entry(b"%d" % name))
            assert await store.read(b"none") is None
            await store.delete([key])

    await asyncio.gather(*(asyncio.to_thread(asyncio.run, work(name)) for name in range(3)))
    assert (len(near), len(shared)) == (0, 0)


async def test_a_deletion_waits_for_a_copy_on_its_way_to_a_middle_tier(
    far: Far, clock: FakeClock
) -> None:
    middle = Far()
    store = TieredStore([middle, far], clock=clock)
    far.held.write(b"k", entry())
    middle.write_gate.clear()
    reader = asyncio.create_task(store.read(b"k"))
    await settle()
    deleting = asyncio.create_task(store.delete([b"k"]))
    await settle()
    assert not deleting.done()
    middle.write_gate.set()
    assert await reader == entry()
    assert await deleting == 1
    assert len(middle.held) == 0


async def test_a_copy_that_failed_on_its_way_holds_nobody_up(far: Far, clock: FakeClock) -> None:
    middle = Far()
    store = TieredStore([middle, far], clock=clock)
    far.held.write(b"k", entry())
    read = middle.read

    async def read_then_fail(key: bytes) -> StoredEntry | None:
        found = await read(key)
        middle.away = True
        return found

    middle.read = read_then_fail  # type: ignore[method-assign]
    assert await store.read(b"k") == entry()
    assert await asyncio.wait_for(store.delete([b"k"]), 10) == 1
