"""One cache in several processes: calls that are shared or not, deaths, deletions and forks."""

from __future__ import annotations

import itertools
import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from .cache_processes import cache_processes, run_alone
from .redis_server import own_server

pytestmark = pytest.mark.slow

CALLERS = 500
BOTH_WAYS = pytest.mark.parametrize("how", ["execute", "stream"])


@BOTH_WAYS
def test_crowds_of_two_processes_share_a_file(tmp_path: Path, how: str) -> None:
    """Each process asks once for its own people, and who comes later finds the answer."""
    with cache_processes(2, cache_dir=str(tmp_path), seconds=0.2) as crowds:
        for crowd in crowds:
            crowd.tell("ask", "q", how, CALLERS)
        calls = [crowd.answered() for crowd in crowds]
        assert max(calls) == 1
        assert [crowd.ask("q") for crowd in crowds] == [0, 0]
    with cache_processes(1, cache_dir=str(tmp_path), seconds=0.2) as (later,):
        assert later.ask("q", how) == 0


@pytest.mark.service("redis")
@pytest.mark.parametrize(
    ("with_disk", "ways"),
    [
        (False, ("execute", "execute")),
        (False, ("stream", "stream")),
        (False, ("execute", "stream")),
        (True, ("execute", "execute")),
        (True, ("stream", "stream")),
    ],
    ids=["redis", "redis-stream", "redis-mixed", "redis-behind-disk", "redis-behind-disk-stream"],
)
def test_crowds_of_two_processes_cause_one_call_in_a_cluster(
    redis_url: str, tmp_path: Path, with_disk: bool, ways: tuple[str, str]
) -> None:
    """Whoever is not served by the call in its own process gets the whole from the other's."""
    folders = [str(tmp_path / name) for name in "ab"] if with_disk else None
    with cache_processes(
        2,
        backend="redis",
        redis_url=redis_url,
        cache_dir=folders,
        single_flight="cluster",
        namespace=str(uuid.uuid4()),
        seconds=0.2,
    ) as crowds:
        for crowd, how in zip(crowds, ways, strict=True):
            crowd.tell("ask", "q", how, CALLERS)
        assert sum(crowd.answered() for crowd in crowds) == 1
        assert [crowd.ask("q", how) for crowd, how in zip(crowds, ways, strict=True)] == [0, 0]


@pytest.mark.service("redis")
@BOTH_WAYS
def test_crowd_takes_over_from_a_process_that_was_killed(redis_url: str, how: str) -> None:
    """When the lease of the dead has run out, and not before."""
    lease_seconds = 0.5
    with cache_processes(
        2,
        redis_url=redis_url,
        lease_seconds=lease_seconds,
        single_flight="cluster",
        namespace=str(uuid.uuid4()),
        seconds=[60, 0.1],
    ) as (leader, crowd):
        leader.tell("ask", "q", how, 1)
        assert leader.hear() == {"began": True}
        crowd.tell("ask", "q", how, CALLERS)
        time.sleep(lease_seconds * 1.2)  # which the leader has renewed meanwhile
        leader.kill()
        died_at = time.monotonic()
        assert crowd.answered() == 1
        assert time.monotonic() - died_at < lease_seconds + 2


@pytest.mark.service("redis")
def test_deletion_in_one_process_reaches_the_disk_of_another(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    with (
        own_server(tmp_path / "redis") as server,
        cache_processes(
            2,
            backend="redis",
            redis_url=server.url,
            cache_dir=[str(tmp_path / name) for name in "ab"],
            seconds=0,
        ) as (one, other),
    ):
        assert one.ask("q") == 1
        assert other.ask("q") == 0
        server.pause()
        assert other.ask("q") == 0, "its own disk has the answer"
        server.resume()
        one.tell("delete_tags")
        assert one.hear() == {"deleted": 1}
        give_up = time.monotonic() + 5
        while other.ask("q") == 0:
            assert time.monotonic() < give_up, "it goes on with what was deleted"
            time.sleep(0.01)


FORKING = """
import asyncio, json, os, sys
import multiprocessing
from tta_dev_primitives import CachePrimitive

calls = []

held = None

async def step(x):
    calls.append(x)
    await (held.wait() if held else asyncio.sleep(0.01))
    return [x]

cache = CachePrimitive(step, **json.loads(sys.argv[1]))
here = sys.argv[2]

async def ask(*keys):
    calls.clear()
    for key in keys:
        assert await asyncio.gather(*[cache.execute(key) for _ in range(20)]) == [[key]] * 20
        assert [chunk async for chunk in cache.stream(key)] == [[key]]
    return list(calls)

def child():
    assert asyncio.run(ask("old", "child")) == ["child"]
    assert cache.run("child") == ["child"]

def fork():
    if here == "multiprocessing":
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        return lambda: (process.join(), process.exitcode)[1]
    number = os.fork()
    if not number:
        code = 1
        try:
            child()
            code = 0
        finally:
            os._exit(code)
    return lambda: os.waitpid(number, 0)[1]

async def main():
    # The child begins in the middle of the parent's call for the same key.
    global held
    gate = held = asyncio.Event()
    caller = asyncio.create_task(cache.execute("child"))
    while "child" not in calls:
        await asyncio.sleep(0)
    held = None
    forked = fork()
    assert await ask("old", "parent") == ["parent"]
    assert forked() == 0
    gate.set()
    assert await caller == ["child"]
    await cache.aclose()

assert asyncio.run(ask("old")) == ["old"]
if here == "in a call":
    asyncio.run(main())
else:
    forked = fork()
    assert asyncio.run(ask("old", "parent")) == ["parent"]
    assert forked() == 0
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize(
    ("kind", "here"),
    [
        *itertools.product(["memory", "disk", "redis", "redis behind disk"], ["os", "in a call"]),
        ("redis behind disk", "multiprocessing"),
    ],
)
def test_parent_and_child_go_on_after_a_fork(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, here: str
) -> None:
    options: dict[str, Any] = {"namespace": str(uuid.uuid4())}
    if "disk" in kind:
        options["cache_dir"] = str(tmp_path)
    if "redis" in kind:
        options |= {"backend": "redis", "redis_url": request.getfixturevalue("redis_url")}
    run_alone(FORKING, json.dumps(options), here)
