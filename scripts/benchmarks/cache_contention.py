"""Three processes at work on one cache file."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

from cache_data import installed, payload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    # Any: whatever a library returns
    Operate = Callable[[str], Awaitable[Any]]

TITLE = "Three processes on one file, 1 KB, 90 % reads"
NOTE = (
    "Over 500 keys, for two seconds. An error is a read or write that raised; a file locked by "
    "another process is waited for in a thread, as a cache does."
)
PROCESSES = 3
SECONDS = 2.0
KEYS = 500


async def records(folder: Path) -> list[dict[str, Any]]:  # Any: JSON values
    """Return one record for ours and one for each installed peer."""
    cases = ["ours", "ours, behind"]
    if installed("diskcache"):
        cases.append("diskcache")
    return [_summary(case, await _parts(case, folder / f"contention-{case}")) for case in cases]


async def _parts(case: str, folder: Path) -> list[dict[str, Any]]:  # Any: JSON values
    """Return what each worker measured during the same seconds."""
    workers: list[asyncio.subprocess.Process] = []
    pipe = asyncio.subprocess.PIPE
    try:
        for seed in range(PROCESSES):
            arguments = (__file__, case, str(folder), str(seed))
            worker = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, stdin=pipe, stdout=pipe
            )
            workers.append(worker)
            assert worker.stdout is not None
            await worker.stdout.readline()  # it is ready
        outputs = await asyncio.gather(*(worker.communicate(b"go\n") for worker in workers))
    finally:
        for worker in workers:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()
    return [json.loads(output) for output, _ in outputs]


def _summary(case: str, parts: list[dict[str, Any]]) -> dict[str, Any]:  # Any: JSON values
    reads = sorted(taken for part in parts for taken in part["reads"])
    writes = sorted(taken for part in parts for taken in part["writes"])
    return {
        "case": case,
        "operations/s": round((len(reads) + len(writes)) / SECONDS),
        "read p50 us": reads[len(reads) // 2] / 1000,
        "read p99 us": reads[len(reads) * 99 // 100] / 1000,
        "write p50 us": writes[len(writes) // 2] / 1000,
        "write p99 us": writes[len(writes) * 99 // 100] / 1000,
        "errors": sum(part["errors"] for part in parts),
    }


async def _work(case: str, folder: Path, seed: int) -> dict[str, Any]:
    read, write, close = (_peer if case == "diskcache" else _ours)(case, folder)
    drawn = random.Random(seed)
    taken: dict[str, list[int]] = {"reads": [], "writes": []}
    errors = 0
    names = [f"key:{number}" for number in range(KEYS)]
    if seed == 0:
        for key in names:
            await write(key)
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.perf_counter_ns() + int(SECONDS * 1e9)
    while (began := time.perf_counter_ns()) < end:
        kind, operate = ("writes", write) if drawn.random() < 0.1 else ("reads", read)
        try:
            await operate(drawn.choice(names))
        except Exception as error:  # noqa: BLE001 - counted and said: that is what is measured
            print(f"{case}: {error!r}", file=sys.stderr)
            errors += 1
        taken[kind].append(time.perf_counter_ns() - began)
    close()
    return {**taken, "errors": errors}


def _ours(case: str, folder: Path) -> tuple[Operate, Operate, Callable[[], None]]:
    from tta_dev_primitives.performance.stores.base import StoreBusyError, StoredEntry
    from tta_dev_primitives.performance.stores.disk import DiskStore
    from tta_dev_primitives.performance.values import encoding

    store = DiskStore(folder, durability="behind" if case.endswith("behind") else "process")
    value = payload(1000)

    async def read(key: str) -> Any:  # Any: what was written
        try:
            entry = store.read(key.encode())
        except StoreBusyError:
            entry = await asyncio.to_thread(store.read, key.encode(), wait=True)
        return None if entry is None else encoding.decode(entry.data)

    async def write(key: str) -> None:
        now = time.time()
        entry = StoredEntry(encoding.encode(value), now, now + 300, now + 300)
        try:
            store.write(key.encode(), entry)
        except StoreBusyError:
            await asyncio.to_thread(store.write, key.encode(), entry, wait=True)

    return read, write, store.close


def _peer(case: str, folder: Path) -> tuple[Operate, Operate, Callable[[], None]]:
    module: Any = importlib.import_module(case)
    disk: Any = module.Cache(str(folder))
    value = payload(1000)

    async def read(key: str) -> Any:  # Any: what was written
        return disk.get(key)

    async def write(key: str) -> None:
        disk.set(key, value, expire=300)

    return read, write, disk.close


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One worker of this benchmark.")
    parser.add_argument("case")
    parser.add_argument("folder", type=Path)
    parser.add_argument("seed", type=int)
    given = parser.parse_args()
    json.dump(asyncio.run(_work(given.case, given.folder, given.seed)), sys.stdout)
