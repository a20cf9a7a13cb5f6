"""What random cancellations leave behind: goal G18.

Every library meets the same seeded plans; where time is involved, the event loop decides what
coincides.
"""

from __future__ import annotations

import asyncio
import gc
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

from cache_tables import Table
from resilience_cancellation_peers import (
    BREAKER,
    BULKHEAD,
    FAN_OUT,
    HEDGE,
    PLACES,
    SHORT,
    TIMEOUT,
)
from resilience_composition_peers import PARALLEL
from resilience_peers import Call, Peer, left_out, load, missing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    Count = Callable[[Peer, int], Awaitable[Counter[str]]]

SEED = 18
CALLERS = 8
FORGOTTEN = "errors nobody saw"
PATIENCE = 2.0  # seconds until a call counts as hung


async def tables(cancellations: int) -> list[Table]:
    """Cancel so many calls of each kind; an eighth of that where real time passes."""
    some = max(cancellations // 8, 1)
    fan_out = (*FAN_OUT, *PARALLEL)
    return [
        await _table(
            "Three branches, some of which fail: G18",
            fan_out,
            lambda peer, wanted: _orphans(peer, wanted, in_time=False),
            cancellations,
            ("orphans", "hung"),
            "Orphans are branches that had not ended when their call had.",
        ),
        await _table(
            "A hedge that begins after 2 ms: G18",
            HEDGE,
            lambda peer, wanted: _orphans(peer, wanted, in_time=True),
            some,
            ("orphans", "hung"),
            "Orphans as above.",
        ),
        await _table(
            f"{PLACES} places, {CALLERS} callers: G18",
            BULKHEAD,
            _leaks,
            cancellations,
            ("leaked permits", "calls too many", "hung"),
            "A leaked permit is a place that nobody can have when all callers have gone.",
        ),
        await _table(
            "Probes of a half-open circuit: G18",
            BREAKER,
            _stuck,
            some,
            ("stuck", "refused at once"),
            "Stuck: a good call is refused long after the probes were cancelled. Refused at once: "
            "so is one right after them; a library that takes a cancellation for a failure of the "
            "service means that.",
        ),
        await _table(
            "A timeout of 2 ms: G18",
            TIMEOUT,
            _lost,
            some,
            ("lost", "hung"),
            "Lost: the call was cancelled before it had ended, and ended as if it had not been.",
        ),
    ]


async def _table(
    title: str,
    peers: Iterable[Peer],
    count: Count,
    wanted: int,
    columns: tuple[str, ...],
    note: str,
) -> Table:
    records: list[dict[str, Any]] = []  # Any: JSON values
    for peer in peers:
        if missing(peer.distributions):
            continue
        forgotten, found = await _watched(count(peer, wanted))
        counted = {column: found[column] for column in columns} | {FORGOTTEN: forgotten}
        verdict = "missed" if any(counted.values()) else "met"
        records.append(
            {"what": peer.name, "cancelled": found["cancelled"]}
            | counted
            | {"goal 0": verdict if peer.name.startswith("ours") else ""}
        )
    return Table(title, records=records, note=f"{note} {left_out(peers)}".strip())


async def _watched(counting: Awaitable[Counter[str]]) -> tuple[int, Counter[str]]:
    """Return what *counting* does, and before it how many errors of tasks nobody looked at."""
    forgotten: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, report: forgotten.append(report))
    try:
        found = await counting
        gc.collect()  # a task complains when it goes
    finally:
        loop.set_exception_handler(None)
    return len(forgotten), found


class _Branches:
    """Steps that follow a plan, and how many of them run."""

    def __init__(self, *, in_time: bool) -> None:
        self.running = 0
        self.idle = asyncio.Event()
        self.idle.set()
        self.plan: list[tuple[int, bool]] = []
        self._in_time = in_time

    async def step(self, value: int) -> int:
        """Do what the plan says next, and tidy up for one turn of the event loop."""
        waits, fails = self.plan.pop() if self.plan else (0, False)
        self.running += 1
        self.idle.clear()
        try:
            await self.pause(waits)
            if fails:
                msg = "down"
                raise ConnectionError(msg)
            return value
        finally:
            try:
                await asyncio.sleep(0)
            finally:
                self.running -= 1
                if not self.running:
                    self.idle.set()

    async def pause(self, waits: int) -> None:
        """Wait so many turns of the event loop, or halves of `SHORT`."""
        if self._in_time:
            await asyncio.sleep(waits * SHORT / 2)
        else:
            await _turns(waits)


