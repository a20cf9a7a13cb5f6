"""Every cache figure we answer for, against the floor and against other libraries, in one run.

    uv run --group benchmarks python scripts/benchmarks/cache.py [--json] [--batches N]
        [--only speed|disk|redis|stampede|eviction|memory]

Peers that are not installed are left out. Redis is the server at $TTA_TEST_REDIS_URL, else a
`redis-server` of our own on a free loopback port, else left out. Takes under four minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

import cache_disk
import cache_eviction
import cache_memory
import cache_redis
import cache_speed
import cache_stampede
from cache_redis_server import redis_server
from cache_tables import Options, Table
from timing import machine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PARTS: dict[str, Callable[[Options], Awaitable[list[Table]]]] = {
    "speed": cache_speed.tables,
    "disk": cache_disk.tables,
    "redis": cache_redis.tables,
    "stampede": cache_stampede.tables,
    "eviction": cache_eviction.tables,
    "memory": cache_memory.tables,
}
WITH_REDIS = {"redis", "stampede"}


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen parts and print their tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--batches", type=int, default=40, help="batches per timed case (40)")
    parser.add_argument("--only", choices=PARTS, help="run one part")
    chosen = parser.parse_args(arguments)
    if chosen.batches < 1:
        parser.error(f"--batches must be at least 1, got {chosen.batches}")
    names = list(PARTS) if chosen.only is None else [chosen.only]
    if not chosen.json:
        print(machine(), end="\n\n")
    found: dict[str, list[Table]] = {}
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(redis_server()) if WITH_REDIS & set(names) else None
        for name in names:
            found[name] = asyncio.run(_run(name, Options(chosen.batches, url)))
            if not chosen.json:
                for table in found[name]:
                    table.print()
    if chosen.json:
        parts = {name: [table.record() for table in tables] for name, tables in found.items()}
        json.dump({"machine": machine(), "parts": parts}, sys.stdout)
        print()
    return 0


async def _run(name: str, options: Options) -> list[Table]:
    return await PARTS[name](options)


if __name__ == "__main__":
    sys.exit(main())
