"""One cache and several event loops: one after the other, at once, and one that was cut off."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import threading
import time
import traceback
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives import CachePrimitive, WorkflowContext, WorkflowPrimitive
from tta_dev_primitives.core.base import FRESH

from .redis_server import OwnServer, own_server
from .waiting import until

KINDS = ["memory", "disk", "redis", "redis behind disk", "cluster", "cluster behind disk"]
Cache = CachePrimitive[Any, Any]


class Service(WorkflowPrimitive[Any, Any]):
    """Answers in two parts, after a moment or when it is let go."""

    name = "service"

    def __init__(self) -> None:
        self.calls = self.stopped = 0
        self.forever = False

    async def begun(self) -> None:
        await until(lambda: self.calls > 0, "a call")

    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        return [part async for part in self.stream(input_data, context)]

    async def stream(
        self, input_data: Any, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:
        self.calls += 1
        yield [input_data, 1]
        try:
            await (asyncio.Event().wait() if self.forever else asyncio.sleep(0.001))
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        yield [input_data, 2]


def whole(key: object) -> list[Any]:
    return [[key, 1], [key, 2]]


async def execute(cache: Cache, key: object) -> list[Any]:
    return await cache.execute(key)


async def stream(cache: Cache, key: object) -> list[Any]:
    async with contextlib.aclosing(cache.stream(key)) as chunks:
        found = [chunk async for chunk in chunks]
    return found[0] if found == [whole(key)] else found  # kept in one piece


BOTH_WAYS = pytest.mark.parametrize("ask", [execute, stream])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with own_server(tmp_path_factory.mktemp("redis")) as found:
        yield found


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture(params=KINDS)
def cache(request: pytest.FixtureRequest, tmp_path: Path, service: Service) -> Iterator[Cache]:
    """A cache that nobody closes, on a server without a connection before and after."""
    kind: str = request.param
    options: dict[str, Any] = {"namespace": str(uuid.uuid4())}
    servers: list[OwnServer] = []
    if "disk" in kind:
        options["cache_dir"] = tmp_path / "cache"
    if "redis" in kind or "cluster" in kind:
        servers.append(request.getfixturevalue("server"))
        options |= {"backend": "redis", "redis_url": servers[0].url}
    if "cluster" in kind:
        options["single_flight"] = "cluster"
    made = CachePrimitive(service, tags=["tag"], **options)
    yield made
    made.close()
    gc.collect()  # what was not closed says so now
    for server in servers:
        nobody_is_connected(server)


def nobody_is_connected(server: OwnServer) -> None:
    """The server sees some time later that somebody hung up."""
    give_up = time.monotonic() + 5
    while server.tell("CLIENT", "LIST").count(b"id=") > 1:
        assert time.monotonic() < give_up, server.tell("CLIENT", "LIST").decode()
        time.sleep(0.01)


@BOTH_WAYS
def test_loops_one_after_the_other_share_what_is_kept(
    cache: Cache, service: Service, ask: Any
) -> None:
    """As in a program that calls `asyncio.run` now and then."""

    async def crowd() -> None:
        assert await asyncio.gather(*(ask(cache, "q") for _ in range(20))) == [whole("q")] * 20

    for _ in range(4):
        asyncio.run(crowd())
        gc.collect()
    assert service.calls == 1


def test_code_that_is_not_async_may_run_it(cache: Cache, service: Service) -> None:
    for _ in range(3):
        assert cache.run("q") == whole("q")
        assert cache.run("r") == whole("r")
    assert service.calls == 2


@BOTH_WAYS
def test_call_of_a_loop_that_has_ended_is_stopped_and_joined_by_nobody(
    cache: Cache, service: Service, ask: Any
) -> None:
    async def begin() -> asyncio.Task[Any]:
        task = asyncio.create_task(ask(cache, "q"))
        await service.begun()
        return task

    service.forever = True
    assert asyncio.run(begin()).cancelled()
    assert service.stopped == 1
    service.forever = False
    assert asyncio.run(asyncio.wait_for(ask(cache, "q"), 5)) == whole("q")
    assert service.calls == 2


@pytest.mark.parametrize("cache", ["memory", "disk"], indirect=True)
def test_loop_that_was_closed_in_the_middle_of_a_call_is_left_behind(
    cache: Cache, service: Service
) -> None:
    """Without a chance for its tasks to end, as when a program gives up.

    Not for streams, whose generators cannot be closed without a loop.
    """
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _loop, _what: None)  # of tasks that never ended
    service.forever = True

    task = loop.create_task(execute(cache, "q"))
    loop.run_until_complete(service.begun())
    loop.close()
    service.forever = False
    assert asyncio.run(asyncio.wait_for(execute(cache, "q"), 5)) == whole("q")
    del task
    gc.collect()
    assert asyncio.run(asyncio.wait_for(execute(cache, "q"), 5)) == whole("q")
    assert service.calls == 2


class Threads:
    """Threads that begin together and whose errors are not lost."""

    def __init__(self, *works: Callable[[], None]) -> None:
        self._barrier = threading.Barrier(len(works))
        self.errors: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, args=(work,)) for work in works]

    def run(self) -> None:
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)  # they change places in the middle of everything
        try:
            for thread in self._threads:
                thread.start()
            for thread in self._threads:
                thread.join(30)
        finally:
            sys.setswitchinterval(interval)
        assert not any(thread.is_alive() for thread in self._threads), "a thread waits for ever"
        assert self.errors == [], "".join(traceback.format_exception(self.errors[0]))

    def _run(self, work: Callable[[], None]) -> None:
        self._barrier.wait(10)
        try:
            work()
        except BaseException as error:
            self.errors.append(error)


@BOTH_WAYS
def test_loops_in_two_threads_share_what_is_kept(
    request: pytest.FixtureRequest, cache: Cache, service: Service, ask: Any
) -> None:
    """Each asks about once for a key; in a cluster there is one call in all."""
    keys = range(10)

    async def work() -> None:
        for key in keys:
            found = await asyncio.gather(*(ask(cache, key) for _ in range(20)))
            assert found == [whole(key)] * 20

    Threads(*[lambda: asyncio.run(work())] * 2).run()
    assert len(keys) <= service.calls <= 4 * len(keys)
    if "cluster" in request.node.name:
        assert service.calls == len(keys)


@pytest.mark.slow
def test_loops_in_three_threads_ask_delete_and_close(cache: Cache) -> None:
    """All at once: nobody fails, and nobody gets another's answer."""

    async def work(number: int) -> None:
        for turn in range(30):
            keys = [(turn + step) % 7 for step in range(number, number + 5)]
            found = await asyncio.gather(
                *(execute(cache, key) for key in keys), *(stream(cache, key) for key in keys)
            )
            assert found == [whole(key) for key in keys] * 2
            match (turn + number) % 6:
                case 0:
                    await cache.delete(keys[0])
                case 1:
                    await cache.delete_tags("tag")
                case 2:
                    await cache.delete_prefix("x")
                case 3:
                    await cache.clear()
                case 4:
                    await cache.aclose()
                case _:
                    cache.get_stats()

    def begin(number: int) -> Callable[[], None]:
        return lambda: asyncio.run(work(number))

    Threads(*(begin(number) for number in range(3))).run()


