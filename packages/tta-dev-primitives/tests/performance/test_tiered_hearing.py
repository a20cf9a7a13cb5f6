from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.disk import DiskStore
from tta_dev_primitives.performance.stores.encoded_memory import EncodedMemoryStore
from tta_dev_primitives.performance.stores.tiered import TieredStore
from tta_dev_primitives.performance.tiers.deletion import EVERYTHING, Deletion
from tta_dev_primitives.testing import FakeClock
from tta_dev_primitives.testing.clock import settle

from .tier_fakes import Far, Hearing, Near, entry


async def test_others_are_told_of_deletions_and_of_fresh_entries_that_were_replaced(
    make_tiers: Callable[..., TieredStore], clock: FakeClock
) -> None:
    """A first write is nobody's news, and neither is the renewal of what all know to be stale."""
    hearing = Hearing()
    store = make_tiers(invalidation=hearing)
    await store.write(b"k", entry(b"first", fresh=10, life=60))
    await store.write(b"k", entry(b"first", fresh=10, life=60))
    assert hearing.told == []
    await store.write(b"k", entry(b"second", fresh=10, life=60))
    assert hearing.told == [Deletion((b"k",))]
    clock.advance(10)
    await store.write(b"k", entry(b"third"))
    assert len(hearing.told) == 1
    await store.delete([b"k", b"j"])
    await store.delete_prefix(b"p")
    await store.delete_tags(["t"])
    assert hearing.told[1:] == [
        Deletion((b"k", b"j")), Deletion(prefixes=(b"p",)), Deletion(tags=("t",)),
    ]  # fmt: skip


async def test_what_others_deleted_leaves_the_front_only(
    make_tiers: Callable[..., TieredStore], near: Near, far: Far
) -> None:
    hearing = Hearing()
    store = make_tiers(invalidation=hearing)
    for key in (b"a", b"b", b"c"):
        await store.write(key, entry(tags=(key.decode(),)))
    await hearing.forget(Deletion((b"a",), (), ("b",)))
    assert [key for key, _ in near.scan()] == [b"c"]
    assert len(far.held) == 3
    await hearing.forget(EVERYTHING)
    assert len(near) == 0
    assert hearing.told == []


async def test_what_others_deleted_wins_against_a_copy_under_way(
    make_tiers: Callable[..., TieredStore], near: Near, far: Far
) -> None:
    hearing = Hearing()
    store = make_tiers(invalidation=hearing)
    far.held.write(b"k", entry())
    far.gate.clear()
    reader = asyncio.create_task(store.read(b"k"))
    await settle()
    await hearing.forget(Deletion((b"k",)))
    far.gate.set()
    await reader
    assert near.read(b"k") is None


async def test_a_front_that_could_not_forget_is_not_said_to_have(
    make_tiers: Callable[..., TieredStore], near: Near
) -> None:
    """Else the deletion would count as followed, and the next process would trust the file."""
    hearing = Hearing()
    store = make_tiers(invalidation=hearing)
    await store.write(b"k", entry())
    near.broken = True
    with pytest.raises(StoreError, match="could not be deleted"):
        await hearing.forget(Deletion((b"k",)))
    near.broken = False
    await store.read(b"other")
    assert near.read(b"k") is None


async def test_while_nothing_is_heard_the_last_tier_decides(
    make_tiers: Callable[..., TieredStore], near: Near, far: Far
) -> None:
    hearing = Hearing()
    hearing.hears = False
    store = make_tiers(invalidation=hearing)
    near.write(b"k", entry(b"perhaps deleted"))
    near.write(b"j", entry(b"perhaps old"))
    far.held.write(b"j", entry(b"new"))
    assert await store.read(b"k") is None
    assert await store.read(b"j") == entry(b"new")
    assert near.read(b"j") == entry(b"perhaps old")


async def test_while_nothing_is_heard_the_front_is_the_fallback(
    make_tiers: Callable[..., TieredStore], near: Near, far: Far
) -> None:
    hearing = Hearing()
    hearing.hears, far.away = False, True
    store = make_tiers(invalidation=hearing)
    near.write(b"k", entry())
    assert await store.read(b"k") == entry()
    near.broken = True
    with pytest.raises(StoreError):
        await store.read(b"k")


async def test_listening_begins_beside_the_file_that_lasts(tmp_path: Path, far: Far) -> None:
    disk, hearing = DiskStore(tmp_path), Hearing()
    store = TieredStore([EncodedMemoryStore(), disk, far], invalidation=hearing)
    await store.read(b"k")
    await store.read(b"k")
    assert hearing.starts == [disk.path]
    await store.aclose()
