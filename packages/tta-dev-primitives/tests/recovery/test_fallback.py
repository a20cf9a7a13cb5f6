from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.recovery.fallback import FallbackPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive


async def test_success_does_not_touch_the_fallback() -> None:
    spare = MockPrimitive("spare")
    assert await FallbackPrimitive(MockPrimitive(return_value=1), spare).execute("x") == 1
    assert spare.call_count == 0


async def test_failure_runs_the_fallback_on_the_same_input_and_context() -> None:
    context = WorkflowContext()
    spare = MockPrimitive("spare", return_value=2)
    primary = MockPrimitive(raise_error=ValueError("down"))
    assert await FallbackPrimitive(primary=primary, fallback=spare).execute("x", context) == 2
    assert spare.calls == [("x", context)]


async def test_when_both_fail_the_second_error_is_raised_and_holds_the_first() -> None:
    first, second = ValueError("first"), KeyError("second")
    both = FallbackPrimitive(MockPrimitive(raise_error=first), MockPrimitive(raise_error=second))
    with pytest.raises(KeyError) as caught:
        await both.execute("x")
    assert caught.value is second
    assert caught.value.__context__ is first


async def test_cancellation_is_not_answered_with_a_fallback(clock: FakeClock) -> None:
    spare = MockPrimitive("spare")
    slow = MockPrimitive(side_effect=lambda x, context: clock.sleep(60))
    task = asyncio.ensure_future(FallbackPrimitive(slow, spare).execute("x"))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert spare.call_count == 0


async def test_observer_sees_which_fallback_ran_and_why(watcher: Any) -> None:
    primary = MockPrimitive("main", raise_error=ValueError("down"))
    await FallbackPrimitive(primary, MockPrimitive("spare")).execute("x")
    assert watcher.records == [
        ("0", observe.FallbackRecord(used="spare", index=1, reason="ValueError"))
    ]
    assert watcher.outcomes == {"0/0.main": "error", "0/1.spare": "ok", "0": "fallback"}


async def test_observer_sees_an_error_when_the_fallback_fails_too(watcher: Any) -> None:
    failing = MockPrimitive(raise_error=ValueError("down"))
    with pytest.raises(ValueError):
        await FallbackPrimitive(failing, failing).execute("x")
    assert watcher.outcomes["0"] == "error"


async def test_stream_of_the_primary_is_enough(source: Any, collect: Any) -> None:
    spare = source(0)
    assert await collect(FallbackPrimitive(source(0, 0), spare).stream("c")) == ["c0", "c1"]
    assert spare.begun == 0


async def test_stream_falls_back_before_its_first_chunk(
    source: Any, collect: Any, watcher: Any
) -> None:
    primary = source(ConnectionError("down"))
    assert await collect(FallbackPrimitive(primary, source(0, 0)).stream("c")) == ["c0", "c1"]
    assert primary.closed == 1
    assert watcher.outcomes["0"] == "fallback"


async def test_stream_that_breaks_after_a_chunk_raises(source: Any, collect: Any) -> None:
    spare, chunks = source(0), []
    broken = source(0, ConnectionError("half-way"))
    with pytest.raises(ConnectionError, match="half-way"):
        await collect(FallbackPrimitive(broken, spare).stream("c"), chunks)
    assert chunks == ["c0"]
    assert spare.begun == 0


async def test_empty_stream_is_a_success(source: Any, collect: Any) -> None:
    spare = source(0)
    assert await collect(FallbackPrimitive(source(), spare).stream("c")) == []
    assert spare.begun == 0


async def test_when_both_streams_fail_the_second_error_holds_the_first(
    source: Any, collect: Any
) -> None:
    first = ConnectionError("first")
    both = FallbackPrimitive(source(first), source(ValueError("second")))
    with pytest.raises(ValueError, match="second") as caught:
        await collect(both.stream("c"))
    assert caught.value.__context__ is first


async def test_cancelled_stream_does_not_fall_back(source: Any, collect: Any) -> None:
    primary, spare = source(60), source(0)
    task = asyncio.ensure_future(collect(FallbackPrimitive(primary, spare).stream("c")))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (primary.closed, spare.begun) == (1, 0)


@pytest.mark.parametrize("rescued", [False, True], ids=["primary", "fallback"])
async def test_closing_the_stream_closes_what_is_running(source: Any, rescued: bool) -> None:
    primary = source(ConnectionError()) if rescued else source(0, 0)
    spare = source(0, 0)
    stream = FallbackPrimitive(primary, spare).stream("c")
    await anext(stream)
    await stream.aclose()
    assert (primary.closed, spare.closed) == (1, int(rescued))


def test_primary_and_fallback_are_its_children() -> None:
    primary, spare = MockPrimitive(), MockPrimitive()
    assert FallbackPrimitive(primary, spare).children() == [
        ("primary", primary),
        ("fallback", spare),
    ]