@pytest.mark.slow
@pytest.mark.parametrize("cache", ["memory"], indirect=True)
def test_many_misses_in_threads_do_not_meet(cache: Cache) -> None:
    """What the cache notes of answers under way is noted by all loops."""

    async def work(number: int) -> None:
        for turn in range(20):
            keys = [(number, turn, place) for place in range(60)]
            found = await asyncio.gather(*(cache.execute(key) for key in keys))
            assert found == [whole(key) for key in keys]

    def begin(number: int) -> Callable[[], None]:
        return lambda: asyncio.run(work(number))

    Threads(*(begin(number) for number in range(4))).run()


@pytest.mark.slow
@pytest.mark.parametrize("cache", ["memory"], indirect=True)
def test_deletion_in_one_loop_harms_nobody_who_joins_a_stream_in_another(cache: Cache) -> None:
    """The stream may be forgotten between the look at what is under way and the joining."""

    async def work() -> None:
        for turn in range(700):
            keys = [turn % 3, (turn + 1) % 3]
            found = await asyncio.gather(
                *(stream(cache, key) for key in keys), *(execute(cache, key) for key in keys)
            )
            assert found == [whole(key) for key in keys] * 2
            await cache.delete(keys[0])

    Threads(*[lambda: asyncio.run(work())] * 3).run()
