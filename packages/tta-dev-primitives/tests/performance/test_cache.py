from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import pytest

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.llm.types import LLMResponse, Usage
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.testing.clock import FakeClock
from tta_dev_primitives.testing.mocks import MockPrimitive

from .waiting import missed

MakeCache = Callable[..., CachePrimitive[Any, Any]]


async def test_second_call_is_answered_without_the_step(make_cache: MakeCache) -> None:
    step = MockPrimitive(return_value="answer")
    cache = make_cache(step)
    assert [await cache.execute("q"), await cache.execute("q")] == ["answer", "answer"]
    assert step.call_count == 1


async def test_other_input_is_another_entry(make_cache: MakeCache) -> None:
    cache = make_cache(lambda x: x * 2)
    assert [await cache.execute("a"), await cache.execute("b")] == ["aa", "bb"]


@pytest.mark.parametrize(
    "value",
    [None, False, 0, 0.0, "", b"", [], {}, (), set(), frozenset()],
    ids=repr,
)
async def test_empty_results_are_remembered(make_cache: MakeCache, value: object) -> None:
    step = MockPrimitive(return_value=value)
    cache = make_cache(step)
    await cache.execute("q")
    found = await cache.execute("q")
    assert found == value
    assert type(found) is type(value)
    assert step.call_count == 1


@pytest.mark.parametrize(
    ("age", "calls"),
    [(0, 1), (59.5, 1), (60, 2), (61, 2)],
    ids=["fresh", "just-inside", "at-ttl", "past"],
)
async def test_ttl_is_exclusive(
    make_cache: MakeCache, clock: FakeClock, age: float, calls: int
) -> None:
    """An entry is gone at exactly its ttl, not one tick later."""
    step = MockPrimitive()
    cache = make_cache(step, ttl_seconds=60)
    await cache.execute("q")
    clock.advance(age)
    await cache.execute("q")
    assert step.call_count == calls


async def test_entry_without_ttl_outlives_everything(
    make_local_cache: MakeCache, clock: FakeClock
) -> None:
    step = MockPrimitive()
    cache = make_local_cache(step, ttl_seconds=None)
    await cache.execute("q")
    clock.advance(1e12)
    await cache.execute("q")
    assert step.call_count == 1
    assert cache.evict_expired() == 0


async def test_ttl_begins_when_the_answer_is_there(make_cache: MakeCache, clock: FakeClock) -> None:
    async def slow(x: str) -> str:
        clock.advance(50)
        return x

    cache = make_cache(slow, ttl_seconds=60)
    await cache.execute("q")
    clock.advance(59)
    await cache.execute("q")
    assert cache.get_stats()["hits"] == 1


async def test_clock_that_was_set_back_does_not_shorten_a_life(
    make_cache: MakeCache, clock: FakeClock, watcher: Any
) -> None:
    step = MockPrimitive()
    cache = make_cache(step, ttl_seconds=60)
    await cache.execute("q")
    clock.jump(-3600)
    await cache.execute("q")
    assert step.call_count == 1
    assert watcher.records[-1].age == 0


async def test_entry_knows_what_it_saves(
    make_cache: MakeCache, clock: FakeClock, watcher: Any
) -> None:
    async def answer(x: str) -> LLMResponse:
        clock.advance(1.5)
        return LLMResponse("yes", usage=Usage(10, 20), cost=0.03)

    cache = make_cache(answer, name="answers")
    await cache.execute("q")
    clock.advance(7)
    await cache.execute("q")
    miss, hit = watcher.records
    assert (miss.name, miss.result, miss.age) == ("answers", "miss", None)
    assert (hit.name, hit.result, hit.age) == ("answers", "hit", 7)
    assert (hit.saved_cost, hit.saved_duration) == (0.03, 1.5)
    assert (hit.saved_input_tokens, hit.saved_output_tokens) == (10, 20)
    assert [outcome for path, outcome in watcher.outcomes if path == "0.answers"] == ["ok", "hit"]


