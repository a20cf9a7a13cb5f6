"""Composition, cache, timeout and retry against plain asyncio and against other libraries.

    uv run --group benchmarks python scripts/benchmarks/core.py [--json] [--batches N]

Everything is measured in one process in one run, so that ratios mean something on any machine.
Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import importlib.util
import json
import random
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

from timing import Row, Timing, measure, print_rows

from tta_dev_primitives import (
    CachePrimitive,
    LambdaPrimitive,
    RetryPrimitive,
    TimeoutPrimitive,
    TransformPrimitive,
    WorkflowContext,
)
from tta_dev_primitives.performance.answering.entries import keep
from tta_dev_primitives.performance.stores.base import StoreBusyError, StoredEntry
from tta_dev_primitives.performance.stores.disk import DiskStore
from tta_dev_primitives.performance.values import encoding

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator

REFERENCE_AWAIT_NS = 80
CHUNKS = 1000
ITEMS = 100


async def step(value: int) -> int:
    """Add one: the least a step can do."""
    return value + 1


async def main(batches: int) -> list[Row]:
    """Measure every case."""
    floor = await measure(lambda: step(1), batches=batches)
    context = WorkflowContext()
    rows: list[Row] = []
    for part in (_sequence, _parallel, _map, _stream, _memory_hit, _disk, _timeout, _retry):
        rows.extend(await part(floor, context, batches))
    return rows


async def _sequence(floor: Timing, context: WorkflowContext, batches: int) -> list[Row]:
    del floor
    ours = LambdaPrimitive(step) >> step >> step

    async def plain() -> int:
        return await step(await step(await step(1)))

    peers: dict[str, Timing] = {}
    if _installed("langchain_core"):
        chain = _langchain_lambda(step) | _langchain_lambda(step) | _langchain_lambda(step)
        peers["langchain-core"] = await measure(lambda: chain.ainvoke(1), batches=batches // 4)
    return [
        Row(
            "three steps in sequence",
            await measure(lambda: ours.execute(1, context), batches=batches),
            "plain awaits",
            await measure(plain, batches=batches),
            2.5,
            peers,
        )
    ]


async def _parallel(floor: Timing, context: WorkflowContext, batches: int) -> list[Row]:
    del floor
    ours = LambdaPrimitive(step) | step | step

    async def task_group() -> list[int]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(step(1)) for _ in range(3)]
        return [task.result() for task in tasks]

    peers: dict[str, Timing] = {}
    if _installed("langchain_core"):
        runnables: Any = importlib.import_module("langchain_core.runnables")
        chain = runnables.RunnableParallel(**{key: _langchain_lambda(step) for key in "abc"})
        peers["langchain-core"] = await measure(lambda: chain.ainvoke(1), batches=batches // 4)
    return [
        Row(
            "three steps in parallel",
            await measure(lambda: ours.execute(1, context), batches=batches),
            "TaskGroup",
            await measure(task_group, batches=batches),
            None,
            peers,
        )
    ]


async def _map(floor: Timing, context: WorkflowContext, batches: int) -> list[Row]:
    del floor
    primitive = LambdaPrimitive(step)

    async def ours() -> None:
        async for _ in primitive.map(range(ITEMS), context, concurrency=10):
            pass

    async def semaphore() -> list[int]:
        limit = asyncio.Semaphore(10)

        async def one(value: int) -> int:
            async with limit:
                return await step(value)

        return await asyncio.gather(*(one(value) for value in range(ITEMS)))

    peers: dict[str, Timing] = {}
    if _installed("langchain_core"):
        runnable = _langchain_lambda(step)
        options = {"max_concurrency": 10}
        peers["langchain-core abatch"] = await measure(
            lambda: runnable.abatch(list(range(ITEMS)), options),
            batches=batches // 4,
            units=ITEMS,
        )
    return [
        Row(
            "map of 100, 10 at once, per item",
            await measure(ours, batches=batches, units=ITEMS),
            "semaphore and gather",
            await measure(semaphore, batches=batches, units=ITEMS),
            None,
            peers,
        )
    ]


async def _stream(floor: Timing, context: WorkflowContext, batches: int) -> list[Row]:
    del floor

    async def source(_: int) -> AsyncGenerator[int, None]:
        for number in range(CHUNKS):
            yield number

    async def stage(chunks: AsyncIterator[int]) -> AsyncGenerator[int, None]:
        async for chunk in chunks:
            yield chunk + 1

    ours = (
        LambdaPrimitive[int, Any](source) >> TransformPrimitive(stage) >> TransformPrimitive(stage)
    )

    async def run_ours() -> None:
        async for _ in ours.stream(1, context):
            pass

    async def bare() -> None:
        async for _ in stage(stage(source(1))):
            pass

    peers: dict[str, Timing] = {}
    if _installed("langchain_core"):
        runnables: Any = importlib.import_module("langchain_core.runnables")
        chain = runnables.RunnableGenerator(stage) | runnables.RunnableGenerator(stage)

        async def run_langchain() -> None:
            async for _ in chain.atransform(source(1)):
                pass

        peers["langchain-core"] = await measure(run_langchain, batches=batches // 4, units=CHUNKS)
    return [
        Row(
            "stream through two stages, per chunk",
            await measure(run_ours, batches=batches, units=CHUNKS),
            "bare generators",
            await measure(bare, batches=batches, units=CHUNKS),
            None,
            peers,
        )
    ]


async def _memory_hit(floor: Timing, context: WorkflowContext, batches: int) -> list[Row]:
    keyed = CachePrimitive(step, cache_key_fn=lambda value, _: value, ttl_seconds=300)
    text = CachePrimitive(LambdaPrimitive[str, str](str.upper), ttl_seconds=300)
    await keyed.execute(1, context)
    await text.execute("key", context)
    peers: dict[str, Timing] = {}
    if _installed("cachebox"):
        cachebox: Any = importlib.import_module("cachebox")
        cached = cachebox.cached(cachebox.TTLCache(1024, 300))(step)
        await cached(1)
        peers["cachebox"] = await measure(lambda: cached(1), batches=batches)
    return [
        Row(
            "memory hit, text key, no context",
            await measure(lambda: text.execute("key"), batches=batches),
            "a bare await",
            floor,
            3.2,
            peers,
        ),
        Row(
            "memory hit, cache_key_fn, counters",
            await measure(lambda: keyed.execute(1, context), batches=batches),
            "a bare await",
            floor,
            4.0,
        ),
    ]


async def _disk(floor: Timing, context: WorkflowContext, batches: int) -> list[Row]:
    rows: list[Row] = []
    value = _payload(1000)

    async def answer(_: str) -> dict[str, Any]:
        return value

    peers_hit: dict[str, Timing] = {}
    peers_set: dict[str, Timing] = {}
    with tempfile.TemporaryDirectory() as folder:
        if _installed("diskcache"):
            diskcache: Any = importlib.import_module("diskcache")
            with diskcache.Cache(f"{folder}/peer") as peer:
                for number in range(500):
                    peer.set(f"key:{number}", value, expire=300)
                keys = _keys()

                async def peer_hit() -> Any:
                    return peer.get(next(keys))

                async def peer_set() -> None:
                    peer.set(next(keys), value, expire=300)

                peers_hit["diskcache"] = await measure(peer_hit, batches=batches)
                peers_set["diskcache"] = await measure(peer_set, batches=batches)
        for title, goal_hit, goal_set in (("[fast]", 7, 16), ("stdlib json", 11, 27)):
            with _codec(title):
                cache = CachePrimitive(answer, cache_dir=f"{folder}/{title}", ttl_seconds=300)
                for number in range(500):
                    await cache.execute(f"key:{number}", context)
                store = DiskStore(f"{folder}/{title}-set")
                keys = _keys()

                async def write(store: DiskStore = store, keys: Iterator[str] = keys) -> None:
                    kept = keep(value, share=False, encoded=True)
                    assert kept is not None
                    assert kept.data is not None
                    key, entry = next(keys).encode(), StoredEntry(kept.data, 1.0, 2e9, 2e9)
                    try:
                        store.write(key, entry)
                    except StoreBusyError:  # time to tidy up, which the cache does in a thread
                        await asyncio.to_thread(store.write, key, entry, wait=True)

                hit = await measure(
                    lambda cache=cache, keys=keys: cache.execute(next(keys), context),
                    batches=batches,
                )
                per_await = goal_hit * 1000 / REFERENCE_AWAIT_NS
                rows.append(
                    Row(
                        f"disk hit, 1 KB, {title}", hit, "a bare await", floor, per_await, peers_hit
                    )
                )
                per_await = goal_set * 1000 / REFERENCE_AWAIT_NS
                written = await measure(write, batches=batches)
                rows.append(
                    Row(
                        f"disk set, 1 KB, {title}",
                        written,
                        "a bare await",
                        floor,
                        per_await,
                        peers_set,
                    )
                )
                cache.close()
                store.close()
    return rows


async def _timeout(floor: Timing, context: WorkflowContext, batches: int) -> list[Row]:
    del floor
    ours = TimeoutPrimitive(step, 30)

    async def plain() -> int:
        async with asyncio.timeout(30):
            return await step(1)

    return [
        Row(
            "timeout, not reached",
            await measure(lambda: ours.execute(1, context), batches=batches),
            "asyncio.timeout",
            await measure(plain, batches=batches),
        )
    ]


async def _retry(floor: Timing, context: WorkflowContext, batches: int) -> list[Row]:
    ours = RetryPrimitive(step)
    peers: dict[str, Timing] = {}
    if _installed("tenacity"):
        tenacity: Any = importlib.import_module("tenacity")
        decorated = tenacity.retry(stop=tenacity.stop_after_attempt(3))(step)
        peers["tenacity"] = await measure(lambda: decorated(1), batches=batches)
    return [
        Row(
            "retry, no failure",
            await measure(lambda: ours.execute(1, context), batches=batches),
            "a bare await",
            floor,
            None,
            peers,
        )
    ]


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _langchain_lambda(function: Any) -> Any:
    runnables: Any = importlib.import_module("langchain_core.runnables")
    return runnables.RunnableLambda(function)


def _keys() -> Iterator[str]:
    while True:
        yield from (f"key:{number}" for number in range(500))


@contextlib.contextmanager
def _codec(title: str) -> Generator[None]:
    """Encode by msgspec, or as an installation without `[fast]` does."""
    packers = (encoding._pack, encoding._sorted_json)  # pyright: ignore[reportPrivateUsage]
    if title == "stdlib json":
        encoding._pack = encoding._sorted_json = None  # pyright: ignore[reportPrivateUsage]
    try:
        yield
    finally:
        encoding._pack, encoding._sorted_json = packers  # pyright: ignore[reportPrivateUsage]


def _payload(size: int) -> dict[str, Any]:
    """Return a value shaped like a chat completion, *size* bytes as JSON or a little more."""
    drawn = random.Random(7)
    words = ["".join(drawn.choices("etaoinshrdlucmf", k=drawn.randint(2, 9))) for _ in range(3000)]
    message = {"role": "assistant", "content": ""}
    value: dict[str, Any] = {
        "id": "chatcmpl-abc",
        "model": "example",
        "created": 1_700_000_000,
        "usage": {"prompt_tokens": 123, "completion_tokens": 456, "cost": 0.00123},
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "scores": [round(number * 0.37, 3) for number in range(8)],
    }
    while len(json.dumps(value)) < size:
        message["content"] += " " + drawn.choice(words)
    return value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--batches", type=int, default=60, help="batches per case (60)")
    chosen = parser.parse_args()
    print_rows(asyncio.run(main(chosen.batches)), as_json=chosen.json)
