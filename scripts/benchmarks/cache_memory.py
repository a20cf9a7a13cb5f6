"""Bytes of memory per entry: each library fills a cache in a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import copy
import gc
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

from cache_data import payload
from cache_peers import memory_peers
from cache_tables import Options, Table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TITLE = "Bytes of resident memory per entry"
UNCOUNTED = 20_000
ENTRIES = 10_000
BOUND = 2 * (UNCOUNTED + ENTRIES)
VALUES = ("text of 100 characters", "chat answer of 1 KB")


async def tables(options: Options) -> list[Table]:
    """Measure each library with each kind of value."""
    del options
    if sys.platform != "linux":
        return [Table(TITLE, note="Left out: needs /proc/self/statm of Linux.")]
    names = ["dict", "ours", *memory_peers()]
    records: list[dict[str, Any]] = []
    for value in VALUES:
        plain = 0.0
        for name in names:
            taken = await _bytes_per_entry(name, value)
            plain = plain or taken
            more = {"more than a dict": round(taken - plain)}
            records.append({"value": value, "cache": name, "bytes": round(taken), **more})
    note = (
        f"{ENTRIES} entries with keys and values of their own, in a new process each. `dict` is "
        "what keys and values take by themselves; ours keeps values that could be changed in "
        "encoded form, which is smaller than the objects."
    )
    return [Table(TITLE, records=records, note=note)]


async def _bytes_per_entry(name: str, value: str) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, name, value, stdout=asyncio.subprocess.PIPE
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        msg = f"filling {name!r} ended with {process.returncode}"
        raise RuntimeError(msg)
    return json.loads(output)


async def _measure(name: str, value: str) -> float:
    async def answer(key: str) -> Any:  # Any: text or JSON values
        return _fresh(value, key)

    if name == "dict":
        entries: dict[str, Any] = {}

        async def fill(key: str) -> None:
            entries[key] = await answer(key)

        return await _growth(fill)
    if name == "ours":
        from tta_dev_primitives import CachePrimitive, LambdaPrimitive

        cache = CachePrimitive(LambdaPrimitive[str, Any](answer), max_entries=BOUND)
        return await _growth(cache.execute)
    async with memory_peers(BOUND)[name](answer) as cached:
        return await _growth(cached)


async def _growth(fill: Callable[[str], Awaitable[object]]) -> float:
    # The first entries take the room that imports have left behind, and are not counted.
    await _fill(range(UNCOUNTED), fill)
    before = _resident_bytes()
    await _fill(range(UNCOUNTED, UNCOUNTED + ENTRIES), fill)
    return (_resident_bytes() - before) / ENTRIES


async def _fill(numbers: range, fill: Callable[[str], Awaitable[object]]) -> None:
    for number in numbers:
        await fill(f"key:{number}")
        if number % 200 == 0:
            gc.collect(1)  # or what calls leave behind would be counted, or make room
    gc.collect()


def _fresh(value: str, key: str) -> Any:  # Any: text or JSON values
    """Return a value that shares nothing with the others."""
    if value == VALUES[0]:
        return f"{key:>100}"
    made = copy.deepcopy(_PAYLOAD)
    made["choices"][0]["message"]["content"] += key
    return made


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


_PAYLOAD = payload(1000)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Fill one cache and print its bytes per entry.")
    parser.add_argument("name")
    parser.add_argument("value", choices=VALUES)
    chosen = parser.parse_args()
    print(json.dumps(asyncio.run(_measure(chosen.name, chosen.value))))
