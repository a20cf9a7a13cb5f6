"""A stream that began anew and is then wanted in one piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.recovery.fallback import FallbackPrimitive
from tta_dev_primitives.testing.clock import FakeClock


async def breaks_off(x: str) -> AsyncGenerator[str, None]:
    yield x[:1]
    raise OSError(x)


async def good(x: str) -> AsyncGenerator[str, None]:
    yield x[:2]
    yield x[2:]


async def test_kept_stream_that_began_anew_is_executed_to_what_counts(clock: FakeClock) -> None:
    """The caller of `execute` got a list with a mark and a dropped chunk in place of a text."""
    flow = FallbackPrimitive(breaks_off, good, midstream="restart")
    cache = CachePrimitive(flow, clock=clock)
    assert len([chunk async for chunk in cache.stream("whole")]) == 4
    assert await cache.execute("whole") == "whole"
