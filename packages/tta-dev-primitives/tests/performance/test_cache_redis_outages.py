"""A Redis that goes away, fills up or holds rubbish, as the users of a cache under load see it.

Two hundred callers ask all the time. Whatever becomes of the server, each of them gets the right
answer, and soon; the step is run once per key at a time; the log has one warning; and when the
server is well, answers come from it again without anybody's doing.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tta_dev_primitives import CachePrimitive

from .redis_server import OwnServer, own_server
from .waiting import until

pytestmark = [pytest.mark.service("redis"), pytest.mark.slow]

CALLERS = 200
KEYS = [f"key {number}" for number in range(20)]
PAUSE_SECONDS = 0.03
# Three times the store's patience of 0.5 s, and a machine that has other things to do.
LONGEST_CALL_SECONDS = 3.0

KINDS = ["redis", "redis behind disk", "cluster"]


class Service:
    """Answers after a moment, and notes whom it was asked by twice at a time."""

    def __init__(self) -> None:
        self.calls = 0
        self.running: Counter[str] = Counter()
        self.most = 0

    async def __call__(self, key: str) -> dict[str, str]:
        self.calls += 1
        self.running[key] += 1
        self.most = max(self.most, self.running[key])
        try:
            await asyncio.sleep(0.002)
        finally:
            self.running[key] -= 1
        return {"the answer for": key}


class Load:
    """Callers that ask all the time, and what they got."""

    def __init__(self, cache: CachePrimitive[Any, Any], service: Service) -> None:
        self.cache, self.service = cache, service
        self.answers = 0
        self.slowest = 0.0
        self.wrong: list[object] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._ask(number)) for number in range(CALLERS)]
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        assert self.wrong == []
        assert self.service.most == 1
        assert self.slowest < LONGEST_CALL_SECONDS
        assert not any(self.service.running.values())

    async def round(self, count: int = 1) -> None:
        """Wait until every caller could have been answered *count* times."""
        goal = self.answers + count * CALLERS
        await until(lambda: self.answers >= goal, f"{goal} answers")

    async def hits(self) -> None:
        """Wait until everything is answered without the step."""
        seen, at = -1, 0

        def quiet() -> bool:
            nonlocal seen, at
            if self.service.calls != seen:
                seen, at = self.service.calls, self.answers
            # Once for those who shared the last call, and once more for all: a copy that was lost
            # between two writes is in front again when it was asked for the next time.
            return self.answers >= at + 2 * CALLERS

        await until(quiet, "hits only")

    async def _ask(self, number: int) -> None:
        turn = number
        while True:
            turn += 1
            key = KEYS[turn % len(KEYS)]
            began = time.monotonic()
            try:
                found = await self.cache.execute(key)
            except Exception as error:
                self.wrong.append(error)
            else:
                if found != {"the answer for": key}:
                    self.wrong.append(found)
            self.answers += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
            await asyncio.sleep(PAUSE_SECONDS)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnServer]:
    with own_server(tmp_path) as found:
        yield found


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def load(
    server: OwnServer, kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Load]:
    """Callers who have had their answers from the server for a while."""
    caplog.set_level(logging.INFO, "tta_dev_primitives.cache")
    service = Service()
    cache = CachePrimitive(
        service,
        backend="redis",
        redis_url=server.url,
        cache_dir=tmp_path / "cache" if "disk" in kind else None,
        single_flight="cluster" if "cluster" in kind else "process",
        tags=["tag"],
    )
    async with cache, Load(cache, service) as found:
        await found.hits()
        yield found


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


@contextlib.asynccontextmanager
async def in_the_place_of(server: OwnServer) -> AsyncGenerator[list[int]]:
    """Hang up on whoever connects where the server was, and count them."""
    connected = [0]

    def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected[0] += 1
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", server.port):
        yield connected


async def test_server_that_is_killed(
    server: OwnServer, load: Load, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.stop()
    calls = load.service.calls
    async with in_the_place_of(server) as connected:
        await asyncio.sleep(0.5)
        await load.round()
    # A first attempt of each connection, then after pauses of 0.1 s, 0.2 s and so on.
    assert 1 <= connected[0] <= 20
    if "disk" in kind:
        assert load.service.calls == calls, "the disk has every answer"
    else:
        assert load.service.calls > calls
    server.start()
    await until(lambda: server.tell("DBSIZE") != b":0\r\n", "entries on the new server")
    await load.hits()
    (warning,) = warnings(caplog)
    assert f"redis at 127.0.0.1:{server.port} cannot be used" in warning


async def test_server_that_is_silent(
    server: OwnServer, load: Load, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    calls = load.service.calls
    before = connections_ever(server)
    server.pause()
    try:
        # On no disk yet, so that it must be asked for.
        assert await load.cache.execute("new") == {"the answer for": "new"}
        await load.round(2)
    finally:
        server.resume()
    if "disk" in kind:
        assert load.service.calls == calls + 1, "the disk has every other answer"
    # Where the disk has all that is asked for, nobody finds out before there is a new question.
    for number in itertools.count():
        if "is back" in caplog.text:
            break
        assert number < 200, "nobody found out that the server is back"
        await load.cache.execute(f"new {number}")
        await asyncio.sleep(0.05)
    await load.hits()
    assert connections_ever(server) - before <= 20
    (warning,) = warnings(caplog)
    assert f"redis at 127.0.0.1:{server.port} cannot be used" in warning


async def test_server_that_is_full(
    server: OwnServer, load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    server.tell("CONFIG", "SET", "maxmemory", "1")
    await load.round(2)
    calls = load.service.calls
    await load.cache.delete_tags("tag")
    await until(lambda: load.service.calls > calls, "a call")
    await load.round(2)
    server.tell("CONFIG", "SET", "maxmemory", "0")
    await until(lambda: "takes writes again" in caplog.text, "the server's recovery")
    await load.hits()
    (warning,) = warnings(caplog)
    assert "takes no writes" in warning


async def test_server_that_was_emptied(
    server: OwnServer, load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    server.tell("FLUSHALL")
    await load.round()
    await load.hits()
    assert warnings(caplog) == []


def connections_ever(server: OwnServer) -> int:
    """Return how many connections the server has ever had, this question's included."""
    for line in server.tell("INFO", "stats").decode().splitlines():
        name, _, figure = line.partition(":")
        if name == "total_connections_received":
            return int(figure)
    raise AssertionError


