"""What loops, batches and injected faults tell observers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from tta_dev_primitives import (
    BatchPrimitive,
    LoopPrimitive,
    ObservabilityPrimitive,
    WorkflowContext,
    observe,
)
from tta_dev_primitives.core.observe import BatchRecord, FaultKind, FaultRecord, LoopRecord
from tta_dev_primitives.testing import FakeClock, FaultPrimitive


class Records(ObservabilityPrimitive):
    """Keeps every record with the path of its call."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, object]] = []

    def start(self, primitive: Any, path: str, context: WorkflowContext) -> object:
        return path

    def event(self, token: object, record: object) -> None:
        self.seen.append((str(token), record))


@pytest.fixture
def records() -> Iterator[Records]:
    watching = Records()
    with observe(watching):
        yield watching


def plus_one(x: int) -> int:
    if x == 4:
        raise LookupError(x)
    return x + 1


@pytest.mark.parametrize(
    ("start", "goal", "expected"),
    [
        (0, 1, LoopRecord(1, 3, exhausted=False)),
        (0, 3, LoopRecord(3, 3, exhausted=False)),
        (0, 9, LoopRecord(3, 3, exhausted=True)),
        (3, 9, LoopRecord(2, 3, exhausted=False)),
    ],
    ids=["first", "last allowed", "never", "body failed"],
)
@pytest.mark.parametrize("on_exhausted", ["raise", "return"])
async def test_loop_tells_once_how_often_it_ran_and_whether_that_was_too_often(
    records: Records, start: int, goal: int, on_exhausted: Any, expected: LoopRecord
) -> None:
    """An iteration that failed had begun, and counts."""
    loop = LoopPrimitive(
        plus_one,
        until=lambda x, context: x >= goal,
        max_iterations=3,
        on_exhausted=on_exhausted,
        name="l",
    )
    with contextlib.suppress(Exception):
        await loop.execute(start)
    assert records.seen == [("0.l", expected)]


async def test_loop_that_its_deadline_ends_is_not_exhausted(
    records: Records, clock: FakeClock
) -> None:
    """Time was up, not the number of iterations."""

    async def slow(x: int) -> int:
        clock.advance(1)
        return x

    loop = LoopPrimitive(slow, until=lambda x, context: False, max_iterations=9, clock=clock)
    with pytest.raises(TimeoutError):
        await loop.execute(0, WorkflowContext(deadline=2.5))
    assert records.seen == [("0", LoopRecord(3, 9, exhausted=False))]


async def test_cancelled_loop_tells_what_it_began(records: Records) -> None:
    """It is over all the same."""
    started = asyncio.Event()

    async def waits(x: int) -> int:
        started.set()
        return await asyncio.Event().wait() and 1

    loop = LoopPrimitive(waits, until=lambda x, context: True)
    call = asyncio.create_task(loop.execute(0))
    await started.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert records.seen == [("0", LoopRecord(1, 10, exhausted=False))]


def double_all(xs: list[int]) -> list[int]:
    return [2 * x for x in xs]


async def test_each_call_tells_the_batch_it_was_part_of(records: Records) -> None:
    """The full one, and the one that was sent with the tick."""
    batch = BatchPrimitive(double_all, max_size=2, name="b")
    await asyncio.gather(*(batch.execute(x) for x in range(3)))
    assert sorted(records.seen, key=str) == [
        ("0.b", BatchRecord(1, 2, "tick")),
        ("0.b", BatchRecord(2, 2, "full")),
        ("0.b", BatchRecord(2, 2, "full")),
    ]


@pytest.mark.parametrize(
    ("deadline", "reason"), [(None, "window"), (99.0, "window"), (3.0, "deadline")]
)
async def test_batch_tells_why_it_gathered_no_longer(
    records: Records, clock: FakeClock, deadline: float | None, reason: Any
) -> None:
    """The window was over, or a caller could not wait for its end."""
    batch = BatchPrimitive(double_all, window_seconds=5, clock=clock)
    call = asyncio.create_task(batch.execute(1, WorkflowContext(deadline=deadline)))
    await clock.sleep_through(5 if reason == "window" else 0)
    assert await call == 2
    assert records.seen == [("0", BatchRecord(1, 100, reason))]


async def test_caller_that_leaves_tells_of_its_batch_only_when_that_was_sent(
    records: Records, clock: FakeClock
) -> None:
    """A batch that still gathers has no size yet."""

    async def waits(xs: list[int]) -> list[int]:
        await asyncio.Event().wait()
        return xs

    batch = BatchPrimitive(waits, window_seconds=5, clock=clock)
    early, late = (asyncio.create_task(batch.execute(x)) for x in (1, 2))
    await asyncio.sleep(0)
    early.cancel()
    await asyncio.wait([early])
    assert records.seen == []
    await clock.sleep_through(5)
    late.cancel()
    await asyncio.wait([late])
    assert records.seen == [("0", BatchRecord(1, 100, "window"))]


async def test_failed_batch_is_told_by_each_of_its_callers(records: Records) -> None:
    """The error does not hide how many it struck."""

    def fails(xs: list[int]) -> list[int]:
        raise LookupError(xs)

    batch = BatchPrimitive(fails, name="b")
    await asyncio.gather(batch.execute(1), batch.execute(2), return_exceptions=True)
    assert records.seen == [("0.b", BatchRecord(2, 100, "tick"))] * 2


def drawing(*numbers: float) -> Any:
    """Draws these numbers; five for each call: latency, error, malformed, abort, chunks."""
    remaining = iter(numbers)
    return lambda: next(remaining)


@pytest.mark.parametrize(
    ("draws", "expected"),
    [
        ((0.9, 0.9, 0.9, 0.9, 0), []),
        ((0.1, 0.9, 0.9, 0.9, 0), [("latency",)]),
        ((0.9, 0.1, 0.1, 0.1, 0), [("error",)]),
        ((0.9, 0.9, 0.1, 0.9, 0), [("malformed",)]),
        ((0.1, 0.9, 0.1, 0.1, 0), [("latency", "malformed", "abort")]),
    ],
    ids=["spared", "latency", "error alone", "malformed", "all that go together"],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["execute", "stream"])
async def test_fault_tells_what_strikes_a_call(
    records: Records,
    draws: tuple[float, ...],
    expected: list[tuple[FaultKind, ...]],
    streamed: bool,
) -> None:
    """And nothing of a call that is spared."""
    fault = FaultPrimitive(
        str.upper,
        latency=1e-6,
        error=LookupError,
        malformed=str.lower,
        rate=0.5,
        abort_rate=0.5,
        random=drawing(*draws),
        name="f",
    )
    with contextlib.suppress(LookupError, ConnectionResetError):
        if streamed:
            async for _ in fault.stream("a"):
                pass
        else:
            await fault.execute("a")
    told = [(path, record) for path, record in records.seen if isinstance(record, FaultRecord)]
    assert told == [("0.f", FaultRecord(kinds)) for kinds in expected]