async def test_watched_cache_counts_like_an_unwatched_one(
    make_cache: MakeCache, clock: FakeClock, watcher: Any, context: WorkflowContext
) -> None:
    cache = make_cache(lambda x: x, cache_key_fn=lambda x, context: x[0], ttl_seconds=10)
    for x in ("a1", "a2", "b"):
        await cache.execute(x, context)
    clock.advance(10)
    await cache.execute("a3", context)
    assert [record.result for record in watcher.records] == ["miss", "hit", "miss", "miss"]
    assert context.state == {"cache_hits": 1, "cache_misses": 3}


async def test_statistics_have_the_documented_names(
    make_local_cache: MakeCache, clock: FakeClock
) -> None:
    cache = make_local_cache(lambda x: x, ttl_seconds=60)
    nothing_saved = {
        "coalesced": 0, "stale": 0, "saved_cost": 0.0, "saved_input_tokens": 0,
        "saved_output_tokens": 0, "saved_seconds": 0.0,
    }  # fmt: skip
    assert cache.get_stats() == {
        "size": 0, "hits": 0, "misses": 0, "expirations": 0, "evictions": 0, "hit_rate": 0.0,
        **nothing_saved,
    }  # fmt: skip
    for x in ("a", "a", "b"):
        await cache.execute(x)
    assert cache.get_stats()["hit_rate"] == 33.33
    clock.advance(60)
    await cache.execute("a")
    assert cache.get_stats() == {
        "size": 2, "hits": 1, "misses": 3, "expirations": 1, "evictions": 0, "hit_rate": 25.0,
        **nothing_saved,
    }  # fmt: skip


async def test_statistics_sum_up_what_was_saved(
    make_cache: MakeCache, clock: FakeClock, upstream: Any
) -> None:
    """Hits save what the call cost and took; those who shared a call saved its price."""

    async def ask(x: str) -> LLMResponse:
        clock.advance(2)
        await upstream.execute(x)
        return LLMResponse(text=x, usage=Usage(30, 7), cost=0.5)

    cache = make_cache(ask)
    callers = [asyncio.create_task(cache.execute("q")) for _ in range(3)]
    await missed(cache, 3)
    upstream.let_go()
    await asyncio.gather(*callers)
    for _ in range(4):
        await cache.execute("q")
    stats = cache.get_stats()
    assert stats["coalesced"] == 2
    assert stats["saved_cost"] == 6 * 0.5
    assert (stats["saved_input_tokens"], stats["saved_output_tokens"]) == (180, 42)
    assert stats["saved_seconds"] == 4 * 2


async def test_what_was_saved_is_remembered_when_the_entry_is_gone(
    make_local_cache: MakeCache, clock: FakeClock
) -> None:
    cache = make_local_cache(lambda x: LLMResponse(text=x, cost=0.5), ttl_seconds=60)
    for _ in range(3):
        await cache.execute("q")
    clock.advance(60)
    cache.evict_expired()
    assert cache.get_stats()["saved_cost"] == 1.0


async def test_evict_expired_drops_only_what_is_past_its_time(
    make_local_cache: MakeCache, clock: FakeClock
) -> None:
    cache = make_local_cache(lambda x: x, ttl_seconds=60)
    await cache.execute("old")
    clock.advance(30)
    await cache.execute("new")
    clock.advance(30)
    assert cache.evict_expired() == 1
    assert cache.get_stats()["size"] == 1
    assert cache.get_stats()["expirations"] == 1
    assert cache.evict_expired() == 0


async def test_clear_begins_anew(make_local_cache: MakeCache, clock: FakeClock) -> None:
    step = MockPrimitive()
    cache = make_local_cache(step)
    for x in ("a", "a", "b"):
        await cache.execute(x)
    cache.clear_cache()
    assert set(cache.get_stats().values()) == {0}
    await cache.execute("a")
    assert step.call_count == 3
    assert cache.get_stats()["misses"] == 1


async def test_hits_and_misses_are_counted_in_the_context(
    make_cache: MakeCache, context: WorkflowContext
) -> None:
    """Absent until the first, as in 0.1."""
    cache = make_cache(lambda x: x)
    await cache.execute("a", context)
    assert context.state == {"cache_misses": 1}
    await cache.execute("a", context)
    await cache.execute("a", context)
    assert context.state == {"cache_misses": 1, "cache_hits": 2}
    other = WorkflowContext()
    await cache.execute("a", other)
    assert other.state == {"cache_hits": 1}


