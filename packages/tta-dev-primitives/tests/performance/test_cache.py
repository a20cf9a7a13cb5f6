from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import ConfigurationError, InputTypeError
from tta_dev_primitives.llm.types import LLMResponse, ToolCall, Usage
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.disk import DiskStore
from tta_dev_primitives.testing.clock import FakeClock
from tta_dev_primitives.testing.mocks import MockPrimitive

MakeCache = Callable[..., CachePrimitive[Any, Any]]


@dataclass
class Note:
    text: str
    marks: list[int]


@dataclass(frozen=True)
class Reply:
    text: str
    cacheable: bool = True


@dataclass(frozen=True)
class Fetched:
    text: str
    session: Any = field(default=None, compare=False, metadata={"cache": False})


class Opaque:
    """Has no stored form, but can be copied."""

    def __init__(self, label: str) -> None:
        self.label = label


class Unique:
    """Can be neither stored nor copied."""

    def __deepcopy__(self, memo: object) -> Unique:
        msg = "there is only one"
        raise ValueError(msg)


class CopiedOnce:
    """Can be copied, but not a second time."""

    def __init__(self, copies: list[int]) -> None:
        self.copies = copies

    def __deepcopy__(self, memo: object) -> CopiedOnce:
        self.copies.append(1)
        if len(self.copies) == 2:
            msg = "worn out"
            raise ValueError(msg)
        return self


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
    make_cache: MakeCache, clock: FakeClock
) -> None:
    step = MockPrimitive()
    cache = make_cache(step, ttl_seconds=None)
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


VALUES = {
    "dict": lambda: {"text": "yes", "choices": [{"n": 1}]},
    "list": lambda: [1, [2, 3]],
    "dataclass": lambda: Note("yes", [1, 2]),
    "tuple of lists": lambda: ([1], [2]),
    "set": lambda: {1, 2},
    "shadowed tag": lambda: {"!": "data", "t": "os:system", "v": {}},
}


@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
async def test_no_caller_can_change_an_entry(
    make_cache: MakeCache, make: Callable[[], Any]
) -> None:
    """Neither the caller who filled the entry nor one who was answered from it."""
    cache = make_cache(lambda x: make())
    for _ in range(3):
        found = await cache.execute("q")
        assert found == make()
        spoil(found)


def spoil(value: Any) -> None:
    if isinstance(value, Note):
        value.text, value.marks[0] = "no", -1
    elif isinstance(value, tuple):
        value[0].append("spoilt")
    elif isinstance(value, dict):
        value["spoilt"] = value.pop(next(iter(value)))
    elif isinstance(value, list):
        value[-1] = "spoilt"
    else:
        value.add("spoilt")


async def test_immutable_result_is_handed_out_as_it_is(context: WorkflowContext) -> None:
    cache = CachePrimitive(lambda x: Reply("long text"))
    first = await cache.execute("q", context)
    assert await cache.execute("q", context) is first


async def test_share_hands_out_the_very_object() -> None:
    cache = CachePrimitive(lambda x: Opaque("only one"), share=True)
    assert await cache.execute("q") is await cache.execute("q")


async def test_copyable_result_without_a_stored_form_is_copied_in_memory() -> None:
    cache = CachePrimitive(lambda x: {"it": Opaque("a")})
    first = await cache.execute("q")
    first["it"].label = "spoilt"
    second, third = await cache.execute("q"), await cache.execute("q")
    assert second["it"].label == third["it"].label == "a"
    assert second["it"] is not third["it"]


async def test_copyable_result_without_a_stored_form_is_not_cached_on_disk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    step = MockPrimitive(side_effect=lambda x, context: Opaque("a"))
    cache = CachePrimitive(step, cache_dir=tmp_path, name="notes")
    for _ in range(3):
        await cache.execute("q")
    assert step.call_count == 3
    [record] = caplog.records
    assert record.getMessage() == (
        "notes: a Opaque cannot be kept, so it is not cached; return data (JSON values, "
        "dataclasses of a module), or pass share=True with the memory backend"
    )


async def test_result_that_cannot_be_kept_is_passed_on(
    make_cache: MakeCache, caplog: pytest.LogCaptureFixture
) -> None:
    step = MockPrimitive(side_effect=lambda x, context: Unique())
    cache = make_cache(step)
    assert isinstance(await cache.execute("q"), Unique)
    await cache.execute("q")
    assert step.call_count == 2
    assert len(caplog.records) == 1


