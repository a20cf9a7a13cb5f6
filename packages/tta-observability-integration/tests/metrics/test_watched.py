"""Sizes of caches and lengths of queues, asked for when metrics are collected."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from observability_integration.metrics.recorder import Recorder
from tta_dev_primitives import BulkheadPrimitive, CachePrimitive, LambdaPrimitive

from .counted import MeterCounted, RegistryCounted, told


def echo(value: Any) -> Any:
    return value


async def test_a_cache_tells_its_size_and_what_it_gave_up(
    counted: RegistryCounted | MeterCounted,
) -> None:
    recorder = Recorder(counted.source)
    cache = CachePrimitive(echo, max_entries=2, name="c")
    recorder.place(cache, "0.c")
    assert told(counted.data(), "tta.cache.size") == {("c",): 0}
    for key in "abc":
        await cache.execute(key)
    data = counted.data()
    assert told(data, "tta.cache.size") == {("c",): 2}
    assert told(data, "tta.cache.evictions") == {("c",): 1}


async def test_wraps_of_a_cache_are_one_cache(counted: RegistryCounted | MeterCounted) -> None:
    """They share its store, and its entries would be there twice."""
    recorder = Recorder(counted.source)
    cache = CachePrimitive[Any, Any](name="c")
    first, second = cache.wrap(echo), cache.wrap(LambdaPrimitive(echo, name="other"))
    recorder.place(first, "0.c")
    recorder.place(second, "0.q/1.c")
    await first.execute("a")
    await second.execute("b")
    assert told(counted.data(), "tta.cache.size") == {("c",): 2}


async def test_evictions_never_shrink(counted: RegistryCounted | MeterCounted) -> None:
    """Prometheus would take a smaller number for a restart and count everything again."""
    recorder = Recorder(counted.source)
    cache = CachePrimitive(echo, max_entries=1, name="c")
    recorder.place(cache, "0.c")
    for key in "abc":
        await cache.execute(key)
    assert told(counted.data(), "tta.cache.evictions") == {("c",): 2}
    cache.clear_cache()
    assert told(counted.data(), "tta.cache.evictions") == {("c",): 2}
    del cache
    gc.collect()
    data = counted.data()
    assert told(data, "tta.cache.evictions") == {("c",): 2}
    assert told(data, "tta.cache.size") == {}


async def test_a_cache_that_cannot_be_asked_is_told_once_and_harms_nobody(
    counted: RegistryCounted | MeterCounted, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(CachePrimitive[Any, Any]):
        def get_stats(self) -> dict[str, float]:
            raise OSError("the secret path of the disk")

    recorder = Recorder(counted.source)
    caches = [Broken(echo, name="broken"), CachePrimitive(echo, name="c")]
    for cache in caches:
        recorder.place(cache, f"0.{cache.name}")
    for _ in range(2):
        assert told(counted.data(), "tta.cache.size") == {("c",): 0}
    (line,) = caplog.records
    assert line.getMessage() == "the cache broken cannot tell its size: OSError"


async def test_a_bulkhead_tells_how_many_wait(counted: RegistryCounted | MeterCounted) -> None:
    recorder = Recorder(counted.source)
    go = asyncio.Event()

    async def wait(value: object) -> None:
        await go.wait()

    bulkhead = BulkheadPrimitive(wait, max_concurrent=1, name="b")
    recorder.place(bulkhead, "0.b")
    calls = [asyncio.create_task(bulkhead.execute(n)) for n in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert told(counted.data(), "tta.ratelimit.waiting") == {("b",): 2}
    go.set()
    await asyncio.gather(*calls)
    assert told(counted.data(), "tta.ratelimit.waiting") == {("b",): 0}


async def test_a_recorder_that_is_gone_tells_nothing(
    counted: RegistryCounted | MeterCounted,
) -> None:
    """A meter provider outlives what was set up with it, and keeps asking."""
    recorder = Recorder(counted.source)
    cache = CachePrimitive(echo, name="c")
    recorder.place(cache, "0.c")
    del recorder
    gc.collect()
    assert told(counted.data(), "tta.cache.size") == {}
