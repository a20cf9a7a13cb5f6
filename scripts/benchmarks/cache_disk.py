"""The disk store: hits and sets beside other libraries, stalls of the event loop, processes."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cache_contention
import cache_stall
from cache_data import codec, codecs, goal, installed, keys, payload, peers, step
from cache_tables import Options, Table
from timing import Row, measure_together

from tta_dev_primitives import CachePrimitive, LambdaPrimitive, WorkflowContext
from tta_dev_primitives.performance.stores.base import StoreBusyError, StoredEntry
from tta_dev_primitives.performance.stores.disk import DiskStore
from tta_dev_primitives.performance.values import encoding

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from timing import Operation, Timing

FLOOR = "a bare await"
SIZES = {"1 KB": 1_000, "100 KB": 100_000}
# Microseconds; (hit, set, set by "behind"). The stdlib's json has no goal at 100 KB.
GOALS = {
    ("1 KB", "[fast]"): (7.0, 16.0, 6.0),
    ("1 KB", "stdlib json"): (11.0, 27.0, None),
    ("100 KB", "[fast]"): (35.0, 120.0, None),
    ("100 KB", "stdlib json"): (None, None, None),
}


async def tables(options: Options) -> list[Table]:
    """Measure the disk store."""
    hits: list[Row] = []
    sets: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            hits.extend(await _hits(Path(folder), size, options.batches))
            sets.extend(await _sets(Path(folder), size, options.batches))
        stalls = await cache_stall.records(Path(folder))
        contention = await cache_contention.records(Path(folder))
    return [
        Table("Disk hit through `execute`, 500 keys", hits, note="Goals G8 and G9."),
        Table(
            "Disk set: encode and write, 500 keys",
            sets,
            note="Goals G8 and G9. `process` survives the end of the process, `power` that of "
            "the machine's power, `behind` what a thread has written by then.",
        ),
        Table(cache_stall.TITLE, records=stalls, note=cache_stall.NOTE),
        Table(cache_contention.TITLE, records=contention, note=cache_contention.NOTE),
    ]


async def _hits(folder: Path, size: str, batches: int) -> list[Row]:
    value = payload(SIZES[size])

    async def answer(_: str) -> dict[str, Any]:  # Any: JSON values
        return value

    rows: list[Row] = []
    async with _peer_caches(folder / f"hits-{size}") as others:
        operations: dict[str, Operation] = {FLOOR: lambda: step("key")}
        for name, (read, write) in others.items():
            for key in _all_keys():
                await write(key, value)
            names = keys()
            operations[name] = lambda read=read, names=names: read(next(names))
        for title in codecs():
            with codec(title):
                place = folder / f"hits-{size}-{title}"
                primitive = LambdaPrimitive[str, dict[str, Any]](answer)
                cache = CachePrimitive(primitive, cache_dir=place, ttl_seconds=300)
                context, names = WorkflowContext(), keys()
                for key in _all_keys():
                    await cache.execute(key, context)

                operations["ours"] = lambda cache=cache, context=context, names=names: (
                    cache.execute(next(names), context)
                )
                timings = await measure_together(operations, batches=batches)
                await cache.aclose()
            wanted = GOALS[size, title][0]
            rows.append(_row(f"{size}, {title}", timings, "ours", wanted))
    return rows


async def _sets(folder: Path, size: str, batches: int) -> list[Row]:
    value = payload(SIZES[size])
    rows: list[Row] = []
    async with _peer_caches(folder / f"sets-{size}") as others:
        operations: dict[str, Operation] = {FLOOR: lambda: step("key")}
        for name, (_, write) in others.items():
            names = keys()
            operations[name] = lambda write=write, names=names: write(next(names), value)
        for title in codecs():
            place = folder / f"sets-{size}-{title}"
            process = DiskStore(place / "process")
            behind = DiskStore(place / "behind", durability="behind")
            power = DiskStore(place / "power", durability="power")
            with codec(title):
                operations["process"] = _setter(process, value)
                operations["behind"] = _setter(behind, value)
                timings = await measure_together(operations, batches=batches)
                # Few batches, by itself: it waits for the disk, and would make all others wait.
                slow = {FLOOR: operations[FLOOR], "power": _setter(power, value)}
                synced = await measure_together(slow, batches=max(1, batches // 8))
            for store in (process, behind, power):
                store.close()
            _, wanted, wanted_behind = GOALS[size, title]
            case = f"{size}, {title}"
            rows.append(_row(f"{case}, process", timings, "process", wanted))
            rows.append(_row(f"{case}, behind", timings, "behind", wanted_behind))
            rows.append(Row(f"{case}, power", synced["power"], FLOOR, synced[FLOOR]))
    return rows


def _row(case: str, timings: dict[str, Timing], ours: str, microseconds: float | None) -> Row:
    wanted = None if microseconds is None else goal(microseconds)
    others = peers(timings, FLOOR, "ours", "process", "behind")
    return Row(case, timings[ours], FLOOR, timings[FLOOR], wanted, others)


def _setter(store: DiskStore, value: dict[str, Any]) -> Operation:  # Any: JSON values
    names = keys()

    async def write() -> None:
        now = time.time()
        entry = StoredEntry(encoding.encode(value), now, now + 300, now + 300)
        key = next(names).encode()
        try:
            store.write(key, entry)
        except StoreBusyError:  # what a cache does then
            await asyncio.to_thread(store.write, key, entry, wait=True)

    return write


def _all_keys() -> list[str]:
    return [f"key:{number}" for number in range(500)]


@contextlib.asynccontextmanager
async def _peer_caches(
    folder: Path,
) -> AsyncGenerator[
    # Any: values of libraries that may not be installed
    dict[str, tuple[Callable[[str], Awaitable[Any]], Callable[[str, Any], Awaitable[Any]]]]
]:
    """Yield read and write of the installed libraries, by name."""
    found: dict[
        str, tuple[Callable[[str], Awaitable[Any]], Callable[[str, Any], Awaitable[Any]]]
    ] = {}
    async with contextlib.AsyncExitStack() as stack:
        if installed("diskcache"):
            module: Any = importlib.import_module("diskcache")
            disk: Any = stack.enter_context(module.Cache(str(folder / "diskcache")))

            async def read(key: str) -> Any:  # Any: whatever was written
                return disk.get(key)

            async def write(key: str, value: Any) -> None:  # Any: JSON values
                disk.set(key, value, expire=300)

            found["diskcache"] = (read, write)
        if installed("cashews") and installed("diskcache"):
            cashews: Any = importlib.import_module("cashews").Cache()
            cashews.setup("disk://", directory=str(folder / "cashews"))
            await cashews.init()
            stack.push_async_callback(cashews.close)

            async def write_cashews(key: str, value: Any) -> None:  # Any: JSON values
                await cashews.set(key, value, expire=300)

            found["cashews"] = (cashews.get, write_cashews)
        yield found
