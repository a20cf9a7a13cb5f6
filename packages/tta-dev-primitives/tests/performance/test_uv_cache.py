from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.testing.clock import FakeClock
from tta_dev_primitives.testing.mocks import MockPrimitive

from .fake_site import MakeCache, Site, caches, install_sdk


@pytest.fixture
def site(site: Site) -> Site:
    install_sdk(site)
    return site


@pytest.fixture
def make_cache(site: Site, tmp_path: Path, clock: FakeClock) -> Iterator[MakeCache]:
    with caches(tmp_path / "cache", clock) as make:
        yield make


@pytest.mark.parametrize(
    ("name", "version", "calls"),
    [("fake-sdk", "2.0", 2), ("fake-core", "1.1", 2), ("fake-unrelated", "2.0", 1)],
    ids=["named", "required", "unrelated"],
)
async def test_upgrade_asks_again_exactly_where_the_answer_may_differ(
    make_cache: MakeCache, site: Site, name: str, version: str, calls: int
) -> None:
    step = MockPrimitive()
    await make_cache(step).execute("q")
    site.install(name, version, requires=["fake-core"] if name == "fake-sdk" else [])
    await make_cache(step).execute("q")
    assert step.call_count == calls


async def test_going_back_finds_the_old_answers(make_cache: MakeCache, site: Site) -> None:
    step = MockPrimitive()
    for version in ("1.0", "2.0", "1.0", "2.0"):
        site.install("fake-core", version)
        await make_cache(step).execute("q")
    assert step.call_count == 2


async def test_what_changed_is_logged_once(
    make_cache: MakeCache, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """A cache that begins anew looks broken to who does not know why."""
    caplog.set_level(logging.INFO)
    await make_cache(MockPrimitive()).execute("q")
    site.install("fake-core", "2.0")
    for _ in range(2):
        await make_cache(MockPrimitive()).execute("q")
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert caplog.messages[0].endswith("are left behind: fake-core 1.0 became 2.0")


async def test_namespace_keeps_answers_of_one_fingerprint_apart(
    make_cache: MakeCache, site: Site
) -> None:
    step = MockPrimitive()
    one, two = make_cache(step, namespace="one"), make_cache(step, namespace="two")
    for cache in (one, two, one, two, make_cache(step)):
        await cache.execute("q")
    assert step.call_count == 3
    one.clear_cache()
    assert two.get_stats()["size"] == 2
    site.install("fake-core", "2.0")
    assert make_cache().prune() == 2


async def test_decorator_and_policy_share_one_store(make_cache: MakeCache) -> None:
    calls: list[str] = []
    policy = make_cache(ttl_seconds=60)

    @policy
    async def ask(x: str) -> str:
        calls.append(x)
        return x

    shout = policy.wrap(str.upper)
    assert [await ask.execute("q"), await ask.execute("q")] == ["q", "q"]
    assert [await shout.execute("q"), await shout.execute("q")] == ["Q", "Q"]
    assert calls == ["q"]
    assert shout.get_stats()["size"] == 2
    assert shout.fingerprint == policy.fingerprint
    assert shout.prune() == 0


async def test_options_of_the_cache_hold(make_cache: MakeCache, clock: FakeClock) -> None:
    step = MockPrimitive()
    cache = make_cache(step, ttl_seconds=60, cache_key_fn=lambda x, context: "same")
    for question in "ab":
        await cache.execute(question)
    clock.advance(60)
    await cache.execute("c")
    assert step.call_count == 2


MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "text": ({"depends_on": "fake-sdk"}, "put it in a list"),
    "no name": ({"depends_on": []}, "at least one distribution"),
    "not installed": ({"depends_on": ["fake-absent"]}, "uv add fake-absent"),
    "backend": ({"backend": "memory"}, "keeps its entries on disk"),
    "no lock": ({"lock": "/nowhere/uv.lock"}, "there is no lock"),
    "refused by the cache": ({"ttl_seconds": -1}, "ttl_seconds must be positive"),
    "refused by the store": ({"max_bytes": 1}, "max_bytes must be at least"),
}


@pytest.mark.parametrize(("options", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_named_at_construction(
    make_cache: MakeCache, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make_cache(**options)


async def test_folder_is_made_and_marked_at_the_first_use(
    make_cache: MakeCache, tmp_path: Path
) -> None:
    """Importing a module with decorated functions writes nothing."""
    cache = make_cache(MockPrimitive())
    assert not cache.cache_dir.exists()
    await cache.execute("q")
    assert cache.cache_dir == tmp_path / "cache"
    found = {path.name for path in cache.cache_dir.iterdir()}
    assert {"CACHEDIR.TAG", ".gitignore", "fingerprints.json", "tta-cache.sqlite3"} <= found


async def test_first_use_does_not_hold_up_the_event_loop(
    make_cache: MakeCache, caplog: pytest.LogCaptureFixture
) -> None:
    """However long another process holds the records."""
    cache = make_cache(MockPrimitive())
    cache.cache_dir.mkdir()
    with cache._claim.records._opened():
        asking = asyncio.create_task(cache.execute("q"))
        await asyncio.sleep(0.02)
        assert not asking.done()
    await asking
    assert not caplog.records  # nor was the lock waited for in vain


BROKEN: dict[str, Callable[[Path], object]] = {
    "records of a newer version": lambda folder: (
        folder.mkdir(),
        (folder / "fingerprints.json").write_text('{"format": 2}'),
    ),
    "folder where the records should be": lambda folder: (folder / "fingerprints.json").mkdir(
        parents=True
    ),
    "folder where the lock should be": lambda folder: (folder / "fingerprints.lock").mkdir(
        parents=True
    ),
}


@pytest.mark.parametrize("break_it", BROKEN.values(), ids=BROKEN)
async def test_answers_are_kept_even_if_their_use_cannot_be_noted(
    make_cache: MakeCache,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    break_it: Callable[[Path], object],
) -> None:
    break_it(tmp_path / "cache")
    step = MockPrimitive()
    cache = make_cache(step)
    for _ in range(3):
        await cache.execute("q")
    assert step.call_count == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    with pytest.raises(OSError, match=r"fingerprints\.|newer version"):
        cache.prune()


async def test_folder_that_cannot_be_made_never_ends_the_call(
    make_cache: MakeCache, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file")
    step = MockPrimitive(return_value=7)
    cache = make_cache(step)
    assert [await cache.execute("q") for _ in range(3)] == [7, 7, 7]
    assert {record.levelname for record in caplog.records} == {"WARNING"}
    assert len(caplog.records) <= 2


async def test_stream_is_cached_as_well(make_cache: MakeCache) -> None:
    calls: list[str] = []

    async def words(x: str) -> AsyncIterator[str]:
        calls.append(x)
        for word in x.split():
            yield word

    for _ in range(2):
        cache = make_cache(words)
        assert [chunk async for chunk in cache.stream("a b")] == ["a", "b"]
    assert calls == ["a b"]
