from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import (
    AsyncStore,
)
from tta_dev_primitives.performance.stores.tiered import TieredStore
from tta_dev_primitives.testing import FakeClock
from tta_dev_primitives.testing.clock import settle

from .tier_fakes import DELETIONS, Far, Hearing, Near, entry, warnings


@pytest.fixture
def store(make_tiers: Callable[..., TieredStore]) -> TieredStore:
    return make_tiers()


async def test_a_stale_entry_answers_while_nobody_behind_can(
    store: TieredStore, near: Near, far: Far
) -> None:
    near.write(b"k", entry(fresh=-1, life=60))
    far.away = True
    assert await store.read(b"k") == entry(fresh=-1, life=60)


async def test_a_miss_in_front_is_a_miss_while_nobody_behind_answers(
    store: TieredStore, far: Far
) -> None:
    far.away = True
    assert await store.read(b"k") is None


async def test_a_broken_front_is_passed_over(store: TieredStore, near: Near, far: Far) -> None:
    far.held.write(b"k", entry())
    near.broken = True
    assert await store.read(b"k") == entry()
    assert await store.read(b"k") == entry()
    await store.write(b"k", entry(b"new"))
    near.broken = False
    assert await store.read(b"k") == entry(b"new")


NOBODY: dict[str, Callable[[AsyncStore], Awaitable[object]]] = {
    "read": lambda store: store.read(b"k"),
    "write": lambda store: store.write(b"k", entry()),
    "delete": lambda store: store.delete([b"k"]),
    "size": lambda store: store.size(),
    "scan": lambda store: anext(store.scan()),
}


@pytest.mark.parametrize("call", NOBODY.values(), ids=NOBODY)
async def test_the_error_is_raised_when_no_tier_can(
    store: TieredStore, near: Near, far: Far, call: Callable[[AsyncStore], Awaitable[object]]
) -> None:
    """Raised and marked as logged, so that the cache does not log it a second time."""
    near.broken = far.away = True
    with pytest.raises(StoreError) as caught:
        await call(store)
    assert caught.value.reported


async def test_an_outage_is_said_once(
    store: TieredStore, far: Far, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    far.away = True
    for key in range(5):
        await store.write(b"%d" % key, entry())
        await store.read(b"none")
        clock.advance(100)
    assert warnings(caplog) == ["a cache tier is passed over: far is away"]


@pytest.mark.parametrize(("later", "expected"), [(59.9, 1), (60, 2)], ids=["flutter", "later"])
async def test_the_next_outage_is_said_again_but_not_every_second(
    store: TieredStore, far: Far, clock: FakeClock, caplog: pytest.LogCaptureFixture,
    later: float, expected: int,
) -> None:  # fmt: skip
    """A tier that refuses every large value must not fill the log."""
    for seconds in (0, later):
        clock.advance(seconds)
        far.away = True
        await store.read(b"k")
        far.away = False
        await store.read(b"k")
    assert len(warnings(caplog)) == expected


async def test_an_outage_that_the_store_has_logged_is_not_said_again(
    store: TieredStore, far: Far, caplog: pytest.LogCaptureFixture
) -> None:
    far.away = far.reported = True
    await store.read(b"k")
    assert warnings(caplog) == []


@pytest.mark.parametrize("delete", DELETIONS.values(), ids=DELETIONS)
async def test_what_was_deleted_during_an_outage_does_not_come_back(
    make_tiers: Callable[..., TieredStore], far: Far, delete: Callable[[AsyncStore], Awaitable[int]]
) -> None:
    """The old entry stood on the server again, as soon as that was back."""
    hearing = Hearing()
    store = make_tiers(invalidation=hearing)
    for key in (b"a1", b"a2", b"b1"):
        await store.write(key, entry(tags=(key.decode()[0],)))
    far.away = True
    assert await delete(store) == 2
    assert hearing.told == []
    far.away = False
    assert [await store.read(key) for key in (b"a1", b"a2", b"b1")] == [
        None,
        None,
        entry(tags=("b",)),
    ]
    assert len(far.held) == 1
    assert len(hearing.told) == 1


async def test_only_one_makes_up_for_an_outage(store: TieredStore, far: Far) -> None:
    """A thousand readers do not each delete the same after an outage."""
    await store.write(b"k", entry())
    far.away = True
    await store.delete([b"k"])
    far.away, held = False, asyncio.Event()
    delete = far.delete

    async def slowly(keys: Sequence[bytes]) -> int:
        await held.wait()
        return await delete(keys)

    far.delete = slowly  # type: ignore[method-assign]
    far.asked.clear()
    readers = [asyncio.create_task(store.read(b"k")) for _ in range(5)]
    await settle()
    held.set()
    assert await asyncio.gather(*readers) == [None] * 5
    assert far.asked == ["delete", "read"]


async def test_making_up_that_is_cancelled_is_still_owed(store: TieredStore, far: Far) -> None:
    await store.write(b"k", entry())
    far.away = True
    await store.delete([b"k"])
    far.away = False
    delete = far.delete

    async def never(keys: Sequence[bytes]) -> int:
        await asyncio.Event().wait()
        return 0

    far.delete = never  # type: ignore[method-assign]
    reader = asyncio.create_task(store.read(b"k"))
    await settle()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    far.delete = delete  # type: ignore[method-assign]
    assert await store.read(b"k") is None


async def test_what_a_broken_front_did_not_take_is_gone_from_it_later(
    store: TieredStore, near: Near, far: Far
) -> None:
    """It answered with the old entry after it was mended."""
    await store.write(b"k", entry(b"old"))
    near.broken = True
    await store.write(b"k", entry(b"new"))
    near.broken = False
    assert await store.read(b"k") == entry(b"new")
    assert near.read(b"k") == entry(b"new")