async def test_bound_of_the_memory_store_is_never_exceeded() -> None:
    cache = CachePrimitive(lambda x: x, max_entries=3)
    for number in range(10):
        await cache.execute(str(number))
        assert cache.get_stats()["size"] <= 3
    assert cache.get_stats()["evictions"] == 7


async def test_shadow_always_runs_the_step_and_reports_the_hit_it_would_have_been(
    make_cache: MakeCache, watcher: Any, clock: FakeClock, context: WorkflowContext
) -> None:
    step = MockPrimitive(side_effect=["first", "second", "third"])
    cache = make_cache(step, shadow=True, ttl_seconds=60)
    answers: list[str] = []
    for _ in range(3):
        answers.append(await cache.execute("q", context))
        clock.advance(30)
    assert answers == ["first", "second", "third"]
    assert [record.result for record in watcher.records] == ["miss", "hit", "miss"]
    assert {outcome for _, outcome in watcher.outcomes} == {"ok"}
    assert context.state == {"cache_hits": 1, "cache_misses": 2}
    assert cache.get_stats()["hit_rate"] == 33.33


async def test_cache_without_a_step_says_how_to_give_it_one(make_cache: MakeCache) -> None:
    cache = make_cache()
    await cache.wrap(lambda x: x).execute("q")
    with pytest.raises(ConfigurationError, match=r"wraps nothing yet; use .*\.wrap\(step\)"):
        await cache.execute("q")


async def test_store_object_serves_as_backend() -> None:
    class Dictionary:
        """A user's own store."""

        def __init__(self) -> None:
            self.entries: dict[bytes, StoredEntry] = {}
            self.closed = False

        def read(self, key: bytes, *, wait: bool = False) -> StoredEntry | None:
            return self.entries.get(key)

        def write(self, key: bytes, entry: StoredEntry, *, wait: bool = False) -> None:
            self.entries[key] = entry

        def delete(self, keys: Sequence[bytes]) -> int:
            return sum(self.entries.pop(key, None) is not None for key in keys)

        def delete_prefix(self, prefix: bytes) -> int:
            return self.delete([key for key in self.entries if key.startswith(prefix)])

        def delete_tags(self, tags: Collection[str]) -> int:
            return 0

        def delete_expired(self, now: float) -> int:
            return 0

        def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, StoredEntry]]:
            yield from self.entries.items()

        def clear(self) -> None:
            self.entries.clear()

        def __len__(self) -> int:
            return len(self.entries)

        def close(self) -> None:
            self.closed = True

    store, step = Dictionary(), MockPrimitive(return_value={"a": 1})
    cache = CachePrimitive(step, backend=store)
    assert await cache.execute("q") == await cache.execute("q")
    assert (step.call_count, len(store)) == (1, 1)
    assert await cache.delete("q")
    assert len(store) == 0
    cache.close()
    assert store.closed


async def test_closing_keeps_the_entries(make_cache: MakeCache) -> None:
    step = MockPrimitive()
    cache = make_cache(step)
    await cache.execute("q")
    cache.close()
    cache.close()
    await cache.execute("q")
    assert step.call_count == 1


async def test_memory_is_bounded_by_bytes(caplog: pytest.LogCaptureFixture) -> None:
    """Large answers push others out, and one beyond the bound is handed out and not kept."""
    step = MockPrimitive(side_effect=lambda x, context: x * 10_000)
    cache = CachePrimitive(step, max_bytes=35_000, name="answers")
    for x in "abcd":
        await cache.execute(x)
    stats = cache.get_stats()
    assert (stats["size"], stats["evictions"]) == (3, 1)
    assert await cache.execute("abcd") == "abcd" * 10_000
    assert cache.get_stats()["size"] == 3
    assert "is more than max_bytes=35000 of the memory backend" in caplog.text


async def test_counts_go_on_after_a_clearing(make_cache: MakeCache) -> None:
    cache = make_cache(str.upper)
    for _ in range(2):
        await cache.execute("a")
    await cache.clear()
    for _ in range(3):
        await cache.execute("a")
    stats = cache.get_stats()
    assert (stats["hits"], stats["misses"]) == (2, 1)