def text(client: Any, name: bytes) -> None:
    client.set(name, b"rubbish")


def another_type(client: Any, name: bytes) -> None:
    client.delete(name)
    client.rpush(name, b"rubbish")


def cut_short(client: Any, name: bytes) -> None:
    client.set(name, client.get(name)[:-5])


Spoil = Callable[[Any, bytes], None]


@pytest.mark.parametrize(
    ("kind", "what", "spoil"),
    [
        ("redis", "cache:", text),
        ("redis", "cache:", another_type),
        ("redis", "cache:", cut_short),
        ("cluster", "cache:", text),
        ("cluster", "cache:", another_type),
        ("cluster", "cache:", cut_short),
        ("redis", "cache-tag:", text),
        ("cluster", "cache-tag:", text),
        ("cluster", "cache-fence:", text),
        ("cluster", "cache-fence:", another_type),
        ("redis behind disk", "cache-deletion-count:", text),
    ],
    indirect=["kind"],
)
async def test_rubbish_in_the_place_of_what_was_kept(
    server: OwnServer, load: Load, caplog: pytest.LogCaptureFixture, what: str, spoil: Spoil
) -> None:
    """Written by a program that takes the server for its own; entries must be made anew."""
    import redis

    with redis.Redis(port=server.port) as client:
        names = list(client.scan_iter(f"tta:{what}*"))
        assert names
        for name in names:
            spoil(client, name)
        if what != "cache:":
            client.delete(*client.scan_iter("tta:cache:*"))
    await load.round()
    await load.hits()
    assert len(warnings(caplog)) <= 1


@pytest.mark.parametrize("kind", ["redis", "cluster"], indirect=True)
async def test_entry_can_be_deleted_with_rubbish_in_the_place_of_its_tag(
    server: OwnServer, load: Load
) -> None:
    import redis

    with redis.Redis(port=server.port) as client:
        for name in list(client.scan_iter("tta:cache-tag:*")):
            text(client, name)
    calls = load.service.calls
    assert await load.cache.delete("key 1")
    await until(lambda: load.service.calls > calls, "a new call")


@pytest.mark.parametrize("spoil", [text, another_type])
@pytest.mark.parametrize("kind", ["cluster"], indirect=True)
async def test_rubbish_in_the_place_of_a_lease(
    server: OwnServer, load: Load, caplog: pytest.LogCaptureFixture, spoil: Spoil
) -> None:
    """Nobody holds it, and it never ends by itself; those who wait must not wait for ever."""
    import redis

    with redis.Redis(port=server.port) as client:
        for name in list(client.scan_iter("tta:cache:*")):
            spoil(client, name.replace(b"tta:cache:", b"tta:cache-lease:"))
            client.delete(name)
    await load.round(2)
    await load.hits()
    assert len(warnings(caplog)) <= 1
