"""Deleting entries by input, prefix and tag, and leaving the cache aside for one run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.testing.mocks import MockPrimitive

from .waiting import missed, until

MakeCache = Callable[..., CachePrimitive[Any, Any]]


def counting() -> tuple[list[str], Callable[[str], list[str]]]:
    calls: list[str] = []

    def step(x: str) -> list[str]:
        calls.append(x)
        return [x]

    return calls, step


async def test_deleted_input_is_asked_anew(make_cache: MakeCache) -> None:
    calls, step = counting()
    cache = make_cache(step)
    await cache.execute("a")
    await cache.execute("b")
    assert await cache.delete("a") is True
    assert await cache.delete("never asked") is False
    await cache.execute("a")
    await cache.execute("b")
    assert calls == ["a", "b", "a"]


async def test_deletion_uses_the_key_function(make_cache: MakeCache) -> None:
    calls, step = counting()
    cache = make_cache(step, cache_key_fn=lambda x, context: x.lower())
    await cache.execute("A")
    assert await cache.delete("a")
    await cache.execute("A")
    assert calls == ["A", "A"]


@pytest.mark.parametrize(
    ("prefix", "gone"),
    [
        ("user:1", ["user:1", "user:10", "user:1:x"]),
        ("", ["user:1", "user:10", "user:1:x", "user:2", "u*", "ünïcode"]),
        ("u*", ["u*"]),
        ("ünï", ["ünïcode"]),
        ("nobody", []),
    ],
    ids=["some", "all", "not-a-pattern", "unicode", "none"],
)
async def test_prefix_deletes_what_begins_with_it(
    make_cache: MakeCache, prefix: str, gone: list[str]
) -> None:
    calls, step = counting()
    cache = make_cache(step)
    keys = ["user:1", "user:10", "user:1:x", "user:2", "u*", "ünïcode"]
    for key in keys:
        await cache.execute(key)
    assert await cache.delete_prefix(prefix) == len(gone)
    calls.clear()
    for key in keys:
        await cache.execute(key)
    assert calls == [key for key in keys if key in gone]


async def test_prefix_finds_long_texts(make_cache: MakeCache) -> None:
    """Long keys are cut in stores outside this process; what they begin with stays."""
    cache = make_cache(str.upper)
    await cache.execute("document 1: " + "x" * 1000)
    await cache.execute("document 1: " + "x" * 999 + "y")
    await cache.execute("document 2: " + "x" * 1000)
    assert await cache.delete_prefix("document 1: ") == 2
    assert await cache.delete_prefix("document 2: ") == 1


async def test_prefix_of_one_step_leaves_the_other_alone(make_cache: MakeCache) -> None:
    cache = make_cache()
    first, second = cache.wrap(str.upper), cache.wrap(str.lower)
    for step in (first, second):
        await step.execute("a1")
    assert await second.delete_prefix("a") == 1
    assert await first.delete_prefix("a") == 1


class TestTags:
    async def test_fixed_tags(self, make_cache: MakeCache) -> None:
        calls, step = counting()
        cache = make_cache(step, tags=["catalogue", "v1"])
        await cache.execute("a")
        assert await cache.delete_tags("v2") == 0
        assert await cache.delete_tags("v1") == 1
        await cache.execute("a")
        assert calls == ["a", "a"]

    async def test_tags_made_of_input_and_result(self, make_cache: MakeCache) -> None:
        calls, step = counting()
        cache = make_cache(step, tags=lambda x, result: [f"first:{x[0]}", f"size:{len(result[0])}"])
        for key in ("ab", "ac", "b"):
            await cache.execute(key)
        assert await cache.delete_tags("first:a", "size:2") == 2
        assert await cache.delete_tags("size:1") == 1
        calls.clear()
        for key in ("ab", "ac", "b"):
            await cache.execute(key)
        assert calls == ["ab", "ac", "b"]

    async def test_tags_reach_all_steps_of_the_cache(self, make_cache: MakeCache) -> None:
        cache = make_cache(tags=["everything"])
        for step in (cache.wrap(str.upper), cache.wrap(str.lower)):
            await step.execute("a")
        assert await cache.delete_tags("everything") == 2

    async def test_entry_that_was_replaced_loses_its_tags(self, make_cache: MakeCache) -> None:
        number = 0

        def step(x: str) -> int:
            nonlocal number
            number += 1
            return number

        cache = make_cache(step, tags=lambda x, result: [f"is:{result}"])
        await cache.execute("a")
        await cache.execute("a", WorkflowContext(cache_mode="refresh"))
        assert await cache.delete_tags("is:1") == 0
        assert await cache.delete_tags("is:2") == 1


@pytest.mark.parametrize(
    "delete",
    [
        lambda cache: cache.delete("q"),
        lambda cache: cache.delete_prefix("q"),
        lambda cache: cache.delete_tags("tag"),
        lambda cache: cache.clear(),
    ],
    ids=["input", "prefix", "tag", "clear"],
)
class TestWhileAnAnswerIsMade:
    """The answer may hold what the deletion was meant to get rid of."""

    async def test_it_is_not_kept(self, make_cache: MakeCache, upstream: Any, delete: Any) -> None:
        cache = make_cache(upstream, tags=["tag"])
        caller = asyncio.create_task(cache.execute("q"))
        await missed(cache, 1)
        await delete(cache)
        upstream.let_go()
        assert await caller == "answer"
        await cache.execute("q")
        assert upstream.begun == ["q", "q"]

    async def test_it_is_not_shared_with_later_callers(
        self, make_cache: MakeCache, upstream: Any, delete: Any
    ) -> None:
        cache = make_cache(upstream, tags=["tag"])
        first = asyncio.create_task(cache.execute("q"))
        await missed(cache, 1)
        await delete(cache)
        second = asyncio.create_task(cache.execute("q"))
        await until(lambda: len(upstream.begun) == 2)
        assert upstream.begun == ["q", "q"]
        upstream.let_go()
        await asyncio.gather(first, second)


async def test_deletion_of_something_else_lets_it_be_kept(
    make_cache: MakeCache, upstream: Any
) -> None:
    cache = make_cache(upstream, tags=["tag"])
    caller = asyncio.create_task(cache.execute("q"))
    await missed(cache, 1)
    await cache.delete("other")
    await cache.delete_prefix("other")
    await cache.delete_tags("other")
    upstream.let_go()
    await caller
    await cache.execute("q")
    assert upstream.begun == ["q"]


class TestCacheMode:
    async def test_bypass_neither_reads_nor_writes(
        self, make_cache: MakeCache, watcher: Any
    ) -> None:
        step = MockPrimitive(return_value="answer")
        cache = make_cache(step)
        context = WorkflowContext(cache_mode="bypass")
        await cache.execute("q", context)
        await cache.execute("q")
        await cache.execute("q", context)
        assert step.call_count == 3
        assert [record.result for record in watcher.records] == ["bypass", "miss", "bypass"]
        assert "cache_misses" not in context.state

    async def test_refresh_makes_the_answer_anew_and_keeps_it(self, make_cache: MakeCache) -> None:
        calls, step = counting()
        cache = make_cache(step)
        await cache.execute("q")
        await cache.execute("q", WorkflowContext(cache_mode="refresh"))
        await cache.execute("q")
        assert calls == ["q", "q"]

    async def test_refresh_does_not_take_what_was_begun_before_it(
        self, make_cache: MakeCache, upstream: Any
    ) -> None:
        cache = make_cache(upstream)
        usual = asyncio.create_task(cache.execute("q"))
        await missed(cache, 1)
        refreshing = [
            asyncio.create_task(cache.execute("q", WorkflowContext(cache_mode="refresh")))
            for _ in range(10)
        ]
        await missed(cache, 11)
        assert upstream.begun == ["q", "q"]
        upstream.let_go()
        await asyncio.gather(usual, *refreshing)

    async def test_mode_holds_for_caches_further_in(self, make_cache: MakeCache) -> None:
        calls, step = counting()
        inner = make_cache(step)
        outer = make_cache(inner, cache_dir=None)
        await outer.execute("q")
        await outer.execute("q", WorkflowContext(cache_mode="refresh").create_child_context())
        assert calls == ["q", "q"]

    def test_unknown_mode_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="'skip'"):
            WorkflowContext(cache_mode="skip")  # type: ignore[arg-type]
