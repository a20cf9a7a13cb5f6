"""What becomes of an entry whose leader or waiters fail or are cancelled."""

from __future__ import annotations

import asyncio
import time

import pytest
import redis.asyncio

from .lease_fillings import Filling, MakeStore, entry, lease, start, waiters
from .redis_server import OwnServer

pytestmark = pytest.mark.service("redis")


@pytest.mark.parametrize("result", [None, ValueError("no")], ids=["nothing", "failed"])
async def test_one_waiter_takes_over_from_a_leader_that_made_nothing(
    lease_server: OwnServer, make_lease_store: MakeStore, result: Exception | None
) -> None:
    first, second = Filling(), Filling()
    first.result = result
    leader = start(make_lease_store(), first)
    await first.started.wait()
    others = [start(make_lease_store(), second) for _ in range(3)]
    await waiters(lease_server, 3)
    first.gate.set()
    outcome = (await asyncio.gather(leader, return_exceptions=True))[0]
    assert outcome is result
    await second.started.wait()
    second.gate.set()
    assert await asyncio.gather(*others) == [entry()] * 3
    assert second.begun == 1


async def test_cancelled_leader_stops_its_call_and_one_waiter_takes_over(
    lease_server: OwnServer, make_lease_store: MakeStore
) -> None:
    first, second = Filling(), Filling()
    leader = start(make_lease_store(), first)
    await first.started.wait()
    others = [start(make_lease_store(), second) for _ in range(2)]
    await waiters(lease_server, 2)
    began = time.monotonic()
    leader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leader
    assert first.ended == ["cancelled"]
    await second.started.wait()
    assert time.monotonic() - began < 5  # the lease was given back, not left to run out
    second.gate.set()
    assert await asyncio.gather(*others) == [entry()] * 2


async def test_cancelled_waiter_harms_nobody(
    lease_server: OwnServer, make_lease_store: MakeStore, filling: Filling
) -> None:
    leader = start(make_lease_store(), filling)
    await filling.started.wait()
    store = make_lease_store()
    others = [start(store, filling) for _ in range(3)]
    await waiters(lease_server, 1)
    others[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await others[0]
    filling.gate.set()
    assert await asyncio.gather(leader, *others[1:]) == [entry()] * 3
    assert filling.begun == 1


@pytest.mark.parametrize("turns", range(0, 24, 2))
async def test_caller_who_is_cancelled_at_any_moment_leaves_no_lease(
    make_lease_store: MakeStore, lease_client: redis.asyncio.Redis, turns: int
) -> None:
    """Also when the lease was taken by a question whose answer it did not live to hear."""
    store, filling = make_lease_store(), Filling()
    await store.write(b"other", entry())
    call = start(store, filling)
    for _ in range(turns):
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await store.write(b"other", entry())  # behind whatever is under way
    assert await lease(lease_client) is None
    assert filling.ended == ["cancelled"] * filling.begun


async def test_waiter_who_is_cancelled_while_taking_over_leaves_no_lease(
    lease_server: OwnServer, make_lease_store: MakeStore, lease_client: redis.asyncio.Redis
) -> None:
    """It had the lease, was on its way out of its subscription, and renewed for ever after."""
    first, second = Filling(), Filling()
    first.result = None
    leader = start(make_lease_store(), first)
    await first.started.wait()
    store = make_lease_store()
    waiter = start(store, second)
    await waiters(lease_server, 1)
    first.gate.set()
    await leader
    wakeups = store._access._here().wakeups
    while wakeups._wire is not None:  # noqa: ASYNC110 - the very turn counts
        await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert second.begun == 0  # or the moment was missed
    await store.write(b"other", entry())  # behind whatever is under way
    assert await lease(lease_client) is None
