from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tta_dev_primitives.errors import ConfigurationError, StoreError
from tta_dev_primitives.performance.stores.base import (
    AsyncStore,
    StoredEntry,
)
from tta_dev_primitives.performance.stores.tiered import TieredStore
from tta_dev_primitives.testing import FakeClock

from .tier_fakes import DELETIONS, NOW, Far, Hearing, Near, entry


@pytest.fixture
def store(make_tiers: Callable[..., TieredStore]) -> TieredStore:
    return make_tiers()


MISTAKES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "no-tier": ((), {}, "at least one store"),
    "zero": ((Near(),), {"local_seconds": 0}, "local_seconds must be positive"),
    "not-a-number": ((Near(),), {"local_seconds": math.nan}, "local_seconds must be positive"),
    "nothing-near": ((Near(),), {"invalidation": Hearing()}, "put one in front"),
}


@pytest.mark.parametrize(("tiers", "options", "text"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_said_at_once(tiers: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        TieredStore(tiers, **options)


async def test_a_hit_in_front_asks_nobody_else(store: TieredStore, near: Near, far: Far) -> None:
    near.write(b"k", entry())
    assert await store.read(b"k") == entry()
    assert far.asked == []


async def test_what_is_found_behind_is_found_in_front_from_then_on(
    store: TieredStore, far: Far
) -> None:
    far.held.write(b"k", entry())
    assert [await store.read(b"k") for _ in range(3)] == [entry()] * 3
    assert far.asked == ["read"]


async def test_all_tiers_in_front_of_the_holder_get_a_copy(far: Far, clock: FakeClock) -> None:
    first, middle = Near(), Near()
    far.held.write(b"k", entry())
    assert await TieredStore([first, middle, far], clock=clock).read(b"k") == entry()
    assert first.read(b"k") == middle.read(b"k") == entry()


LIVES = {
    "its-own": (None, 60, 90, 60, 90),
    "longer-limit": (100, 60, 90, 60, 90),
    "limit-within-staleness": (80, 60, 90, 60, 80),
    "shorter-limit": (10, 60, 90, 10, 10),
    "without-end": (10, math.inf, math.inf, 10, 10),
    "stale-already": (10, -5, 90, -5, 10),
}


@pytest.mark.parametrize(
    ("limit", "fresh", "life", "copy_fresh", "copy_life"), LIVES.values(), ids=LIVES
)
@pytest.mark.parametrize("by", ["read", "write"])
async def test_a_copy_lives_no_longer_than_told(
    make_tiers: Callable[..., TieredStore], near: Near, far: Far, by: str, *,
    limit: float | None, fresh: float, life: float, copy_fresh: float, copy_life: float,
) -> None:  # fmt: skip
    """A copy must not outlive its entry, nor be trusted for longer than `local_seconds`."""
    store, given = make_tiers(local_seconds=limit), entry(fresh=fresh, life=life)
    if by == "write":
        await store.write(b"k", given)
    else:
        far.held.write(b"k", given)
        assert await store.read(b"k") == given
    assert far.held.read(b"k") == given
    assert near.read(b"k") == entry(fresh=copy_fresh, life=copy_life)


async def test_behind_is_asked_again_when_the_copys_time_is_over(
    make_tiers: Callable[..., TieredStore], far: Far, clock: FakeClock
) -> None:
    store = make_tiers(local_seconds=10)
    await store.write(b"k", entry(b"old"))
    far.held.write(b"k", entry(b"new"))
    clock.advance(9.9)
    assert await store.read(b"k") == entry(b"old", fresh=10)
    clock.advance(0.1)
    assert await store.read(b"k") == entry(b"new")


STALE: dict[str, tuple[StoredEntry | None, StoredEntry | None, bytes | None]] = {
    "fresher-behind": (entry(b"near", age=9, fresh=-1, life=60), entry(b"far"), b"far"),
    "nothing-behind": (entry(b"near", fresh=-1, life=60), None, b"near"),
    "both-stale-newer-behind": (
        entry(b"near", age=9, fresh=-2, life=60),
        entry(b"far", age=5, fresh=-1, life=60),
        b"far",
    ),
    "both-stale-newer-near": (
        entry(b"near", age=5, fresh=-1, life=60),
        entry(b"far", age=9, fresh=-2, life=60),
        b"near",
    ),
    "expired-behind": (
        entry(b"near", age=9, fresh=-1, life=60), entry(b"far", fresh=-1), b"near",
    ),
    "expired-near": (entry(b"near", fresh=-1), entry(b"far", age=9, fresh=-1, life=60), b"far"),
    "only-expired-behind": (None, entry(b"far", fresh=-1), b"far"),
}  # fmt: skip


@pytest.mark.parametrize(("front", "behind", "expected"), STALE.values(), ids=STALE)
async def test_a_stale_entry_in_front_gives_way_to_a_fresher_one(
    store: TieredStore, near: Near, far: Far, *,
    front: StoredEntry | None, behind: StoredEntry | None, expected: bytes,
) -> None:  # fmt: skip
    if front is not None:
        near.write(b"k", front)
    if behind is not None:
        far.held.write(b"k", behind)
    found = await store.read(b"k")
    assert found is not None
    assert found.data == expected


async def test_an_expired_entry_is_not_copied(store: TieredStore, near: Near, far: Far) -> None:
    far.held.write(b"k", entry(fresh=-1))
    await store.read(b"k")
    assert near.read(b"k") is None


@pytest.mark.parametrize("delete", DELETIONS.values(), ids=DELETIONS)
async def test_a_deletion_empties_all_tiers_and_counts_the_fullest(
    store: TieredStore, near: Near, far: Far, delete: Callable[[AsyncStore], Awaitable[int]]
) -> None:
    for key in (b"a1", b"a2", b"b1"):
        await store.write(key, entry(tags=(key.decode()[0],)))
    near.delete([b"a1"])
    assert await delete(store) == 2
    assert [await store.read(key) is None for key in (b"a1", b"a2", b"b1")] == [True, True, False]
    assert (len(near), len(far.held)) == (1, 1)


async def test_expired_entries_are_deleted_everywhere(
    store: TieredStore, near: Near, far: Far
) -> None:
    near.write(b"a", entry(fresh=1))
    far.held.write(b"b", entry(fresh=1))
    far.held.write(b"c", entry(fresh=1))
    assert await store.delete_expired(NOW + 1) == 2
    assert (len(near), len(far.held)) == (0, 0)


async def test_scan_and_size_are_the_last_tiers(store: TieredStore, near: Near, far: Far) -> None:
    near.write(b"a", entry())
    for key in (b"b1", b"b2"):
        far.held.write(key, entry())
    assert await store.size() == 2
    assert [key async for key, _ in store.scan(b"b")] == [b"b1", b"b2"]
    far.away = True
    assert await store.size() == 1
    assert [key async for key, _ in store.scan()] == [b"a"]


async def test_a_scan_that_fails_in_the_middle_says_so(store: TieredStore, far: Far) -> None:
    """Going on with another tier would yield some entries twice."""
    for key in (b"a", b"b"):
        far.held.write(key, entry())
    found: list[bytes] = []

    async def scan() -> None:
        async for key, _ in store.scan():
            found.append(key)
            far.away = True

    with pytest.raises(StoreError, match="far is away"):
        await scan()
    assert found == [b"a"]


async def test_all_tiers_are_closed_though_one_fails(
    make_tiers: Callable[..., TieredStore], near: Near, far: Far
) -> None:
    hearing = Hearing()
    store = make_tiers(invalidation=hearing)
    near.broken = True
    with pytest.raises(StoreError, match="near is broken"):
        await store.aclose()
    assert (hearing.closed, near.closed, far.closed) == (1, 1, 1)