async def _orphans(peer: Peer, wanted: int, *, in_time: bool) -> Counter[str]:
    drawn, found = random.Random(SEED), Counter[str]()
    branches = _Branches(in_time=in_time)
    call = await peer.open(load, branches.step)

    async def watched() -> None:
        try:
            await call(1)
        finally:
            found["orphans"] += branches.running

    for _ in range(4 * wanted):
        most = 6 if in_time else 20  # some libraries need several turns before the first branch
        branches.plan = [(drawn.randint(0, most), drawn.random() < 0.2) for _ in range(3)]
        task = asyncio.ensure_future(watched())
        await branches.pause(drawn.randint(0, most))
        found["cancelled"] += task.cancel()
        found["hung"] += await _hung([task])
        await branches.idle.wait()  # so that no round sees the orphans of another
        if found["cancelled"] == wanted:
            break
    return found


async def _leaks(peer: Peer, wanted: int) -> Counter[str]:
    drawn, found = random.Random(SEED), Counter[str]()
    while found["cancelled"] < wanted:
        branches = _Branches(in_time=False)
        call = await peer.open(load, branches.step)
        branches.plan = [(drawn.randint(0, 6), drawn.random() < 0.2) for _ in range(CALLERS)]
        tasks = [asyncio.ensure_future(call(1)) for _ in range(CALLERS)]
        until = {task: drawn.randint(0, 12) for task in drawn.sample(tasks, CALLERS // 2)}
        for turn in range(13):
            found["calls too many"] += max(branches.running - PLACES, 0)
            await asyncio.sleep(0)
            found["cancelled"] += sum(task.cancel() for task in until if until[task] == turn)
        found["hung"] += await _hung(tasks)
        found["leaked permits"] += PLACES - await _places(call, branches)
    return found


async def _places(call: Call, branches: _Branches) -> int:
    """Return how many calls run at the same time now, and end them."""
    branches.plan = [(40, False)] * PLACES
    tasks = [asyncio.ensure_future(call(1)) for _ in range(PLACES)]
    await _turns(30)
    running = branches.running
    for task in tasks:
        task.cancel()
    await _hung(tasks)
    return running


async def _stuck(peer: Peer, wanted: int) -> Counter[str]:
    drawn, found = random.Random(SEED), Counter[str]()
    while found["cancelled"] < wanted:
        branches = _Branches(in_time=False)
        call = await peer.open(load, branches.step)
        branches.plan = [(0, True)] * 2
        await _hung([asyncio.ensure_future(call(1)) for _ in range(2)])
        if await _passes(call):  # the machine was busy, and the circuit is half-open already
            found["begun again"] += 1
            if found["begun again"] > wanted:
                msg = f"{peer.name} does not open after two failures"
                raise RuntimeError(msg)
            continue
        await asyncio.sleep(1.5 * SHORT)
        branches.plan = [(drawn.randint(4, 8), False) for _ in range(PLACES)]
        probes = [asyncio.ensure_future(call(1)) for _ in range(PLACES)]
        for probe in probes:
            await _turns(drawn.randint(1, 2))
            found["cancelled"] += probe.cancel()
        await _hung(probes)
        branches.plan = []
        found["refused at once"] += not await _passes(call)
        await asyncio.sleep(2 * SHORT)
        found["stuck"] += not await _passes(call)
    return found


async def _passes(call: Call) -> bool:
    task = asyncio.ensure_future(call(1))
    await _hung([task])
    return not task.cancelled() and task.exception() is None


async def _lost(peer: Peer, wanted: int) -> Counter[str]:
    drawn, found = random.Random(SEED), Counter[str]()
    branches = _Branches(in_time=True)
    call = await peer.open(load, branches.step)
    for _ in range(8 * wanted):
        # All three at about the same moment: the limit, the end of the step, and the cancellation.
        branches.plan = [(drawn.choice((1, 2, 2, 4)), False)]
        task = asyncio.ensure_future(call(1))
        await branches.pause(drawn.choice((1, 2, 2, 2)))
        cancelled = task.cancel()
        found["cancelled"] += cancelled
        found["hung"] += await _hung([task])
        found["lost"] += cancelled and not task.cancelled()
        if found["cancelled"] == wanted:
            break
    return found


async def _hung(tasks: Sequence[asyncio.Future[Any]]) -> int:  # Any: any results
    """Wait for *tasks*, and return how many did not end in time and had to be cancelled again."""
    _, pending = await asyncio.wait(tasks, timeout=PATIENCE)
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending, timeout=PATIENCE)
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()  # looked at, so that nobody warns of it
    return len(pending)


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
