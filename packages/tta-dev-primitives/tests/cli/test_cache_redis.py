"""`tta cache` on a Redis server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives import CachePrimitive

from ..performance.redis_server import OwnServer, own_server  # noqa: TID252 - the tests are no package with a name

pytestmark = pytest.mark.service("redis")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with own_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def server(running: OwnServer) -> OwnServer:
    """An empty server."""
    running.tell("FLUSHALL")
    return running


async def keep(url: str, *inputs: Any, **options: Any) -> None:
    options.setdefault("ttl_seconds", None)
    async with CachePrimitive(lambda x: {"answer": x}, redis_url=url, **options) as cache:
        for given in inputs:
            await cache.execute(given)


def run(*arguments: Any, **options: Any) -> None:
    asyncio.run(keep(*arguments, **options))


def test_stats_of_a_server(tta: Any, server: OwnServer) -> None:
    run(server.url, "a", "b", namespace="shop", tags=["fruit"])
    run(server.url, *map(str, range(600)))
    found = json.loads(tta("cache", "stats", server.url, "--json").out)
    assert (found["backend"], found["where"]) == ("redis", server.url)
    assert (found["entries"], found["fresh"], found["file_bytes"]) == (602, 602, None)
    assert found["namespaces"] == {"": 600, "shop": 2}
    assert found["tags"] == {"fruit": 2}


def test_get_and_export_show_the_same_entry(tta: Any, server: OwnServer) -> None:
    run(server.url, "why?", "other", namespace="shop", tags=["t"])
    (line,) = tta("cache", "export", server.url, "--prefix", "why").out.splitlines()
    found = json.loads(line)
    assert (found["text"], found["tags"], found["value"]) == ("why?", ["t"], {"answer": "why?"})
    for key in ("why?", f"hex:{found['key']}"):
        ended = tta("cache", "get", key, server.url)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.count("key  ") == 1
        assert '"answer": "why?"' in ended.out
    assert tta("cache", "get", "hex:00", server.url).code == 1


@pytest.mark.parametrize(
    ("options", "gone", "left"),
    [
        ([], 3, []),
        (["--namespace", "shop"], 2, ["apple"]),
        (["--prefix", "a"], 2, ["pear"]),
        (["--tag", "food"], 2, ["apple"]),
        (["--tag", "food", "--namespace", "shop"], 2, ["apple"]),
    ],
    ids=["all", "namespace", "prefix", "tag", "tag-namespace"],
)
def test_clear_on_a_server(
    tta: Any, server: OwnServer, options: list[str], gone: int, left: list[str]
) -> None:
    run(server.url, "apple", "pear", namespace="shop", tags=["food"])
    run(server.url, "apple")
    ended = tta("cache", "clear", server.url, *options, "--yes")
    assert (ended.code, ended.out, ended.err) == (0, f"deleted {gone} entries\n", "")
    lines = tta("cache", "export", server.url).out.splitlines()
    assert [json.loads(line)["text"] for line in lines] == left


async def test_clear_reaches_the_disks_in_front_of_the_server(
    tta: Any, server: OwnServer, tmp_path: Path
) -> None:
    """A program that runs with a disk in front of Redis must not go on with what was cleared."""
    made: list[str] = []
    async with CachePrimitive(
        made.append, backend="redis", redis_url=server.url, cache_dir=tmp_path / "near"
    ) as cache:
        await cache.execute("why?")
        await cache.execute("why?")
        assert made == ["why?"]
        ended = await asyncio.to_thread(tta, "cache", "clear", server.url, "--yes")
        assert (ended.code, ended.out) == (0, "deleted 1 entry\n")
        async with asyncio.timeout(10):
            while len(made) == 1:
                await asyncio.sleep(0.01)
                await cache.execute("why?")


def test_prune_has_nothing_to_do_on_a_server(tta: Any, server: OwnServer) -> None:
    ended = tta("cache", "prune", server.url)
    assert (ended.code, ended.out) == (0, "nothing to do: Redis deletes what expired by itself\n")


def test_entry_of_another_version_is_passed_over_and_told(tta: Any, server: OwnServer) -> None:
    run(server.url, "good")
    server.tell("SET", "tta:cache::bad", "rubbish")
    ended = tta("cache", "export", server.url)
    assert ended.code == 1
    assert json.loads(ended.out)["text"] == "good"
    assert "an entry in redis was passed over" in ended.complaint


@pytest.mark.parametrize(
    "command",
    [("stats",), ("get", "x"), ("export",), ("clear", "--yes")],
    ids=["stats", "get", "export", "clear"],
)
def test_server_that_is_away_is_one_line(
    tta: Any, tmp_path: Path, command: tuple[str, ...]
) -> None:
    with own_server(tmp_path) as server:
        url = server.url.replace("//", "//user:secret@")
    ended = tta("cache", *command, url)
    assert (ended.code, ended.out) == (1, "")
    assert ended.complaint.startswith(f"redis at 127.0.0.1:{server.port} cannot be used: ")
    assert "secret" not in ended.err


def test_login_is_left_out_of_what_is_shown(tta: Any, server: OwnServer) -> None:
    run(server.url, "why?")
    assert server.tell("ACL", "SETUSER", "me", "on", ">secret", "~*", "&*", "+@all") == b"+OK\r\n"
    ended = tta("cache", "stats", server.url.replace("//", "//me:secret@"))
    assert ended.code == 0
    assert ended.out.startswith(f"{server.url} (redis)\n")
    assert "secret" not in ended.out + ended.err
