"""How a map ends: errors, closing, cancellation, bad arguments."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives import Item, LambdaPrimitive, RetryPrimitive, RetryStrategy, WorkflowContext
from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.testing import FakeClock, settle

ORDERS = pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "unordered"])


def double(x: int) -> int:
    return x * 2


async def collect(items: AsyncIterator[Item[int]], indexes: list[int]) -> None:
    async for item in items:
        indexes.append(item.index)


def fails_at(*bad: int) -> Callable[[int], int]:
    def step(x: int) -> int:
        if x in bad:
            raise LookupError(x)
        return x

    return step


@ORDERS
async def test_errors_are_kept_in_their_items(ordered: bool) -> None:
    """One bad input does not spoil the others."""
    items = [item async for item in LambdaPrimitive(fails_at(1, 3)).map(range(5), ordered=ordered)]
    assert {item.index: (item.ok, item.value) for item in items} == {
        0: (True, 0), 1: (False, None), 2: (True, 2), 3: (False, None), 4: (True, 4)
    }  # fmt: skip
    assert [str(item.error) for item in items if not item.ok] == ["1", "3"]


@ORDERS
async def test_first_error_ends_the_map_when_errors_are_raised(
    new_source: Any, gate: Any, ordered: bool
) -> None:
    """The items before it came; what was running has ended, and the source is closed."""
    source = new_source()

    async def step(x: int) -> int:
        return fails_at(2)(x) if x < 3 else await gate(x)

    seen: list[int] = []
    items = LambdaPrimitive(step).map(source(), concurrency=6, ordered=ordered, on_error="raise")
    with pytest.raises(LookupError, match="2"):
        await collect(items, seen)
    assert seen == [0, 1]
    assert sorted(gate.ended) == list(gate.events)
    assert source.closed


def breaks(error: BaseException) -> Iterator[int]:
    yield 0
    yield 1
    raise error


async def breaks_slowly(error: BaseException) -> AsyncIterator[int]:
    for x in breaks(error):
        await asyncio.sleep(0)
        yield x


@pytest.mark.parametrize("source", [breaks, breaks_slowly], ids=["sync", "async"])
@pytest.mark.parametrize("error", [LookupError("source"), asyncio.CancelledError("source")])
@ORDERS
async def test_error_of_the_source_is_raised_after_the_items_before_it(
    source: Callable[[BaseException], Iterable[int]], error: BaseException, ordered: bool
) -> None:
    """A broken source is not mistaken for the end of the inputs, even when it was cancelled."""
    seen: list[int] = []
    items = LambdaPrimitive(double).map(source(error), ordered=ordered)
    with pytest.raises(type(error), match="source"):
        await collect(items, seen)
    assert seen == [0, 1]


@ORDERS
async def test_step_that_cancels_itself_cancels_the_map(ordered: bool) -> None:
    """Inputs are not dropped in silence."""

    async def step(x: int) -> int:
        if x == 1:
            raise asyncio.CancelledError("from within")
        return x

    with pytest.raises(asyncio.CancelledError, match="from within"):
        async for _ in LambdaPrimitive(step).map(range(5), ordered=ordered, concurrency=2):
            pass


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_closing_early_cancels_and_awaits_what_runs(
    new_source: Any, gate: Any, kind: str
) -> None:
    """When `aclose()` returns, every step has cleaned up and the source is closed."""
    source = new_source()
    gate.open(0)
    items = LambdaPrimitive(gate).map(source.of(kind), concurrency=3)
    assert (await anext(items)).value == 0
    await settle()
    running = set(gate.events) - set(gate.ended)
    assert len(running) == 3
    await items.aclose()
    assert set(gate.ended) == set(gate.events)
    assert source.closed


async def test_cancelling_the_consumer_cancels_and_awaits_what_runs(
    new_source: Any, gate: Any
) -> None:
    """The consumer hears of its cancellation when nothing runs any more."""
    source = new_source()

    async def consume() -> None:
        async for _ in LambdaPrimitive(gate).map(source.slowly(), concurrency=3):
            pass

    consumer = asyncio.ensure_future(consume())
    await settle()
    assert len(gate.events) == 3
    consumer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    assert sorted(gate.ended) == [0, 1, 2]
    assert source.closed


async def test_cancelling_the_consumer_twice_still_ends_everything(new_source: Any) -> None:
    """Impatience while the steps clean up leaves nothing behind either."""
    let_go, source = asyncio.Event(), new_source()
    ended: list[int] = []

    async def stubborn(x: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await let_go.wait()
            await asyncio.sleep(0)
            ended.append(x)

    async def consume() -> None:
        async for _ in LambdaPrimitive(stubborn).map(source(), concurrency=2):
            pass

    consumer = asyncio.ensure_future(consume())
    await settle()
    consumer.cancel()
    await settle()
    consumer.cancel()
    await settle()
    let_go.set()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    assert sorted(ended) == [0, 1]
    assert source.closed


async def test_step_that_shrugs_off_cancellation_gets_no_further_input(new_source: Any) -> None:
    """Closing ends the map even when a step does not obey at once."""
    source = new_source()
    begun: list[int] = []

    async def deaf(x: int) -> int:
        begun.append(x)
        if x == 0:
            return x
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return x

    items = LambdaPrimitive(deaf).map(source(), concurrency=2)
    await anext(items)
    await settle()
    await items.aclose()
    assert begun == [0, 1, 2]


async def test_files_and_other_sources_are_left_open(tmp_path: Path) -> None:
    """Whoever opened a file closes it; only generators are closed with the map."""
    path = tmp_path / "lines"
    path.write_text("1\n2\n3\n", encoding="utf-8")

    class Cursor:
        closed = False

        def __aiter__(self) -> Cursor:
            return self

        async def __anext__(self) -> str:
            return "1"

        async def aclose(self) -> None:
            self.closed = True

    cursor = Cursor()
    sources: list[Iterable[str] | AsyncIterable[str]] = [cursor]
    with path.open(encoding="utf-8") as lines:
        for source in (lines, *sources):
            items = LambdaPrimitive(int).map(source, concurrency=1)
            assert (await anext(items)).value == 1
            await items.aclose()
        assert not lines.closed
    assert not cursor.closed


async def test_attempts_of_retries_are_counted_per_item(clock: FakeClock) -> None:
    """Each item tells how many attempts it took, side by side with others."""
    failures = {0: 0, 1: 2, 2: 1, 3: 9}

    async def flaky(x: int) -> int:
        failures[x] -= 1
        if failures[x] >= 0:
            raise ConnectionError(x)
        return x

    strategy = RetryStrategy(max_retries=3, jitter=False)
    step = (lambda x: x) >> RetryPrimitive(flaky, strategy, clock=clock)
    items = step.map(range(4), concurrency=2)

    async def collect() -> list[tuple[int, bool, int]]:
        return [(item.index, item.ok, item.attempts) async for item in items]

    collecting = asyncio.ensure_future(collect())
    await clock.sleep_through(60)
    assert await collecting == [(0, True, 1), (1, True, 3), (2, True, 2), (3, False, 4)]


async def test_items_share_the_context_and_its_deadline() -> None:
    """State written for one item is there for all."""
    context = WorkflowContext(workflow_id="w", deadline=5.0)
    seen: list[tuple[str | None, float | None]] = []

    def step(x: int, context: WorkflowContext) -> None:
        context.state[str(x)] = True
        seen.append((context.workflow_id, context.deadline))

    async for _ in LambdaPrimitive(step).map(range(3), context):
        pass
    assert context.state == {"0": True, "1": True, "2": True}
    assert seen == [("w", 5.0)] * 3
    assert context.tally is None


async def test_step_that_cancels_itself_ends_a_map_that_waits_for_room() -> None:
    """A worker that had just found no room went to sleep after the end, and nobody woke it."""
    gate = asyncio.Event()

    async def step(x: int) -> int:
        if x == 0:
            await gate.wait()
            raise asyncio.CancelledError("from within")
        if x == 4:
            gate.set()  # the last for which there is room
        return x

    items = LambdaPrimitive(step).map(range(100), concurrency=2, ordered=False)
    async with asyncio.timeout(5):
        assert (await anext(items)).value == 1
        await settle()
        with pytest.raises(asyncio.CancelledError, match="from within"):
            await collect(items, [])


async def test_context_that_fails_does_not_hang_the_map() -> None:
    """A worker that cannot begin ends the map with its error."""

    class Broken(WorkflowContext):
        def with_deadline(self, deadline: float | None, **_: Any) -> WorkflowContext:
            raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        async for _ in LambdaPrimitive(double).map([1], Broken()):
            pass


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"concurrency": 0}, "concurrency must be at least 1, got 0"),
        ({"concurrency": -1}, "concurrency must be at least 1, got -1"),
        ({"on_error": "ignore"}, "on_error must be 'keep' or 'raise', got 'ignore'"),
    ],
    ids=["zero", "negative", "on_error"],
)
def test_bad_arguments_are_refused_at_once(arguments: Any, message: str) -> None:
    """Not only when the first item is asked for."""
    with pytest.raises(ConfigurationError, match=message):
        LambdaPrimitive(double).map([1], **arguments)


async def test_what_is_no_iterable_is_refused() -> None:
    """Python's own words."""
    source: Any = 3
    with pytest.raises(TypeError, match="not iterable"):
        async for _ in LambdaPrimitive(double).map(source):
            pass
