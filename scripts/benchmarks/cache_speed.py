"""A hit in this process: with a key given, and with one derived from a chat request."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
from typing import TYPE_CHECKING, Any

from cache_data import chat_request, codec, codecs, goal, installed, peers, step
from cache_peers import memory_peers
from cache_tables import Options, Table
from timing import Row, Timing, measure_together

from tta_dev_primitives import CachePrimitive, LambdaPrimitive, WorkflowContext

if TYPE_CHECKING:
    from timing import Operation

FLOOR = "a bare await"
# Libraries whose key is made from any value by itself, and what they make it from.
DERIVING = {"aiocache": "aiocache (str of the dict)", "cashews": "cashews (text of the dict)"}


async def tables(options: Options) -> list[Table]:
    """Measure hits in memory."""
    given = await _key_given(options.batches)
    derived = await _key_derived(options.batches)
    return [
        Table("Memory hit, key given", given, note="Goal G6."),
        Table(
            "Memory hit, key of a 700 byte chat request: sorted, SHA-256",
            derived,
            note="Goal G7, set for [fast]. aiocache and cashews make text of the request in the "
            "order that it happens to have.",
        ),
    ]


async def _key_given(batches: int) -> list[Row]:
    context = WorkflowContext()
    text = CachePrimitive(LambdaPrimitive[str, str](step), ttl_seconds=300)
    keyed = CachePrimitive(step, cache_key_fn=lambda value, _: value, ttl_seconds=300)
    await text.execute("key", context)
    await keyed.execute("key", context)
    operations: dict[str, Operation] = {
        FLOOR: lambda: step("key"),
        "text": lambda: text.execute("key"),
        "keyed": lambda: keyed.execute("key", context),
    }
    async with contextlib.AsyncExitStack() as stack:
        for name, opened in memory_peers().items():
            cached = await stack.enter_async_context(opened(step))
            await cached("key")
            operations[name] = lambda cached=cached: cached("key")
        timings = await measure_together(operations, batches=batches)
    floor, others = timings[FLOOR], peers(timings, FLOOR, "text", "keyed")
    return [
        Row("text key, no context", timings["text"], FLOOR, floor, 3.2, others),
        Row("cache_key_fn, counters", timings["keyed"], FLOOR, floor, 4.0, others),
    ]


async def _key_derived(batches: int) -> list[Row]:
    request, context = chat_request(), WorkflowContext()
    cache = CachePrimitive(LambdaPrimitive[Any, str](_answer), ttl_seconds=300)

    async def by_hand() -> str:
        text = json.dumps(request, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    operations: dict[str, Operation] = {FLOOR: lambda: step("key"), "json and sha256": by_hand}
    if installed("msgspec"):
        msgspec: Any = importlib.import_module("msgspec")
        encode = msgspec.json.Encoder(order="sorted").encode

        async def by_msgspec() -> bytes:
            return hashlib.sha256(encode(request)).digest()

        operations["msgspec and sha256"] = by_msgspec
    async with contextlib.AsyncExitStack() as stack:
        for name, opened in memory_peers().items():
            if name in DERIVING:
                cached = await stack.enter_async_context(opened(_answer))
                await cached(request)
                operations[DERIVING[name]] = lambda cached=cached: cached(request)
        ours: dict[str, Timing] = {}
        timings: dict[str, Timing] = {}
        for title in codecs():
            with codec(title):
                await cache.execute(request, context)
                operations["ours"] = lambda: cache.execute(request, context)
                timings = await measure_together(operations, batches=batches)
                ours[title] = timings["ours"]
    others = peers(timings, FLOOR, "ours")
    return [
        Row(title, taken, FLOOR, timings[FLOOR], goal(1.7) if title == "[fast]" else None, others)
        for title, taken in ours.items()
    ]


async def _answer(request: Any) -> str:  # Any: any request
    del request
    return "answer"
