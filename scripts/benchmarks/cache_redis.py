"""Hits over the network: one after the other, and 64 at once."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time
import uuid
from typing import TYPE_CHECKING, Any

from cache_data import goal, installed, payload, peers, step
from cache_tables import Options, Table
from timing import Row, measure_together

from tta_dev_primitives import CachePrimitive, LambdaPrimitive, WorkflowContext
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.redis import RedisStore
from tta_dev_primitives.performance.values import encoding

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from timing import Operation, Timing

    # Any: whatever was stored
    Read = Callable[[str], Awaitable[Any]]

FLOOR = "a bare await"
RAW = "redis-py `get`"
OURS = {"store.read": "store.read", "execute": "cache.execute"}
TITLE = "Redis hit on loopback, 1 KB"
AT_ONCE = 64
SECONDS = 300


async def tables(options: Options) -> list[Table]:
    """Measure hits in Redis."""
    if options.redis_url is None or not installed("redis"):
        return [Table(TITLE, note="Left out: needs the `redis` package and a redis-server.")]
    names = [f"key:{number}" for number in range(AT_ONCE)]
    async with _readers(options.redis_url, names) as readers:
        one = await _sequential(readers, options.batches)
        many = await _concurrent(readers, names, options.batches)
    note = f"Goal G10 (beside redis-py with hiredis) and G11 ({AT_ONCE} at once, each)."
    return [Table(TITLE, one + many, note=note)]


async def _sequential(readers: dict[str, Read], batches: int) -> list[Row]:
    operations: dict[str, Operation] = {
        name: lambda read=read: read("key:0") for name, read in readers.items()
    }
    timings = await measure_together(operations, batches=batches)
    return [
        Row(
            f"{case}, one after the other",
            timings[name],
            RAW,
            timings[RAW],
            1.15,
            peers(timings, RAW, *OURS),
        )
        for name, case in OURS.items()
    ]


async def _concurrent(readers: dict[str, Read], names: list[str], batches: int) -> list[Row]:
    operations: dict[str, Operation] = {
        name: lambda read=read: asyncio.gather(*map(read, names)) for name, read in readers.items()
    }
    timings = await measure_together(operations, batches=batches, units=AT_ONCE)
    floor: Timing = (await measure_together({FLOOR: lambda: step("key")}, batches=batches))[FLOOR]
    others = peers(timings, *OURS)
    return [
        Row(f"{case}, {AT_ONCE} at once", timings[name], FLOOR, floor, goal(10), others)
        for name, case in OURS.items()
    ]


@contextlib.asynccontextmanager
async def _readers(url: str, names: list[str]) -> AsyncGenerator[dict[str, Read]]:
    """Yield functions that read a value from Redis by its key, ours and others', by name."""
    value, run = payload(1000), uuid.uuid4().hex
    data = encoding.encode(value)
    async with contextlib.AsyncExitStack() as stack:
        redis: Any = importlib.import_module("redis.asyncio")
        client: Any = redis.from_url(url)
        stack.push_async_callback(client.aclose)
        for name in names:
            await client.set(f"{run}:{name}", data, ex=SECONDS)
        raw: dict[str, Read] = {RAW: lambda name: client.get(f"{run}:{name}")}

        store = RedisStore(url, namespace=f"benchmark-{run}")
        stack.push_async_callback(store.aclose)
        now = time.time()
        for name in names:
            entry = StoredEntry(data, now, now + SECONDS, now + SECONDS)
            await store.write(name.encode(), entry)

        async def answer(_: str) -> dict[str, Any]:  # Any: JSON values
            return value

        primitive = LambdaPrimitive[str, dict[str, Any]](answer)
        cache = CachePrimitive(primitive, backend="redis", redis_url=url, version=run)
        stack.push_async_callback(cache.aclose)
        context = WorkflowContext()
        for name in names:
            await cache.execute(name, context)
        ours: dict[str, Read] = {
            "store.read": lambda name: store.read(name.encode()),
            "execute": lambda name: cache.execute(name, context),
        }
        yield raw | ours | await _peers(stack, url, run, names)


async def _peers(
    stack: contextlib.AsyncExitStack, url: str, run: str, names: list[str]
) -> dict[str, Read]:
    value, found = payload(1000), dict[str, "Read"]()
    if installed("aiocache"):
        aiocache: Any = importlib.import_module("aiocache")
        serializers: Any = importlib.import_module("aiocache.serializers")
        there: Any = importlib.import_module("redis.asyncio").ConnectionPool.from_url(url)
        kwargs = there.connection_kwargs
        await there.aclose()
        cache: Any = aiocache.RedisCache(
            endpoint=kwargs["host"],
            port=kwargs["port"],
            db=kwargs.get("db", 0),
            password=kwargs.get("password"),
            namespace=f"{run}:aiocache",
            serializer=serializers.JsonSerializer(),
        )
        stack.push_async_callback(cache.close)
        for name in names:
            await cache.set(name, value, ttl=SECONDS)
        found["aiocache"] = cache.get
    if installed("cashews"):
        cashews: Any = importlib.import_module("cashews").Cache()
        cashews.setup(url)
        await cashews.init()
        stack.push_async_callback(cashews.close)
        for name in names:
            await cashews.set(f"{run}:cashews:{name}", value, expire=SECONDS)
        found["cashews"] = lambda name: cashews.get(f"{run}:cashews:{name}")
    return found