async def test_result_that_holds_itself_does_not_end_the_call(make_cache: MakeCache) -> None:
    loop: list[Any] = []
    loop.append(loop)
    cache = make_cache(lambda x: loop)
    assert await cache.execute("q") is loop


async def test_entry_that_cannot_be_restored_is_a_miss(
    caplog: pytest.LogCaptureFixture,
) -> None:
    copies: list[int] = []
    step = MockPrimitive(side_effect=lambda x, context: CopiedOnce(copies))
    cache = CachePrimitive(step)
    wrapped = cache.wrap(MockPrimitive(side_effect=lambda x, context: CopiedOnce([])))
    for policy in (cache, wrapped):
        await policy.execute("q")
        copies.clear()
        copies.append(1)
        assert isinstance(await policy.execute("q"), CopiedOnce)
    assert step.call_count == 2
    assert "an entry was passed over" in caplog.text


async def test_answer_that_says_so_is_not_cached(make_cache: MakeCache) -> None:
    step = MockPrimitive(side_effect=[Reply("cut o", cacheable=False), Reply("whole")])
    cache = make_cache(step)
    assert [(await cache.execute("q")).text for _ in range(3)] == ["cut o", "whole", "whole"]


CALL = ToolCall("1", "search", "{}")
ANSWERS = {
    "whole": (LLMResponse("yes"), True),
    "cut off": (LLMResponse("ye", finish_reason="length"), False),
    "filtered": (LLMResponse("", finish_reason="content_filter"), False),
    "waits for a tool": (LLMResponse("", (CALL,), finish_reason="tool_calls"), False),
    "forced tool": (LLMResponse("", (CALL,), finish_reason="stop"), False),
    "unknown end": (LLMResponse("yes", finish_reason="paused"), False),
}


@pytest.mark.parametrize(("answer", "expected"), ANSWERS.values(), ids=ANSWERS)
async def test_only_whole_llm_answers_are_cached(
    make_cache: MakeCache, answer: LLMResponse, expected: bool
) -> None:
    step = MockPrimitive(return_value=answer)
    cache = make_cache(step)
    assert await cache.execute("q") == await cache.execute("q") == answer
    assert step.call_count == (1 if expected else 2)


async def test_uncached_field_reaches_the_first_caller_only(make_cache: MakeCache) -> None:
    session = object()
    cache = make_cache(lambda x: Fetched("page", session))
    first, second = await cache.execute("q"), await cache.execute("q")
    assert first.session is session
    assert second == first
    assert second.session is None


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
    make_cache: MakeCache, clock: FakeClock
) -> None:
    cache = make_cache(lambda x: x, ttl_seconds=60)
    assert cache.get_stats() == {
        "size": 0, "hits": 0, "misses": 0, "expirations": 0, "evictions": 0, "hit_rate": 0.0
    }  # fmt: skip
    for x in ("a", "a", "b"):
        await cache.execute(x)
    assert cache.get_stats()["hit_rate"] == 33.33
    clock.advance(60)
    await cache.execute("a")
    assert cache.get_stats() == {
        "size": 2, "hits": 1, "misses": 3, "expirations": 1, "evictions": 0, "hit_rate": 25.0
    }  # fmt: skip


async def test_evict_expired_drops_only_what_is_past_its_time(
    make_cache: MakeCache, clock: FakeClock
) -> None:
    cache = make_cache(lambda x: x, ttl_seconds=60)
    await cache.execute("old")
    clock.advance(30)
    await cache.execute("new")
    clock.advance(30)
    assert cache.evict_expired() == 1
    assert cache.get_stats()["size"] == 1
    assert cache.get_stats()["expirations"] == 1
    assert cache.evict_expired() == 0


async def test_clear_begins_anew(make_cache: MakeCache, clock: FakeClock) -> None:
    step = MockPrimitive()
    cache = make_cache(step, max_entries=1)
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


async def test_key_function_sees_input_and_context(make_cache: MakeCache) -> None:
    step = MockPrimitive(side_effect=lambda x, context: x["q"])
    cache = make_cache(step, lambda x, context: (x["q"], context.player_id))
    ada, bob = WorkflowContext(player_id="ada"), WorkflowContext(player_id="bob")
    for context in (ada, ada, bob):
        await cache.execute({"q": "hi", "noise": object()}, context)
    assert step.call_count == 2


