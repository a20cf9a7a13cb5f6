"""Leaks are found, and what is no leak is not called one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.testing import FakeClock
from tta_dev_primitives.testing.leaks import LeakCheck, assert_no_leaks


async def hang() -> None:
    await asyncio.Event().wait()


async def end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_task_left_running_is_named_with_where_it_stands() -> None:
    """The message leads to the line that waits."""
    check = LeakCheck()
    task = asyncio.create_task(hang(), name="straggler")
    with pytest.raises(
        AssertionError,
        match=r"left behind:\n  task still running: straggler \(hang, at .*test_leaks",
    ):
        await check.check(grace_seconds=0)
    await end(task)
    await check.check()


async def test_task_that_ran_before_is_no_leak() -> None:
    """Servers that a fixture runs go on."""
    task = asyncio.create_task(hang())
    async with assert_no_leaks():
        pass
    await end(task)


async def test_task_that_is_ending_gets_its_time() -> None:
    """Goodbyes over real sockets take more than a turn of the loop."""
    async with assert_no_leaks(grace_seconds=5):
        asyncio.create_task(asyncio.sleep(0.02))  # noqa: RUF006 - left behind on purpose


async def test_task_that_cannot_end_in_time_is_a_leak() -> None:
    """The grace has an end."""
    started: list[asyncio.Task[None]] = []
    with pytest.raises(AssertionError, match="task still running"):
        async with assert_no_leaks(grace_seconds=0.01):
            started.append(asyncio.create_task(hang()))
    await end(*started)


async def test_timer_left_armed_is_a_leak(clock: FakeClock) -> None:
    """Also where nobody waits for it."""
    with pytest.raises(AssertionError, match=r"FakeClock.* has pending = 1, and had 0 before"):
        async with assert_no_leaks(clock):
            clock.call_later(1, lambda: None)


async def test_timer_that_was_armed_before_is_no_leak(clock: FakeClock) -> None:
    """Only what has come to stay counts."""
    clock.call_later(1, lambda: None)
    async with assert_no_leaks(clock):
        clock.call_later(2, lambda: None).cancel()


async def test_place_that_comes_back_a_turn_later_is_no_leak() -> None:
    """Callbacks of what has ended run after it."""
    room = Room()
    async with assert_no_leaks(room):
        room.running = 1
        asyncio.get_running_loop().call_soon(setattr, room, "running", 0)


@dataclass
class Room:
    """Something with places, as a bulkhead has them."""

    running: int = 0


class Reporting:
    """Something that tells in a summary, as breakers and budgets do."""

    def __init__(self, name: str, summary: Any) -> None:
        setattr(self, name, lambda: summary)


ROOM = Room()


@pytest.mark.parametrize(
    ("watched", "holder", "field", "where"),
    [
        (ROOM, ROOM, "running", "running"),
        *[
            (Reporting("stats", kept), kept, field, f"stats().{field}")
            for field in ("running", "waiting", "probes", "reserved", "pending")
            for kept in [SimpleNamespace(**{field: 0}, rejected=0)]
        ],
        *[
            (Reporting("report", {"tenant": kept}), kept, "reserved", "report()['tenant'].reserved")
            for kept in [SimpleNamespace(reserved=0.0, spent=0.0)]
        ],
    ],
    ids=["attribute", "running", "waiting", "probes", "reserved", "pending", "in a mapping"],
)
async def test_place_that_was_not_returned_is_a_leak(
    watched: object, holder: Any, field: str, where: str
) -> None:
    """Wherever the object counts it."""
    with pytest.raises(AssertionError) as caught:
        async with assert_no_leaks(watched):
            setattr(holder, field, 2)
    assert f" has {where} = 2, and had 0 before" in str(caught.value)
    setattr(holder, field, 0)


async def test_place_that_was_returned_and_what_only_grows_are_no_leaks() -> None:
    """Counts of the past are none of what is held."""
    kept = SimpleNamespace(running=1, rejected=0)
    async with assert_no_leaks(Reporting("stats", kept)):
        kept.running, kept.rejected = 0, 9


async def test_summary_may_be_a_mapping_of_numbers() -> None:
    """As `get_stats()` of older code is."""
    kept = {"running": 0}
    with pytest.raises(AssertionError, match=r"has stats\(\)\.running = 1"):
        async with assert_no_leaks(Reporting("stats", kept)):
            kept["running"] = 1


async def test_scope_that_appears_later_counts_from_nothing() -> None:
    """A budget makes its scopes when they are used."""
    scopes: dict[str, Any] = {}
    with pytest.raises(AssertionError, match=r"report\(\)\['new'\].reserved = 3, and had 0"):
        async with assert_no_leaks(Reporting("report", scopes)):
            scopes["new"] = SimpleNamespace(reserved=3)


async def test_what_holds_nothing_that_can_be_counted_is_refused() -> None:
    """Rather than watching it in vain."""
    with pytest.raises(ConfigurationError, match="cannot tell what 'text' holds; watch an object"):
        LeakCheck("text")


async def test_error_of_the_block_goes_through_with_a_note() -> None:
    """The error is the news; what it left behind may be the consequence."""
    started: list[asyncio.Task[None]] = []

    async def fail() -> None:
        started.append(asyncio.create_task(hang(), name="straggler"))
        raise LookupError

    with pytest.raises(LookupError) as caught:
        async with assert_no_leaks():
            await fail()
    (note,) = caught.value.__notes__
    assert note.startswith("left behind: task still running: straggler")
    await end(*started)


async def test_every_leak_is_listed(clock: FakeClock) -> None:
    """One run shows them all."""
    room = Room()
    check = LeakCheck()
    check.watch(clock, room)
    clock.call_later(1, lambda: None)
    room.running = 1
    task = asyncio.create_task(hang())
    assert len(check.leaks()) == 3
    await end(task)
