from __future__ import annotations

import itertools

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import (
    AsyncStore,
    ClusterStore,
    StoredEntry,
)
from tta_dev_primitives.performance.stores.tiered import TieredStore
from tta_dev_primitives.testing import FakeClock

from .tier_fakes import Cluster, Far, Near, entry, warnings


async def test_it_fills_once_for_a_cluster_only_where_the_last_tier_does(
    near: Near, far: Far
) -> None:
    """The cache asks by `isinstance` what a store can do."""
    assert isinstance(TieredStore([near, Cluster()]), ClusterStore)
    assert isinstance(TieredStore([near, Cluster()]), TieredStore)
    assert isinstance(TieredStore([near, far]), AsyncStore)
    assert not isinstance(TieredStore([near, far]), ClusterStore)
    assert not isinstance(TieredStore([Cluster(), near]), ClusterStore)


async def test_what_the_cluster_filled_is_found_in_front(near: Near, clock: FakeClock) -> None:
    cluster = Cluster()
    store = TieredStore([near, cluster], clock=clock)
    assert isinstance(store, ClusterStore)

    async def fill() -> StoredEntry:
        return entry()

    assert await store.fill_once(b"k", fill) == entry()
    assert near.read(b"k") == entry()
    cluster.away = True
    assert await store.fill_once(b"j", fill) == entry()
    assert await store.read(b"j") == entry()


async def test_nothing_is_kept_where_there_is_nothing_to_keep(near: Near) -> None:
    store = TieredStore([near, Cluster()])
    assert isinstance(store, ClusterStore)

    async def fill() -> None:
        return None

    assert await store.fill_once(b"k", fill) is None
    assert len(near) == 0


async def test_a_deletion_during_the_filling_wins_in_front(near: Near, clock: FakeClock) -> None:
    store = TieredStore([near, Cluster()], clock=clock)
    assert isinstance(store, ClusterStore)

    async def fill() -> StoredEntry:
        await store.delete([b"k"])
        return entry()

    await store.fill_once(b"k", fill)
    assert near.read(b"k") is None


async def test_a_store_error_of_the_filling_is_the_callers(
    near: Near, caplog: pytest.LogCaptureFixture
) -> None:
    """The step may itself use a store; its failure is not the tier's, and not tried again."""
    store = TieredStore([near, Cluster()])
    assert isinstance(store, ClusterStore)
    calls = itertools.count()

    async def fill() -> StoredEntry:
        next(calls)
        msg = "the step's own"
        raise StoreError(msg)

    with pytest.raises(StoreError, match="own"):
        await store.fill_once(b"k", fill)
    assert next(calls) == 1
    assert warnings(caplog) == []


async def test_the_cluster_is_not_asked_while_it_may_hold_what_was_deleted(
    near: Near, clock: FakeClock
) -> None:
    cluster = Cluster()
    store = TieredStore([near, cluster], clock=clock)
    assert isinstance(store, ClusterStore)
    await store.write(b"k", entry(b"old"))
    cluster.away = True
    await store.delete([b"k"])

    async def fill() -> StoredEntry:
        return entry(b"new")

    cluster.asked.clear()
    assert await store.fill_once(b"k", fill) == entry(b"new")
    assert "fill_once" not in cluster.asked
    assert await store.read(b"k") == entry(b"new")