async def test_key_function_without_a_context_gets_a_new_one_that_the_step_sees(
    make_cache: MakeCache,
) -> None:
    def key(x: str, context: WorkflowContext) -> str:
        context.state["seen"] = x
        return x

    step = MockPrimitive()
    await make_cache(step, key).execute("q")
    [(_, context)] = step.calls
    assert context.state["seen"] == "q"


@pytest.mark.parametrize("watched", [False, True], ids=["alone", "watched"])
async def test_unhashable_key_is_refused_with_its_type(
    make_cache: MakeCache, request: pytest.FixtureRequest, watched: bool
) -> None:
    if watched:
        request.getfixturevalue("watcher")
    step = MockPrimitive()
    cache = make_cache(step, lambda x, context: [x])
    with pytest.raises(InputTypeError, match="cache_key_fn returned a list, which is not hashable"):
        await cache.execute("q")
    assert step.call_count == 0


async def test_key_that_means_nothing_outside_the_process_is_refused_on_disk(
    tmp_path: Path,
) -> None:
    unknown = Opaque("a")
    cache = CachePrimitive(lambda x: x, lambda x, context: unknown, cache_dir=tmp_path)
    with pytest.raises(InputTypeError, match="only the memory backend can use as a key"):
        await cache.execute("q")


async def test_input_without_a_canonical_form_is_refused_with_its_place(
    make_cache: MakeCache,
) -> None:
    cache = make_cache(lambda x: x)
    with pytest.raises(InputTypeError, match=r"value\['a'\]\[1\] is a .*Opaque.*cache_key_fn="):
        await cache.execute({"a": [1, Opaque("b")]})


@pytest.mark.parametrize(
    "key",
    [1, 2.5, True, None, ("a", 1), b"bytes", "text", frozenset({1}), "\ud800"],
    ids=repr,
)
async def test_hashable_data_serves_as_key(make_cache: MakeCache, key: object) -> None:
    step = MockPrimitive()
    cache = make_cache(step, lambda x, context: key)
    await cache.execute("a")
    await cache.execute("b")
    assert step.call_count == 1


EXCLUDED = {
    "mapping": ({"q": 1, "timeout": 5}, {"timeout": 9, "q": 1}, {"q": 2, "timeout": 5}),
    "dataclass": (Note("a", [1]), Note("a", [2]), Note("b", [1])),
    "text": ("same", "same", "other"),
}


@pytest.mark.parametrize(("first", "same", "other"), EXCLUDED.values(), ids=EXCLUDED)
async def test_excluded_names_do_not_count(
    make_cache: MakeCache, first: object, same: object, other: object
) -> None:
    step = MockPrimitive()
    cache = make_cache(step, exclude=["timeout", "marks"])
    for x in (first, same, other):
        await cache.execute(x)
    assert step.call_count == 2


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


ARGUMENTS = {
    "ttl zero": ({"ttl_seconds": 0}, "ttl_seconds must be positive, or None for no limit, got 0"),
    "ttl negative": ({"ttl_seconds": -1}, "ttl_seconds must be positive"),
    "ttl nan": ({"ttl_seconds": math.nan}, "ttl_seconds must be positive.*got nan"),
    "no entries": ({"max_entries": 0}, "max_entries must be at least 1, got 0"),
    "too few bytes": ({"cache_dir": ".", "max_bytes": 4096}, "at least 1048576 .*got 4096"),
    "two keys": (
        {"cache_key_fn": lambda x, context: x, "exclude": ["a"]},
        "cache_key_fn and exclude contradict each other",
    ),
    "exclude is text": ({"exclude": "timeout"}, "got the text 'timeout'; put it in a list"),
    "unknown backend": ({"backend": "floppy"}, "backend must be .*got 'floppy'"),
    "no store": ({"backend": 42}, "backend must be 'memory', 'disk' or a store object, got 42"),
    "disk without a folder": ({"backend": "disk"}, "backend='disk' needs cache_dir="),
    "memory with a folder": (
        {"backend": "memory", "cache_dir": "here"},
        "keeps nothing in cache_dir='here'; use backend='disk'",
    ),
    "store and folder": (
        {"backend": DiskStore("."), "cache_dir": "here"},
        "give a store object or cache_dir, not both",
    ),
    "shared on disk": ({"cache_dir": ".", "share": True}, "needs the memory backend"),
}


@pytest.mark.parametrize(("options", "message"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_mistakes_are_told_at_construction(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CachePrimitive(lambda x: x, **options)


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

        def delete_expired(self, now: float) -> int:
            return 0

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
