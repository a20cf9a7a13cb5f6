"""Who fills an entry when several processes ask: real processes, one of them killed."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.redis import RedisStore

from .redis_server import OwnServer, own_server

pytestmark = [pytest.mark.service("redis"), pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with own_server(tmp_path_factory.mktemp("redis")) as found:
        yield found


PROCESS = """
import asyncio, os, sys
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.redis import RedisStore

url, seconds, lease = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])

async def fill():
    print("fills", flush=True)
    await asyncio.sleep(seconds)
    return StoredEntry(b"by %d" % os.getpid(), 1.0, 2e9, 2e9)

async def main():
    store = RedisStore(url, lease_seconds=lease)
    await store.read(b"something else")
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(sys.argv[4])):
        entry = await store.fill_once(b"k%d" % number, fill)
        print(entry.data.decode(), flush=True)

asyncio.run(main())
"""


def start(server: OwnServer, seconds: float, lease: float, keys: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROCESS,
         server.url, str(seconds), str(lease), str(keys)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def let_go(*processes: subprocess.Popen[str]) -> None:
    """Let them begin together, when all have got that far."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def finish(process: subprocess.Popen[str]) -> list[str]:
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return out.splitlines()


def test_one_process_of_several_fills_each_entry(server: OwnServer) -> None:
    keys = 20
    processes = [start(server, 0.02, 10.0, keys) for _ in range(3)]
    let_go(*processes)
    said = [finish(process) for process in processes]
    assert sum(lines.count("fills") for lines in said) == keys
    given = [[line for line in lines if line != "fills"] for lines in said]
    assert given == [given[0]] * 3
    server.tell("FLUSHALL")


async def test_one_waiter_takes_over_from_a_process_that_was_killed(server: OwnServer) -> None:
    """When its lease has run out, and not before."""
    killed = start(server, 60.0, 1.0, 1)
    let_go(killed)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "fills\n"
    fills = 0

    async def fill() -> StoredEntry:
        nonlocal fills
        fills += 1
        return StoredEntry(b"taken over", 1.0, 2e9, 2e9)

    stores = [RedisStore(server.url, lease_seconds=1.0) for _ in range(3)]
    calls = [asyncio.ensure_future(store.fill_once(b"k0", fill)) for store in stores]
    await asyncio.sleep(0.7)
    assert fills == 0
    killed.kill()
    killed.communicate()
    died_at = time.monotonic()
    for entry in await asyncio.gather(*calls):
        assert entry is not None
        assert entry.data == b"taken over"
    assert fills == 1
    assert time.monotonic() - died_at < 5
    for store in stores:
        await store.aclose()
    server.tell("FLUSHALL")


async def test_process_that_stood_still_does_not_overwrite(server: OwnServer) -> None:
    """A laptop that slept, or a machine that swapped: the lease ran out without its knowing."""
    sleeper = start(server, 0.4, 0.3, 1)
    let_go(sleeper)
    assert sleeper.stdout is not None
    assert sleeper.stdout.readline() == "fills\n"
    sleeper.send_signal(signal.SIGSTOP)

    async def fill() -> StoredEntry:
        return StoredEntry(b"newer", 1.0, 2e9, 2e9)

    store = RedisStore(server.url)
    entry = await store.fill_once(b"k0", fill)
    assert entry is not None
    assert entry.data == b"newer"
    sleeper.send_signal(signal.SIGCONT)
    assert finish(sleeper) == [f"by {sleeper.pid}"]
    assert await store.read(b"k0") == entry
    await store.aclose()
    server.tell("FLUSHALL")
